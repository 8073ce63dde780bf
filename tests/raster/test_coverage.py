"""Coverage of pixels against areas from shapely, and zones against whole reads."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.core.geometry import Geometry
from ecumene.core.projection import Projection, Window
from ecumene.raster.coverage import bounds_window, centres, coverage, zone

CRS = "EPSG:32633"
GRID = Projection(CRS, (1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
"""Pixels of one metre, rows downwards: pixel (column, row) is the box (c, −r−1) to (c+1, −r)."""


def shaped(shape: shapely.Geometry) -> Geometry:
    return Geometry(shape, CRS, geodesic=False)


def expected(shape: shapely.Geometry, window: Window) -> np.ndarray:
    cols, rows = np.meshgrid(
        np.arange(window.width) + window.col, np.arange(window.height) + window.row
    )
    cells = shapely.box(cols, -rows - 1.0, cols + 1, -rows)
    return shapely.area(shapely.intersection(cells, shape))


STAR = shapely.Polygon(
    [(2 + 9 * (1 + (k % 2)) * np.cos(k * 0.6283), -11 + 5 * (1 + (k % 2)) * np.sin(k * 0.6283)) for k in range(10)]
)  # fmt: skip
RING = shapely.Point(3, -4).buffer(40.3).difference(shapely.Point(5, -2).buffer(22.1))
SHAPES = {
    "box on pixel edges": shapely.box(1, -4, 3, -1),
    "box off pixel edges": shapely.box(0.25, -3.5, 3.75, -0.5),
    "thin sliver": shapely.box(-5, -2.001, 12, -2),
    "star": STAR,
    "ring": RING,
    "two parts": shapely.union_all([shapely.box(0, -2, 1.5, 0), shapely.box(5, -9, 6.5, -3)]),
    "bow tie": shapely.Polygon([(0, 0), (8, -8), (8, 0), (0, -8)]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_coverage_is_the_area_in_each_pixel(name: str) -> None:
    shape = SHAPES[name]
    window = Window(-45, -45, 95, 100)
    sound = shape if shape.is_valid else shapely.make_valid(shape)
    np.testing.assert_allclose(
        coverage(shaped(shape), GRID, window), expected(sound, window), atol=1e-5
    )


@settings(max_examples=40, deadline=None)
@given(col=st.integers(-50, 50), row=st.integers(-50, 50), size=st.integers(1, 40))
def test_a_window_is_a_part_of_the_whole(col: int, row: int, size: int) -> None:
    whole = Window(-60, -60, 160, 160)
    part = Window(col, row, size, size)
    rows = slice(row - whole.row, row - whole.row + size)
    cols = slice(col - whole.col, col - whole.col + size)
    for shape in (STAR, RING):
        geometry = shaped(shape)
        np.testing.assert_allclose(
            coverage(geometry, GRID, part), coverage(geometry, GRID, whole)[rows, cols], atol=1e-6
        )
        np.testing.assert_array_equal(
            centres(geometry, GRID, part), centres(geometry, GRID, whole)[rows, cols]
        )
        seen = coverage(geometry, GRID, part).any()
        assert zone(geometry, GRID).touches(part) or not seen


@pytest.mark.parametrize(
    ("shape", "pixels"),
    [
        (shapely.Point(2.5, -1.5), {(1, 2)}),
        (shapely.MultiPoint([(0.5, -0.5), (3.5, -2.5)]), {(0, 0), (2, 3)}),
        (shapely.LineString([(0.5, -0.5), (2.5, -0.5)]), {(0, 0), (0, 1), (0, 2)}),
    ],
    ids=["point", "points", "line"],
)
def test_points_and_lines_count_whole_pixels(
    shape: shapely.Geometry, pixels: set[tuple[int, int]]
) -> None:
    found = coverage(shaped(shape), GRID, Window(0, 0, 5, 5))
    assert {(int(r), int(c)) for r, c in zip(*np.nonzero(found), strict=True)} == pixels
    assert set(np.unique(found)) <= {0.0, 1.0}


def test_nothing_of_an_empty_shape() -> None:
    nothing = shaped(shapely.Polygon())
    assert bounds_window(nothing, GRID) == Window(0, 0, 0, 0)
    assert not zone(nothing, GRID).touches(Window(-5, -5, 10, 10))
    assert not coverage(nothing, GRID, Window(-5, -5, 10, 10)).any()


def test_the_inside_of_a_big_shape_costs_no_memory() -> None:
    field = shaped(shapely.box(-1e6, -1e6, 1e6, 1e6))
    found = coverage(field, GRID, Window(0, 0, 1000, 1000))
    assert found.strides == (0, 0)
    assert found[0, 0] == 1
