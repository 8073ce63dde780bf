"""Reducers on lists, columns and arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from ecumene.core.array import Array
from ecumene.core.dates import Date
from ecumene.core.errors import EvaluationError
from ecumene.core.query import Column
from ecumene.core.reducer import Reducer
from ecumene.core.typename import type_name
from ecumene.numerics.reducers.wrappers import of_rows

CHUNK = 65_536


def value_of(output: tuple[Any, Any]) -> Any:
    """A finished output as a plain value; None where nothing was there."""
    value, valid = output
    if valid is not None and not bool(np.all(valid)):
        return None
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return value.item()
        return value.tolist() if value.dtype == object else Array.of(value)
    return value.item() if isinstance(value, np.generic) else value


def _column(values: Sequence[Any]) -> Any:
    """Values as a numeric array where they all are numbers, else as objects."""
    if all(isinstance(v, int) and not isinstance(v, bool) and abs(v) < 2**62 for v in values):
        return np.asarray(values, "int64")
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return np.asarray(values, "float64")
    out = np.empty(len(values), object)
    for i, v in enumerate(values):
        out[i] = int(v) if isinstance(v, bool) else v.millis if isinstance(v, Date) else v
    return out


def _present(values: Sequence[Any]) -> Any:
    missing = [v is None for v in values]
    return None if not any(missing) else ~np.asarray(missing)


def _not_a_number(columns: Iterable[Any]) -> str:
    """Words for the first value that is no number."""
    for column in columns:
        for value in np.asarray(column).reshape(-1).tolist():
            if value is not None and not isinstance(value, int | float):
                shown = f"\nActual value: {value[:100]}" if isinstance(value, str) else ""
                return f"Invalid type.\nExpected type: Number.\nActual type: {type_name(value)}.{shown}"
    return "Values of an unexpected type."


class Folding:
    """A reducer at work on columns that come in runs."""

    def __init__(self, reducer: Reducer) -> None:
        self._reducer = reducer
        self._state = of_rows(reducer.accumulator)

    def add(self, inputs: Sequence[Any], weights: Sequence[Any]) -> None:
        """One array of values an input, and its weights (None = all present); EvaluationError for wrong types."""
        try:
            with np.errstate(all="ignore"):  # infinities give NaN here and there
                self._state = self._reducer.accumulator.add(self._state, inputs, weights)
        except (TypeError, ValueError) as error:
            raise EvaluationError(f"{self._reducer.name}: {_not_a_number(inputs)}") from error

    def finish(self) -> dict[str, Any]:
        """Outputs by name."""
        with np.errstate(all="ignore"):
            found = self._reducer.accumulator.finish(self._state)
        pairs = zip(self._reducer.outputs, found, strict=True)
        return {name: value_of(out) for name, out in pairs if name}


def input_of(column: Column) -> tuple[Any, Any]:
    """A column's values and presence as accumulators take them: whole numbers, numbers, else objects."""
    kind = column.values.dtype.kind
    if kind in "iu":
        return column.values.astype("int64", copy=False), column.present
    if kind == "f":
        return column.values.astype("float64", copy=False), column.present
    return _column(column.values.tolist()), column.present


