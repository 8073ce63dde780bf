from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from ecumene.core import crs
from ecumene.core.geometry import UNBOUNDED, Geometry
from ecumene.vector import geodesic
from ecumene.vector.edges import GEOD
from ecumene.vector.nearest import distance, nearest, spherical_distance
from tests.vector.places import places, stars

HALF_GLOBE = 255_032_810_857_042.0
"""Half of 4πR² for the authalic radius 6371007.1809 m."""


def sampled(points: list[tuple[float, float]], step: float) -> tuple[np.ndarray, np.ndarray]:
    """Places along a closed line that is straight in its plane, at most a step apart."""
    line = shapely.segmentize(shapely.LinearRing(points), step)
    x, y = shapely.get_coordinates(line).T
    return x, y


@settings(max_examples=40)
@given(stars)
def test_geodesic_polygons_measure_as_geographiclib_says(polygon: Geometry) -> None:
    x, y = np.asarray(polygon.shape.exterior.coords).T
    area, around = GEOD.polygon_area_perimeter(x, y)
    assert geodesic.area(polygon) == approx(abs(area), rel=1e-6)
    assert geodesic.perimeter(polygon) == approx(around, rel=1e-9)
    ring = Geometry(shapely.LinearRing(polygon.shape.exterior.coords))
    assert geodesic.length(ring) == approx(around, rel=1e-9)
    assert geodesic.area(ring) == geodesic.perimeter(ring) == geodesic.length(polygon) == 0


@pytest.mark.parametrize(
    ("code", "points", "step"),
    [
        pytest.param("EPSG:4326", [(10, 50), (11, 50), (11, 51), (10, 51)], 1e-4, id="box"),
        pytest.param("EPSG:4326", [(170, -60), (190, -60), (185, 75)], 1e-3, id="over-180"),
        pytest.param("EPSG:4326", [(0, 88), (120, 85), (240, 89)], 1e-3, id="high"),
        pytest.param("EPSG:32633", [(3e5, 5e6), (8e5, 5e6), (6e5, 6e6)], 50, id="utm"),
        pytest.param("EPSG:3857", [(0, 0), (9e6, 2e6), (5e6, 1.2e7)], 500, id="mercator"),
        pytest.param("EPSG:3035", [(3e6, 2e6), (5e6, 2e6), (4e6, 4e6)], 100, id="laea"),
    ],
)
def test_planar_edges_are_measured_where_they_run(code: str, points: list, step: float) -> None:
    x, y = crs.transform(code, "EPSG:4326", *sampled(points, step))
    area, around = GEOD.polygon_area_perimeter(x, y)
    polygon = Geometry(shapely.Polygon(points), code, geodesic=False)
    assert geodesic.area(polygon) == approx(abs(area), rel=1e-6)
    assert geodesic.perimeter(polygon) == approx(around, rel=1e-6)


def test_holes_parts_and_crossing_rings() -> None:
    outer, inner = (Geometry(shapely.box(a, a, 4 - a, 4 - a)) for a in (0, 1))
    holed = Geometry(shapely.Polygon(outer.shape.exterior, [inner.shape.exterior]))
    assert geodesic.area(holed) == approx(geodesic.area(outer) - geodesic.area(inner))
    assert geodesic.perimeter(holed) == approx(
        geodesic.perimeter(outer) + geodesic.perimeter(inner)
    )
    twice = Geometry(shapely.MultiPolygon([outer.shape, inner.shape]))
    assert geodesic.area(twice) == approx(geodesic.area(outer) + geodesic.area(inner))
    bow = Geometry(shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]))
    middle = nearest(
        Geometry(shapely.LineString([(0, 0), (1, 1)])),
        Geometry(shapely.LineString([(1, 0), (0, 1)])),
    )
    assert middle is not None
    halves = [[(0, 0), middle.left, (0, 1)], [(1, 0), (1, 1), middle.left]]
    expected = sum(abs(GEOD.polygon_area_perimeter(*np.array(h).T)[0]) for h in halves)
    assert geodesic.area(bow) == approx(expected, rel=1e-6)


def test_the_inside_is_the_smaller_side_or_the_left_one() -> None:
    ring = [(-35, -10), (-35, 10), (35, 10), (35, -10)]
    small = geodesic.area(Geometry(shapely.Polygon(ring)))
    assert small == approx(abs(GEOD.polygon_area_perimeter(*np.array(ring).T)[0]), rel=1e-9)
    left = geodesic.area(Geometry(shapely.Polygon(ring), even_odd=False))
    assert left + small == approx(2 * HALF_GLOBE, rel=1e-9)
    assert geodesic.area(Geometry(shapely.Polygon(ring[::-1]), even_odd=False)) == approx(small)
    assert geodesic.area(UNBOUNDED) == approx(2 * HALF_GLOBE, rel=1e-9)


