"""How much of each pixel shapes cover, and which pixels' centres they contain.

Shapes are in the CRS of the grid with straight edges. Coverage is exact: fractions come from the pieces of the
boundary in each pixel (``numerics.runs``); what lies between boundary pixels is a run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import features
from rasterio.transform import Affine as RasterioAffine

from ecumene.core import caches
from ecumene.core.geometry import Geometry
from ecumene.core.prepared import asked
from ecumene.core.projection import Grid, Window, invert
from ecumene.numerics import runs as runs_
from ecumene.numerics.runs import Edges, Runs

EDGE = 1e-9
"""Rounding (in pixels) that does not move a point to the next pixel."""


def to_pixels(shape: Any, grid: Grid) -> Any:
    """The shape (or an array of shapes) in pixel coordinates of the grid."""
    t = invert(grid.transform)

    def move(points: NDArray[Any]) -> NDArray[Any]:
        x, y = points[:, 0], points[:, 1]
        return np.column_stack([t[0] * x + t[1] * y + t[2], t[3] * x + t[4] * y + t[5]])

    return shapely.transform(shape, move)


def bounds_window(geometry: Geometry, grid: Grid) -> Window:
    """The smallest window that holds every pixel that the shape touches."""
    return Window(*windows_of(np.asarray([geometry.shape], object), grid)[0].tolist())


def windows_of(shapes: NDArray[Any], grid: Grid) -> NDArray[np.int64]:
    """``(n, 4)``: column, row, width and height of the windows of shapes; zeros for empty ones."""
    return _boxes(to_pixels(shapes, grid))


def _boxes(shapes: NDArray[Any]) -> NDArray[np.int64]:
    """The same for shapes in pixel coordinates."""
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    bounds[~np.isfinite(bounds).all(axis=1)] = np.nan
    here = ~np.isnan(bounds[:, 0])
    low = np.floor(bounds[:, :2] + EDGE)
    high = np.maximum(np.ceil(bounds[:, 2:] - EDGE), low + 1)
    out = np.zeros((len(bounds), 4), np.int64)
    out[here] = np.concatenate([low, high - low], axis=1)[here]
    return out


def _box(window: Window) -> Any:
    """The window's outline, a little larger than rounding."""
    margin = 1e-6
    return shapely.box(
        window.col - margin, window.row - margin,
        window.col + window.width + margin, window.row + window.height + margin,
    )  # fmt: skip


