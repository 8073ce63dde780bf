"""Reducers as monoids: parts and order do not matter, and numpy agrees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ecumene.algorithms import load
from ecumene.core.errors import LimitExceeded
from ecumene.numerics.reducers import collected
from tests.calls import call, call_json

NUMPY: dict[str, Any] = {
    "Reducer.sum": np.sum,
    "Reducer.mean": np.mean,
    "Reducer.min": np.min,
    "Reducer.max": np.max,
    "Reducer.count": np.size,
    "Reducer.product": np.prod,
    "Reducer.variance": np.var,
    "Reducer.stdDev": np.std,
    "Reducer.sampleVariance": lambda v: np.var(v, ddof=1),
    "Reducer.sampleStdDev": lambda v: np.std(v, ddof=1),
    "Reducer.median": np.median,
    "Reducer.first": lambda v: v[0],
    "Reducer.last": lambda v: v[-1],
    "Reducer.allNonZero": lambda v: float(np.all(v)),
    "Reducer.anyNonZero": lambda v: float(np.any(v)),
    "Reducer.countDistinct": lambda v: np.unique(v).size,
    "Reducer.countDistinctNonNull": lambda v: np.unique(v).size,
}
NUMBERS = arrays(np.float64, st.integers(2, 30), elements=st.integers(-50, 50).map(float))


def finished(name: str, parts: list[np.ndarray]) -> Any:
    accumulator = call(name).accumulator
    states = [accumulator.add(accumulator.start(()), [part], [None]) for part in parts if part.size]
    total = states[0]
    for state in states[1:]:
        total = accumulator.merge(total, state)
    ((value, valid),) = accumulator.finish(total)
    assert valid is None or bool(np.all(valid))
    return value


@pytest.mark.parametrize("name", NUMPY)
@settings(max_examples=25, deadline=None)
@given(values=NUMBERS, cut=st.integers(0, 30), other=st.integers(0, 30))
def test_in_parts_as_at_once_and_as_numpy(
    name: str, values: np.ndarray, cut: int, other: int
) -> None:
    first, second = sorted((cut, other))
    parts = [values[:first], values[first:second], values[second:]]
    expected = NUMPY[name](values)
    assert finished(name, [values]) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert finished(name, parts) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", NUMPY)
@settings(max_examples=15, deadline=None)
@given(values=NUMBERS)
def test_per_pixel_as_for_each_alone(name: str, values: np.ndarray) -> None:
    """A stack of images: every pixel is a list of its own."""
    accumulator = call(name).accumulator
    stack = np.stack([values, values[::-1], np.roll(values, 1), values * 2], axis=1).reshape(
        -1, 2, 2
    )
    state = accumulator.add(accumulator.start((2, 2)), [stack], [None])
    ((found, _),) = accumulator.finish(state)
    for cell in np.ndindex(2, 2):
        expected = NUMPY[name](stack[(slice(None), *cell)])
        assert float(np.squeeze(np.asarray(found))[cell]) == pytest.approx(
            expected, rel=1e-9, abs=1e-9
        )


@settings(max_examples=30, deadline=None)
@given(values=NUMBERS, cut=st.integers(0, 30))
def test_frequencies_count_every_value(values: np.ndarray, cut: int) -> None:
    distinct, counts = np.unique(values, return_counts=True)
    expected = {str(int(v)): int(n) for v, n in zip(distinct, counts, strict=True)}
    assert finished("Reducer.frequencyHistogram", [values[:cut], values[cut:]]) == expected


def test_frequencies_by_weight() -> None:
    accumulator = call("Reducer.frequencyHistogram").accumulator
    values, weights = np.array([3.0, 3.0, 5.0, np.nan, 7.0]), np.array([0.5, 0.25, 1.0, 1.0, 0.0])
    state = accumulator.add(accumulator.start(()), [values], [weights])
    ((found, _),) = accumulator.finish(state)
    assert found == {"3": 0.75, "5": 1}


def test_frequencies_of_texts() -> None:
    found = call("List.reduce", ["a", "b", "a", None], call("Reducer.frequencyHistogram"))
    assert found == {"a": 2, "b": 1}


def test_samples_that_are_kept_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(collected, "MOST_BYTES", 100_000)
    accumulator = call("Reducer.toList").accumulator
    state = accumulator.start(())
    with pytest.raises(LimitExceeded, match="User memory limit exceeded"):
        for _ in range(64):
            state = accumulator.add(state, [np.zeros(1000)], [None])


@pytest.mark.parametrize(
    ("name", "rows", "arguments", "expected"),
    [
        ("firstNonNull", [None, 1, 2], (), 1),
        ("lastNonNull", [3, 1, None], (), 1),
        ("sensSlope", [[0, 1], [1, 3], [2, 5]], (), {"slope": 2, "offset": 1}),
    ],
)
def test_single_results_of_lists(name, rows, arguments, expected):
    assert call_json("List.reduce", rows, call(f"Reducer.{name}", *arguments)) == expected


ARGUMENTS = {"percentile": ([10, 90],), "intervalMean": (10, 90), "fixedHistogram": (0, 100, 5), "linearRegression": (2, 1),
             "ridgeRegression": (2, 1), "robustLinearRegression": (2, 1), "geometricMedian": (3,), "toCollection": (["a"],),
             "fixed2DHistogram": (0, 100, 2, 0, 100, 2)}  # fmt: skip
WRAPPERS = {
    "setOutputs": (["o"],),
    "unweighted": (),
    "forEachElement": (),
    "repeat": (2,),
    "group": (1, "g"),
}
OF_REDUCERS = {
    "combine",
    "forEach",
    "forEachBand",
    "splitWeights",
    "getOutputs",
    "disaggregate",
    *WRAPPERS,
}
SAME = {"and", "or"}
"""Other names of allNonZero and anyNonZero."""


def test_reducers_that_differ_are_told_apart():
    """Plans are kept by what identifies their nodes: two reducers alike would share one's answer."""
    plain = [
        call(entry.name, *ARGUMENTS.get(entry.name[8:], ()))
        for entry in load()
        if entry.name.startswith("Reducer.") and entry.implemented
        if entry.name[8:] not in OF_REDUCERS | SAME
    ]
    made = list(plain)
    for reducer in plain:
        for name, arguments in WRAPPERS.items():
            if name != "setOutputs" or len(reducer.output_names) == 1:
                made.append(call(f"Reducer.{name}", reducer, *arguments))
        made += [
            call("Reducer.combine", reducer, other, "z_", True)
            for other in plain[:4]
            if other.inputs == reducer.inputs
        ]
    assert len(made) > 300
    assert len({reducer.plan_token for reducer in made}) == len(made)
    again = [
        call(entry.name) for entry in load() if entry.name in ("Reducer.mean", "Reducer.median")
    ]
    assert {r.plan_token for r in again} <= {r.plan_token for r in plain}
