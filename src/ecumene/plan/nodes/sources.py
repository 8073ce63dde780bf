"""Nodes without inputs that depend on place: stored bands, coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.context import Context
from ecumene.core.errors import Unavailable
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Projection, Window, apply
from ecumene.core.raster import RasterBand
from ecumene.numerics.layers import Layer
from ecumene.plan.node import Pixels, PlanNode, empty
from ecumene.raster import source, warp
from ecumene.storage.blocks import BlockStore


def store_of(context: Context) -> BlockStore:
    """Where stored bands are read."""
    store: BlockStore | None = None if context.pixels is None else context.pixels.store
    if store is None:
        raise Unavailable("This server has no store of raster files.")
    return store


@dataclass(frozen=True, eq=False)
class Source(PlanNode):
    """A stored band, resampled where it enters (``nearest``, ``bilinear``, ``bicubic``)."""

    band: RasterBand
    method: str
    type: PixelType

    @property
    def direct(self) -> bool:
        """Whether pixels are stored values as they are: folds then gather them themselves."""
        return (
            self.method == "nearest"
            and self.type.dtype == self.band.type.dtype
            and source.plain(self.band)
        )

    def layer(self, grid: Grid, window: Window, context: Context) -> Layer | None:
        """Pixels of a ``direct`` band, not gathered yet; None = nothing there."""
        return source.layer(store_of(context), self.band, grid, window)

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """Pixels from the level that the grid's scale asks for."""
        store = store_of(context)
        found = source.read(store, self.band, grid, window, self.method)
        if found is None:
            return empty(window, self.type.dtype)
        values, valid = found
        if values.dtype != self.type.dtype:
            values = values.astype(self.type.dtype)
        return Pixels(values, valid)


@dataclass(frozen=True, eq=False)
class Coordinates(PlanNode):
    """Values of place: ``longitude latitude`` (degrees), ``x y`` (pixels of ``projection``),

    ``area`` (m² on WGS84), ``uniform normal`` (a hash of the pixel's place and ``seed``).
    """

    kind: str
    projection: Projection | None
    seed: int
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """Exact for every pixel."""
        if self.kind in ("longitude", "latitude"):
            x, y = window.centres(grid)
            lon, lat = crs_.transform(grid.crs, "EPSG:4326", x, y)
            return _finite(lon if self.kind == "longitude" else lat, self.type)
        if self.kind in ("x", "y"):
            target = self.projection or grid
            lookup = warp.exact(target, grid, *_centres(window))
            return _finite(lookup[0 if self.kind == "x" else 1], self.type)
        if self.kind == "area":
            return _finite(pixel_areas(grid, window), self.type)
        return Pixels(_random(self.kind, self.seed, grid, window).astype(self.type.dtype))


def _centres(window: Window) -> tuple[NDArray[Any], NDArray[Any]]:
    cols = np.arange(window.col, window.col + window.width, dtype="float64") + 0.5
    rows = np.arange(window.row, window.row + window.height, dtype="float64") + 0.5
    x, y = np.meshgrid(cols, rows)
    return x, y


def _finite(values: NDArray[Any], type_: PixelType) -> Pixels:
    good = np.isfinite(values)
    if good.all():
        return Pixels(values.astype(type_.dtype))
    return Pixels(np.where(good, values, 0).astype(type_.dtype), good)


def pixel_areas(grid: Grid, window: Window) -> NDArray[np.float64]:
    """Square metres of each pixel on the WGS84 ellipsoid.

    Corners are taken to an authalic (equal-area) cylinder and the area of the quadrilateral there is
    taken, which is exact for pixels bounded by meridians and parallels and very close for small others.
    """
    cols = np.arange(window.col, window.col + window.width + 1, dtype="float64")
    rows = np.arange(window.row, window.row + window.height + 1, dtype="float64")
    t = grid.transform
    if (
        crs_.is_geographic(grid.crs)
        and t[1] == t[3] == 0
        and crs_.canonical(grid.crs) == "EPSG:4326"
    ):
        # Bounded by meridians and parallels: all pixels of a row are alike.
        lat = np.clip(t[5] + t[4] * rows, -90, 90)
        north = np.diff(_authalic_sine(np.radians(lat)))
        areas = np.abs(north * np.radians(t[0])) * _AUTHALIC**2
        areas[(np.abs(lat[:-1]) >= 90) & (np.abs(lat[1:]) >= 90)] = 0
        return np.broadcast_to(areas[:, None], window.shape)
    x, y = apply(grid.transform, *np.meshgrid(cols, rows))
    lon, lat = crs_.transform(grid.crs, "EPSG:4326", x, y)
    lon = np.asarray(lon)
    with np.errstate(invalid="ignore"):
        east = np.radians(lon)
        north = _authalic_sine(np.radians(np.clip(lat, -90, 90)))
        # Shoelace on the four corners; differences of longitude are wrapped.
        dx1 = _wrapped(east[1:, 1:] - east[:-1, :-1])
        dx2 = _wrapped(east[1:, :-1] - east[:-1, 1:])
        dy1 = north[1:, 1:] - north[:-1, :-1]
        dy2 = north[1:, :-1] - north[:-1, 1:]
        return np.abs(dx1 * dy2 - dx2 * dy1) / 2 * _AUTHALIC**2


_A, _E2 = 6378137.0, 0.0066943799901413165
_E = float(np.sqrt(_E2))
_QP = float((1 - _E2) * (1 / (1 - _E2) + np.arctanh(_E) / _E))
_AUTHALIC = _A * float(np.sqrt(_QP / 2))


def _authalic_sine(lat: NDArray[Any]) -> NDArray[np.float64]:
    s = np.sin(lat)
    q = (1 - _E2) * (s / (1 - _E2 * s * s) + np.arctanh(_E * s) / _E)
    return np.asarray(q / _QP)


def _wrapped(angle: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)


def _random(kind: str, seed: int, grid: Grid, window: Window) -> NDArray[np.float64]:
    """Hash of the pixel's centre in the CRS (rounded to a thousandth of a pixel) and the seed."""
    x, y = window.centres(grid)
    a, e = abs(grid.transform[0]) or 1.0, abs(grid.transform[4]) or 1.0
    u = np.floor(x / a * 1024).astype("int64").astype("uint64")
    v = np.floor(y / e * 1024).astype("int64").astype("uint64")
    first = _mix(u, v, seed)
    if kind == "uniform":
        return first
    second = _mix(u, v, seed + 0x5BD1E995)
    return np.asarray(np.sqrt(-2 * np.log(np.maximum(first, 1e-300))) * np.cos(2 * np.pi * second))


def _mix(u: NDArray[Any], v: NDArray[Any], seed: int) -> NDArray[np.float64]:
    h = u * np.uint64(0x9E3779B97F4A7C15)
    h ^= (v + np.uint64(seed & 0xFFFFFFFFFFFF)) * np.uint64(0xC2B2AE3D27D4EB4F)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        h = (h ^ (h >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((h ^ (h >> np.uint64(31))) >> np.uint64(11), "float64") * 2.0**-53
