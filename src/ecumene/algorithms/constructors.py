"""Geometry constructors and the constructor of features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely

from ecumene.core import crs as crs_
from ecumene.core.array import Array
from ecumene.core.element import Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.core.projection import IDENTITY, Projection, apply
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Number, Object
from ecumene.vector.features import collected
from ecumene.vector.geojson import shape_of


def _plain(value: Any) -> Any:
    """Nested numbers; points inside become positions."""
    if isinstance(value, Geometry):
        if value.shape.geom_type == "Point":
            return [value.shape.x, value.shape.y]
        return [list(p[:2]) for p in shapely.get_coordinates(value.shape)]
    if isinstance(value, Feature):
        return _plain(value.geometry)
    if isinstance(value, Array):
        return value.values.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _numbers_only(values: Iterable[Any]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _nested(coordinates: Any, depth: int, name: str) -> Any:
    """Coordinates of a depth: flat lists of numbers are paired, missing outer lists are added."""
    plain = _plain(coordinates)
    if not isinstance(plain, list):
        raise EvaluationError(f"{name}: Coordinates must be a list.")
    if plain and _numbers_only(plain) and depth > 1:
        if len(plain) % 2:
            raise EvaluationError(
                f"{name}: An even number of coordinates is needed, got {len(plain)}."
            )
        plain = [plain[i : i + 2] for i in range(0, len(plain), 2)]
    level = _depth(plain)
    while level < depth:
        plain = [plain]
        level += 1
    return plain


def _depth(value: Any) -> int:
    level = 0
    while isinstance(value, list):
        level += 1
        value = value[0] if value else None
    return level


def _inherited(coordinates: Any) -> bool | None:
    """Whether geometries among the coordinates have geodesic edges; None without geometries."""
    stack, found = [coordinates], None
    while stack:
        item = stack.pop()
        if isinstance(item, Geometry):
            found = item.geodesic if found is None else found and item.geodesic
        elif isinstance(item, list):
            stack += item[:64]
    return found


def build(
    kind: str,
    depth: int,
    coordinates: Any,
    crs: Projection | None,
    geodesic: bool | None,
    even_odd: bool = True,
) -> Geometry:
    """A geometry of a kind; coordinates are degrees unless a projection is given."""
    name = f"GeometryConstructors.{kind}"
    plain = _nested(coordinates, depth, name)
    try:
        shape = shape_of(kind, plain)
    except (TypeError, ValueError, IndexError, shapely.errors.ShapelyError) as error:
        raise EvaluationError(f"{name}: Invalid coordinates: {error}.") from error
    code = "EPSG:4326"
    if crs is not None:
        code = crs.crs
        if crs.transform != IDENTITY:
            t = crs.transform
            shape = shapely.transform(shape, lambda p: np.column_stack(apply(t, p[:, 0], p[:, 1])))
    edges = geodesic if geodesic is not None else _inherited(coordinates)
    if edges is None:
        edges = crs_.is_geographic(code)
    return Geometry(shape, code, bool(edges), even_odd)


@algorithm("GeometryConstructors.Point")
def point(coordinates: list[Number], crs: Projection | None = None) -> Geometry:
    """A point.

    Parameters
    ----------
    coordinates : longitude and latitude, or x and y of the projection.
    crs : projection of the coordinates.
    """
    if len(coordinates) != 2:
        raise EvaluationError(
            f"GeometryConstructors.Point: 2 coordinates are needed, got {len(coordinates)}."
        )
    return build("Point", 1, coordinates, crs, None)


@algorithm("GeometryConstructors.MultiPoint")
def multi_point(coordinates: list[Object], crs: Projection | None = None) -> Geometry:
    """Points.

    Parameters
    ----------
    coordinates : positions, or a flat list of numbers.
    crs : projection of the coordinates.
    """
    return build("MultiPoint", 2, coordinates, crs, None)


@algorithm("GeometryConstructors.LineString")
def line_string(
    coordinates: list[Object],
    crs: Projection | None = None,
    geodesic: Boolean | None = None,
    max_error: ErrorMargin | None = None,
) -> Geometry:
    """A line through positions.

    Parameters
    ----------
    coordinates : positions, or a flat list of numbers.
    crs : projection of the coordinates.
    geodesic : edges are geodesics rather than straight in the projection.
    max_error : error allowed where edges are transformed.
    """
    return build("LineString", 2, coordinates, crs, geodesic)


@algorithm("GeometryConstructors.LinearRing")
def linear_ring(
    coordinates: list[Object],
    crs: Projection | None = None,
    geodesic: Boolean | None = None,
    max_error: ErrorMargin | None = None,
) -> Geometry:
    """A closed line through positions.

    Parameters
    ----------
    coordinates : positions, or a flat list of numbers; the first is repeated at the end.
    crs : projection of the coordinates.
    geodesic : edges are geodesics rather than straight in the projection.
    max_error : error allowed where edges are transformed.
    """
    return build("LinearRing", 2, coordinates, crs, geodesic)


@algorithm("GeometryConstructors.MultiLineString")
def multi_line_string(
    coordinates: list[Object],
    crs: Projection | None = None,
    geodesic: Boolean | None = None,
    max_error: ErrorMargin | None = None,
) -> Geometry:
    """Several lines.

    Parameters
    ----------
    coordinates : lists of positions.
    crs : projection of the coordinates.
    geodesic : edges are geodesics rather than straight in the projection.
    max_error : error allowed where edges are transformed.
    """
    return build("MultiLineString", 3, coordinates, crs, geodesic)


@algorithm("GeometryConstructors.Polygon")
def polygon(
    coordinates: list[Object], crs: Projection | None = None, geodesic: Boolean | None = None,
    max_error: ErrorMargin | None = None, even_odd: Boolean = True,
) -> Geometry:  # fmt: skip
    """A polygon with holes.

    Parameters
    ----------
    coordinates : rings, the outer one first; open rings are closed.
    crs : projection of the coordinates.
    geodesic : edges are geodesics rather than straight in the projection.
    max_error : error allowed where edges are transformed.
    even_odd : the inside is told by crossings rather than by the direction of the rings.
    """
    return build("Polygon", 3, coordinates, crs, geodesic, even_odd)


@algorithm("GeometryConstructors.MultiPolygon")
def multi_polygon(
    coordinates: list[Object], crs: Projection | None = None, geodesic: Boolean | None = None,
    max_error: ErrorMargin | None = None, even_odd: Boolean = True,
) -> Geometry:  # fmt: skip
    """Several polygons.

    Parameters
    ----------
    coordinates : polygons as lists of rings.
    crs : projection of the coordinates.
    geodesic : edges are geodesics rather than straight in the projection.
    max_error : error allowed where edges are transformed.
    even_odd : the inside is told by crossings rather than by the direction of the rings.
    """
    if coordinates and all(isinstance(c, Geometry) for c in coordinates):
        return collected(coordinates)
    return build("MultiPolygon", 4, coordinates, crs, geodesic, even_odd)


@algorithm("GeometryConstructors.Rectangle")
def rectangle(
    coordinates: list[Object],
    crs: Projection | None = None,
    geodesic: Boolean | None = None,
    even_odd: Boolean = True,
) -> Geometry:
    """A rectangle along the axes of its projection.

    Parameters
    ----------
    coordinates : west, south, east, north; or two opposite corners.
    crs : projection of the coordinates.
    geodesic : edges are geodesics rather than straight in the projection.
    even_odd : accepted for compatibility.
    """
    pairs = _nested(coordinates, 2, "GeometryConstructors.Rectangle")
    if len(pairs) != 2:
        raise EvaluationError(
            "GeometryConstructors.Rectangle: Two corners, or four numbers, are needed."
        )
    (x0, y0), (x1, y1) = pairs
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    edges = geodesic if geodesic is not None else _inherited(coordinates)
    return build("Polygon", 3, [ring], crs, edges, even_odd)


@algorithm("GeometryConstructors.BBox")
def bbox(west: Float, south: Float, east: Float, north: Float) -> Geometry:
    """A box of degrees with straight edges.

    Parameters
    ----------
    west : western longitude.
    south : southern latitude.
    east : eastern longitude; smaller than ``west`` across the antimeridian.
    north : northern latitude.
    """
    if south > north:
        raise EvaluationError("GeometryConstructors.BBox: 'south' must be at most 'north'.")
    if east < west:
        east += 360
    if east - west >= 360:
        west, east = -180.0, 180.0
    ring = [
        [west, max(south, -90)],
        [east, max(south, -90)],
        [east, min(north, 90)],
        [west, min(north, 90)],
    ]
    return build("Polygon", 3, [ring], None, False)


@algorithm("GeometryConstructors.MultiGeometry")
def multi_geometry(
    geometries: list[Geometry],
    crs: Projection | None = None,
    geodesic: Boolean | None = None,
    max_error: ErrorMargin | None = None,
) -> Geometry:
    """A collection of geometries of any kinds.

    Parameters
    ----------
    geometries : the parts.
    crs : projection of the result.
    geodesic : edges are geodesics rather than straight in the projection.
    max_error : error allowed where edges are transformed.
    """
    shapes = [g.shape for g in geometries]
    first = geometries[0] if geometries else None
    edges = geodesic if geodesic is not None else first.geodesic if first else True
    return Geometry(
        shapely.GeometryCollection(shapes), first.crs if first else "EPSG:4326", bool(edges)
    )


@algorithm("Feature")
def feature(
    geometry: Geometry | None = None,
    metadata: dict[str, Object] = {},  # noqa: B006 - the listed default
    geometry_key: str | None = None,
) -> Feature:
    """A feature of a geometry and properties.

    Parameters
    ----------
    geometry : the geometry; none if missing.
    metadata : the properties.
    geometry_key : a property that holds the geometry.
    """
    properties = {k: v for k, v in metadata.items() if v is not None}
    if (
        geometry is None
        and geometry_key is not None
        and isinstance(properties.get(geometry_key), Geometry)
    ):
        geometry = properties.pop(geometry_key)
    return Feature(properties, geometry=geometry)
