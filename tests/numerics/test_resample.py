"""Interpolation against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from ecumene.numerics.resample import bicubic, bilinear

RNG = np.random.default_rng(11)
VALUES = RNG.integers(0, 200, (40, 50)).astype("float64")


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
