"""Operations that make new geometries.

With a projection they run in its plane and units. Without one they run on the spheroid: planar geometries of
one CRS are combined in their own plane (the sets of points are the same), others in a plane of the sphere
where geodesics are straight; distances are metres.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
import shapely.ops

from ecumene.core import crs as crs_
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import UNBOUNDED, ErrorMargin, Geometry
from ecumene.core.projection import Projection, invert
from ecumene.vector.buffers import grown, quadrants
from ecumene.vector.degrees import (
    TOLERANCE,
    WORLD,
    in_degrees,
    is_planar,
    shifted,
    simple_parts,
    valid,
)
from ecumene.vector.edges import GEOD
from ecumene.vector.frames import alike, backward, cap, frame_for, local, projected
from ecumene.vector.nearest import nearest
from ecumene.vector.transform import PLACED, metres, to_crs, with_edges

OPERATIONS = {
    "union": shapely.union,
    "intersection": shapely.intersection,
    "difference": shapely.difference,
    "symmetricDifference": shapely.symmetric_difference,
}
EMPTY = Geometry(shapely.GeometryCollection())
_HALF_WAY = 1.8
_CELLS = 8192


def tolerance(name: str, margin: ErrorMargin | None, *, needed: bool, crs: str = WORLD) -> float:
    """Metres that edges may stray; EvaluationError if none are allowed though edges must be approximated."""
    if margin is not None and margin.value == 0 and margin.unit != "infinite" and needed:
        raise EvaluationError(
            f"{name}: Unable to perform this geometry operation. Please specify a non-zero error margin."
        )
    return metres(margin, TOLERANCE, crs)


def planar(geometry: Geometry, crs: str, within: float = PLACED) -> Any:
    """A valid shape in a plane."""
    return to_crs(geometry, crs, within).shape


def _needs_error(geometry: Geometry, crs: str) -> bool:
    """Whether edges of a geometry must be approximated in a plane."""
    if geometry.shape.geom_type in ("Point", "MultiPoint"):
        return False
    return geometry.crs != crs or (geometry.geodesic and crs_.is_geographic(crs))


def _result(shape: Any, crs: str, geodesic: bool) -> Geometry:
    if shape.is_empty:
        return Geometry(EMPTY.shape, crs, geodesic)
    return Geometry(shapely.orient_polygons(shape), crs, geodesic)


def same_plane(left: Geometry, right: Geometry) -> bool:
    """Whether both have straight edges in one CRS."""
    straight = (is_planar(g) or not crs_.is_geographic(g.crs) for g in (left, right))
    return left.crs == right.crs and all(straight)


def combine(
    name: str,
    left: Geometry,
    right: Geometry,
    margin: ErrorMargin | None,
    proj: Projection | None,
) -> Geometry:
    """A set operation: ``union``, ``intersection``, ``difference`` or ``symmetricDifference``.

    The result is in the projection, or in the plane of both, else in degrees with geodesic edges.
    """
    if left.unbounded or right.unbounded:
        simple = _with_unbounded(name, left, right)
        if simple is not None:
            return simple
    operation, title = OPERATIONS[name], f"Geometry.{name}"
    if proj is not None:
        needed = any(_needs_error(g, proj.crs) for g in (left, right))
        within = tolerance(title, margin, needed=needed, crs=proj.crs)
        shape = operation(*(planar(g, proj.crs, within) for g in (left, right)))
        return _result(shape, proj.crs, False)
    if same_plane(left, right):
        a, b = valid(left.shape), valid(right.shape)
        return _result(operation(a, _beside(a, b) if left.crs == WORLD else b), left.crs, False)
    within = tolerance(title, margin, needed=not (_plain(left) and _plain(right)))
    frame = frame_for([left, right])
    shape = operation(*(frame.place(g, within) for g in (left, right)))
    found = frame.back(shape, geodesic=True)
    return _result(found.shape, WORLD, found.geodesic)


def _plain(geometry: Geometry) -> bool:
    """Whether spherical work can take it as it is: geodesics between degrees, or mere points."""
    return geometry.shape.geom_type in ("Point", "MultiPoint") or (
        geometry.crs == WORLD and geometry.geodesic
    )


def _beside(left: Any, right: Any) -> Any:
    """The right shape in degrees moved by whole turns to where the left one is, if they do not meet already."""
    if left.is_empty or right.is_empty:
        return right
    a, b = left.bounds, right.bounds
    if b[0] <= a[2] and a[0] <= b[2]:
        return right
    return shifted(right, round(((a[0] + a[2]) - (b[0] + b[2])) / 2 / 360))


def _with_unbounded(name: str, left: Geometry, right: Geometry) -> Geometry | None:
    """What follows where one side is everything; None where the world's rectangle stands for it."""
    both = left.unbounded and right.unbounded
    if name == "union":
        return UNBOUNDED
    if name == "intersection":
        return right if left.unbounded else left
    if both or (name == "difference" and right.unbounded):
        return EMPTY
    if (right if left.unbounded else left).shape.is_empty:
        return UNBOUNDED
    return None


