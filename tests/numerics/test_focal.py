"""Neighbourhood statistics against SciPy, by kernels and by NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from ecumene import kernels
from ecumene.numerics import focal

RNG = np.random.default_rng(11)
VALUES = RNG.integers(0, 200, (60, 70)).astype("float64")
VALID = RNG.random(VALUES.shape) < 0.8
DISC = (np.hypot(*np.mgrid[-3:4, -3:4]) <= 3).astype("float64")
LARGE = (np.hypot(*np.mgrid[-8:9, -8:9]) <= 8).astype("float64")
SQUARE = np.ones((5, 5))
BELL = np.exp(-np.add.outer(np.arange(-4, 5) ** 2, np.arange(-4, 5) ** 2) / 6.0)
LOPSIDED = np.array([[1.0, 2.0, 0.5], [0.0, 4.0, 1.0], [3.0, 0.0, 1.0]])
FLAT = [
    pytest.param(k, id=n) for n, k in (("disc", DISC), ("square", SQUARE), ("large disc", LARGE))
]
KERNELS = [*FLAT, pytest.param(BELL, id="bell"), pytest.param(LOPSIDED, id="lopsided")]


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def path(request):
    """Each test twice."""
    kernels.load()
    if request.param == "plain":
        kernels.unload()
    yield
    kernels.load()


def inner(weights):
    """The pixels of VALUES whose whole neighbourhood is inside, and the shape of their window."""
    h, w = weights.shape
    shape = VALUES.shape[0] - h + 1, VALUES.shape[1] - w + 1
    part = slice(h // 2, h // 2 + shape[0]), slice(w // 2, w // 2 + shape[1])
    return part, shape


@pytest.mark.parametrize("weights", KERNELS)
def test_mean_and_sum_of_the_valid(weights):
    part, shape = inner(weights)
    total = ndimage.correlate(np.where(VALID, VALUES, 0), weights)[part]
    weight = ndimage.correlate(VALID.astype(float), weights)[part]
    for op, expected in (("mean", total / weight), ("sum", total)):
        found, good = focal.STATISTICS[op](VALUES, VALID, weights, shape)
        assert good.all()
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("weights", KERNELS)
def test_convolution_scales_the_valid_up(weights):
    part, shape = inner(weights)
    found, _ = focal.STATISTICS["convolve"](VALUES, VALID, weights, shape)
    total = ndimage.correlate(np.where(VALID, VALUES, 0), weights)[part]
    weight = ndimage.correlate(VALID.astype(float), weights)[part]
    np.testing.assert_allclose(found, total * weights.sum() / weight, rtol=1e-12)


@pytest.mark.parametrize("weights", FLAT)
@pytest.mark.parametrize(
    ("op", "reference"),
    [
        ("min", np.nanmin), ("max", np.nanmax), ("median", np.nanmedian), ("variance", np.nanvar),
        ("count", lambda v: np.isfinite(v).sum()), ("percentile", lambda v: np.nanpercentile(v, 90)),
    ],
    ids=lambda p: p if isinstance(p, str) else "",
)  # fmt: skip
def test_statistics_of_the_valid(weights, op, reference):
    part, shape = inner(weights)
    params = (90.0,) if op == "percentile" else ()
    holes = np.where(VALID, VALUES, np.nan)
    expected = ndimage.generic_filter(holes, reference, footprint=weights > 0)[part]
    for values, valid in ((VALUES, VALID), (VALUES.astype("int16"), VALID)):
        found, _ = focal.STATISTICS[op](values, valid, weights, shape, *params)
        np.testing.assert_allclose(found, expected, rtol=1e-13 if op != "variance" else 1e-11)


@pytest.mark.parametrize("weights", FLAT)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_the_most_frequent_value_and_of_several_the_smallest(weights, dtype):
    values = (VALUES % 7).astype(dtype) - np.array(1, dtype)

    def reference(window):
        found, counts = np.unique(window[~np.isnan(window)], return_counts=True)
        return found[counts.argmax()]

    part, shape = inner(weights)
    found, _ = focal.STATISTICS["mode"](values, VALID, weights, shape)
    holes = np.where(VALID, values.astype("float64"), np.nan)
    expected = ndimage.generic_filter(holes, reference, footprint=weights > 0)[part]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("weights", FLAT)
def test_without_a_mask_nothing_is_masked(weights):
    part, shape = inner(weights)
    found, good = focal.STATISTICS["mean"](VALUES, None, weights, shape)
    assert good is None
    expected = ndimage.correlate(VALUES, weights / weights.sum())[part]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("op", ["mean", "sum", "min", "max", "median", "mode", "percentile"])
def test_nothing_valid_is_masked_and_nan_is_missing_to_order_statistics(op):
    params = (25.0,) if op == "percentile" else ()
    weights = np.ones((3, 3))
    found, good = focal.STATISTICS[op](
        np.full((5, 5), 7.0), np.zeros((5, 5), bool), weights, (3, 3), *params
    )
    assert not good.any()
    if op in ("mean", "sum"):
        return
    values = np.full((5, 6), 7.0)
    values[:, 3:] = np.nan
    found, good = focal.STATISTICS[op](values, None, weights, (3, 4), *params)
    np.testing.assert_array_equal(good, [[True, True, True, False]] * 3)
    assert (found[good] == 7).all()


def test_a_large_value_beside_the_footprint_costs_no_digit():
    """Running totals along the row would lose the small values behind the large one."""
    values = np.full((1, 50), 0.1, "float32")
    values[0, 0] = 1e20
    found, _ = focal.STATISTICS["sum"](values, None, np.ones((1, 7)), (1, 44))
    expected = math.fsum([float(np.float32(0.1))] * 7)
    np.testing.assert_allclose(found[0, 1:], expected, rtol=4e-16)
