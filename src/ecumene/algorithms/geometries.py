"""Geometries and the same operations on features, from one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import shapely

from ecumene.core import crs as crs_
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.core.projection import Projection
from ecumene.core.registry import REGISTRY, REQUIRED, Algorithm, Argument, algorithm
from ecumene.core.wire import Boolean, Float, Object
from ecumene.vector import geodesic, nearest, predicates, shapes
from ecumene.vector.degrees import simple_parts
from ecumene.vector.features import merged
from ecumene.vector.geojson import coordinates_of
from ecumene.vector.transform import with_edges

DEGREES = {"type": "Projection", "crs": "EPSG:4326", "transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]}
Margin = ErrorMargin | None
Plane = Projection | None


def _planes(name: str, left: Geometry, right: Geometry, margin: Margin, proj: Plane) -> float:
    """Metres that edges may stray in a plane, or in degrees."""
    crs = "EPSG:4326" if proj is None else proj.crs
    needed = not shapes.same_plane(left, right) or left.crs != crs
    spherical = proj is None and left.geodesic and right.geodesic
    return shapes.tolerance(f"Geometry.{name}", margin, needed=needed and not spherical, crs=crs)


def _in_plane(
    name: str, measure: Callable[[Geometry], float], planar: Callable[[Any], Any]
) -> Callable[..., float]:
    def run(geometry: Geometry, max_error: Margin = None, proj: Plane = None) -> float:
        if proj is None:
            return measure(geometry)
        if geometry.unbounded:
            return math.inf if name == "area" else 0.0
        within = _planes(name, geometry, geometry, max_error, proj)
        return float(planar(shapes.planar(geometry, proj.crs, within)))

    return run


def _perimeter(shape: Any) -> float:
    return float(sum(p.length for p in simple_parts(shape) if p.geom_type == "Polygon"))


def _length(shape: Any) -> float:
    lines = (p for p in simple_parts(shape) if p.geom_type in ("LineString", "LinearRing"))
    return float(sum(p.length for p in lines))


def _transform(
    geometry: Geometry, proj: Any, max_error: Margin = None, geodesic: bool | None = None
) -> Geometry:
    crs = proj.crs if isinstance(proj, Projection) else "EPSG:4326"
    wanted = crs_.is_geographic(crs) if geodesic is None else geodesic
    differs = crs_.canonical(crs) != geometry.crs or wanted != geometry.geodesic
    lines = geometry.shape.geom_type not in ("Point", "MultiPoint")
    within = shapes.tolerance("Geometry.transform", max_error, needed=differs and lines, crs=crs)
    moved = with_edges(geometry, crs, bool(wanted), within)
    if lines or moved.geodesic == wanted:
        return moved
    return Geometry(moved.shape, moved.crs, bool(wanted), moved.even_odd)


def _distance(
    left: Geometry,
    right: Geometry,
    max_error: Margin = None,
    proj: Plane = None,
    spherical: bool = False,
) -> float:
    if proj is not None:
        if left.unbounded or right.unbounded:
            return 0.0
        within = _planes("distance", left, right, max_error, proj)
        a, b = (shapes.planar(g, proj.crs, within) for g in (left, right))
        return math.inf if a.is_empty or b.is_empty else float(shapely.distance(a, b))
    return nearest.spherical_distance(left, right) if spherical else nearest.distance(left, right)


def _within(
    left: Geometry, right: Geometry, distance: float, max_error: Margin = None, proj: Plane = None
) -> bool:
    if proj is None:
        return predicates.within_distance(left, right, distance)
    return _distance(left, right, max_error, proj) <= distance


def _closest_point(
    left: Geometry, right: Geometry, max_error: Margin = None, proj: Plane = None
) -> Any:
    found = shapes.closest(left, right, proj)
    return None if found is None else found[1]


def _closest_points(
    left: Geometry, right: Geometry, max_error: Margin = None, proj: Plane = None
) -> Any:
    found = shapes.closest(left, right, proj)
    return {} if found is None else {"left": found[0], "right": found[1]}


def _predicate(name: str, test: Callable[..., bool]) -> Callable[..., bool]:
    def run(left: Geometry, right: Geometry, max_error: Margin = None, proj: Plane = None) -> bool:
        if proj is None:
            return test(left, right)
        return test(left, right, proj.crs, _planes(name, left, right, max_error, proj))

    return run


def _contained_in(left: Geometry, right: Geometry, *more: Any) -> bool:
    return predicates.contains(right, left, *more)


def _set(name: str) -> Callable[..., Geometry]:
    return lambda left, right, max_error=None, proj=None: shapes.combine(
        name, left, right, max_error, proj
    )


def _unary(function: Callable[..., Geometry]) -> Callable[..., Geometry]:
    return lambda geometry, max_error=None, proj=None: function(geometry, max_error, proj)


_ERROR = Argument(
    "maxError", "ErrorMargin", "error allowed where edges are transformed", None, "max_error"
)
_PROJ = Argument("proj", "Projection", "plane to work in; the spheroid if missing", None, "proj")
_DISTANCE = Argument(
    "distance", "Float", "metres, or units of the projection", REQUIRED, "distance"
)
_USUAL = (_ERROR, _PROJ)

# name: (inputs, further arguments, what is returned, function, words)
TABLE: dict[str, tuple[int, tuple[Argument, ...], str, Callable[..., Any], str]] = {
    "area": (1, _USUAL, "Float", _in_plane("area", geodesic.area, shapely.area), "Area of the polygons in square metres."),
    "length": (1, _USUAL, "Float", _in_plane("length", geodesic.length, _length), "Length of the lines in metres."),
    "perimeter": (1, _USUAL, "Float", _in_plane("perimeter", geodesic.perimeter, _perimeter), "Length of the outlines of the polygons in metres."),
    "bounds": (1, _USUAL, "Geometry", _unary(shapes.bounds), "The box along the axes."),
    "buffer": (1, (_DISTANCE, *_USUAL), "Geometry", lambda geometry, distance, max_error=None, proj=None: shapes.buffer(geometry, distance, max_error, proj), "Everything within a distance."),
    "centroid": (1, _USUAL, "Geometry", _unary(shapes.centroid), "The centre."),
    "convexHull": (1, _USUAL, "Geometry", _unary(shapes.convex_hull), "The smallest convex shape around everything."),
    "cutLines": (1, (Argument("distances", "List<Float>", "metres from the start", REQUIRED, "distances"), *_USUAL), "Geometry", lambda geometry, distances, max_error=None, proj=None: shapes.cut_lines(geometry, distances, max_error, proj), "Lines cut at distances from their start."),
    "dissolve": (1, _USUAL, "Geometry", _unary(shapes.dissolve), "All parts merged where they meet."),
    "simplify": (1, (Argument("maxError", "ErrorMargin", "how far the result may stray", REQUIRED, "max_error"), _PROJ), "Geometry", _unary(shapes.simplify), "Fewer vertices within an error."),
    "transform": (1, (Argument("proj", "Projection", "the new projection", DEGREES, "proj"), _ERROR, Argument("geodesic", "Boolean", "whether edges are geodesics", None, "geodesic")), "Geometry", _transform, "The geometry in another projection."),
    "contains": (2, _USUAL, "Boolean", _predicate("contains", predicates.contains), "Whether the first contains the second."),
    "containedIn": (2, _USUAL, "Boolean", _predicate("containedIn", _contained_in), "Whether the second contains the first."),
    "disjoint": (2, _USUAL, "Boolean", _predicate("disjoint", predicates.disjoint), "Whether they have no point in common."),
    "intersects": (2, _USUAL, "Boolean", _predicate("intersects", predicates.intersects), "Whether they have a point in common."),
    "withinDistance": (2, (_DISTANCE, *_USUAL), "Boolean", _within, "Whether they are within a distance."),
    "distance": (2, (*_USUAL, Argument("spherical", "Boolean", "measure on a sphere of 6371010 m instead of the spheroid", False, "spherical")), "Float", _distance, "The shortest distance in metres."),
    "closestPoint": (2, _USUAL, "Object", _closest_point, "The point of the second that is nearest to the first."),
    "closestPoints": (2, _USUAL, "Object", _closest_points, "The nearest points of both, as left and right."),
    "difference": (2, _USUAL, "Geometry", _set("difference"), "The first without the second."),
    "intersection": (2, _USUAL, "Geometry", _set("intersection"), "What both have in common."),
    "symmetricDifference": (2, _USUAL, "Geometry", _set("symmetricDifference"), "What only one of both has."),
    "union": (2, _USUAL, "Geometry", _set("union"), "Both together."),
}  # fmt: skip


def _outline(name: str, element: Any, context: Context) -> Geometry:
    """The geometry of a feature or image, or of all elements of a collection. EvaluationError if there is none."""
    if isinstance(element, Collection):
        return merged(context.cancel.each(element))
    outline = element.outline
    if not isinstance(outline, Geometry):
        raise EvaluationError(f"Feature.{name}: The feature has no geometry.")
    return outline


def _on_features(
    names: tuple[str, ...], function: Callable[..., Any], name: str
) -> Callable[..., Any]:
    def run(*, context: Context, **given: Any) -> Any:
        first = given[names[0]]
        outlines = [_outline(name, given[parameter], context) for parameter in names]
        rest = {k: v for k, v in given.items() if k not in names}
        found = function(*outlines, **rest)
        if not isinstance(found, Geometry) or name == "closestPoint":
            return found
        if isinstance(first, Collection):
            return Feature(geometry=found)
        return Feature(first.properties, first.id, first.version, found)

    return run


def _on_geometries(names: tuple[str, ...], function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda **given: function(
        *(given[n] for n in names), **{k: v for k, v in given.items() if k not in names}
    )


def _declare() -> None:
    for name, (count, more, returns, function, words) in TABLE.items():
        inputs = ("geometry",) if count == 1 else ("left", "right")
        arguments = (*(Argument(n, "Geometry", "a geometry", parameter=n) for n in inputs), *more)
        REGISTRY.add(
            Algorithm(
                f"Geometry.{name}", arguments, returns, words, _on_geometries(inputs, function)
            )
        )
        inputs = ("feature",) if count == 1 else ("left", "right")
        arguments = (*(Argument(n, "Element", "a feature", parameter=n) for n in inputs), *more)
        listed = {"Geometry": "Feature"}.get(returns, returns)
        if name == "dissolve":
            listed = "Element"
        REGISTRY.add(
            Algorithm(
                f"Feature.{name}",
                arguments,
                listed,
                words,
                _on_features(inputs, function, name),
                inject="context",
            )
        )
    moved = replace(REGISTRY.entries["Feature.transform"], name="ProjectionTransform")
    REGISTRY.add(replace(moved, description="A feature with its geometry in another projection."))


_declare()


@algorithm("Geometry.coordinates")
def coordinates(geometry: Geometry) -> list[Object]:
    """Nested lists of the coordinates."""
    if geometry.shape.geom_type == "GeometryCollection":
        return [coordinates_of(part) for part in geometry.shape.geoms]
    return coordinates_of(geometry.shape)  # type: ignore[no-any-return]


@algorithm("Geometry.geodesic", "Geometry.edgesAreGeodesics")
def is_geodesic(geometry: Geometry) -> Boolean:
    """Whether the edges are geodesics rather than straight in the projection."""
    return geometry.geodesic


@algorithm("Geometry.geometries")
def geometries(geometry: Geometry) -> list[Geometry]:
    """The parts of a multi-geometry or collection; a simple geometry is its only part."""
    if not hasattr(geometry.shape, "geoms"):
        return [geometry]
    return [geometry.with_shape(part) for part in geometry.shape.geoms]


@algorithm("Geometry.isUnbounded")
def is_unbounded(geometry: Geometry) -> Boolean:
    """Whether it is the whole world without bounds."""
    return geometry.unbounded


@algorithm("Geometry.projection")
def projection(geometry: Geometry) -> Projection:
    """The projection of the coordinates."""
    return Projection(geometry.crs)


@algorithm("Geometry.type")
def type_of(geometry: Geometry) -> str:
    """The GeoJSON name of its kind."""
    return str(geometry.shape.geom_type)


@algorithm("Geometry.coveringGrid")
def covering_grid(
    geometry: Geometry, proj: Projection, scale: Float | None = None, *, context: Context
) -> Collection:
    """The cells of a projection that the geometry meets, as features numbered ``x,y``."""
    grid = proj if scale is None else proj.at_scale(scale)
    most = context.limits.list_elements // 10
    shapes.covering_grid(geometry, grid, most)  # refused now rather than when it is read

    def produce() -> Iterator[Feature]:
        for count, (x, y, cell) in enumerate(shapes.covering_grid(geometry, grid, most)):
            if count % 1024 == 0:
                context.cancel.check()
            yield Feature({INDEX: f"{x},{y}"}, geometry=cell)

    return Collection.lazy(produce, "Feature")
