"""Statistics of whole distributions: percentiles, modes, histograms.

A list, a column or a region keeps its samples up to ``raw`` of them and answers exactly; beyond that it keeps
``Buckets``. Stacks of images (cells) keep all samples of every cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError
from ecumene.numerics.reducers.buckets import Buckets, rounded, width_for
from ecumene.numerics.reducers.collected import Samples, bounded
from ecumene.numerics.reducers.moments import Output, numeric, presence

RAW = 2**20
"""Samples that are kept as they are, unless a reducer says otherwise."""

FINE = 2**16
"""Buckets that are kept, unless a reducer asks for more."""

MOST, MOST_RAW = 2**20, 2**23
"""More buckets or samples than this are not kept, whatever a reducer asks for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How a distribution is kept: the arguments of Earth Engine's reducers of that kind.

    Parameters
    ----------
    buckets : most buckets, rounded up to a power of two; None = ``FINE``.
    least : smallest width of a bucket; 0 = any power of two.
    raw : samples that are kept as they are.
    """

    buckets: int | None = None
    least: float = 0.0
    raw: int = RAW

    @property
    def kept(self) -> int:
        """Buckets that states keep: never fewer than ``FINE``, so that coarser ones come out of them."""
        return max(FINE, rounded(min(self.buckets or FINE, MOST)))

    @property
    def exact(self) -> int:
        """Samples that are kept as they are."""
        return min(self.raw, MOST_RAW)


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Samples of one list or region: as they are, or in buckets.

    ``count`` is their number, ``largest`` the largest weight of one sample.
    """

    count: int = 0
    largest: float = 0.0
    raw: tuple[tuple[NDArray[Any], NDArray[np.float32]], ...] = ()
    buckets: Buckets | None = None

    @property
    def nbytes(self) -> int:
        """Memory."""
        held = sum(values.nbytes + weights.nbytes for values, weights in self.raw)
        return held + (0 if self.buckets is None else self.buckets.nbytes)


Finish = Callable[[NDArray[Any], NDArray[Any], Any], Output]
"""Sorted values ``(n, cells)`` with their weights (absent ones last, weight 0) and the largest weight of a
sample (of each cell) to outputs of the cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """All samples of many cells: values and weights ``(n, *shape)``."""

    shape: tuple[int, ...]
    parts: tuple[tuple[NDArray[Any], NDArray[np.float64]], ...] = ()

    def flat(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Values and weights ``(n, cells)``."""
        cells = int(np.prod(self.shape))
        if not self.parts:
            return np.zeros((0, cells)), np.zeros((0, cells))
        values, weights = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        return values.reshape(-1, cells), weights.reshape(-1, cells)


class Distributed:
    """A statistic of a distribution."""

    def __init__(self, finish: Finish, limits: Limits | None = None) -> None:
        self._finish, self.limits = finish, limits or Limits()

    def start(self, shape: tuple[int, ...]) -> Any:
        """Nothing."""
        return Stack(shape) if shape else Distribution()

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More samples; infinite ones of a list or region are left out."""
        values = numeric(inputs[0])
        weight = presence(values, weights[0])
        if isinstance(state, Stack):
            bounded([*state.parts, (values, weight)])
            return Stack(state.shape, (*state.parts, (values, weight)))
        keep = (weight > 0) & np.isfinite(values)
        if not keep.all():
            values, weight = values[keep], weight[keep]
        if not values.size:
            return state
        kept = weight.astype("float32")
        part = Distribution(values.size, float(kept.max()), ((values, kept),))
        small = values.dtype.kind in "iub" and values.dtype.itemsize <= 2
        return self.merge(state, self.compact(part) if small else part)

    def compact(self, state: Distribution) -> Distribution:
        """The same in buckets only: for what has, or will have, more samples than are kept as they are."""
        if not state.raw:
            return state
        values = np.concatenate([values for values, _ in state.raw])
        weights = np.concatenate([weights for _, weights in state.raw]).astype("float64")
        found = Buckets.of(values, weights, self.limits.kept)
        if state.buckets is not None:
            found = state.buckets.merged(found, self.limits.kept)
        return replace(state, raw=(), buckets=found)

    def bulky(self, state: Any) -> bool:
        """Whether there are more samples than are kept as they are."""
        return isinstance(state, Distribution) and state.count > self.limits.exact

    def held(self, samples: float) -> float:
        """Bytes at most of a state of so many samples."""
        return 12 * min(samples, self.limits.exact) + 24 * min(samples, self.limits.kept)

    def merge(self, left: Any, right: Any) -> Any:
        """Samples of both."""
        if isinstance(left, Stack):
            return Stack(left.shape, (*left.parts, *right.parts))
        if left.buckets is None or right.buckets is None:
            buckets = left.buckets or right.buckets
        else:
            buckets = left.buckets.merged(right.buckets, self.limits.kept)
        largest = max(left.largest, right.largest)
        whole = Distribution(left.count + right.count, largest, (*left.raw, *right.raw), buckets)
        return self.compact(whole) if self.bulky(whole) else whole

    def finish(self, state: Any) -> Output:
        """Outputs of the list or region, or of the cells."""
        if isinstance(state, Stack):
            values, weights = _sorted(*state.flat())
            found = self._finish(values, weights, _largest(weights))
            return [(_shaped(v, state.shape), _shaped(ok, state.shape)) for v, ok in found]
        values, weights = self._samples(state)
        order = np.argsort(values, kind="stable")
        found = self._finish(values[order, None], weights[order, None], state.largest)
        return [(value[0], None if valid is None else valid[0]) for value, valid in found]

    def _samples(self, state: Distribution) -> tuple[NDArray[Any], NDArray[np.float64]]:
        values = [values for values, _ in state.raw]
        weights = [weights.astype("float64") for _, weights in state.raw]
        if state.buckets is not None:
            held = state.buckets
            means, sums = held.means, held.weights
            if self.bulky(state) and (self.limits.buckets or self.limits.least):
                most = rounded(self.limits.buckets or FINE)
                width = width_for(held.low, held.high, most, self.limits.least)
                if width > held.width:
                    means, sums = _coarser(means, sums, width)
            values.append(means.astype("int64") if held.whole and held.width <= 1 else means)
            weights.append(sums)
        if not values:
            return np.zeros(0), np.zeros(0)
        return np.concatenate(values), np.concatenate(weights)


def _coarser(
    values: NDArray[Any], weights: NDArray[np.float64], width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ascending values in buckets of a width, each by its mean."""
    place = np.floor(values / width)
    starts = np.flatnonzero(np.concatenate([[True], place[1:] != place[:-1]]))
    sums = np.add.reduceat(weights, starts)
    return np.add.reduceat(weights * values, starts) / sums, sums


