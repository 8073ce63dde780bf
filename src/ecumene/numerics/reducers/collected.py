"""Statistics of the whole sample: medians, percentiles, modes, histograms, lists."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import LimitExceeded
from ecumene.numerics.reducers.moments import Output, numeric, presence

MOST_BYTES = 2**30
"""Bytes of samples that one reduction may keep."""


def bounded(parts: Sequence[tuple[Any, Any]]) -> None:
    """LimitExceeded if the kept parts are too much (looked at now and then)."""
    if len(parts) % 16:
        return
    kept = sum(
        array.nbytes
        for part in parts
        for item in part
        for array in (item if isinstance(item, Sequence) else (item,))
        if array is not None
    )
    if kept > MOST_BYTES:
        raise LimitExceeded(
            "User memory limit exceeded. This reducer keeps all samples: use a larger scale or a smaller region."
        )


class Collected:
    """Keeps all samples with their weights and hands them, cells last, to a function at the end.

    ``finish(values (n, cells), weights (n, cells))`` returns outputs with ``(cells,)`` values and validity.
    """

    def __init__(self, finish: Callable[[NDArray[Any], NDArray[Any]], Output]) -> None:
        self._finish = finish

    def start(self, shape: tuple[int, ...]) -> Any:
        """Nothing."""
        return shape, []

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More samples."""
        values = numeric(inputs[0])
        state[1].append((values, presence(values, weights[0])))
        bounded(state[1])
        return state

    def merge(self, left: Any, right: Any) -> Any:
        """Samples of both."""
        return left[0], [*left[1], *right[1]]

    def finish(self, state: Any) -> Output:
        """Outputs in the shape of the cells."""
        shape, parts = state
        cells = int(np.prod(shape)) if shape else 1
        if parts:
            dtype = np.result_type(*(p[0].dtype for p in parts))
            values = np.concatenate(
                [p[0].reshape(p[0].shape[0], cells).astype(dtype) for p in parts]
            )
            weights = np.concatenate([p[1].reshape(p[1].shape[0], cells) for p in parts])
        else:
            values, weights = np.zeros((0, cells)), np.zeros((0, cells))
        out: Output = []
        for value, valid in self._finish(values, weights):
            if shape:
                out.append(
                    (
                        np.asarray(value).reshape(shape),
                        None if valid is None else np.asarray(valid).reshape(shape),
                    )
                )
            else:
                out.append((value[0], None if valid is None else valid[0]))
        return out


