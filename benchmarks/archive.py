"""The archive that everybody reads: forty dates of one scene like Sentinel-2 level 2A (about 4.5 GB).

``python -m benchmarks.archive [--root build/bench] [--size 4096] [--dates 40]``

B02 B03 B04 B08 16-bit at 10 m, SCL 8-bit at 20 m, QA60 16-bit at 60 m, a date every five days. Cloud optimized
GeoTIFFs as the public archives have them: blocks of 512, DEFLATE level 6 after horizontal differencing, overviews
2 4 8. Clouds (with shadows) cover 0 to 90 % of a date, a third of the dates lose a wedge at the edge of the swath.
It is made in a folder of its own and renamed when it is whole, so what has the name is complete.
"""

from __future__ import annotations

import argparse
import datetime as dt
import fcntl
import json
import multiprocessing
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cog
from benchmarks.workloads import CRS, NORTH, WEST
from ecumene.core.projection import Projection
from ecumene.demo import landscape, stac
from ecumene.demo.noise import fractal, hashed

SIZE, DATES, ROWS = 4096, 40, 512
BANDS = {"B02": 1, "B03": 2, "B04": 3, "B08": 7}
"""Bands at 10 m and their places in the landscape's spectra."""

COARSE = {"SCL": (20, "uint8"), "QA60": (60, "uint16")}
NOISE = 38
"""Standard deviation of sensor noise and fine texture: files become as large as real ones, raw / compressed 1.62."""

SHADOW = (40, 60)
"""How far shadows lie from their clouds: rows down, columns to the left."""


@dataclass(frozen=True, slots=True)
class Sky:
    """Clouds of one date over some rows: opacity, shade (0 to 1), what the swath misses."""

    field: np.ndarray
    cloud: np.ndarray
    shadow: np.ndarray
    outside: np.ndarray


@lru_cache(maxsize=1)
def _strips(size: int) -> list[landscape.Country]:
    """The country that all dates share, by strips of rows (a process surveys it once)."""
    x = WEST + 10 * (np.arange(size) + 0.5)
    return [landscape.survey(x, _northings(row, min(row + ROWS, size))) for row in _tops(size)]


def _tops(size: int) -> range:
    return range(0, size, ROWS)


def _northings(first: int, last: int) -> np.ndarray:
    return NORTH - 10 * (np.arange(first, last) + 0.5)


def _sky(number: int, size: int, top: int, threshold: float) -> Sky:
    bottom = min(top + ROWS, size)
    down, left = SHADOW
    x = WEST + 10 * (np.arange(size + left) + 0.5)
    field = fractal(500 + 10 * number, x, _northings(top - down, bottom), 5000, 6)
    opacity = np.clip((field - threshold) / 0.06, 0, 1)
    cloud = opacity[down:, :size]
    shadow = opacity[:-down, left:] * (cloud == 0)
    columns, rows = np.arange(size)[None, :], np.arange(top, bottom)[:, None]
    edge = 0.7 * size + 0.18 * (size - rows) if number % 3 == 1 else size + 0 * rows
    return Sky(field[down:, :size], cloud, shadow, columns > edge)


def _threshold(number: int, size: int) -> tuple[float, float]:
    """Share of clouds of a date and the value of its field above which they stand."""
    cover = float(hashed(9, np.asarray([number]))[0]) ** 1.5 * 0.9
    x = WEST + 10 * (np.arange(0, size, 16) + 0.5)
    y = NORTH - 10 * (np.arange(0, size, 16) + 0.5)
    return cover, float(np.quantile(fractal(500 + 10 * number, x, y, 5000, 6), 1 - cover))


def _pixels(number: int, size: int, day: dt.datetime) -> dict[str, np.ndarray]:
    """All bands of a date."""
    _, threshold = _threshold(number, size)
    out = {name: np.empty((size, size), "uint16") for name in BANDS}
    out["SCL"] = np.empty((size, size), "uint8")
    out["QA60"] = np.empty((size, size), "uint16")
    for top, land in zip(_tops(size), _strips(size), strict=True):
        rows = slice(top, min(top + ROWS, size))
        sky = _sky(number, size, top, threshold)
        rng = np.random.Generator(np.random.SFC64([number, top]))
        green = landscape.greenness(land, day.timetuple().tm_yday)
        for name, band in BANDS.items():
            value = landscape.reflectance(land, green, band) * (1 - 0.45 * sky.shadow)
            value += (5600 + 1200 * sky.field - value) * sky.cloud
            value += rng.standard_normal(value.shape, dtype="float32") * NOISE
            measured = np.clip(np.rint(value), 1, 16_000).astype("uint16")
            out[name][rows] = np.where(sky.outside, 0, measured)
        classes = np.where(land.water > 0.5, 6, np.where(green + land.trees > 0.3, 4, 5))
        classes = np.where(sky.shadow > 0.3, 3, classes)
        classes = np.where(sky.cloud > 0.6, 9, np.where(sky.cloud > 0.15, 8, classes))
        out["SCL"][rows] = np.where(sky.outside, 0, classes)
        out["QA60"][rows] = np.where(sky.outside | (sky.cloud <= 0.6), 0, 1 << 10)
    return out


