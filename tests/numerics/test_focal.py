"""Neighbourhood statistics and interpolation against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from ecumene.numerics import focal
from ecumene.numerics.resample import bicubic, bilinear

RNG = np.random.default_rng(11)
VALUES = RNG.integers(0, 200, (40, 50)).astype("float64")
VALID = RNG.random(VALUES.shape) < 0.8
DISC = (np.hypot(*np.mgrid[-3:4, -3:4]) <= 3).astype("float64")
SQUARE = np.ones((5, 5))
LOPSIDED = np.array([[1.0, 2.0, 0.5], [0.0, 4.0, 1.0], [3.0, 0.0, 1.0]])
KERNELS = [pytest.param(k, id=n) for n, k in (("disc", DISC), ("square", SQUARE))]


def inner(weights):
    """The pixels of VALUES whose whole neighbourhood is inside, and the shape of their window."""
    h, w = weights.shape
    shape = VALUES.shape[0] - h + 1, VALUES.shape[1] - w + 1
    part = slice(h // 2, h // 2 + shape[0]), slice(w // 2, w // 2 + shape[1])
    return part, shape


@pytest.mark.parametrize("weights", [*KERNELS, pytest.param(LOPSIDED, id="lopsided")])
def test_mean_of_the_valid(weights):
    part, shape = inner(weights)
    found, good = focal.STATISTICS["mean"](VALUES, VALID, weights, shape)
    total = ndimage.correlate(np.where(VALID, VALUES, 0), weights)[part]
    weight = ndimage.correlate(VALID.astype(float), weights)[part]
    assert good.all()
    np.testing.assert_allclose(found, total / weight, rtol=1e-12)


@pytest.mark.parametrize("weights", KERNELS)
@pytest.mark.parametrize(
    ("op", "reference"),
    [("min", np.nanmin), ("max", np.nanmax), ("median", np.nanmedian)],
    ids=["min", "max", "median"],
)
def test_order_statistics_of_the_valid(weights, op, reference):
    part, shape = inner(weights)
    found, _ = focal.STATISTICS[op](VALUES, VALID, weights, shape)
    holes = np.where(VALID, VALUES, np.nan)
    expected = ndimage.generic_filter(holes, reference, footprint=weights > 0)[part]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("weights", KERNELS)
def test_without_a_mask_nothing_is_masked(weights):
    part, shape = inner(weights)
    found, good = focal.STATISTICS["mean"](VALUES, None, weights, shape)
    assert good is None or good.all()
    expected = ndimage.correlate(VALUES, weights / weights.sum())[part]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_bilinear_is_order_one_interpolation_between_centres():
    x, y = RNG.uniform(2, 48, (9, 9)), RNG.uniform(2, 38, (9, 9))
    found, good = bilinear(VALUES, None, x, y)
    expected = ndimage.map_coordinates(VALUES, [y - 0.5, x - 0.5], order=1)
    assert good.all()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("kernel", [bilinear, bicubic])
def test_interpolation_keeps_centres_and_planes(kernel):
    rows, cols = np.mgrid[0:40, 0:50].astype("float64")
    plane = 3 * cols - 2 * rows + 7
    x, y = RNG.uniform(4, 46, (9, 9)), RNG.uniform(4, 36, (9, 9))
    found, _ = kernel(plane, None, x, y)
    np.testing.assert_allclose(found, 3 * (x - 0.5) - 2 * (y - 0.5) + 7, atol=1e-9)
    centres, _ = kernel(VALUES, None, cols[5:30, 5:30] + 0.5, rows[5:30, 5:30] + 0.5)
    np.testing.assert_allclose(centres, VALUES[5:30, 5:30], atol=1e-9)
