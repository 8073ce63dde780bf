"""Lengths and areas on the WGS84 spheroid.

Geodesic edges are measured by pyproj (Karney 2013). Straight edges in degrees are integrated exactly, those
of other planes by refinement: of n and 2n pieces, whose errors fall with the square of n, the difference
tells the rest (Richardson).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.geometry import Geometry
from ecumene.vector.degrees import WORLD, mover, simple_parts
from ecumene.vector.edges import GEOD, Points, divided, first_vertices, on_globe
from ecumene.vector.edges import Straight as StraightEdges
from ecumene.vector.frames import repaired

GLOBE = 510_065_621_724_088.44
"""Square metres of the spheroid."""

_PIECE = 50_000.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_E = math.sqrt(GEOD.es)


def _zone(lat: NDArray[Any]) -> NDArray[Any]:
    """Area between the equator and a parallel for one radian of longitude, in square metres."""
    sine = np.sin(np.radians(np.clip(lat, -90, 90)))
    return np.asarray(GEOD.b**2 / 2 * (sine / (1 - GEOD.es * sine**2) + np.arctanh(_E * sine) / _E))


def _planar_ring_area(points: Points) -> float:
    """∮ S(φ) dλ along straight edges in degrees, by Gauss-Legendre quadrature."""
    first, step = points[:-1], np.diff(points, axis=0)
    lat = first[:, 1, None] + step[:, 1, None] * (_NODES + 1) / 2
    return abs(float((_zone(lat) @ _WEIGHTS / 2 * np.radians(step[:, 0])).sum()))


def _geodesic_ring_area(points: Points) -> float:
    found, _ = GEOD.polygon_area_perimeter(*on_globe(points).T)
    return abs(float(found))


def _refined(measure: Callable[[Points], float], geometry: Geometry, points: Points) -> float:
    """The limit of a measure in degrees for ever more pieces of straight edges of another plane."""
    offsets = np.array([0, len(points)])
    unit = crs_.metres_per_unit(geometry.crs)
    straight = StraightEdges(points, unit)
    move = mover(geometry.crs, WORLD)
    edges = first_vertices(offsets)
    pieces = np.ones(len(points), np.int64)
    pieces[edges] = 2 + np.minimum(straight.lengths(edges) / _PIECE, 1e6).astype(np.int64)

    def sampled(times: int) -> float:
        counts = pieces.copy()
        counts[edges] *= times
        division = divided(counts, offsets)
        found = points[division.vertex].copy()
        found[division.added] = straight.at(division.edges, division.share)
        return measure(move(found))

    coarse, fine = sampled(1), sampled(2)
    return fine + (fine - coarse) / 3


def _ring_area(geometry: Geometry, ring: Any) -> float:
    points = shapely.get_coordinates(ring)
    if not crs_.is_geographic(geometry.crs):
        return _refined(_planar_ring_area, geometry, points)
    return _geodesic_ring_area(points) if geometry.geodesic else _planar_ring_area(points)


def _line_length(geometry: Geometry, line: Any) -> float:
    points = shapely.get_coordinates(line)
    if geometry.geodesic and crs_.is_geographic(geometry.crs):
        return _geodesic_length(points)
    return _refined(_geodesic_length, geometry, points)


def _geodesic_length(points: Points) -> float:
    return float(GEOD.line_length(*on_globe(points).T))


def _polygons(geometry: Geometry) -> Iterator[Geometry]:
    for part in simple_parts(geometry.shape):
        if part.geom_type == "Polygon":
            yield geometry.with_shape(part)


def area(geometry: Geometry) -> float:
    """Square metres of the polygons; overlaps of parts count twice, parts of crossing rings by the even-odd rule.

    A geometry whose inside lies left of its rings may take more than half of the globe.
    """
    if geometry.unbounded:
        return GLOBE
    total = 0.0
    for polygon in _polygons(geometry):
        sound = repaired(polygon)
        for part in simple_parts(sound.shape):
            if part.geom_type == "Polygon":
                total += _polygon_area(sound, part)
    return total


def _polygon_area(geometry: Geometry, polygon: Any) -> float:
    shell = _ring_area(geometry, polygon.exterior)
    if not geometry.even_odd and geometry.geodesic and crs_.is_geographic(geometry.crs):
        points = shapely.get_coordinates(polygon.exterior)
        if float(GEOD.polygon_area_perimeter(points[:, 0], points[:, 1])[0]) < 0:
            shell = GLOBE - shell
    return shell - sum(_ring_area(geometry, hole) for hole in polygon.interiors)


def length(geometry: Geometry) -> float:
    """Metres of the lines."""
    lines = (p for p in simple_parts(geometry.shape) if p.geom_type in ("LineString", "LinearRing"))
    return sum((_line_length(geometry, line) for line in lines), 0.0)


def perimeter(geometry: Geometry) -> float:
    """Metres around the polygons, holes included; none around what is unbounded."""
    if geometry.unbounded:
        return 0.0
    total = 0.0
    for polygon in _polygons(geometry):
        shape = polygon.shape
        total += sum(_line_length(polygon, ring) for ring in (shape.exterior, *shape.interiors))
    return total
