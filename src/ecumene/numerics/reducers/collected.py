"""Statistics that keep samples, or the different values among them: lists, frequencies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ecumene.core.errors import LimitExceeded
from ecumene.numerics.reducers.moments import Output, numeric, presence

MOST_BYTES = 2**30
"""Bytes of samples that one reduction may keep."""

TALLIES = 32
"""So many tallies of numbers become one."""


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

    def held(self, samples: float) -> float:
        """Bytes at most of a state of so many samples."""
        return 16 * samples

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """More rows; with ``skip`` those with an absent value are left out."""
        columns = [np.asarray(v) if not isinstance(v, np.ndarray) else v for v in inputs]
        state[1].append((columns, weights))
        bounded(state[1])
        return state

    def merge(self, left: Any, right: Any) -> Any:
        """Rows of both."""
        parts = [*left[1], *right[1]]
        bounded(parts)
        return left[0], parts

    def finish(self, state: Any) -> Output:
        """Outputs of the rows of each cell."""
        shape, parts = state
        if shape == ():
            return [
                (value, None if value is not None else np.asarray(False))
                for value in self._cell(parts, ())
            ]
        cells = list(np.ndindex(*shape))
        rows = [self._rows(parts, cell) for cell in cells]
        found = [self._finish(*held) for held in rows]
        some = np.asarray([bool(held[0]) for held in rows]).reshape(shape)
        return [(_stacked([one[k] for one in found], shape), some) for k in range(self.outputs)]

    def _cell(self, parts: list[Any], cell: tuple[int, ...]) -> list[Any]:
        return self._finish(*self._rows(parts, cell))

    def _rows(
        self, parts: list[Any], cell: tuple[int, ...]
    ) -> tuple[list[tuple[Any, ...]], list[float]]:
        """The samples of a cell and their weights."""
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
        return rows, weight


def _stacked(values: list[Any], shape: tuple[int, ...]) -> Any:
    """Results of cells as one array: numbers and arrays of one shape densely, others as objects."""
    arrays = [np.asarray(value) for value in values]
    kinds = {array.shape for array in arrays}
    if len(kinds) == 1:
        return np.stack(arrays).reshape((*shape, *kinds.pop()))
    out = np.empty(len(arrays), object)
    out[:] = arrays
    return out.reshape(shape)


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

    def held(self, samples: float) -> float:
        """Bytes of a state of so many samples, if they have no more different values than 16 bits have."""
        return 16 * min(samples, 2**16)

    def merge(self, left: Any, right: Any) -> Any:
        """Tallies of both; now and then many become one."""
        parts = [*left[1], *right[1]]
        if len(parts) >= TALLIES and left[0] == ():
            parts = _unified(parts)
        return super().merge((left[0], parts), (left[0], []))


def _unified(parts: list[Any]) -> list[Any]:
    """One tally in place of all that are of numbers."""
    plain = [part for part in parts if part[0][0].dtype != object and part[1][0] is not None]
    if len(plain) < TALLIES // 2:
        return parts
    values, place = np.unique(np.concatenate([c[0] for c, _ in plain]), return_inverse=True)
    total = np.bincount(place, np.concatenate([w[0] for _, w in plain]), minlength=values.size)
    return [
        *(part for part in parts if part[0][0].dtype == object or part[1][0] is None),
        ([values], [total]),
    ]


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


def _different(rows: list[tuple[Any, ...]], weights: list[float]) -> list[Any]:
    return [len({_identity(row[0]) for row in rows})]


def _identity(value: Any) -> Any:
    """Equal for values that are: numbers by what they are worth, others by their text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return (type(value).__name__, repr(value))


COUNT_DISTINCT = Distinct(_different, skip=False)
COUNT_DISTINCT_NON_NULL = Distinct(_different)


def _runs(rows: list[tuple[Any, ...]], weights: list[float]) -> list[Any]:
    return [sum(1 for i, row in enumerate(rows) if i == 0 or row != rows[i - 1])]


COUNT_RUNS = Samples(_runs)


def to_list(tuple_size: int | None, optional: int | None) -> Samples:
    """Samples as a list, in tuples of a size; the last ``optional`` inputs may be absent."""
    size = tuple_size or 1

    def finish(rows: list[tuple[Any, ...]], weights: list[float]) -> list[Any]:
        needed = size - (optional or 0)
        kept = [row for row in rows if all(v is not None for v in row[:needed])]
        return [[row[0] for row in kept] if tuple_size is None else [list(r) for r in kept]]

    return Samples(finish, skip=optional is None)
