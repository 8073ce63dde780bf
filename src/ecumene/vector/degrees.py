"""Shapes in longitudes and latitudes as plane shapes, whatever the antimeridian and the poles do to them.

Rings and lines that cross the antimeridian run on past 180°. A ring around a pole is closed along the
pole's edge of the plane. Inside is what has the smaller area, or what lies to the left of the ring.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.vector.edges import (
    Curve,
    Geodesics,
    Move,
    Offsets,
    Plane,
    Points,
    Straight,
    follow,
    on_globe,
    rebuilt,
    unrolled,
)

WORLD = "EPSG:4326"
TOLERANCE = 0.1
"""Metres that edges may stray where nothing else is said; the error margin of filters."""

_MOST_TURNS = 8
BOX = (-180.0, -90.0, 180.0, 90.0)


def simple_parts(shape: Any) -> list[Any]:
    """The parts of a shape, those of collections in collections too; empty ones are left out."""
    if hasattr(shape, "geoms"):
        return [inner for part in shape.geoms for inner in simple_parts(part)]
    return [] if shape.is_empty else [shape]


def valid(shape: Any) -> Any:
    """The shape with rings that cross themselves taken apart by the even-odd rule, and parts that overlap united.

    Lines and points that are left over from polygons are dropped, unless nothing else is left.
    """
    if shape.is_valid or shape.geom_type == "LinearRing":
        return shape
    if shape.geom_type == "GeometryCollection":
        return shapely.GeometryCollection([valid(part) for part in shape.geoms])
    if shape.geom_type == "MultiPolygon":
        return shapely.union_all([valid(part) for part in shape.geoms])
    if shape.geom_type == "Polygon" and shape.interiors:
        return _of_rings(shape)
    found = shapely.make_valid(shape)
    if found.geom_type == "GeometryCollection":
        parts = [p for p in found.geoms if p.geom_type in ("Polygon", "MultiPolygon")]
        return shapely.union_all(parts) if parts else found
    return found


def _of_rings(polygon: Any) -> Any:
    """What an odd number of rings surround."""
    shell, *holes = (valid(shapely.Polygon(r)) for r in (polygon.exterior, *polygon.interiors))
    together = shapely.union_all(holes)
    if together.area < sum(hole.area for hole in holes) * (1 - 1e-12):
        together = functools.reduce(shapely.symmetric_difference, holes)
    return shapely.symmetric_difference(shell, together)


def mover(source: str, target: str) -> Move:
    """The function from points in one CRS to another."""

    def move(points: Points) -> Points:
        if source == WORLD:
            points = on_globe(points)
        return np.column_stack(crs_.transform(source, target, points[:, 0], points[:, 1]))

    return move


def curve_of(geometry: Geometry, points: Points) -> Curve:
    """The edges of a geometry between points in its CRS."""
    if geometry.geodesic and crs_.is_geographic(geometry.crs):
        return Geodesics(points)
    return Straight(points, crs_.metres_per_unit(geometry.crs))


def is_planar(geometry: Geometry) -> bool:
    """Whether its edges are straight in longitudes and latitudes."""
    return geometry.crs == WORLD and not geometry.geodesic


def in_degrees(geometry: Geometry, tolerance: float = TOLERANCE) -> Any:
    """The shape with straight edges in degrees; it may be invalid if its rings are."""
    if is_planar(geometry) or geometry.unbounded:
        return shapely.force_2d(geometry.shape)
    return geometry.keep(("degrees", tolerance), lambda: _in_degrees(geometry, tolerance))


def _in_degrees(geometry: Geometry, tolerance: float) -> Any:
    shape = geometry.shape
    plane = Plane(mover(geometry.crs, WORLD), tolerance / crs_.METRES_PER_DEGREE, circular=True)
    rolled = False

    def change(points: Points, offsets: Offsets) -> tuple[Points, Offsets]:
        nonlocal rolled
        moved, starts = follow(points, offsets, curve_of(geometry, points), plane)
        moved = unrolled(moved, starts)
        rolled = rolled or _leaves_the_box(moved, starts)
        return moved, starts

    if not geometry.even_odd or _turns(geometry):
        return _by_parts(geometry, change)
    found = rebuilt(shape, change)
    return aligned(found) if rolled else found


def _leaves_the_box(points: Points, offsets: Offsets) -> bool:
    return bool(len(points)) and bool(np.abs(points[:, 0]).max() > 180)


def _turns(geometry: Geometry) -> bool:
    """Whether a ring of the geometry may go around a pole or the antimeridian."""
    points = shapely.get_coordinates(geometry.shape)
    if len(points) < 2 or not geometry.shape.geom_type.endswith(("Polygon", "Collection")):
        return False
    if not crs_.is_geographic(geometry.crs):
        points = mover(geometry.crs, WORLD)(points)
    with np.errstate(invalid="ignore"):
        return bool((np.abs(np.diff(points[:, 0])) > 179).any())


def _plain_parts(geometry: Geometry) -> list[int]:
    """Numbers of the polygons of several whose rings cannot go around anything: they are moved all at once."""
    if geometry.shape.geom_type != "MultiPolygon" or not geometry.even_odd:
        return []
    points, part = shapely.get_coordinates(np.array(geometry.shape.geoms), return_index=True)
    if not crs_.is_geographic(geometry.crs):
        points = mover(geometry.crs, WORLD)(points)
    with np.errstate(invalid="ignore"):
        far = (np.abs(np.diff(points[:, 0])) > 179) & (np.diff(part) == 0)
    plain: list[int] = np.setdiff1d(part, part[1:][far]).tolist()
    return plain


def _all_at_once(shape: Any, numbers: list[int], change: Any) -> list[Any]:
    """Some polygons of several, each next to the usual range of longitudes."""
    if not numbers:
        return []
    chosen = np.array(shape.geoms)[numbers].tolist()
    return [aligned(part) for part in rebuilt(shapely.MultiPolygon(chosen), change).geoms]


def _by_parts(geometry: Geometry, change: Any) -> Any:
    shape = geometry.shape
    if shape.geom_type == "Polygon":
        return aligned(_polygon(shape, change, geometry.even_odd))
    if not hasattr(shape, "geoms"):
        return aligned(rebuilt(shape, change))
    together = _plain_parts(geometry)
    found = dict(zip(together, _all_at_once(shape, together, change), strict=True))
    parts: list[Any] = []
    for k, part in enumerate(shape.geoms):
        placed = found[k] if k in found else _by_parts(geometry.with_shape(part), change)
        parts += placed.geoms if hasattr(placed, "geoms") else [placed]
    kinds = {part.geom_type for part in parts}
    if kinds == {"Polygon"}:
        return aligned(shapely.MultiPolygon(parts))
    return aligned(shapely.GeometryCollection(parts) if len(kinds) > 1 else type(shape)(parts))


def _polygon(shape: Any, change: Any, even_odd: bool) -> Any:
    if shape.is_empty:
        return shape
    rings = []
    for ring in (shape.exterior, *shape.interiors):
        points = shapely.get_coordinates(ring)
        rings.append(change(points, np.array([0, len(points)]))[0])
    whole = not even_odd and _turn(rings[0]) == 0 and not shapely.is_ccw(_closed(rings[0]))
    if not whole and all(_turn(ring) == 0 for ring in rings):
        shell = rings[0]
        return shapely.Polygon(shell, [_beside(hole, shell) for hole in rings[1:]])
    body = wrapped(valid(_body(rings[0], even_odd)))
    if whole:
        body = shapely.difference(shapely.box(*BOX), body)
    holes = [wrapped(valid(_body(ring, True))) for ring in rings[1:]]
    return shapely.difference(body, shapely.union_all(holes)) if holes else body


def _turn(ring: Points) -> int:
    """Whole turns to the east along a closed ring."""
    return int(round((ring[-1, 0] - ring[0, 0]) / 360)) if len(ring) else 0


def _closed(ring: Points) -> Any:
    return shapely.LinearRing(ring)


def _body(ring: Points, even_odd: bool) -> Any:
    """The inside of a ring; of one around a pole with the pole's edge of the plane."""
    turn = _turn(ring)
    if turn == 0:
        return shapely.Polygon(ring)
    north = turn > 0
    if even_odd:
        step = np.diff(ring[:, 0])
        sines = np.sin(np.radians(ring[:, 1]))
        north = float(((sines[1:] + sines[:-1]) / 2 * step).sum()) * turn >= 0
    pole = 90.0 if north else -90.0
    return shapely.Polygon([*ring, (ring[-1, 0], pole), (ring[0, 0], pole), ring[0]])


