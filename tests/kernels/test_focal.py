"""Compiled focal statistics against their plain NumPy paths, and parts against the whole: the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene import kernels
from ecumene.numerics import focal

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64"]
OPS = ["mean", "convolve", "sum", "count", "variance", "min", "max", "median", "percentile", "mode"]


def disc(radius: float) -> np.ndarray:
    side = np.arange(-int(radius), int(radius) + 1)
    return (np.add.outer(side**2, side**2) <= radius * radius).astype("float64")


GAUSS = np.exp(-np.add.outer(np.arange(-4, 5) ** 2, np.arange(-4, 5) ** 2) / 8.0)
WEIGHTS: dict[str, np.ndarray] = {
    "cell": np.ones((1, 1)),
    "row": np.ones((1, 9)),
    "disc": disc(3),
    "shares": disc(5) / 81,
    "rectangle": np.full((5, 7), 1 / 35),
    "diagonal": np.eye(5),
    "gaps": np.array([[1.0, 0, 1], [1, 1, 1], [0, 0, 1]]),
    "uneven": np.array([[1.0, 2, 0.5], [0, 4, 1], [3, 0, 1]]),
    "bell": GAUSS / GAUSS.sum(),
    "edges": np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "many cells": disc(8),
}
SHAPES = [(1, 1), (1, 40), (23, 17), (9, 300), (5, 530)]
"""Smaller than the kernel, one row, longer than the strip of a network, than the columns worked on together."""

Window = tuple[np.ndarray, np.ndarray | None, np.ndarray]


@pytest.fixture(scope="module", autouse=True)
def loaded():
    kernels.load()


@st.composite
def windows(draw) -> Window:
    """Padded values with NaN, infinities and zeros of both signs; holes; weights."""
    weights = WEIGHTS[draw(st.sampled_from(sorted(WEIGHTS)))]
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from(SHAPES))
    padded = shape[0] + weights.shape[0] - 1, shape[1] + weights.shape[1] - 1
    if dtype.kind == "f":
        values = (rng.normal(size=padded) * 10.0 ** rng.integers(-3, 4, padded)).astype(dtype)
        for value, share in ((np.nan, 0.05), (np.inf, 0.01), (-0.0, 0.1), (0.0, 0.1)):
            values[rng.random(padded) < share * draw(st.integers(0, 1))] = value
    else:
        info = np.iinfo(dtype)
        reach = 6 if draw(st.booleans()) else min(info.max, 2**40)
        values = rng.integers(max(info.min, -reach), reach, padded, dtype="int64").astype(dtype)
    share = draw(st.sampled_from([None, 0.0, 0.1, 0.8, 1.0]))
    valid = None if share is None else rng.random(padded) >= share
    return values, valid, weights


def inner(values: np.ndarray, weights: np.ndarray) -> tuple[int, int]:
    return values.shape[0] - weights.shape[0] + 1, values.shape[1] - weights.shape[1] + 1


def computed(op: str, values: Any, valid: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    shape = inner(values, weights)
    params = (90.0,) if op == "percentile" else ()
    with np.errstate(all="ignore"):
        found, good = focal.STATISTICS[op](values, valid, weights, shape, *params)
    assert found.shape == shape
    return found, np.ones(shape, bool) if good is None else good


def same(left: tuple[np.ndarray, np.ndarray], right: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_array_equal(left[1], right[1])
    assert left[0].dtype == right[0].dtype
    np.testing.assert_array_equal(left[0][left[1]], right[0][right[1]])


@pytest.mark.parametrize("op", OPS)
@settings(max_examples=40, deadline=None)
@given(windows())
def test_compiled_is_plain_bit_for_bit(op: str, window: Window) -> None:
    compiled = computed(op, *window)
    kernels.unload()
    try:
        plain = computed(op, *window)
    finally:
        kernels.load()
    same(compiled, plain)


@pytest.mark.parametrize("op", OPS)
@settings(max_examples=40, deadline=None)
@given(windows(), st.data())
def test_a_part_is_a_part_of_the_whole_bit_for_bit(op: str, window: Window, data) -> None:
    values, valid, weights = window
    height, width = inner(values, weights)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    down, across = data.draw(st.integers(1, height - top)), data.draw(st.integers(1, width - left))
    padded = np.s_[
        top : top + down + weights.shape[0] - 1, left : left + across + weights.shape[1] - 1
    ]
    whole = computed(op, values, valid, weights)
    part = computed(op, values[padded], None if valid is None else valid[padded], weights)
    place = np.s_[top : top + down, left : left + across]
    same(part, (whole[0][place], whole[1][place]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["int32", "uint16"]), st.booleans())
def test_sums_of_integers_are_exact(seed: int, dtype: str, masked: bool) -> None:
    rng = np.random.default_rng(seed)
    weights = disc(6)
    info = np.iinfo(dtype)
    values = rng.integers(info.min, info.max, (30, 90), dtype=dtype, endpoint=True)
    valid = rng.random(values.shape) > 0.3 if masked else None
    found, _ = computed("sum", values, valid, weights)
    filled = values.astype(object) if valid is None else np.where(valid, values, 0).astype(object)
    expected = np.zeros(found.shape, object)
    for row, col in np.argwhere(weights).tolist():
        expected += filled[row : row + found.shape[0], col : col + found.shape[1]]
    assert (found == expected).all()
