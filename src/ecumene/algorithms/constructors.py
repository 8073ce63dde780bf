"""Geometry constructors and the constructor of features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from ecumene.core import crs as crs_
from ecumene.core.array import Array
from ecumene.core.element import Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import UNBOUNDED, ErrorMargin, Geometry
from ecumene.core.projection import IDENTITY, Projection, apply
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Number, Object
from ecumene.vector.features import collected
from ecumene.vector.geojson import coordinates_of, shape_of
from ecumene.vector.shapes import tolerance
from ecumene.vector.transform import PLACED, with_edges


def _sources(coordinates: Any) -> list[Geometry]:
    """The geometries among coordinates, in order."""
    stack, found = [coordinates], []
    while stack:
        item = stack.pop()
        if isinstance(item, Feature):
            item = item.geometry
        if isinstance(item, Geometry):
            found.append(item)
        elif isinstance(item, list):
            stack += reversed(
                [part for part in item if isinstance(part, list | Geometry | Feature)]
            )
    return found


def _plain(value: Any, name: str, crs: str) -> Any:
    """Nested numbers; points inside become positions, other geometries lists of them."""
    if isinstance(value, Feature):
        value = value.geometry
    if isinstance(value, Geometry):
        moved = value if value.crs == crs else with_edges(value, crs, value.geodesic, PLACED)
        return coordinates_of(moved.shape)
    if isinstance(value, Array):
        return value.values.tolist()
    if isinstance(value, list):
        return [_plain(item, name, crs) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise EvaluationError(
        f"{name}: Inputs must be Number, List, or Geometry. Found type '{type_word(value)}'."
    )


def type_word(value: Any) -> str:
    """The name of a value's type as messages show it."""
    words = {str: "String", bool: "Boolean", dict: "Dictionary", type(None): "null"}
    return words.get(type(value), type(value).__name__)


def _numbers_only(values: Iterable[Any]) -> bool:
    return all(isinstance(v, int | float) for v in values)


def _nested(coordinates: Any, depth: int, name: str, crs: str = "EPSG:4326") -> Any:
    """Coordinates of a depth: flat lists of numbers are paired, missing outer lists are added."""
    plain = _plain(coordinates, name, crs)
    if not isinstance(plain, list):
        raise EvaluationError(f"{name}: Coordinates must be a list.")
    if not plain and depth > 1:
        return plain
    if _numbers_only(plain) and depth > 1:
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
        value = next((item for item in value if item != []), None) if value else None
    return level


@dataclass(frozen=True)
class Wanted:
    """What a constructor is asked for besides coordinates."""

    crs: Projection | None = None
    geodesic: bool | None = None
    max_error: ErrorMargin | None = None
    even_odd: bool = True

    def of(self, name: str, made: Geometry, inherited: bool) -> Geometry:
        """The geometry brought to the projection and edges; those of mere numbers are in them already."""
        crs = made.crs if self.crs is None else self.crs.crs
        edges = made.geodesic if self.geodesic is None else self.geodesic
        if self.crs is not None and self.geodesic is None:
            edges = crs_.is_geographic(crs) and (not inherited or made.geodesic)
        if crs_.canonical(crs) == made.crs and edges == made.geodesic:
            return made
        needed = made.shape.geom_type not in ("Point", "MultiPoint")
        within = tolerance(name, self.max_error, needed=needed, crs=crs)
        return with_edges(made, crs, edges, within)