def dissolve(geometry: Geometry, margin: ErrorMargin | None, proj: Projection | None) -> Geometry:
    """The parts united; a single part is left as it is."""
    if geometry.unbounded or (not hasattr(geometry.shape, "geoms") and geometry.shape.is_valid):
        return geometry if proj is None else to_crs(geometry, proj.crs)
    if proj is not None:
        needed = _needs_error(geometry, proj.crs)
        within = tolerance("Geometry.dissolve", margin, needed=needed, crs=proj.crs)
        return _result(
            shapely.union_all(simple_parts(planar(geometry, proj.crs, within))), proj.crs, False
        )
    if same_plane(geometry, geometry):
        return _result(
            shapely.union_all([valid(p) for p in simple_parts(geometry.shape)]), geometry.crs, False
        )
    return united(
        [geometry.with_shape(p) for p in simple_parts(geometry.shape)], metres(margin, TOLERANCE)
    )


def united(geometries: list[Geometry], within: float) -> Geometry:
    """The union of any number of bounded geometries, in degrees with geodesic edges unless all are planar."""
    if not geometries:
        return EMPTY
    first = geometries[0]
    if all(same_plane(first, g) for g in geometries):
        shapes = [valid(g.shape) for g in geometries]
        if first.crs == WORLD:
            shapes = [shapes[0], *(_beside(shapes[0], s) for s in shapes[1:])]
        return _result(shapely.union_all(shapes), first.crs, False)
    together = list(alike(geometries))
    frame = frame_for(together)
    shapes = [part for alike in together for part in frame.place_parts(alike, within)]
    found = frame.back(shapely.union_all(shapes), True)
    return _result(found.shape, found.crs, found.geodesic)


def buffer(
    geometry: Geometry, distance: float, margin: ErrorMargin | None, proj: Projection | None
) -> Geometry:
    """Everything within a distance (negative: that deep inside); circles stray by at most the error margin.

    Without a projection the distance is metres on the spheroid, with one it is in the projection's units.
    """
    name = "Geometry.buffer"
    if not math.isfinite(distance):
        raise EvaluationError(f"{name}: The distance must be finite.")
    if geometry.unbounded:
        return geometry
    if proj is None:
        tolerance(name, margin, needed=True)
        error = metres(margin, abs(distance) / 100)
        found = grown(geometry, distance, min(error, 0.3 * abs(distance)))
        return _result(found.shape, found.crs, found.geodesic)
    unit = crs_.metres_per_unit(proj.crs)
    error = tolerance(name, margin, needed=True, crs=proj.crs) / unit
    if margin is None or margin.unit == "infinite":
        error = abs(distance) / 100
    shape = planar(geometry, proj.crs, error * unit)
    found_shape = shapely.buffer(shape, distance, quad_segs=quadrants(abs(distance), error))
    return _result(found_shape, proj.crs, False)


def centroid(geometry: Geometry, margin: ErrorMargin | None, proj: Projection | None) -> Geometry:
    """The centre of the parts of the highest dimension, as a point; an empty one of what is empty.

    On the spheroid it is found in equal-area planes, moved until the centre stays.
    """
    if geometry.unbounded:
        raise EvaluationError("Geometry.centroid: The geometry must not be unbounded.")
    if proj is not None:
        needed = _needs_error(geometry, proj.crs)
        within = tolerance("Geometry.centroid", margin, needed=needed, crs=proj.crs)
        return Geometry(shapely.centroid(planar(geometry, proj.crs, within)), proj.crs, False)
    if geometry.shape.geom_type == "Point":
        return geometry if geometry.crs == WORLD else with_edges(geometry, WORLD, True, PLACED)
    if geometry.shape.is_empty:
        return Geometry(shapely.Point())
    lon, lat, radius = cap([geometry])
    if radius > _HALF_WAY:
        return Geometry(shapely.centroid(valid(in_degrees(geometry))))
    within = metres(margin, PLACED)
    kind = "laea" if geometry.shape.geom_type.endswith(("Polygon", "Collection")) else "aeqd"
    for _ in range(8):
        plane = local(kind, lon, lat)
        centre = shapely.centroid(valid(projected(geometry, plane, within)))
        lon, lat = backward(plane)(shapely.get_coordinates(centre))[0].tolist()
        if math.hypot(centre.x, centre.y) < 1e-4:
            break
    return Geometry(shapely.Point(lon, lat))


