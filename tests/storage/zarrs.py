"""Arrays of Zarr version 2 written by GDAL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

VALUES = np.arange(5 * 37 * 50, dtype="int16").reshape(5, 37, 50)


def written(
    folder: Path,
    values: np.ndarray = VALUES,
    codec: str = "ZLIB",
    blocks: str = "2,16,20",
    **changes: Any,
) -> Path:
    """The ``.zarray`` of an array ``(time, y, x)`` named ``t``; ``changes`` are made to what it says afterwards."""
    place = folder / "t.zarr"
    with rasterio.open(
        place, "w", driver="Zarr", width=values.shape[2], height=values.shape[1], count=values.shape[0], dtype=values.dtype,
        crs="EPSG:4326", transform=from_origin(10, 50, 0.5, 0.5), FORMAT="ZARR_V2", COMPRESS=codec, BLOCKSIZE=blocks, INTERLEAVE="BAND",
    ) as file:  # fmt: skip
        file.write(values)
    path = place / "t" / ".zarray"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path
