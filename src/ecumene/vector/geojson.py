"""GeoJSON with the service's additions (``crs``, ``geodesic``, ``evenOdd``) to geometries and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import shapely

from ecumene.core import crs as crs_
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.vector.transform import to_crs

TYPES = (
    "Point", "MultiPoint", "LineString", "LinearRing", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
)  # fmt: skip


def _points(coordinates: Any) -> list[tuple[float, float]]:
    """Positions; longitudes and latitudes alone, further numbers are left out."""
    found = []
    for position in coordinates:
        if not isinstance(position, list | tuple) or len(position) < 2:
            raise EvaluationError("Invalid geometry: a position needs two numbers.")
        x, y = position[0], position[1]
        for value in (x, y):
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise EvaluationError("Invalid geometry: coordinates must be numbers.")
            if not math.isfinite(value):
                raise EvaluationError("Invalid geometry: coordinates must be finite.")
        found.append((float(x), float(y)))
    return found


def _ring(coordinates: Any) -> list[tuple[float, float]]:
    points = _points(coordinates)
    if points and points[0] != points[-1]:
        points.append(points[0])
    if 0 < len(points) < 4:
        raise EvaluationError("Invalid geometry: a ring needs at least three different points.")
    return points


def _polygon(rings: Any) -> Any:
    found = [_ring(ring) for ring in rings]
    found = [ring for ring in found if ring]
    return shapely.Polygon(found[0], found[1:]) if found else shapely.Polygon()


def shape_of(kind: str, coordinates: Any) -> Any:
    """The Shapely shape of a type name and nested coordinates; open rings are closed."""
    match kind:
        case "Point":
            points = _points([coordinates]) if coordinates else []
            return shapely.Point(points[0]) if points else shapely.Point()
        case "MultiPoint":
            return shapely.MultiPoint(_points(coordinates))
        case "LineString":
            points = _points(coordinates)
            if len(points) == 1:
                raise EvaluationError("Invalid geometry: a line needs at least two points.")
            return shapely.LineString(points)
        case "LinearRing":
            return shapely.LinearRing(_ring(coordinates))
        case "MultiLineString":
            lines = [_points(line) for line in coordinates]
            if any(len(line) == 1 for line in lines):
                raise EvaluationError("Invalid geometry: a line needs at least two points.")
            return shapely.MultiLineString([line for line in lines if line])
        case "Polygon":
            return _polygon(coordinates)
        case "MultiPolygon":
            parts = [_polygon(part) for part in coordinates]
            return shapely.MultiPolygon([part for part in parts if not part.is_empty])
    raise EvaluationError(f"Invalid GeoJSON geometry: unknown type '{kind}'.")


def decode(
    value: Mapping[str, Any], crs: str | None = None, geodesic: bool | None = None
) -> Geometry:
    """A geometry from GeoJSON; EvaluationError says what is wrong with it."""
    kind = value.get("type")
    if kind == "Feature":
        return decode(value.get("geometry") or {}, crs, geodesic)
    if kind not in TYPES:
        raise EvaluationError(f"Invalid GeoJSON geometry: unknown type '{kind}'.")
    named = value.get("crs")
    if isinstance(named, Mapping):
        named = (named.get("properties") or {}).get("name")
    code = crs_.canonical(str(named)) if named else crs or "EPSG:4326"
    edges = value.get("geodesic", geodesic)
    if edges is None:
        edges = crs_.is_geographic(code)
    even_odd = bool(value.get("evenOdd", True))
    if kind == "GeometryCollection":
        parts = [decode(part, code, bool(edges)).shape for part in value.get("geometries") or []]
        return Geometry(shapely.GeometryCollection(parts), code, bool(edges), even_odd)
    coordinates = value.get("coordinates")
    if not isinstance(coordinates, list | tuple):
        raise EvaluationError("Invalid GeoJSON geometry: it has no coordinates.")
    try:
        shape = shape_of(str(kind), coordinates)
    except (TypeError, ValueError, shapely.errors.ShapelyError) as error:
        raise EvaluationError(f"Invalid GeoJSON geometry: {error}") from error
    return Geometry(shape, code, bool(edges), even_odd)


def _lists(value: Any) -> Any:
    """Numbers as the service prints them: integral values without fraction."""
    if isinstance(value, list | tuple):
        return [_lists(item) for item in value]
    return int(value) if value == int(value) and abs(value) < 2**53 else float(value)


def coordinates_of(shape: Any) -> Any:
    """Nested coordinate lists."""
    kind = shape.geom_type
    if kind == "Point":
        return [] if shape.is_empty else _lists(shape.coords[0][:2])
    if kind in ("LineString", "LinearRing"):
        return _lists([p[:2] for p in shape.coords])
    if kind == "Polygon":
        if shape.is_empty:
            return []
        return [_lists([p[:2] for p in ring.coords]) for ring in (shape.exterior, *shape.interiors)]
    return [coordinates_of(part) for part in shape.geoms]


def _body(shape: Any) -> dict[str, Any]:
    if shape.geom_type == "GeometryCollection":
        return {"type": "GeometryCollection", "geometries": [_body(part) for part in shape.geoms]}
    return {"type": shape.geom_type, "coordinates": coordinates_of(shape)}


def encode(geometry: Geometry) -> dict[str, Any]:
    """GeoJSON as ``getInfo`` prints it: ``geodesic: false`` for planar edges, ``crs`` where it is not degrees."""
    if geometry.unbounded:
        infinite = [["-Infinity", "-Infinity"], ["Infinity", "-Infinity"], ["Infinity", "Infinity"]]
        ring = [*infinite, ["-Infinity", "Infinity"], ["-Infinity", "-Infinity"]]
        return {"type": "Polygon", "coordinates": [ring], "geodesic": False}
    out = _body(geometry.shape)
    if geometry.crs != "EPSG:4326":
        out["crs"] = {"type": "name", "properties": {"name": geometry.crs}}
        out["geodesic"] = geometry.geodesic
    elif not geometry.geodesic:
        out["geodesic"] = False
    return out


def encode_plain(geometry: Geometry) -> dict[str, Any]:
    """GeoJSON proper: degrees, straight edges, rings as lines."""
    if geometry.unbounded:
        return _body(geometry.shape)
    planar = geometry if geometry.crs == "EPSG:4326" else to_crs(geometry, "EPSG:4326")
    shape = planar.shape
    if shape.geom_type == "LinearRing":
        shape = shapely.LineString(shape.coords)
    return _body(shape)
