"""Reductions of a stack of images per pixel, fed one image at a time.

Each fold has ``add(values, weight)`` with ``values`` ``(h, w)`` and ``weight`` None (all valid), bool, or
float in [0, 1] (a partial mask); ``finish`` returns values and where any image was valid (None =
everywhere). Weighted folds (mean, sum, variance) use partial masks as weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels
from ecumene.numerics import network
from ecumene.numerics.layers import COMPILED, INFINITY, Layer, absent, table

Ranks = Callable[[Any], tuple[Any, Any]]
"""Counts of valid values to two ranks (from 0)."""

Weight = NDArray[Any] | None
Result = tuple[NDArray[Any], NDArray[np.bool_] | None]


class Fold(Protocol):
    """One reduction in progress over a block."""

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""

    def offer(self, layer: Layer) -> None:
        """Takes one image as it is stored."""

    def finish(self) -> Result:
        """The reduction."""


class _Seen(ABC):
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

    def offer(self, layer: Layer) -> None:
        """Takes one image as it is stored."""
        values, valid = layer.gathered()
        self.add(values.reshape(self.shape), None if valid is None else valid.reshape(self.shape))

    @abstractmethod
    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""


class _Batched(_Seen):
    """A running result that a compiled kernel advances by several images at once.

    Images wait until there are ``BATCH`` of one type; ``advance`` is given their table.
    """

    BATCH = 16
    kernel = ""

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__(shape)
        self.waiting: list[Layer] = []

    def offer(self, layer: Layer) -> None:
        """Takes one image as it is stored."""
        if self._function() is None or layer.values.dtype.name not in COMPILED:
            super().offer(layer)
            return
        if self.waiting and self.waiting[0].values.dtype != layer.values.dtype:
            self.flush()
        self.waiting.append(layer)
        if len(self.waiting) >= self.BATCH:
            self.flush()

    def _function(self) -> Any:
        return kernels.ready(self.kernel)

    def flush(self) -> None:
        """Advances by the images that wait."""
        if not self.waiting:
            return
        layers, self.waiting = self.waiting, []
        pixels = self.shape[0] * self.shape[1]
        counts = np.zeros(pixels, np.int32)
        common = table(layers, pixels, False), 0, pixels, absent(layers, layers[0].values.dtype)
        self.advance(common, counts)
        if self.seen is not None:
            self.seen |= (counts > 0).reshape(self.shape)
            if self.seen.all():
                self.seen = None

    @abstractmethod
    def advance(self, common: tuple[Any, ...], counts: NDArray[np.int32]) -> None:
        """Calls the kernel; ``counts`` gets the number of valid values of this batch."""


class Sum(_Batched):
    """Weighted sum; with ``mean`` divided by the sum of weights."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], mean: bool = False) -> None:
        super().__init__(shape)
        self.mean = mean
        self.total = np.zeros(shape, "float64" if mean or dtype.kind == "f" else "int64")
        self.count = np.zeros(shape, "float64") if mean else None

    def _function(self) -> Any:
        return kernels.ready(f"running.{'totalled' if self.total.dtype.kind == 'i' else 'summed'}")

    def advance(self, common: tuple[Any, ...], counts: NDArray[np.int32]) -> None:
        """Sums and counts."""
        self._function()(*common, self.total.reshape(-1), counts)
        if self.count is not None:
            self.count += counts.reshape(self.shape)

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        self.flush()
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
        self.flush()
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


class Variance(_Batched):
    """Population variance, or its root, by Welford's update."""

    kernel = "running.spread"

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], root: bool) -> None:
        super().__init__(shape)
        self.root = root
        self.count, self.mean, self.squares = (np.zeros(shape) for _ in range(3))

    def advance(self, common: tuple[Any, ...], counts: NDArray[np.int32]) -> None:
        """Means and squares."""
        before = self.count.reshape(-1)
        self._function()(*common, self.mean.reshape(-1), self.squares.reshape(-1), before, counts)

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        self.flush()
        self.note(weight)
        w: Any = 1.0 if weight is None else weight.astype("float64")
        safe = values if weight is None else np.where(weight > 0, values, self.mean)
        self.count += w
        with np.errstate(invalid="ignore"):  # infinities
            delta = safe - self.mean
            self.mean += delta * w / np.where(self.count == 0, 1, self.count)
            self.squares += w * delta * (safe - self.mean)

    def finish(self) -> Result:
        """The variance or standard deviation."""
        self.flush()
        found = self.squares / np.where(self.count == 0, 1, self.count)
        return (np.sqrt(found) if self.root else found), self.seen


