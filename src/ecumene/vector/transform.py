"""Geometries in other coordinate reference systems."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import Geometry

GEOD = pyproj.Geod(ellps="WGS84")
MOST_VERTICES = 2_000_000
LONGEST_GEODESIC = 20_000.0
"""Metres between added vertices of a geodesic edge: it strays less than 8 m from straight lines between them."""

LONGEST_PLANAR = 0.25
"""Degrees (or the same length in metres) between added vertices of a planar edge that is transformed."""


def _geodesic_ring(points: NDArray[Any]) -> NDArray[Any]:
    """Vertices added along geodesics; longitudes run on continuously."""
    lon, lat = points[:, 0], points[:, 1]
    azimuth, _, length = GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    pieces = np.maximum(np.ceil(np.asarray(length) / LONGEST_GEODESIC), 1).astype(int)
    # Meridians and the equator are straight already.
    straight = (lon[:-1] == lon[1:]) | ((lat[:-1] == 0) & (lat[1:] == 0))
    pieces[straight] = np.minimum(pieces[straight], 4)
    if int(pieces.sum()) > MOST_VERTICES:
        raise LimitExceeded("The geometry has too many vertices.")
    if bool((pieces == 1).all()):
        return points[:, :2]
    edge = np.repeat(np.arange(pieces.size), pieces)
    step = np.arange(edge.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    found = points[np.append(edge, len(points) - 1), :2].copy()
    added = np.nonzero(step)[0]
    start = edge[added]
    distance = step[added] / pieces[start] * np.asarray(length)[start]
    east, north, _ = GEOD.fwd(lon[start], lat[start], np.asarray(azimuth)[start], distance)
    found[added, 0] = east + 360 * np.round((lon[start] - east) / 360)
    found[added, 1] = north
    return found


def _planar_ring(points: NDArray[Any], longest: float) -> NDArray[Any]:
    steps = np.abs(np.diff(points[:, :2], axis=0)).max(axis=1)
    pieces = np.maximum(np.ceil(steps / longest), 1)
    if not np.isfinite(pieces).all() or pieces.sum() > MOST_VERTICES:
        raise LimitExceeded("The geometry has too many vertices.")
    index = np.repeat(np.arange(pieces.size), pieces.astype(int))
    starts = np.concatenate([[0], np.cumsum(pieces.astype(int))[:-1]])
    share = (np.arange(index.size) - starts[index]) / pieces[index]
    a, b = points[index, :2], points[index + 1, :2]
    return np.concatenate([a + (b - a) * share[:, None], points[-1:, :2]])


def densified(geometry: Geometry) -> Any:
    """The shape with vertices added so that straight lines between them follow its edges."""
    longest = LONGEST_PLANAR
    if not crs_.is_geographic(geometry.crs):
        longest = LONGEST_PLANAR * 111_000 / crs_.metres_per_unit(geometry.crs)
    bend = geometry.geodesic and crs_.is_geographic(geometry.crs)

    def ring(points: NDArray[Any]) -> NDArray[Any]:
        if len(points) < 2:
            return points[:, :2]
        return _geodesic_ring(points) if bend else _planar_ring(points, longest)

    return _map_rings(geometry.shape, ring)


def _map_rings(shape: Any, function: Any) -> Any:
    kind = shape.geom_type
    if shape.is_empty or kind in ("Point", "MultiPoint"):
        return shapely.force_2d(shape)
    if kind in ("LineString", "LinearRing"):
        points = function(np.asarray(shape.coords))
        return shapely.LinearRing(points) if kind == "LinearRing" else shapely.LineString(points)
    if kind == "Polygon":
        shell = function(np.asarray(shape.exterior.coords))
        return shapely.Polygon(
            shell, [function(np.asarray(hole.coords)) for hole in shape.interiors]
        )
    parts = [_map_rings(part, function) for part in shape.geoms]
    return type(shape)(parts)


def to_crs(geometry: Geometry, crs: str, max_error: Any = None) -> Geometry:
    """The geometry with straight edges in another CRS.

    Geodesic edges follow the spheroid to about 8 m, transformed planar edges to about a thousandth of their
    length; a polygon whose vertices cannot all be transformed loses those vertices.
    """
    target = crs_.canonical(crs)
    if geometry.crs == target and not (geometry.geodesic and crs_.is_geographic(target)):
        return geometry
    return _moved(geometry, target)


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
            moved = shapely.transform(shapely.force_2d(out[held]), _mover(source, target))
            far = ~np.isfinite(shapely.bounds(moved)).all(axis=1) & ~shapely.is_empty(moved)
            moved[far] = [_without_infinities(shape) for shape in moved[far]]
            out[held] = moved
    return out


def _mover(source: str, target: str) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def move(points: NDArray[Any]) -> NDArray[Any]:
        x, y = crs_.transform(source, target, points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    return move


@lru_cache(maxsize=256)
def _moved(geometry: Geometry, target: str) -> Geometry:
    """What ``to_crs`` gives; kept, since a request asks again and again for the same region."""
    shape = (
        densified(geometry)
        if geometry.shape.geom_type not in ("Point", "MultiPoint")
        else geometry.shape
    )
    moved = shape
    if geometry.crs != target:
        moved = shapely.transform(shapely.force_2d(shape), _mover(geometry.crs, target))
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        moved = _without_infinities(moved)
    return Geometry(moved, target, geodesic=False, even_odd=geometry.even_odd)


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
    """``(west, south, east, north)`` in degrees, geodesic bulges included; EvaluationError if there is none."""
    if geometry.unbounded:
        return (-180.0, -90.0, 180.0, 90.0)
    shape = to_crs(geometry, "EPSG:4326").shape
    if shape.is_empty:
        raise EvaluationError("Empty geometry.")
    west, south, east, north = shape.bounds
    if not all(math.isfinite(v) for v in (west, south, east, north)):
        raise EvaluationError("The geometry cannot be expressed in degrees.")
    return (west, south, east, north)
