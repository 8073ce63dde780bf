"""Accumulators made of other accumulators: combined, grouped, repeated, without weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.array import Array
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.numerics.reducers.moments import Output, Total

MOST_GROUPS = 500_000
"""Values of a key that one grouped reducer tells apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Both kinds of weights of samples: the covered fraction, and whether the centre is inside."""

    covered: NDArray[Any]
    inside: NDArray[Any]

    def __getitem__(self, chosen: Any) -> Cover:
        return Cover(self.covered[chosen], self.inside[chosen])

    @property
    def any(self) -> NDArray[np.bool_]:
        """Samples that count in some way."""
        return np.asarray((self.covered > 0) | (self.inside > 0))


class Combined:
    """Several accumulators, each with its share of the inputs.

    Parameters
    ----------
    parts : accumulators with the positions of their inputs.
    weighted : for each part which of its inputs take the covered fraction where weights are ``Cover``; None:
        the part decides itself.
    """

    def __init__(
        self,
        parts: Sequence[tuple[Any, tuple[int, ...]]],
        weighted: Sequence[Sequence[bool] | None] | None = None,
    ) -> None:
        self.parts = list(parts)
        self.weighted = list(weighted) if weighted is not None else [None] * len(self.parts)

    def start(self, shape: tuple[int, ...]) -> Any:
        """All empty."""
        return [part.start(shape) for part, _ in self.parts]

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """Every part with its inputs."""
        return [
            part.add(s, [inputs[i] for i in use], _chosen([weights[i] for i in use], weighted))
            for (part, use), weighted, s in zip(self.parts, self.weighted, state, strict=True)
        ]

    def merge(self, left: Any, right: Any) -> Any:
        """Every part."""
        return [part.merge(a, b) for (part, _), a, b in zip(self.parts, left, right, strict=True)]

    def finish(self, state: Any) -> Output:
        """Outputs one after the other."""
        return [
            out for (part, _), s in zip(self.parts, state, strict=True) for out in part.finish(s)
        ]


def held(accumulator: Any, samples: float) -> float:
    """Bytes at most of an accumulator's state of so many samples; small fixed ones count nothing."""
    own = getattr(accumulator, "held", None)
    if own is not None:
        return float(own(samples))
    if isinstance(accumulator, Combined):
        return sum(held(part, samples) for part, _ in accumulator.parts)
    inner = getattr(accumulator, "inner", None)
    count = accumulator.count if isinstance(accumulator, Repeated) else 1
    return 0.0 if inner is None else count * held(inner, samples)


def of_rows(accumulator: Any) -> Any:
    """An empty state for a list or a column: there, other than in a region, the sum of nothing is 0."""
    match accumulator:
        case Total():
            return np.zeros((), "int64"), np.ones((), bool)
        case Combined():
            return [of_rows(part) for part, _ in accumulator.parts]
        case Repeated():
            return [of_rows(accumulator.inner) for _ in range(accumulator.count)]
        case Unweighted():
            return of_rows(accumulator.inner)
        case Disaggregated():
            return (), of_rows(accumulator.inner)
    return accumulator.start(())


def _chosen(weights: list[Any], weighted: Sequence[bool] | None) -> list[Any]:
    """One kind of weights for each input of a part."""
    if weighted is None:
        return weights
    return [
        (w.covered if fractions else w.inside) if isinstance(w, Cover) else w
        for w, fractions in zip(weights, weighted, strict=True)
    ]


class Unweighted:
    """Every present sample has weight one."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def start(self, shape: tuple[int, ...]) -> Any:
        """Empty."""
        return self.inner.start(shape)

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """Weights above zero count as one."""
        return self.inner.add(
            state, inputs, [None if w is None else np.asarray(w) > 0 for w in weights]
        )

    def merge(self, left: Any, right: Any) -> Any:
        """Both."""
        return self.inner.merge(left, right)

    def finish(self, state: Any) -> Output:
        """The inner outputs."""
        found: Output = self.inner.finish(state)
        return found


class SplitWeights(Unweighted):
    """Weighted inputs come in pairs: values and their weights.

    Parameters
    ----------
    weighted : for each input of the inner accumulator whether it is one of those.
    """

    def __init__(self, inner: Any, weighted: Sequence[bool]) -> None:
        super().__init__(inner)
        self.weighted = list(weighted)

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """The second of each pair becomes the weight of the first."""
        from ecumene.numerics.reducers.moments import numeric

        values, fresh = [], []
        k = 0
        for weighted in self.weighted:
            w = None if weights[k] is None else np.asarray(weights[k]) > 0
            if weighted:
                own = np.nan_to_num(numeric(inputs[k + 1]).astype("float64"))
                w = own if w is None else own * w
            values.append(inputs[k])
            fresh.append(w)
            k += 1 + weighted
        return self.inner.add(state, values, fresh)


class Selected(Unweighted):
    """Weights as they are; used where only outputs are renamed or dropped."""

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """Unchanged."""
        return self.inner.add(state, inputs, weights)


class Repeated:
    """The same accumulator for ``count`` groups of inputs; every output is a list."""

    def __init__(self, inner: Any, inputs: int, count: int, *, listed: bool = True) -> None:
        self.inner, self.inputs, self.count, self.listed = inner, inputs, count, listed

    def start(self, shape: tuple[int, ...]) -> Any:
        """All empty."""
        return [self.inner.start(shape) for _ in range(self.count)]

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """Each group."""
        k = self.inputs
        return [
            self.inner.add(s, inputs[i * k : (i + 1) * k], weights[i * k : (i + 1) * k])
            for i, s in enumerate(state)
        ]

    def merge(self, left: Any, right: Any) -> Any:
        """Each group."""
        return [self.inner.merge(a, b) for a, b in zip(left, right, strict=True)]

    def finish(self, state: Any) -> Output:
        """Lists of the groups' outputs, or the groups one after the other."""
        outputs = [self.inner.finish(s) for s in state]
        if not self.listed:
            return [out for group in outputs for out in group]
        return [([_value(group[k]) for group in outputs], None) for k in range(len(outputs[0]))]


