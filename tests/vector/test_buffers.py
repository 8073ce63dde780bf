from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import UNBOUNDED, ErrorMargin, Geometry
from ecumene.core.projection import Projection
from ecumene.vector import geodesic, predicates
from ecumene.vector.edges import GEOD
from ecumene.vector.nearest import distance
from ecumene.vector.shapes import buffer
from tests.vector.places import PLACES, moved, places, star, stars

RADIUS = 6_371_007.18


def cap_area(metres: float) -> float:
    """A circle on the sphere of the same area as the spheroid."""
    return 2 * math.pi * RADIUS**2 * (1 - math.cos(metres / RADIUS))


def boundary_distances(found: Geometry, source: Geometry, most: int = 12) -> np.ndarray:
    points = shapely.get_coordinates(found.shape)
    chosen = points[np.linspace(0, len(points) - 1, min(most, len(points))).astype(int)]
    return np.array([distance(Geometry(shapely.Point(p)), source) for p in chosen])


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("metres", [100.0, 50_000.0, 2_000_000.0])
def test_circles_have_their_radius_everywhere(place: tuple, metres: float) -> None:
    point = Geometry(shapely.Point(place))
    found = buffer(point, metres, ErrorMargin(metres / 1000), None)
    away = boundary_distances(found, point, 40)
    assert away.max() <= metres * 1.0001
    assert away.min() >= metres * 0.9989
    assert geodesic.area(found) == approx(cap_area(metres), rel=0.02)
    assert predicates.contains(found, point)


@settings(max_examples=10, deadline=None)
@given(stars, st.floats(100, 300_000))
def test_outlines_lie_at_the_distance(polygon: Geometry, metres: float) -> None:
    found = buffer(polygon, metres, None, None)
    away = boundary_distances(found, polygon)
    assert away.max() <= metres * 1.011
    assert away.min() >= metres * 0.989
    assert geodesic.area(found) > geodesic.area(polygon)


@settings(max_examples=8, deadline=None)
@given(places, st.floats(1_000, 30_000))
def test_shrinking_keeps_what_is_deep_inside(place: tuple, metres: float) -> None:
    square = star(*place, [100_000.0] * 4)
    edge = square.with_shape(square.shape.exterior)
    found = buffer(square, -metres, None, None)
    assert boundary_distances(found, edge).min() >= metres * 0.989
    assert predicates.contains(found, Geometry(shapely.Point(place)))
    assert buffer(square, -90_000, None, None).shape.is_empty


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(Geometry(shapely.LineString([(0, 0), (50, 60)])), id="long-line"),
        pytest.param(
            Geometry(shapely.Polygon([(-5, 40), (65, 40), (65, 60), (-5, 60), (-5, 60)])),
            id="guide",
        ),
        pytest.param(Geometry(shapely.LineString([(170, 70), (-170, 75)])), id="antimeridian"),
        pytest.param(Geometry(shapely.box(-20, 60, 20, 80), geodesic=False), id="parallels"),
        pytest.param(
            Geometry(shapely.MultiPoint([(0, 0), (120, 80), (-60, -85), (0.1, 0)])), id="far-points"
        ),
    ],
)
def test_large_shapes_within_the_error(source: Geometry) -> None:
    found = buffer(source, 40_000, ErrorMargin(40), None)
    away = boundary_distances(found, source, 9)
    assert away.max() <= 40_045
    assert away.min() >= 39_955


def test_points_at_right_angles_of_a_line_are_inside_until_the_distance() -> None:
    azimuth, _, length = GEOD.inv(10, 70, 40, 75)
    lon, lat, back = GEOD.fwd(10, 70, azimuth, length / 2)
    strip = buffer(
        Geometry(shapely.LineString([(10, 70), (40, 75)])), 10_000, ErrorMargin(10), None
    )
    inside, outside = (moved(lon, lat, back + 90, d) for d in (9_980, 10_015))
    assert predicates.contains(strip, Geometry(shapely.Point(inside)))
    assert not predicates.contains(strip, Geometry(shapely.Point(outside)))


def test_in_a_plane_units_are_the_planes() -> None:
    found = buffer(Geometry(shapely.Point(15, 45)), 1000, None, Projection("EPSG:32633"))
    assert found.crs == "EPSG:32633"
    assert found.shape.area == approx(math.pi * 1e6, rel=0.02)
    assert buffer(Geometry(shapely.Point(1, 2)), 3, None, Projection("EPSG:4326")).shape.bounds == (
        -2, -1, 4, 5,
    )  # fmt: skip


def test_most_of_the_globe() -> None:
    far = 12_000_000.0
    found = buffer(Geometry(shapely.Point(20, 10)), far, None, None)
    assert geodesic.area(found) == approx(cap_area(far), rel=0.01)
    assert predicates.contains(found, Geometry(shapely.Point(moved(20, 10, 33, far * 0.98))))
    assert not predicates.intersects(found, Geometry(shapely.Point(moved(20, 10, 33, far * 1.01))))
    whole = buffer(Geometry(shapely.Point(20, 10)), 20_100_000.0, None, None)
    assert geodesic.area(whole) == approx(geodesic.GLOBE)


def test_edges_of_the_meaning() -> None:
    point = Geometry(shapely.Point(1, 1))
    assert buffer(UNBOUNDED, 5, None, None) is UNBOUNDED
    assert buffer(point, -5, None, None).shape.is_empty
    square = Geometry(shapely.box(0, 0, 1, 1))
    assert geodesic.area(buffer(square, 0, None, None)) == approx(geodesic.area(square), rel=1e-6)
    with pytest.raises(EvaluationError, match="non-zero error margin"):
        buffer(point, 5, ErrorMargin(0), None)
    with pytest.raises(EvaluationError, match="finite"):
        buffer(point, math.inf, None, None)
