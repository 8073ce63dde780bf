"""Forty dates of the demonstration's delta with sensor noise and a scene classification (0.7 GB)."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from benchmarks.workloads import NORTH, WEST
from ecumene.core.projection import Projection
from ecumene.demo import landscape, stac, tiff
from ecumene.demo.noise import fractal, hashed

SIZE, DATES = int(os.environ.get("BENCH_SIZE", "2048")), 40
"""Pixels of a side (the environment reaches the processes that write scenes), number of scenes."""
BANDS = {"B02": 1, "B03": 2, "B04": 3}


@lru_cache(maxsize=1)
def _land() -> tuple[np.ndarray, np.ndarray, landscape.Country]:
    x = WEST + 10 * (np.arange(SIZE) + 0.5)
    y = NORTH - 10 * (np.arange(SIZE) + 0.5)
    return x, y, landscape.survey(x, y)


def _scene(number: int, folder: Path) -> None:
    x, y, land = _land()
    day = dt.datetime(2023, 1, 3, 19, 3, 12, tzinfo=dt.UTC) + dt.timedelta(days=5 * number)
    index = f"{day:%Y%m%dT%H%M%S}_bench"
    rng = np.random.default_rng(number)
    green = landscape.greenness(land, day.timetuple().tm_yday)
    cover = float(hashed(9, np.asarray([number]))[0]) ** 1.5 * 0.9
    field = fractal(500 + number, x, y, 5000, 6)
    cloud = np.clip((field - np.quantile(field[::8, ::8], 1 - cover)) / 0.05, 0, 1)
    outside = np.zeros((SIZE, SIZE), bool)
    if number % 3 == 1:
        columns, rows = np.arange(SIZE)[None, :], np.arange(SIZE)[:, None]
        outside = columns > 0.7 * SIZE + 0.18 * (SIZE - rows)
    (folder / "data" / index).mkdir(parents=True, exist_ok=True)
    grid = Projection("EPSG:32610", (10.0, 0.0, WEST, 0.0, -10.0, NORTH))
    coarse = Projection("EPSG:32610", (20.0, 0.0, WEST, 0.0, -20.0, NORTH))
    assets = {}
    for name, band in BANDS.items():
        value = landscape.reflectance(land, green, band) * (1 - cloud) + 6200 * cloud
        value += rng.standard_normal((SIZE, SIZE), dtype="float32") * 18
        pixels = np.where(outside, 0, np.clip(np.rint(value), 1, 16_000)).astype("uint16")
        path = folder / "data" / index / f"{name}.tif"
        tiff.write(path, tiff.Placed(pixels, 0, 0, SIZE, SIZE), grid, overviews=2)
        assets[name] = stac.asset(f"../data/{index}/{name}.tif", grid, SIZE, SIZE, name, "uint16")
    classes = np.where(cloud > 0.6, 9, np.where(cloud > 0.15, 8, np.where(land.water > 0.5, 6, 4)))
    classes = np.where(outside, 0, classes).astype("uint8")[::2, ::2]
    path = folder / "data" / index / "SCL.tif"
    half = SIZE // 2
    tiff.write(
        path,
        tiff.Placed(np.ascontiguousarray(classes), 0, 0, half, half),
        coarse,
        overviews=1,
        nearest=True,
    )
    assets["SCL"] = stac.asset(f"../data/{index}/SCL.tif", coarse, half, half, "SCL", "uint8")
    for asset in assets.values():
        asset["raster:bands"] = [{**asset["bands"][0]}]
    west, north, side = WEST, NORTH, 10 * SIZE
    ring = [(west, north - side), (west + side, north - side), (west + side, north), (west, north)]
    properties = {"system:index": index, "system:time_start": int(day.timestamp() * 1000)}
    item = stac.item(index, "EPSG:32610", [*ring, ring[0]], day, properties, assets)
    item["properties"]["proj:epsg"] = 32610
    item["collection"] = "bench"
    (folder / "items" / f"{index}.json").write_text(json.dumps(item))


def ensure(root: Path) -> Path:
    """The archive's folder, made if it is not there."""
    folder = root / "bench"
    if (root / "catalog.json").exists():
        return folder
    (folder / "items").mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=context) as pool:
        for done, _ in enumerate(pool.map(partial(_scene, folder=folder), range(DATES)), start=1):
            print(f"\rarchive: {done} of {DATES} dates", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    (folder / "size.json").write_text(str(SIZE))
    bands = [
        {
            "id": name,
            "asset": name,
            "band": 1,
            "data_type": "uint8" if name == "SCL" else "uint16",
            "nodata": 0,
        }
        for name in (*BANDS, "SCL")
    ]
    names = [path.stem for path in sorted((folder / "items").glob("*.json"))]
    document = stac.collection("bench", "Benchmark archive", "IMAGE_COLLECTION", bands, names)
    (folder / "collection.json").write_text(json.dumps(document))
    entry = {"type": "IMAGE_COLLECTION", "collection": "./bench/collection.json", "bands": bands}
    catalogue = {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "bench",
        "description": "Benchmark archive",
    }
    catalogue |= {
        "links": [{"rel": "child", "href": "./bench/collection.json"}],
        "ee:assets": {"BENCH/S2": [entry]},
    }
    (root / "catalog.json").write_text(json.dumps(catalogue))
    return folder
