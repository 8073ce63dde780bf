"""GeoTIFF in memory, written block by block as pixels come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.windows import Window as RasterioWindow

from ecumene.core import crs as crs_
from ecumene.core.projection import Grid, Window, compose

TILE = 256
CACHE_BYTES = 128 * 2**20
"""For tiles that GDAL holds until they are whole; its own default is a twentieth of the memory."""


def common_type(dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """The type of a file of bands of these types; GDAL's 64-bit integers are read by few programs."""
    dtype = np.result_type(*dtypes)
    return np.dtype("float64") if dtype == np.dtype("int64") else dtype


class GeoTiff:
    """All bands in one tiled, deflated file of their common type; band descriptions are the names.

    Masked pixels are 0, and an internal mask tells them apart where there are any (GDAL reads it as the
    dataset's mask: a pixel is valid if it is in every band). Only the compressed file and one mask are held.
    """

    def __init__(
        self, names: Sequence[str], dtypes: Sequence[np.dtype[Any]], grid: Grid, window: Window
    ) -> None:
        self.window = window
        self.dtype = common_type(dtypes)
        self.valid: NDArray[np.bool_] | None = None
        t = compose(grid.transform, (1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row)))
        code = grid.crs if grid.crs.startswith("EPSG:") else crs_.wkt(grid.crs)
        profile: dict[str, Any] = {
            "driver": "GTiff", "width": window.width, "height": window.height, "count": len(names),
            "dtype": self.dtype.name, "crs": rasterio.crs.CRS.from_string(code), "transform": Affine(*t),
            "compress": "deflate", "num_threads": "all_cpus",
        }  # fmt: skip
        if window.width >= TILE and window.height >= TILE:
            profile |= {"tiled": True, "blockxsize": TILE, "blockysize": TILE}
        self.environment = rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_CACHEMAX=CACHE_BYTES)
        self.memory = MemoryFile()
        with self.environment:
            self.out = self.memory.open(**profile)
            for number, name in enumerate(names, start=1):
                self.out.set_band_description(number, name)

    def write(
        self,
        block: Window,
        arrays: Sequence[NDArray[Any]],
        masks: Sequence[NDArray[Any] | None],
    ) -> None:
        """One block of all bands: values, 0 where masked, and masks (None = all valid)."""
        top, left = block.row - self.window.row, block.col - self.window.col
        place = RasterioWindow(left, top, block.width, block.height)
        with self.environment:
            for number, array in enumerate(arrays, start=1):
                whole = np.broadcast_to(array, block.shape)
                self.out.write(whole.astype(self.dtype, copy=False), number, window=place)
        shown = [mask > 0 for mask in masks if mask is not None]
        if shown:
            if self.valid is None:
                self.valid = np.ones(self.window.shape, bool)
            self.valid[top : top + block.height, left : left + block.width] = np.logical_and.reduce(
                shown
            )

    def finish(self) -> bytes:
        """The file; nothing can be written afterwards."""
        with self.environment, self.memory:
            if self.valid is not None:
                self.out.write_mask(self.valid)
            self.out.close()
            return bytes(self.memory.getbuffer())

    def close(self) -> None:
        """Gives everything up."""
        with self.environment:
            self.out.close()
            self.memory.close()
