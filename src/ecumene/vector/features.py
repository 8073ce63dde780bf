"""Geometries of collections of features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import shapely

from ecumene.core.geometry import UNBOUNDED, Geometry
from ecumene.vector.degrees import TOLERANCE, simple_parts
from ecumene.vector.edges import check_edges
from ecumene.vector.shapes import united
from ecumene.vector.transform import with_edges

_MULTI = {
    "Point": shapely.MultiPoint, "LineString": shapely.MultiLineString, "LinearRing": shapely.MultiLineString,
    "Polygon": shapely.MultiPolygon,
}  # fmt: skip


def of_parts(parts: list[Any], crs: str, geodesic: bool) -> Geometry:
    """Simple shapes as one: a Multi geometry where they are of a kind, else a collection."""
    kinds = {shape.geom_type for shape in parts}
    if len(kinds) == 1 and next(iter(kinds)) in _MULTI:
        kind = next(iter(kinds))
        if kind == "LinearRing":
            parts = [shapely.LineString(s.coords) for s in parts]
        return Geometry(_MULTI[kind](parts), crs, geodesic)
    return Geometry(shapely.GeometryCollection(parts), crs, geodesic)


def _gathered(geometries: Iterable[Geometry]) -> list[Geometry]:
    """A list of geometries; LimitExceeded once they have more than two million edges together."""
    found: list[Geometry] = []
    edges = 0
    for geometry in geometries:
        edges += int(shapely.get_num_coordinates(geometry.shape))
        check_edges(edges)
        found.append(geometry)
    return found


def collected(geometries: Iterable[Geometry], within: float = TOLERANCE) -> Geometry:
    """All geometries as one: a Multi geometry where they are of a kind, else a collection; none is changed.

    Those of another CRS, or with other edges, than the first are brought to its kind within an error in
    metres. LimitExceeded beyond two million edges.
    """
    found = _gathered(geometries)
    if not found:
        return Geometry(shapely.MultiPoint(), geodesic=True)
    if len(found) == 1:
        return found[0]
    if any(g.unbounded for g in found):
        return UNBOUNDED
    first = found[0]
    shapes: list[Any] = []
    for geometry in found:
        if geometry.crs != first.crs or geometry.geodesic != first.geodesic:
            geometry = with_edges(geometry, first.crs, first.geodesic, within)
        shapes += simple_parts(geometry.shape)
    return of_parts(shapes, first.crs, first.geodesic)


def merged(elements: Iterable[Any], within: float = TOLERANCE) -> Geometry:
    """The geometries of elements (features and images) as one; elements without are left out."""
    return collected((e.outline for e in elements if e.outline is not None), within)


def covered(elements: Iterable[Any], within: float = TOLERANCE) -> Geometry:
    """Everything that the geometries of elements cover, united."""
    found = _gathered(e.outline for e in elements if e.outline is not None)
    if any(g.unbounded for g in found):
        return UNBOUNDED
    if not found:
        return Geometry(shapely.MultiPoint(), geodesic=True)
    return united(found, within)
