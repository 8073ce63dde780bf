"""Filters made of filters, distances and differences, dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecumene.algorithms.filters import (
    ALL,
    GEO,
    MARGIN,
    TIME,
    Binary,
    field_value,
    geometry_of,
    number_of,
)
from ecumene.core.element import Element
from ecumene.core.errors import EvaluationError
from ecumene.core.filter import Filter
from ecumene.core.geometry import ErrorMargin
from ecumene.core.query import Comparison, Condition, Every, Opposite, Placed, Query, Rowwise, Some
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float, Integer, Object
from ecumene.vector import geodesic, many, nearest


@dataclass(frozen=True, slots=True)
class Logical(Filter):
    """``and`` or ``or`` of filters."""

    kind: str
    filters: tuple[Filter, ...]

    def matches(self, left: Any, right: Any = None) -> bool:
        """All, or any."""
        results = (part.matches(left, right) for part in self.filters)
        return all(results) if self.kind == "and" else any(results)

    def describe(self) -> dict[str, Any]:
        """The parts."""
        return {
            "type": f"Filter.{self.kind}",
            "filters": [part.describe() for part in self.filters],
        }

    def query(self) -> tuple[Query | None, bool]:
        """What the parts can push down; of an ``or``, if each of them can something."""
        if self.kind != "and":
            asked = tuple(part.query()[0] for part in self.filters)
            known = tuple(one for one in asked if one is not None and one != Query())
            return (Query(any_of=(known,)) if 0 < len(known) == len(asked) else None), False
        found, exact = Query(), True
        for part in self.filters:
            query, whole = part.query()
            exact = exact and whole
            if query is not None:
                found = found.joined(query)
        return found, exact

    def condition(self) -> Condition | None:
        """Those of all parts."""
        found = [part.condition() for part in self.filters]
        conditions = tuple(one for one in found if one is not None)
        if len(conditions) < len(found):
            return None
        return Every(conditions) if self.kind == "and" else Some(conditions)

    def parts(self) -> Sequence[Filter]:
        """The filters of an ``and``."""
        if self.kind != "and":
            return (self,)
        return [part for one in self.filters for part in one.parts()]


@dataclass(frozen=True, slots=True)
class Negation(Filter):
    """Passes where another filter does not."""

    filter: Filter

    def matches(self, left: Any, right: Any = None) -> bool:
        """The opposite."""
        return not self.filter.matches(left, right)

    def describe(self) -> dict[str, Any]:
        """The inner filter."""
        return {"type": "Filter.not", "filter": self.filter.describe()}

    def condition(self) -> Condition | None:
        """The opposite of the inner filter's."""
        found = self.filter.condition()
        return None if found is None else Opposite(found)


@dataclass(frozen=True, slots=True)
class Tested(Filter):
    """A condition by a function of the element."""

    name: str
    settings: dict[str, Any] = field(hash=False)
    test: Callable[[Any], bool] = field(compare=False)
    asks: Condition | None = None

    def condition(self) -> Condition | None:
        """What it was made with, if it can be told from a table's rows."""
        return self.asks

    def matches(self, left: Any, right: Any = None) -> bool:
        """The function's word."""
        return self.test(left)

    def describe(self) -> dict[str, Any]:
        """Constructor and arguments."""
        return {"type": f"Filter.{self.name}", **self.settings}


@dataclass(frozen=True, slots=True)
class Measured(Filter):
    """``maxDifference`` or ``withinDistance``: a limit on a measure between two values."""

    kind: str
    limit: float
    sides: Binary

    def measure(self, left: Any, right: Any = None) -> float | None:
        """The difference, or the distance in metres; None where there is none."""
        a, b = self.sides.operands(left, right)
        if self.kind == "maxDifference":
            a, b = number_of(a), number_of(b)
            if not (isinstance(a, int | float) and isinstance(b, int | float)):
                return None
            return float(abs(a - b))
        p, q = geometry_of(a), geometry_of(b)
        return None if p is None or q is None else nearest.distance(p, q)

    def matches(self, left: Any, right: Any = None) -> bool:
        """Whether the measure is at most the limit."""
        found = self.measure(left, right)
        return found is not None and found <= self.limit

    def condition(self) -> Condition | None:
        """Row by row for differences; by all geometries at once for distances from a fixed one."""
        left, right = self.sides.left_field, self.sides.right_field
        names = [name for name in (left, right) if name is not None]
        if self.kind == "maxDifference":
            if any(name.startswith(".") for name in names):
                return None
            return Rowwise(tuple(names), lambda values: self.matches(Element(values)))
        value = self.sides.right_value if right is None else self.sides.left_value
        fixed = geometry_of(value) if len(names) == 1 and value is not None else None
        if fixed is None or names[0] not in (ALL, GEO):
            return None
        return Placed(many.reach(fixed, self.limit), many.near(fixed, self.limit))

    def describe(self) -> dict[str, Any]:
        """Constructor and arguments."""
        name = "difference" if self.kind == "maxDifference" else "distance"
        return {**self.sides.describe(), "type": f"Filter.{self.kind}", name: self.limit}


@algorithm("Filter.maxDifference")
def max_difference(
    difference: Float, left_field: str | None = None, right_value: Object = None, right_field: str | None = None,
    left_value: Object = None,
) -> Filter:  # fmt: skip
    """Passes where two numbers differ by at most an amount; a join can keep the difference.

    Parameters
    ----------
    difference : the largest difference, inclusive.
    left_field : field of the left element.
    right_value : value on the right.
    right_field : field of the right element.
    left_value : value on the left.
    """
    return Measured(
        "maxDifference",
        difference,
        Binary("equals", left_field, right_value, right_field, left_value),
    )