def _shaped(values: Any, shape: tuple[int, ...]) -> Any:
    return None if values is None else np.asarray(values).reshape(shape)


def _sorted(values: NDArray[Any], weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ascending with absent samples last."""
    key = np.where(weights > 0, values.astype("float64"), np.inf)
    order = key.argsort(axis=0, kind="stable")
    return np.take_along_axis(values, order, 0), np.take_along_axis(weights, order, 0)


def _largest(weights: NDArray[Any]) -> NDArray[Any]:
    return weights.max(axis=0) if weights.shape[0] else np.zeros(weights.shape[1])


def percentiles(shares: Sequence[float], limits: Limits | None = None) -> Distributed:
    """Weighted percentiles.

    A sample of the largest weight counts once, others in proportion; a value is repeated as often as it counts, and
    percentiles are linear between neighbours in that list. Equal weights give the usual definition, and
    equal values may be counted together.
    """

    def finish(values: NDArray[Any], weights: NDArray[Any], largest: Any) -> Output:
        n, cells = values.shape
        if n == 0:
            return [(np.zeros(cells), np.zeros(cells, bool)) for _ in shares]
        ends = _ends(weights, largest)
        valid = (weights > 0).any(axis=0)
        return [(_percentile(values, ends, share / 100), valid) for share in shares]

    return Distributed(finish, limits)


def _ends(weights: NDArray[Any], largest: Any) -> NDArray[np.float64]:
    """How often the values up to each one count."""
    return np.asarray(np.cumsum(weights / np.where(np.asarray(largest) > 0, largest, 1), axis=0))


def _percentile(values: NDArray[Any], ends: NDArray[np.float64], share: float) -> NDArray[Any]:
    """The value at a share of the way from the first to the last."""
    last = values.shape[0] - 1
    place = share * np.maximum(ends[-1] - 1, 0)
    low, high = (
        np.minimum((ends <= rank + 1e-9 * np.maximum(rank, 1)).sum(axis=0), last)
        for rank in (np.floor(place), np.ceil(place))
    )
    x, y = (np.take_along_axis(values, k[None], 0)[0].astype("float64") for k in (low, high))
    part = place - np.floor(place)
    return np.asarray(np.where((part == 0) | (x == y), x, x + (y - x) * part))


def interval_mean(low: float, high: float, limits: Limits | None = None) -> Distributed:
    """Mean of the samples between two percentiles, inclusive."""

    def finish(values: NDArray[Any], weights: NDArray[Any], largest: Any) -> Output:
        n, cells = values.shape
        if n == 0:
            return [(np.zeros(cells), np.zeros(cells, bool))]
        ends = _ends(weights, largest)
        a, b = _percentile(values, ends, low / 100), _percentile(values, ends, high / 100)
        inside = np.where((values >= a) & (values <= b), weights, 0)
        total = inside.sum(axis=0)
        weighted = (np.where(inside > 0, values, 0) * inside).sum(axis=0)
        return [(weighted / np.where(total == 0, 1, total), total > 0)]

    return Distributed(finish, limits)


def mode(limits: Limits | None = None) -> Distributed:
    """The value that counts most; of several the smallest."""

    def finish(values: NDArray[Any], weights: NDArray[Any], largest: Any) -> Output:
        n, cells = values.shape
        if n == 0:
            return [(np.zeros(cells), np.zeros(cells, bool))]
        new = np.ones(values.shape, bool)
        new[1:] = values[1:] != values[:-1]
        total = np.cumsum(weights, axis=0)
        first = np.maximum.accumulate(np.where(new, np.arange(n)[:, None], 0), axis=0)
        run = total - np.take_along_axis(total - weights, first, 0)
        best = (run * (weights > 0)).argmax(axis=0)
        found = np.take_along_axis(values, best[None], 0)[0].astype("float64")
        return [(found, (weights > 0).any(axis=0))]

    return Distributed(finish, limits)


def _dense(
    values: NDArray[Any], weights: NDArray[Any], limits: Limits
) -> tuple[float, float, NDArray[np.float64], NDArray[np.float64]]:
    """``(start, width, counts, means)`` of a histogram; the mean of an empty bucket is its middle."""
    values = values.astype("float64")
    low, high = float(values.min()), float(values.max())
    most = rounded(limits.buckets or 256)
    width = width_for(low, high, most, limits.least) if high > low else limits.least or 1.0
    first = np.floor(low / width)
    start = first * width
    place = (np.floor(values / width) - first).astype(int)
    size = int(place.max()) + 1
    counts = np.bincount(place, weights, minlength=size)
    sums = np.bincount(place, weights * values, minlength=size)
    middles = start + width * (np.arange(size) + 0.5)
    means = np.where(counts > 0, sums / np.where(counts > 0, counts, 1), middles)
    return float(start), width, np.asarray(counts, np.float64), means


def _histogram(limits: Limits, made: Callable[..., Any]) -> Distributed:
    def finish(values: NDArray[Any], weights: NDArray[Any], largest: Any) -> Output:
        out = np.empty(values.shape[1], object)
        valid = np.zeros(values.shape[1], bool)
        for cell in range(values.shape[1]):
            good = weights[:, cell] > 0
            valid[cell] = good.any()
            if valid[cell]:
                out[cell] = made(*_dense(values[good, cell], weights[good, cell], limits))
        return [(out, valid)]

    many = limits.buckets if (limits.buckets or 0) > FINE else None
    return Distributed(finish, Limits(many, 0.0, limits.raw))


def histogram(limits: Limits) -> Distributed:
    """A dictionary ``bucketMeans bucketMin bucketWidth histogram``."""
    return _histogram(limits, _described)


def combined_histograms(limits: Limits) -> Samples:
    """One histogram of the buckets of many, each bucket as so many samples of its mean.

    Buckets are at least as wide as the widest of those that are combined. Everything is kept until the end.
    """

    def finish(rows: list[Any], weights: list[float]) -> list[Any]:
        if not rows:
            return [None]
        parts = [_bucket_list(histogram) for (histogram,) in rows]
        means, counts = (
            np.concatenate(column) for column in zip(*(p[:2] for p in parts), strict=True)
        )
        if not (counts > 0).any():
            return [None]
        least = max(limits.least, *(width for _, _, width in parts))
        held = counts > 0
        return [_described(*_dense(means[held], counts[held], replace(limits, least=least)))]

    return Samples(finish)


def _bucket_list(histogram: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Means, counts and width of a histogram as ``histogram`` gives them. EvaluationError for anything else."""
    try:
        means = np.asarray(histogram["bucketMeans"], np.float64)
        counts = np.asarray(histogram["histogram"], np.float64)
        width = float(histogram["bucketWidth"])
    except (KeyError, TypeError, ValueError, IndexError):
        means = counts = np.zeros((0, 0))
        width = 0.0
    usable = means.ndim == 1 and means.shape == counts.shape and 0 < width < np.inf
    if not usable or not np.isfinite(means).all() or not np.isfinite(counts).all():
        raise EvaluationError(
            "Reducer.histogramCombiner: Inputs must be dictionaries with 'bucketMeans', 'bucketWidth' and 'histogram'."
        )
    return means, counts, width


def _described(start: float, width: float, counts: Any, means: Any) -> dict[str, Any]:
    return {
        "bucketMeans": means.tolist(), "bucketMin": start, "bucketWidth": width, "histogram": counts.tolist(),
    }  # fmt: skip


def auto_histogram(limits: Limits, cumulative: bool) -> Distributed:
    """N×2 arrays of bucket starts and counts."""

    def made(start: float, width: float, counts: Any, means: Any) -> NDArray[np.float64]:
        edges = start + width * np.arange(counts.size)
        return np.column_stack([edges, np.cumsum(counts) if cumulative else counts])

    return _histogram(limits, made)