def _beside(ring: Points, other: Points) -> Points:
    """The ring moved by whole turns to the middle of another."""
    middle = (other[:, 0].min() + other[:, 0].max()) / 2
    turns = round((middle - (ring[:, 0].min() + ring[:, 0].max()) / 2) / 360)
    return np.asarray(ring + np.array([360.0 * turns, 0.0]))


def shifted(shape: Any, turns: float) -> Any:
    """The shape moved by whole turns to the east."""
    if turns == 0 or shape.is_empty:
        return shape
    return shapely.transform(shape, lambda p: p + np.array([360.0 * turns, 0.0]))


def aligned(shape: Any) -> Any:
    """The parts of a shape moved by whole turns next to its first, and that into the usual range."""
    if shape.is_empty:
        return shape
    parts = list(shape.geoms) if hasattr(shape, "geoms") else [shape]
    middles = np.array([(p.bounds[0] + p.bounds[2]) / 2 if not p.is_empty else 0.0 for p in parts])
    first = middles[0] - 360 * math.ceil((middles[0] - 180) / 360)
    turns = np.round((first - middles) / 360)
    if not turns.any():
        return shape
    moved = [shifted(part, turn) for part, turn in zip(parts, turns.tolist(), strict=True)]
    return type(shape)(moved) if hasattr(shape, "geoms") else moved[0]


