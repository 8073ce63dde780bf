"""What every contestant computes. Repetition k asks for another place, the same one for all."""

from __future__ import annotations

import io
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer

CRS, WEST, NORTH, METRES = 32610, 600_000.0, 4_300_020.0, 10.0
DEGREES = 10 / 111319.49079327357
RGB = ("B04", "B03", "B02")
CLOUDY = (0, 3, 8, 9, 10)
STRETCH = 3000.0
SIDE = 640
TILE, HALF_WORLD = 256, math.pi * 6378137.0
ZOOMS = {"native": 14, "overview": 11}
LOAD, FLIGHT = 60, 8
"""Tiles of a loaded repetition, and how many of them are in flight."""

RADIUS, FOCAL_SIDE = 5, 2048
FIELDS_SIDE, SURFACE_SIDE = 4096, 2048
TREES, FOREST_BANDS, FOREST_SIDE, FOREST_SAMPLES = 100, 10, 4096, 5000


@dataclass(frozen=True)
class Ask:
    """One question: the workload, the place, how many scenes, where large answers go."""

    archive: Path
    task: str
    k: int
    n: int
    folder: Path


def items(archive: Path, n: int | None = None) -> list[dict[str, Any]]:
    """STAC items of n scenes spread over the series (all of them by default), with absolute paths."""
    files = sorted((archive / "items").glob("*.json"))
    found = []
    for number in range(n or len(files)):
        path = files[number * len(files) // (n or len(files))]
        item = json.loads(path.read_text())
        for asset in item["assets"].values():
            asset["href"] = str((path.parent / asset["href"]).resolve())
        found.append(item)
    return found


def scene(archive: Path, k: int) -> dict[str, Any]:
    """The item of the one scene that a place of W2 and W3 looks at."""
    found = items(archive)
    return found[k % min(4, len(found))]


def size(archive: Path) -> int:
    """Pixels of a side at 10 m."""
    return int(json.loads((archive / "size.json").read_text()))


def lonlat(x: Any, y: Any) -> tuple[Any, Any]:
    """Degrees of UTM metres."""
    found = Transformer.from_crs(CRS, 4326, always_xy=True).transform(x, y)
    return found[0], found[1]


def corner(archive: Path, k: int) -> tuple[float, float]:
    """W1: longitude and latitude of the upper-left corner of place k."""
    x, y = np.random.default_rng(100 + k).integers(60, size(archive) - 860, 2)
    lon, lat = lonlat(WEST + x * METRES, NORTH - y * METRES)
    return float(lon), float(lat)


def tile(archive: Path, k: int, zoom: int) -> tuple[int, int]:
    """W2: column and row of a web-mercator tile that lies in the footprint."""
    low, high = (0.1, 0.9) if zoom >= 13 else (0.3, 0.7)
    fx, fy = np.random.default_rng(200 + k).uniform(low, high, 2)
    metres = size(archive) * METRES
    lon, lat = lonlat(WEST + fx * metres, NORTH - fy * metres)
    across = 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * across
    return int((lon + 180) / 360 * across), int(y)


def tiles(archive: Path, k: int, zoom: int) -> list[tuple[int, int, int]]:
    """W2 under load: different tiles as ``(place, column, row)``; the place picks the scene."""
    found: dict[tuple[int, int, int], tuple[int, int, int]] = {}
    number = 1000 * (k + 1)
    while len(found) < LOAD:
        x, y = tile(archive, number, zoom)
        found.setdefault((number % 4, x, y), (number, x, y))
        number += 1
    return list(found.values())


def tile_transform(zoom: int, x: int, y: int) -> tuple[float, ...]:
    """The affine transform of a tile in EPSG:3857."""
    metres = 2 * HALF_WORLD / (TILE * 2**zoom)
    return (
        metres,
        0.0,
        x * TILE * metres - HALF_WORLD,
        0.0,
        -metres,
        HALF_WORLD - y * TILE * metres,
    )


def polygon(archive: Path, k: int) -> dict[str, Any]:
    """W3: a wobbly polygon of 200 vertices and about 1.5 million pixels, GeoJSON in the archive's CRS."""
    rng = np.random.default_rng(300 + k)
    side = size(archive)
    radius = min(700, side // 5)
    cx, cy = rng.uniform(1.4 * radius, side - 1.4 * radius, 2)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    wobble = 0.2 * np.sin(5 * angle + rng.uniform(0, 6)) + 0.08 * np.sin(
        17 * angle + rng.uniform(0, 6)
    )
    x = WEST + (cx + radius * (1 + wobble) * np.cos(angle)) * METRES
    y = NORTH - (cy + radius * (1 + wobble) * np.sin(angle)) * METRES
    ring = [[float(a), float(b)] for a, b in zip(x, y, strict=True)]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def focal_input(archive: Path, k: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """W5: one band of a scene and where it is valid, already in memory."""
    import rasterio

    found = items(archive)
    with rasterio.open(found[k % len(found)]["assets"]["B04"]["href"]) as source:
        side = min(FOCAL_SIDE, source.width)
        values = source.read(1)[:side, :side]
    return values, values != 0


def footprint(shape: str) -> NDArray[np.bool_]:
    """W5: cells of the circle or the square of the radius."""
    y, x = np.ogrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1]
    return (x * x + y * y <= RADIUS * RADIUS) if shape == "circle" else np.abs(x + y) < 99


def _spectra(rng: np.random.Generator, classes: Any) -> NDArray[np.uint16]:
    """W6: noisy reflectances ``(bands, …)`` of eight kinds of land that overlap."""
    means = np.random.default_rng(6).integers(500, 5000, (8, FOREST_BANDS)).T
    out = np.empty((FOREST_BANDS, *classes.shape), "uint16")
    for band, mean in zip(out, means, strict=True):
        band[...] = np.clip(mean[classes] + rng.normal(0, 900, classes.shape), 1, 10_000)
    return out


def forest_samples() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """W6: training rows and their classes."""
    rng = np.random.default_rng(60)
    classes = rng.integers(0, 8, FOREST_SAMPLES)
    return _spectra(rng, classes).T.astype("float32"), classes


def forest_bands(k: int) -> NDArray[np.uint16]:
    """W6: ten bands of fields of 16 pixels a side."""
    rng = np.random.default_rng(600 + k)
    fields = rng.integers(0, 8, (FOREST_SIDE // 16 + 1,) * 2)
    classes = np.kron(fields, np.ones((16, 16), "int64"))[:FOREST_SIDE, :FOREST_SIDE]
    return _spectra(rng, classes)


def _smooth(rng: np.random.Generator, side: int, radius: float) -> NDArray[np.float32]:
    """Noise smoothed by a Gaussian of a radius in pixels, of standard deviation 1."""
    from scipy.ndimage import gaussian_filter

    found = gaussian_filter(rng.normal(size=(side, side)).astype("float32"), radius)
    return np.asarray(found / found.std())


def fields(k: int) -> NDArray[np.uint8]:
    """W7: nine classes in fields of some tens of pixels."""
    found = _smooth(np.random.default_rng(700 + k), FIELDS_SIDE, 8)
    return np.asarray(np.clip(np.rint(2 * found), -4, 4) + 4, "uint8")


def surface(k: int) -> NDArray[np.uint16]:
    """W8: hills and noise, from 1 on."""
    rng = np.random.default_rng(800 + k)
    hills = 200 * _smooth(rng, SURFACE_SIDE, 40) + rng.integers(0, 60, (SURFACE_SIDE,) * 2)
    return np.asarray(hills - hills.min() + 1, "uint16")


def source_of(values: Any) -> tuple[int, int]:
    """W8: the pixel from which costs are counted."""
    return values.shape[0] // 2, values.shape[1] // 3


def stretched(bands: Any) -> NDArray[np.uint8]:
    """``(3, h, w)`` reflectance, NaN where nothing is valid, as 8-bit colours."""
    scaled = np.clip(np.nan_to_num(np.asarray(bands, "float32")) / STRETCH, 0, 1) * 255
    return scaled.astype("uint8")


def picture(bands: Any) -> bytes:
    """Reflectance as a PNG by Pillow, at its default level unless BENCH_PNG_LEVEL says otherwise."""
    out = io.BytesIO()
    level = int(os.environ.get("BENCH_PNG_LEVEL", "6"))
    image = Image.fromarray(np.ascontiguousarray(np.moveaxis(stretched(bands), 0, -1)))
    image.save(out, "PNG", compress_level=level)
    return out.getvalue()