def _value(output: tuple[Any, Any]) -> Any:
    value, valid = output
    if valid is not None and not bool(np.all(valid)):
        return None
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


class Grouped:
    """One accumulator for every value of a key input; outputs a list of dictionaries by ascending key."""

    def __init__(self, inner: Any, field: int, name: str, outputs: Sequence[str | None]) -> None:
        self.inner, self.field, self.name, self.outputs = inner, field, name, list(outputs)

    def start(self, shape: tuple[int, ...]) -> Any:
        """No groups."""
        return shape, {}

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """Samples of each key to its group; samples without key are left out."""
        shape, groups = state
        keys = np.asarray(inputs[self.field])
        here = np.ones(keys.shape, bool)
        own = weights[self.field]
        if own is not None:
            here = own.any if isinstance(own, Cover) else np.asarray(own) > 0
        if keys.dtype == object:
            here = here & np.asarray([k is not None for k in keys])
        elif keys.dtype.kind == "f":
            here = here & ~np.isnan(keys)
        rest = [i for i in range(len(inputs)) if i != self.field]
        groups = dict(groups)
        for key, chosen in _members(keys, here):
            part = self.inner.add(
                self.inner.start(()),
                [np.asarray(inputs[i])[chosen] for i in rest],
                [None if weights[i] is None else weights[i][chosen] for i in rest],
            )
            groups[key] = self.inner.merge(groups[key], part) if key in groups else part
        if len(groups) > MOST_GROUPS:
            raise LimitExceeded(f"Reducer.group: There are more than {MOST_GROUPS} groups.")
        return shape, groups

    def merge(self, left: Any, right: Any) -> Any:
        """Group by group."""
        groups = dict(left[1])
        for key, state in right[1].items():
            groups[key] = self.inner.merge(groups[key], state) if key in groups else state
        return left[0], groups

    def finish(self, state: Any) -> Output:
        """The list of groups."""
        out = []
        for key in sorted(state[1], key=lambda k: (isinstance(k, str), k)):
            entry: dict[str, Any] = {self.name: key}
            for name, output in zip(self.outputs, self.inner.finish(state[1][key]), strict=True):
                if name:
                    entry[name] = _value(output)
            out.append(entry)
        return [(out, None)]


def _members(keys: NDArray[Any], here: NDArray[np.bool_]) -> Iterator[tuple[Any, Any]]:
    """Every key among some samples, in ascending order, with the places of its samples."""
    places = np.flatnonzero(here)
    held = keys.ravel()[places]
    if keys.dtype == object:
        listed = held.tolist()
        distinct = sorted(set(listed), key=lambda k: (isinstance(k, str), k))
        numbers = {key: number for number, key in enumerate(distinct)}
        codes = np.fromiter((numbers[key] for key in listed), np.intp, len(listed))
    else:
        found, codes = np.unique(held, return_inverse=True)
        distinct = [_plain(key) for key in found.tolist()]
    order = places[np.argsort(codes, kind="stable")]
    ends = np.cumsum(np.bincount(codes, minlength=len(distinct))).tolist()
    for key, start, end in zip(distinct, [0, *ends[:-1]], ends, strict=True):
        chosen = order[start:end]
        yield key, chosen if keys.ndim == 1 else np.unravel_index(chosen, keys.shape)


def _plain(key: Any) -> Any:
    return int(key) if isinstance(key, float) and key.is_integer() else key


class Elements:
    """Reduces arrays element by element, or lists item by item: one more axis of cells."""

    def __init__(self, inner: Any, outputs: int) -> None:
        self.inner, self.outputs = inner, outputs

    def start(self, shape: tuple[int, ...]) -> Any:
        """The shape of the elements is known with the first sample."""
        return shape, None

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """Arrays of equal shape."""
        shape, inner = state
        values = [_of_one_shape(column) for column in inputs]
        more = values[0].shape[1 + len(shape) :]
        if inner is None:
            inner = self.inner.start((*shape, *more))
        spread = [
            None
            if w is None
            else np.broadcast_to(np.asarray(w).reshape(*np.shape(w), *(1,) * len(more)), v.shape)
            for w, v in zip(weights, values, strict=True)
        ]
        return shape, self.inner.add(inner, values, spread)

    def merge(self, left: Any, right: Any) -> Any:
        """Both."""
        if left[1] is None or right[1] is None:
            return right if left[1] is None else left
        return left[0], self.inner.merge(left[1], right[1])

    def finish(self, state: Any) -> Output:
        """Arrays of the inner outputs."""
        if state[1] is None:
            return [(None, np.asarray(False))] * self.outputs
        cells = len(state[0])
        found = []
        for value, valid in self.inner.finish(state[1]):
            good = None if valid is None else np.asarray(valid)
            found.append(
                (value, None if good is None else good.all(tuple(range(cells, good.ndim))))
            )
        return found