def convex_hull(
    geometry: Geometry, margin: ErrorMargin | None, proj: Projection | None
) -> Geometry:
    """The smallest convex shape that holds everything: along geodesics, or in the projection."""
    if geometry.unbounded or geometry.shape.is_empty:
        return geometry
    if proj is not None:
        needed = _needs_error(geometry, proj.crs)
        within = tolerance("Geometry.convexHull", margin, needed=needed, crs=proj.crs)
        return _result(shapely.convex_hull(planar(geometry, proj.crs, within)), proj.crs, False)
    frame = frame_for([geometry])
    hull = _thinned(shapely.convex_hull(frame.place(geometry, metres(margin, PLACED))))
    found = frame.back(hull, True)
    return _result(found.shape, found.crs, found.geodesic)


def _thinned(hull: Any) -> Any:
    """A hull that is no wider than rounding as the line it stands for."""
    if hull.geom_type != "Polygon" or hull.area > 1e-9 * hull.length**2:
        return hull
    points = shapely.get_coordinates(hull)
    far = points[np.argmax(np.hypot(*(points - points[0]).T))]
    farthest = points[np.argmax(np.hypot(*(points - far).T))]
    return shapely.LineString([far, farthest])


def simplify(geometry: Geometry, margin: ErrorMargin, proj: Projection | None) -> Geometry:
    """Fewer vertices, within an error in metres (or units of the projection).

    Planes stretch distances, so the error in metres is never exceeded. Nothing is left out if the error is 0.
    """
    if geometry.unbounded or geometry.shape.is_empty:
        return geometry
    if margin.unit == "infinite" or margin.value == 0:
        return geometry if proj is None else to_crs(geometry, proj.crs)
    crs = proj.crs if proj is not None else geometry.crs
    error = metres(margin, PLACED, crs)
    if proj is not None or not crs_.is_geographic(crs):
        unit = crs_.metres_per_unit(crs)
        shape = planar(geometry, crs, error / 10) if proj is not None else valid(geometry.shape)
        return Geometry(shapely.simplify(shape, error / unit), crs, False)
    lon, lat, radius = cap([geometry])
    if radius > _HALF_WAY:
        shape = shapely.simplify(geometry.shape, error / crs_.METRES_PER_DEGREE)
        return geometry.with_shape(shape)
    plane = local("aeqd", lon, lat)
    flat = Geometry(geometry.shape, geometry.crs, geometry.geodesic)
    shape = shapely.simplify(projected(flat, plane, math.inf), error)
    moved = shapely.transform(shape, backward(plane))
    if is_planar(geometry):
        moved = _same_turns(moved, geometry.shape)
    return geometry.with_shape(moved)


def _same_turns(moved: Any, source: Any) -> Any:
    """Longitudes as the source has them: beyond 180° if it is."""
    west, _, east, _ = source.bounds
    if west >= -180 and east <= 180:
        return moved
    middle = (west + east) / 2
    return shapely.transform(
        moved,
        lambda p: np.column_stack([p[:, 0] + 360 * np.round((middle - p[:, 0]) / 360), p[:, 1]]),
    )


def bounds(geometry: Geometry, margin: ErrorMargin | None, proj: Projection | None) -> Geometry:
    """The box along the axes of a projection (degrees if none is given); east of 180° across the antimeridian."""
    crs = proj.crs if proj is not None else WORLD
    if geometry.unbounded:
        return geometry
    needed = _needs_error(geometry, crs) and crs != WORLD
    tolerance("Geometry.bounds", margin, needed=needed, crs=crs)
    box = box_of(geometry, crs, metres(margin, PLACED, crs))
    shape = shapely.box(*box) if math.isfinite(box[0]) else shapely.Polygon()
    return Geometry(from_lower_left(shape), crs, False)


def from_lower_left(box: Any) -> Any:
    """The box with its ring from the lower left corner, counterclockwise."""
    if box.is_empty:
        return box
    west, south, east, north = box.bounds
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return shapely.Polygon(corners)


def box_of(geometry: Geometry, crs: str, within: float) -> tuple[float, float, float, float]:
    """The box along the axes of a CRS; east of 180° across the antimeridian, NaN of what is empty."""
    if crs == WORLD:
        shape = in_degrees(geometry, min(within, 0.1))
    else:
        shape = planar(geometry, crs, min(within, 1000.0))
    west, south, east, north = shape.bounds if not shape.is_empty else (math.nan,) * 4
    return (west, south, east, north)


