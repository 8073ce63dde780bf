"""Cloud optimized GeoTIFFs by GDAL's own driver, one thread a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from ecumene.core.projection import Projection

OPTIONS = {
    "BLOCKSIZE": "512",
    "COMPRESS": "DEFLATE",
    "LEVEL": "6",
    "NUM_THREADS": "1",
    "PREDICTOR": "YES",
}


def write(
    path: Path, values: NDArray[Any], grid: Projection, *, nodata: int | None, mean: bool
) -> None:
    """Writes ``(rows, columns)``; overviews are means of valid pixels, or nearest (classes, flags)."""
    rows, columns = values.shape
    profile = {
        "driver": "GTiff", "height": rows, "width": columns, "count": 1, "dtype": values.dtype.name,
        "crs": grid.crs, "transform": Affine(*grid.transform), "nodata": nodata,
    }  # fmt: skip
    resampling = "AVERAGE" if mean else "NEAREST"
    with MemoryFile() as memory:
        with memory.open(**profile) as plain:
            plain.write(values, 1)
        with memory.open() as plain:
            rasterio.shutil.copy(
                plain, str(path), driver="COG", OVERVIEW_RESAMPLING=resampling, **OPTIONS
            )
