"""From a ``Query`` to SQL: bounds, times, comparisons of properties, orders.

Comparisons are typed as property values are: a number never equals a string, and neither is less
than the other. A missing property fails every comparison, ``!=`` too.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    and_,
    case,
    func,
    literal,
    not_,
    or_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.expression import false, true

from ecumene.catalog.schema import assets
from ecumene.core.query import Comparison, Condition, Every, Opposite, Query, Some

_COLUMNS: Mapping[str, Any] = {
    "system:index": assets.c.leaf,
    "system:id": assets.c.id,
    "system:time_start": assets.c.start_ms,
    "system:time_end": assets.c.end_ms,
    "system:version": assets.c.updated_us,
}
_TEXT_COLUMNS = {"system:index", "system:id"}
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


_BESIDE = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}
"""How texts without the NUL character compare with what is before it in one with it."""


def _path(name: str) -> str:
    return f'$."{name}"'


def speakable(name: str) -> bool:
    """Whether SQL can name this property (quotes have no escape in SQLite's JSON paths)."""
    return '"' not in name and "\\" not in name and "\x00" not in name


def _has_nul(value: Any) -> bool:
    """Whether this is a text that PostgreSQL cannot have."""
    return isinstance(value, str) and "\x00" in value


def _jsonb(name: str) -> Any:
    return type_coerce(assets.c.properties, JSONB())[name]


class Properties:
    """SQL expressions for property values in the dialect of one database."""

    def __init__(self, dialect: str) -> None:
        self._postgres = dialect == "postgresql"

    def number(self, name: str) -> ColumnElement[Any]:
        """The value if it is a number, else NULL."""
        if name in _COLUMNS:
            return _null(0.0) if name in _TEXT_COLUMNS else _COLUMNS[name]
        stored = assets.c.properties
        if self._postgres:
            item = _jsonb(name)
            return case((func.jsonb_typeof(item) == "number", item.astext.cast(Float)))
        kind = func.json_type(stored, _path(name))
        return case((kind.in_(("integer", "real")), func.json_extract(stored, _path(name))))

    def text(self, name: str) -> ColumnElement[Any]:
        """The value if it is a string, else NULL; compared by code point."""
        if name in _COLUMNS:
            found = _COLUMNS[name] if name in _TEXT_COLUMNS else _null("")
        elif self._postgres:
            item = _jsonb(name)
            found = case((func.jsonb_typeof(item) == "string", item.astext))
        else:
            stored = assets.c.properties
            kind = func.json_type(stored, _path(name))
            found = case((kind == "text", func.json_extract(stored, _path(name))))
        return found.collate("C") if self._postgres and name not in _COLUMNS else found

    def present(self, name: str) -> ColumnElement[bool]:
        """Whether there is a value."""
        if name in _COLUMNS:
            column: ColumnElement[bool] = _COLUMNS[name].is_not(None)
            return column
        if self._postgres:
            return func.jsonb_typeof(_jsonb(name)).is_not(None)
        return func.json_type(assets.c.properties, _path(name)).is_not(None)

    def comparison(self, wanted: Comparison) -> ColumnElement[bool] | None:
        """The condition, or None if it must be tested on the values."""
        name, value = wanted.name, plain(wanted.value)
        if not speakable(name):
            return None
        if wanted.op == "in":
            if not isinstance(value, Sequence) or isinstance(value, str):
                return None
            return self._among(name, [plain(v) for v in value])
        if wanted.op not in _OPERATORS:
            return None
        op = wanted.op
        if not isinstance(value, int | float | str):
            return None
        if self._postgres and _has_nul(value):
            if op in ("==", "!="):
                return false() if op == "==" else self.present(name)
            value, op = str(value).partition("\x00")[0], _BESIDE[op]
        typed = self.text(name) if isinstance(value, str) else self.number(name)
        condition: ColumnElement[bool] = _OPERATORS[op](typed, _bound(value))
        if op == "!=":
            return and_(self.present(name), or_(typed.is_(None), condition))
        return condition

    def _among(self, name: str, values: list[Any]) -> ColumnElement[bool] | None:
        numbers = [v for v in values if isinstance(v, int | float)]
        texts = [v for v in values if isinstance(v, str)]
        if len(numbers) + len(texts) != len(values) or len(values) > 5000:
            return None
        if self._postgres:
            texts = [v for v in texts if not _has_nul(v)]
        parts: list[ColumnElement[bool]] = []
        if numbers:
            parts.append(self.number(name).in_([_bound(v) for v in numbers]))
        if texts:
            parts.append(self.text(name).in_(texts))
        return or_(*parts) if parts else false()

    def where(self, query: Query) -> tuple[list[ColumnElement[bool]], list[Comparison]]:
        """Conditions, and the comparisons that SQL cannot test."""
        found: list[ColumnElement[bool]] = []
        rest: list[Comparison] = []
        if query.time is not None:
            start, end = query.time
            found += [assets.c.start_ms >= _bound(start), assets.c.start_ms < _bound(end)]
        if query.bounds is not None:
            found.append(meets(query.bounds))
        for comparison in query.comparisons:
            condition = self.comparison(comparison)
            if condition is None:
                rest.append(comparison)
            else:
                found.append(condition)
        found += [or_(*(self._conservative(one) for one in group)) for group in query.any_of]
        found += [self._exactly(one) for one in query.conditions]
        return found, rest

    def _exactly(self, wanted: Condition) -> ColumnElement[bool]:
        """A condition of comparisons that SQL can test; true or false, never NULL, of every row.

        ValueError for others: tests of geometry and of whole rows are not asked of an index.
        """
        if isinstance(wanted, Comparison):
            found = self.comparison(wanted)
            if found is not None:
                return func.coalesce(found, false())
        if isinstance(wanted, Every):
            return and_(true(), *map(self._exactly, wanted.parts))
        if isinstance(wanted, Some):
            return or_(false(), *map(self._exactly, wanted.parts))
        if isinstance(wanted, Opposite):
            return not_(self._exactly(wanted.part))
        raise ValueError(f"{wanted} is not for an index")

    def _conservative(self, query: Query) -> ColumnElement[bool]:
        """What SQL can test of a query."""
        return and_(true(), *self.where(query)[0])

    def order(self, name: str, ascending: bool) -> list[ColumnElement[Any]]:
        """Numbers, then strings, then other values; missing ones last in both directions."""
        number, text = self.number(name), self.text(name)
        rank = case((number.is_not(None), 0), (text.is_not(None), 1), else_=2)
        keys: list[ColumnElement[Any]] = [case((self.present(name), 0), else_=1)]
        keys += [key.asc() if ascending else key.desc() for key in (rank, number, text)]
        return [*keys, assets.c.id.asc()]


def _null(kind: float | str) -> ColumnElement[Any]:
    """NULL of the type of a value."""
    return case((false(), literal(kind)))


def _bound(value: Any) -> Any:
    """A number beside a column of whole ones: others are not rounded to its type, nor can they exceed it."""
    whole = isinstance(value, int) and -(2**63) <= value < 2**63
    if whole or not isinstance(value, int | float):
        return value
    try:
        return literal(float(value), Float)
    except OverflowError:
        return literal(math.inf if value > 0 else -math.inf, Float)


def plain(value: Any) -> Any:
    """Dates as their milliseconds, booleans as integers."""
    if isinstance(value, bool):
        return int(value)
    return getattr(value, "millis", value)


def meets(bounds: tuple[float, float, float, float]) -> ColumnElement[bool]:
    """Rows whose box touches this one, on the circle of longitudes; those without a box too."""
    west, south, east, north = bounds
    row = assets.c
    columns: list[ColumnElement[bool]] = []
    if east - west < 360:
        turns = (west + 180) // 360
        west, east = west - 360 * turns, east - 360 * turns
        columns = [
            and_(row.west <= east + shift, row.east >= west + shift)
            for shift in (-360.0, 0.0, 360.0)
        ]
    inside = and_(row.south <= north, row.north >= south, *([or_(*columns)] if columns else []))
    return or_(row.west.is_(None), inside)


def holds(comparison: Comparison, properties: Mapping[str, Any]) -> bool:
    """The same comparison on values in memory."""
    found = plain(properties.get(comparison.name))
    if found is None:
        return False
    if comparison.op == "in":
        return any(_same(found, plain(value)) for value in comparison.value)
    value = plain(comparison.value)
    if comparison.op == "==":
        return _same(found, value)
    if comparison.op == "!=":
        return not _same(found, value)
    if _kind(found) != _kind(value) or _kind(found) is None:
        return False
    return bool(_OPERATORS[comparison.op](found, value))


def _kind(value: Any) -> str | None:
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None


def _same(left: Any, right: Any) -> bool:
    return _kind(left) == _kind(right) and bool(left == right)
