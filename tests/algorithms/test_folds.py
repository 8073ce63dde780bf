"""Collections reduced to one image: every fold against numpy with masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.algorithms.scenes import collection, image, read
from tests.calls import call

H, W = 10, 12


def stack(seed: int, count: int, dtype: str, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Values ``(n, h, w)`` with many equal ones, and which are valid."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 9, (count, H, W)).astype(dtype)
    if np.dtype(dtype).kind == "f":
        values = values / 4 - 1
    return values.astype(dtype), rng.random((count, H, W)) >= share


def mode(v: np.ndarray) -> Any:
    distinct, counts = np.unique(v, return_counts=True)
    return distinct[counts == counts.max()].min()


FOLDS: dict[str, Any] = {
    "reduce.median": np.median,
    "reduce.mean": lambda v: v.astype("float64").mean(),
    "reduce.min": np.min,
    "reduce.max": np.max,
    "reduce.sum": lambda v: v.astype("float64").sum(),
    "reduce.count": np.size,
    "reduce.product": lambda v: v.astype("float64").prod(),
    "reduce.mode": mode,
    "reduce.and": lambda v: float(np.all(v)),
    "reduce.or": lambda v: float(np.any(v)),
}
REDUCERS: dict[str, Any] = {
    "Reducer.first": lambda v: v[0],
    "Reducer.last": lambda v: v[-1],
    "Reducer.stdDev": lambda v: v.astype("float64").std(),
    "Reducer.variance": lambda v: v.astype("float64").var(),
    "Reducer.sampleVariance": lambda v: v.astype("float64").var(ddof=1) if v.size > 1 else None,
    "Reducer.countDistinct": lambda v: np.unique(v).size,
}


def compare(found: Any, values: np.ndarray, valid: np.ndarray, rule: Any, *, always: bool) -> None:
    got, good = found
    for row, col in np.ndindex(H, W):
        here = values[valid[:, row, col], row, col]
        if here.size == 0:
            assert not good[row, col] or (always and got[row, col] == 0)
            continue
        expected = rule(here)
        if expected is None:
            continue
        assert good[row, col]
        assert float(got[row, col]) == pytest.approx(float(expected), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", FOLDS)
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    count=st.sampled_from([1, 2, 3, 4, 5, 8, 13]),
    dtype=st.sampled_from(["uint8", "int16", "uint16", "int32", "float32", "float64"]),
    share=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_folds(name: str, seed: int, count: int, dtype: str, share: float) -> None:
    values, valid = stack(seed, count, dtype, share)
    scenes = collection([image({"v": v}, m) for v, m in zip(values, valid, strict=True)])
    (found,) = read(call(name, scenes)).values()
    compare(found, values, valid, FOLDS[name], always=name == "reduce.count")


@pytest.mark.parametrize("name", REDUCERS)
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_reducers(name: str, dtype: str) -> None:
    values, valid = stack(7, 6, dtype, 0.4)
    scenes = collection([image({"v": v}, m) for v, m in zip(values, valid, strict=True)])
    (found,) = read(call("ImageCollection.reduce", scenes, call(name))).values()
    compare(found, values, valid, REDUCERS[name], always=name == "Reducer.countDistinct")


def test_a_mosaic_shows_the_last_valid_image() -> None:
    values, valid = stack(3, 5, "uint16", 0.5)
    scenes = collection([image({"v": v}, m) for v, m in zip(values, valid, strict=True)])
    (found,) = read(call("ImageCollection.mosaic", scenes)).values()
    compare(found, values, valid, lambda v: v[-1], always=False)


def test_a_quality_mosaic_shows_the_best_image() -> None:
    values, valid = stack(4, 5, "uint16", 0.3)
    score, _ = stack(5, 5, "float32", 0)
    score += np.arange(5, dtype="float32")[:, None, None] / 64  # no ties
    scenes = collection(
        [image({"v": v, "q": q}, m) for v, q, m in zip(values, score, valid, strict=True)]
    )
    found = read(call("ImageCollection.qualityMosaic", scenes, "q"))
    for row, col in np.ndindex(H, W):
        chosen = valid[:, row, col]
        assert found["v"][1][row, col] == chosen.any()
        if chosen.any():
            best = np.argmax(np.where(chosen, score[:, row, col], -np.inf))
            assert found["v"][0][row, col] == values[best, row, col]


def test_integers_keep_their_type_where_the_rule_allows() -> None:
    values, valid = stack(1, 3, "uint16", 0)
    scenes = collection([image({"v": v}) for v in values])
    kinds = {
        name: call(name, scenes).bands[0].type
        for name in ("reduce.min", "reduce.max", "reduce.mode", "reduce.count", "reduce.median")
    }
    assert {n: k.precision for n, k in kinds.items()} == {
        "reduce.min": "int", "reduce.max": "int", "reduce.mode": "int", "reduce.count": "int",
        "reduce.median": "double",
    }  # fmt: skip
    assert (kinds["reduce.min"].min, kinds["reduce.min"].max) == (0, 65535)


def test_a_composite_of_nothing_has_no_bands() -> None:
    assert call("reduce.median", collection([])).bands == ()
