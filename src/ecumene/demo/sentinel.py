"""Sentinel-2 L1C-like scenes of the imaginary delta, spring and summer 2020, and two of April 2017."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.projection import Projection
from ecumene.demo import landscape, stac, tiff
from ecumene.demo.landscape import BANDS, Country
from ecumene.demo.noise import Field, fractal, hashed

CRS = "EPSG:32610"
SIZE = 109_800
METRES = dict(zip(BANDS, (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20), strict=True))
CORNERS = {
    "10SFH": (600_000, 4_300_020),
    "10SFG": (600_000, 4_200_000),
    "10SEG": (499_980, 4_200_000),
}
"""Upper-left corners of the tiles' grids."""

AREA = (621_000, 4_198_980, 629_400, 4_214_340)
"""West, south, east, north of what the scenes of 2020 show: the point of the main job and around."""

ORBITS = {"070": dt.time(18, 49, 21), "113": dt.time(18, 59, 19)}


@dataclass(frozen=True, slots=True)
class Scene:
    """One granule: date, relative orbit, tile, part of the sky under cloud."""

    day: dt.date
    orbit: str
    tile: str
    cloud: float
    number: int

    @property
    def sensed(self) -> dt.datetime:
        """Start of sensing, UTC."""
        return dt.datetime.combine(self.day, ORBITS[self.orbit], dt.UTC)

    @property
    def made(self) -> dt.datetime:
        """Generation time in the name of the product."""
        return self.sensed + dt.timedelta(seconds=300 + 17 * (self.number % 19))

    @property
    def index(self) -> str:
        """``<sensing>_<generation>_T<tile>``."""
        form = "%Y%m%dT%H%M%S"
        return f"{self.sensed.strftime(form)}_{self.made.strftime(form)}_T{self.tile}"

    @property
    def seed(self) -> int:
        """Weather and noise of the day: the same on neighbouring tiles."""
        return self.day.toordinal() * 7 + int(self.orbit)


