"""Source files of images: checked, laid onto one lattice, and read as the bands of a manifest."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecumene.catalog import footprints
from ecumene.core import crs as crs_
from ecumene.core import pixel_type as types
from ecumene.core.errors import EcumeneError, LimitExceeded, RequestError
from ecumene.core.projection import Affine, Grid, Projection, Window, affine, apply, invert
from ecumene.core.raster import MaskRule, RasterBand
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import Cast, Mosaic, Source, UpdateMask
from ecumene.storage import rasters
from ecumene.storage.gate import Gate, is_url

MOST_PIXELS = 10**11
"""Of one band of a tileset: about 300,000 pixels square."""

MOST_BLOCK_BYTES = 2**29
"""Memory that one block of a file may need to be decoded."""

MOST_EXPANSION = 20_000
"""Bytes of pixels for a byte of the file: more is taken for a decompression bomb (if it is more than ``LITTLE``)."""

LITTLE = 2**30
LATEST = 90.5
"""Degrees of latitude that a footprint may reach: half a pixel beyond a pole is usual."""

SAME = 1e-6
"""Pixel sizes that differ by less than this part are the same."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a tileset and where its pixels lie."""

    path: str
    about: rasters.Description
    grid: Projection


@dataclass(frozen=True, slots=True)
class Tileset:
    """Files that are one raster together: pixel (0, 0) of ``window`` is the first pixel of the first file."""

    id: str
    pieces: tuple[Piece, ...]
    window: Window
    dtype: str | None

    @property
    def first(self) -> Piece:
        """The file whose lattice is the tileset's."""
        return self.pieces[0]

    @property
    def grid(self) -> Grid:
        """Its lattice."""
        return self.first.grid

    @property
    def count(self) -> int:
        """Bands of each file."""
        return len(self.first.about.dtypes)


def opened(gate: Gate, path: str, name: str) -> rasters.Description:
    """What a file says of itself; RequestError if it is damaged or no raster, LimitExceeded if it is a bomb."""
    try:
        about = rasters.describe(gate, path)
    except EcumeneError:
        raise RequestError(
            f"Failed to open '{name}': it is damaged, or no GeoTIFF, JPEG 2000, PNG or JPEG."
        ) from None
    pixels = sum(np.dtype(kind).itemsize for kind in about.dtypes) * about.width * about.height
    size = sys.maxsize if is_url(path) else os.path.getsize(path)
    if about.block_bytes > MOST_BLOCK_BYTES or (pixels > LITTLE and pixels > MOST_EXPANSION * size):
        raise LimitExceeded(
            f"'{name}' expands to {pixels} bytes in blocks of {about.block_bytes}: too much for a file of its size."
        )
    return about


def placed(given: Mapping[str, Any], files: Sequence[tuple[str, str]], gate: Gate) -> Tileset:
    """The tileset of a manifest over its files, named as the manifest names them."""
    pieces = []
    for (name, path), source in zip(files, given["sources"], strict=True):
        about = opened(gate, path, name)
        crs = given["crs"] or about.crs
        if not crs:
            raise RequestError(
                f"'{name}' has no coordinate reference system: give one as the tileset's 'crs'."
            )
        transform = source["transform"] or about.transform
        grid = Projection(_crs(crs, name), _transform(transform, name))
        pieces.append(Piece(path, about, grid))
    for piece, (name, _) in zip(pieces, files, strict=True):
        _check_alike(pieces[0], piece, name)
    window = _window(pieces)
    if window.width * window.height > MOST_PIXELS:
        raise LimitExceeded(f"The tileset has more than {MOST_PIXELS} pixels.")
    _check_place(pieces[0].grid, window, files[0][0])
    return Tileset(given["id"], tuple(pieces), window, given["dtype"])


def _crs(text: str, name: str) -> str:
    try:
        return crs_.canonical(text)
    except EcumeneError as error:
        raise RequestError(f"'{name}': {error.message}") from None


def _transform(values: Sequence[float], name: str) -> Affine:
    a, b, c, d, e, f = values
    if not all(map(math.isfinite, values)) or a * e - b * d == 0:
        raise RequestError(f"'{name}' has no usable transform: {list(values)}.")
    if (a, b, c, d, e, f) == (1, 0, 0, 0, 1, 0):
        raise RequestError(
            f"'{name}' has no georeference: give one as the source's 'affineTransform'."
        )
    return affine(values)


def _check_alike(first: Piece, other: Piece, name: str) -> None:
    same = (
        first.about.dtypes == other.about.dtypes
        and first.grid.crs == other.grid.crs
        and all(
            abs(one - two) <= SAME * max(abs(one), abs(two))
            for k, (one, two) in enumerate(
                zip(first.grid.transform, other.grid.transform, strict=True)
            )
            if k not in (2, 5)
        )
    )
    if not same:
        raise RequestError(
            f"'{name}' differs from the first source of its tileset: number and type of bands, CRS and pixel size must be the same."
        )


def _window(pieces: Sequence[Piece]) -> Window:
    """All files, in whole pixels of the first one's lattice."""
    back = invert(pieces[0].grid.transform)
    boxes = []
    for piece in pieces:
        col, row = apply(back, piece.grid.transform[2], piece.grid.transform[5])
        left, top = round(col), round(row)
        boxes.append((left, top, left + piece.about.width, top + piece.about.height))
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    return Window(left, top, max(b[2] for b in boxes) - left, max(b[3] for b in boxes) - top)


def _check_place(grid: Projection, window: Window, name: str) -> None:
    """Raises RequestError where the pixels would not lie on Earth: the CRS is another one's."""
    moved = grid.translated(float(window.col), float(window.row))
    found = footprints.of_grid(moved, window.width, window.height)
    if found is None or not (found[0][1] >= -LATEST and found[0][3] <= LATEST):
        raise RequestError(
            f"The pixels of '{name}' do not lie on Earth in the CRS {grid.crs[:100]}: is it the right one?"
        )


# -- bands ---------------------------------------------------------------------------------------


def stored(
    piece: Piece, index: int, missing: Sequence[float], *, masked: bool = False
) -> RasterBand:
    """Band ``index`` (from 0) of a file; ``masked`` by its last band, and by the file's own mask if it has one."""
    about = piece.about
    rules = [MaskRule(piece.path, 0, (0.0,))] if about.masked else []
    if masked:
        rules.append(MaskRule(piece.path, len(about.dtypes), (0.0,)))
    nodata = about.nodata[index]
    values = dict.fromkeys([*missing, *([] if nodata is None else [float(nodata)])])
    kind = types.of_dtype(about.dtypes[index])
    return RasterBand(
        piece.path, index + 1, kind, piece.grid, about.width, about.height, tuple(values), masks=tuple(rules),
    )  # fmt: skip


def node(
    tileset: Tileset, index: int, missing: Sequence[float], *, masked: bool = False
) -> PlanNode:
    """A band of a tileset; where files overlap the last one is on top."""
    bands = [stored(piece, index, missing, masked=masked) for piece in tileset.pieces]
    layers: list[PlanNode] = [Source(band, "nearest", band.type) for band in bands]
    found = layers[0] if len(layers) == 1 else Mosaic(tuple(layers), bands[0].type)
    if tileset.dtype is None or np.dtype(tileset.dtype) == bands[0].type.dtype:
        return found
    return Cast(found, types.of_dtype(tileset.dtype))


def hidden(band: PlanNode, mask: Tileset) -> PlanNode:
    """A band where the last band of another tileset is not 0."""
    shade = node(mask, mask.count - 1, ())
    return UpdateMask(band, shade, band.type)
