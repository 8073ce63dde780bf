from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pytest import approx

from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import UNBOUNDED, ErrorMargin, Geometry
from ecumene.core.projection import Projection
from ecumene.vector import geodesic, predicates
from ecumene.vector.features import collected, covered
from ecumene.vector.shapes import (
    bounds,
    centroid,
    combine,
    convex_hull,
    covering_grid,
    cut_lines,
    dissolve,
    simplify,
)
from tests.vector.places import moved, places, star, stars

AREA = geodesic.area


@st.composite
def overlapping(draw: st.DrawFn) -> tuple[Geometry, Geometry]:
    """Two polygons that lie about each other."""
    place = draw(places)
    radii = st.lists(st.floats(2e4, 2e5), min_size=3, max_size=7)
    other = moved(*place, draw(st.floats(0, 360)), draw(st.floats(0, 2e5)))
    turn = st.floats(0, 360)
    return star(*place, draw(radii), draw(turn)), star(*other, draw(radii), draw(turn))


@settings(max_examples=20, deadline=None)
@given(overlapping())
def test_laws_of_sets(pair: tuple[Geometry, Geometry]) -> None:
    a, b = pair
    both, either, first, one = (
        AREA(combine(name, a, b, None, None))
        for name in ("intersection", "union", "difference", "symmetricDifference")
    )
    scale = {"rel": 1e-6, "abs": 1e-6 * (AREA(a) + AREA(b))}
    assert either == approx(AREA(a) + AREA(b) - both, **scale)
    assert first == approx(AREA(a) - both, **scale)
    assert one == approx(either - both, **scale)
    assert AREA(combine("union", b, a, None, None)) == approx(either, **scale)
    common = combine("intersection", a, b, None, None)
    assert predicates.intersects(a, b) == (both > 0) or both < 1
    if both > 1e4:
        assert geodesic.area(combine("difference", common, a, None, None)) < 1e-6 * both
    assert AREA(convex_hull(combine("union", a, b, None, None), None, None)) >= either * (1 - 1e-9)


@settings(max_examples=15, deadline=None)
@given(stars, st.floats(0, 360), st.floats(0, 5e5))
def test_a_point_is_inside_as_the_ring_around_it_says(
    polygon: Geometry, azimuth: float, metres: float
) -> None:
    """By the sum of the angles under which the edges are seen."""
    lon, lat = shapely.get_coordinates(centroid(polygon, None, None).shape)[0]
    place = moved(float(lon), float(lat), azimuth, metres)
    from ecumene.vector.edges import Geodesics
    from ecumene.vector.nearest import distance

    point = Geometry(shapely.Point(place))
    assume(distance(point, polygon.with_shape(polygon.shape.exterior)) > 1)
    ring = shapely.get_coordinates(polygon.shape)
    edges = np.repeat(np.arange(len(ring) - 1), 200)
    along = Geodesics(ring).at(edges, np.tile(np.linspace(0, 1, 200), len(ring) - 1))
    from ecumene.vector.edges import GEOD

    seen, _, _ = GEOD.inv(
        np.full(len(along), place[0]), np.full(len(along), place[1]), along[:, 0], along[:, 1]
    )
    turned = np.diff(np.asarray(seen))
    winding = round(float(((turned + 180) % 360 - 180).sum()) / 360)
    assert predicates.contains(polygon, point) == (winding != 0)
    assert predicates.intersects(point, polygon) == (winding != 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("union", [(179, 10, 181, 12)]),
        ("intersection", [(179.5, 10, 180.5, 12)]),
        ("difference", [(179, 10, 179.5, 12)]),
        ("symmetricDifference", [(179, 10, 179.5, 12), (180.5, 10, 181, 12)]),
    ],
)
def test_planar_boxes_across_the_antimeridian(name: str, expected: list) -> None:
    a = Geometry(shapely.box(179, 10, 180.5, 12), geodesic=False)
    b = Geometry(shapely.box(-180.5, 10, -179, 12), geodesic=False)
    found = combine(name, a, b, None, None)
    assert not found.geodesic
    assert shapely.equals(found.shape, shapely.union_all([shapely.box(*box) for box in expected]))


def test_vertices_come_back_as_they_went() -> None:
    a = Geometry(shapely.box(-122.09, 37.42, -122.08, 37.43))
    b = Geometry(shapely.box(-122.085, 37.42, -122.07, 37.43))
    found = combine("union", a, Geometry(shapely.box(0, 0, 1, 1)), None, None)
    assert set(map(tuple, shapely.get_coordinates(found.shape).tolist())) >= {
        (-122.09, 37.42), (-122.08, 37.43), (0.0, 0.0), (1.0, 1.0),
    }  # fmt: skip
    joined = combine("union", a, b, None, None)
    assert joined.shape.geom_type == "Polygon"
    assert shapely.is_ccw(joined.shape.exterior)


