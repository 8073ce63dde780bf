"""The next level of a pyramid against the same thing said pixel by pixel."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ecumene.numerics.pyramids import POLICIES, halved


def least_mode(values: list[Any]) -> Any:
    return min(statistics.multimode(values))


ONE: dict[str, Callable[[list[Any]], Any]] = {
    "MEAN": statistics.fmean, "MIN": min, "MAX": max, "MEDIAN": statistics.median, "MODE": least_mode,
}  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_four_pixels_become_one(policy: str, dtype: str) -> None:
    rng = np.random.default_rng(7)
    values = rng.integers(0 if dtype == "uint8" else -9, 9, (12, 16, 2)).astype(dtype)
    valid = rng.random(values.shape) < 0.6
    found, known = halved(values, valid, policy)
    assert found.shape == (6, 8, 2) and found.dtype == dtype
    for (i, j, k), value in np.ndenumerate(found):
        box = (slice(2 * i, 2 * i + 2), slice(2 * j, 2 * j + 2), k)
        four = [v.item() for v in values[box][valid[box]]]
        if policy == "SAMPLE":
            four = [values[2 * i, 2 * j, k].item()] if valid[2 * i, 2 * j, k] else []
        assert known[i, j, k] == bool(four)
        wanted = ONE.get(policy, lambda one: one[0])(four) if four else 0
        if np.dtype(dtype).kind != "f":
            wanted = round(wanted)
        assert value == pytest.approx(wanted)
