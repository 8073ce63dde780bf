"""Counts, sums, means, variances and higher moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.pixel_type import INT64
from ecumene.numerics.elementwise import saturate
from ecumene.numerics.reducers.zonal import Block

Output = list[tuple[Any, Any]]


def presence(values: NDArray[Any], weights: Any) -> NDArray[np.float64]:
    """Weights as doubles, zero where a sample is absent or NaN."""
    shape = values.shape
    found = np.ones(shape) if weights is None else np.broadcast_to(weights, shape).astype("float64")
    if values.dtype.kind == "f":
        found = np.where(np.isnan(values), 0.0, found)
    return found


def numeric(values: Any) -> NDArray[Any]:
    """Samples as numbers; objects (from lists) become doubles, None NaN."""
    array = np.asarray(values)
    if array.dtype == object:
        flat = [np.nan if v is None else float(v) for v in array.reshape(-1)]
        array = np.asarray(flat, "float64").reshape(array.shape)
    return array


@dataclass(slots=True)
class State:
    """Weight, weighted mean and central sums of powers of the samples of every cell."""

    weight: NDArray[np.float64]
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]
    m3: NDArray[np.float64]
    m4: NDArray[np.float64]


class Moments:
    """Weighted central moments up to an order, merged after Chan, Golub & LeVeque and Pébay (2008)."""

    def __init__(self, order: int, finish: Any) -> None:
        self.order = order
        self._finish = finish

    def start(self, shape: tuple[int, ...]) -> State:
        """No samples."""
        return State(*(np.zeros(shape) for _ in range(5)))

    def add(self, state: State, inputs: Sequence[Any], weights: Sequence[Any]) -> State:
        """Moments of the new samples, merged with the old."""
        values = numeric(inputs[0])
        w = presence(values, weights[0])
        clean = np.where(w > 0, values, 0.0)
        total = w.sum(axis=0)
        with np.errstate(
            invalid="ignore"
        ):  # infinite samples: their mean is infinite, the rest not a number
            mean = (w * clean).sum(axis=0) / np.where(total == 0, 1, total)
            delta = clean - mean
            powers = [
                (w * delta**k).sum(axis=0) if k <= self.order else np.zeros_like(total)
                for k in (2, 3, 4)
            ]
            return self.merge(state, State(total, mean, *powers))

    def zonal(self, block: Block) -> State:
        """Moments of the zones of a block."""
        return State(*block.moments(self.order))

    def merge(self, a: State, b: State) -> State:
        """Moments of both."""
        n = a.weight + b.weight
        safe = np.where(n == 0, 1, n)
        d = b.mean - a.mean
        ab = a.weight * b.weight
        mean = a.mean + d * b.weight / safe
        m2 = a.m2 + b.m2 + d**2 * ab / safe
        m3, m4 = a.m3, a.m4
        if self.order >= 3:
            m3 = a.m3 + b.m3 + d**3 * ab * (a.weight - b.weight) / safe**2
            m3 = m3 + 3 * d * (a.weight * b.m2 - b.weight * a.m2) / safe
        if self.order >= 4:
            m4 = a.m4 + b.m4 + d**4 * ab * (a.weight**2 - ab + b.weight**2) / safe**3
            m4 = m4 + 6 * d**2 * (a.weight**2 * b.m2 + b.weight**2 * a.m2) / safe**2
            m4 = m4 + 4 * d * (a.weight * b.m3 - b.weight * a.m3) / safe
        return State(n, np.where(n == 0, 0, mean), m2, m3, m4)

    def finish(self, state: State) -> Output:
        """The statistic and where it exists."""
        with np.errstate(all="ignore"):
            value, valid = self._finish(state)
        return [(value, valid)]


def _ratio(a: Any, b: Any) -> Any:
    return a / np.where(b == 0, 1, b)


def _kurtosis(s: State) -> Any:
    return _ratio(s.m4 * s.weight, s.m2**2) - 3


MEAN = Moments(1, lambda s: (s.mean, s.weight > 0))
VARIANCE = Moments(2, lambda s: (_ratio(s.m2, s.weight), s.weight > 0))
STD_DEV = Moments(2, lambda s: (np.sqrt(_ratio(s.m2, s.weight)), s.weight > 0))
SAMPLE_VARIANCE = Moments(2, lambda s: (_ratio(s.m2, s.weight - 1), s.weight > 1))
SAMPLE_STD_DEV = Moments(
    2, lambda s: (np.sqrt(np.maximum(_ratio(s.m2, s.weight - 1), 0)), s.weight > 1)
)
SKEW = Moments(
    3, lambda s: (_ratio(s.m3 * np.sqrt(s.weight), s.m2**1.5), (s.weight > 0) & (s.m2 > 0))
)
KURTOSIS = Moments(4, lambda s: (_kurtosis(s), (s.weight > 0) & (s.m2 > 0)))


class Total:
    """Weighted sum (integers stay exact while weights are one)."""

    def start(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """Zero."""
        return np.zeros(shape, "int64"), np.zeros(shape, bool)

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More samples."""
        values = numeric(inputs[0])
        w = presence(values, weights[0])
        seen = state[1] | (w > 0).any(axis=0)
        whole = bool(((w == 0) | (w == 1)).all())
        if values.dtype.kind in "iub" and whole:
            part = np.where(w > 0, values, 0).astype("int64").sum(axis=0)
        else:
            part = (w * np.where(w > 0, values, 0.0)).sum(axis=0)
        return state[0] + part, seen

    def zonal(self, block: Block) -> Any:
        """Sums of the zones of a block."""
        weight, mean = block.moments(1)[:2]
        total = weight * mean
        return np.rint(total).astype("int64") if block.whole else total, weight > 0

    def merge(self, left: Any, right: Any) -> Any:
        """Sum of both."""
        return left[0] + right[0], left[1] | right[1]

    def finish(self, state: Any) -> Output:
        """The sum."""
        return [state]