def _simple(shapes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Parts that have no parts, without empty ones, and the position of the shape that each belongs to."""
    owner = np.arange(shapes.size)
    while bool((shapely.get_type_id(shapes) > 3).any()):
        shapes, of = shapely.get_parts(shapes, return_index=True)
        owner = owner[of]
    here = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return shapes[here], owner[here]


def _edges(polygons: NDArray[Any], zones: NDArray[np.int64]) -> Edges:
    rings, owner = shapely.get_rings(polygons, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    hole = np.zeros(rings.size, bool)
    hole[1:] = owner[1:] == owner[:-1]
    return Edges.of(points, ring, zones[owner], hole)


def _touched(lines: Any, window: Window, zone: int) -> Runs:
    """Pixels of a window that lines touch."""
    burnt = features.rasterize(
        [(lines, 1)],
        out_shape=window.shape,
        transform=RasterioAffine(1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row)),
        all_touched=True,
        dtype="uint8",
    )
    row, col = np.nonzero(burnt)
    return Runs.of(zone, row, col, col + 1, 1.0)


class Zones:
    """Shapes on a grid, prepared once for the many windows that ask about them.

    Polygons count by the part of a pixel that they cover, or by its centre; points count the pixel that holds
    them, lines those that they touch. Invalid polygons are made valid.

    Parameters
    ----------
    shapes : in the CRS of the grid, with straight edges; zone k is the k-th.
    grid : the grid.
    """

    def __init__(self, shapes: Sequence[Any] | NDArray[Any], grid: Grid) -> None:
        local = np.empty(len(shapes), object)
        local[:] = shapes
        local = to_pixels(local, grid)
        bad = ~shapely.is_valid(local) & ~shapely.is_missing(local)
        local[bad] = shapely.make_valid(local[bad])
        self._shapes = local
        self.windows = _boxes(local)
        """``(n, 4)``: column, row, width and height of each zone's pixels."""
        self._tree = shapely.STRtree(local)
        shapely.prepare(local)
        parts, owner = _simple(local)
        kind = shapely.get_type_id(parts)
        areal, linear = kind == 3, (kind == 1) | (kind == 2)
        self._edges = _edges(parts[areal], owner[areal])
        self._starts = np.searchsorted(self._edges.zone, np.arange(len(shapes) + 1))
        self._lines = _grouped(parts[linear], owner[linear])
        points = np.floor(shapely.get_coordinates(parts[kind == 0]) + EDGE).astype(np.int64)
        self._points = np.unique(np.column_stack([owner[kind == 0], points[:, ::-1]]), axis=0)
        """Zone, row and column of each point's pixel, sorted."""
        kinds = np.zeros((3, len(shapes)), bool)
        for row, of_kind in zip(kinds, (areal, linear, kind == 0), strict=True):
            row[owner[of_kind]] = True
        self._mixed = np.flatnonzero(kinds.sum(axis=0) > 1)
        """Zones of more than one kind: their parts may overlap."""

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def bounds(self) -> Window:
        """The window of all zones."""
        found = self.windows[(self.windows[:, 2] > 0)]
        if not len(found):
            return Window(0, 0, 0, 0)
        low, high = found[:, :2].min(axis=0), (found[:, :2] + found[:, 2:]).max(axis=0)
        return Window(*low.tolist(), *(high - low).tolist())

    def near(self, window: Window) -> NDArray[np.int64]:
        """Zones of which some pixel of a window may be a part, ascending."""
        box = _box(window)
        found = np.sort(self._tree.query(box))
        return np.asarray(found[asked(shapely.intersects, self._shapes[found], box)])

    def touches(self, window: Window) -> bool:
        """Whether any pixel of the window may be covered."""
        return self.near(window).size > 0

    def full(self, window: Window) -> bool:
        """Whether a single zone covers the whole window."""
        if len(self) != 1:
            return False
        return bool(asked(shapely.contains_properly, self._shapes[0], _box(window)))

    def covered(self, window: Window) -> Runs:
        """Covered parts of pixels, by zone."""
        return self._runs(window, runs_.covered)

    def inside(self, window: Window) -> Runs:
        """Pixels whose centre is inside, by zone."""
        return self._runs(window, runs_.inside)

    def _runs(self, window: Window, areal: Callable[[Edges, Window], Runs]) -> Runs:
        zones = self.near(window)
        if zones.size == 0:
            return Runs.joined([])
        if self.full(window):
            return Runs.full(window)
        edges = self._edges.between(self._starts[zones], self._starts[zones + 1])
        parts = [areal(edges, window), self._held(window)]
        parts += [
            _touched(self._lines[zone], window, zone)
            for zone in zones.tolist()
            if zone in self._lines
        ]
        found = Runs.joined(parts)
        if self._mixed.size:
            mixed = np.isin(found.zone, self._mixed)
            found = Runs.joined([found.chosen(~mixed), found.chosen(mixed).largest()])
        return found

    def _held(self, window: Window) -> Runs:
        """Pixels of a window that hold points."""
        zone, row, col = self._points.T
        row, col = row - window.row, col - window.col
        here = (row >= 0) & (row < window.height) & (col >= 0) & (col < window.width)
        return Runs.of(zone[here], row[here], col[here], col[here] + 1, 1.0)


def _grouped(lines: NDArray[Any], owner: NDArray[np.int64]) -> dict[int, Any]:
    return {
        zone: shapely.MultiLineString(
            [shapely.LineString(line.coords) for line in lines[owner == zone]]
        )
        for zone in np.unique(owner).tolist()
    }


@lru_cache(maxsize=128)
def zone(geometry: Geometry, grid: Grid) -> Zones:
    """One shape prepared on the grid; kept, since every block of a request asks for it."""
    return Zones([geometry.shape], grid)


caches.share("zones", caches.of_function(zone))


def coverage(geometry: Geometry, grid: Grid, window: Window) -> NDArray[np.float32]:
    """Fraction of each pixel that is covered; points and touched line pixels count 1. Read only."""
    found = zone(geometry, grid)
    if found.full(window):
        return np.broadcast_to(np.ones((), "float32"), window.shape)
    return found.covered(window).dense(window.shape)


def centres(geometry: Geometry, grid: Grid, window: Window) -> NDArray[np.bool_]:
    """Pixels whose centre is inside; for points the pixel that holds it, for lines pixels touched. Read only."""
    found = zone(geometry, grid)
    if found.full(window):
        return np.broadcast_to(np.ones((), bool), window.shape)
    return found.inside(window).dense(window.shape) > 0
