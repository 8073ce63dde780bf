"""``map:export``: the tiles of an image by zoom, ``PREFIX/Z/X/Y``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ecumene.core.context import Context
from ecumene.core.documents import pick
from ecumene.core.errors import LimitExceeded, RequestError
from ecumene.core.image import Image
from ecumene.core.projection import Window
from ecumene.engine.pictures import Arrays, Masks, compute, picture
from ecumene.engine.tiles import DEEPEST, HALF, TILE, tile_grid
from ecumene.raster.coverage import bounds_window
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports import requests
from ecumene.tasks.exports.pieces import cut
from ecumene.tasks.scratch import flushed
from ecumene.vector.transform import to_crs

FORMATS = {"AUTO_JPEG_PNG": "AUTO_JPEG_PNG", "PNG": "PNG", "JPEG": "JPEG"}
SIDE = 8 * TILE
"""Pixels across the pieces that are computed at once."""

MOST_TILES = 4_000_000
Tile = tuple[int, int, int]


def accepted(body: Mapping[str, Any]) -> requests.Payload:
    """The payload of an ``ExportMapRequest``."""
    tiles = requests.member(body, "tileOptions")
    options = {
        "fileExportOptions": requests.member(body, "tileExportOptions"),
        "description": pick(body, "description"),
    }
    payload = requests.common(body) | requests.file_options(options, FORMATS, "AUTO_JPEG_PNG")
    start = requests.integer(tiles, "startZoom", 0, 0, DEEPEST)
    scale = requests.number(tiles, "scale", 0.0)
    end: int | None = None
    if scale > 0:
        end = _zoom(scale)
    elif pick(tiles, "endZoom") is not None:
        end = requests.integer(tiles, "endZoom", 0, 0, DEEPEST)
    if end is not None and end < start:
        raise RequestError(f"The zoom levels {start} to {end} are none.")
    return payload | {"start": start, "end": end, "skip": bool(pick(tiles, "skipEmpty"))}


def run(task: TaskContext) -> Any:
    """Makes the tiles, piece by piece."""
    context, engine = task.evaluation(), task.around.engine
    image = engine.as_image(engine.evaluate(task.payload["expression"], context), context)
    if len(image.bands) not in (1, 3):
        raise RequestError(
            f"Map tiles need an image with 1 or 3 bands; this one has {len(image.bands)}. Visualize it first."
        )
    pieces = list(_pieces(image, task.payload))
    for number, (zoom, piece) in enumerate(pieces):
        step = f"{zoom}/{number}"
        if step not in task.scratch.steps:
            task.cancel.check()
            _write(task, image, zoom, piece, context)
            task.scratch.done(step)
        task.progress(0.95 * (number + 1) / len(pieces))
    return {"tree": "tiles"}


def _deepest(image: Image) -> int:
    """The zoom at which tiles are as fine as the image."""
    return _zoom(max(image.bands[0].projection.nominal_scale, 0.01))


def _zoom(scale: float) -> int:
    """The first zoom with pixels of at most so many metres, as far as there are any."""
    return math.ceil(math.log2(min(max(2 * HALF / TILE / scale, 1.0), 2.0**DEEPEST)))


def _pieces(image: Image, payload: Mapping[str, Any]) -> Iterator[tuple[int, Window]]:
    """Zoom and window, whole tiles, of everything that the image touches."""
    end = _deepest(image) if payload["end"] is None else payload["end"]
    total = 0
    for zoom in range(payload["start"], end + 1):
        grid, side = tile_grid(zoom), TILE * 2**zoom
        whole = Window(0, 0, side, side)
        if not image.footprint.unbounded:
            touched = bounds_window(to_crs(image.footprint, grid.crs), grid)
            first = [max(v, 0) // TILE * TILE for v in (touched.col, touched.row)]
            last = [
                min(-(-(a + b) // TILE) * TILE, side)
                for a, b in ((touched.col, touched.width), (touched.row, touched.height))
            ]
            whole = Window(*first, *(max(b - a, 0) for a, b in zip(first, last, strict=True)))
        total += whole.width * whole.height // TILE**2
        if total > MOST_TILES:
            raise LimitExceeded(f"The map has more than {MOST_TILES} tiles; lower the zoom.")
        for piece in cut(whole, SIDE):
            yield zoom, piece


def _write(task: TaskContext, image: Image, zoom: int, piece: Window, context: Context) -> None:
    arrays, masks = compute(image, tile_grid(zoom), piece, context)
    for row in range(0, piece.height, TILE):
        for col in range(0, piece.width, TILE):
            box = slice(row, row + TILE), slice(col, col + TILE)
            values: Arrays = [a[box] for a in arrays]
            shown: Masks = [None if m is None else m[box] for m in masks]
            if task.payload["skip"] and _empty(shown):
                continue
            content = picture(image, values, shown, task.payload["format"]).content
            x, y = (piece.col + col) // TILE, (piece.row + row) // TILE
            path = task.scratch.path / "tiles" / str(zoom) / str(x) / str(y)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as out:
                out.write(content)
                flushed(out)


def _empty(masks: Masks) -> bool:
    return any(m is not None and not np.any(m > 0) for m in masks)