class Counting:
    """Number of present samples (``every``: of all samples, absent ones included)."""

    def __init__(self, every: bool = False) -> None:
        self.every = every

    def start(self, shape: tuple[int, ...]) -> Any:
        """Zero."""
        return np.zeros(shape, "int64")

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More samples."""
        values = np.asarray(inputs[0])
        if self.every:
            return state + values.shape[0]
        if values.dtype == object:
            here = np.asarray([v is not None for v in values.reshape(-1)]).reshape(values.shape)
        else:
            here = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
        if weights[0] is not None:
            here = here & (np.broadcast_to(weights[0], values.shape) > 0)
        return state + here.sum(axis=0)

    def zonal(self, block: Block) -> Any:
        """Counts of the zones of a block."""
        return block.extremes()[2]

    def merge(self, left: Any, right: Any) -> Any:
        """Sum of both."""
        return left + right

    def finish(self, state: Any) -> Output:
        """The count; always there."""
        return [(state, None)]


class Folding:
    """A binary operation with a neutral element: product, bit operations, all, any."""

    def __init__(self, neutral: Any, operation: Any, prepare: Any, dtype: str) -> None:
        self.neutral, self.operation, self.prepare, self.dtype = neutral, operation, prepare, dtype

    def start(self, shape: tuple[int, ...]) -> Any:
        """The neutral element."""
        return np.full(shape, self.neutral, self.dtype), np.zeros(shape, bool)

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More samples."""
        values = numeric(inputs[0])
        here = presence(values, weights[0]) > 0
        prepared = self.prepare(np.where(here, values, 0)).astype(self.dtype)
        prepared = np.where(here, prepared, np.asarray(self.neutral, self.dtype))
        return self.operation(state[0], self.operation.reduce(prepared, axis=0)), state[
            1
        ] | here.any(axis=0)

    def merge(self, left: Any, right: Any) -> Any:
        """Both."""
        return self.operation(left[0], right[0]), left[1] | right[1]

    def finish(self, state: Any) -> Output:
        """The result."""
        return [state]


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers as 64-bit integers: fractions are cut off, those beyond the ends are the ends."""
    return values if values.dtype.kind in "iub" else saturate(values, INT64)


PRODUCT = Folding(1.0, np.multiply, lambda v: v, "float64")
ALL = Folding(1, np.minimum, lambda v: v != 0, "int64")
ANY = Folding(0, np.maximum, lambda v: v != 0, "int64")
BIT_AND = Folding(-1, np.bitwise_and, _whole, "int64")
BIT_OR = Folding(0, np.bitwise_or, _whole, "int64")


class Extremes:
    """Smallest and/or largest sample; of several inputs, the companions of the extreme come along.

    A sample counts where all of its inputs are present.
    """

    def __init__(self, kinds: Sequence[str], companions: int = 0) -> None:
        self.kinds, self.companions = tuple(kinds), companions

    def start(self, shape: tuple[int, ...]) -> Any:
        """Nothing."""
        return None

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More samples."""
        values = np.asarray(inputs[0])
        if values.dtype == object and any(isinstance(v, str) for v in values.reshape(-1)):
            return self._text(state, values, weights[0])
        arrays = [numeric(v) for v in inputs]
        here = presence(arrays[0], weights[0]) > 0
        for array, weight in zip(arrays[1:], weights[1:], strict=True):
            here = here & (presence(array, weight) > 0)
        parts = []
        for kind in self.kinds:
            worst = np.inf if kind == "min" else -np.inf
            guarded = np.where(here, arrays[0].astype("float64"), worst)
            place = guarded.argmin(axis=0) if kind == "min" else guarded.argmax(axis=0)
            parts.append([np.take_along_axis(a, place[None], axis=0)[0] for a in arrays])
        return self.merge(state, (parts, here.any(axis=0)))

    def zonal(self, block: Block) -> Any:
        """Extremes of the zones of a block."""
        low, high, count = block.extremes()
        return [[low if kind == "min" else high] for kind in self.kinds], count > 0

    def _text(self, state: Any, values: NDArray[Any], weights: Any) -> Any:
        texts = [v for v in values.reshape(-1) if v is not None]
        parts = [
            [np.asarray(min(texts) if kind == "min" else max(texts), object)] for kind in self.kinds
        ]
        return self.merge(state, (parts, np.asarray(True)))

    def merge(self, left: Any, right: Any) -> Any:
        """Extremes of both; of equals the earlier."""
        if left is None or right is None:
            return right if left is None else left
        parts = []
        for kind, a, b in zip(self.kinds, left[0], right[0], strict=True):
            better = b[0] < a[0] if kind == "min" else b[0] > a[0]
            take = right[1] & (better | ~left[1])
            parts.append([np.where(take, y, x) for x, y in zip(a, b, strict=True)])
        return parts, left[1] | right[1]

    def finish(self, state: Any) -> Output:
        """One result per kind, or the companions of the first kind."""
        count = (1 + self.companions) if self.companions else len(self.kinds)
        if state is None:
            return [(None, np.asarray(False))] * count
        if self.companions:
            return [(value, state[1]) for value in state[0][0]]
        return [(part[0], state[1]) for part in state[0]]


