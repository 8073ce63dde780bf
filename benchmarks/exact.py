"""The right answers: every pixel's centre transformed by PROJ, nearest lookups, plain numpy."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from benchmarks import workloads as w

Places = tuple[NDArray[np.int64], NDArray[np.int64]]


def _places(archive: Path, crs: int, transform: Any, side: int) -> Places:
    """Column and row at 10 m of the pixels of a grid."""
    a, _, c, _, e, f = transform
    x, y = np.meshgrid(c + a * (np.arange(side) + 0.5), f + e * (np.arange(side) + 0.5))
    east, north = Transformer.from_crs(crs, w.CRS, always_xy=True).transform(x, y)
    columns = np.floor((east - w.WEST) / w.METRES).astype("int64")
    return columns, np.floor((w.NORTH - north) / w.METRES).astype("int64")


@lru_cache(maxsize=8)
def degrees(archive: Path, k: int) -> Places:
    """The pixels of place k of W1."""
    lon, lat = w.corner(archive, k)
    return _places(archive, 4326, (w.DEGREES, 0, lon, 0, -w.DEGREES, lat), w.SIDE)


def _looked_up(path: str, columns: Any, rows: Any, level: int | None = None) -> NDArray[Any]:
    """Values at columns and rows (of the overview ``level``), 0 outside."""
    import rasterio
    from rasterio.windows import Window

    options = {} if level is None else {"OVERVIEW_LEVEL": level}
    with rasterio.open(path, **options) as source:
        left, right = max(int(columns.min()), 0), min(int(columns.max()), source.width - 1)
        top, bottom = max(int(rows.min()), 0), min(int(rows.max()), source.height - 1)
        values = source.read(1, window=Window(left, top, right - left + 1, bottom - top + 1))
    inside = (columns >= left) & (columns <= right) & (rows >= top) & (rows <= bottom)
    x, y = np.clip(columns, left, right) - left, np.clip(rows, top, bottom) - top
    return np.where(inside, values[y, x], 0)


def _medians(planes: Any, classes: Any) -> NDArray[np.float32]:
    values = np.stack(planes).astype("float32")
    values[values == 0] = np.nan
    if classes is not None:
        values[np.isin(np.stack(classes), w.CLOUDY)] = np.nan
    with np.errstate(all="ignore"):
        return np.nanmedian(values, axis=0)


@lru_cache(maxsize=2)
def composite(archive: Path, k: int, n: int, cloud: bool) -> NDArray[np.uint8]:
    """W1: ``(3, h, w)`` colours."""
    x, y = degrees(archive, k)
    assets = [item["assets"] for item in w.items(archive, n)]
    classes = [_looked_up(a["SCL"]["href"], x // 2, y // 2) for a in assets] if cloud else None
    bands = [_medians([_looked_up(a[b]["href"], x, y) for a in assets], classes) for b in w.RGB]
    return w.stretched(np.stack(bands))


@lru_cache(maxsize=128)
def tile(archive: Path, k: int, zoom: int, x: int, y: int) -> NDArray[np.uint8]:
    """W2: ``(3, h, w)`` colours, from the overview whose pixels are not larger than the tile's."""
    columns, rows = _places(archive, 3857, w.tile_transform(zoom, x, y), w.TILE)
    level = None if zoom >= 13 else 1
    step = 1 if level is None else 4
    assets = w.scene(archive, k)["assets"]
    found = [_looked_up(assets[b]["href"], columns // step, rows // step, level) for b in w.RGB]
    return w.stretched(np.stack(found))


@lru_cache(maxsize=4)
def whole(archive: Path, n: int) -> dict[int, NDArray[np.uint16]]:
    """W4: rows of the composite, ``first row -> (3, 32, width)``, at five places."""
    import rasterio
    from rasterio.windows import Window

    side = w.size(archive)
    assets = [item["assets"] for item in w.items(archive, n)]

    def rows(path: str, top: int, height: int, width: int) -> Any:
        with rasterio.open(path) as source:
            return source.read(1, window=Window(0, top, width, height))

    found = {}
    for top in range(0, side - 31, (side - 32) // 4 // 32 * 32):
        classes = [rows(a["SCL"]["href"], top // 2, 16, side // 2) for a in assets]
        classes = [c.repeat(2, axis=0).repeat(2, axis=1) for c in classes]
        bands = [
            _medians([rows(a[b]["href"], top, 32, side) for a in assets], classes) for b in w.RGB
        ]
        found[top] = np.nan_to_num(np.stack(bands)).astype("uint16")
    return found
