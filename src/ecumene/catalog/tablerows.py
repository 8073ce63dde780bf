"""Conditions on runs of a table's rows, tested column by column.

A missing value fails every comparison, and what is not comparable (a number and a text) is different and
neither less nor more. Shapes are decoded of rows only that nothing else has ruled out.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ecumene.catalog.conditions import plain
from ecumene.core.element import INDEX
from ecumene.core.query import (
    Bounds,
    Column,
    Comparison,
    Condition,
    Every,
    Opposite,
    Placed,
    Query,
    Rowwise,
    Some,
)

Mask = NDArray[np.bool_]
_EXACT = 2**53
_NUMBERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_TEXTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
    "contains": lambda column, text: pc.match_substring(column, pattern=text),
    "startsWith": lambda column, text: pc.starts_with(column, pattern=text),
    "endsWith": lambda column, text: pc.ends_with(column, pattern=text),
}  # fmt: skip


def kind_of(arrow: Any) -> str | None:
    """``number`` or ``text``; None for other columns."""
    if pa.types.is_integer(arrow) or pa.types.is_floating(arrow):
        return "number"
    return "text" if pa.types.is_string(arrow) else None


def whole(query: Query) -> Condition | None:
    """Everything that a query asks of a row, as one condition; None if it asks nothing."""
    parts: list[Condition] = [*query.comparisons]
    if query.time is not None:
        start, end = query.time
        time = "system:time_start"
        parts += [Comparison(time, ">=", start), Comparison(time, "<", end)]
    parts += query.conditions
    if query.bounds is not None:
        parts.append(Placed(query.bounds, lambda shapes, geodesic: np.ones(len(shapes), bool)))
    return Every(tuple(parts)) if parts else None


def names_in(condition: Condition | None) -> set[str]:
    """Properties that a condition looks at."""
    if isinstance(condition, Comparison):
        return {condition.name}
    if isinstance(condition, Rowwise):
        return set(condition.names)
    return set().union(*(names_in(part) for part in parts_of(condition)))


def is_spatial(condition: Condition | None) -> bool:
    """Whether a condition looks at geometries."""
    return isinstance(condition, Placed) or any(is_spatial(part) for part in parts_of(condition))


def parts_of(condition: Condition | None) -> tuple[Condition, ...]:
    """The conditions inside a condition."""
    if isinstance(condition, Every | Some):
        return condition.parts
    return (condition.part,) if isinstance(condition, Opposite) else ()


class Outlines:
    """The geometries of a run of rows: boxes of all, shapes of those asked for."""

    def __init__(
        self,
        shapes: Callable[[NDArray[np.intp]], NDArray[Any]],
        boxes: Callable[[], NDArray[np.float64]],
        geodesic: bool,
    ) -> None:
        self.shapes, self._make, self.geodesic = shapes, boxes, geodesic
        self._boxes: NDArray[np.float64] | None = None

    @property
    def boxes(self) -> NDArray[np.float64]:
        """``(n, 4)`` degrees, never too small; NaN where a row has no shape or an empty one."""
        if self._boxes is None:
            self._boxes = self._make()
        return self._boxes


class Rows:
    """Rows that are looked at together: plain columns, their numbers in the table, their geometries."""

    def __init__(
        self, columns: pa.Table, numbers: NDArray[np.int64], outlines: Outlines | None = None
    ) -> None:
        self.columns, self.numbers, self.outlines = columns, numbers, outlines
        self._names = set(columns.column_names)

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, places: NDArray[np.intp]) -> Rows:
        """Some of the rows, without their geometries."""
        return Rows(self.columns.take(pa.array(places)), self.numbers[places])

    def column(self, name: str) -> Any:
        """A column as one Arrow array, None if there is none; the index is a row's own or its number."""
        found = None
        if name in self._names:
            found = self.columns.column(name).combine_chunks()
        if name != INDEX:
            return found
        numbers = pc.cast(pa.array(self.numbers), pa.string())
        return numbers if found is None else pc.coalesce(pc.cast(found, pa.string()), numbers)

    def values(self, name: str) -> Column:
        """A column in NumPy: numbers as they are, anything else as objects."""
        column = self.column(name)
        if column is None:
            return Column(np.full(len(self), None, object), np.zeros(len(self), bool))
        present = None if column.null_count == 0 else _true(pc.is_valid(column))
        if kind_of(column.type) == "number":
            return Column(numbers_of(column), present)
        held = np.empty(len(self), object)
        held[:] = column.to_pylist()
        return Column(held, present)

    def listed(self, name: str) -> list[Any]:
        """A column as Python values."""
        column = self.column(name)
        return [None] * len(self) if column is None else list(column.to_pylist())


def numbers_of(column: Any) -> NDArray[Any]:
    """A numeric Arrow array without its nulls, which read 0."""
    if column.null_count:
        column = pc.fill_null(column, pa.scalar(0, column.type))
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _true(values: Any) -> Mask:
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), bool)