def calendar() -> list[Scene]:
    """Every scene of the archive."""
    scenes = []
    start = dt.date(2020, 4, 2)
    for number in range(31):
        seed = np.asarray([number])
        cover = float(hashed(101, seed)[0])
        cloud = 0.0 if cover < 0.42 else (cover - 0.42) ** 1.5 * 2.0
        day = start + dt.timedelta(days=5 * number)
        if number % 8 == 5 or number == 30:
            continue  # not every pass is downlinked
        scenes.append(Scene(day, "070", "10SFH", min(cloud, 0.85), number))
        if number % 4 == 0:
            scenes.append(Scene(day, "070", "10SFG", min(cloud, 0.85), number))
        if number % 6 == 3:
            cloud = float(hashed(103, seed)[0]) * 0.35
            scenes.append(Scene(day + dt.timedelta(days=3), "113", "10SFH", cloud, 50 + number))
    scenes.append(Scene(dt.date(2017, 4, 1), "113", "10SEG", 0.03, 90))
    scenes.append(Scene(dt.date(2017, 4, 18), "070", "10SEG", 0.55, 91))
    return sorted(scenes, key=lambda scene: (scene.sensed, scene.tile))


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of a tile that a scene shows: offsets in metres from the tile's corner."""

    left: int
    top: int
    width: int
    height: int
    step: int
    """Metres of the finest detail; larger steps are repeated to fill 10 m pixels."""

    def centres(self, corner: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Coordinates of the centres of the finest cells."""
        x = corner[0] + self.left + self.step * (np.arange(self.width // self.step) + 0.5)
        y = corner[1] - self.top - self.step * (np.arange(self.height // self.step) + 0.5)
        return x, y


def frame(tile: str, day: dt.date) -> Frame:
    """The area of 2020 where the tile meets it; in 2017 a whole tile in coarse detail, then a part."""
    if day == dt.date(2017, 4, 1):
        return Frame(0, 0, SIZE, SIZE, 600)
    if day.year == 2017:
        return Frame(69_600, 46_800, 21_600, 21_600, 60)
    west, north = CORNERS[tile]
    top = max(0, north - AREA[3])
    height = min(north, AREA[3]) - AREA[1]
    return Frame(AREA[0] - west, top, AREA[2] - AREA[0], height, 10)


@lru_cache(maxsize=2)
def country(tile: str, shown: Frame) -> Country:
    """The land of a frame (kept for the next date)."""
    return landscape.survey(*shown.centres(CORNERS[tile]))


def clouds(scene: Scene, x: NDArray[Any], y: NDArray[Any]) -> tuple[Field, Field]:
    """Opacity of cloud and depth of its shadow, each 0 to 1."""
    if scene.cloud <= 0.002:
        nothing = np.zeros((y.size, x.size), "float32")
        return nothing, nothing
    field = fractal(scene.seed, x, y, 5200, 6)
    shifted = fractal(scene.seed, x + 420, y - 260, 5200, 6)
    limit = np.quantile(field[::8, ::8], 1 - scene.cloud)
    opacity = np.clip((field - limit) / 0.035, 0, 1)
    shadow = np.clip((shifted - limit) / 0.045, 0, 1) * (1 - opacity)
    return np.asarray(opacity, "float32"), np.asarray(shadow, "float32")


def swath(scene: Scene, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
    """Where the sensor looked: orbit 113 loses a slanted wedge in the east of the area."""
    inside = np.ones((y.size, x.size), bool)
    if scene.orbit == "113" and scene.day.year == 2020:
        edge = 627_600 + 0.21 * (y[:, None] - 4_206_000) + 90 * (scene.number % 7)
        inside &= x[None, :] < edge
    return inside


def _block_mean(values: NDArray[Any], factor: int) -> NDArray[Any]:
    if factor == 1:
        return values
    rows, cols = values.shape[0] // factor, values.shape[1] // factor
    return np.asarray(values.reshape(rows, factor, cols, factor).mean(axis=(1, 3), dtype="float32"))


def _at(values: NDArray[Any], step: int, metres: int) -> NDArray[Any]:
    """From cells of ``step`` metres to pixels of ``metres``."""
    if metres >= step:
        return _block_mean(values, metres // step)
    factor = step // metres
    return np.repeat(np.repeat(values, factor, axis=0), factor, axis=1)


def pixels(scene: Scene, shown: Frame) -> dict[str, NDArray[Any]]:
    """Every band of the frame in its own resolution: uint16, 0 outside the swath."""
    x, y = shown.centres(CORNERS[scene.tile])
    land = country(scene.tile, shown)
    green = landscape.greenness(land, scene.day.timetuple().tm_yday)
    opacity, shadow = clouds(scene, x, y)
    inside = swath(scene, x, y)
    noise = np.random.default_rng(scene.seed).standard_normal(inside.shape, dtype="float32")
    gain = 1 + 0.03 * math.sin(scene.number * 2.4)
    out: dict[str, NDArray[Any]] = {}
    for number, name in enumerate(BANDS):
        metres = METRES[name]
        value = landscape.reflectance(land, green, number) * np.float32(gain)
        value *= 1 - np.float32(0.45) * shadow
        if scene.cloud > 0.002:
            bright = landscape.spectrum("cloud", number) * (0.78 + 0.5 * land.texture)
            value += (bright - value) * opacity
        if metres == 10:
            value += noise * np.float32(1.0)
        full = _at(value, shown.step, metres)
        seen = _at(inside.astype("float32"), shown.step, metres) > 0.999
        out[name] = np.where(seen, np.clip(np.rint(full), 1, 10000), 0).astype("uint16")
    thick = _at(opacity, shown.step, 60) > 0.6
    thin = ~thick & (_at(opacity, shown.step, 60) > 0.15)
    out["QA60"] = (thick * np.uint16(1 << 10) + thin * np.uint16(1 << 11)).astype("uint16")
    return out


def _properties(scene: Scene, values: dict[str, NDArray[Any]]) -> dict[str, Any]:
    start = int(scene.sensed.timestamp() * 1000) + 24
    valid = float((values["B1"] > 0).mean())
    flagged = float((values["QA60"] > 0).mean())
    craft = "A" if scene.number % 2 == 0 else "B"
    day = scene.day.timetuple().tm_yday
    form = "%Y%m%dT%H%M%S"
    sensed, made = scene.sensed.strftime(form), scene.made.strftime(form)
    product = f"S2{craft}_MSIL1C_{sensed}_N0209_R{scene.orbit}_T{scene.tile}_{made}"
    absolute = 24_900 + scene.number
    properties: dict[str, Any] = {
        "system:index": scene.index,
        "system:time_start": start,
        "system:time_end": start,
        "CLOUDY_PIXEL_PERCENTAGE": round(100 * flagged, 4),
        "CLOUD_COVERAGE_ASSESSMENT": round(100 * flagged, 4),
        "DATASTRIP_ID": f"S2{craft}_OPER_MSI_L1C_DS_EPAE_{made}_S{sensed}_N02.09",
        "DATATAKE_IDENTIFIER": f"GS2{craft}_{sensed}_{absolute:06d}_N02.09",
        "DATATAKE_TYPE": "INS-NOBS",
        "DEGRADED_MSI_DATA_PERCENTAGE": 0,
        "FORMAT_CORRECTNESS": "PASSED",
        "GENERAL_QUALITY": "PASSED",
        "GENERATION_TIME": int(scene.made.timestamp() * 1000),
        "GEOMETRIC_QUALITY": "PASSED",
        "GRANULE_ID": f"L1C_T{scene.tile}_A{absolute:06d}_{made}",
        "MEAN_SOLAR_AZIMUTH_ANGLE": round(140 + 8 * math.cos(day / 58), 6),
        "MEAN_SOLAR_ZENITH_ANGLE": round(29 + 11 * math.cos((day - 172) / 58 + math.pi), 6),
        "MGRS_TILE": scene.tile,
        "NODATA_PIXEL_PERCENTAGE": round(100 * (1 - valid), 4),
        "PROCESSING_BASELINE": "02.09",
        "PRODUCT_ID": product,
        "RADIOMETRIC_QUALITY": "PASSED",
        "REFLECTANCE_CONVERSION_CORRECTION": round(1 - 0.0167 * math.cos((day - 4) / 58.1), 6),
        "SENSING_ORBIT_DIRECTION": "DESCENDING",
        "SENSING_ORBIT_NUMBER": int(scene.orbit),
        "SENSOR_QUALITY": "PASSED",
        "SPACECRAFT_NAME": f"Sentinel-2{craft}",
    }
    for number, name in enumerate(BANDS):
        properties[f"MEAN_INCIDENCE_AZIMUTH_ANGLE_{name}"] = round(104.0 + 0.3 * number, 4)
        properties[f"MEAN_INCIDENCE_ZENITH_ANGLE_{name}"] = round(3.1 + 0.05 * number, 4)
    return properties


def make(scene: Scene, folder: Path) -> dict[str, Any]:
    """Writes the files of a scene; returns its STAC item."""
    corner, shown = CORNERS[scene.tile], frame(scene.tile, scene.day)
    values = pixels(scene, shown)
    (folder / "data" / scene.index).mkdir(parents=True, exist_ok=True)
    assets = {}
    for name, data in values.items():
        metres = METRES.get(name, 60)
        size = SIZE // metres
        grid = Projection(CRS, (metres, 0.0, corner[0], 0.0, -metres, corner[1]))
        placed = tiff.Placed(data, shown.left // metres, shown.top // metres, size, size)
        path = folder / "data" / scene.index / f"{name}.tif"
        tiff.write(path, placed, grid, overviews=4 if metres < 60 else 2, nearest=name == "QA60")
        assets[name] = stac.asset(
            f"../data/{scene.index}/{name}.tif", grid, size, size, name, "uint16"
        )
    x0, y1 = corner[0] + shown.left, corner[1] - shown.top
    outline = _outline(scene, x0, y1 - shown.height, x0 + shown.width, y1)
    return stac.item(scene.index, CRS, outline, scene.sensed, _properties(scene, values), assets)


def _outline(
    scene: Scene, west: float, south: float, east: float, north: float
) -> list[tuple[float, float]]:
    """The seen part of the frame as a ring in UTM."""
    if scene.orbit == "113" and scene.day.year == 2020:
        edge = [627_600 + 0.21 * (y - 4_206_000) + 90 * (scene.number % 7) for y in (south, north)]
        return [(west, south), (edge[0], south), (edge[1], north), (west, north), (west, south)]
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]
