"""Rasters through GDAL: JPEG 2000, JPEG and PNG, strips, odd layouts, and files on the network.

One handle per thread and file (GDAL's are not shared between threads), kept in a small list.
Only the gate's drivers may open a file.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Interleaving, MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterWindow

from ecumene.core.errors import Unavailable
from ecumene.core.profile import block_read
from ecumene.core.projection import Affine
from ecumene.storage.gate import RASTER_DRIVERS, Gate
from ecumene.storage.header import Header, Level, Signature
from ecumene.storage.signing import SIGNER

OPTIONS = {
    "GDAL_CACHEMAX": 64,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": 3,
    "GDAL_HTTP_CONNECTTIMEOUT": 10,
    "GDAL_HTTP_TIMEOUT": 60,
    "VSI_CACHE": True,
}
_HANDLES_PER_THREAD = 24
_BLOCK_PIXELS = 2**20
_local = threading.local()


@dataclass(frozen=True, slots=True)
class Description:
    """Everything of a file that the catalogue stores; per band where a tuple.

    ``masked``: the file has a mask of its own (read as band 0); ``alpha``: the number of its alpha
    band, 0 if it has none. ``block_bytes`` is what decoding the file's largest block takes.
    """

    width: int
    height: int
    crs: str | None
    transform: Affine
    dtypes: tuple[str, ...]
    nodata: tuple[float | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    names: tuple[str | None, ...]
    masked: bool = False
    alpha: int = 0
    driver: str = ""
    tiled: bool = False
    block_bytes: int = 0


def _unreadable(path: str) -> Unavailable:
    return Unavailable(f"The file '{os.path.basename(path)}' cannot be read as a raster.")


def _open(path: str, level: int = 0) -> Any:
    """A GDAL handle; ``path`` has passed the gate."""
    options = {} if level == 0 else {"overview_level": level - 1}
    try:
        with rasterio.Env(**OPTIONS):
            return DatasetReader(SIGNER.signed(path), driver=list(RASTER_DRIVERS), **options)
    except (RasterioError, OSError) as error:
        raise _unreadable(path) from error


def describe(gate: Gate, path: str) -> Description:
    """Grid, types and nodata of a file. Unavailable if it cannot be read."""
    with _open(gate.check(path)) as source:
        t = source.transform
        crs = source.crs
        code = None
        if crs is not None:
            epsg = crs.to_epsg()
            code = f"EPSG:{epsg}" if epsg else crs.to_wkt()
        return Description(
            source.width,
            source.height,
            code,
            (t.a, t.b, t.c, t.d, t.e, t.f),
            tuple(source.dtypes),
            tuple(source.nodatavals),
            tuple(source.scales),
            tuple(source.offsets),
            tuple(source.descriptions),
            MaskFlags.per_dataset in source.mask_flag_enums[0],
            _alpha(source),
            source.driver,
            _tiled(source),
            _block_bytes(source),
        )


def _tiled(source: Any) -> bool:
    """Whether parts can be read for themselves: tiles, or an image that is one block."""
    down, across = source.block_shapes[0]
    square = across % 16 == down % 16 == 0
    return bool(across < source.width or down >= source.height or square)


def _block_bytes(source: Any) -> int:
    shared = source.count if source.interleaving == Interleaving.pixel else 1
    sizes = zip(source.block_shapes, source.dtypes, strict=True)
    return int(max(h * w * np.dtype(t).itemsize * shared for (h, w), t in sizes))


def _alpha(source: Any) -> int:
    meanings = list(source.colorinterp)
    return meanings.index(ColorInterp.alpha) + 1 if ColorInterp.alpha in meanings else 0


def block_size(width: int, height: int, across: int, down: int) -> tuple[int, int]:
    """The blocks that we read: the file's own, unless those are strips or too big.

    Strips are gathered to about a million pixels; blocks above four million pixels are cut.
    """
    if across * down > 4 * _BLOCK_PIXELS:
        return min(1024, width), min(1024, height)
    if down < 64 and across >= width:
        rows = max(1, _BLOCK_PIXELS // max(width, 1))
        return width, min(height, max(down, rows // down * down))
    return across, down


def _level(source: Any) -> Level:
    down, across = source.block_shapes[0]
    return Level(
        source.width, source.height, *block_size(source.width, source.height, across, down)
    )


def parse(path: str, signature: Signature) -> Header:
    """The header of any raster that GDAL reads; ``path`` has passed the gate."""
    with _open(path) as source:
        levels = [_level(source)]
        reduced = len(source.overviews(1))
        dtypes = tuple(np.dtype(name) for name in source.dtypes)
        nodata, driver = tuple(source.nodatavals), source.driver
    for level in range(1, reduced + 1):
        with _open(path, level) as source:
            levels.append(_level(source))
    return Header(path, signature, tuple(levels), dtypes, nodata, driver)


def read_block(header: Header, index: int, level: int, bx: int, by: int) -> NDArray[Any]:
    """One band of one block, ``(height, width)`` in the file's type.

    Band 0 is the file's own mask: uint8, 0 where it hides pixels, 255 where it does not.
    """
    size = header.levels[level]
    height, width = size.block_shape(bx, by)
    window = RasterWindow(bx * size.block_width, by * size.block_height, width, height)
    source = _handle(header, level)
    try:
        data: NDArray[Any]
        with rasterio.Env(**OPTIONS):  # timeouts of network files hold for every read
            if index:
                data = source.read(index, window=window)
            else:
                data = source.dataset_mask(window=window)
    except (RasterioError, OSError) as error:
        raise _unreadable(header.path) from error
    block_read(0, data.nbytes)
    return data


def _handle(header: Header, level: int) -> Any:
    handles: OrderedDict[tuple[str, Signature, int, str], Any] | None
    handles = getattr(_local, "handles", None)
    if handles is None:
        handles = _local.handles = OrderedDict()
    key = (header.path, header.signature, level, SIGNER.signed(header.path))
    found = handles.get(key)
    if found is None:
        found = handles[key] = _open(header.path, level)
        while len(handles) > _HANDLES_PER_THREAD:
            handles.popitem(last=False)[1].close()
    else:
        handles.move_to_end(key)
    return found
