"""MOD13Q1-like vegetation indices of 2010 over north-eastern New England, sinusoidal grid."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.crs import transform
from ecumene.core.projection import Projection
from ecumene.demo import stac, tiff
from ecumene.demo.noise import Field, fractal

CRS = "SR-ORG:6974"
PIXEL = 231.65635826395825
WEST, NORTH = -25_080 * PIXEL, 22_850 * PIXEL
WIDTH, HEIGHT = 3_400, 2_300
LONGITUDES, LATITUDES = (-71.6, -66.6), (42.8, 47.6)
DATES = tuple(dt.date(2010, 1, 1) + dt.timedelta(days=16 * k) for k in range(23))
BANDS = ("NDVI", "EVI", "SummaryQA")


@lru_cache(maxsize=1)
def _land() -> tuple[Field, Field, NDArray[np.bool_], Field]:
    """Forest share, texture, where there is data, latitude."""
    x = WEST + PIXEL * (np.arange(WIDTH) + 0.5)
    y = NORTH - PIXEL * (np.arange(HEIGHT) + 0.5)
    coarse_x, coarse_y = x[::4], y[::4]
    forest = np.repeat(np.repeat(fractal(201, coarse_x, coarse_y, 60_000, 5), 4, 0), 4, 1)
    texture = np.repeat(np.repeat(fractal(211, coarse_x, coarse_y, 4_000, 2), 4, 0), 4, 1)
    lake = fractal(223, coarse_x, coarse_y, 14_000, 3)
    water = np.repeat(np.repeat(lake > 0.80, 4, 0), 4, 1)[:HEIGHT, :WIDTH]
    lon, lat = transform(CRS, "EPSG:4326", *np.meshgrid(x[::20], y[::20]))
    inside = (
        (lon > LONGITUDES[0]) & (lon < LONGITUDES[1]) & (lat > LATITUDES[0]) & (lat < LATITUDES[1])
    )
    grown = np.repeat(np.repeat(inside, 20, 0), 20, 1)[:HEIGHT, :WIDTH]
    height = np.repeat(np.repeat(lat.astype("float32"), 20, 0), 20, 1)[:HEIGHT, :WIDTH]
    return (
        forest[:HEIGHT, :WIDTH],
        texture[:HEIGHT, :WIDTH] - 0.5,
        np.asarray(grown & ~water),
        height,
    )


def pixels(day: dt.date) -> dict[str, NDArray[Any]]:
    """Bands of a date: int16 indices · 10000 (0 stands for no data), quality as uint8."""
    forest, texture, land, latitude = _land()
    season = day.timetuple().tm_yday + 0.5
    delay = (latitude - 45) * 5
    leaf = 1 / (1 + np.exp(-(season - 128 - delay) / 9)) - 1 / (
        1 + np.exp(-(season - 280 + delay) / 10)
    )
    base = 0.22 + 0.22 * forest
    ndvi = base + (0.84 - base) * np.clip(leaf, 0, 1) * (0.75 + 0.4 * forest) + 0.05 * texture
    snow = np.clip((60 - season) / 30 + (latitude - 45) / 4, 0, 0.7)
    ndvi = ndvi * (1 - snow * (1 - forest))
    scaled = np.where(land, np.clip(np.rint(ndvi * 2500) * 4, 1, 9999), 0)
    evi = np.where(land, np.clip(np.rint(scaled * 0.58 / 4) * 4, 1, 9999), 0)
    quality = np.where(land, np.where(snow > 0.4, 2, 1), 0)
    return {
        "NDVI": scaled.astype("int16"),
        "EVI": evi.astype("int16"),
        "SummaryQA": quality.astype("uint8"),
    }


def make(day: dt.date, folder: Path) -> dict[str, Any]:
    """Writes the files of a date; returns its STAC item."""
    index = day.strftime("%Y_%m_%d")
    grid = Projection(CRS, (PIXEL, 0.0, WEST, 0.0, -PIXEL, NORTH))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    assets = {}
    for name, values in pixels(day).items():
        path = folder / "data" / f"{index}_{name}.tif"
        placed = tiff.Placed(values, 0, 0, WIDTH, HEIGHT)
        tiff.write(path, placed, grid, overviews=3, nearest=name == "SummaryQA")
        assets[name] = stac.asset(
            f"../data/{path.name}", grid, WIDTH, HEIGHT, name, values.dtype.name
        )
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    end = start + dt.timedelta(days=16)
    ring = _corners()
    properties = {
        "system:index": index,
        "system:time_start": int(start.timestamp() * 1000),
        "system:time_end": int(end.timestamp() * 1000),
        "num_tiles": 1,
    }
    return stac.item(index, "EPSG:4326", ring, start, properties, assets)


def _corners() -> list[tuple[float, float]]:
    (west, east), (south, north) = LONGITUDES, LATITUDES
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]
