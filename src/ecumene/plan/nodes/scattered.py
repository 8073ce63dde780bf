"""Nodes that are computed from points and lines of tables: distances, estimates between points.

Angles are taken on a sphere on which latitudes are those of the spheroid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ecumene.core import crs as crs_
from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.numerics import arcs
from ecumene.numerics.interpolation import Semivariogram, kriged, weighted
from ecumene.plan.node import Pixels, PlanNode, empty
from ecumene.vector.edges import unit_vectors
from ecumene.vector.nearest import S2_RADIUS

MOST_NEAR = 1000
"""Points around one pixel that an estimate is made of."""
_AT_ONCE = 500_000
"""Distances that are held together."""


def directions(grid: Grid, window: Window) -> NDArray[np.float64]:
    """Unit vectors ``(h, w, 3)`` of the pixels' centres; NaN where a pixel is nowhere on the globe."""
    x, y = window.centres(grid)
    lon, lat = crs_.transform(grid.crs, "EPSG:4326", np.ravel(x), np.ravel(y))
    places = np.column_stack([lon, lat])
    places[~np.isfinite(places).all(axis=1)] = np.nan
    return unit_vectors(places).reshape(*window.shape, 3)


def _chord(metres: float) -> float:
    return float(2 * np.sin(min(metres / S2_RADIUS, np.pi) / 2)) * (1 + 1e-12) + 1e-15


@dataclass(frozen=True, eq=False)
class Away(PlanNode):
    """Metres to the nearest of some points and great-circle arcs; masked beyond a radius.

    ``points`` are ``(n, 2)`` degrees, ``arcs`` ``(m, 4)``: longitude and latitude of both ends.
    """

    points: NDArray[np.float64]
    arcs: NDArray[np.float64]
    radius: float
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """Distances of the pixels' centres."""
        places = directions(grid, window)
        angle = np.full(window.shape, np.inf)
        most = self.radius / S2_RADIUS
        if len(self.arcs):
            ends = (unit_vectors(self.arcs[:, :2]), unit_vectors(self.arcs[:, 2:]))
            angle = arcs.nearest(places, *ends, most, context.cancel.check)
        known = np.isfinite(places).all(axis=2)
        if len(self.points):
            chords = _tree(self).query(places[known], distance_upper_bound=_chord(self.radius))[0]
            angle[known] = np.fmin(angle[known], arcs.chord_angle(chords))
        inside = known & (angle <= most)
        if not inside.any():
            return empty(window, self.type.dtype)
        return Pixels(np.where(inside, angle * S2_RADIUS, 0.0), None if inside.all() else inside)


def _tree(node: Any) -> Any:
    """The tree of a node's points, kept with it."""
    if "_known_tree" not in node.__dict__:
        node.__dict__["_known_tree"] = cKDTree(unit_vectors(node.points))
    return node.__dict__["_known_tree"]


@dataclass(frozen=True, eq=False)
class Estimated(PlanNode):
    """Values between points; pixels without a point within ``reach`` metres are masked.

    With a ``model`` by ordinary kriging, else by inverse distances that fade to ``mean``.
    """

    points: NDArray[np.float64]
    values: NDArray[np.float64]
    reach: float
    model: Semivariogram | None
    mean: float
    gamma: float
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """Estimates at the pixels' centres, some at a time."""
        places = directions(grid, window).reshape(-1, 3)
        out, inside = np.zeros(len(places)), np.zeros(len(places), bool)
        known = np.flatnonzero(np.isfinite(places).all(axis=1))
        if len(self.points):
            near = _tree(self).query(places[known], distance_upper_bound=_chord(self.reach))[0]
            known = known[np.isfinite(near)]
        else:
            known = known[:0]
        step = max(_AT_ONCE // max(len(self.points), 1), 16)
        for start in range(0, len(known), step):
            context.cancel.check()
            part = known[start : start + step]
            out[part], inside[part] = self._estimates(places[part], context)
        if not inside.any():
            return empty(window, self.type.dtype)
        mask = None if inside.all() else inside.reshape(window.shape)
        return Pixels(out.reshape(window.shape), mask)

    def _estimates(self, places: Any, context: Context) -> tuple[Any, Any]:
        """Values at places, and where there are any."""
        near = _near(_tree(self), places, _chord(self.reach))
        where = unit_vectors(self.points[near])
        away = _metres(places, where)
        counted = away <= self.reach
        if counted.sum(axis=1).max(initial=0) > MOST_NEAR:
            raise LimitExceeded(
                f"More than {MOST_NEAR} points are near one pixel; choose a smaller distance or fewer points."
            )
        some = counted.any(axis=1)
        if self.model is None:
            away = np.where(counted, away, np.inf)
            held = weighted(away, self.values[near], self.reach, self.mean, self.gamma)
            return held, some
        return self._kriged(near, where, away, counted, context), some

    def _kriged(self, near: Any, where: Any, away: Any, counted: Any, context: Context) -> Any:
        """One system for all places that have the same points around them."""
        assert self.model is not None
        found = np.zeros(len(away))
        packed = np.packbits(counted, axis=1)
        _, first, member = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(member.ravel(), kind="stable")
        ends = np.cumsum(np.bincount(member.ravel()))
        for start, end, one in zip(
            [0, *ends[:-1].tolist()], ends.tolist(), first.tolist(), strict=True
        ):
            context.cancel.check()
            chosen = counted[one]
            if not chosen.any():
                continue
            group = order[start:end]
            between = _metres(where[chosen], where[chosen])
            found[group] = kriged(
                self.model, between, away[group][:, chosen], self.values[near[chosen]]
            )
        return found


def _near(tree: Any, places: Any, chord: float) -> NDArray[np.intp]:
    """Numbers of the points that may be within a chord of some of the places."""
    middle = places.mean(axis=0)
    spread = float(np.linalg.norm(places - middle, axis=1).max(initial=0.0))
    found = tree.query_ball_point(middle, chord + spread + 1e-12, return_sorted=True)
    return np.asarray(found, np.intp)


def _metres(left: Any, right: Any) -> NDArray[np.float64]:
    """Distances ``(p, n)`` on the sphere."""
    squares = np.zeros((len(left), len(right)))
    for axis in range(3):
        squares += (left[:, axis, None] - right[None, :, axis]) ** 2
    return S2_RADIUS * arcs.chord_angle(np.sqrt(squares))
