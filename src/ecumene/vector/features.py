"""Geometries of collections of features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import shapely

from ecumene.core.geometry import Geometry
from ecumene.vector.transform import to_crs

_MULTI = {
    "Point": shapely.MultiPoint, "LineString": shapely.MultiLineString, "LinearRing": shapely.MultiLineString,
    "Polygon": shapely.MultiPolygon,
}  # fmt: skip


def collected(geometries: Iterable[Geometry]) -> Geometry:
    """All geometries as one: a Multi geometry where they are of a kind, else a collection; none is changed."""
    found = list(geometries)
    if not found:
        return Geometry(shapely.MultiPoint(), geodesic=True)
    if len(found) == 1:
        return found[0]
    if any(g.unbounded for g in found):
        return next(g for g in found if g.unbounded)
    crs, geodesic = found[0].crs, all(g.geodesic for g in found)
    shapes: list[Any] = []
    for geometry in found:
        moved = geometry if geometry.crs == crs else to_crs(geometry, crs)
        shapes += list(moved.shape.geoms) if hasattr(moved.shape, "geoms") else [moved.shape]
    kinds = {shape.geom_type for shape in shapes}
    if len(kinds) == 1 and next(iter(kinds)) in _MULTI:
        kind = next(iter(kinds))
        parts = [shapely.LineString(s.coords) for s in shapes] if kind == "LinearRing" else shapes
        return Geometry(_MULTI[kind](parts), crs, geodesic)
    return Geometry(shapely.GeometryCollection(shapes), crs, geodesic)


def merged(elements: Iterable[Any]) -> Geometry:
    """The geometries of elements (features and images) as one; elements without are left out."""
    return collected(e.outline for e in elements if e.outline is not None)