def test_a_polygon_around_the_pole() -> None:
    cap = Geometry(shapely.Polygon([(-120, 80), (-30, 80), (60, 80), (150, 80)]))
    area, around = GEOD.polygon_area_perimeter([-120, -30, 60, 150], [80] * 4)
    assert geodesic.area(cap) == approx(area, rel=1e-9)
    assert geodesic.perimeter(cap) == approx(around, rel=1e-9)
    circle = Geometry(shapely.box(-180, 60, 180, 90), geodesic=False)
    north, _ = GEOD.polygon_area_perimeter(np.arange(-180, 180, 0.01), np.full(36000, 60.0))
    assert geodesic.area(circle) == approx(north, rel=1e-6)


@settings(max_examples=60)
@given(places, places)
def test_points_are_as_far_apart_as_geographiclib_says(a: tuple, b: tuple) -> None:
    left, right = (Geometry(shapely.Point(p)) for p in (a, b))
    assert distance(left, right) == approx(GEOD.inv(*a, *b)[2], rel=1e-9)


def nearest_on_edge(place: tuple, a: np.ndarray, b: np.ndarray) -> float:
    """Metres to a geodesic edge, by looking at a hundred places of it, then at those around the best."""
    azimuth, _, long = GEOD.inv(*a, *b)
    low, high, best = 0.0, 1.0, math.inf
    ones = np.ones(101)
    for _ in range(4):
        share = np.linspace(low, high, 101)
        x, y, _ = GEOD.fwd(a[0] * ones, a[1] * ones, azimuth * ones, share * long)
        far = np.asarray(GEOD.inv(place[0] * ones, place[1] * ones, x, y)[2])
        at = int(far.argmin())
        low, high, best = share[max(at - 1, 0)], share[min(at + 1, 100)], float(far[at])
    return best


@settings(max_examples=25, deadline=None)
@given(places, stars)
def test_no_place_on_the_edge_is_nearer_than_the_distance(place: tuple, polygon: Geometry) -> None:
    point, ring = Geometry(shapely.Point(place)), shapely.get_coordinates(polygon.shape)
    line = Geometry(shapely.LineString(ring))
    found = nearest(point, line)
    assert found is not None
    best = min(nearest_on_edge(place, a, b) for a, b in zip(ring[:-1], ring[1:], strict=True))
    assert found.metres <= best * (1 + 1e-6) + 1e-3
    if best < 1.5e7:  # farther off the search of the test itself has many minima
        assert found.metres == approx(best, rel=1e-6, abs=1e-3)
    assert distance(line, point) == approx(found.metres, rel=1e-6, abs=1e-3)


def test_distances_of_shapes_that_meet_or_are_empty() -> None:
    square = Geometry(shapely.box(0, 0, 2, 2))
    assert distance(square, Geometry(shapely.Point(1, 1))) == 0
    assert distance(square, Geometry(shapely.box(1, 1, 3, 3))) == 0
    assert distance(square, Geometry(shapely.Polygon())) == math.inf
    assert distance(square, UNBOUNDED) == 0
    across = Geometry(shapely.LineString([(179, 10), (-179, 10)]))
    assert distance(across, Geometry(shapely.Point(180, 10))) < 400
    assert distance(
        Geometry(shapely.Point(179.9, 0)), Geometry(shapely.Point(-179.9, 0))
    ) == approx(GEOD.inv(179.9, 0, -179.9, 0)[2])


def test_on_a_sphere() -> None:
    a, b = Geometry(shapely.Point(0, 0)), Geometry(shapely.Point(0, 90))
    assert spherical_distance(a, b) == approx(6_371_010 * math.pi / 2)


@given(st.floats(-80, 80), st.floats(1, 60))
@settings(max_examples=20)
def test_parallels_are_longer_than_geodesics(lat: float, width: float) -> None:
    line = shapely.LineString([(0, lat), (width, lat)])
    parallel = geodesic.length(Geometry(line, geodesic=False))
    sine, cosine = math.sin(math.radians(lat)), math.cos(math.radians(lat))
    radius = GEOD.a * cosine / math.sqrt(1 - GEOD.es * sine**2)
    assert parallel == approx(math.radians(width) * radius, rel=1e-8)
    assert geodesic.length(Geometry(line)) <= parallel * (1 + 1e-12)
