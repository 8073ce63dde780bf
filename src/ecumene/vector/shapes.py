"""Operations that make new geometries.

Without a projection they run on the spheroid: distances are metres, computed in azimuthal projections around
the place; combinations of shapes are made in degrees with densified geodesic edges (or in a plane around the
pole or the antimeridian where degrees would tear the shape).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
import shapely.ops

from ecumene.core import crs as crs_
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.core.projection import Projection, invert
from ecumene.vector.geodesic import local_crs
from ecumene.vector.transform import GEOD, to_crs

WORLD = "EPSG:4326"
HALF_TURN = 20_003_931.0


def planar(geometry: Geometry, crs: str) -> Any:
    """A valid shape in a plane."""
    shape = to_crs(geometry, crs).shape
    return shape if shape.is_valid else shapely.make_valid(shape)


def _back(shape: Any, crs: str, target: str, geodesic: bool) -> Geometry:
    """A planar shape in another CRS, its vertices moved only."""
    if crs == target:
        return Geometry(shape, target, geodesic)

    def move(points: Any) -> Any:
        x, y = crs_.transform(crs, target, points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    return Geometry(shapely.transform(shape, move), target, geodesic)


def _plane_of(geometry: Geometry, proj: Projection | None) -> str | None:
    if proj is not None:
        return proj.crs
    return None if geometry.crs == WORLD else geometry.crs


def combine(
    operation: Callable[[Any, Any], Any], left: Geometry, right: Geometry, proj: Projection | None
) -> Geometry:
    """A set operation; the result is in the left geometry's CRS, or the projection's if one is given."""
    if left.unbounded or right.unbounded:
        left, right = (Geometry(g.shape, g.crs, False) if g.unbounded else g for g in (left, right))
    plane = _plane_of(left, proj)
    if plane is not None:
        shape = operation(planar(left, plane), planar(right, plane))
        return Geometry(shape, plane, False)
    simple = not (left.geodesic or right.geodesic)
    a, b = (g.shape if simple else to_crs(g, WORLD).shape for g in (left, right))
    a, b = (s if s.is_valid else shapely.make_valid(s) for s in (a, b))
    return Geometry(_tidy(operation(a, b)), WORLD, left.geodesic)


def _tidy(shape: Any) -> Any:
    """Without the vertices that densifying added on straight lines."""
    return shapely.simplify(shape, 1e-9) if not shape.is_empty else shape


def metres(margin: ErrorMargin | None, fallback: float) -> float:
    """A tolerance in metres."""
    if margin is None or margin.unit == "infinite" or margin.value == 0:
        return fallback
    return margin.value


def _circle(lon: float, lat: float, radius: float, count: int) -> Any:
    azimuths = np.linspace(0, -360, count, endpoint=False)
    x, y, _ = GEOD.fwd(np.full(count, lon), np.full(count, lat), azimuths, np.full(count, radius))
    x = lon + (x - lon + 180) % 360 - 180
    return shapely.Polygon(np.column_stack([x, y]))


def buffer(
    geometry: Geometry, distance: float, margin: ErrorMargin | None, proj: Projection | None
) -> Geometry:
    """Everything within a distance (negative: that deep inside); circles stray by at most the error margin.

    Without a projection the distance is metres on the spheroid, with one it is in the projection's units.
    """
    if not math.isfinite(distance):
        raise EvaluationError("Geometry.buffer: The distance must be finite.")
    if geometry.unbounded:
        return geometry
    error = metres(margin, abs(distance) / 100)
    quarters = _quadrants(abs(distance), error)
    plane = _plane_of(geometry, proj)
    if plane is not None:
        shape = shapely.buffer(planar(geometry, plane), distance, quad_segs=quarters)
        return Geometry(shape, plane, False)
    if abs(distance) > HALF_TURN:
        raise EvaluationError(
            "Geometry.buffer: The distance is larger than half of the Earth's circumference."
        )
    if geometry.shape.geom_type == "Point" and distance > 0:
        return Geometry(
            _circle(geometry.shape.x, geometry.shape.y, distance, 4 * quarters), WORLD, True
        )
    local = local_crs(geometry)
    grown = shapely.buffer(planar(geometry, local), distance, quad_segs=quarters)
    return _back(grown, local, WORLD, True)


def _quadrants(radius: float, error: float) -> int:
    """Segments of a quarter circle so that chords stray at most by an error."""
    if radius == 0:
        return 1
    share = min(max(error / radius, 1e-6), 0.3)
    return int(min(max(math.ceil(math.pi / 4 / math.acos(1 - share)), 2), 512))


def unary_plane(geometry: Geometry, proj: Projection | None) -> tuple[Any, str]:
    """A shape and the CRS to work in: the projection's, the geometry's own plane, or degrees."""
    plane = _plane_of(geometry, proj)
    if plane is not None:
        return planar(geometry, plane), plane
    return planar(geometry, WORLD), WORLD


def centroid(geometry: Geometry, proj: Projection | None) -> Geometry:
    """The centre of the parts of the highest dimension, as a point."""
    if geometry.shape.geom_type == "Point":
        return geometry
    plane = _plane_of(geometry, proj)
    crs = plane or local_crs(geometry)
    point = shapely.centroid(planar(geometry, crs))
    return _back(point, crs, plane or WORLD, plane is None)


def convex_hull(geometry: Geometry, proj: Projection | None) -> Geometry:
    """The smallest convex shape that holds everything."""
    plane = _plane_of(geometry, proj)
    crs = plane or local_crs(geometry)
    return _back(shapely.convex_hull(planar(geometry, crs)), crs, plane or WORLD, plane is None)


def simplify(geometry: Geometry, margin: ErrorMargin, proj: Projection | None) -> Geometry:
    """Fewer vertices, within an error in metres (or units of the projection)."""
    plane = _plane_of(geometry, proj)
    crs = plane or local_crs(geometry)
    moved = _back(geometry.shape, geometry.crs, crs, False).shape
    shape = shapely.simplify(moved, metres(margin, 1.0), preserve_topology=True)
    return _back(shape, crs, plane or WORLD, geometry.geodesic and plane is None)


def bounds(geometry: Geometry, proj: Projection | None) -> Geometry:
    """The box along the axes of a projection (degrees if none is given)."""
    crs = proj.crs if proj is not None else WORLD
    if geometry.unbounded:
        return geometry
    shape = to_crs(geometry, crs).shape
    if shape.is_empty:
        return Geometry(shapely.Polygon(), crs, False)
    west, south, east, north = shape.bounds
    ring = [(west, south), (east, south), (east, north), (west, north)]
    return Geometry(shapely.Polygon(ring), crs, False)


def closest(
    left: Geometry, right: Geometry, proj: Projection | None
) -> tuple[Geometry, Geometry] | None:
    """The nearest points of two geometries; None if one is empty or unbounded."""
    if left.unbounded or right.unbounded or left.shape.is_empty or right.shape.is_empty:
        return None
    plane = _plane_of(left, proj)
    crs = plane or local_crs(left)
    line = shapely.shortest_line(planar(left, crs), planar(right, crs))
    first, second = (
        _back(shapely.Point(p), crs, plane or WORLD, plane is None) for p in np.asarray(line.coords)
    )
    return first, second


def cut_lines(geometry: Geometry, distances: list[float], proj: Projection | None) -> Geometry:
    """Lines cut into pieces at distances from their start; other geometries give no lines."""
    plane = _plane_of(geometry, proj)
    parts = list(geometry.shape.geoms) if hasattr(geometry.shape, "geoms") else [geometry.shape]
    lines = [
        shapely.LineString(p.coords)
        for p in parts
        if p.geom_type in ("LineString", "LinearRing") and not p.is_empty
    ]
    stops = sorted({d for d in distances if d > 0})
    pieces: list[Any] = []
    for line in lines:
        pieces += _cut_planar(line, geometry, plane, stops) if plane else _cut_geodesic(line, stops)
    return Geometry(
        shapely.MultiLineString(pieces), plane or geometry.crs, geometry.geodesic and plane is None
    )


def _cut_planar(line: Any, geometry: Geometry, plane: str, stops: list[float]) -> list[Any]:
    moved = planar(geometry.with_shape(line), plane)
    ends = [0.0, *[s for s in stops if s < moved.length], moved.length]
    return [
        shapely.ops.substring(moved, a, b) for a, b in zip(ends, ends[1:], strict=False) if b > a
    ]


def _cut_geodesic(line: Any, stops: list[float]) -> list[Any]:
    points = np.asarray(line.coords)
    done, waiting = 0.0, list(stops)
    pieces, current = [], [tuple(points[0][:2])]
    for (x0, y0), (x1, y1) in zip(points[:-1, :2], points[1:, :2], strict=True):
        azimuth, _, length = GEOD.inv(x0, y0, x1, y1)
        while waiting and waiting[0] < done + length:
            x, y, _ = GEOD.fwd(x0, y0, azimuth, waiting.pop(0) - done)
            current.append((x, y))
            pieces.append(shapely.LineString(current))
            current = [(x, y)]
        current.append((float(x1), float(y1)))
        done += length
    return [*pieces, shapely.LineString(current)]


def covering_grid(
    geometry: Geometry, proj: Projection, most: int
) -> list[tuple[int, int, Geometry]]:
    """``(x, y, cell)`` of the cells of a projection that a geometry meets."""
    shape = planar(geometry, proj.crs)
    t = invert(proj.transform)
    pixels = shapely.transform(
        shape,
        lambda p: np.column_stack(
            [t[0] * p[:, 0] + t[1] * p[:, 1] + t[2], t[3] * p[:, 0] + t[4] * p[:, 1] + t[5]]
        ),
    )
    west, south, east, north = pixels.bounds
    columns = range(math.floor(west), max(math.ceil(east), math.floor(west) + 1))
    rows = range(math.floor(south), max(math.ceil(north), math.floor(south) + 1))
    if len(columns) * len(rows) > most:
        raise LimitExceeded(f"Geometry.coveringGrid: The grid would have more than {most} cells.")
    shapely.prepare(pixels)
    x, y = (a.ravel() for a in np.meshgrid(columns, rows))
    boxes = shapely.box(x, y, x + 1, y + 1)
    keep = (
        shapely.intersects(pixels, boxes) & ~shapely.touches(pixels, boxes)
        if pixels.area
        else shapely.intersects(pixels, boxes)
    )
    a, b, c, d, e, f = proj.transform
    found = []
    for i, j, box in zip(x[keep].tolist(), y[keep].tolist(), boxes[keep], strict=True):
        cell = shapely.transform(
            box,
            lambda p: np.column_stack(
                [a * p[:, 0] + b * p[:, 1] + c, d * p[:, 0] + e * p[:, 1] + f]
            ),
        )
        found.append((i, j, Geometry(cell, proj.crs, False)))
    return found
