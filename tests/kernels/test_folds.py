"""Compiled folds against their plain NumPy paths: the same values, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene import kernels
from ecumene.numerics import folds
from ecumene.numerics.layers import Layer

NAMES = [
    "Reducer.median", "Reducer.mean", "Reducer.sum", "Reducer.min", "Reducer.max",
    "Reducer.variance", "Reducer.stdDev", "Reducer.count", "Reducer.first", "Reducer.last",
]  # fmt: skip
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64"]
SHAPE = (3, 217)
"""More pixels than a strip, and not a multiple of it."""


def layers(rng: np.random.Generator, n: int, dtype: np.dtype[Any]) -> list[Layer]:
    """Images gathered from stored windows of their own size, some hidden by a value, some by a mask."""
    pixels = SHAPE[0] * SHAPE[1]
    out = []
    for _ in range(n):
        stored = rng.integers(-100 if dtype.kind != "u" else 0, 100, (9, 11)).astype(dtype)
        if dtype.kind == "f":
            stored = (stored / 7).astype(dtype)
            stored[rng.random(stored.shape) < 0.1] = np.nan
            stored[rng.random(stored.shape) < 0.1] = -0.0
            stored[rng.random(stored.shape) < 0.05] = np.inf
        index = rng.integers(0, stored.size, pixels).astype("int32") if rng.random() < 0.7 else None
        if index is None:
            stored = rng.choice(stored.reshape(-1), pixels)
        valid = rng.random(pixels) < 0.7 if rng.random() < 0.5 else None
        missing = float(stored.reshape(-1)[0]) if rng.random() < 0.5 and dtype.kind != "f" else None
        out.append(Layer(stored, index, valid, missing))
    return out


def finished(name: str, dtype: np.dtype[Any], given_layers: list[Layer]) -> tuple[Any, Any]:
    fold = folds.FOLDS[name](SHAPE, dtype, {})
    for layer in given_layers:
        fold.offer(Layer(layer.values, layer.index, layer.valid, layer.missing))
    return fold.finish()


@pytest.fixture(scope="module", autouse=True)
def loaded():
    kernels.load()


def same(left: tuple[Any, Any], right: tuple[Any, Any]) -> None:
    seen = [np.ones(SHAPE, bool) if mask is None else mask for _, mask in (left, right)]
    np.testing.assert_array_equal(*seen)
    a, b = (np.asarray(values)[seen[0]] for values, _ in (left, right))
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.sampled_from(DTYPES),
    st.one_of(st.integers(1, 30), st.sampled_from([149, 150, 151, 160])),
    st.integers(0, 2**32 - 1),
)
def test_compiled_is_plain(name, dtype, n, seed):
    offered = layers(np.random.default_rng(seed), n, np.dtype(dtype))
    compiled = finished(name, np.dtype(dtype), offered)
    held = dict(kernels._ready)
    kernels.unload()
    try:
        plain = finished(name, np.dtype(dtype), offered)
    finally:
        kernels._ready.update(held)
    same(compiled, plain)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(DTYPES[:7]), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_medians_are_numpys(dtype, n, seed):
    offered = layers(np.random.default_rng(seed), n, np.dtype(dtype))
    stack = np.ma.masked_all((n, SHAPE[0] * SHAPE[1]))
    for row, layer in zip(stack, offered, strict=True):
        values, valid = layer.gathered()
        row[:] = np.ma.array(values, mask=False if valid is None else ~valid)
    expected = np.ma.median(stack, axis=0).reshape(SHAPE)
    values, seen = finished("Reducer.median", np.dtype(dtype), offered)
    shown = np.ones(SHAPE, bool) if seen is None else seen
    np.testing.assert_array_equal(shown, ~np.ma.getmaskarray(expected))
    np.testing.assert_allclose(np.asarray(values)[shown], expected[shown].data, rtol=1e-15)


def test_types_may_differ_from_image_to_image():
    rng = np.random.default_rng(4)
    small, large = layers(rng, 3, np.dtype("uint8")), layers(rng, 3, np.dtype("int32"))
    found = finished("Reducer.max", np.dtype("int32"), [*small, *large])
    widened = [
        Layer(layer.values.astype("int32"), layer.index, layer.valid, layer.missing)
        for layer in small
    ]
    same(found, finished("Reducer.max", np.dtype("int32"), [*widened, *large]))
