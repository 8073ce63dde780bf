"""Compiled interpolation against its plain NumPy path: the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene import kernels
from ecumene.numerics.resample import bicubic, bilinear


@pytest.fixture(scope="module", autouse=True)
def loaded():
    kernels.load()


@pytest.mark.parametrize("method", [bilinear, bicubic])
@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from(["uint8", "int16", "float32", "float64"]),
    st.booleans(), st.sampled_from([None, 0.3, 1.0]),
)  # fmt: skip
def test_compiled_is_plain_bit_for_bit(method, seed, dtype, separable, hidden):
    """Positions at centres, between them, outside; NaN where it is not valid."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 20, 2)
    data = (rng.normal(size=size) * 50).clip(0).astype(dtype)
    valid = None if hidden is None else rng.random(size) >= hidden
    if valid is not None and data.dtype.kind == "f":
        data[~valid] = np.nan
    shape = (1, 9) if separable else (7, 9)
    x = rng.uniform(-3, size[1] + 3, shape)
    y = rng.uniform(-3, size[0] + 3, shape if not separable else (7, 1))
    x.reshape(-1)[:3] = np.floor(x.reshape(-1)[:3]) + 0.5
    left, top = rng.integers(-5, 5, 2).tolist()
    values, good = method(data, valid, x + left, y + top, left, top)
    kernels.unload()
    try:
        plain, also = method(data, valid, x + left, y + top, left, top)
    finally:
        kernels.load()
    assert values.shape == (7, 9)
    np.testing.assert_array_equal(good, also)
    np.testing.assert_array_equal(values[good], plain[good])