def _of_one_shape(column: Any) -> NDArray[Any]:
    """Arrays or lists side by side; EvaluationError if their shapes differ or they hold no numbers."""
    given = np.asarray(column) if not isinstance(column, np.ndarray) else column
    if given.dtype != object:
        return given
    try:
        found = np.stack([np.asarray(getattr(v, "values", v)) for v in given])
    except ValueError:
        found = np.empty(0, object)
    if found.dtype.kind not in "biuf":
        raise EvaluationError(
            "Reducer.forEachElement: Inputs must be arrays of numbers of the same shape."
        )
    return found


class Disaggregated:
    """Takes lists, arrays or dictionaries apart and reduces their items; other values are items themselves.

    Several inputs are taken apart side by side, each into as many items. Items weigh what they were in.
    """

    def __init__(self, inner: Any, axis: int | None) -> None:
        self.inner, self.axis = inner, axis

    def start(self, shape: tuple[int, ...]) -> Any:
        """The cells' shape, and nothing."""
        return shape, self.inner.start(shape)

    def add(self, state: Any, inputs: Sequence[Any], weights: Sequence[Any]) -> Any:
        """Every item is a sample. EvaluationError for inputs of different lengths."""
        shape, inner = state
        if any(np.asarray(values).dtype == object for values in inputs):
            columns, places = zip(*(self._of_objects(values) for values in inputs), strict=True)
        else:
            columns, places = zip(*(self._dense(v, len(shape)) for v in inputs), strict=True)
        if any(not np.array_equal(place, places[0]) for place in places):
            raise EvaluationError(
                "Reducer.disaggregate: Inputs must have the same number of items."
            )
        if not len(places[0]):
            return state
        heavy = [_of_items(w, places[0], c) for w, c in zip(weights, columns, strict=True)]
        return shape, self.inner.add(inner, columns, heavy)

    def _dense(self, values: Any, cells: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Items ``(m, *cells)`` of arrays of numbers, and the sample that each was in."""
        array = np.asarray(values)
        count, first = array.shape[0], 1 + cells
        if array.ndim == first:
            return array, np.arange(count)
        if self.axis is None:
            moved = np.moveaxis(array.reshape(*array.shape[:first], -1), -1, 1)
        else:
            self._check(array.ndim - first)
            moved = np.moveaxis(array, first + self.axis, 1)
        items = moved.shape[1]
        return moved.reshape(count * items, *moved.shape[2:]), np.repeat(np.arange(count), items)

    def _of_objects(self, values: Any) -> tuple[Any, NDArray[np.int64]]:
        apart = [self._items(value) for value in values]
        place = np.repeat(np.arange(len(apart)), [len(items) for items in apart])
        return _objects([item for items in apart for item in items]), place

    def _items(self, value: Any) -> list[Any]:
        held = getattr(value, "values", value)
        if isinstance(value, dict):
            return list(value.values())
        if isinstance(held, np.ndarray) and held.ndim:
            if self.axis is None:
                return list(held.reshape(-1).tolist())
            self._check(held.ndim)
            parts = np.moveaxis(held, self.axis, 0)
            return parts.tolist() if parts.ndim == 1 else [Array.of(part) for part in parts]
        if isinstance(held, np.ndarray | np.generic):
            return [held.item()]
        return list(held) if isinstance(held, list) else [value]

    def _check(self, axes: int) -> None:
        if self.axis is not None and not 0 <= self.axis < axes:
            raise EvaluationError(
                f"Reducer.disaggregate: Axis {self.axis} is out of range for an array of {axes} dimensions."
            )

    def merge(self, left: Any, right: Any) -> Any:
        """Items of both."""
        return left[0], self.inner.merge(left[1], right[1])

    def finish(self, state: Any) -> Output:
        """The inner outputs."""
        found: Output = self.inner.finish(state[1])
        return found


def _of_items(weights: Any, place: NDArray[np.int64], items: Any) -> Any:
    """The weight of the sample that each item was in; 0 for items that are null."""
    there = None
    if np.asarray(items).dtype == object:
        there = np.asarray([item is not None for item in items])
        there = None if there.all() else there
    if weights is None:
        return there
    chosen = weights[place]
    if there is None:
        return chosen
    if isinstance(chosen, Cover):
        return Cover(chosen.covered * there, chosen.inside * there)
    return chosen * there


def _objects(values: list[Any]) -> Any:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return np.asarray(values)
    out = np.empty(len(values), object)
    out[:] = values
    return out