def _scene(number: int, folder: Path, size: int) -> None:
    """Writes one date: six files and an item."""
    day = dt.datetime(2023, 1, 3, 19, 3, 12, tzinfo=dt.UTC) + dt.timedelta(days=5 * number)
    index = f"{day:%Y%m%dT%H%M%S}_bench"
    place = folder / "data" / index
    place.mkdir(parents=True, exist_ok=True)
    assets = {}
    for name, full in _pixels(number, size, day).items():
        metres, dtype = COARSE.get(name, (10, "uint16"))
        step = metres // 10
        side = size // step
        values = np.ascontiguousarray(full[::step, ::step][:side, :side])
        grid = Projection(f"EPSG:{CRS}", (float(metres), 0.0, WEST, 0.0, -float(metres), NORTH))
        nodata = None if name == "QA60" else 0
        cog.write(place / f"{name}.tif", values, grid, nodata=nodata, mean=name in BANDS)
        asset = stac.asset(f"../data/{index}/{name}.tif", grid, side, side, name, dtype)
        if nodata is None:
            del asset["bands"][0]["nodata"]
        asset["raster:bands"] = [{**asset["bands"][0]}]
        assets[name] = asset
    item = _item(index, day, size, assets)
    item["properties"]["eo:cloud_cover"] = round(100 * _threshold(number, size)[0], 2)
    (folder / "items" / f"{index}.json").write_text(json.dumps(item))


def _item(index: str, day: dt.datetime, size: int, assets: dict[str, Any]) -> dict[str, Any]:
    west, north, side = WEST, NORTH, 10 * size
    ring = [(west, north - side), (west + side, north - side), (west + side, north), (west, north)]
    properties = {"system:index": index, "system:time_start": int(day.timestamp() * 1000)}
    item = stac.item(index, f"EPSG:{CRS}", [*ring, ring[0]], day, properties, assets)
    item["properties"]["proj:epsg"] = CRS
    item["collection"] = "bench"
    return item


def catalogue(root: Path) -> None:
    """The documents that make the folder a catalogue of this server."""
    folder = root / "bench"
    bands = []
    for name in (*BANDS, *COARSE):
        dtype = COARSE.get(name, (10, "uint16"))[1]
        band = {"id": name, "asset": name, "band": 1, "data_type": dtype}
        bands.append(band if name == "QA60" else {**band, "nodata": 0})
    names = [path.stem for path in sorted((folder / "items").glob("*.json"))]
    document = stac.collection("bench", "Benchmark archive", "IMAGE_COLLECTION", bands, names)
    (folder / "collection.json").write_text(json.dumps(document))
    entry = {"type": "IMAGE_COLLECTION", "collection": "./bench/collection.json", "bands": bands}
    catalogue = {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "bench",
        "description": "Benchmark archive",
        "links": [{"rel": "child", "href": "./bench/collection.json"}],
        "ee:assets": {"BENCH/S2": [entry]},
    }
    (root / "catalog.json").write_text(json.dumps(catalogue))


def _make(root: Path, size: int, dates: int) -> None:
    folder = root / "bench"
    (folder / "items").mkdir(parents=True)
    context = multiprocessing.get_context("spawn")
    work = partial(_scene, folder=folder, size=size)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        for done, _ in enumerate(pool.map(work, range(dates)), start=1):
            print(f"archive: {done} of {dates} dates", file=sys.stderr, flush=True)
    (folder / "size.json").write_text(str(size))
    catalogue(root)


def ensure(root: Path, size: int = SIZE, dates: int = DATES) -> Path:
    """The folder of the archive under ``root``, made if it is not there (one process makes it, others wait)."""
    whole = (size, dates) == (SIZE, DATES)
    place = root / ("archive" if whole else f"archive-{size}-{dates}")
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            partial_ = root / f"{place.name}.partial"
            shutil.rmtree(partial_, ignore_errors=True)
            _make(partial_, size, dates)
            partial_.rename(place)
    return place / "bench"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=Path("build/bench"))
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--dates", type=int, default=DATES)
    options = parser.parse_args()
    print(ensure(options.root, options.size, options.dates))


if __name__ == "__main__":
    main()
