"""Nearest points of two geometries, and the distance between them.

Candidates come from planes around the place (azimuthal equidistant, so that distances to the centre are
true), moved until they lie between the nearest points; the feet of perpendiculars on geodesic edges are then
found on the spheroid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ecumene.core.geometry import Geometry
from ecumene.core.prepared import asked
from ecumene.vector.degrees import WORLD, curve_of, lonlat, mover, valid
from ecumene.vector.edges import (
    GEOD,
    Plane,
    Points,
    first_vertices,
    followed,
    on_globe,
    runs,
    unit_vectors,
)
from ecumene.vector.frames import backward, forward, local, projected
from ecumene.vector.reach import in_reach

S2_RADIUS = 6_371_010.0
"""Metres of the sphere that stands for the Earth where a distance is wanted on one."""

_CLOSE = 1e-4
_STARTS = 6
_ROUNDS = 12
_MOST_EDGES = 64


@dataclass(frozen=True)
class Nearest:
    """Two points in degrees and the metres between them."""

    left: tuple[float, float]
    right: tuple[float, float]
    metres: float


def distance(left: Geometry, right: Geometry) -> float:
    """Metres between the nearest points; 0 where they meet, infinite if one is empty."""
    if left.unbounded or right.unbounded:
        return 0.0
    if any(_is_wide(g) for g in (left, right)) and asked(
        shapely.intersects, lonlat(left), lonlat(right)
    ):
        return 0.0
    found = nearest(left, right)
    return math.inf if found is None else found.metres


def _is_wide(geometry: Geometry) -> bool:
    """Whether it is too wide for the plane around a place."""
    west, _, east, _ = geometry.shape.bounds
    return geometry.crs == WORLD and east - west > 180


def spherical_distance(left: Geometry, right: Geometry) -> float:
    """Metres between the nearest points on a sphere."""
    if left.unbounded or right.unbounded:
        return 0.0
    found = nearest(left, right)
    if found is None:
        return math.inf
    if found.metres == 0:
        return 0.0
    a, b = unit_vectors(np.array([found.left, found.right]))
    chord = float(np.linalg.norm(a - b))
    return S2_RADIUS * 2 * math.asin(min(1.0, chord / 2))


def nearest(left: Geometry, right: Geometry) -> Nearest | None:
    """The nearest points of two bounded geometries (of those that meet, a common one); None if one is empty."""
    if left.shape.is_empty or right.shape.is_empty:
        return None
    if left.shape.geom_type == right.shape.geom_type == "Point":
        return _pair(_lonlat_point(left), _lonlat_point(right))
    left, right = in_reach(left, right)
    best: Nearest | None = None
    for centre in _starts(left, right):
        found = _settled(left, right, centre)
        if best is None or found.metres < best.metres:
            best = found
        if best.metres == 0:
            break
    assert best is not None
    return best if best.metres == 0 else _polished(left, right, best)


def _lonlat_point(geometry: Geometry) -> tuple[float, float]:
    points = shapely.get_coordinates(geometry.shape)
    if geometry.crs != WORLD:
        points = mover(geometry.crs, WORLD)(points)
    points = on_globe(points)
    return (float(points[0, 0]), float(points[0, 1]))


def _pair(a: tuple[float, float], b: tuple[float, float]) -> Nearest:
    return Nearest(a, b, abs(float(GEOD.inv(*a, *b)[2])))


def _starts(left: Geometry, right: Geometry) -> list[tuple[float, float]]:
    """Places between vertices (and points along edges) that are nearest through the globe."""
    a, b = (_sampled(lonlat(g)) for g in (left, right))
    first, second = unit_vectors(a), unit_vectors(b)
    tree = cKDTree(second)
    chords, partner = tree.query(first)
    order = np.argsort(chords, kind="stable")
    found: list[tuple[float, float]] = []
    chosen: list[Any] = []
    for i in order.tolist():
        middle = first[i] + second[partner[i]]
        norm = float(np.linalg.norm(middle))
        middle = first[i] if norm < 1e-9 else middle / norm
        apart = max(float(chords[i]) / 4, 1e-6)
        if all(float(np.linalg.norm(middle - other)) > apart for other in chosen):
            chosen.append(middle)
            found.append(_lonlat_of(middle))
        if len(found) == _STARTS:
            break
    return found


def _lonlat_of(direction: Any) -> tuple[float, float]:
    lat = math.degrees(math.asin(max(-1.0, min(1.0, float(direction[2])))))
    return round(math.degrees(math.atan2(direction[1], direction[0])), 6), round(lat, 6)


def _sampled(shape: Any) -> Points:
    """Vertices and points along the edges of a shape in degrees, a few hundred at least."""
    points = shapely.get_coordinates(shape)
    if shape.geom_type not in ("Point", "MultiPoint"):
        west, south, east, north = shape.bounds
        step = max(east - west, north - south, 1e-6) / 64
        points = shapely.get_coordinates(shapely.segmentize(shape, step))
    return np.asarray(points[np.isfinite(points).all(axis=1)])


def _settled(left: Geometry, right: Geometry, centre: tuple[float, float]) -> Nearest:
    """Nearest points in planes around a place, moved between the points until they stay."""
    best: Nearest | None = None
    for _ in range(4):
        found = _in_plane(left, right, centre)
        if found.metres == 0:
            return found
        if best is not None and found.metres >= best.metres - _CLOSE:
            break
        best = found
        direction = unit_vectors(np.array([found.left, found.right])).sum(axis=0)
        norm = float(np.linalg.norm(direction))
        if norm < 1e-9:
            break
        centre = _lonlat_of(direction / norm)
    assert best is not None
    return best


def _in_plane(left: Geometry, right: Geometry, centre: tuple[float, float]) -> Nearest:
    plane = local("aeqd", *centre)
    for tolerance in (0.1, 1e-3):
        p, q = (valid(projected(g, plane, tolerance)) for g in (left, right))
        ends = shapely.get_coordinates(shapely.shortest_line(p, q))
        if ends[0].tolist() != ends[1].tolist():
            break
    first, second = (_place(e) for e in backward(plane)(ends).tolist())
    return Nearest(first, second, 0.0) if first == second else _pair(first, second)


def _place(values: list[float]) -> tuple[float, float]:
    return (values[0], values[1])


def _polished(left: Geometry, right: Geometry, found: Nearest) -> Nearest:
    """Each point moved in turn to the foot of the other on the edges near it."""
    margin = 5.0 + 0.02 * found.metres
    ours, theirs = _edges_near(left, found.left, margin), _edges_near(right, found.right, margin)
    a, b, best = found.left, found.right, math.inf
    for _ in range(_ROUNDS):
        a = a if ours is None else _foot(ours, b, a)
        b = b if theirs is None else _foot(theirs, a, b)
        moved = _pair(a, b)
        if moved.metres >= best - _CLOSE:
            return moved
        best = moved.metres
    return moved


def _edges_near(geometry: Geometry, near: tuple[float, float], margin: float) -> Geometry | None:
    """The edges that pass a place within so many metres, as lines; None if there are none.

    They are looked for in the gnomonic plane around the place.
    """
    to = forward(local("gnom", *near))
    first = mover(geometry.crs, WORLD)
    plane = Plane(lambda p: to(first(p)), 1.0)
    found: list[Points] = []
    for points, offsets in runs(geometry.shape):
        there = followed(points, offsets, curve_of(geometry, points), plane)
        pieces = first_vertices(there.offsets)
        away = _from_origin(there.points[pieces], there.points[pieces + 1])
        edges = np.unique(there.vertex[pieces[away <= margin]])[:_MOST_EDGES]
        found += [points[e : e + 2] for e in edges.tolist()]
    return geometry.with_shape(shapely.MultiLineString(found)) if found else None


def _from_origin(first: Points, last: Points) -> NDArray[np.float64]:
    """Distances of segments from the origin of the plane; infinite for those outside of it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        step = last - first
        share = -(first * step).sum(axis=1) / (step**2).sum(axis=1)
        share = np.clip(np.nan_to_num(share), 0, 1)
        nearest_point = first + step * share[:, None]
        away = np.hypot(nearest_point[:, 0], nearest_point[:, 1])
    return np.where(np.isfinite(away), away, np.inf)


def _foot(
    edges: Geometry, origin: tuple[float, float], near: tuple[float, float]
) -> tuple[float, float]:
    """The point of edges that is nearest to an origin: around it, distances from it are true."""
    plane = local("aeqd", *origin)
    placed = projected(edges, plane, max(1e-4, 1e-9 * float(GEOD.inv(*origin, *near)[2])))
    ends = shapely.get_coordinates(shapely.shortest_line(shapely.Point(0, 0), placed))
    return _place(backward(plane)(ends[1:]).tolist()[0])


__all__ = ["Nearest", "distance", "nearest", "spherical_distance"]