def test_caps_over_the_pole() -> None:
    cap = Geometry(shapely.Polygon([(-120, 80), (-30, 80), (60, 80), (150, 80)]))
    quarter = Geometry(shapely.box(0, 60, 90, 90), geodesic=False)
    common = combine("intersection", cap, quarter, None, None)
    assert AREA(common) == approx(AREA(cap) / 4, rel=1e-4)
    assert AREA(combine("difference", cap, quarter, None, None)) == approx(
        AREA(cap) * 3 / 4, rel=1e-4
    )
    assert predicates.contains(cap, Geometry(shapely.Point(10, 89)))
    assert predicates.contains(cap, Geometry(shapely.Point(-170, 90)))
    assert not predicates.contains(cap, Geometry(shapely.Point(15, 80)))
    rim = Geometry(shapely.LineString([(100, 88), (-100, 88)]))
    assert predicates.contains(cap, rim)


def test_the_inside_left_of_the_ring() -> None:
    ring = [(-35, -10), (-35, 10), (35, 10), (35, -10)]
    hole = Geometry(shapely.Polygon(ring), even_odd=False)
    point, far = Geometry(shapely.Point(1.5, 1.5)), Geometry(shapely.Point(120, 40))
    assert not predicates.contains(hole, point)
    assert predicates.contains(hole, far)
    assert predicates.contains(Geometry(shapely.Polygon(ring)), point)
    whole = combine("union", hole, Geometry(shapely.Polygon(ring)), None, None)
    assert AREA(whole) == approx(geodesic.GLOBE, rel=1e-6)


def test_everything_and_nothing() -> None:
    square, nothing = Geometry(shapely.box(0, 0, 1, 1)), Geometry(shapely.Polygon())
    assert combine("union", UNBOUNDED, square, None, None) is UNBOUNDED
    assert combine("intersection", square, UNBOUNDED, None, None) is square
    assert combine("difference", square, UNBOUNDED, None, None).shape.is_empty
    rest = combine("difference", UNBOUNDED, square, None, None)
    assert AREA(rest) == approx(geodesic.GLOBE - AREA(square), rel=1e-9)
    apart = combine("intersection", square, Geometry(shapely.box(5, 5, 6, 6)), None, None)
    assert (apart.shape.geom_type, apart.shape.is_empty) == ("GeometryCollection", True)
    assert AREA(combine("union", square, nothing, None, None)) == approx(AREA(square))
    assert predicates.contains(UNBOUNDED, square)
    assert not predicates.contains(square, UNBOUNDED)
    assert not predicates.contains(UNBOUNDED, nothing)
    assert not predicates.intersects(square, nothing)


def test_thousands_of_parts_are_united() -> None:
    rng = np.random.default_rng(7)
    parts = [
        Geometry(shapely.box(x, y, x + 1, y + 0.5))
        for x, y in rng.uniform([160, -60], [200, 60], (2000, 2))
    ]
    found = covered([_Held(p) for p in parts])
    dissolved = dissolve(collected(parts), None, None)
    assert AREA(found) == approx(AREA(dissolved), rel=1e-9)
    inside = rng.integers(0, 2000, 2)
    assert all(predicates.contains(found, parts[i]) for i in inside.tolist())


class _Held:
    def __init__(self, outline: Geometry) -> None:
        self.outline = outline


def test_edges_that_need_an_error_margin() -> None:
    curved, straight = (Geometry(shapely.box(0, 0, 9, 9), geodesic=g) for g in (True, False))
    none = ErrorMargin(0)
    text = "Geometry.union: Unable to perform this geometry operation. Please specify a non-zero error margin."
    with pytest.raises(EvaluationError, match=text):
        combine("union", curved, straight, none, None)
    combine("union", curved, curved, none, None)
    combine("union", straight, straight, none, None)


@settings(max_examples=25, deadline=None)
@given(places, st.integers(3, 9), st.floats(1e3, 2e6))
def test_centres_of_regular_shapes(place: tuple, sides: int, metres: float) -> None:
    found = centroid(star(*place, [metres] * sides), None, None)
    from ecumene.vector.nearest import distance

    assert distance(found, Geometry(shapely.Point(place))) < 3e-3 * metres


def test_centres_of_the_highest_dimension() -> None:
    parts = [shapely.box(0, 0, 2, 2), shapely.LineString([(50, 50), (60, 60)]), shapely.Point(9, 9)]
    both = centroid(Geometry(shapely.GeometryCollection(parts)), None, None)
    alone = centroid(Geometry(parts[0]), None, None)
    assert shapely.equals_exact(both.shape, alone.shape, 1e-9)
    line = centroid(Geometry(shapely.LineString([(0, 0), (10, 0)])), None, None)
    assert (line.shape.x, line.shape.y) == approx((5, 0), abs=1e-6)
    points = centroid(Geometry(shapely.MultiPoint([(179, 0), (-179, 0)])), None, None)
    assert abs(points.shape.x) == approx(180)


