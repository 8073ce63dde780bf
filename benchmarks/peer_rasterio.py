"""rasterio by hand: a WarpedVRT per file, two threads, numpy.nanmedian."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.vrt import WarpedVRT

from benchmarks import workloads as w


def _read(path: str, transform: Affine) -> Any:
    with (
        rasterio.open(path) as source,
        WarpedVRT(
            source, crs="EPSG:4326", transform=transform, width=w.SIDE, height=w.SIDE, nodata=0
        ) as warped,
    ):
        return warped.read(1)


def median(archive: Path, k: int, n: int, cloud: bool) -> bytes:
    lon, lat = w.corner(archive, k)
    transform = Affine(w.DEGREES, 0, lon, 0, -w.DEGREES, lat)
    items = w.items(archive, n)
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def stack(band: str) -> Any:
            paths = [item["assets"][band]["href"] for item in items]
            return np.stack(list(pool.map(lambda path: _read(path, transform), paths)))

        clear = ~np.isin(stack("SCL"), w.CLOUDY) if cloud else None
        bands = []
        for name in w.RGB:
            values = stack(name).astype("float32")
            values[values == 0] = np.nan
            if clear is not None:
                values[~clear] = np.nan
            with np.errstate(all="ignore"):
                bands.append(np.nanmedian(values, axis=0))
    return w.picture(np.stack(bands))


CONTESTANTS = {"rasterio + numpy": median}