@algorithm("Filter.withinDistance")
def within_distance(
    distance: Float, left_field: str | None = None, right_value: Object = None, right_field: str | None = None,
    left_value: Object = None, max_error: ErrorMargin = MARGIN,  # type: ignore[assignment]
) -> Filter:  # fmt: skip
    """Passes where two geometries are within a distance; a join can keep the distance.

    Parameters
    ----------
    distance : metres.
    left_field : field of the left element.
    right_value : value on the right.
    right_field : field of the right element.
    left_value : value on the left.
    max_error : accepted for compatibility; distances are geodesic.
    """
    return Measured(
        "withinDistance",
        distance,
        Binary("intersects", left_field, right_value, right_field, left_value),
    )


@algorithm("Filter.and")
def conjunction(filters: list[Filter]) -> Filter:
    """Passes where all filters pass.

    Parameters
    ----------
    filters : the parts.
    """
    return Logical("and", tuple(filters))


@algorithm("Filter.or")
def disjunction(filters: list[Filter]) -> Filter:
    """Passes where some filter passes.

    Parameters
    ----------
    filters : the parts.
    """
    return Logical("or", tuple(filters))


@algorithm("Filter.not")
def negation(filter: Filter) -> Filter:
    """Passes where a filter does not.

    Parameters
    ----------
    filter : the filter.
    """
    return Negation(filter)


@algorithm("Filter.notNull")
def not_null(properties: list[str]) -> Filter:
    """Passes where all of the properties are there.

    Parameters
    ----------
    properties : names.
    """
    return Tested(
        "notNull",
        {"properties": properties},
        lambda e: all(field_value(e, p) is not None for p in properties),
        Every(tuple(Comparison(p, "present") for p in properties))
        if not any(p.startswith(".") for p in properties)
        else None,
    )


@algorithm("Filter.hasGeometry", hidden=True)
def has_geometry() -> Filter:
    """Passes where an element has a geometry."""
    return Tested("hasGeometry", {}, lambda e: geometry_of(e) is not None)


@algorithm("Filter.always", hidden=True)
def always() -> Filter:
    """Passes everything."""
    return Tested("always", {}, lambda e: True, Every(()))


@algorithm("Filter.never", hidden=True)
def never() -> Filter:
    """Passes nothing."""
    return Tested("never", {}, lambda e: False, Some(()))


_FIRST, _END = -62_135_596_800_000, 253_402_300_800_000
"""Milliseconds of the years 1 and 10000."""


def _time(element: Any) -> dt.datetime | None:
    millis = number_of(field_value(element, TIME))
    if not isinstance(millis, int | float) or not _FIRST <= millis < _END:
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=millis)


_CALENDAR: dict[str, Callable[[dt.datetime], int]] = {
    "year": lambda t: t.year,
    "month": lambda t: t.month,
    "hour": lambda t: t.hour,
    "minute": lambda t: t.minute,
    "day_of_year": lambda t: t.timetuple().tm_yday,
    "day_of_month": lambda t: t.day,
    "day_of_week": lambda t: t.isoweekday(),
}


@algorithm("Filter.calendarRange")
def calendar_range(
    start: Integer, end: Integer | None = None, field: str = "day_of_year"
) -> Filter:
    """Passes where a field of the start time is in a range, both ends inclusive; ranges may wrap around.

    Parameters
    ----------
    start : first value.
    end : last value; the first if missing.
    field : ``year month hour minute day_of_year day_of_month day_of_week`` (Monday is 1).
    """
    last = start if end is None else end
    if field not in _CALENDAR:
        raise EvaluationError(f"Filter.calendarRange: Unknown field '{field}'.")
    part = _CALENDAR[field]

    def test(element: Any) -> bool:
        when = _time(element)
        if when is None:
            return False
        value = part(when)
        return start <= value <= last if start <= last else value >= start or value <= last

    asks = Rowwise((TIME,), lambda values: test(Element(values)))
    return Tested("calendarRange", {"start": start, "end": last, "field": field}, test, asks)


@algorithm("Filter.dayOfYear")
def day_of_year(start: Integer, end: Integer) -> Filter:
    """Passes where the day of the year of the start time is in a range, both ends inclusive.

    Parameters
    ----------
    start : first day, 1 to 366.
    end : last day; smaller than the first around the turn of the year.
    """
    inner = calendar_range(start, end)
    settings = {"start": start, "end": end}
    return Tested("dayOfYear", settings, inner.matches, inner.condition())


@algorithm("Filter.rangeContains")
def range_contains(field: str, min_value: Object, max_value: Object) -> Filter:
    """Passes where a property is in a range, both ends inclusive.

    Parameters
    ----------
    field : the property.
    min_value : lower end.
    max_value : upper end.
    """
    return Logical(
        "and",
        (
            Binary("greaterThanOrEquals", field, min_value),
            Binary("lessThanOrEquals", field, max_value),
        ),
    )


@algorithm("Filter.area")
def area(
    min: Float,
    max: Float,
    max_error: ErrorMargin | None = None,
    geometry_selector: str | None = None,
) -> Filter:
    """Passes where the area of the geometry is in a range of square metres, both ends inclusive.

    Parameters
    ----------
    min : smallest area.
    max : largest area.
    max_error : accepted for compatibility.
    geometry_selector : property that holds the geometry; the geometry itself if missing.
    """

    def test(element: Any) -> bool:
        found = geometry_of(field_value(element, geometry_selector or GEO))
        return found is not None and min <= geodesic.area(found) <= max

    return Tested("area", {"min": min, "max": max}, test)
