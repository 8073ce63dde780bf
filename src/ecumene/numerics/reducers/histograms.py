"""Counts in fixed buckets, of one input or of two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import LimitExceeded
from ecumene.numerics.reducers.collected import MOST_BYTES
from ecumene.numerics.reducers.moments import Output, numeric, presence


class Range:
    """Equal buckets from ``low`` (inclusive) to ``high`` (exclusive)."""

    def __init__(self, low: float, high: float, steps: int) -> None:
        self.low, self.high, self.steps = low, high, steps

    @property
    def starts(self) -> NDArray[np.float64]:
        """Lower edges."""
        return self.low + (self.high - self.low) * np.arange(self.steps) / self.steps

    def places(self, values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The bucket of each value, and which values are in the range."""
        inside = (values >= self.low) & (values < self.high)
        safe = np.where(inside, values, self.low).astype("float64")
        share = (safe - self.low) / (self.high - self.low)
        return np.minimum((share * self.steps).astype(np.int64), self.steps - 1), inside


class Counts:
    """How often samples fall into buckets: ``(buckets, *cells)``.

    Parameters
    ----------
    axes : the range of each input.
    weighted : add weights, else count.
    """

    def __init__(self, axes: Sequence[Range], weighted: bool) -> None:
        self.axes, self.weighted = list(axes), weighted
        self.size = int(np.prod([axis.steps for axis in axes]))

    def start(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Nothing. LimitExceeded where cells and buckets together are too many."""
        if 8 * self.size * int(np.prod(shape)) > MOST_BYTES:
            raise LimitExceeded("User memory limit exceeded. The histogram has too many buckets.")
        return np.zeros((self.size, *shape))

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> NDArray[np.float64]:
        """More samples; those outside of the ranges are left out."""
        arrays = [numeric(values) for values in inputs]
        weight = np.minimum.reduce([presence(a, w) for a, w in zip(arrays, weights, strict=True)])
        if not self.weighted:
            weight = (weight > 0).astype("float64")
        place = np.zeros(arrays[0].shape, np.int64)
        for axis, values in zip(self.axes, arrays, strict=True):
            own, inside = axis.places(values)
            place = place * axis.steps + own
            weight = np.where(inside, weight, 0)
        cells = int(np.prod(state.shape[1:]))
        flat = place.reshape(-1, cells) * cells + np.arange(cells)
        found = np.bincount(flat.reshape(-1), weight.reshape(-1), minlength=self.size * cells)
        return np.asarray(state + found.reshape(state.shape))

    def merge(self, left: Any, right: Any) -> Any:
        """Both."""
        return left + right

    def finish(self, state: Any) -> Output:
        """Counts with the buckets behind the cells, in the shape of the axes."""
        steps = tuple(axis.steps for axis in self.axes)
        return [(np.moveaxis(state, 0, -1).reshape(*state.shape[1:], *steps), None)]


class FixedHistogram(Counts):
    """N×2 arrays of lower edges and counts."""

    def __init__(self, axis: Range, cumulative: bool) -> None:
        super().__init__([axis], weighted=True)
        self.cumulative = cumulative

    def finish(self, state: Any) -> Output:
        """The arrays, ``(*cells, n, 2)``."""
        ((counts, _),) = super().finish(state)
        counts = np.cumsum(counts, axis=-1) if self.cumulative else counts
        edges = np.broadcast_to(self.axes[0].starts, counts.shape)
        return [(np.stack([edges, counts], axis=-1), None)]


class FixedGrid(Counts):
    """Counts of pairs with the lower edges of both axes."""

    def __init__(self, x: Range, y: Range) -> None:
        super().__init__([x, y], weighted=False)

    def finish(self, state: Any) -> Output:
        """Counts ``(*cells, x, y)`` and edges ``(*cells, x)``, ``(*cells, y)``."""
        ((counts, _),) = super().finish(state)
        cells = state.shape[1:]
        x, y = (np.broadcast_to(a.starts, (*cells, a.steps)).copy() for a in self.axes)
        return [(counts, None), (x, None), (y, None)]
