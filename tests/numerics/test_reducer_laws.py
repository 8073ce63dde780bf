"""Every reducer as a monoid, and against NumPy, SciPy and scikit-learn; what they make of nothing, null and one value."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats
import sklearn.linear_model
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.algorithms import load
from ecumene.core.array import Array
from ecumene.core.errors import EcumeneError, EvaluationError
from tests.calls import call, call_json
from tests.numerics.test_reducers import NUMPY

Columns = list[np.ndarray]


def regression(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> list[Any]:
    root = np.sqrt(w)[:, None]
    beta = np.linalg.lstsq(x * root, y * root, rcond=None)[0]
    return [beta, np.sqrt((((y - x @ beta) ** 2) * w[:, None]).sum(axis=0) / w.sum())]


def ridge(a: np.ndarray, b: np.ndarray, y: np.ndarray, w: np.ndarray) -> list[Any]:
    x = np.column_stack([a, b])
    model = sklearn.linear_model.Ridge(alpha=0.1).fit(x, y, sample_weight=w)
    rest = (w * (y - model.predict(x)) ** 2).sum()
    n = w.sum()
    total = (w * (y - np.average(y, weights=w)) ** 2).sum()
    p = scipy.stats.f.sf((total - rest) / 2 / (rest / (n - 3)), 2, n - 3)
    return [
        np.array([[*model.coef_, model.intercept_]]).T,
        np.array([math.sqrt(rest / n)]),
        np.array([p]),
    ]


def repeated(statistic: Callable[..., Any]) -> Callable[..., Any]:
    """A statistic of whole weights: every value as often as it weighs."""
    return lambda v, w: [statistic(np.repeat(v, w.astype(int)))]


def table(v: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.column_stack([edges[:-1], np.histogram(v, edges)[0]])


CIRCLE = {"high": math.pi, "low": -math.pi}
# name: (arguments, inputs, what it should be)
PLAIN: dict[str, tuple[tuple, int, Callable[..., list[Any]]]] = {
    **{name[8:]: ((), 1, lambda v, f=f: [f(v)]) for name, f in NUMPY.items()},
    "and": ((), 1, lambda v: [float(np.all(v))]),
    "or": ((), 1, lambda v: [float(np.any(v))]),
    "skew": ((), 1, lambda v: [scipy.stats.skew(v)]),
    "kurtosis": ((), 1, lambda v: [scipy.stats.kurtosis(v)]),
    "minMax": ((), 1, lambda v: [v.min(), v.max()]),
    "bitwiseAnd": ((), 1, lambda v: [np.bitwise_and.reduce(v.astype(int))]),
    "bitwiseOr": ((), 1, lambda v: [np.bitwise_or.reduce(v.astype(int))]),
    "circularMean": ((), 1, lambda v: [scipy.stats.circmean(v, **CIRCLE)]),
    "circularVariance": ((), 1, lambda v: [scipy.stats.circvar(v, **CIRCLE)]),
    "circularStddev": ((), 1, lambda v: [scipy.stats.circstd(v, **CIRCLE)]),
    "countEvery": ((), 1, lambda v: [v.size]),
    "countRuns": ((), 1, lambda v: [sum(1 for _ in itertools.groupby(v))]),
    "firstNonNull": ((), 1, lambda v: [v[0]]),
    "lastNonNull": ((), 1, lambda v: [v[-1]]),
    "mode": ((), 1, lambda v: [scipy.stats.mode(v).mode]),
    "percentile": (([0, 12.5, 50, 100],), 1, lambda v: [np.percentile(v, p) for p in (0, 12.5, 50, 100)]),
    "intervalMean": ((20, 70), 1, lambda v: [v[(v >= np.percentile(v, 20)) & (v <= np.percentile(v, 70))].mean()]),
    "frequencyHistogram": ((), 1, lambda v: [{str(int(k)): int((v == k).sum()) for k in np.unique(v)}]),
    "toList": ((), 1, lambda v: [v.tolist()]),
    "fixedHistogram": ((-50, 50, 7), 1, lambda v: [table(v[v < 50], np.linspace(-50, 50, 8))]),
    "fixed2DHistogram": ((-50, 50, 4, -50, 50, 3), 2, lambda x, y: [
        np.histogram2d(x[(x < 50) & (y < 50)], y[(x < 50) & (y < 50)], [np.linspace(-50, 50, 5), np.linspace(-50, 50, 4)])[0],
        np.linspace(-50, 50, 5)[:-1], np.linspace(-50, 50, 4)[:-1]]),
    "max@2": ((2,), 2, lambda x, y: [x.max(), y[x.argmax()]]),
    "min@3": ((3,), 3, lambda x, y, z: [x.min(), y[x.argmin()], z[x.argmin()]]),
    "toList@2": ((2,), 2, lambda x, y: [[list(row) for row in zip(x.tolist(), y.tolist(), strict=True)]]),
    "linearFit": ((), 2, lambda x, y: list(np.polyfit(x, y, 1))),
    "pearsonsCorrelation": ((), 2, lambda x, y: list(scipy.stats.pearsonr(x, y))),
    "spearmansCorrelation": ((), 2, lambda x, y: list(scipy.stats.spearmanr(x, y))),
    "kendallsCorrelation": ((), 1, lambda v: list(scipy.stats.kendalltau(np.arange(v.size), v))),
    "kendallsCorrelation@2": ((2,), 2, lambda x, y: list(scipy.stats.kendalltau(x, y))),
    "sensSlope": ((), 2, lambda x, y: [
        scipy.stats.theilslopes(y, x)[0], np.median(y - scipy.stats.theilslopes(y, x)[0] * x)]),
    "linearRegression": ((2, 1), 3, lambda a, b, y: regression(np.column_stack([a, b]), y[:, None], np.ones(y.size))),
    "linearRegression@1,2": ((1, 2), 3, lambda x, a, b: regression(x[:, None], np.column_stack([a, b]), np.ones(x.size))),
    "ridgeRegression": ((2, 1), 3, lambda a, b, y: ridge(a, b, y, np.ones(y.size))),
    "robustLinearRegression": ((2, 1, 1e9), 3, lambda a, b, y: regression(np.column_stack([a, b]), y[:, None], np.ones(y.size))),
}  # fmt: skip
WEIGHTED: dict[str, tuple[tuple, int, Callable[..., list[Any]]]] = {
    "mean": ((), 1, lambda v, w: [np.average(v, weights=w)]),
    "sum": ((), 1, lambda v, w: [(v * w).sum()]),
    "variance": ((), 1, repeated(np.var)),
    "stdDev": ((), 1, repeated(np.std)),
    "sampleVariance": ((), 1, repeated(lambda v: np.var(v, ddof=1))),
    "sampleStdDev": ((), 1, repeated(lambda v: np.std(v, ddof=1))),
    "skew": ((), 1, repeated(scipy.stats.skew)),
    "kurtosis": ((), 1, repeated(scipy.stats.kurtosis)),
    "circularMean": ((), 1, repeated(lambda v: scipy.stats.circmean(v, **CIRCLE))),
    "circularVariance": ((), 1, repeated(lambda v: scipy.stats.circvar(v, **CIRCLE))),
    "circularStddev": ((), 1, repeated(lambda v: scipy.stats.circstd(v, **CIRCLE))),
    "mode": ((), 1, repeated(lambda v: scipy.stats.mode(v).mode)),
    "frequencyHistogram": ((), 1, repeated(lambda v: {str(int(k)): int((v == k).sum()) for k in np.unique(v)})),
    "fixedHistogram": ((-50, 50, 7), 1, repeated(lambda v: table(v[v < 50], np.linspace(-50, 50, 8)))),
    "linearFit": ((), 2, lambda x, y, w: list(np.polyfit(x, y, 1, w=np.sqrt(w)))),
    "linearRegression": ((2, 1), 3, lambda a, b, y, w: regression(np.column_stack([a, b]), y[:, None], w)),
    "ridgeRegression": ((2, 1), 3, ridge),
}  # fmt: skip
ELSEWHERE = {
    "histogram", "autoHistogram", "histogramCombiner", "covariance", "centeredCovariance", "geometricMedian", "toCollection",
    "combine", "repeat", "group", "forEach", "forEachBand", "forEachElement", "unweighted", "splitWeights", "setOutputs",
    "getOutputs", "disaggregate",
}  # fmt: skip


def test_every_reducer_has_its_truth() -> None:
    names = {entry.name[8:] for entry in load() if entry.name.startswith("Reducer.")}
    assert len(names) == 64
    assert names == {name.partition("@")[0] for name in PLAIN} | ELSEWHERE


def reduced(reducer: Any, parts: list[tuple[Columns, Any]], left: bool = True) -> list[Any]:
    """Outputs of parts (columns and weights) merged from the left, or from the right."""
    accumulator = reducer.accumulator
    states = [accumulator.start(())] + [
        accumulator.add(accumulator.start(()), columns, [weight] * len(columns))
        for columns, weight in parts
        if columns[0].size
    ]
    while len(states) > 1:
        k = 0 if left else len(states) - 2
        states[k : k + 2] = [accumulator.merge(states[k], states[k + 1])]
    return [
        value if valid is None or bool(np.all(valid)) else None
        for value, valid in accumulator.finish(states[0])
    ]


def same(found: list[Any], expected: list[Any], abs_: float = 1e-9) -> None:
    assert len(found) == len(expected)
    for value, truth in zip(found, expected, strict=True):
        if (
            isinstance(truth, dict)
            or isinstance(truth, list)
            and truth
            and isinstance(truth[0], list)
        ):
            assert value == truth
        elif value is None:
            assert np.isnan(np.asarray(truth, float)).all()
        else:
            np.testing.assert_allclose(
                np.asarray(value, float), np.asarray(truth, float), rtol=1e-6, atol=abs_
            )


@st.composite
def samples(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """A seed, a number of samples and two places to cut."""
    count = draw(st.integers(6, 24))
    return (
        draw(st.integers(0, 10**6)),
        count,
        draw(st.integers(0, count)),
        draw(st.integers(0, count)),
    )


def columns_of(name: str, seed: int, count: int, inputs: int) -> Columns:
    source = np.random.default_rng(seed)
    values = source.integers(-50, 51, (inputs, count)).astype(float)
    if name.startswith("circular"):
        values /= 10
    if name.startswith(("max@", "min@")):
        values[0] = source.permutation(count)
    return list(values)


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=8, deadline=None)
@given(chosen=samples())
def test_parts_make_the_whole_as_libraries_have_it(name: str, chosen: tuple) -> None:
    seed, count, *cuts = chosen
    arguments, inputs, truth = PLAIN[name]
    reducer = call(f"Reducer.{name.partition('@')[0]}", *arguments)
    assert reducer.inputs == inputs
    columns = columns_of(name, seed, count, inputs)
    a, b = sorted(cuts)
    pieces = [([c[s] for c in columns], None) for s in (slice(0, a), slice(a, b), slice(b, None))]
    expected = truth(*columns)
    for parts in ([(columns, None)], pieces):
        for left in (True, False):
            same(reduced(reducer, parts, left), expected)


@pytest.mark.parametrize("name", WEIGHTED)
@settings(max_examples=8, deadline=None)
@given(chosen=samples())
def test_weights_count_as_libraries_count_them(name: str, chosen: tuple) -> None:
    seed, count, *cuts = chosen
    arguments, inputs, truth = WEIGHTED[name]
    reducer = call(f"Reducer.{name}", *arguments)
    assert all(reducer.input_weighted)
    columns = columns_of(name, seed, count, inputs)
    weights = np.random.default_rng(seed).integers(1, 4, count).astype(float)
    a, b = sorted(cuts)
    pieces = [
        ([c[s] for c in columns], weights[s]) for s in (slice(0, a), slice(a, b), slice(b, None))
    ]
    for left in (True, False):
        same(reduced(reducer, pieces, left), truth(*columns, weights))
    plain = reduced(call("Reducer.unweighted", reducer), pieces)
    same(plain, reduced(reducer, [(columns, None)]))
    weighed = [c for column in columns for c in (column, weights)]
    same(
        reduced(call("Reducer.splitWeights", reducer), [(weighed, None)]), truth(*columns, weights)
    )


OF_NULLS = {"countEvery", "first", "last", "countDistinct"}
"""Reducers that take nulls for samples."""


@pytest.mark.parametrize("name", sorted({name for name in PLAIN if "@" not in name} - OF_NULLS))
def test_null_samples_count_for_nothing(name: str) -> None:
    """Wherever one input is null the sample is left out, by nearly all."""
    arguments, inputs, _ = PLAIN[name]
    reducer = call(f"Reducer.{name}", *arguments)
    rows = [
        [float(v) for v in row] for row in np.random.default_rng(5).integers(-9, 9, (9, inputs))
    ]
    gaps = [list(row) for row in rows]
    for k, place in ((2, 0), (5, inputs - 1), (9, 0)):
        gaps.insert(k, [None if i == place else 1.0 for i in range(inputs)])
    flat = (lambda r: [row[0] for row in r]) if inputs == 1 else (lambda r: r)
    assert call_json("List.reduce", flat(gaps), reducer) == call_json(
        "List.reduce", flat(rows), reducer
    )


def tidy(value: Any) -> Any:
    """Numbers to nine decimals, wherever they stand."""
    if isinstance(value, float):
        return round(value, 9) + 0.0
    if isinstance(value, list):
        return [tidy(item) for item in value]
    return {key: tidy(item) for key, item in value.items()} if isinstance(value, dict) else value


NOTHING = {
    "count": 0, "countEvery": 0, "countDistinct": 0, "countDistinctNonNull": 0, "countRuns": 0, "sum": 0, "toList": [],
    "frequencyHistogram": {}, "fixedHistogram": [[-50 + 100 * k / 7, 0] for k in range(7)],
    "fixed2DHistogram": {"histogram": [[0] * 3] * 4, "xAxis": [-50, -25, 0, 25], "yAxis": [-50, -50 + 100 / 3, -50 + 200 / 3]},
}  # fmt: skip
"""What there is where there was nothing; all others answer null."""


@pytest.mark.parametrize("name", sorted({name for name in PLAIN if "@" not in name}))
def test_of_nothing(name: str) -> None:
    reducer = call(f"Reducer.{name}", *PLAIN[name][0])
    names = reducer.output_names
    nothing = NOTHING.get(name, None if len(names) == 1 else dict.fromkeys(names))
    found = call_json("List.reduce", [], reducer)
    assert tidy(found) == tidy(nothing)


ONE = [
    ("mean", 5), ("median", 5), ("mode", 5), ("sum", 5), ("product", 5), ("min", 5), ("max", 5), ("first", 5), ("last", 5),
    ("variance", 0), ("stdDev", 0), ("sampleVariance", None), ("sampleStdDev", None), ("skew", None), ("kurtosis", None),
    ("circularVariance", 0), ("count", 1), ("countRuns", 1), ("allNonZero", 1), ("anyNonZero", 1), ("bitwiseAnd", 5),
    ("bitwiseOr", 5), ("minMax", {"min": 5, "max": 5}), ("kendallsCorrelation", {"tau": None, "p-value": None}),
    ("histogram", {"bucketMeans": [5], "bucketMin": 5, "bucketWidth": 1, "histogram": [1]}), ("autoHistogram", [[5, 1]]),
    ("toList", [5]), ("frequencyHistogram", {"5": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), ONE, ids=[name for name, _ in ONE])
def test_of_one_value(name: str, expected: Any) -> None:
    assert call_json("List.reduce", [5], call(f"Reducer.{name}")) == expected


OUTPUTS = [
    ("count", (), ["count"]), ("countEvery", (), ["count"]), ("countDistinct", (), ["count"]), ("countRuns", (), ["count"]),
    ("allNonZero", (), ["all"]), ("anyNonZero", (), ["any"]), ("and", (), ["all"]), ("or", (), ["any"]),
    ("firstNonNull", (), ["first"]), ("lastNonNull", (), ["last"]), ("sampleStdDev", (), ["stdDev"]),
    ("sampleVariance", (), ["variance"]), ("circularMean", (), ["circularMean"]), ("circularStddev", (), ["circularStdDev"]),
    ("circularVariance", (), ["circularVariance"]), ("minMax", (), ["min", "max"]), ("max", (3,), ["max", "max1", "max2"]),
    ("linearFit", (), ["scale", "offset"]), ("linearRegression", (1, 1), ["coefficients", "residuals"]),
    ("robustLinearRegression", (1, 1), ["coefficients", "residuals"]),
    ("ridgeRegression", (1, 1), ["coefficients", "residuals", "pValue"]), ("percentile", ([0, 50, 100],), ["p0", "p50", "p100"]),
    ("percentile", ([5, 95], ["low", "high"]), ["low", "high"]), ("frequencyHistogram", (), ["histogram"]),
    ("histogram", (), ["histogram"]), ("autoHistogram", (), ["histogram"]), ("fixedHistogram", (0, 1, 2), ["histogram"]),
    ("fixed2DHistogram", (0, 1, 2, 0, 1, 2), ["histogram", "xAxis", "yAxis"]), ("toList", (), ["list"]),
    ("toCollection", (["a"],), ["features"]), ("covariance", (), ["covariance"]), ("bitwiseAnd", (), ["bitwiseAnd"]),
    ("bitwiseOr", (), ["bitwiseOr"]), ("product", (), ["product"]), ("intervalMean", (10, 90), ["mean"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "names"), OUTPUTS)
def test_outputs_are_named_as_documented(name: str, arguments: tuple, names: list) -> None:
    assert call_json("Reducer.getOutputs", call(f"Reducer.{name}", *arguments)) == names


def R(name: str, *arguments: Any) -> Any:  # noqa: N802 - reads like the client
    return call(f"Reducer.{name}", *arguments)


MADE = [
    ("combine-shared", lambda: R("combine", R("mean"), R("minMax"), "", True), [1, 2, 6], {"mean": 3, "min": 1, "max": 6}),
    ("combine-apart", lambda: R("combine", R("mean"), R("max"), "b_"), [[1, 5], [3, 7]], {"mean": 2, "b_max": 7}),
    ("repeat", lambda: R("repeat", R("minMax"), 2), [[1, 5], [3, 7]], {"min": [1, 5], "max": [3, 7]}),
    ("repeat-nothing", lambda: R("repeat", R("mean"), 2), [], [None, None]),
    ("group", lambda: R("group", R("sum"), 1, "k"), [[1, "b"], [2, "a"], [3, "b"], [4, None]], [{"k": "a", "sum": 2}, {"k": "b", "sum": 4}]),
    ("group-first", lambda: R("group", R("minMax")), [[2, 5], [1, 6], [2, 7]],
     [{"group": 1, "max": 6, "min": 6}, {"group": 2, "max": 7, "min": 5}]),
    ("group-twice", lambda: R("group", R("group", R("count"), 1, "b"), 2, "a"), [[1, "x", "p"], [1, "y", "p"], [1, "x", "q"]],
     [{"a": "p", "groups": [{"b": "x", "count": 1}, {"b": "y", "count": 1}]}, {"a": "q", "groups": [{"b": "x", "count": 1}]}]),
    ("group-nothing", lambda: R("group", R("sum")), [], []),
    ("forEach", lambda: R("forEach", R("mean"), ["a", "b"]), [[1, 5], [3, 7]], {"a": 2, "b": 6}),
    ("forEach-several", lambda: R("forEach", R("minMax"), ["a", "b"]), [[1, 5], [3, 7]], {"a_min": 1, "a_max": 3, "b_min": 5, "b_max": 7}),
    ("forEachElement", lambda: R("forEachElement", R("max")), [[1, 8], [3, 4]], [3, 8]),
    ("setOutputs", lambda: R("setOutputs", R("minMax"), ["low", "high"]), [1, 2], {"low": 1, "high": 2}),
    ("setOutputs-null", lambda: R("setOutputs", R("minMax"), [None, "high"]), [1, 2], 2),
    ("setOutputs-empty", lambda: R("setOutputs", R("minMax"), ["low", ""]), [1, 2], 1),
    ("splitWeights-mixed", lambda: R("splitWeights", R("combine", R("mean"), R("count"))), [[1, 1, 7], [5, 3, None]], {"mean": 4, "count": 1}),
    ("disaggregate", lambda: R("disaggregate", R("sum")), [[1, 2], 3, {"a": 4, "b": None}], 10),
    ("disaggregate-text", lambda: R("disaggregate", R("frequencyHistogram")), ["a", ["a", "b"]], {"a": 2, "b": 1}),
    ("disaggregate-array", lambda: R("disaggregate", R("toList")), [Array.of([[1, 2], [3, 4]])], [1, 2, 3, 4]),
    ("disaggregate-axis-0", lambda: R("disaggregate", R("toList"), 0), [Array.of([[1, 2], [3, 4]])], [[1, 2], [3, 4]]),
    ("disaggregate-axis-1", lambda: R("disaggregate", R("toList"), 1), [Array.of([[1, 2], [3, 4]])], [[1, 3], [2, 4]]),
    ("disaggregate-pairs", lambda: R("disaggregate", R("linearFit")), [[[0, 1, 2], [1, 3, 5]]], {"scale": 2, "offset": 1}),
    ("toList-optional", lambda: R("toList", 2, 1), [[1, None], [None, 2], [3, 4]], [[1, None], [3, 4]]),
    ("toList-required", lambda: R("toList", 2), [[1, None], [None, 2], [3, 4]], [[3, 4]]),
    ("companions-present", lambda: R("max", 2), [[1, 7], [9, None]], {"max": 1, "max1": 7}),
    ("countDistinct-null", lambda: R("countDistinct"), [1, 1.0, "1", None, None], 3),
    ("countDistinctNonNull", lambda: R("countDistinctNonNull"), [1, 1.0, "1", None, None], 2),
    ("histogram-powers", lambda: R("histogram", 3), [1, 2, 3, 8], {"bucketMin": 0, "bucketWidth": 4, "bucketMeans": [2, 6, 8], "histogram": [3, 0, 1]}),
    ("histogram-width", lambda: R("histogram", None, 4), [1, 2, 3, 8], {"bucketMin": 0, "bucketWidth": 4, "bucketMeans": [2, 6, 8], "histogram": [3, 0, 1]}),
    ("autoHistogram-cumulative", lambda: R("autoHistogram", 4, None, None, True), [0.5, 2, 3, 8], [[0, 3], [4, 3], [8, 4]]),
    ("underdetermined", lambda: R("linearRegression", 2), [[1, 2, 3], [1, 4, 5]], {"coefficients": None, "residuals": None}),
    ("centered", lambda: R("centeredCovariance"), [[-1, 0], [1, 4]], [[1, 2], [2, 8]]),
    ("covariance", lambda: R("covariance"), [[-1, 0], [1, 4]], [[2, 4], [4, 8]]),
    ("outlier", lambda: R("robustLinearRegression", 1), [[k, 99 if k == 3 else 2 * k] for k in range(1, 9)],
     {"coefficients": [[2]], "residuals": [0]}),
    ("margin", lambda: R("robustLinearRegression", 1, 1, 50), [[k, 99 if k == 3 else 2 * k] for k in range(1, 9)],
     {"coefficients": [[2]], "residuals": [0]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "items", "expected"), [m[1:] for m in MADE], ids=[m[0] for m in MADE]
)
def test_reducers_made_of_reducers(make: Callable[[], Any], items: list, expected: Any) -> None:
    assert tidy(call_json("List.reduce", items, make())) == expected


REFUSED = [
    (lambda: R("combine", R("mean"), R("mean"), "", True), "not unique"),
    (lambda: R("combine", R("mean"), R("linearFit"), "", True), "same number of inputs"),
    (lambda: R("setOutputs", R("minMax"), ["a"]), "Expected 2 output names, got 1"),
    (lambda: R("setOutputs", R("minMax"), ["a", "a"]), "not unique"),
    (lambda: R("toList", 0), "'tupleSize' must be between 1"),
    (lambda: R("toList", 2, 3), "'numOptional' must be between 0 and 2, got 3"),
    (lambda: R("toCollection", ["a", "a"]), "unique"),
    (lambda: R("toCollection", []), "Names must be given"),
    (lambda: R("forEach", R("mean"), ["a", "a"]), "unique"),
    (lambda: R("linearRegression", 0), "'numX' must be between 1"),
    (lambda: R("linearRegression", 1, 0), "'numY' must be between 1"),
    (lambda: R("geometricMedian", -1), "'numX' must be between 1"),
    (lambda: R("max", 0), "'numInputs' must be between 1"),
    (lambda: R("kendallsCorrelation", 3), "'numInputs' must be 1 or 2"),
    (lambda: R("repeat", R("repeat", R("mean"), 9_999), 9_999), "at most 10000 inputs"),
    (lambda: R("group", R("mean"), 2), "'groupField' must be between 0 and 1, got 2"),
    (lambda: R("percentile", []), "At least one percentile"),
    (lambda: R("percentile", [101]), "between 0 and 100"),
    (lambda: R("percentile", [1], ["a", "b"]), "as many output names"),
    (lambda: R("intervalMean", 60, 50), "in order"),
    (lambda: R("fixedHistogram", 5, 0, 3), "maximum above the minimum"),
    (lambda: R("histogram", 0), "'maxBuckets' must be positive, got 0"),
    (lambda: call("List.reduce", [1, 2], R("linearFit")), "must be a list of 2 values"),
    (lambda: call("List.reduce", [1, "x"], R("mean")), "Reducer.mean: Invalid type.\nExpected type: Number.\nActual type: String.\nActual value: x"),
    (lambda: call("List.reduce", [[1], [2]], R("sum")), "Actual type: List."),
    (lambda: call("List.reduce", [[1, 2], [3]], R("forEachElement", R("sum"))), "same shape"),
    (lambda: call("List.reduce", [[[1, 2], [3]]], R("disaggregate", R("linearFit"))), "same number of items"),
    (lambda: call("List.reduce", [Array.of([1])], R("disaggregate", R("sum"), 1)), "Axis 1 is out of range"),
]  # fmt: skip


@pytest.mark.parametrize(("attempt", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_what_is_refused(attempt: Callable[[], Any], words: str) -> None:
    with pytest.raises(EcumeneError) as found:
        attempt()
    assert words in found.value.message


def test_combining_with_itself_does_not_grow_without_end() -> None:
    reducer = R("mean")
    with pytest.raises(EvaluationError, match="at most 10000"):
        for k in range(40):
            reducer = R("combine", reducer, reducer, f"{k}_")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(1, 40))
def test_histograms_have_powers_of_two_and_lose_nothing(values: list[float], buckets: int) -> None:
    found = call_json("List.reduce", values, R("histogram", buckets))
    width, start, counts = found["bucketWidth"], found["bucketMin"], found["histogram"]
    assert math.log2(width).is_integer() and (start / width).is_integer()
    assert len(counts) <= 2 ** math.ceil(math.log2(buckets))
    edges = start + width * np.arange(len(counts) + 1)
    assert counts == np.histogram(np.array(values), np.append(edges[:-1], np.inf))[0].tolist()
    assert np.dot(found["bucketMeans"], counts) == pytest.approx(sum(values), rel=1e-6, abs=1e-3)
    assert call_json("List.reduce", values, R("autoHistogram", buckets)) == [
        [edge, count] for edge, count in zip(edges[:-1].tolist(), counts, strict=True)
    ]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_no_point_beside_the_geometric_median_is_nearer_to_all(seed: int, size: int) -> None:
    rows = np.random.default_rng(seed).normal(0, 3, (9, size))
    found = call(
        "List.reduce",
        rows.tolist() if size > 1 else rows[:, 0].tolist(),
        R("geometricMedian", size, 1e-6),
    )
    point = np.array(
        [found] if size == 1 else [found[name] for name in R("geometricMedian", size).output_names]
    )
    far = np.linalg.norm(rows - point, axis=1).sum()
    for step in np.vstack([np.eye(size), -np.eye(size)]) * 0.01:
        assert far <= np.linalg.norm(rows - point - step, axis=1).sum() + 1e-6


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=20), min_size=1, max_size=4))
def test_histograms_combined_are_those_of_all_values(parts: list[list[int]]) -> None:
    single = [call("List.reduce", part, R("histogram", 128, 1)) for part in parts]
    whole = call("List.reduce", [v for part in parts for v in part], R("histogram", 128, 1))
    found = call("List.reduce", single, R("histogramCombiner", 128, 1))
    assert found["bucketWidth"] == whole["bucketWidth"] == 1
    assert (found["bucketMin"], found["histogram"]) == (whole["bucketMin"], whole["histogram"])