def mask(condition: Condition | None, rows: Rows, among: Mask | None = None) -> Mask:
    """Rows of those ``among`` (all if None) for which a condition holds."""
    if among is None:
        among = np.ones(len(rows), bool)
    if isinstance(condition, Comparison):
        return _compared(condition, rows) & among
    if isinstance(condition, Placed):
        return _placed(condition, rows, among)
    if isinstance(condition, Rowwise):
        return _tested(condition, rows, among)
    if isinstance(condition, Opposite):
        return among & ~mask(condition.part, rows, among)
    if isinstance(condition, Some):
        found = np.zeros(len(rows), bool)
        for part in sorted(condition.parts, key=is_spatial):
            found |= mask(part, rows, among & ~found)
        return found
    if isinstance(condition, Every):
        for part in sorted(condition.parts, key=_effort):
            if not among.any():
                break
            among = mask(part, rows, among)
    return among


def _effort(condition: Condition) -> int:
    return 2 if is_spatial(condition) else 0 if isinstance(condition, Comparison) else 1


def _tested(condition: Rowwise, rows: Rows, among: Mask) -> Mask:
    found = np.zeros(len(rows), bool)
    chosen = np.flatnonzero(among)
    part = rows.part(chosen)
    values = [part.listed(name) for name in condition.names]
    for at, held in zip(chosen.tolist(), zip(*values, strict=True), strict=True):
        given = {n: v for n, v in zip(condition.names, held, strict=True) if v is not None}
        found[at] = condition.test(given)
    return found


def _placed(condition: Placed, rows: Rows, among: Mask) -> Mask:
    outlines = rows.outlines
    assert outlines is not None, "rows are read with their geometries where a condition asks"
    if condition.bounds is not None:
        among = among & boxes_meet(outlines.boxes, condition.bounds)
    chosen = np.flatnonzero(among)
    found = np.zeros(len(rows), bool)
    if len(chosen):
        found[chosen] = condition.test(outlines.shapes(chosen), outlines.geodesic)
    return found


def boxes_meet(boxes: NDArray[np.float64], bounds: Bounds) -> Mask:
    """Rows whose box touches ``bounds`` on the circle of longitudes; empty shapes never do."""
    west, south, east, north = bounds
    inside = (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
    if east - west >= 360:
        return np.asarray(inside, bool)
    around = np.zeros(len(boxes), bool)
    for shift in (-720.0, -360.0, 0.0, 360.0, 720.0):
        around |= (boxes[:, 0] <= east + shift) & (boxes[:, 2] >= west + shift)
    return np.asarray(inside & around, bool)


def _compared(wanted: Comparison, rows: Rows) -> Mask:
    column = rows.column(wanted.name)
    if column is None:
        return np.zeros(len(rows), bool)
    present = _true(pc.is_valid(column))
    if wanted.op == "present":
        return present
    if wanted.op == "in":
        return present & _among(column, [plain(v) for v in wanted.value])
    value = plain(wanted.value)
    kind = kind_of(column.type)
    if kind == "text" and isinstance(value, str):
        return _true(_TEXTS[wanted.op](column, value))
    if kind == "number" and isinstance(value, int | float) and wanted.op in _NUMBERS:
        return present & _numbers(numbers_of(column), wanted.op, value)
    return present & (wanted.op == "!=")


def _among(column: Any, values: list[Any]) -> Mask:
    found = np.zeros(len(column), bool)
    if kind_of(column.type) == "text":
        texts = [v for v in values if isinstance(v, str)]
        return _true(pc.is_in(column, value_set=pa.array(texts, pa.string())))
    if kind_of(column.type) == "number":
        numbers = numbers_of(column)
        for value in values:
            if isinstance(value, int | float):
                found |= _numbers(numbers, "==", value)
    return found


def _numbers(values: NDArray[Any], op: str, value: float) -> Mask:
    """The exact comparison: neither side is rounded to the type of the other."""
    if isinstance(value, float) and values.dtype.kind in "iu":
        return _whole_numbers(values, op, value)
    if isinstance(value, int) and values.dtype.kind == "f":
        if abs(value) > _EXACT:
            return np.fromiter((_NUMBERS[op](v, value) for v in values.tolist()), bool, len(values))
        value = float(value)
    if values.dtype.kind == "f":
        values = values.astype("float64", copy=False)
    return np.asarray(_NUMBERS[op](values, value), bool)


def _whole_numbers(values: NDArray[Any], op: str, value: float) -> Mask:
    if not math.isfinite(value):
        return np.full(len(values), bool(_NUMBERS[op](0, value)))
    if value.is_integer():
        return np.asarray(_NUMBERS[op](values, int(value)), bool)
    if op in ("==", "!="):
        return np.full(len(values), op == "!=")
    nearest = math.floor(value) if op in ("<", "<=") else math.ceil(value)
    return np.asarray(_NUMBERS[op[0] + "="](values, nearest), bool)
