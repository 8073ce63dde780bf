"""rasterio and numpy by hand, on a thread per core: what one writes without a library of cubes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.features import geometry_mask, geometry_window
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from benchmarks import workloads as w
from benchmarks.worker import Contestant

POOL = ThreadPoolExecutor(os.cpu_count())
STEP = 1024


def _warped(path: str, crs: CRS, transform: Affine, side: int) -> Any:
    with (
        rasterio.open(path) as source,
        WarpedVRT(source, crs=crs, transform=transform, width=side, height=side) as warped,
    ):
        return warped.read(1)


def _median(planes: Any, hidden: Any) -> Any:
    """``(h, w)`` median of ``(n, h, w)`` without zeros and what ``hidden`` hides."""
    values = planes.astype("float32")
    values[planes == 0] = np.nan
    if hidden is not None:
        values[hidden] = np.nan
    return np.nanmedian(values, axis=0)


def _picture(ask: w.Ask, given: Any) -> bytes:
    lon, lat = w.corner(ask.archive, ask.k)
    transform, crs = Affine(w.DEGREES, 0, lon, 0, -w.DEGREES, lat), CRS.from_epsg(4326)
    found = w.items(ask.archive, ask.n)
    cloud = ask.task == "w1_cloud"
    names = [*w.RGB, "SCL"] if cloud else list(w.RGB)
    paths = [item["assets"][name]["href"] for name in names for item in found]
    planes = list(POOL.map(lambda path: _warped(path, crs, transform, w.SIDE), paths))
    stacks = [np.stack(planes[i : i + len(found)]) for i in range(0, len(planes), len(found))]
    hidden = np.isin(stacks[3], w.CLOUDY) if cloud else None
    return w.picture(np.stack(list(POOL.map(lambda planes: _median(planes, hidden), stacks[:3]))))


def _tile(ask: w.Ask, given: Any) -> bytes:
    zoom = w.ZOOMS[ask.task.split("_")[1]]
    transform = Affine(*w.tile_transform(zoom, *w.tile(ask.archive, ask.k, zoom)))
    assets = w.scene(ask.archive, ask.k)["assets"]
    crs = CRS.from_epsg(3857)
    return w.picture(np.stack([_warped(assets[b]["href"], crs, transform, w.TILE) for b in w.RGB]))


def _ndvi(ask: w.Ask, given: Any) -> float:
    """Pixel centres decide, so this is less work than weights of coverage."""
    shape, assets = w.polygon(ask.archive, ask.k), w.scene(ask.archive, ask.k)["assets"]
    with rasterio.open(assets["B08"]["href"]) as near, rasterio.open(assets["B04"]["href"]) as red:
        window = geometry_window(near, [shape])
        inside = geometry_mask(
            [shape], (window.height, window.width), near.window_transform(window), invert=True
        )
        x, y = (
            v.astype("float32") for v in POOL.map(lambda s: s.read(1, window=window), (near, red))
        )
    valid = inside & (x > 0) & (y > 0)
    return float(((x - y) / (x + y))[valid].mean(dtype="float64"))


def _block(sources: dict[str, list[Any]], x: int, y: int, side: int) -> Any:
    classes = [
        s.read(1, window=Window(x // 2, y // 2, side // 2, side // 2)) for s in sources["SCL"]
    ]
    hidden = np.isin(np.stack(classes), w.CLOUDY).repeat(2, 1).repeat(2, 2)

    def band(name: str) -> Any:
        planes = np.stack([s.read(1, window=Window(x, y, side, side)) for s in sources[name]])
        return np.nan_to_num(_median(planes, hidden)).astype("uint16")

    return np.stack(list(POOL.map(band, w.RGB)))


def _whole(ask: w.Ask, given: Any) -> Path:
    side, path = w.size(ask.archive), ask.folder / "rasterio.tif"
    found = w.items(ask.archive, ask.n)
    sources = {b: [rasterio.open(i["assets"][b]["href"]) for i in found] for b in (*w.RGB, "SCL")}
    profile = {
        "driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint16", "nodata": 0, "tiled": True,
        "blockxsize": 512, "blockysize": 512, "compress": "deflate", "predictor": 2, "num_threads": os.cpu_count(),
        "crs": f"EPSG:{w.CRS}", "transform": Affine(10, 0, w.WEST, 0, -10, w.NORTH),
    }  # fmt: skip
    step = min(STEP, side)
    with rasterio.open(path, "w", **profile) as out:
        for y in range(0, side, step):
            for x in range(0, side, step):
                out.write(_block(sources, x, y, step), window=Window(x, y, step, step))
    for opened in sources.values():
        for source in opened:
            source.close()
    return path


W1 = {"rasterio + numpy": Contestant(_picture)}
W2 = {"rasterio + Pillow": Contestant(_tile)}
TASKS = {
    "w1_cloud": W1,
    "w1_plain": W1,
    "w2_native": W2,
    "w2_overview": W2,
    "w3": {"rasterio + numpy, pixel centres": Contestant(_ndvi)},
    "w4": {"rasterio + numpy by windows": Contestant(_whole)},
}
