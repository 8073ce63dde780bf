"""Reduced neighbourhoods: kernels agree with the reducers' accumulators; memory is bounded; kernels of metres."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from ecumene.core.context import Context
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import DOUBLE, PixelType
from ecumene.core.projection import Window
from ecumene.core.reducer import Reducer
from ecumene.plan.estimate import estimate
from ecumene.plan.executor import evaluate
from ecumene.plan.node import Pixels, PlanNode
from ecumene.plan.nodes import Neighborhood
from ecumene.plan.optimise import prepare
from tests.calls import call
from tests.plan.leaves import FLOAT, Noise
from tests.plan.test_estimate import UTM

RNG = np.random.default_rng(4)
SIDE = 24
REACH = 4
CROSS = np.array([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])
KERNELS = {
    "shape": CROSS,
    "shares": CROSS / 5,
    "heavy": CROSS * 3,
    "uneven": np.array([[0.1, 0.2, 0.4], [0.0, 2.0, 0.3], [-0.5, 0.1, 0.2]]),
}


@dataclass(frozen=True, eq=False)
class Plane(PlanNode):
    """Pixels around the origin."""

    values: np.ndarray
    mask: np.ndarray | None
    type: PixelType = DOUBLE

    @property
    def digest(self) -> bytes:
        return str(id(self)).encode()

    def evaluate(self, grid, window, context):
        place = np.s_[
            window.row + REACH : window.row + REACH + window.height,
            window.col + REACH : window.col + REACH + window.width,
        ]
        return Pixels(self.values[place], None if self.mask is None else self.mask[place])


FULL = SIDE + 2 * REACH, SIDE + 2 * REACH
VALUES = {
    "whole": RNG.integers(-9, 9, FULL).astype("int16"),
    "real": np.where(RNG.random(FULL) < 0.1, np.nan, RNG.normal(size=FULL)).astype("float32"),
}
PARTIAL = (RNG.integers(0, 5, FULL) / 4).astype("float32")
MASKS = {"none": None, "holes": RNG.random(FULL) < 0.7, "partial": PARTIAL}
REDUCERS: dict[str, tuple[Reducer, int]] = {
    name: (call(f"Reducer.{name}"), 0)
    for name in ("mean", "sum", "count", "min", "max", "median", "mode", "variance", "stdDev")
} | {
    "percentile": (call("Reducer.percentile", [20, 70]), 1),
    "largest of both": (call("Reducer.minMax"), 1),
    "unweighted": (call("Reducer.unweighted", call("Reducer.sum")), 0),
    "renamed": (call("Reducer.setOutputs", call("Reducer.mean"), ["m"]), 0),
    "second part": (
        call("Reducer.combine", call("Reducer.count"), call("Reducer.stdDev"), "", True),
        1,
    ),
}


def expected(
    reducer: Reducer, output: int, weights: np.ndarray, weighting: str, values, mask
) -> tuple[np.ndarray, np.ndarray]:
    """All neighbours stacked and given to the accumulator at once."""
    stack, heavy = [], []
    reach = weights.shape[0] // 2
    for row, col in np.argwhere(weights).tolist():
        top, left = REACH - reach + row, REACH - reach + col
        place = np.s_[top : top + SIDE, left : left + SIDE]
        cell = abs(weights[row, col])
        own = np.ones((SIDE, SIDE)) if mask is None else mask[place].astype("float64")
        kinds = {
            "mask": own,
            "kernel": np.where(own > 0, cell, 0),
            "min": np.minimum(own, cell),
        }
        stack.append(values[place])
        heavy.append(kinds[weighting])
    accumulator = reducer.accumulator
    start = accumulator.start((SIDE, SIDE))
    found, valid = accumulator.finish(accumulator.add(start, [np.stack(stack)], [np.stack(heavy)]))[
        output
    ]
    some = np.stack(heavy).any(axis=0)  # a count of none is masked
    return np.asarray(found), some if valid is None else valid & some


def computed(node: PlanNode) -> Pixels:
    return evaluate(prepare([node]), UTM, Window(0, 0, SIDE, SIDE), Context())[0]


@pytest.mark.parametrize("weighting", ["kernel", "mask", "min"])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", REDUCERS)
def test_kernels_agree_with_accumulators(name, kernel, weighting):
    reducer, output = REDUCERS[name]
    weights = KERNELS[kernel]
    for values in VALUES.values():
        for mask in MASKS.values():
            node = Neighborhood(
                Plane(values, mask), Kernel("k", weights, (1, 1)), "reduce", reducer,
                (False, weighting), output, DOUBLE,
            )  # fmt: skip
            pixels = computed(node)
            wanted, valid = expected(reducer, output, weights, weighting, values, mask)
            np.testing.assert_array_equal(pixels.valid(), valid)
            np.testing.assert_allclose(pixels.values[valid], wanted[valid], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("skip", [True, False])
def test_a_masked_centre_masks_the_result_if_asked(skip):
    mask = MASKS["holes"]
    node = Neighborhood(
        Plane(VALUES["whole"], mask), Kernel("k", CROSS, (1, 1)), "reduce", call("Reducer.max"),
        (skip, "kernel"), 0, DOUBLE,
    )  # fmt: skip
    centre = mask[REACH : REACH + SIDE, REACH : REACH + SIDE]
    valid = computed(node).valid()
    assert not (valid & ~centre).any() if skip else (valid & ~centre).any()


def test_an_array_of_each_neighbourhood():
    node = Neighborhood(
        Plane(VALUES["whole"], None), Kernel("k", CROSS, (1, 1)), "reduce", call("Reducer.toList"),
        (True, "kernel"), 0, PixelType("double", dimensions=1),
    )  # fmt: skip
    pixels = computed(node)
    assert pixels.values.shape == (SIDE, SIDE, 5)
    around = VALUES["whole"][REACH - 1 : REACH + 2, REACH - 1 : REACH + 2]
    np.testing.assert_array_equal(pixels.values[0, 0], around[CROSS != 0])


@pytest.mark.parametrize(
    "reducer",
    [call("Reducer.median"), call("Reducer.intervalMean", 10.0, 90.0)],
    ids=lambda reducer: reducer.name,
)
def test_large_neighbourhoods_are_never_stacked_as_a_whole(reducer):
    """225 neighbours of 22,500 pixels: 40 MB of doubles, again for their weights, and for each step of sorting."""
    side = 150
    weights = np.ones((15, 15))
    node = Neighborhood(
        Noise(masked=0.2), Kernel("k", weights, (7, 7)), "reduce", reducer,
        (True, "kernel"), 0, FLOAT,
    )  # fmt: skip
    plan, window = prepare([node]), Window(0, 0, side, side)
    evaluate(plan, UTM, Window(0, 0, 9, 9), Context())
    tracemalloc.start()
    try:
        evaluate(plan, UTM, window, Context())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= estimate(plan, UTM, window, window.shape).peak
    assert peak < 100 * 2**20