class Ends:
    """The first or last sample (``present``: that is not absent); all inputs of that sample."""

    def __init__(self, last: bool, present: bool) -> None:
        self.last, self.present = last, present

    def start(self, shape: tuple[int, ...]) -> Any:
        """Nothing."""
        return None

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More samples."""
        values = np.asarray(inputs[0])
        if values.shape[0] == 0:
            return state
        if values.dtype == object:
            here = np.asarray([v is not None for v in values.reshape(-1)]).reshape(values.shape)
        else:
            here = np.ones(values.shape, bool)
        if weights[0] is not None:
            here = here & (np.broadcast_to(weights[0], values.shape) > 0)
        choose = here if self.present or values.dtype != object else np.ones(values.shape, bool)
        order = choose[::-1] if self.last else choose
        place = order.argmax(axis=0)
        place = values.shape[0] - 1 - place if self.last else place
        taken = np.take_along_axis(values, np.asarray(place)[None], axis=0)[0]
        some = np.take_along_axis(here, np.asarray(place)[None], axis=0)[0]
        return self.merge(state, (taken, some, choose.any(axis=0)))

    def zonal(self, block: Block) -> Any:
        """Ends of the zones of a block."""
        values, _, zone = block.samples()
        end = np.ones(zone.size, bool)
        change = zone[1:] != zone[:-1]
        if self.last:
            end[:-1] = change
        else:
            end[1:] = change
        taken, seen = np.zeros(block.zones, values.dtype), np.zeros(block.zones, bool)
        taken[zone[end]], seen[zone] = values[end], True
        return taken, seen, seen

    def merge(self, left: Any, right: Any) -> Any:
        """The end of both."""
        if left is None or right is None:
            return right if left is None else left
        first, second = (right, left) if self.last else (left, right)
        use = first[2]
        return (
            np.where(use, first[0], second[0]),
            np.where(use, first[1], second[1]),
            first[2] | second[2],
        )

    def finish(self, state: Any) -> Output:
        """The sample."""
        if state is None:
            return [(None, np.asarray(False))]
        value = state[0]
        return [(_plain(value), state[1])]


def _plain(value: Any) -> Any:
    """A single value of any type as itself; NumPy may have unpacked it already."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype == object:
        return value.item()
    return value
