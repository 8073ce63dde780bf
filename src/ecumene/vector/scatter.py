"""Random places in geometries: even over areas, along lines, or among points.

Areas are cut into triangles in the cylindrical equal-area plane (longitude, sine of the latitude), where evenly
spread means evenly spread on the sphere; so thin and scattered regions take no longer than others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.core.geometry import Geometry
from ecumene.vector.degrees import WORLD, in_degrees, mover, simple_parts, valid
from ecumene.vector.edges import GEOD, Geodesics, Points, first_vertices, on_globe, runs
from ecumene.vector.transform import with_edges

_STEP = 1.0
"""Degrees of latitude that an edge may span before its sine is followed by a further vertex."""

Draw = Callable[[np.random.Generator, int], Points]
"""So many places (longitudes and latitudes) from a source of random numbers."""


def spread(geometry: Geometry, tolerance: float) -> Draw | None:
    """How to draw places from the parts of the highest dimension; None if there are no parts.

    Edges stray at most by a tolerance in metres.
    """
    if geometry.unbounded:
        return _in_areas(shapely.box(-180, -90, 180, 90))
    parts = simple_parts(geometry.shape)
    areas = [part for part in parts if part.geom_type == "Polygon"]
    lines = [part for part in parts if part.geom_type in ("LineString", "LinearRing")]
    if areas:
        shape = valid(in_degrees(geometry.with_shape(shapely.MultiPolygon(areas)), tolerance))
        if shape.area > 0:
            return _in_areas(shape)
        lines = [part.exterior for part in areas]
    if lines:
        return _along(geometry.with_shape(shapely.GeometryCollection(lines)), tolerance)
    points = shapely.get_coordinates(shapely.GeometryCollection(parts))
    if not len(points):
        return None
    places = points if geometry.crs == WORLD else mover(geometry.crs, WORLD)(points)
    return lambda source, count: places[source.integers(0, len(places), count)]


def _chosen(source: np.random.Generator, weights: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Numbers of things as often as they weigh."""
    ends = np.cumsum(weights)
    found = np.searchsorted(ends, source.random(count) * ends[-1], side="right")
    return np.asarray(np.minimum(found, len(ends) - 1), np.int64)


def _in_areas(shape: Any) -> Draw:
    flat = shapely.transform(shapely.segmentize(shape, _STEP), _sines)
    parts = [part for part in shapely.get_parts(valid(flat)) if part.geom_type == "Polygon"]
    triangles = np.concatenate(
        [shapely.get_parts(shapely.constrained_delaunay_triangles(part)) for part in parts]
    )
    corners = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    areas = shapely.area(triangles)

    def draw(source: np.random.Generator, count: int) -> Points:
        triangle = corners[_chosen(source, areas, count)]
        u, v = source.random((2, count, 1))
        u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
        first = triangle[:, 0]
        places = first + u * (triangle[:, 1] - first) + v * (triangle[:, 2] - first)
        lat = np.degrees(np.arcsin(np.clip(places[:, 1], -1, 1)))
        return np.column_stack([_usual(places[:, 0]), lat])

    return draw


def _sines(points: Points) -> Points:
    return np.column_stack([points[:, 0], np.sin(np.radians(on_globe(points)[:, 1]))])


def _usual(lon: NDArray[Any]) -> NDArray[Any]:
    """Longitudes from -180 to 180."""
    return np.where(np.abs(lon) > 180, (lon + 180) % 360 - 180, lon)


def _along(lines: Geometry, tolerance: float) -> Draw:
    bent = with_edges(lines, WORLD, True, tolerance)
    first, last = [], []
    for points, offsets in runs(bent.shape):
        edges = first_vertices(offsets)
        first.append(points[edges])
        last.append(points[edges + 1])
    ends = on_globe(np.stack([np.concatenate(first), np.concatenate(last)], axis=1).reshape(-1, 2))
    starts = np.arange(0, len(ends), 2)
    lengths = np.abs(GEOD.inv(*ends[starts].T, *ends[starts + 1].T)[2])
    curve = Geodesics(ends)

    def draw(source: np.random.Generator, count: int) -> Points:
        edge = _chosen(source, lengths, count)
        places = curve.at(starts[edge], source.random(count))
        return np.column_stack([_usual(places[:, 0]), places[:, 1]])

    return draw
