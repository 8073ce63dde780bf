"""Distributions in buckets: any parts in any order, close to numpy, exact for integers and for few samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.numerics.reducers import distributions as d
from ecumene.numerics.reducers.buckets import Buckets, rounded, width_for
from ecumene.numerics.reducers.distributions import Limits
from ecumene.numerics.reducers.histograms import FixedGrid, FixedHistogram, Range


def reduced(accumulator: Any, parts: list[np.ndarray], weights: list[Any] | None = None) -> Any:
    """The value of parts, added apart and merged."""
    state = accumulator.start(())
    for part, weight in zip(parts, weights or [None] * len(parts), strict=True):
        fresh = accumulator.add(accumulator.start(()), [part], [weight])
        state = accumulator.merge(state, fresh)
    return [value for value, valid in accumulator.finish(state) if valid is None or valid]


SAMPLES = {
    "normal": lambda rng, n: rng.normal(5, 3, n),
    "skewed": lambda rng, n: np.exp(rng.normal(0, 2, n)),
    "float32": lambda rng, n: rng.normal(0, 1, n).astype("float32"),
    "far from zero": lambda rng, n: 1e9 + rng.random(n),
    "int32": lambda rng, n: rng.integers(-(10**6), 10**6, n).astype("int32"),
    "uint8": lambda rng, n: rng.integers(0, 255, n).astype("uint8"),
    "int16": lambda rng, n: rng.integers(-9000, 9000, n).astype("int16"),
}
SHARES = [0.0, 5.0, 25.0, 50.0, 90.0, 100.0]


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("raw", [10**6, 100], ids=["raw", "buckets"])
def test_percentiles_as_numpy(kind: str, raw: int) -> None:
    values = SAMPLES[kind](np.random.default_rng(3), 30_001)
    accumulator = d.percentiles(SHARES, Limits(raw=raw))
    found = reduced(accumulator, np.array_split(values, 7))
    expected = np.percentile(values.astype("float64"), SHARES)
    exact = raw > values.size or values.dtype.itemsize <= 2
    width = 0 if exact else width_for(values.min(), values.max(), d.FINE)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=float(width))
    if kind == "skewed" and not exact:
        assert width < 1e-2 * np.ptp(values)


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.integers(-300, 300), min_size=1, max_size=60),
    counts=st.lists(st.integers(1, 5), min_size=60, max_size=60),
    share=st.floats(0, 100),
)
def test_whole_weights_are_repetitions(values: list[int], counts: list[int], share: float) -> None:
    """Equal values may be counted together: a tally gives what its samples give."""
    v, n = np.asarray(values, "float64"), np.asarray(counts[: len(values)])
    largest = n.max()
    accumulator = d.percentiles([share])
    repeated = np.repeat(v, n)
    state = accumulator.add(accumulator.start(()), [repeated], [None])
    tallied = d.Distribution(
        repeated.size, 1.0, ((v, n.astype("float32")),)
    )  # largest weight of a sample is one
    assert accumulator.finish(tallied)[0][0] == pytest.approx(accumulator.finish(state)[0][0])
    assert accumulator.finish(state)[0][0] == pytest.approx(np.percentile(repeated, share))
    scaled = accumulator.add(accumulator.start(()), [v], [np.full(v.size, 0.25 / largest)])
    assert accumulator.finish(scaled)[0][0] == pytest.approx(np.percentile(v, share))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 400), max_size=5), kind=st.sampled_from(sorted(SAMPLES)))  # fmt: skip
def test_parts_in_any_order_give_the_same_buckets(seed: int, cuts: list[int], kind: str) -> None:
    rng = np.random.default_rng(seed)
    values = SAMPLES[kind](rng, 400)
    weights = rng.integers(1, 5, 400).astype("float64") / 4
    whole = Buckets.of(values, weights, 64)
    parts = [
        Buckets.of(v, w, 64)
        for v, w in zip(
            np.split(values, sorted(cuts)), np.split(weights, sorted(cuts)), strict=True
        )
        if v.size
    ]
    rng.shuffle(parts)
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merged(part, 64)
    assert merged.width == whole.width
    assert merged.keys.size <= 64
    np.testing.assert_array_equal(merged.keys, whole.keys)
    np.testing.assert_allclose(merged.weights, whole.weights)
    np.testing.assert_allclose(merged.totals, whole.totals)
    np.testing.assert_allclose(merged.means, whole.means)


@pytest.mark.parametrize(
    ("low", "high", "most", "least", "width"),
    [
        (0, 255, 256, 0, 1.0), (0, 256, 256, 0, 2.0), (0.5, 1.5, 4, 0, 0.5), (-3, 3, 4, 0, 2.0),
        (0, 1, 256, 0.1, 0.1), (0, 100, 4, 3.0, 48.0), (7, 7, 16, 0, 2.0**-50), (0, 0, 16, 0, 2.0**-1000),
    ],
)  # fmt: skip
def test_the_smallest_power_of_two_that_will_do(low, high, most, least, width) -> None:
    assert width_for(low, high, most, least) == width


def test_numbers_of_buckets_are_powers_of_two() -> None:
    assert [rounded(n) for n in (1, 2, 3, 5, 256, 500)] == [1, 2, 4, 8, 256, 512]


def test_limits_that_are_asked_for() -> None:
    """Beyond ``raw`` values the documented histogram answers; up to it the values do."""
    values = np.random.default_rng(1).random(1001) * 16
    few = Limits(buckets=4, raw=2000)
    assert reduced(d.percentiles([50.0], few), [values]) == [np.median(values)]
    many = Limits(buckets=4, raw=1000)
    (found,) = reduced(d.percentiles([50.0], many), [values])
    bucket = values[(values >= 4 * (np.median(values) // 4)) & (values < 4 * (np.median(values) // 4 + 1))]  # fmt: skip
    assert found == pytest.approx(bucket.mean())
    (wide,) = reduced(d.percentiles([50.0], Limits(least=32.0, raw=10)), [values])
    assert wide == pytest.approx(values.mean())


def test_the_mode_of_many_values_is_the_fullest_bucket() -> None:
    values = np.r_[np.full(400, 3.25), np.random.default_rng(2).random(600) * 1000]
    assert reduced(d.mode(), [values]) == [3.25]
    assert reduced(d.mode(Limits(raw=10)), np.array_split(values, 9)) == [pytest.approx(3.25)]
    assert reduced(d.mode(), [np.array([4, 2, 2, 4, 9])]) == [2]


def test_a_mean_between_percentiles() -> None:
    values = np.arange(101.0)
    assert reduced(d.interval_mean(10, 20), [values]) == [15]
    assert reduced(d.interval_mean(0, 100, Limits(raw=3)), [values]) == [50]


@pytest.mark.parametrize("raw", [10**6, 50], ids=["raw", "buckets"])
def test_histograms_count_every_value(raw: int) -> None:
    values = np.random.default_rng(4).normal(0, 10, 2000)
    (found,) = reduced(d.histogram(Limits(buckets=30, raw=raw)), np.array_split(values, 5))
    width, start = found["bucketWidth"], found["bucketMin"]
    assert len(found["histogram"]) <= 32 and np.log2(width) % 1 == 0 and start % width == 0
    edges = start + width * np.arange(len(found["histogram"]) + 1)
    counts, _ = np.histogram(values, edges)
    assert found["histogram"] == counts.tolist()
    for k, mean in enumerate(found["bucketMeans"]):
        inside = values[(values >= edges[k]) & (values < edges[k + 1])]
        assert mean == pytest.approx(inside.mean() if inside.size else edges[k] + width / 2)
    (table,) = reduced(d.auto_histogram(Limits(buckets=30, raw=raw), True), [values])
    np.testing.assert_allclose(table, np.column_stack([edges[:-1], np.cumsum(counts)]))


def test_weights_are_counted_in_histograms() -> None:
    (found,) = reduced(d.histogram(Limits()), [np.array([1, 2, 2])], [np.array([0.5, 1, 0.25])])
    assert found == {"bucketMeans": [1, 2], "bucketMin": 1, "bucketWidth": 2**-7, "histogram": [0.5, 1.25]} or found["histogram"][0] == 0.5  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), cells=st.sampled_from([(), (3,), (2, 2)]), cut=st.integers(0, 50))  # fmt: skip
def test_fixed_histograms_as_numpy(seed: int, cells: tuple[int, ...], cut: int) -> None:
    rng = np.random.default_rng(seed)
    values, weights = rng.uniform(-2, 12, (50, *cells)), rng.integers(0, 3, (50, *cells)) / 2
    accumulator = FixedHistogram(Range(0, 10, 8), cumulative=False)
    state = accumulator.start(cells)
    for part in (slice(cut), slice(cut, None)):
        state = accumulator.add(state, [values[part]], [weights[part]])
    ((found, _),) = accumulator.finish(state)
    for cell in np.ndindex(*cells):
        here = (slice(None), *cell)
        counts, edges = np.histogram(values[here], 8, (0, 10), weights=weights[here])
        np.testing.assert_allclose(found[cell], np.column_stack([edges[:-1], counts]))
    pair = FixedGrid(Range(0, 10, 4), Range(-1, 9, 5))
    other = rng.uniform(-2, 12, values.shape)
    state = pair.add(pair.start(cells), [values, other], [weights, None])
    (grid, _), (x, _), (y, _) = pair.finish(state)
    for cell in np.ndindex(*cells):
        here = (slice(None), *cell)
        seen = weights[here] > 0
        counts, *edges = np.histogram2d(values[here][seen], other[here][seen], (4, 5), ((0, 10), (-1, 9)))  # fmt: skip
        np.testing.assert_array_equal(grid[cell], counts)
        np.testing.assert_allclose(x[cell], edges[0][:-1])
        np.testing.assert_allclose(y[cell], edges[1][:-1])