def test_hulls() -> None:
    assert convex_hull(Geometry(shapely.Point(1, 2)), None, None).shape.geom_type == "Point"
    line = Geometry(shapely.MultiPoint([(0, 0), (5, 0), (10, 0)]))
    assert convex_hull(line, None, None).shape.geom_type == "LineString"
    hull = convex_hull(
        Geometry(shapely.MultiPoint([(0, 85), (90, 85), (180, 85), (-90, 85), (10, 89)])),
        None,
        None,
    )
    assert len(hull.shape.exterior.coords) == 5
    assert predicates.contains(hull, Geometry(shapely.Point(0, 90)))


@pytest.mark.parametrize(
    ("geometry", "box"),
    [
        (Geometry(shapely.LineString([(0, 50), (40, 50)]), geodesic=False), (0, 50, 40, 50)),
        (Geometry(shapely.box(179, -17, -179, -16)), (179, -17.0025, 181, -16)),
        (Geometry(shapely.Polygon([(0, 80), (120, 80), (-120, 80)])), (-180, 80, 180, 90)),
    ],
    ids=["planar", "antimeridian", "pole"],
)
def test_boxes(geometry: Geometry, box: tuple) -> None:
    found = bounds(geometry, None, None)
    assert found.shape.bounds == approx(box, abs=2e-3)
    assert not found.geodesic


def test_the_top_of_a_geodesic_is_where_geographiclib_has_it() -> None:
    from ecumene.vector.edges import GEOD

    azimuth, _, length = GEOD.inv(0, 50, 40, 50)
    _, top, _ = GEOD.fwd(0, 50, azimuth, length / 2)
    found = bounds(Geometry(shapely.LineString([(0, 50), (40, 50)])), None, None)
    assert found.shape.bounds[3] == approx(top, abs=2e-6)


@settings(max_examples=8, deadline=None)
@given(places, st.floats(10, 2000))
def test_simpler_shapes_stay_within_the_error(place: tuple, error: float) -> None:
    rng = np.random.default_rng(3)
    rough = star(*place, (50_000 + rng.uniform(-1000, 1000, 90)).tolist())
    found = simplify(rough, ErrorMargin(error), None)
    assert len(found.shape.exterior.coords) <= 91
    vertices = shapely.MultiPoint(shapely.get_coordinates(rough.shape))
    kept = shapely.points(shapely.get_coordinates(found.shape))
    assert shapely.distance(vertices, kept).max() < 1e-9
    from ecumene.vector.nearest import distance

    edge = found.with_shape(found.shape.exterior)
    for x, y in shapely.get_coordinates(rough.shape)[::9]:
        assert distance(Geometry(shapely.Point(x, y)), edge) <= error * 1.01
    assert simplify(rough, ErrorMargin(0), None) is rough


def test_lines_are_cut() -> None:
    line = Geometry(shapely.LineString([(0, 60), (1, 60), (1, 61)]))
    found = cut_lines(line, [10_000, 80_000, 0, 1e9], None, None)
    lengths = [geodesic.length(found.with_shape(p)) for p in found.shape.geoms]
    assert lengths == approx([10_000, 70_000, geodesic.length(line) - 80_000], rel=1e-6)
    ring = Geometry(shapely.LinearRing([(0, 0), (1, 0), (1, 1)]))
    assert len(cut_lines(ring, [5], None, None).shape.geoms) == 2
    assert cut_lines(Geometry(shapely.box(0, 0, 1, 1)), [5], None, None).shape.is_empty
    plane = cut_lines(line, [0.5], None, Projection("EPSG:4326"))
    assert shapely.length(plane.shape.geoms[0]) == approx(0.5)


def test_grids_cover() -> None:
    grid = Projection("EPSG:32633", (10_000.0, 0.0, 0.0, 0.0, -10_000.0, 0.0))
    region = star(15, 45, [25_000.0] * 12)
    cells = list(covering_grid(region, grid, 10_000))
    whole = shapely.union_all([cell.shape for _, _, cell in cells])
    from ecumene.vector.shapes import planar

    shape = planar(region, "EPSG:32633")
    assert shapely.covers(whole, shape)
    assert all(shapely.intersects(cell.shape, shape) for _, _, cell in cells)
    for x, y, cell in cells:
        assert cell.shape.bounds == (x * 1e4, -(y + 1) * 1e4, (x + 1) * 1e4, -y * 1e4)


def test_geometries_of_a_kind_are_collected() -> None:
    point, line = Geometry(shapely.Point(0, 0)), Geometry(shapely.LineString([(0, 0), (1, 1)]))
    assert collected([point, point]).shape.geom_type == "MultiPoint"
    assert collected([point, line]).shape.geom_type == "GeometryCollection"
    assert collected([line]) is line
    assert collected([]).shape.is_empty
    assert collected([point, UNBOUNDED]) is UNBOUNDED
    utm = Geometry(shapely.box(5e5, 5e6, 6e5, 5.1e6), "EPSG:32633", geodesic=False)
    both = collected([Geometry(shapely.box(0, 0, 1, 1)), utm])
    assert both.crs == "EPSG:4326"
    assert AREA(both.with_shape(both.shape.geoms[1])) == approx(AREA(utm), rel=1e-4)
    assert math.isfinite(AREA(both))
