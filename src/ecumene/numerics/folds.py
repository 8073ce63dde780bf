"""Reductions of a stack of images per pixel, fed one image at a time.

Each fold has ``add(values, weight)`` with ``values`` ``(h, w)`` and ``weight`` None (all valid), bool, or
float in [0, 1] (a partial mask); ``finish`` returns values and where any image was valid (None =
everywhere). Weighted folds (mean, sum, variance) use partial masks as weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics import network

Weight = NDArray[Any] | None
Result = tuple[NDArray[Any], NDArray[np.bool_] | None]


class Fold(Protocol):
    """One reduction in progress over a block."""

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""

    def finish(self) -> Result:
        """The reduction."""


class _Seen:
    """Keeps track of where anything was valid."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.seen: NDArray[np.bool_] | None = np.zeros(shape, bool)

    def note(self, weight: Weight) -> None:
        if self.seen is None:
            return
        if weight is None:
            self.seen = None
        else:
            self.seen |= weight > 0


class Sum(_Seen):
    """Weighted sum; with ``mean`` divided by the sum of weights."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], mean: bool = False) -> None:
        super().__init__(shape)
        self.mean = mean
        self.total = np.zeros(shape, "float64" if mean or dtype.kind == "f" else "int64")
        self.count = np.zeros(shape, "float64") if mean else None

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        self.note(weight)
        if weight is None:
            self.total += values
        elif weight.dtype == bool:
            np.add(self.total, values, out=self.total, where=weight, casting="unsafe")
        else:
            if self.total.dtype.kind == "i":
                self.total = self.total.astype("float64")
            self.total += np.where(weight > 0, values * weight.astype("float64"), 0)
        if self.count is not None:
            self.count += 1 if weight is None else weight

    def finish(self) -> Result:
        """The sum or mean."""
        if self.count is None:
            return self.total, self.seen
        return self.total / np.where(self.count == 0, 1, self.count), self.seen


class Count(_Seen):
    """Number of valid values; masked where there are none."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        super().__init__(shape)
        self.count = np.zeros(shape, "int32")

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        self.note(weight)
        self.count += 1 if weight is None else weight > 0

    def finish(self) -> Result:
        """The counts."""
        return self.count, self.seen


class Variance(_Seen):
    """Population variance, or its root, by Welford's update."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], root: bool) -> None:
        super().__init__(shape)
        self.root = root
        self.count, self.mean, self.squares = (np.zeros(shape) for _ in range(3))

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        self.note(weight)
        w: Any = 1.0 if weight is None else weight.astype("float64")
        safe = values if weight is None else np.where(weight > 0, values, self.mean)
        self.count += w
        delta = safe - self.mean
        self.mean += delta * w / np.where(self.count == 0, 1, self.count)
        self.squares += w * delta * (safe - self.mean)

    def finish(self) -> Result:
        """The variance or standard deviation."""
        found = self.squares / np.where(self.count == 0, 1, self.count)
        return (np.sqrt(found) if self.root else found), self.seen


class Extreme(_Seen):
    """Smallest or largest value."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], largest: bool) -> None:
        super().__init__(shape)
        worst: Any = np.inf if dtype.kind == "f" else None
        if worst is None:
            info = np.iinfo(dtype)
            worst = info.min if largest else info.max
        elif largest:
            worst = -worst
        self.best: NDArray[Any] = np.full(shape, worst, dtype)
        self.pick = np.fmax if largest else np.fmin

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image; its type may be smaller than the fold's."""
        self.note(weight)
        self.pick(self.best, values, out=self.best, where=True if weight is None else weight > 0)

    def finish(self) -> Result:
        """The extreme."""
        return self.best, self.seen


class Product(_Seen):
    """Product in double precision."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        super().__init__(shape)
        self.total = np.ones(shape)

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        self.note(weight)
        np.multiply(
            self.total, values, out=self.total, where=True if weight is None else weight > 0
        )

    def finish(self) -> Result:
        """The product."""
        return self.total, self.seen


class Truth(_Seen):
    """Whether all, or any, of the valid values are not zero."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], every: bool) -> None:
        super().__init__(shape)
        self.every = every
        self.state = np.full(shape, every)

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        self.note(weight)
        truth = values != 0
        if self.every:
            self.state &= truth if weight is None else truth | ~(weight > 0)
        else:
            self.state |= truth if weight is None else truth & (weight > 0)

    def finish(self) -> Result:
        """0 or 1."""
        return self.state.astype("uint8"), self.seen


