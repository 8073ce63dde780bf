"""Maps with their tiles, thumbnails with their pixels: requests kept under unguessable names."""

from __future__ import annotations

import re
from typing import Any

from ecumene.api.call import Call, pick
from ecumene.api.pixels import answer, as_image, format_of, pictured
from ecumene.api.services import Bytes, Services, Stored
from ecumene.core.context import Context
from ecumene.core.errors import NotFound
from ecumene.core.image import Image
from ecumene.core.projection import Window
from ecumene.engine.pictures import render
from ecumene.engine.tiles import DEEPEST, TILE, tile_grid

SHOWING = ("bandIds", "band_ids", "visualizationOptions", "visualization_options")
"""Fields of a thumbnail's request that its image has in it."""


def _stored(call: Call, services: Services, context: Context, kind: str) -> dict[str, Any]:
    stored = services.stored.made(call.path["parent"], kind, call.body, context)
    _image(stored, services, context)
    format_of(call.body, "AUTO_JPEG_PNG")
    services.stored.add(stored)
    return {"name": stored.name}


def _image(stored: Stored, services: Services, context: Context) -> Image:
    """What a map or thumbnail shows: evaluated for its maker, again only after the catalogue has changed."""
    value = services.evaluated(stored, context)
    return pictured(as_image(value, services, context), stored.request, services, context)[1]


def create_map(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """``maps.create``."""
    return _stored(call, services, context, "maps")


def create_thumbnail(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """``thumbnails.create``."""
    return _stored(call, services, context, "thumbnails")


def get_tile(call: Call, services: Services, context: Context) -> Bytes:
    """``maps.tiles.get``: 256 × 256 pixels, x wrapped around the world."""
    stored = services.stored.get(call.path["parent"])
    zoom, x, y = (int(call.path[k]) for k in ("zoom", "x", "y"))
    if not 0 <= zoom <= DEEPEST or not 0 <= y < 2**zoom:
        raise NotFound(f"There is no tile {zoom}/{x}/{y}.")
    window = Window(x % 2**zoom * TILE, y * TILE, TILE, TILE)
    kind = format_of(stored.request, "AUTO_JPEG_PNG")
    image = _image(stored, services, context)
    if kind in ("PNG", "JPEG", "AUTO_JPEG_PNG") and len(image.bands) not in (1, 3):
        image = image.with_bands(image.bands[: 3 if len(image.bands) >= 3 else 1])
    found = render(image, tile_grid(zoom), window, kind, context)
    found.headers["Cache-Control"] = "private, max-age=3600"
    return found


def get_thumbnail(call: Call, services: Services, context: Context) -> Bytes:
    """``thumbnails.getPixels``."""
    stored = services.stored.get(call.path["name"])
    prefix = pick(stored.request, "filenamePrefix") or "download"
    prefix = re.sub(r"[^\w.-]", "_", str(prefix))[:128]
    image = _image(stored, services, context)
    request = {k: v for k, v in stored.request.items() if k not in SHOWING}
    return answer(image, request, None, services, context, "AUTO_JPEG_PNG", prefix)
