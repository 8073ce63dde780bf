"""Coarser pixels from all finer ones under them, weighted by exact overlap."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.pixel_type import DOUBLE
from ecumene.core.projection import Grid, Projection, Window
from ecumene.plan.executor import evaluate
from ecumene.plan.nodes import ReduceResolution
from ecumene.plan.optimise import prepare
from tests.algorithms.scenes import GRID, Held
from tests.calls import call
from tests.plan.leaves import Noise

RNG = np.random.default_rng(8)
H, W = 60, 80
VALUES = RNG.integers(0, 500, (H, W)).astype("float64")
HOLES = RNG.random((H, W)) < 0.8
PARTIAL = (RNG.integers(0, 5, (H, W)) / 4).astype("float32")


def reduced(
    reducer, mask=None, output: int = 0, most: int = 400, best: bool = False
) -> ReduceResolution:
    return ReduceResolution(Held(VALUES, mask, DOUBLE), reducer, GRID, most, best, output, DOUBLE)


def computed(node, grid: Grid, window: Window):
    return evaluate(prepare([node]), grid, window, Context())[0]


def coarser(factor: float, col: float = 0.0, row: float = 0.0) -> Projection:
    return GRID.translated(col, row).scaled(factor, factor)


def overlaps(factor: float, start: float, number: int, size: int) -> np.ndarray:
    """The part of every pixel of a side that lies in each of some coarser pixels, ``(number, size)``."""
    low = start + factor * np.arange(number)[:, None]
    pixel = np.arange(size)[None, :]
    return np.clip(np.minimum(low + factor, pixel + 1) - np.maximum(low, pixel), 0, None)


@pytest.mark.parametrize(
    ("factor", "col", "row"), [(4, 0, 0), (3, 1, 2), (2.5, 0.3, 0.9), (0.7, 2.2, 5)]
)
@pytest.mark.parametrize("mask", [None, HOLES, PARTIAL], ids=["all", "holes", "partial"])
def test_weights_are_the_mask_times_the_overlap(factor, col, row, mask):
    """On axes that are parallel the overlap is a product of two lengths."""
    number = 10
    across, down = overlaps(factor, col, number, W), overlaps(factor, row, number, H)
    share = down[:, None, :, None] * across[None, :, None, :] / factor**2
    weight = share * (1 if mask is None else mask)
    some = weight.sum(axis=(2, 3))
    total = (weight * VALUES).sum(axis=(2, 3))
    mean = total / np.where(some > 0, some, 1)
    spread = (weight * (VALUES - mean[..., None, None]) ** 2).sum(axis=(2, 3))
    touched = np.where(weight > 1e-12, VALUES, np.nan)
    expected = {
        "mean": mean,
        "sum": total,
        "count": np.isfinite(touched).sum(axis=(2, 3)),
        "min": np.where(weight > 1e-12, VALUES, np.inf).min(axis=(2, 3)),
        "variance": spread / np.where(some > 0, some, 1),
        "unweighted": np.nansum(touched, axis=(2, 3)),
        "countDistinctNonNull": None,
    }
    grid, window = coarser(factor, col, row), Window(0, 0, number, number)
    for name, wanted in expected.items():
        inner = [call("Reducer.sum")] if name == "unweighted" else []
        pixels = computed(reduced(call(f"Reducer.{name}", *inner), mask), grid, window)
        np.testing.assert_array_equal(pixels.valid(), some > 1e-12)
        if wanted is None:
            wanted = np.asarray(
                [[np.unique(v[np.isfinite(v)]).size for v in line] for line in touched]
            )
        good = pixels.valid()
        np.testing.assert_allclose(pixels.values[good], wanted[good], rtol=1e-9, atol=1e-9)


def test_a_part_of_combined_reducers():
    both = call("Reducer.combine", call("Reducer.count"), call("Reducer.mean"), "", True)
    window = Window(0, 0, 9, 9)
    pixels = computed(reduced(both, HOLES, output=1), coarser(4), window)
    alone = computed(reduced(call("Reducer.mean"), HOLES), coarser(4), window)
    np.testing.assert_array_equal(pixels.values, alone.values)


DEGREES = Projection("EPSG:4326", (3e-4, 0.0, 15.0005, 0.0, -3e-4, 45.1515))
TURNED = Projection("EPSG:32633", (22.0, 9.0, 500_100.0, 11.0, -19.0, 4_999_700.0))


@pytest.mark.parametrize("grid", [DEGREES, TURNED], ids=["degrees", "turned"])
def test_quadrilaterals_on_other_grids(grid):
    window = Window(2, 3, 6, 5)
    pixels = computed(reduced(call("Reducer.mean"), HOLES), grid, window)
    transform = pyproj.Transformer.from_crs(grid.crs, GRID.crs, always_xy=True)
    rows, cols = np.mgrid[0:H, 0:W]
    cells = shapely.box(cols, rows, cols + 1, rows + 1)
    a, b, c, d, e, f = grid.transform
    for i, j in np.ndindex(window.shape):
        ring = [(0, 0), (1, 0), (1, 1), (0, 1)]
        corners = [(window.col + j + x, window.row + i + y) for x, y in ring]
        x, y = transform.transform(*zip(*((a * u + b * v + c, d * u + e * v + f) for u, v in corners), strict=True))  # fmt: skip
        quad = shapely.Polygon(
            np.column_stack([(np.array(x) - 500_000) / 10, (5_000_000 - np.array(y)) / 10])
        )
        weight = shapely.area(shapely.intersection(cells, quad)) * HOLES
        if weight.sum() < 1e-9:
            assert not pixels.valid()[i, j]
            continue
        expected = (weight * VALUES).sum() / weight.sum()
        assert pixels.values[i, j] == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize("grid", [DEGREES, TURNED, coarser(3.7, 0.2, 0.1)])
@pytest.mark.parametrize("name", ["mean", "median", "count"])
def test_parts_are_parts_of_the_whole(grid, name):
    node = reduced(call(f"Reducer.{name}"), PARTIAL)
    whole = computed(node, grid, Window(-3, -2, 30, 40))
    for col, row, width, height in [(-3, -2, 1, 1), (0, 5, 17, 9), (4, 3, 23, 31)]:
        part = computed(node, grid, Window(col, row, width, height))
        place = np.s_[row + 2 : row + 2 + height, col + 3 : col + 3 + width]
        np.testing.assert_array_equal(part.valid(), whole.valid()[place])
        good = part.valid()
        np.testing.assert_array_equal(part.values[good], whole.values[place][good])


def test_too_many_pixels_are_an_error_or_a_coarser_grid():
    window = Window(0, 0, 4, 4)
    with pytest.raises(LimitExceeded, match=r"Too many input pixels per output pixel\. Found 400 "):
        computed(reduced(call("Reducer.mean"), most=64), coarser(20), window)
    leaf = Noise()
    node = ReduceResolution(leaf, call("Reducer.mean"), GRID, 64, True, 0, DOUBLE)
    computed(node, coarser(20), window)
    ((grid, asked),) = leaf.asked
    assert grid == GRID.scaled(4, 4)
    assert asked == Window(0, 0, 20, 20)


def test_an_image_without_a_grid_of_its_own_is_computed_on_the_output_grid():
    leaf = Noise()
    node = ReduceResolution(leaf, call("Reducer.mean"), Projection(), 64, False, 0, DOUBLE)
    window = Window(5, 6, 7, 8)
    pixels = computed(node, GRID, window)
    assert leaf.asked == [(GRID, window)]
    np.testing.assert_array_equal(pixels.values, leaf.evaluate(GRID, window, None).values)