def _sorted(values: NDArray[Any], weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ascending with absent samples last."""
    key = np.where(weights > 0, values.astype("float64"), np.inf)
    order = key.argsort(axis=0, kind="stable")
    return np.take_along_axis(values, order, 0), np.take_along_axis(weights, order, 0)


def percentiles(shares: Sequence[float]) -> Collected:
    """Weighted percentiles: linear between the samples' positions; equal weights give the usual definition."""

    def finish(values: NDArray[Any], weights: NDArray[Any]) -> Output:
        n, cells = values.shape
        if n == 0:
            return [(np.zeros(cells), np.zeros(cells, bool)) for _ in shares]
        values, weights = _sorted(values, weights)
        valid = (weights > 0).any(axis=0)
        return [(_percentile(values, weights, share / 100), valid) for share in shares]

    return Collected(finish)


def _percentile(values: NDArray[Any], weights: NDArray[Any], share: float) -> NDArray[Any]:
    n = values.shape[0]
    count = (weights > 0).sum(axis=0)
    last = np.maximum(count - 1, 0)
    largest = weights.max(axis=0)
    equal = bool(((weights == 0) | (weights == largest)).all())
    if equal:
        place = share * last
    else:
        # Positions of samples: cumulated weight before each plus half its own, scaled to 0 … count-1.
        middle = np.cumsum(weights, axis=0) - weights / 2
        first = middle[0]
        end = np.take_along_axis(middle, last[None], 0)[0]
        target = first + share * (end - first)
        below = np.clip((middle <= target).sum(axis=0) - 1, 0, last)
        above = np.minimum(below + 1, last)
        a = np.take_along_axis(middle, below[None], 0)[0]
        b = np.take_along_axis(middle, above[None], 0)[0]
        part = np.where(b > a, (target - a) / np.where(b > a, b - a, 1), 0)
        place = below + part
    low = np.clip(np.floor(place).astype(int), 0, n - 1)
    high = np.clip(np.ceil(place).astype(int), 0, n - 1)
    part = place - low
    x = np.take_along_axis(values, low[None], 0)[0].astype("float64")
    y = np.take_along_axis(values, high[None], 0)[0].astype("float64")
    return np.asarray(np.where(part == 0, x, x + (y - x) * part))


def interval_mean(low: float, high: float) -> Collected:
    """Mean of the samples between two percentiles, inclusive."""

    def finish(values: NDArray[Any], weights: NDArray[Any]) -> Output:
        n, cells = values.shape
        if n == 0:
            return [(np.zeros(cells), np.zeros(cells, bool))]
        values, weights = _sorted(values, weights)
        a, b = _percentile(values, weights, low / 100), _percentile(values, weights, high / 100)
        inside = np.where((values >= a) & (values <= b), weights, 0)
        total = inside.sum(axis=0)
        weighted = (np.where(inside > 0, values, 0) * inside).sum(axis=0)
        return [(weighted / np.where(total == 0, 1, total), total > 0)]

    return Collected(finish)


def _mode(values: NDArray[Any], weights: NDArray[Any]) -> Output:
    n, cells = values.shape
    out, valid = np.zeros(cells), np.zeros(cells, bool)
    if n == 0:
        return [(out, valid)]
    values, weights = _sorted(values, weights)
    valid = np.asarray((weights > 0).any(axis=0))
    best = np.zeros(cells)
    run = np.zeros(cells)
    for k in range(n):
        same = (values[k] == values[k - 1]) & (weights[k] > 0) if k else np.zeros(cells, bool)
        run = np.where(same, run + weights[k], weights[k])
        better = (run > best) & (weights[k] > 0)
        out = np.where(better, values[k], out)
        best = np.where(better, run, best)
    return [(out, valid)]


MEDIAN = percentiles([50.0])
MODE = Collected(_mode)


class Samples:
    """Keeps rows of any objects; ``finish(rows)`` makes the outputs. For shape ``()`` only."""

    def __init__(
        self,
        finish: Callable[[list[tuple[Any, ...]], list[float]], list[Any]],
        *,
        skip: bool = True,
        outputs: int = 1,
    ) -> None:
        self._finish = finish
        self.skip = skip
        self.outputs = outputs

    def start(self, shape: tuple[int, ...]) -> Any:
        """Nothing."""
        return shape, []

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More rows; with ``skip`` those with an absent value are left out."""
        columns = [np.asarray(v) if not isinstance(v, np.ndarray) else v for v in inputs]
        state[1].append((columns, weights))
        bounded(state[1])
        return state

    def merge(self, left: Any, right: Any) -> Any:
        """Rows of both."""
        return left[0], [*left[1], *right[1]]

    def finish(self, state: Any) -> Output:
        """Outputs of the rows of each cell."""
        shape, parts = state
        if shape == ():
            return [
                (value, None if value is not None else np.asarray(False))
                for value in self._cell(parts, ())
            ]
        out = np.empty((self.outputs, *shape), object)
        for cell in np.ndindex(*shape):
            out[(slice(None), *cell)] = self._cell(parts, cell)
        return [
            (np.stack([np.asarray(v) for v in plane.reshape(-1)]).reshape(*shape, -1), None)
            for plane in out
        ]

    def _cell(self, parts: list[Any], cell: tuple[int, ...]) -> list[Any]:
        rows: list[tuple[Any, ...]] = []
        weight: list[float] = []
        for columns, weights in parts:
            for i in range(columns[0].shape[0]):
                row = tuple(_plain(c[(i, *cell)]) for c in columns)
                w = (
                    1.0
                    if weights[0] is None
                    else float(np.broadcast_to(weights[0], columns[0].shape)[(i, *cell)])
                )
                if self.skip and (w <= 0 or any(v is None for v in row)):
                    continue
                rows.append(row)
                weight.append(w)
        return self._finish(rows, weight)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def key_text(value: Any) -> str:
    """A value as the key of a histogram: integral numbers without fraction."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _frequencies(rows: list[tuple[Any, ...]], weights: list[float]) -> list[Any]:
    counts: Counter[str] = Counter()
    for (value, *_), weight in zip(rows, weights, strict=True):
        counts[key_text(value)] += weight  # type: ignore[assignment]
    return [{k: int(v) if float(v).is_integer() else v for k, v in sorted(counts.items())}]


class Tally(Samples):
    """Samples of which only the distinct values count: numbers are tallied block by block, other objects are kept."""

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More samples: numbers as their distinct values with the weight of each."""
        values = inputs[0]
        plain = isinstance(values, np.ndarray) and values.dtype.kind in "biuf" and values.ndim == 1
        if state[0] != () or not plain or len(inputs) > 1:
            return super().add(state, inputs, weights)
        weight = presence(values, weights[0])
        distinct, place = np.unique(values[weight > 0], return_inverse=True)
        total = np.bincount(place, weight[weight > 0], minlength=distinct.size)
        return super().add(state, [distinct], [total])


FREQUENCY = Tally(_frequencies)


class Distinct(Tally):
    """How many different values there are; per pixel by sorting."""

    def finish(self, state: Any) -> Output:
        """The count of each cell."""
        shape, parts = state
        if shape == ():
            return super().finish(state)
        values = np.concatenate([numeric(columns[0]) for columns, _ in parts])
        there = np.concatenate([presence(numeric(c[0]), w[0]) for c, w in parts]) > 0
        order = np.lexsort((values, ~there), axis=0)
        values, there = np.take_along_axis(values, order, 0), np.take_along_axis(there, order, 0)
        new = there[1:] & (values[1:] != values[:-1])
        return [(there[0].astype("int64") + new.sum(axis=0), None)]


COUNT_DISTINCT = Distinct(lambda rows, w: [len({repr(r[0]) for r in rows})], skip=False)
COUNT_DISTINCT_NON_NULL = Distinct(lambda rows, w: [len({repr(r[0]) for r in rows})])


def _runs(rows: list[tuple[Any, ...]], weights: list[float]) -> list[Any]:
    return [sum(1 for i, row in enumerate(rows) if i == 0 or row != rows[i - 1])]


COUNT_RUNS = Samples(_runs)


def to_list(tuple_size: int | None, optional: int | None) -> Samples:
    """Samples as a list, in tuples of a size; the last ``optional`` inputs may be absent."""
    size = tuple_size or 1

    def finish(rows: list[tuple[Any, ...]], weights: list[float]) -> list[Any]:
        needed = size - (optional or 0)
        kept = [row for row in rows if all(v is not None for v in row[:needed])]
        return [
            [row[0] for row in kept]
            if tuple_size is None or size == 1 and tuple_size is None
            else [list(r) for r in kept]
        ]

    return Samples(finish, skip=optional is None)


def fixed_histogram(low: float, high: float, steps: int, cumulative: bool) -> Collected:
    """N×2 arrays of lower edges and (weighted) counts; samples outside the range are ignored."""

    def finish(values: NDArray[Any], weights: NDArray[Any]) -> Output:
        edges = low + (high - low) * np.arange(steps) / steps
        out = np.empty(values.shape[1], object)
        for cell in range(values.shape[1]):
            good = weights[:, cell] > 0
            v, w = values[good, cell].astype("float64"), weights[good, cell]
            inside = (v >= low) & (v < high)
            place = np.clip(((v[inside] - low) / (high - low) * steps).astype(int), 0, steps - 1)
            counts = np.bincount(place, w[inside], minlength=steps)
            out[cell] = np.column_stack([edges, np.cumsum(counts) if cumulative else counts])
        return [(out, None)]

    return Collected(finish)


def bucketed(
    values: NDArray[Any], weights: NDArray[Any], buckets: int, least: float | None
) -> tuple[float, float, NDArray[Any], NDArray[Any]]:
    """``(start, width, counts, means)`` of a histogram whose width is a power of two.

    The number of buckets is at most ``buckets`` (rounded up to a power of two), the width at least ``least``; buckets
    start at a multiple of the width and bucket means are those of the samples (the middle where there is none).
    """
    most = 1 << max(int(buckets) - 1, 0).bit_length()
    low, high = float(values.min()), float(values.max())
    span = high - low
    width = 2.0 ** math.ceil(math.log2(span / most)) if span > 0 else 1.0
    if least:
        width = max(width, least)
    while math.floor(high / width) - math.floor(low / width) + 1 > most:
        width *= 2
    start = math.floor(low / width) * width
    place = np.floor((values - start) / width).astype(int)
    size = int(place.max()) + 1
    counts = np.bincount(place, weights, minlength=size)
    sums = np.bincount(place, weights * values, minlength=size)
    middles = start + width * (np.arange(size) + 0.5)
    means = np.where(counts > 0, sums / np.where(counts > 0, counts, 1), middles)
    return start, width, counts, means


def histogram(buckets: int, least: float | None) -> Collected:
    """A dictionary ``bucketMeans bucketMin bucketWidth histogram``."""

    def finish(values: NDArray[Any], weights: NDArray[Any]) -> Output:
        good = weights[:, 0] > 0
        if not good.any():
            return [([None], [False])]
        start, width, counts, means = bucketed(
            values[good, 0].astype("float64"), weights[good, 0], buckets, least
        )
        found = {
            "bucketMeans": means.tolist(), "bucketMin": start, "bucketWidth": width, "histogram": counts.tolist(),
        }  # fmt: skip
        return [([found], None)]

    return Collected(finish)


def auto_histogram(buckets: int, least: float | None, cumulative: bool) -> Collected:
    """N×2 arrays of bucket starts and counts."""

    def finish(values: NDArray[Any], weights: NDArray[Any]) -> Output:
        good = weights[:, 0] > 0
        if not good.any():
            return [([None], [False])]
        start, width, counts, _ = bucketed(
            values[good, 0].astype("float64"), weights[good, 0], buckets, least
        )
        edges = start + width * np.arange(counts.size)
        return [([np.column_stack([edges, np.cumsum(counts) if cumulative else counts])], None)]

    return Collected(finish)
