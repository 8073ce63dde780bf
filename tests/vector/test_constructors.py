"""Constructors and GeoJSON through the engine, as clients send and receive them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import shapely
from pytest import approx

from ecumene.core import crs
from ecumene.core.errors import RequestError
from ecumene.core.geometry import Geometry
from ecumene.core.projection import Projection
from ecumene.vector.geojson import decode, encode
from tests.calls import call, call_json

SQUARE = [[0, 0], [2, 0], [2, 2], [0, 2]]
CLOSED = [*SQUARE, [0, 0]]
UTM = Projection("EPSG:32633")


def point(x: float, y: float, code: str | None = None) -> Geometry:
    return call("GeometryConstructors.Point", [x, y], Projection(code) if code else None)


@pytest.mark.parametrize(
    ("kind", "coordinates", "expected"),
    [
        ("Point", [1, 2.5], [1, 2.5]),
        ("MultiPoint", [1, 2, 3, 4], [[1, 2], [3, 4]]),
        ("MultiPoint", [], []),
        ("LineString", [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ("LineString", [1, 2, 3, 4], [[1, 2], [3, 4]]),
        ("LinearRing", SQUARE, CLOSED),
        ("MultiLineString", [[1, 2], [3, 4]], [[[1, 2], [3, 4]]]),
        ("Polygon", SQUARE, [CLOSED]),
        ("Polygon", [SQUARE], [CLOSED]),
        ("Polygon", [0, 0, 2, 0, 2, 2, 0, 2], [CLOSED]),
        ("Polygon", [], []),
        ("MultiPolygon", [[SQUARE]], [[CLOSED]]),
        ("MultiPolygon", SQUARE, [[CLOSED]]),
        ("LineString", [[1, 2, 700], [3, 4, 800]], [[1, 2], [3, 4]]),
    ],
)
def test_coordinates_as_lists(kind: str, coordinates: list, expected: list) -> None:
    found = call_json(f"GeometryConstructors.{kind}", coordinates)
    assert found == {"type": kind, "coordinates": expected}


@pytest.mark.parametrize(
    ("kind", "coordinates", "words"),
    [
        ("Point", [1], "2 coordinates are needed"),
        ("LineString", [[1, 2]], "at least two points"),
        ("LineString", [1, 2, 3], "even number"),
        ("LineString", [[1, 2], [3]], "two numbers"),
        ("LineString", [[1, "a"], [3, 4]], "Inputs must be Number, List, or Geometry. Found type 'String'."),
        ("MultiPolygon", [[{"a": 1}]], "Found type 'Dictionary'"),
        ("LineString", [[1, math.nan], [3, 4]], "finite"),
        ("LineString", [[1, math.inf], [3, 4]], "finite"),
        ("Polygon", [[[0, 0], [1, 1]]], "at least three different points"),
        ("MultiLineString", [[[1, 2]]], "at least two points"),
        ("Rectangle", [1, 2, 3], "even number"),
        ("Rectangle", [1, 2], "Two corners"),
    ],
)  # fmt: skip
def test_what_is_refused(kind: str, coordinates: list, words: str) -> None:
    with pytest.raises(RequestError, match=f"GeometryConstructors.{kind}: .*{words}"):
        call(f"GeometryConstructors.{kind}", coordinates)


def test_points_bring_their_projection_and_edges() -> None:
    corners = [point(5e5, 5e6, "EPSG:32633"), point(6e5, 5e6, "EPSG:32633"), point(6e5, 5.1e6, "EPSG:32633")]  # fmt: skip
    own = call("GeometryConstructors.Polygon", corners)
    assert (own.crs, own.geodesic) == ("EPSG:32633", False)
    assert own.shape.area == 5e9
    degrees = call("GeometryConstructors.Polygon", corners, Projection("EPSG:4326"), False, 1)
    assert degrees.crs == "EPSG:4326"
    x, y = crs.transform("EPSG:32633", "EPSG:4326", [5e5], [5e6])
    assert (x[0], y[0]) == approx(tuple(degrees.shape.exterior.coords[0]))
    with pytest.raises(RequestError, match="non-zero error margin"):
        call("GeometryConstructors.Polygon", corners, Projection("EPSG:4326"), False, 0)


def test_rectangles_and_boxes() -> None:
    box = call_json("GeometryConstructors.Rectangle", [0, 1, 2, 3])
    assert box["coordinates"] == [[[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]]
    assert "geodesic" not in box
    assert call_json("GeometryConstructors.Rectangle", [[0, 1], [2, 3]]) == box
    of_points = call_json("GeometryConstructors.Rectangle", [point(0, 1), point(2, 3)])
    assert of_points == box
    across = call_json("GeometryConstructors.BBox", 170, -10, -170, 10)
    assert across["geodesic"] is False
    assert max(x for x, _ in across["coordinates"][0]) == 190
    world = call_json("GeometryConstructors.BBox", -200, -100, 200, 95)
    assert world["coordinates"][0][0] == [-180, -90]
    assert world["coordinates"][0][2] == [180, 90]


def test_numbers_are_in_the_projection_and_its_pixels() -> None:
    grid = Projection("EPSG:32633", (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0))
    found = call_json("GeometryConstructors.Point", [3, 4], grid)
    assert found == {
        "type": "Point",
        "coordinates": [500_030, 4_999_960],
        "crs": {"type": "name", "properties": {"name": "EPSG:32633"}},
        "geodesic": False,
    }


def test_collections_and_polygons_of_geometries() -> None:
    line = call("GeometryConstructors.LineString", [[0, 0], [1, 1]])
    both = call_json("GeometryConstructors.MultiGeometry", [point(5, 6), line])
    assert both == {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "Point", "coordinates": [5, 6]},
            {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
        ],
    }
    assert call_json("GeometryConstructors.MultiGeometry", [])["geometries"] == []
    nested = call("GeometryConstructors.MultiGeometry", [call("GeometryConstructors.MultiGeometry", [line]), line])  # fmt: skip
    assert call_json("Geometry.geometries", nested)[0]["type"] == "GeometryCollection"
    ring = call("GeometryConstructors.LinearRing", SQUARE)
    assert call_json("GeometryConstructors.Polygon", [ring])["coordinates"] == [CLOSED]
    polygon = call("GeometryConstructors.Polygon", [SQUARE])
    assert call_json("GeometryConstructors.MultiPolygon", [polygon])["coordinates"] == [[CLOSED]]
    with pytest.raises(RequestError, match="Polygons are needed, found a Point"):
        call("GeometryConstructors.MultiPolygon", [point(0, 0)])


@pytest.mark.parametrize(
    "value",
    [
        {"type": "Point", "coordinates": [1.25, -7]},
        {"type": "Polygon", "coordinates": [CLOSED], "geodesic": False},
        {"type": "LinearRing", "coordinates": CLOSED},
        {"type": "MultiPolygon", "coordinates": [[CLOSED], [[[9, 9], [9, 8], [8, 8], [9, 9]]]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [0, 1]}]},
        {
            "type": "LineString",
            "coordinates": [[1, 2], [3, 4]],
            "crs": {"type": "name", "properties": {"name": "EPSG:32633"}},
            "geodesic": False,
        },
    ],
    ids=lambda value: value["type"],
)
def test_geojson_comes_back(value: dict[str, Any]) -> None:
    assert encode(decode(value)) == value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"type": "Circle"}, "unknown type 'Circle'"),
        ({"type": "Point"}, "no coordinates"),
        ({"type": "Polygon", "coordinates": [[1, 2]]}, "two numbers"),
        ({"type": "Point", "coordinates": [None, 2]}, "numbers"),
    ],
)
def test_geojson_that_is_refused(value: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        decode(value)


def test_unbounded_geometries() -> None:
    whole = call("Image.geometry", call("Image.constant", 1))
    assert call("Geometry.isUnbounded", whole) is True
    assert call("Geometry.isUnbounded", point(0, 0)) is False
    assert call("Geometry.area", whole) == approx(5.1006562e14, rel=1e-7)
    assert call("Geometry.area", whole, None, Projection("EPSG:3857")) == math.inf
    assert call("Geometry.distance", whole, point(0, 0)) == 0
    found = call("Geometry.closestPoints", whole, point(3, 4))
    assert shapely.equals(found["left"].shape, shapely.Point(3, 4))
    with pytest.raises(RequestError, match="unbounded"):
        call("Geometry.centroid", whole)


def test_closest_points() -> None:
    square = call("GeometryConstructors.Polygon", [SQUARE])
    found = call("Geometry.closestPoint", square, point(5, 1))
    assert shapely.get_coordinates(found.shape)[0] == approx([5, 1])
    pair = call("Geometry.closestPoints", square, point(5, 1))
    assert pair["left"].shape.x == approx(2, abs=1e-8)
    empty = call("GeometryConstructors.MultiPoint", [])
    assert call("Geometry.closestPoint", square, empty) is None
    assert call("Geometry.closestPoints", square, empty) == {}


def test_features_keep_their_properties() -> None:
    feature = call("Feature", call("GeometryConstructors.Polygon", [SQUARE]), {"a": 1})
    grown = call("Feature.buffer", feature, 1000)
    assert grown.properties == {"a": 1}
    assert call("Feature.area", grown) > call("Feature.area", feature)
    other = call("Feature", point(1, 1), {"b": 2})
    assert call("Feature.intersection", feature, other).properties == {"a": 1}
    assert call("Feature.contains", feature, other) is True
    assert call("Feature.distance", feature, other) == 0
    assert shapely.equals(call("Feature.closestPoint", feature, other).shape, shapely.Point(1, 1))


def test_transformations_say_what_they_need() -> None:
    line = call("GeometryConstructors.LineString", [[0, 0], [20, 20]])
    moved = call("Geometry.transform", line, Projection("EPSG:3857"), 10)
    assert (moved.crs, moved.geodesic) == ("EPSG:3857", False)
    with pytest.raises(RequestError, match="Geometry.transform: Unable to perform"):
        call("Geometry.transform", line, Projection("EPSG:3857"), 0)
    planar = call("Geometry.transform", line, Projection("EPSG:4326"), 1000, False)
    assert planar.geodesic is False
    assert len(planar.shape.coords) > 2
    there = call("Geometry.transform", point(15, 0), UTM)
    assert shapely.get_coordinates(there.shape)[0] == approx([500_000, 0], abs=1e-6)
