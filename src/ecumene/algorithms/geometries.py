"""Geometries and the same operations on features, from one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import shapely

from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.projection import Projection
from ecumene.core.registry import REGISTRY, REQUIRED, Algorithm, Argument, algorithm
from ecumene.core.wire import Boolean, Float, Object
from ecumene.vector import geodesic, predicates, shapes
from ecumene.vector.geojson import coordinates_of
from ecumene.vector.transform import to_crs

DEGREES = {"type": "Projection", "crs": "EPSG:4326", "transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]}


def _crs(proj: Projection | None) -> str | None:
    return None if proj is None else proj.crs


def _in_plane(
    measure: Callable[[Geometry], float], planar: Callable[[Any], Any]
) -> Callable[..., float]:
    def run(geometry: Geometry, max_error: Any = None, proj: Projection | None = None) -> float:
        if proj is None:
            return measure(geometry)
        return float(planar(shapes.planar(geometry, proj.crs)))

    return run


def _perimeter(shape: Any) -> float:
    return float(sum(p.length for p in _flat(shape) if p.geom_type == "Polygon"))


def _length(shape: Any) -> float:
    return float(sum(p.length for p in _flat(shape) if p.geom_type in ("LineString", "LinearRing")))


def _flat(shape: Any) -> list[Any]:
    return [q for p in shape.geoms for q in _flat(p)] if hasattr(shape, "geoms") else [shape]


def _union(a: Any, b: Any) -> Any:
    return shapely.union(a, b)


def _transform(
    geometry: Geometry, proj: Any, max_error: Any = None, geodesic: bool | None = None
) -> Geometry:
    crs = proj.crs if isinstance(proj, Projection) else "EPSG:4326"
    from ecumene.core.crs import is_geographic

    wanted = is_geographic(crs) if geodesic is None else geodesic
    if crs == geometry.crs and wanted == geometry.geodesic:
        return geometry
    moved = to_crs(geometry, crs)
    return Geometry(moved.shape, moved.crs, bool(wanted), moved.even_odd)


def _dissolve(
    geometry: Geometry, max_error: Any = None, proj: Projection | None = None
) -> Geometry:
    shape, crs = shapes.unary_plane(geometry, proj)
    return Geometry(shapely.union_all(_flat(shape)), crs, geometry.geodesic and proj is None)


def _distance(
    left: Geometry,
    right: Geometry,
    max_error: Any = None,
    proj: Projection | None = None,
    spherical: bool = False,
) -> float:
    if proj is not None:
        return float(
            shapely.distance(shapes.planar(left, proj.crs), shapes.planar(right, proj.crs))
        )
    return geodesic.distance(left, right)


def _within(
    left: Geometry,
    right: Geometry,
    distance: float,
    max_error: Any = None,
    proj: Projection | None = None,
) -> bool:
    return _distance(left, right, max_error, proj) <= distance


def _closest_point(
    left: Geometry, right: Geometry, max_error: Any = None, proj: Projection | None = None
) -> Any:
    found = shapes.closest(left, right, proj)
    return None if found is None else found[1]


def _closest_points(
    left: Geometry, right: Geometry, max_error: Any = None, proj: Projection | None = None
) -> Any:
    found = shapes.closest(left, right, proj)
    return None if found is None else {"left": found[0], "right": found[1]}


def _predicate(test: Callable[[Geometry, Geometry, str | None], bool]) -> Callable[..., bool]:
    return lambda left, right, max_error=None, proj=None: test(left, right, _crs(proj))


def _set(operation: Callable[[Any, Any], Any]) -> Callable[..., Geometry]:
    return lambda left, right, max_error=None, proj=None: shapes.combine(
        operation, left, right, proj
    )


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
    "area": (1, _USUAL, "Float", _in_plane(geodesic.area, shapely.area), "Area of the polygons in square metres."),
    "length": (1, _USUAL, "Float", _in_plane(geodesic.length, _length), "Length of the lines in metres."),
    "perimeter": (1, _USUAL, "Float", _in_plane(geodesic.perimeter, _perimeter), "Length of the outlines of the polygons in metres."),
    "bounds": (1, _USUAL, "Geometry", lambda geometry, max_error=None, proj=None: shapes.bounds(geometry, proj), "The box along the axes."),
    "buffer": (1, (_DISTANCE, *_USUAL), "Geometry", lambda geometry, distance, max_error=None, proj=None: shapes.buffer(geometry, distance, max_error, proj), "Everything within a distance."),
    "centroid": (1, _USUAL, "Geometry", lambda geometry, max_error=None, proj=None: shapes.centroid(geometry, proj), "The centre."),
    "convexHull": (1, _USUAL, "Geometry", lambda geometry, max_error=None, proj=None: shapes.convex_hull(geometry, proj), "The smallest convex shape around everything."),
    "cutLines": (1, (Argument("distances", "List<Float>", "metres from the start", REQUIRED, "distances"), *_USUAL), "Geometry", lambda geometry, distances, max_error=None, proj=None: shapes.cut_lines(geometry, distances, proj), "Lines cut at distances from their start."),
    "dissolve": (1, _USUAL, "Geometry", _dissolve, "All parts merged where they meet."),
    "simplify": (1, (Argument("maxError", "ErrorMargin", "how far the result may stray", REQUIRED, "max_error"), _PROJ), "Geometry", lambda geometry, max_error, proj=None: shapes.simplify(geometry, max_error, proj), "Fewer vertices within an error."),
    "transform": (1, (Argument("proj", "Projection", "the new projection", DEGREES, "proj"), _ERROR, Argument("geodesic", "Boolean", "whether edges are geodesics", None, "geodesic")), "Geometry", _transform, "The geometry in another projection."),
    "contains": (2, _USUAL, "Boolean", _predicate(predicates.contains), "Whether the first contains the second."),
    "containedIn": (2, _USUAL, "Boolean", _predicate(lambda a, b, crs: predicates.contains(b, a, crs)), "Whether the second contains the first."),
    "disjoint": (2, _USUAL, "Boolean", _predicate(predicates.disjoint), "Whether they have no point in common."),
    "intersects": (2, _USUAL, "Boolean", _predicate(predicates.intersects), "Whether they have a point in common."),
    "withinDistance": (2, (_DISTANCE, *_USUAL), "Boolean", _within, "Whether they are within a distance."),
    "distance": (2, (*_USUAL, Argument("spherical", "Boolean", "accepted for compatibility; the spheroid is used", False, "spherical")), "Float", _distance, "The shortest distance in metres."),
    "closestPoint": (2, _USUAL, "Object", _closest_point, "The point of the second that is nearest to the first."),
    "closestPoints": (2, _USUAL, "Object", _closest_points, "The nearest points of both, as left and right."),
    "difference": (2, _USUAL, "Geometry", _set(shapely.difference), "The first without the second."),
    "intersection": (2, _USUAL, "Geometry", _set(shapely.intersection), "What both have in common."),
    "symmetricDifference": (2, _USUAL, "Geometry", _set(shapely.symmetric_difference), "What only one of both has."),
    "union": (2, _USUAL, "Geometry", _set(_union), "Both together."),
}  # fmt: skip


def _on_features(
    names: tuple[str, ...], function: Callable[..., Any], name: str
) -> Callable[..., Any]:
    def run(**given: Any) -> Any:
        first = given[names[0]]
        outlines = {}
        for parameter in names:
            outline = given[parameter].outline
            if outline is None:
                raise EvaluationError(f"Feature.{name}: The feature has no geometry.")
            outlines[parameter] = outline
        rest = {k: v for k, v in given.items() if k not in names}
        found = function(*outlines.values(), **rest)
        return (
            Feature(first.properties, first.id, first.version, found)
            if isinstance(found, Geometry) and name not in ("closestPoint",)
            else found
        )

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
                f"Feature.{name}", arguments, listed, words, _on_features(inputs, function, name)
            )
        )


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
    cells = shapes.covering_grid(geometry, grid, context.limits.list_elements // 10)
    return Collection.of(
        [Feature({INDEX: f"{x},{y}"}, geometry=cell) for x, y, cell in cells], "Feature"
    )
