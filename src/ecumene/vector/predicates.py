"""Spatial relations between geometries, with boxes deciding first.

Without a projection shapes are compared in degrees, where their edges are followed to a tenth of a metre;
shapes across the antimeridian are moved by whole turns until they meet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import shapely

from ecumene.core.geometry import Geometry
from ecumene.core.prepared import asked
from ecumene.vector.degrees import around, is_planar, lonlat, shifted, turns_between
from ecumene.vector.frames import Gnomonic, frame_for
from ecumene.vector.nearest import distance
from ecumene.vector.shapes import planar

Test = Callable[[Any, Any], Any]


_NOISE = 1e-3
"""Metres by which shapes in a plane of the sphere may miss each other and still meet."""

DOUBT = 3e-6
"""Degrees within which edges followed to a tenth of a metre leave it open on which side a vertex lies."""


def _holds(test: Test, left: Any, right: Any) -> bool:
    """Whether a test holds for the shapes with the right one moved by some whole turns."""
    if left.is_empty or right.is_empty:
        return False
    turns = turns_between(left.bounds, right.bounds)
    return any(bool(asked(test, left, shifted(right, turn))) for turn in turns)


def _share_a_pole(left: Any, right: Any) -> bool:
    """Whether both reach a pole, which in degrees has every longitude."""
    if left.is_empty or right.is_empty:
        return False
    a, b = left.bounds, right.bounds
    return bool(min(a[3], b[3]) >= 90 - DOUBT or max(a[1], b[1]) <= DOUBT - 90)


def _grown(shape: Any, by: float) -> Any:
    return shapely.buffer(shape, by, quad_segs=2)


def _decided(test: Test, left: Geometry, right: Geometry) -> bool:
    """A test in a plane where geodesics are straight."""
    frame = frame_for([left, right])
    noise = _NOISE if isinstance(frame, Gnomonic) else DOUBT
    a, b = (frame.place(g, 0.01) for g in (left, right))
    return bool(test(_grown(a, noise), b))


def intersects(
    left: Geometry, right: Geometry, crs: str | None = None, within: float = 0.1
) -> bool:
    """Whether they have a point in common."""
    if left.unbounded or right.unbounded:
        return not (left.shape.is_empty or right.shape.is_empty)
    if crs is not None:
        return bool(shapely.intersects(planar(left, crs, within), planar(right, crs, within)))
    a, b = lonlat(left), lonlat(right)
    if _holds(shapely.intersects, a, b):
        return True
    if is_planar(left) and is_planar(right):
        return False
    near = _share_a_pole(a, b) or _holds(lambda p, q: shapely.dwithin(p, q, DOUBT), a, b)
    return near and _decided(shapely.intersects, left, right)


def contains(left: Geometry, right: Geometry, crs: str | None = None, within: float = 0.1) -> bool:
    """Whether every point of the second is in the first; never for empty ones."""
    if left.unbounded:
        return not right.shape.is_empty
    if right.unbounded:
        return False
    if crs is not None:
        b = planar(right, crs, within)
        return not b.is_empty and bool(shapely.covers(planar(left, crs, within), b))
    if _holds(shapely.covers, around(left), lonlat(right)):
        return True
    if is_planar(left) and is_planar(right):
        return False
    a, b = lonlat(left), lonlat(right)
    near = _share_a_pole(a, b) or _holds(shapely.covers, margin(left), b)
    return near and _decided(shapely.covers, left, right)


def margin(geometry: Geometry) -> Any:
    """The shape in degrees grown by what is in doubt, prepared and kept."""

    def make() -> Any:
        found = _grown(around(geometry), DOUBT)
        shapely.prepare(found)
        return found

    return geometry.keep("margin", make)


def disjoint(left: Geometry, right: Geometry, crs: str | None = None, within: float = 0.1) -> bool:
    """Whether they have no point in common."""
    return not intersects(left, right, crs, within)


def within_distance(left: Geometry, right: Geometry, metres: float) -> bool:
    """Whether the geodesic distance is at most a number of metres; never for empty ones."""
    if left.shape.is_empty or right.shape.is_empty:
        return False
    if left.unbounded or right.unbounded:
        return True
    return distance(left, right) <= metres