def build(kind: str, depth: int, coordinates: Any, wanted: Wanted) -> Geometry:
    """A geometry of a kind; coordinates are degrees unless a projection is given or points bring theirs."""
    name = f"GeometryConstructors.{kind}"
    sources = _sources(coordinates)
    if sources:
        code, edges = sources[0].crs, all(g.geodesic for g in sources)
    else:
        code = "EPSG:4326" if wanted.crs is None else crs_.canonical(wanted.crs.crs)
        edges = crs_.is_geographic(code) if wanted.geodesic is None else wanted.geodesic
    plain = _nested(coordinates, depth, name, code)
    try:
        shape = shape_of(kind, plain)
    except EvaluationError as error:
        raise EvaluationError(f"{name}: {error.message}") from error
    except (TypeError, ValueError, IndexError, shapely.errors.ShapelyError) as error:
        raise EvaluationError(f"{name}: Invalid coordinates: {error}.") from error
    if not sources and wanted.crs is not None and wanted.crs.transform != IDENTITY:
        t = wanted.crs.transform
        shape = shapely.transform(shape, lambda p: np.column_stack(apply(t, p[:, 0], p[:, 1])))
    made = Geometry(shape, code, edges, wanted.even_odd)
    return wanted.of(name, made, inherited=True) if sources else made


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
    return build("Point", 1, coordinates, Wanted(crs))


@algorithm("GeometryConstructors.MultiPoint")
def multi_point(coordinates: list[Object], crs: Projection | None = None) -> Geometry:
    """Points.

    Parameters
    ----------
    coordinates : positions, or a flat list of numbers.
    crs : projection of the coordinates.
    """
    return build("MultiPoint", 2, coordinates, Wanted(crs))


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
    return build("LineString", 2, coordinates, Wanted(crs, geodesic, max_error))


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
    return build("LinearRing", 2, coordinates, Wanted(crs, geodesic, max_error))


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
    return build("MultiLineString", 3, coordinates, Wanted(crs, geodesic, max_error))


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
    return build("Polygon", 3, coordinates, Wanted(crs, geodesic, max_error, even_odd))


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
        return _of_polygons(coordinates, Wanted(crs, geodesic, max_error, even_odd))
    return build("MultiPolygon", 4, coordinates, Wanted(crs, geodesic, max_error, even_odd))


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
    sources = _sources(coordinates)
    code = sources[0].crs if sources else "EPSG:4326"
    pairs = _nested(coordinates, 2, "GeometryConstructors.Rectangle", code)
    if len(pairs) != 2:
        raise EvaluationError(
            "GeometryConstructors.Rectangle: Two corners, or four numbers, are needed."
        )
    (x0, y0), (x1, y1) = (pair[:2] for pair in pairs)
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    if not sources:
        return build("Polygon", 3, [ring], Wanted(crs, geodesic, None, even_odd))
    edges = all(g.geodesic for g in sources)
    made = build("Polygon", 3, [ring], Wanted(Projection(code), edges, None, even_odd))
    return Wanted(crs, geodesic).of("GeometryConstructors.Rectangle", made, inherited=True)


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
    return build("Polygon", 3, [ring], Wanted(geodesic=False))


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
    name = "GeometryConstructors.MultiGeometry"
    if not geometries:
        return Geometry(shapely.GeometryCollection())
    if any(g.unbounded for g in geometries):
        return UNBOUNDED
    first = Wanted(crs, geodesic, max_error).of(name, geometries[0], inherited=True)
    alike = Wanted(Projection(first.crs), first.geodesic, max_error)
    shapes = [first.shape, *(alike.of(name, g, inherited=True).shape for g in geometries[1:])]
    return first.with_shape(shapely.GeometryCollection(shapes))


def _of_polygons(polygons: list[Geometry], wanted: Wanted) -> Geometry:
    """A MultiPolygon of polygons (and the parts of MultiPolygons) in the projection of the first."""
    name = "GeometryConstructors.MultiPolygon"
    for geometry in polygons:
        if not geometry.shape.geom_type.endswith("Polygon"):
            raise EvaluationError(
                f"{name}: Polygons are needed, found a {geometry.shape.geom_type}."
            )
    made = collected(polygons)
    if made.shape.geom_type == "Polygon":
        made = made.with_shape(shapely.MultiPolygon([made.shape]))
    return wanted.of(name, made, inherited=True)


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
    geometry_key : accepted for compatibility; it has no effect.
    """
    properties = {k: v for k, v in metadata.items() if v is not None}
    return Feature(properties, geometry=geometry)
