"""Shapes cut into pieces cover what they covered."""

from __future__ import annotations

import math
from typing import Any

import pytest
import shapely
from shapely import Point

from ecumene.vector.pieces import limited, pieces

CIRCLE = Point(3, 4).buffer(10, quad_segs=200)
SHAPES = {
    "circle": CIRCLE,
    "ring": CIRCLE.difference(Point(3, 4).buffer(9, quad_segs=200)),
    "line": shapely.LineString([(t / 50, math.sin(t / 50)) for t in range(1000)]),
    "several": shapely.MultiPolygon([CIRCLE, Point(50, 0).buffer(3, quad_segs=99)]),
    "points": shapely.MultiPoint([(k, -k) for k in range(99)]),
}


@pytest.mark.parametrize("most", [1, 20, 300])
@pytest.mark.parametrize("name", SHAPES)
def test_no_piece_has_too_many_vertices_and_nothing_is_lost(name: str, most: int) -> None:
    shape: Any = SHAPES[name]
    found = pieces(shape, most)
    assert all(shapely.get_num_coordinates(one) <= max(most, 8) for one in found)
    whole = limited(shape, most)
    assert len(shapely.get_parts(whole)) == len(found)
    assert whole.area == pytest.approx(shape.area) and whole.length >= shape.length * (1 - 1e-9)
    assert shapely.union_all(found).symmetric_difference(shape).area < 1e-9
    if name == "line":
        assert whole.length == pytest.approx(shape.length)


def test_small_shapes_are_left_alone() -> None:
    assert limited(CIRCLE, 10_000) is CIRCLE