class Extreme(_Batched):
    """Smallest or largest value."""

    kernel = "running.extreme"

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], largest: bool) -> None:
        super().__init__(shape)
        worst: Any = np.inf if dtype.kind == "f" else None
        if worst is None:
            info = np.iinfo(dtype)
            worst = info.min if largest else info.max
        elif largest:
            worst = -worst
        self.best: NDArray[Any] = np.full(shape, worst, dtype)
        self.largest = largest
        self.pick = np.fmax if largest else np.fmin

    def offer(self, layer: Layer) -> None:
        """Takes one image as it is stored; of a smaller type it is converted first."""
        if layer.values.dtype != self.best.dtype:
            _Seen.offer(self, layer)
        else:
            super().offer(layer)

    def advance(self, common: tuple[Any, ...], counts: NDArray[np.int32]) -> None:
        """Smaller or larger values."""
        self._function()(*common, self.largest, self.best.reshape(-1), counts)

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image; its type may be smaller than the fold's."""
        self.flush()
        self.note(weight)
        self.pick(self.best, values, out=self.best, where=True if weight is None else weight > 0)

    def finish(self) -> Result:
        """The extreme."""
        self.flush()
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
    """Keeps the images of the block, as they are stored, for order statistics."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.layers: list[Layer] = []

    def add(self, values: NDArray[Any], weight: Weight) -> None:
        """Takes one image."""
        self.layers.append(Layer.of(np.broadcast_to(values, self.shape), weight, self.dtype))

    def offer(self, layer: Layer) -> None:
        """Takes one image as it is stored."""
        other = layer.values.dtype != self.dtype
        if other or (self.dtype.kind == "f" and layer.missing is not None):
            # Kernels compare the bits of floats, and zero has two.
            values, valid = layer.gathered()
            layer = Layer(values.astype(self.dtype, copy=False), None, valid)
        self.layers.append(layer)

    def gathered(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """``(n, pixels)`` and validity; NaN is not valid."""
        pixels = self.shape[0] * self.shape[1]
        stack = np.empty((len(self.layers), pixels), self.dtype)
        shown: list[NDArray[np.bool_] | None] = []
        for row, layer in zip(stack, self.layers, strict=True):
            row[:], valid = layer.gathered()
            shown.append(valid)
        self.layers = []
        valid = None
        if any(part is not None for part in shown):
            valid = np.empty(stack.shape, bool)
            for k, part in enumerate(shown):
                valid[k] = True if part is None else part
        if stack.dtype.kind == "f":
            number = ~np.isnan(stack)
            if not number.all():
                valid = number if valid is None else valid & number
        return stack, valid

    def ranked(self, ranks: Ranks) -> tuple[list[NDArray[Any]], NDArray[Any]]:
        """Values at two ranks of every pixel, and how many values are valid there."""
        kernel = kernels.ready("ordered.ranked")
        if kernel is None or not self.layers or self.dtype.name not in COMPILED:
            return network.ranked(*self.gathered(), ranks)
        layers, self.layers = self.layers, []
        return compiled_ranks(kernel, layers, self.shape[0] * self.shape[1], ranks)

    def shaped(self, values: NDArray[Any], counts: NDArray[Any]) -> Result:
        """Back to the block."""
        seen = counts > 0
        return values.reshape(self.shape), None if seen.all() else seen.reshape(self.shape)


def compiled_ranks(
    kernel: Any, layers: list[Layer], pixels: int, ranks: Ranks
) -> tuple[list[NDArray[Any]], NDArray[np.int32]]:
    """What ``network.ranked`` gives, by the compiled kernel."""
    n, dtype = len(layers), layers[0].values.dtype
    key = np.dtype(f"int{8 * dtype.itemsize}") if dtype.kind == "f" else dtype
    pairs = network.comparators(n) if n <= network.LARGEST else ()
    wanted = np.stack(ranks(np.arange(n + 1))).astype(np.int32)
    low, high = np.empty(pixels, key), np.empty(pixels, key)
    counts = np.empty(pixels, np.int32)
    kernel(
        table(layers, pixels, dtype.kind == "f"),
        absent(layers, dtype).view(key),
        INFINITY.get(dtype.name, 0),
        np.asarray(pairs, np.int32).reshape(-1, 2),
        wanted,
        0,
        pixels,
        low,
        high,
        counts,
    )
    return [low.view(dtype), high.view(dtype)], counts


class Median(Stacked):
    """Median: the middle value, or the mean of the middle two."""

    def finish(self) -> Result:
        """The median (double)."""
        (low, high), counts = self.ranked(lambda n: ((n - 1) // 2, n // 2))
        return self.shaped(network.middle(low, high), counts)


class Percentile(Stacked):
    """A percentile by linear interpolation between order statistics."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], percent: float) -> None:
        super().__init__(shape, dtype)
        self.share = min(max(percent, 0.0), 100.0) / 100

    def finish(self) -> Result:
        """The percentile (double)."""
        share = self.share
        (low, high), counts = self.ranked(
            lambda n: (np.floor(share * (n - 1)).astype(int), np.ceil(share * (n - 1)).astype(int))
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
