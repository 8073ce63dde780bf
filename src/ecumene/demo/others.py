"""Smaller members of the archive: elevation, Landsat-like surface reflectance, states."""

from __future__ import annotations

import datetime as dt
import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ecumene.core.crs import transform
from ecumene.core.projection import Projection
from ecumene.demo import landscape, stac, tiff
from ecumene.demo.sentinel import AREA, CRS

LANDSAT_BANDS = {
    "SR_B1": 0,
    "SR_B2": 1,
    "SR_B3": 2,
    "SR_B4": 3,
    "SR_B5": 8,
    "SR_B6": 11,
    "SR_B7": 12,
}
LANDSAT_DATES = (dt.date(2020, 4, 28), dt.date(2020, 6, 15), dt.date(2020, 8, 2))


def write_states(path: Path) -> list[dict[str, str]]:
    """A GeoJSON table of states; returns its columns."""
    # Outlines follow the surveyed lines of the states, rivers and coasts much simplified.
    states = json.loads(resources.files("ecumene.demo").joinpath("states.json").read_text())
    features = []
    for state in states:
        ring = state.pop("ring")
        closed = [*ring, ring[0]]
        properties = {**state, "GEOID": state["STATEFP"], "LSAD": "00"}
        features.append(
            {
                "type": "Feature",
                "properties": properties,
                "geometry": {"type": "Polygon", "coordinates": [closed]},
            }
        )
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    columns = [
        {"name": name, "type": "string"} for name in ("NAME", "STUSPS", "STATEFP", "GEOID", "LSAD")
    ]
    return [*columns, {"name": "geometry", "type": "geometry"}]


def make_elevation(folder: Path) -> dict[str, Any]:
    """One second of arc over the delta and its hills, metres."""
    step, size = 1 / 3600, 1440
    grid = Projection("EPSG:4326", (step, 0.0, -121.75, 0.0, -step, 38.2))
    lon = -121.75 + step * (np.arange(size) + 0.5)
    lat = 38.2 - step * (np.arange(size) + 0.5)
    x, _ = transform("EPSG:4326", CRS, lon, np.full(size, 38.0))
    _, y = transform("EPSG:4326", CRS, np.full(size, -121.55), lat)
    height = landscape.survey(x, y).height
    metres = np.clip(np.rint(2 + 900 * np.clip(height - 0.5, 0, 1) ** 1.4), 1, 3000).astype("int16")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    tiff.write(
        folder / "data" / "elevation.tif", tiff.Placed(metres, 0, 0, size, size), grid, overviews=2
    )
    ring = [(-121.75, 37.8), (-121.35, 37.8), (-121.35, 38.2), (-121.75, 38.2), (-121.75, 37.8)]
    moment = dt.datetime(2000, 2, 11, tzinfo=dt.UTC)
    assets = {
        "elevation": stac.asset("../data/elevation.tif", grid, size, size, "elevation", "int16")
    }
    properties = {
        "system:index": "SRTMGL1_003",
        "system:time_start": int(moment.timestamp() * 1000),
    }
    return stac.item("elevation", "EPSG:4326", ring, moment, properties, assets)


def make_landsat(day: dt.date, folder: Path) -> dict[str, Any]:
    """Surface reflectance scaled as Collection 2 does, 30 m, with QA_PIXEL."""
    index = f"LC08_044033_{day:%Y%m%d}"
    west, north = AREA[0] - 15, AREA[3] + 15
    width, height = 300, 512
    grid = Projection(CRS, (30.0, 0.0, west, 0.0, -30.0, north))
    x = west + 30 * (np.arange(width) + 0.5)
    y = north - 30 * (np.arange(height) + 0.5)
    land = landscape.survey(x, y)
    green = landscape.greenness(land, day.timetuple().tm_yday)
    (folder / "data" / index).mkdir(parents=True, exist_ok=True)
    assets = {}
    layers = {}
    for name, number in LANDSAT_BANDS.items():
        surface = landscape.reflectance(land, green, number) / 10_000 * 0.92 - (
            0.06 if number < 3 else 0.01
        )
        layers[name] = np.clip(np.rint((surface + 0.2) / 0.0000275), 1, 65_535).astype("uint16")
    layers["QA_PIXEL"] = np.where(land.water > 0.5, 21_952, 21_824).astype("uint16")
    for name, values in layers.items():
        path = folder / "data" / index / f"{name}.tif"
        tiff.write(
            path,
            tiff.Placed(values, 0, 0, width, height),
            grid,
            overviews=1,
            nearest=name == "QA_PIXEL",
        )
        assets[name] = stac.asset(
            f"../data/{index}/{name}.tif", grid, width, height, name, "uint16"
        )
    moment = dt.datetime.combine(day, dt.time(18, 45, 7), dt.UTC)
    east, south = west + 30 * width, north - 30 * height
    ring: list[tuple[float, float]] = [
        (west, south),
        (east, south),
        (east, north),
        (west, north),
        (west, south),
    ]
    properties = {
        "system:index": index,
        "system:time_start": int(moment.timestamp() * 1000),
        "system:time_end": int(moment.timestamp() * 1000),
        "CLOUD_COVER": 0.4,
        "SPACECRAFT_ID": "LANDSAT_8",
        "WRS_PATH": 44,
        "WRS_ROW": 33,
        "PROCESSING_LEVEL": "L2SP",
    }
    return stac.item(index, CRS, ring, moment, properties, assets)
