"""Spatial relations between geometries, with boxes deciding first."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import shapely

from ecumene.core.geometry import Geometry
from ecumene.vector.geodesic import distance
from ecumene.vector.transform import to_crs

WORLD = "EPSG:4326"


@lru_cache(maxsize=4096)
def lonlat(geometry: Geometry) -> Any:
    """A valid shape in degrees with straight edges, prepared; kept, since filters ask again and again."""
    shape = to_crs(geometry, WORLD).shape
    if not shape.is_valid:
        shape = shapely.make_valid(shape)
    shapely.prepare(shape)
    return shape


def _shifted(left: Any, right: Any) -> Any:
    """``right`` moved by whole turns to where ``left`` is (shapes across the antimeridian)."""
    if left.is_empty or right.is_empty:
        return right
    a, b = left.bounds, right.bounds
    turns = round(((a[0] + a[2]) - (b[0] + b[2])) / 2 / 360)
    if turns == 0 or (b[0] <= a[2] and a[0] <= b[2]):
        return right
    return shapely.transform(right, lambda p: p + [360 * turns, 0])


def _pair(left: Geometry, right: Geometry, crs: str | None) -> tuple[Any, Any]:
    if crs is not None and crs != WORLD:
        return to_crs(left, crs).shape, to_crs(right, crs).shape
    a = lonlat(left)
    return a, _shifted(a, lonlat(right))


def intersects(left: Geometry, right: Geometry, crs: str | None = None) -> bool:
    """Whether they have a point in common."""
    if left.unbounded or right.unbounded:
        return not (left.shape.is_empty or right.shape.is_empty)
    a, b = _pair(left, right, crs)
    return bool(shapely.intersects(a, b))


def contains(left: Geometry, right: Geometry, crs: str | None = None) -> bool:
    """Whether every point of the second is in the first; never for empty ones."""
    if left.unbounded:
        return not right.shape.is_empty
    if right.unbounded:
        return False
    a, b = _pair(left, right, crs)
    return not b.is_empty and bool(shapely.covers(a, b))


def disjoint(left: Geometry, right: Geometry, crs: str | None = None) -> bool:
    """Whether they have no point in common."""
    return not intersects(left, right, crs)


def within_distance(left: Geometry, right: Geometry, metres: float) -> bool:
    """Whether the geodesic distance is at most a number of metres."""
    if left.unbounded or right.unbounded:
        return True
    return distance(left, right) <= metres
