"""exactextract on pixels that rasterio reads: the mean with weights of coverage."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import rasterio
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from rasterio.windows import Window, from_bounds

from benchmarks import workloads as w
from benchmarks.worker import Contestant


def _mean(ask: w.Ask, given: Any, threads: int) -> float:
    shape, assets = w.polygon(ask.archive, ask.k), w.scene(ask.archive, ask.k)["assets"]
    ring = np.asarray(shape["coordinates"][0])
    with rasterio.open(assets["B08"]["href"]) as near, rasterio.open(assets["B04"]["href"]) as red:
        box = from_bounds(*ring.min(axis=0), *ring.max(axis=0), near.transform)
        left, top = int(box.col_off), int(box.row_off)
        window = Window(left, top, int(box.width) + 2, int(box.height) + 2)
        transform = near.window_transform(window)
        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                x, y = pool.map(lambda source: source.read(1, window=window), (near, red))
        else:
            x, y = near.read(1, window=window), red.read(1, window=window)
    with np.errstate(all="ignore"):
        a, b = x.astype("float32"), y.astype("float32")
        index = (a - b) / (a + b)
    index[(x == 0) | (y == 0)] = np.nan
    rows, columns = index.shape
    west, north = transform.c, transform.f
    source = NumPyRasterSource(
        index, west, north - rows * w.METRES, west + columns * w.METRES, north
    )
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    return float(exact_extract(source, [feature], ["mean"])[0]["properties"]["mean"])


TASKS = {
    "w3": {
        "exactextract": Contestant(partial(_mean, threads=1)),
        "exactextract, files read on two threads": Contestant(partial(_mean, threads=2)),
    }
}
