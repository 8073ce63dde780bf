"""Maps with their tiles, thumbnails with their pixels: requests kept under unguessable names."""

from __future__ import annotations

import math
import re
from typing import Any

from ecumene.api.call import Call, pick
from ecumene.api.pixels import answer, as_image, format_of, render, select_bands, visualized
from ecumene.api.profiling import adopt
from ecumene.api.services import Bytes, Services
from ecumene.core.context import Context
from ecumene.core.errors import NotFound
from ecumene.core.projection import Grid, Window

HALF = math.pi * 6378137.0
TILE = 256
DEEPEST = 30


def _stored(call: Call, services: Services, context: Context, kind: str) -> dict[str, Any]:
    value = services.engine.evaluate(call.field("expression"), context)
    image = select_bands(as_image(value, services, context), call.field("bandIds"))
    format_of(call.body, "AUTO_JPEG_PNG")
    options = call.field("visualizationOptions")
    if options:
        image = visualized(image, options, context)
    request = {
        k: v
        for k, v in call.body.items()
        if k not in ("expression", "bandIds", "visualizationOptions")
    }
    name = services.stored.add(call.path["parent"], kind, request, image, context)
    return {"name": name}


def create_map(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """``maps.create``."""
    return _stored(call, services, context, "maps")


def create_thumbnail(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """``thumbnails.create``."""
    return _stored(call, services, context, "thumbnails")


def tile_grid(zoom: int) -> Grid:
    """The web-mercator lattice of a zoom level; tile (x, y) starts at pixel (256·x, 256·y)."""
    size = 2 * HALF / (TILE * 2**zoom)
    return Grid("EPSG:3857", (size, 0.0, -HALF, 0.0, -size, HALF))


def get_tile(call: Call, services: Services, context: Context) -> Bytes:
    """``maps.tiles.get``: 256 × 256 pixels, x wrapped around the world."""
    stored = services.stored.get(call.path["parent"])
    adopt(context, stored)
    zoom, x, y = (int(call.path[k]) for k in ("zoom", "x", "y"))
    if not 0 <= zoom <= DEEPEST or not 0 <= y < 2**zoom:
        raise NotFound(f"There is no tile {zoom}/{x}/{y}.")
    window = Window(x % 2**zoom * TILE, y * TILE, TILE, TILE)
    kind = format_of(stored.request, "AUTO_JPEG_PNG")
    image = stored.value
    if kind in ("PNG", "JPEG", "AUTO_JPEG_PNG") and len(image.bands) not in (1, 3):
        image = image.with_bands(image.bands[: 3 if len(image.bands) >= 3 else 1])
    found = render(image, tile_grid(zoom), window, kind, context)
    found.headers["Cache-Control"] = "private, max-age=3600"
    return found


def get_thumbnail(call: Call, services: Services, context: Context) -> Bytes:
    """``thumbnails.getPixels``."""
    stored = services.stored.get(call.path["name"])
    adopt(context, stored)
    prefix = pick(stored.request, "filenamePrefix") or "download"
    prefix = re.sub(r"[^\w.-]", "_", str(prefix))[:128]
    return answer(stored.value, stored.request, None, context, "AUTO_JPEG_PNG", prefix)