def reduce_rows(reducer: Reducer, rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """Outputs by name of rows, each with one value per input; read in chunks."""
    folding = Folding(reducer)
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        columns = list(zip(*chunk, strict=True))
        folding.add([_column(c) for c in columns], [_present(c) for c in columns])
    return folding.finish()


def reduce_list(reducer: Reducer, items: Sequence[Any]) -> Any:
    """A list reduced: the value of a single output, else a dictionary; several inputs take tuples."""
    if reducer.inputs == 1:
        rows: list[Sequence[Any]] = [(item,) for item in items]
    else:
        rows = []
        for item in items:
            values = item.values.tolist() if isinstance(item, Array) else item
            if not isinstance(values, list) or len(values) != reducer.inputs:
                raise EvaluationError(
                    f"List.reduce: Each element must be a list of {reducer.inputs} values for this reducer."
                )
            rows.append(values)
    found = reduce_rows(reducer, rows)
    if len(found) == 1:
        return next(iter(found.values()))
    return found


def reduce_array(
    reducer: Reducer, array: Array, axes: Sequence[int], field_axis: int | None
) -> Array:
    """An array reduced along axes, which keep length one; several inputs or outputs lie along the field axis."""
    values = array.values
    _check_axes(values, axes)
    count = reducer.inputs
    if (count > 1 or len(reducer.output_names) > 1) and field_axis is None:
        raise EvaluationError(
            "Array.reduce: 'fieldAxis' is needed for reducers with several inputs or outputs."
        )
    if count > 1:
        assert field_axis is not None
        if not 0 <= field_axis < values.ndim or values.shape[field_axis] < count:
            raise EvaluationError(
                f"Array.reduce: The field axis must have at least {count} elements."
            )
        inputs = [np.take(values, [k], axis=field_axis) for k in range(count)]
    else:
        inputs = [values]
    samples = [_moved(v, axes) for v in inputs]
    cells = samples[0].shape[1:]
    accumulator = reducer.accumulator
    state = accumulator.start(cells)
    with _numbers("Array.reduce", reducer):
        if samples[0].size:
            state = accumulator.add(state, samples, [None] * count)
        planes = planes_of(reducer, state, cells)
    planes = [np.expand_dims(plane, tuple(sorted(axes))) for plane in planes]
    if len(planes) == 1:
        return Array.of(planes[0])
    return Array.of(_side_by_side(planes, field_axis))


def _check_axes(values: Any, axes: Sequence[int]) -> None:
    for axis in axes:
        if not 0 <= axis < values.ndim:
            raise EvaluationError(
                f"Array.reduce: Axis {axis} is out of range for an array of {values.ndim} dimensions."
            )
    if len(set(axes)) != len(axes):
        raise EvaluationError(f"Array.reduce: Axes must not be repeated. Got {list(axes)}.")


def _side_by_side(planes: Sequence[Any], axis: int | None) -> Any:
    """Outputs along the field axis, which they get if they have none; EvaluationError where they do not fit."""
    if not planes:
        raise EvaluationError("Array.reduce: The reducer has no outputs.")
    assert axis is not None
    if axis < 0 or len({plane.ndim for plane in planes}) > 1 or axis > planes[0].ndim:
        raise EvaluationError(
            f"Array.reduce: The reducer's outputs cannot be put side by side along axis {axis}."
        )
    if axis == planes[0].ndim:
        planes = [np.expand_dims(plane, axis) for plane in planes]
    rest = {plane.shape[:axis] + plane.shape[axis + 1 :] for plane in planes}
    if len(rest) > 1:
        raise EvaluationError("Array.reduce: The reducer's outputs are arrays of different shapes.")
    return np.concatenate(planes, axis=axis)


@contextmanager
def _numbers(name: str, reducer: Reducer) -> Iterator[None]:
    """Failures of an accumulator on arrays as an EvaluationError: some take other things than numbers."""
    try:
        with np.errstate(all="ignore"):
            yield
    except (TypeError, ValueError, IndexError) as error:
        raise EvaluationError(f"{name}: {reducer.name} cannot reduce these numbers.") from error


def accumulated(reducer: Reducer, values: Any, check: Callable[[], None]) -> Any:
    """Along the first axis of an array, at each place the only output of everything up to there."""
    accumulator = reducer.accumulator
    cells = values.shape[1:]
    state, parts = accumulator.start(cells), []
    with _numbers("Array.accum", reducer):
        for place in range(len(values)):
            check()
            state = accumulator.add(state, [values[place : place + 1]], [None])
            (plane,) = planes_of(reducer, state, cells)
            if plane.shape != cells:
                raise EvaluationError("Array.accum: The reducer must give numbers.")
            parts.append(plane)
    return np.stack(parts)


def planes_of(reducer: Reducer, state: Any, cells: tuple[int, ...]) -> list[Any]:
    """The outputs of cells that are kept as arrays of numbers, 0 where there is none. EvaluationError for others."""
    planes = []
    found = reducer.accumulator.finish(state)
    for name, (value, valid) in zip(reducer.outputs, found, strict=True):
        if not name:
            continue
        plane = np.zeros(cells) if value is None else np.asarray(value)
        if plane.dtype == object:
            try:
                plane = np.asarray(plane.tolist(), "float64")
            except (TypeError, ValueError):
                plane = np.empty((), "U1")
        if plane.dtype.kind not in "iufb" or plane.shape[: len(cells)] != cells:
            raise EvaluationError(
                f"{reducer.name}: Output '{name}' is not an array of numbers of one shape."
            )
        if valid is not None:
            there = np.broadcast_to(np.asarray(valid), cells)
            plane = np.where(there.reshape(cells + (1,) * (plane.ndim - len(cells))), plane, 0)
        planes.append(plane)
    return planes


def _moved(values: Any, axes: Sequence[int]) -> Any:
    moved = np.moveaxis(values, list(axes), range(len(axes)))
    rest = moved.shape[len(axes) :]
    return moved.reshape(math.prod(moved.shape[: len(axes)]), *rest)
