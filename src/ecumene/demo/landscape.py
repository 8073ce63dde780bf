"""An imaginary river delta: fields between sloughs, dry hills, a few towns.

Everything is a function of UTM coordinates (zone 10 north) and of the day of the year, so that a
window at 10 m and an overview at 160 m show the same country.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.demo.noise import Field, fractal, hashed, value_noise

BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")

# Reflectance · 10000 at the top of the atmosphere, in the order of BANDS.
SPECTRA = {
    "soil": (1380, 1290, 1530, 1960, 1680, 1820, 1950, 2050, 2200, 800, 15, 2900, 2450),
    "grass": (1340, 1240, 1660, 2080, 1900, 2150, 2330, 2450, 2620, 850, 15, 3300, 2500),
    "crop": (1180, 760, 1080, 520, 1080, 2900, 3750, 3900, 4150, 1200, 12, 1850, 850),
    "trees": (1150, 700, 800, 470, 780, 1900, 2400, 2500, 2650, 800, 10, 1300, 600),
    "water": (1230, 900, 760, 440, 520, 430, 420, 380, 350, 200, 10, 160, 110),
    "town": (1650, 1620, 1600, 1680, 1800, 1920, 2000, 2080, 2150, 900, 15, 2350, 2200),
    "cloud": (5200, 5400, 5200, 5300, 5500, 5700, 5800, 5900, 6000, 2600, 350, 4200, 3200),
}


def spectrum(name: str, band: int) -> float:
    """Reflectance · 10000 of a pure surface."""
    return float(SPECTRA[name][band])


@dataclass(frozen=True, slots=True)
class Country:
    """What does not change with time over a window: fractions of surfaces and fields' calendars."""

    water: Field
    town: Field
    trees: Field
    hills: Field
    height: Field
    texture: Field
    sown: Field
    vigour: Field
    tone: Field


def survey(x: NDArray[Any], y: NDArray[Any]) -> Country:
    """The country at pixel centres (``x`` a row, ``y`` a column, metres in EPSG:32610)."""
    warp_x = 900 * (fractal(11, x, y, 4200, 3) - 0.5)
    warp_y = 900 * (fractal(17, x, y, 4200, 3) - 0.5)
    height = fractal(3, x, y, 26_000, 6)
    height += 0.5 * np.clip(
        (np.asarray(4_206_000 - y).reshape(-1, 1) + np.atleast_2d(618_000 - x)) / 30_000, 0, 1
    )
    hills = np.clip((height - 0.56) / 0.06, 0, 1)
    channel = np.abs(fractal(29, x, y, 7600, 3) - 0.5)
    slough = np.abs(fractal(41, x, y, 3000, 2) - 0.52)
    lake = np.clip((value_noise(53, x, y, 3900) - 0.93) / 0.02, 0, 1)
    river = np.maximum(
        np.clip((0.0135 - channel) / 0.003, 0, 1), np.clip((0.0105 - slough) / 0.003, 0, 1)
    )
    water = np.maximum(river, lake) * (1 - hills)
    levee = np.clip((0.021 - channel) / 0.004, 0, 1) * (1 - water)
    # Fields: a rotated chequer of parcels whose lines bend a little, cut by roads and ditches.
    u = (0.94 * x[None, :] + 0.34 * y[:, None]) + 0.25 * warp_x
    v = (-0.34 * x[None, :] + 0.94 * y[:, None]) + 0.25 * warp_y
    row = np.floor(v / 430)
    column = np.floor((u + 310 * hashed(5, row)) / 640)
    half = np.floor((u + 310 * hashed(5, row)) / 320)
    split = hashed(7, column, row) > 0.45
    parcel = np.where(split, half + 100_000, column)
    edge_u = np.minimum((u + 310 * hashed(5, row)) % 320, 320 - (u + 310 * hashed(5, row)) % 320)
    edge_v = np.minimum(v % 430, 430 - v % 430)
    track = np.clip(1 - np.minimum(np.where(split | (edge_u < 0), edge_u, 99), edge_v) / 11, 0, 1)
    town_seed = value_noise(61, x, y, 5200)
    town = np.clip((town_seed - 0.86) / 0.05, 0, 1) * (1 - water) * (1 - hills)
    town = np.asarray(
        town
        * (0.35 + 0.65 * (hashed(67, np.floor(x[None, :] / 45), np.floor(y[:, None] / 45)) > 0.35))
    )
    orchard = hashed(13, parcel, row) > 0.84
    gully = np.clip((fractal(71, x, y, 1900, 4) - 0.56) / 0.05, 0, 1)
    trees = np.clip(
        np.maximum(0.8 * levee, np.where(hills > 0, gully * hills, 0.75 * orchard * (1 - track))),
        0,
        1,
    )
    trees *= (1 - water) * (1 - 0.7 * town)
    texture = fractal(83, x, y, 240, 2) - 0.5
    return Country(
        water=np.asarray(water, "float32"),
        town=np.asarray(np.maximum(town, 0.55 * track * (1 - water) * (1 - hills)), "float32"),
        trees=np.asarray(trees, "float32"),
        hills=np.asarray(hills, "float32"),
        height=np.asarray(height, "float32"),
        texture=np.asarray(texture, "float32"),
        sown=np.asarray(80 + 70 * hashed(19, parcel, row), "float32"),
        vigour=np.asarray(np.clip(1.35 * hashed(23, parcel, row) - 0.15, 0, 1), "float32"),
        tone=np.asarray(0.80 + 0.45 * hashed(31, parcel, row), "float32"),
    )


def greenness(country: Country, day: float) -> Field:
    """Fraction of green cover of fields and hills on a day of the year, 0 to 1."""
    rise = 1 / (1 + np.exp(-(day - country.sown - 25) / 7))
    fall = 1 / (1 + np.exp(-(day - country.sown - 95) / 9))
    field = country.vigour * np.clip(rise - fall, 0, 1)
    hill = 0.65 / (1 + np.exp((day - 118) / 12))
    return np.asarray(np.where(country.hills > 0.5, hill, field), "float32")


def reflectance(country: Country, green: Field, band: int) -> Field:
    """Reflectance · 10000 of one band: a linear mixture of pure surfaces."""
    bare = (
        country.tone * spectrum("soil", band) * (1 - country.hills)
        + spectrum("grass", band) * country.hills
    )
    value = bare * (1 - green) + spectrum("crop", band) * green
    for name, cover in (("trees", country.trees), ("town", country.town), ("water", country.water)):
        value += (spectrum(name, band) - value) * cover
    shade = np.float32(1) + np.float32(0.15) * country.texture * (
        1 - np.float32(0.75) * country.water
    )
    return np.asarray(value * shade, "float32")