class End(_Seen):
    """The first or last valid value."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], last: bool) -> None:
        super().__init__(shape)
        self.last = last
        self.value = np.zeros(shape, dtype)

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        if self.last:
            np.copyto(self.value, values, where=True if weight is None else weight > 0)
        elif self.seen is not None:
            here = ~self.seen if weight is None else (weight > 0) & ~self.seen
            np.copyto(self.value, values, where=here)
        self.note(weight)

    def finish(self) -> Result:
        """The value."""
        return self.value, self.seen


class Stacked:
    """Keeps the stack of the block in its own type for order statistics."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.layers: list[NDArray[Any]] = []
        self.weights: list[Weight] = []

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        self.layers.append(values)
        self.weights.append(None if weight is None else weight > 0)

    def gathered(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """``(n, pixels)`` and validity; NaN is not valid."""
        pixels = self.shape[0] * self.shape[1]
        stack = np.empty((len(self.layers), pixels), self.dtype)
        for row, layer in zip(stack, self.layers, strict=True):
            row[:] = np.broadcast_to(layer, self.shape).reshape(-1)
        valid: NDArray[np.bool_] | None = None
        if any(weight is not None for weight in self.weights):
            valid = np.empty(stack.shape, bool)
            for k, weight in enumerate(self.weights):
                valid[k] = True if weight is None else weight.reshape(-1)
        if stack.dtype.kind == "f":
            number = ~np.isnan(stack)
            if not number.all():
                valid = number if valid is None else valid & number
        self.layers, self.weights = [], []
        return stack, valid

    def shaped(self, values: NDArray[Any], counts: NDArray[Any]) -> Result:
        """Back to the block."""
        seen = counts > 0
        return values.reshape(self.shape), None if seen.all() else seen.reshape(self.shape)


class Median(Stacked):
    """Median: the middle value, or the mean of the middle two."""

    def finish(self) -> Result:
        """The median (double)."""
        return self.shaped(*network.median(*self.gathered()))


class Percentile(Stacked):
    """A percentile by linear interpolation between order statistics."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], percent: float) -> None:
        super().__init__(shape, dtype)
        self.share = min(max(percent, 0.0), 100.0) / 100

    def finish(self) -> Result:
        """The percentile (double)."""
        stack, valid = self.gathered()
        share = self.share
        (low, high), counts = network.ranked(
            stack,
            valid,
            lambda n: (np.floor(share * (n - 1)).astype(int), np.ceil(share * (n - 1)).astype(int)),
        )
        place = share * (counts - 1)
        part = place - np.floor(place)
        return self.shaped(
            low.astype("float64") * (1 - part) + high.astype("float64") * part, counts
        )


class Mode(Stacked):
    """The most frequent value; of several the smallest."""

    def finish(self) -> Result:
        """The mode, in the input's type."""
        stack, valid = self.gathered()
        n, pixels = stack.shape
        counts = np.full(pixels, n) if valid is None else valid.sum(axis=0)
        if valid is not None:
            stack[~valid] = network.sentinel(stack.dtype)
        for some in network.chunks(pixels, stack.dtype):
            part = np.ascontiguousarray(stack[:, some])
            network.sort_stack(part)
            stack[:, some] = part
        best = stack[0].copy()
        best_run = np.zeros(pixels, "int32")
        run = np.zeros(pixels, "int32")
        for k in range(n):
            same = stack[k] == stack[k - 1] if k else np.zeros(pixels, bool)
            run = np.where(same, run + 1, 1)
            better = (run > best_run) & (k < counts)
            best[better] = stack[k][better]
            best_run[better] = run[better]
        return self.shaped(best, counts)


Maker = Callable[[tuple[int, int], np.dtype[Any], Mapping[str, Any]], Fold]

FOLDS: dict[str, Maker] = {
    "Reducer.median": lambda shape, dtype, a: Median(shape, dtype),
    "Reducer.mean": lambda shape, dtype, a: Sum(shape, dtype, mean=True),
    "Reducer.sum": lambda shape, dtype, a: Sum(shape, dtype),
    "Reducer.count": lambda shape, dtype, a: Count(shape, dtype),
    "Reducer.min": lambda shape, dtype, a: Extreme(shape, dtype, largest=False),
    "Reducer.max": lambda shape, dtype, a: Extreme(shape, dtype, largest=True),
    "Reducer.product": lambda shape, dtype, a: Product(shape, dtype),
    "Reducer.allNonZero": lambda shape, dtype, a: Truth(shape, dtype, every=True),
    "Reducer.anyNonZero": lambda shape, dtype, a: Truth(shape, dtype, every=False),
    "Reducer.first": lambda shape, dtype, a: End(shape, dtype, last=False),
    "Reducer.firstNonNull": lambda shape, dtype, a: End(shape, dtype, last=False),
    "Reducer.last": lambda shape, dtype, a: End(shape, dtype, last=True),
    "Reducer.lastNonNull": lambda shape, dtype, a: End(shape, dtype, last=True),
    "Reducer.stdDev": lambda shape, dtype, a: Variance(shape, dtype, root=True),
    "Reducer.variance": lambda shape, dtype, a: Variance(shape, dtype, root=False),
    "Reducer.mode": lambda shape, dtype, a: Mode(shape, dtype),
}
"""Folds of single-output reducers by name; percentiles are made one by one by ``Percentile``."""

STREAMED = frozenset(FOLDS) - {"Reducer.median", "Reducer.mode"}
"""Reducers whose folds keep one running result instead of all that they are given."""
