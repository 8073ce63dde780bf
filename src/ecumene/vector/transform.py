"""Geometries in other coordinate reference systems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.vector.degrees import (
    WORLD,
    curve_of,
    in_degrees,
    mover,
    valid,
    wrapped,
)
from ecumene.vector.edges import (
    GEOD,
    RADIUS,
    Move,
    Offsets,
    Plane,
    Points,
    Straight,
    divided,
    first_vertices,
    follow,
    on_globe,
    rebuilt,
)

PLACED = 1.0
"""Metres that edges may stray where a geometry is brought onto a grid."""


def metres(margin: ErrorMargin | None, fallback: float, crs: str = WORLD) -> float:
    """An error margin in metres; one in projected units is taken in those of a CRS. Zero is the fallback."""
    if margin is None or margin.value == 0:
        return fallback
    if margin.unit == "infinite":
        return math.inf
    return margin.value * (crs_.metres_per_unit(crs) if margin.unit == "projected" else 1.0)


def to_crs(geometry: Geometry, crs: str, tolerance: float = PLACED) -> Geometry:
    """The valid geometry with straight edges in another CRS, within a tolerance in metres of its edges.

    Where the CRS is torn (mostly at the antimeridian) shapes are cut into parts. Rings that cross themselves
    are taken apart. A polygon whose vertices cannot all be transformed loses those vertices.
    """
    target = crs_.canonical(crs)
    return geometry.keep(  # type: ignore[no-any-return]
        ("crs", target, tolerance), lambda: _placed(geometry, target, tolerance)
    )


def shapes_in(geometries: Sequence[Geometry], crs: str) -> NDArray[Any]:
    """Shapes of many geometries in a CRS, as ``to_crs`` gives them; points are moved all at once."""
    out = np.empty(len(geometries), object)
    points: dict[str, list[int]] = {}
    for k, geometry in enumerate(geometries):
        if geometry.shape.geom_type in ("Point", "MultiPoint"):
            points.setdefault(geometry.crs, []).append(k)
            out[k] = geometry.shape
        else:
            out[k] = to_crs(geometry, crs).shape
    target = crs_.canonical(crs)
    for source, held in points.items():
        if source != target:
            moved = shapely.transform(shapely.force_2d(out[held]), mover(source, target))
            far = ~np.isfinite(shapely.bounds(moved)).all(axis=1) & ~shapely.is_empty(moved)
            moved[far] = [_without_infinities(shape) for shape in moved[far]]
            out[held] = moved
    return out


def _placed(geometry: Geometry, target: str, tolerance: float) -> Geometry:
    same = geometry.crs == target and not (geometry.geodesic and crs_.is_geographic(target))
    moved = geometry if same else _moved(geometry, target, tolerance)
    shape = valid(moved.shape)
    return moved if shape is moved.shape else moved.with_shape(shape)


def _moved(geometry: Geometry, target: str, tolerance: float) -> Geometry:
    seam = _seam(target)
    source: Geometry = geometry
    if seam is not None and (crs_.is_geographic(geometry.crs) or crs_.is_geographic(target)):
        shape = in_degrees(geometry, tolerance)
        if not _within_turn(shape, seam - 180):
            source = Geometry(wrapped(valid(shape), seam - 180), WORLD, geodesic=False)
        elif crs_.is_geographic(target):
            source = Geometry(shape, WORLD, geodesic=False)
    moved = source.shape if source.crs == target else _followed(source, target, tolerance)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        moved = _without_infinities(moved)
    return Geometry(moved, target, geodesic=False, even_odd=geometry.even_odd)


def _within_turn(shape: Any, centre: float) -> bool:
    if shape.is_empty:
        return True
    west, _, east, _ = shape.bounds
    return bool(west >= centre - 180 and east <= centre + 180 and east - west < 360 - 1e-9)


def _followed(geometry: Geometry, target: str, tolerance: float) -> Any:
    plane = Plane(mover(geometry.crs, target), tolerance / crs_.metres_per_unit(target))

    def change(points: Points, offsets: Offsets) -> tuple[Points, Offsets]:
        return follow(points, offsets, curve_of(geometry, points), plane)

    return rebuilt(geometry.shape, change)


@lru_cache(maxsize=1024)
def _seam(crs: str) -> float | None:
    """The longitude at which a CRS is torn; None if it is not, or has no place for it at all."""
    if crs_.is_geographic(crs):
        return 180.0
    operation = crs_.parse(crs).coordinate_operation
    origin = 0.0
    for parameter in operation.params if operation is not None else ():
        if parameter.name.lower().startswith("longitude of") and parameter.unit_name == "degree":
            origin = float(parameter.value)
    seam = origin + 180
    for lat in (45.0, 0.0, -45.0):
        sides = mover(WORLD, crs)(np.array([[seam - 1e-6, lat], [seam + 1e-6, lat]]))
        if np.isfinite(sides).all():
            gap = float(np.hypot(*(sides[1] - sides[0]))) * crs_.metres_per_unit(crs)
            return seam if gap > 1_000 else None
    return None


def with_edges(geometry: Geometry, crs: str, geodesic: bool, tolerance: float) -> Geometry:
    """The geometry in another CRS with edges of a kind; vertices are added only where the kinds differ."""
    target = crs_.canonical(crs)
    bent = geometry.geodesic and crs_.is_geographic(geometry.crs)
    wanted = geodesic and crs_.is_geographic(target)
    if geometry.unbounded or (target == geometry.crs and bent == wanted):
        return geometry
    if not wanted:
        return to_crs(geometry, target, tolerance)
    move, degrees = mover(geometry.crs, target), mover(geometry.crs, WORLD)
    unit = crs_.metres_per_unit(geometry.crs)

    def change(points: Points, offsets: Offsets) -> tuple[Points, Offsets]:
        if not bent:
            points, offsets = bent_edges(
                points, offsets, Straight(points, unit), degrees, tolerance
            )
        return (points if geometry.crs == target else move(points)), offsets

    return Geometry(rebuilt(geometry.shape, change), target, True, geometry.even_odd)


def bent_edges(
    points: Points, offsets: Offsets, straight: Straight, degrees: Move, tolerance: float
) -> tuple[Points, Offsets]:
    """Vertices added to straight edges of a plane so that geodesics between them follow the edges.

    ``degrees`` moves points of the plane to longitudes and latitudes.
    """
    edges = first_vertices(offsets)
    placed = degrees(points)
    height = np.zeros(len(edges))
    for share in (0.25, 0.5, 0.75):
        height = np.fmax(height, _off_track(placed, edges, degrees(straight.at(edges, share))))
    pieces = np.ones(len(points), np.int64)
    turned = np.abs(placed[edges + 1, 0] - placed[edges, 0]) > 90
    needed = np.ceil(np.sqrt(np.nan_to_num(height) / (0.75 * tolerance)))
    pieces[edges] = np.maximum(np.where(turned, np.fmax(needed, 8), needed), 1)
    division = divided(pieces, offsets)
    found = points[division.vertex].copy()
    found[division.added] = straight.at(division.edges, division.share)
    return found, division.offsets


def as_geodesic(shape: Any, degrees: Move, tolerance: float) -> Geometry:
    """A shape of a plane in metres as a geometry with geodesic edges; ``degrees`` moves its points."""

    def change(points: Points, offsets: Offsets) -> tuple[Points, Offsets]:
        points, offsets = bent_edges(points, offsets, Straight(points, 1.0), degrees, tolerance)
        return degrees(points), offsets

    return Geometry(rebuilt(shape, change), WORLD, geodesic=True)


def _off_track(degrees: Points, edges: NDArray[np.intp], points: Points) -> NDArray[np.float64]:
    """Metres between points and the geodesics of edges, on a sphere."""
    degrees, points = on_globe(degrees), on_globe(points)
    a, b = degrees[edges], degrees[edges + 1]
    ahead, _, _ = GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    there, _, far = GEOD.inv(a[:, 0], a[:, 1], points[:, 0], points[:, 1])
    angle = np.radians(np.asarray(there) - np.asarray(ahead))
    return np.asarray(RADIUS * np.abs(np.arcsin(np.sin(np.asarray(far) / RADIUS) * np.sin(angle))))


def _without_infinities(shape: Any) -> Any:
    def ring(points: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(points[np.isfinite(points).all(axis=1)])

    kind = shape.geom_type
    if kind == "Polygon":
        shell = ring(np.asarray(shape.exterior.coords))
        return shapely.Polygon(shell) if len(shell) >= 4 else shapely.Polygon()
    if kind in ("LineString", "LinearRing"):
        points = ring(np.asarray(shape.coords))
        return shapely.LineString(points) if len(points) >= 2 else shapely.LineString()
    if kind == "Point":
        return shapely.Point()
    parts = [_without_infinities(part) for part in shape.geoms]
    return type(shape)([part for part in parts if not part.is_empty])


def lonlat_bounds(geometry: Geometry) -> tuple[float, float, float, float]:
    """``(west, south, east, north)`` in degrees, geodesic bulges included; EvaluationError if there is none.

    East is beyond 180 where the geometry crosses the antimeridian.
    """
    if geometry.unbounded:
        return (-180.0, -90.0, 180.0, 90.0)
    shape = in_degrees(geometry)
    if shape.is_empty:
        raise EvaluationError("Empty geometry.")
    west, south, east, north = shape.bounds
    if not all(math.isfinite(v) for v in (west, south, east, north)):
        raise EvaluationError("The geometry cannot be expressed in degrees.")
    return (west, south, east, north)


__all__ = [
    "GEOD", "PLACED", "lonlat_bounds", "metres", "shapes_in", "to_crs", "with_edges",
]  # fmt: skip
