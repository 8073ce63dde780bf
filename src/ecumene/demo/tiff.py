"""Writes tiled GeoTIFFs on a scene's full grid of which only a window holds data.

Tiles without data are left out of the file (sparse, as GDAL's SPARSE_OK), so a scene keeps the true
10980-pixel grid of its tile and costs what its window costs. Overviews follow the full image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from ecumene.core.crs import wkt
from ecumene.core.projection import Projection

BLOCK = 512


@dataclass(frozen=True, slots=True)
class Placed:
    """Pixels at an offset of a larger grid; outside is nodata 0."""

    values: NDArray[Any]
    col: int
    row: int
    width: int
    height: int

    def halved(self, *, nearest: bool) -> Placed:
        """The next overview: 2×2 mean of valid pixels (for flags the largest value)."""
        top, left = self.row % 2, self.col % 2
        rows, cols = self.values.shape
        padded = np.pad(
            self.values, ((top, (top + rows) % 2), (left, (left + cols) % 2)), mode="constant"
        )
        quad = [padded[i::2, j::2] for i in (0, 1) for j in (0, 1)]
        if nearest:
            small = np.maximum(np.maximum(quad[0], quad[1]), np.maximum(quad[2], quad[3]))
        else:
            total = sum((part.astype("uint32") for part in quad), np.uint32(0))
            count = sum(((part > 0).astype("uint32") for part in quad), np.uint32(0))
            divisor = np.maximum(count, np.uint32(1))
            small = ((total + divisor // 2) // divisor).astype(padded.dtype)
        return Placed(
            small, self.col // 2, self.row // 2, (self.width + 1) // 2, (self.height + 1) // 2
        )

    def tiles(self) -> Iterator[bytes]:
        """Compressed tiles in file order, empty where there is no data."""
        rows, cols = self.values.shape
        for top in range(0, self.height, BLOCK):
            for left in range(0, self.width, BLOCK):
                r0, r1 = max(top, self.row), min(top + BLOCK, self.row + rows)
                c0, c1 = max(left, self.col), min(left + BLOCK, self.col + cols)
                if r0 >= r1 or c0 >= c1:
                    yield b""
                    continue
                tile = np.zeros((BLOCK, BLOCK), self.values.dtype)
                tile[r0 - top : r1 - top, c0 - left : c1 - left] = self.values[
                    r0 - self.row : r1 - self.row, c0 - self.col : c1 - self.col
                ]
                yield _packed(tile) if tile.any() else b""


def _packed(tile: NDArray[Any]) -> bytes:
    """DEFLATE after horizontal differencing (the predictor, for samples wider than a byte)."""
    if tile.dtype.itemsize > 1:
        tile = np.diff(tile, axis=1, prepend=tile.dtype.type(0))
    return bytes(imagecodecs.zlib_encode(tile.tobytes(), level=5))


def _geokeys(crs: str) -> list[tuple[int, int, int, Any, bool]]:
    """GeoTIFF keys: an EPSG code, or a user-defined projection by its citation and parameters."""
    if crs.startswith("EPSG:"):
        code = int(crs[5:])
        geographic = code == 4326
        keys = [1, 1, 0, 3, 1024, 0, 1, 2 if geographic else 1, 1025, 0, 1, 1]
        keys += [2048 if geographic else 3072, 0, 1, code]
        return [(34735, 3, len(keys), tuple(keys), True)]
    # MODIS sinusoidal: CT_Sinusoidal on a sphere.
    radius = 6371007.181
    doubles = (radius, radius, 0.0, 0.0, 0.0)
    keys = [
        1, 1, 0, 12,
        1024, 0, 1, 1, 1025, 0, 1, 1,
        2048, 0, 1, 32767, 2050, 0, 1, 32767, 2054, 0, 1, 9102, 2056, 0, 1, 32767,
        2057, 34736, 1, 0, 2058, 34736, 1, 1,
        3072, 0, 1, 32767, 3074, 0, 1, 32767, 3075, 0, 1, 24, 3076, 0, 1, 9001,
    ]  # fmt: skip
    keys[3] = (len(keys) - 4) // 4
    return [
        (34735, 3, len(keys), tuple(keys), True),
        (34736, 12, len(doubles), doubles, True),
        (34737, 2, 0, wkt(crs)[:20] + "|", True),
    ]


def write(
    path: Path, image: Placed, grid: Projection, *, overviews: int, nearest: bool = False
) -> None:
    """Writes DEFLATE tiles with a horizontal predictor; 0 is nodata."""
    a, _, x, _, e, y = grid.transform
    tags = [
        (33550, 12, 3, (a, -e, 0.0), True),
        (33922, 12, 6, (0.0, 0.0, 0.0, x, y, 0.0), True),
        *_geokeys(grid.crs),
        (42113, 2, 0, "0", True),
    ]
    with tifffile.TiffWriter(path, bigtiff=False) as out:
        level: Placed = image
        for number in range(overviews + 1):
            out.write(
                level.tiles(),
                shape=(level.height, level.width),
                dtype=level.values.dtype,
                tile=(BLOCK, BLOCK),
                compression="zlib",
                predictor=level.values.dtype.itemsize > 1,
                photometric="minisblack",
                subfiletype=0 if number == 0 else 1,
                metadata=None,
                extratags=tags if number == 0 else [tags[-1]],
                software=False,
            )
            level = level.halved(nearest=nearest)
