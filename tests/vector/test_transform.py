from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pytest import approx

from ecumene.core import crs
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.vector.degrees import in_degrees, lonlat, valid, wrapped
from ecumene.vector.edges import GEOD, Geodesics, check_edges
from ecumene.vector.transform import lonlat_bounds, to_crs, with_edges
from tests.vector.places import star, stars


def along(ring: np.ndarray, count: int) -> np.ndarray:
    """Places along the geodesic edges of a ring."""
    edges = np.repeat(np.arange(len(ring) - 1), count)
    return Geodesics(ring).at(edges, np.tile((np.arange(count) + 0.5) / count, len(ring) - 1))


@settings(max_examples=8, deadline=None)
@given(stars, st.sampled_from([0.05, 1.0, 50.0]))
@example(star(0.0, 0.0, [2190.0, 60657.0, 2000.0], 5.0), 0.05)  # bends both ways at the equator
def test_geodesics_are_followed(polygon: Geometry, tolerance: float) -> None:
    """Seen from the plane around each place, where metres are metres."""
    shape = in_degrees(polygon, tolerance)
    ring = shapely.get_coordinates(polygon.shape)
    places = along(ring, 3)
    west, _, east, _ = shape.bounds
    for lon, lat in places[np.abs(places[:, 1]) < 85]:
        x = lon + 360 * round(((west + east) / 2 - lon) / 360)
        true = np.array(
            [np.cos(np.radians(lat)), 1.0]
        )  # degrees of longitude as long as those of latitude
        edge = shapely.transform(shapely.boundary(shape), lambda p, true=true: p * true)
        line = shapely.shortest_line(shapely.Point(np.array([x, lat]) * true), edge)
        near = shapely.get_coordinates(line)[1] / true
        assert GEOD.inv(lon, lat, *near)[2] <= tolerance * 1.1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param("EPSG:4326", "MultiPolygon", id="degrees-cut"),
        pytest.param("EPSG:3857", "MultiPolygon", id="mercator-cut"),
        pytest.param("EPSG:3832", "Polygon", id="pacific-whole"),
        pytest.param("EPSG:32760", "Polygon", id="utm-whole"),
        pytest.param("EPSG:3031", "Polygon", id="antarctic-whole"),
    ],
)
def test_across_the_antimeridian(code: str, kind: str) -> None:
    fiji = Geometry(shapely.Polygon([(179, -17), (-179, -17), (-179, -16), (179, -16)]))
    moved = to_crs(fiji, code)
    assert (moved.crs, moved.geodesic, moved.shape.geom_type) == (code, False, kind)
    assert moved.shape.is_valid
    for lon, lat, inside in [(179.5, -16.5, True), (-179.5, -16.5, True), (0.0, -16.5, False), (178.9, -16.5, False)]:  # fmt: skip
        x, y = crs.transform("EPSG:4326", code, [lon], [lat])
        assert shapely.contains_xy(moved.shape, x, y).tolist() == [inside]


@pytest.mark.parametrize("code", ["EPSG:4326", "EPSG:3995", "ESRI:54009"])
def test_around_the_pole(code: str) -> None:
    cap = Geometry(shapely.Polygon([(-120, 80), (-30, 80), (60, 80), (150, 80)]))
    moved = to_crs(cap, code)
    assert moved.shape.is_valid
    for lon, lat, inside in [(0.0, 89.0, True), (175.0, 89.0, True), (-120.0, 81.0, True), (15.0, 80.0, False)]:  # fmt: skip
        x, y = crs.transform("EPSG:4326", code, [lon], [lat])
        assert shapely.contains_xy(moved.shape, x, y).tolist() == [inside]


def test_planar_boxes_around_the_globe() -> None:
    band = Geometry(shapely.box(-180, 60, 180, 90), geodesic=False)
    moved = to_crs(band, "EPSG:3995").shape
    assert moved.is_valid
    assert shapely.contains_xy(
        moved, *crs.transform("EPSG:4326", "EPSG:3995", [3, 179], [61, 89])
    ).all()
    wide = to_crs(Geometry(shapely.box(170, -20, 190, -10), geodesic=False), "EPSG:3857")
    assert wide.shape.geom_type == "MultiPolygon"


