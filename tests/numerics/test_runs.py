"""Runs of pixels: laws of covering, and statistics of zones by kernel and by the plain path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene import kernels
from ecumene.core.projection import Grid, Window
from ecumene.numerics.reducers.zonal import Block, placed, taken
from ecumene.numerics.runs import Runs
from ecumene.raster.coverage import Zones

GRID = Grid("EPSG:32633")
"""Pixel coordinates are the CRS's own, rows downwards."""

WINDOW = Window(-7, -5, 40, 30)


def cells(seed: int, count: int) -> list[Any]:
    """A partition of the window (and a margin) into polygons."""
    points = np.random.default_rng(seed).uniform((-12, -10), (38, 30), (count, 2))
    box = shapely.box(-12, -10, 38, 30)
    cells = shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=box)
    return [shapely.intersection(part, box) for part in cells.geoms]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 40))
def test_parts_of_a_partition_cover_every_pixel_once(seed: int, count: int) -> None:
    zones = Zones(cells(seed, count), GRID)
    weight, centres = np.zeros(WINDOW.shape), np.zeros(WINDOW.shape)
    for total, runs in ((weight, zones.covered(WINDOW)), (centres, zones.inside(WINDOW))):
        place, run = runs.pixels(WINDOW.width)
        np.add.at(total.reshape(-1), place, runs.weight[run])
    np.testing.assert_allclose(weight, 1, atol=1e-5)
    np.testing.assert_array_equal(centres, 1)


def test_a_centre_on_a_shared_edge_belongs_to_the_zone_right_of_or_below_it() -> None:
    quarters = [shapely.box(0.5, 0.5, 2.5, 2.5), shapely.box(2.5, 0.5, 4.5, 2.5), shapely.box(0.5, 2.5, 4.5, 4.5)]  # fmt: skip
    runs = Zones(quarters, GRID).inside(Window(0, 0, 5, 5))
    found = {k: int(runs.lengths[runs.zone == k].sum()) for k in range(3)}
    assert found == {0: 4, 1: 4, 2: 8}
    assert runs.chosen(runs.zone == 1).dense((5, 5))[0, 2] == 1


@pytest.mark.parametrize("seed", range(6))
def test_zones_together_as_each_alone(seed: int) -> None:
    """Polygons, points, lines, collections of them, empty ones; in several windows."""
    rng = np.random.default_rng(seed)
    shapes: list[Any] = [
        shapely.Point(*rng.uniform(0, 20, 2)).buffer(rng.uniform(0.2, 9)),
        shapely.Point(*rng.uniform(0, 20, 2)).buffer(8).difference(shapely.Point(10, 10).buffer(4)),
        shapely.MultiPoint(rng.uniform(0, 20, (5, 2))),
        shapely.LineString(rng.uniform(0, 20, (3, 2))),
        shapely.GeometryCollection(
            [shapely.box(3, 3, 8.5, 7.25), shapely.Point(5, 5), shapely.LineString([(0, 0), (9, 9)])]
        ),
        shapely.Polygon(),
        shapely.Polygon([(0, 0), (8, 8), (8, 0), (0, 8)]),
    ]  # fmt: skip
    together = Zones(shapes, GRID)
    for window in (WINDOW, Window(4, 2, 9, 11), Window(60, 60, 5, 5)):
        for name in ("covered", "inside"):
            runs = getattr(together, name)(window)
            for k, shape in enumerate(shapes):
                alone = getattr(Zones([shape], GRID), name)(window).dense(window.shape)
                mine = runs.chosen(runs.zone == k)
                np.testing.assert_allclose(mine.dense(window.shape), alone, atol=1e-6)
                assert mine.lengths.sum() == np.count_nonzero(alone)


def block(seed: int, dtype: str, masked: str) -> Block:
    rng = np.random.default_rng(seed)
    values = rng.integers(0 if dtype[0] == "u" else -90, 100, WINDOW.shape).astype(dtype)
    if values.dtype.kind == "f":
        values = values / 7
        values[rng.random(values.shape) < 0.1] = np.nan
        values = values.astype(dtype)
    mask: Any = {
        "no": None, "bool": rng.random(values.shape) < 0.6,
        "float": (rng.random(values.shape) * (rng.random(values.shape) < 0.6)).astype("float32"),
    }[masked]  # fmt: skip
    values.flags.writeable = False
    return Block(values, mask, Zones(cells(seed, 9), GRID).covered(WINDOW), 9)


@pytest.fixture
def loaded():
    kernels.load()
    yield
    kernels.load()


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("masked", ["no", "bool", "float"])
@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "uint16", "int32", "float32", "float64"]
)
def test_statistics_of_zones_by_kernel_and_plainly(dtype: str, masked: str) -> None:
    for seed in range(3):
        one = block(seed, dtype, masked)
        compiled = one.moments(4), one.extremes()
        kernels.unload()
        plain = one.moments(4), one.extremes()
        kernels.load()
        for a, b in zip(compiled[0], plain[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-6)
        for a, b in zip(compiled[1], plain[1], strict=True):
            np.testing.assert_array_equal(a, b)


def test_statistics_of_zones_as_numpy() -> None:
    one = block(5, "float64", "float")
    assert one.mask is not None
    weight, mean, two = one.moments(2)[:3]
    low, high, count = one.extremes()
    for k in range(9):
        covered = one.runs.chosen(one.runs.zone == k).dense(WINDOW.shape)
        w = np.where(np.isnan(one.values), 0, np.minimum(covered, one.mask))
        v = one.values[w > 0]
        assert weight[k] == pytest.approx(w.sum())
        assert mean[k] == pytest.approx(np.average(v, weights=w[w > 0]))
        assert two[k] == pytest.approx(np.average((v - mean[k]) ** 2, weights=w[w > 0]) * weight[k])
        assert (low[k], high[k], count[k]) == (v.min(), v.max(), v.size)


def test_states_of_some_zones_go_to_their_places() -> None:
    state = placed(None, np.array([3, 1]), (np.array([1, 2]), [np.array([True, True])]), 4)
    assert state[0].tolist() == [0, 2, 0, 1]
    state = placed(state, np.array([0]), (np.array([0.5]), [np.array([True])]), 4)
    assert state[0].tolist() == [0.5, 2, 0, 1]
    assert state[1][0].tolist() == [True, True, False, True]
    assert taken(state, np.array([1, 2]))[0].tolist() == [2, 0]


def test_runs_are_numbered_by_the_zones_that_have_some() -> None:
    runs = Runs.of([7, 2, 7], [0, 1, 2], [0, 0, 0], [1, 2, 3], 1.0)
    zones, numbered = runs.numbered()
    assert zones.tolist() == [2, 7]
    assert numbered.zone.tolist() == [0, 1, 1]
