"""TIFF files put together from tiles that were encoded elsewhere, in any order, by any number of attempts.

The layout is TIFF 6.0's (BigTIFF's where a file may pass 4 GiB): tiles of all bands interleaved, deflated, with
a predictor. What says where the pixels lie is taken from GDAL, which writes it into an empty file.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import rasterio
import tifffile
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from ecumene.core import crs as crs_
from ecumene.core.projection import Grid, Window, compose

LEVEL = 4
"""Of deflate, 1 to 12: the next ones take twice the time for a hundredth of the bytes."""

SHORT, LONG, LONG8 = 3, 4, 16
_PLACED = (33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113)
"""GeoTIFF's tags, and GDAL's for band names and no data."""

Tag = tuple[int, int, int, bytes]
"""Code, type, count, value."""

Blocks = Sequence[tuple[int, int]]
"""Offset and size of each tile, by rows."""


@dataclass(frozen=True, slots=True)
class Format:
    """What all directories of a file share. ``placed`` are the tags of the first one that GDAL made."""

    dtype: np.dtype[Any]
    bands: int
    side: int
    placed: tuple[Tag, ...]
    big: bool = False

    @property
    def first(self) -> int:
        """Where data may begin."""
        return 16 if self.big else 8


def placed_tags(
    names: Sequence[str],
    dtype: np.dtype[Any],
    grid: Grid,
    window: Window,
    nodata: float | None,
    metadata: Mapping[str, Any] | None = None,
) -> tuple[Tag, ...]:
    """The tags for a window of a grid, with the names of its bands and items of metadata."""
    t = compose(grid.transform, (1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row)))
    code = grid.crs if grid.crs.startswith("EPSG:") else crs_.wkt(grid.crs)
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=1, height=1, count=len(names), dtype=dtype.name, nodata=nodata,
            crs=rasterio.crs.CRS.from_string(code), transform=Affine(*t),
        ) as out:  # fmt: skip
            for number, name in enumerate(names, start=1):
                out.set_band_description(number, name)
            if metadata:
                out.update_tags(**{key: str(value) for key, value in metadata.items()})
        data = bytes(memory.getbuffer())
    with MemoryFile(data) as memory, tifffile.TiffFile(memory) as file:
        tags = file.pages.first.tags
        return tuple(
            (tag.code, int(tag.dtype), tag.count, data[tag.valueoffset :][: tag.valuebytecount])
            for tag in tags
            if tag.code in _PLACED
        )


def encode(tile: NDArray[Any]) -> bytes:
    """``(side, side, bands)`` as the bytes of a tile."""
    data = np.ascontiguousarray(tile)
    if data.dtype.kind == "f":
        data = imagecodecs.floatpred_encode(data, axis=-2)
    else:
        data = imagecodecs.delta_encode(data, axis=-2)
    return bytes(imagecodecs.zlib_encode(data.tobytes(), level=LEVEL))


def decode(data: bytes, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The pixels of a tile."""
    raw = np.frombuffer(imagecodecs.zlib_decode(data), dtype).reshape(shape)
    if dtype.kind == "f":
        return np.asarray(imagecodecs.floatpred_decode(raw, axis=-2))
    return np.asarray(imagecodecs.delta_decode(raw, axis=-2))


def header(form: Format, directory_at: int) -> bytes:
    """The first bytes of a file."""
    if form.big:
        return b"II" + struct.pack("<HHHQ", 43, 8, 0, directory_at)
    return b"II" + struct.pack("<HI", 42, directory_at)


def directory(
    form: Format, size: tuple[int, int], blocks: Blocks, at: int, following: int, *, reduced: bool
) -> bytes:
    """One image file directory that begins at an offset of the file, with the values that it points to.

    Parameters
    ----------
    size : width and height in pixels.
    following : where the next directory begins; 0 = there is none.
    reduced : an overview of the image before.
    """
    wide = LONG8 if form.big else LONG
    entries = [*_described(form, size, reduced), _array(324, wide, [b[0] for b in blocks])]
    entries.append(_array(325, LONG, [b[1] for b in blocks]))
    if not reduced:
        entries.extend(form.placed)
    entries.sort(key=lambda tag: tag[0])
    pointer, inline = ("<Q", 8) if form.big else ("<I", 4)
    head = struct.pack("<Q" if form.big else "<H", len(entries))
    rest_at = at + len(head) + len(entries) * (20 if form.big else 12) + inline
    body, rest = bytearray(head), bytearray()
    for code, kind, count, value in entries:
        body += struct.pack("<HH", code, kind) + struct.pack(pointer, count)
        if len(value) <= inline:
            body += value.ljust(inline, b"\0")
        else:
            body += struct.pack(pointer, rest_at + len(rest))
            rest += value + b"\0" * (-len(value) % 8)
    body += struct.pack(pointer, following)
    return bytes(body + rest)


def _described(form: Format, size: tuple[int, int], reduced: bool) -> list[Tag]:
    kind = form.dtype.kind
    colour = form.dtype == np.uint8 and form.bands in (3, 4)
    extra = form.bands - (3 if colour else 1)
    tags = [
        _array(254, LONG, [1 if reduced else 0]),
        _array(256, LONG, [size[0]]),
        _array(257, LONG, [size[1]]),
        _array(258, SHORT, [form.dtype.itemsize * 8] * form.bands),
        _array(259, SHORT, [8]),
        _array(262, SHORT, [2 if colour else 1]),
        _array(277, SHORT, [form.bands]),
        _array(284, SHORT, [1]),
        _array(317, SHORT, [3 if kind == "f" else 2]),
        _array(322, SHORT, [form.side]),
        _array(323, SHORT, [form.side]),
        _array(339, SHORT, [{"u": 1, "i": 2, "f": 3}[kind]] * form.bands),
    ]
    if extra > 0:
        tags.append(_array(338, SHORT, [0] * extra))
    return tags


def _array(code: int, kind: int, values: Sequence[int]) -> Tag:
    dtype = {SHORT: "<u2", LONG: "<u4", LONG8: "<u8"}[kind]
    return code, kind, len(values), np.asarray(values, dtype).tobytes()