def test_edges_of_the_other_kind() -> None:
    box = Geometry(shapely.box(-30, 40, 30, 60), geodesic=False)
    bent = with_edges(box, "EPSG:4326", True, 100.0)
    assert bent.geodesic
    back = with_edges(bent, "EPSG:4326", False, 1.0)
    assert shapely.hausdorff_distance(back.shape, box.shape) < 3e-3
    curved = Geometry(shapely.box(-30, 40, 30, 60))
    assert with_edges(curved, "EPSG:4326", True, 1.0) is curved
    there = with_edges(curved, "EPSG:4258", True, 1.0)
    assert len(there.shape.exterior.coords) == 5
    utm = Geometry(shapely.box(5e5, 5e6, 6e5, 5.1e6), "EPSG:32633", geodesic=False)
    degrees = with_edges(utm, "EPSG:4326", True, 0.01)
    assert lonlat_bounds(degrees) == approx(lonlat_bounds(utm), abs=1e-6)


def test_rings_that_cross_and_parts_that_overlap() -> None:
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert valid(bow).area == 2
    twice = shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)])
    assert valid(twice).area == 7
    assert to_crs(Geometry(bow, geodesic=False), "EPSG:4326").shape.is_valid
    spike = valid(shapely.Polygon([(0, 0), (2, 0), (2, 2), (0, 2), (0, 0), (0, -5), (0, 0)]))
    assert (spike.geom_type, spike.area) == ("Polygon", 4)
    ring = shapely.LinearRing([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert lonlat(Geometry(ring)).geom_type == "LinearRing"
    mixed = shapely.GeometryCollection([bow, shapely.Point(1, 1)])
    assert [g.geom_type for g in lonlat(Geometry(mixed)).geoms] == ["MultiPolygon", "Point"]


def test_shapes_are_brought_into_one_turn() -> None:
    assert shapely.equals(wrapped(shapely.box(350, 0, 355, 1)), shapely.box(-10, 0, -5, 1))
    cut = wrapped(shapely.box(170, 0, 190, 1))
    assert shapely.equals(
        cut, shapely.union(shapely.box(170, 0, 180, 1), shapely.box(-180, 0, -170, 1))
    )
    assert shapely.equals(wrapped(shapely.box(-200, 0, 200, 1)), shapely.box(-180, 0, 180, 1))
    with pytest.raises(EvaluationError, match="degrees"):
        wrapped(shapely.box(0, 0, 1e9, 1))
    assert in_degrees(Geometry(shapely.LineString([(170, 0), (-170, 0), (-150, 0)]))).bounds == (
        -190, 0, -150, 0,
    )  # fmt: skip


def test_too_many_edges() -> None:
    with pytest.raises(LimitExceeded, match=r"Geometry has too many edges \(2000001 > 2000000\)"):
        check_edges(2_000_001)
    wild = Geometry(shapely.MultiLineString([[(0, 50), (170, 50)]] * 3000))
    with pytest.raises(LimitExceeded, match="too many edges"):
        in_degrees(wild, 1e-4)
    line = shapely.LineString([(0, 50), (170, 50)])
    mixed = Geometry(shapely.GeometryCollection([line, shapely.Point(1, 2)] * 3000))
    with pytest.raises(LimitExceeded, match="too many edges"):
        in_degrees(mixed, 1e-4)


def test_vertices_without_a_place_are_left_out() -> None:
    world = Geometry(shapely.box(-180, -90, 180, 90), geodesic=False)
    moved = to_crs(world, "EPSG:3031")
    assert np.isfinite(shapely.get_coordinates(moved.shape)).all()
    with pytest.raises(EvaluationError, match="Empty"):
        lonlat_bounds(Geometry(shapely.Polygon()))
