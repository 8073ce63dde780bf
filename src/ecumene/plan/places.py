"""Where grids are on Earth, roughly and on the safe side: boxes of longitudes and latitudes.

Used to leave out of a plan what cannot meet a request, for thousands of scenes at once and without
opening a file. Boxes are never too small; one that cannot be told is the whole Earth.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.projection import Grid, Window, apply

Boxes = NDArray[np.float64]
"""West, south, east, north of each place, ``(n, 4)``, degrees; longitudes in any turn."""

EARTH = (-180.0, -90.0, 180.0, 90.0)

MARGIN = 4
"""Pixels around a window or a raster that interpolation may reach."""

SAMPLES = 9
"""Points along each side of the lattice on which a place is looked at."""

POLAR = 60.0
"""Places that go round the Earth beyond this latitude are taken to reach the pole."""


class Place(NamedTuple):
    """Some pixels of a grid."""

    grid: Grid
    window: Window


def box(grid: Grid, window: Window) -> tuple[float, float, float, float]:
    """West, south, east, north of one place."""
    west, south, east, north = boxes([Place(grid, window)])[0].tolist()
    return west, south, east, north


def boxes(places: Sequence[Place]) -> Boxes:
    """The boxes of places; those on grids of one CRS are projected together."""
    out = np.empty((len(places), 4))
    by_crs: dict[str, list[int]] = {}
    for number, place in enumerate(places):
        by_crs.setdefault(place.grid.crs, []).append(number)
    for crs, numbers in by_crs.items():
        out[numbers] = _of_one_crs(crs, [places[number] for number in numbers])
    return out


@lru_cache(maxsize=1)
def _lattice() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    steps = np.linspace(0.0, 1.0, SAMPLES)
    x, y = np.meshgrid(steps, steps)
    return x.reshape(-1), y.reshape(-1)


def _of_one_crs(crs: str, places: Sequence[Place]) -> Boxes:
    u, v = _lattice()
    left, top, width, height = np.asarray(
        [p.window.grown(MARGIN, MARGIN, MARGIN, MARGIN) for p in places], "float64"
    ).T[:, :, None]
    cols, rows = left + u * width, top + v * height
    t = np.asarray([p.grid.transform for p in places]).T[:, :, None]
    x, y = apply((t[0], t[1], t[2], t[3], t[4], t[5]), cols, rows)
    lon, lat = crs_.transform(crs, "EPSG:4326", x, y)
    known = np.asarray(np.isfinite(lon + lat).all(axis=1))
    lon, lat = np.where(known[:, None], lon, 0.0), np.where(known[:, None], lat, 0.0)
    out = np.stack([lon.min(axis=1), lat.min(axis=1), lon.max(axis=1), lat.max(axis=1)], axis=1)
    if crs != "EPSG:4326":
        _widen(out)
    out[~known] = EARTH
    return out


def _widen(found: Boxes) -> None:
    """Room for curves between the samples; places that go round the Earth, or seem to."""
    bulge = (found[:, 2:] - found[:, :2]) / SAMPLES
    found[:, :2] -= bulge
    found[:, 2:] += bulge
    around = found[:, 2] - found[:, 0] > 180
    found[around, 0], found[around, 2] = EARTH[0], EARTH[2]
    north, south = around & (found[:, 3] > POLAR), around & (found[:, 1] < -POLAR)
    found[north, 3], found[south, 1] = EARTH[3], EARTH[1]


def meet(found: Boxes, one: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """Which boxes touch one box, on the circle of longitudes."""
    west, south, east, north = one
    rows = (found[:, 1] <= north) & (found[:, 3] >= south)
    if east - west >= 360:
        return np.asarray(rows)
    # The other box's centre is brought to within half a turn of each.
    middle = (found[:, 0] + found[:, 2]) / 2
    shift = 360.0 * np.round(((west + east) / 2 - middle) / 360.0)
    half = (found[:, 2] - found[:, 0] + east - west) / 2
    return np.asarray(rows & (np.abs((west + east) / 2 - middle - shift) <= half))