def wrapped(shape: Any, centre: float = 0.0) -> Any:
    """A valid shape in degrees brought into the turn around a longitude, cut where that ends."""
    if shape.is_empty:
        return shape
    west, _, east, _ = shape.bounds
    first = math.floor((west - centre + 180) / 360)
    last = max(math.ceil((east - centre - 180) / 360), first)
    if first == last:
        return shifted(shape, -first)
    if last - first > _MOST_TURNS:
        raise EvaluationError(f"Invalid geometry: it spans {round(east - west)} degrees.")
    pieces = []
    for turn in range(first, last + 1):
        left = centre - 180 + 360 * turn
        piece = shapely.intersection(shape, shapely.box(left, -90, left + 360, 90))
        if not piece.is_empty:
            pieces.append(shifted(piece, -turn))
    return shapely.union_all(pieces) if pieces else shape


def lonlat(geometry: Geometry, tolerance: float = TOLERANCE) -> Any:
    """A valid shape in degrees with straight edges, prepared, and kept with the geometry.

    Threads may share it: tests of it go through ``core.prepared.asked``.
    """

    def make() -> Any:
        shape = valid(in_degrees(geometry, tolerance))
        shapely.prepare(shape)
        return shape

    return geometry.keep(("lonlat", tolerance), make)


def around(geometry: Geometry) -> Any:
    """Like ``lonlat``, and if it goes around the globe, three times side by side without a seam."""
    shape = lonlat(geometry)
    if shape.is_empty or shape.bounds[2] - shape.bounds[0] < 360 - 1e-9:
        return shape

    def make() -> Any:
        found = shapely.union_all([shifted(shape, turn) for turn in (-1, 0, 1)])
        shapely.prepare(found)
        return found

    return geometry.keep("around", make)


def boxes(shapes: NDArray[Any]) -> NDArray[np.float64]:
    """Boxes of shapes, ``(n, 4)``; NaN where empty."""
    return np.asarray(shapely.bounds(shapes))


def turns_between(
    left: tuple[float, float, float, float], right: tuple[float, float, float, float]
) -> list[int]:
    """By how many whole turns the right box can be moved so that the two touch."""
    first = math.ceil((left[0] - right[2]) / 360 - 1e-12)
    last = math.floor((left[2] - right[0]) / 360 + 1e-12)
    return list(itertools.islice(range(first, last + 1), 2 * _MOST_TURNS))
