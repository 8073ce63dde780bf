"""Everything within a distance of a geometry on the spheroid.

Around a place the azimuthal equidistant projection stretches what lies h metres off by h²/6R², so shapes
are grown in planes around pieces small enough for the allowed error, and the results are united. The
distance itself may be of any size: distances from the centre of the plane are true.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from ecumene.core.errors import LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.vector.degrees import BOX, WORLD, in_degrees, lonlat, valid
from ecumene.vector.edges import RADIUS, unit_vectors
from ecumene.vector.frames import alike, backward, cap, frame_for, local, projected, vertices
from ecumene.vector.transform import as_geodesic

HALF_TURN = 20_003_931.0
"""Metres from pole to pole."""

_QUARTER = 9_000_000.0
_MOST_PIECES = 20_000
_METRES_PER_DEGREE = 111_319.5


def quadrants(radius: float, error: float) -> int:
    """Segments of a quarter of a circle so that its chords stray at most by an error."""
    if radius == 0:
        return 1
    share = min(max(error / radius, 1e-6), 0.3)
    return int(min(max(math.ceil(math.pi / 4 / math.acos(1 - share)), 2), 512))


def grown(geometry: Geometry, distance: float, error: float) -> Geometry:
    """Everything within a distance in metres (negative: what lies that deep inside), within an error."""
    empty = Geometry(shapely.Polygon(), WORLD)
    if geometry.shape.is_empty or (distance < 0 and not _has_area(geometry.shape)):
        return empty
    error = min(max(error, 1e-6 * abs(distance), 1e-3), max(0.3 * abs(distance), 1e-3))
    reach = RADIUS * math.sqrt(6 * error / abs(distance)) / 2 if distance else math.inf
    if distance + min(reach, 1000.0) > HALF_TURN:
        return Geometry(shapely.box(*BOX), WORLD, geodesic=False)
    radius = cap([geometry])[2] * RADIUS
    if radius <= reach and radius + abs(distance) < _QUARTER:
        return _in_plane(geometry, distance, error)
    return _united(geometry, distance, error, reach)


def _has_area(shape: Any) -> bool:
    return str(shape.geom_type).endswith(("Polygon", "Collection"))


def _in_plane(geometry: Geometry, distance: float, error: float) -> Geometry:
    """In the plane around the geometry."""
    lon, lat, radius = cap([geometry])
    plane = local("aeqd", lon, lat)
    shape = valid(projected(geometry, plane, error / 4))
    found = shapely.buffer(shape, distance, quad_segs=quadrants(abs(distance), error / 2))
    move = backward(plane)
    if radius * RADIUS + distance < _QUARTER:
        return as_geodesic(shapely.orient_polygons(found), move, error / 4)
    ring = Geometry(
        shapely.transform(shapely.orient_polygons(found), move), WORLD, True, even_odd=False
    )
    return Geometry(lonlat(ring, error / 4), WORLD, geodesic=False)


def _united(geometry: Geometry, distance: float, error: float, reach: float) -> Geometry:
    small, large = _sorted_parts(geometry, reach)
    found = [_in_plane(piece, distance, error) for piece in small]
    for part in large:
        found += _of_outline(part, distance, error, reach)
    together = list(alike(found))
    frame = frame_for(together)
    shape = shapely.union_all([p for g in together for p in frame.place_parts(g, error / 4)])
    return frame.back(shapely.orient_polygons(shape), geodesic=True)


def _of_outline(part: Geometry, distance: float, error: float, reach: float) -> list[Geometry]:
    """A part that is too large for one plane: its outline grown piece by piece, and its inside."""
    outline = in_degrees(part, error / 4)
    inside = part.shape.geom_type == "Polygon"
    if inside:
        outline = shapely.boundary(outline)
    pieces = [_in_plane(p, abs(distance), error) for p in _pieces(outline, reach)]
    if not inside:
        return pieces
    frame = frame_for([part, *pieces])
    strip = shapely.union_all([frame.place(piece, error / 4) for piece in pieces])
    body = frame.place(part, error / 4)
    combined = shapely.union(body, strip) if distance > 0 else shapely.difference(body, strip)
    return [frame.back(combined, geodesic=True)]


def _sorted_parts(geometry: Geometry, reach: float) -> tuple[list[Geometry], list[Geometry]]:
    """Parts that are small against the reach, gathered where they lie, and the others one by one."""
    cells: dict[tuple[int, int], list[Any]] = {}
    large: list[Geometry] = []
    degrees = reach / 2 / _METRES_PER_DEGREE
    for shape in _simple(geometry.shape):
        part = geometry.with_shape(shape)
        if shape.geom_type != "Point" and cap([part])[2] * RADIUS > reach / 2:
            large.append(part)
            continue
        lon, lat = vertices(part)[0]
        column = math.floor(lon * max(math.cos(math.radians(lat)), 0.05) / degrees)
        cells.setdefault((column, math.floor(lat / degrees)), []).append(shape)
    if len(cells) > _MOST_PIECES:
        raise LimitExceeded(
            "Geometry.buffer: The error margin is too small for a geometry of this extent."
        )
    small = [geometry.with_shape(shapely.GeometryCollection(held)) for held in cells.values()]
    return small, large


def _simple(shape: Any) -> Iterator[Any]:
    for part in shapely.get_parts(shape):
        if hasattr(part, "geoms"):
            yield from _simple(part)
        elif not part.is_empty:
            yield part


def _pieces(outline: Any, reach: float) -> Iterator[Geometry]:
    """Runs of a line in degrees, each as long as the reach (so within half of it of its middle)."""
    longest = max(reach / _METRES_PER_DEGREE, 1e-4)
    count = 0
    for line in _simple(outline):
        points = shapely.get_coordinates(shapely.segmentize(line, longest / 4))
        steps = np.linalg.norm(np.diff(unit_vectors(points), axis=0), axis=1)
        run = np.floor(np.concatenate([[0.0], steps.cumsum()]) * RADIUS / reach).astype(int)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(run)) + 1, [len(points) - 1]])
        for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            if last == first:
                continue
            count += 1
            if count > _MOST_PIECES:
                raise LimitExceeded(
                    "Geometry.buffer: The error margin is too small for a geometry of this extent."
                )
            piece = points[first : last + 1]
            yield Geometry(shapely.LineString(piece), WORLD, geodesic=False)
