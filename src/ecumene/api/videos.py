"""Video and film-strip thumbnails: collections as animations and as strips of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecumene.api.call import Call, pick, wrapped
from ecumene.api.pixels import format_of, pictured
from ecumene.api.services import Bytes, Services, Stored
from ecumene.api.tables import as_collection
from ecumene.core.context import Context
from ecumene.core.errors import RequestError
from ecumene.core.image import Image
from ecumene.engine.frames import Film, film
from ecumene.raster import encode

View = dict[str, Any]

MOST_FRAMES = 1000
FRAME_PIXELS = 26_214_400
RATE = 10.0
"""Frames a second where the request names none."""


def create_video(call: Call, services: Services, context: Context) -> View:
    """``videoThumbnails.create``."""
    kind = call.field("fileFormat", "GIF")
    if kind not in ("GIF", "VIDEO_FILE_FORMAT_UNSPECIFIED"):
        raise RequestError(f"Video thumbnails as {kind} are not supported; use GIF.")
    _rate(call.body)
    return _stored(call, services, context, "videoThumbnails")


def create_strip(call: Call, services: Services, context: Context) -> View:
    """``filmstripThumbnails.create``."""
    format_of(call.body, "PNG")
    return _stored(call, services, context, "filmstripThumbnails")


def _stored(call: Call, services: Services, context: Context, kind: str) -> View:
    stored = services.stored.made(call.path["parent"], kind, call.body, context)
    as_collection(services.evaluated(stored, context), services, context)
    services.stored.add(stored)
    return {"name": stored.name}


def _rate(request: Any) -> float:
    given = wrapped(pick(pick(request, "videoOptions", {}), "framesPerSecond"))
    try:
        rate = RATE if given is None else float(given)
    except (TypeError, ValueError):
        rate = 0
    if not 0.1 <= rate <= 100:
        raise RequestError(f"framesPerSecond must be between 0.1 and 100, got {given}.")
    return rate


def _film(stored: Stored, services: Services, context: Context) -> Film:
    found = as_collection(services.evaluated(stored, context), services, context)

    def show(image: Image) -> Image:
        return pictured(image, stored.request, services, context)[1]

    most = context.limits.request_pixels_bytes // 4
    made = film(
        found, pick(stored.request, "grid"), services.engine, context, MOST_FRAMES, FRAME_PIXELS, show
    )  # fmt: skip
    total = len(made.images) * made.window.width * made.window.height
    if total > most:
        raise RequestError(f"The frames have {total} pixels together; at most {most} are allowed.")
    return made


def get_video(call: Call, services: Services, context: Context) -> Bytes:
    """``videoThumbnails.getPixels``: an animated GIF."""
    stored = services.stored.get(call.path["name"])
    frames = list(_film(stored, services, context).frames(context))
    return Bytes(encode.gif(frames, _rate(stored.request)), "image/gif")


def get_strip(call: Call, services: Services, context: Context) -> Bytes:
    """``filmstripThumbnails.getPixels``: the frames below each other, or beside each other."""
    stored = services.stored.get(call.path["name"])
    frames = list(_film(stored, services, context).frames(context))
    beside = pick(stored.request, "orientation") == "HORIZONTAL"
    whole = np.concatenate(frames, axis=1 if beside else 0)
    if format_of(stored.request, "PNG") in ("JPEG", "AUTO_JPEG_PNG"):
        return Bytes(encode.jpeg(whole), "image/jpeg")
    return Bytes(encode.png(whole), "image/png")