def around_all(
    boxes: list[tuple[float, float, float, float]], crs: str
) -> tuple[float, float, float, float]:
    """The box around boxes; in degrees those beyond 180° are moved by whole turns next to the first."""
    array = np.asarray(boxes)
    if crs == WORLD and bool((np.abs(array[:, [0, 2]]) > 180).any()):
        middle = (array[:, 0] + array[:, 2]) / 2
        turns = np.round((middle[0] - 360 * round(middle[0] / 360) - middle) / 360)
        array[:, [0, 2]] += 360 * turns[:, None]
    west, south = array[:, :2].min(axis=0).tolist()
    east, north = array[:, 2:].max(axis=0).tolist()
    return (west, south, east, north)


def closest(
    left: Geometry, right: Geometry, proj: Projection | None
) -> tuple[Geometry, Geometry] | None:
    """The nearest points of two geometries; None if one is empty.

    Where one is unbounded, a point of the other stands for both; where both are, any point does.
    """
    crs = WORLD if proj is None else proj.crs
    if left.unbounded or right.unbounded:
        bounded = [g for g in (left, right) if not g.unbounded]
        if bounded and bounded[0].shape.is_empty:
            return None
        shape = (
            shapely.point_on_surface(planar(bounded[0], crs)) if bounded else shapely.Point(0, 0)
        )
        point = Geometry(shape, crs, proj is None)
        return point, point
    if left.shape.is_empty or right.shape.is_empty:
        return None
    if proj is not None:
        line = shapely.shortest_line(planar(left, crs), planar(right, crs))
        first, second = shapely.get_coordinates(line)
        return Geometry(shapely.Point(first), crs, False), Geometry(
            shapely.Point(second), crs, False
        )
    found = nearest(left, right)
    assert found is not None
    return Geometry(shapely.Point(found.left)), Geometry(shapely.Point(found.right))


def cut_lines(
    geometry: Geometry,
    distances: list[float],
    margin: ErrorMargin | None,
    proj: Projection | None,
) -> Geometry:
    """Lines cut into pieces at distances from their start; other geometries give no lines."""
    crs = WORLD if proj is None else proj.crs
    stops = sorted({d for d in distances if d > 0 and math.isfinite(d)})
    lines = [
        geometry.with_shape(shapely.LineString(p.coords))
        for p in simple_parts(geometry.shape)
        if p.geom_type in ("LineString", "LinearRing")
    ]
    within = metres(margin, PLACED, crs)
    pieces: list[Any] = []
    for line in lines:
        if proj is not None:
            pieces += _cut_planar(planar(line, crs, within), stops)
        else:
            pieces += _cut_geodesic(with_edges(line, WORLD, True, within).shape, stops)
    return Geometry(shapely.MultiLineString(pieces), crs, proj is None)


def _cut_planar(line: Any, stops: list[float]) -> list[Any]:
    ends = [0.0, *[s for s in stops if s < line.length], line.length]
    return [
        shapely.ops.substring(line, a, b) for a, b in zip(ends, ends[1:], strict=False) if b > a
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
) -> Iterator[tuple[int, int, Geometry]]:
    """``(x, y, cell)`` of the cells of a projection that a geometry meets, row by row, some thousands at a time.

    LimitExceeded, before the first, if the box around it has more than ``most`` cells.
    """
    if geometry.unbounded:
        raise EvaluationError("Geometry.coveringGrid: The geometry must not be unbounded.")
    shape = planar(geometry, proj.crs)
    if shape.is_empty:
        return iter(())
    t = invert(proj.transform)
    pixels = shapely.transform(shape, lambda p: _affine(t, p))
    west, south, east, north = pixels.bounds
    columns = range(math.floor(west), max(math.ceil(east), math.floor(west) + 1))
    rows = range(math.floor(south), max(math.ceil(north), math.floor(south) + 1))
    if len(columns) * len(rows) > most:
        raise LimitExceeded(f"Geometry.coveringGrid: The grid would have more than {most} cells.")
    shapely.prepare(pixels)
    return _cells(pixels, columns, rows, proj)


def _cells(
    pixels: Any, columns: range, rows: range, proj: Projection
) -> Iterator[tuple[int, int, Geometry]]:
    count = len(columns) * len(rows)
    for first in range(0, count, _CELLS):
        number = np.arange(first, min(first + _CELLS, count))
        x, y = columns.start + number % len(columns), rows.start + number // len(columns)
        squares = shapely.box(x, y, x + 1, y + 1)
        keep = shapely.intersects(pixels, squares)
        if pixels.area:
            keep &= ~shapely.touches(pixels, squares)
        placed = shapely.transform(squares[keep], lambda p: _affine(proj.transform, p))
        for i, j, square in zip(x[keep].tolist(), y[keep].tolist(), placed, strict=True):
            yield i, j, Geometry(square, proj.crs, False)


def _affine(transform: Any, points: Any) -> Any:
    a, b, c, d, e, f = transform
    return np.column_stack(
        [a * points[:, 0] + b * points[:, 1] + c, d * points[:, 0] + e * points[:, 1] + f]
    )
