"""Relations of many pairs at once are those of each pair."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.core.geometry import UNBOUNDED, Geometry
from ecumene.vector import many, nearest, predicates
from ecumene.vector.degrees import lonlat

DEGREES = st.sampled_from([0.0, 0.004, -0.004, 1.0, 30.0, 89.5, -90.0])
LONGITUDES = st.sampled_from([0.0, 0.004, 1.0, 179.999, -180.0, 180.0, 181.0, -90.0])


@st.composite
def shapes(draw):
    x, y = draw(LONGITUDES), draw(DEGREES)
    size = draw(st.sampled_from([0.003, 0.008, 5.0]))
    top = min(y + size, 90)
    return draw(
        st.sampled_from([
            shapely.Point(x, y), shapely.LineString([(x, y), (x + size, top)]), shapely.box(x, y, x + size, top) if top > y
            else shapely.Point(x, y), shapely.Point(), shapely.MultiPoint([(x, y), (x + size, top)]),
            shapely.Polygon([(x, y), (x + size, top), (x + size, y), (x, top)]) if top > y else shapely.Point(x, y),
        ])
    )  # fmt: skip


GEOMETRIES = st.one_of(
    st.builds(lambda s, g: Geometry(s, geodesic=g), shapes(), st.booleans()),
    st.sampled_from([
        None, UNBOUNDED, Geometry(shapely.box(-180, -90, 180, 90), geodesic=False),
        Geometry(shapely.Point(500_000, 10), "EPSG:32631", False),
        Geometry(shapely.Polygon([(-120, 60), (0, 60), (120, 60)])),
    ]),
)  # fmt: skip
PAIRS = st.tuples(
    st.lists(GEOMETRIES, min_size=1, max_size=4), st.lists(GEOMETRIES, min_size=1, max_size=4)
)


def every(left, right):
    i, j = np.indices((len(left), len(right))).reshape(2, -1)
    return many.Many.of(left), many.Many.of(right), i, j


@settings(max_examples=150, deadline=None)
@given(PAIRS)
@pytest.mark.parametrize("kind", ["intersects", "disjoint", "contains"])
def test_relations(kind, pair):
    test = getattr(predicates, kind)
    found = many.RELATIONS[kind](*every(*pair)).tolist()
    expected = [a is not None and b is not None and test(a, b) for a in pair[0] for b in pair[1]]
    assert found == expected


SMALL = st.builds(lambda s, g: Geometry(s, geodesic=g), shapes(), st.booleans()).filter(
    lambda g: g.shape.is_empty or g.shape.length < 0.1
) | st.sampled_from([None, UNBOUNDED, Geometry(shapely.box(-180, -90, 180, 90), geodesic=False)])


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(*[st.lists(SMALL, min_size=1, max_size=3)] * 2),
    st.sampled_from([0.0, 350.0, 450.0, 2e5]),
)
def test_distances(pair, limit):
    left, right, i, j = every(*pair)
    expected = [
        None if a is None or b is None else nearest.distance(a, b) for a in pair[0] for b in pair[1]
    ]
    found = many.within(left, right, i, j, limit).tolist()
    assert found == [d is not None and d <= limit for d in expected]
    near = many.grown(left.boxes, limit)
    candidates = set(zip(*(part.tolist() for part in many.Boxes(right).meeting(near)), strict=True))
    for k, held in enumerate(found):
        if held and not left.loose[i[k]]:
            assert (i[k], j[k]) in candidates


@settings(max_examples=100, deadline=None)
@given(st.lists(GEOMETRIES, min_size=1, max_size=6))
def test_shapes_are_those_in_degrees(geometries):
    found = many.Many.of(geometries)
    for geometry, shape in zip(geometries, found.shapes, strict=True):
        if geometry is not None and not geometry.unbounded:
            assert shapely.equals_exact(shape, lonlat(geometry), 1e-7)


def test_rows_against_one():
    fixed = Geometry(shapely.box(-1, -1, 1, 1))
    points = np.array([shapely.Point(0, 0), None, shapely.Point(5, 0), shapely.Point(1.001, 0)])
    assert many.tester("intersects", fixed, False)(points, True).tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert many.tester("contains", fixed, True)(points, True).tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert many.near(fixed, 200.0)(points, True).tolist() == [True, False, False, True]


@pytest.mark.parametrize("latitude", [0.0, 47.0, -70.0, 84.0])
def test_small_shapes_in_planes_of_their_own(latitude, monkeypatch):
    rng = np.random.default_rng(5)

    def squares(count):
        west, south = rng.uniform(10, 10.3, count), latitude + rng.uniform(0, 0.1, count)
        return many.Many.of_shapes(shapely.box(west, south, west + 0.008, south + 0.004), True)

    left, right = squares(12), squares(12)
    i, j = np.indices((12, 12)).reshape(2, -1)
    metres = [
        nearest.distance(left.geometry(a), right.geometry(b)) for a, b in zip(i, j, strict=True)
    ]
    asked = []
    one_by_one = many.distances
    monkeypatch.setattr(
        many, "distances", lambda a, b, p, q: asked.extend(p) or one_by_one(a, b, p, q)
    )
    for limit in (0.0, 2000.0, 5000.0):
        assert many.within(left, right, i, j, limit).tolist() == [d <= limit for d in metres]
    assert len(asked) < 3 * len(i) / 4
