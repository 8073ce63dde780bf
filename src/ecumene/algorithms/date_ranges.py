"""Ranges of dates, and collections of consecutive ranges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecumene.algorithms.dates import advanced, date, unit_of
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.dates import MAX_MS, MIN_MS, Date, DateRange
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Integer, Long, Object
from ecumene.numerics import joda, zones


@algorithm("DateRange")
def date_range(start: Object, end: Object = None, time_zone: str | None = None) -> DateRange:
    """The time from a date to (but not including) another.

    Parameters
    ----------
    start : first instant.
    end : instant after the last; one millisecond after the start if missing.
    time_zone : of dates given as text.
    """
    if isinstance(start, DateRange) and end is None:
        return start
    first = date(start, time_zone).millis
    return DateRange(first, min(first + 1, MAX_MS) if end is None else date(end, time_zone).millis)


@algorithm("DateRange.unbounded")
def unbounded() -> DateRange:
    """All time."""
    return DateRange(MIN_MS, MAX_MS)


@algorithm("DateRange.start")
def start(date_range: DateRange) -> Date:
    """The first instant.

    Parameters
    ----------
    date_range : the range.
    """
    return Date(date_range.start)


@algorithm("DateRange.end")
def end(date_range: DateRange) -> Date:
    """The instant after the last.

    Parameters
    ----------
    date_range : the range.
    """
    return Date(date_range.end)


@algorithm("DateRange.isEmpty")
def is_empty(date_range: DateRange) -> Boolean:
    """Whether no instant is inside.

    Parameters
    ----------
    date_range : the range.
    """
    return date_range.is_empty


@algorithm("DateRange.isUnbounded")
def is_unbounded(date_range: DateRange) -> Boolean:
    """Whether it is all time.

    Parameters
    ----------
    date_range : the range.
    """
    return date_range.start == MIN_MS and date_range.end == MAX_MS


def _as_range(value: Any) -> DateRange:
    return value if isinstance(value, DateRange) else date_range(value)


@algorithm("DateRange.contains")
def contains(date_range: DateRange, other: Object) -> Boolean:
    """Whether a date or range lies inside.

    Parameters
    ----------
    date_range : the range.
    other : a date or range.
    """
    inner = _as_range(other)
    return date_range.start <= inner.start and inner.end <= date_range.end


@algorithm("DateRange.intersects")
def intersects(date_range: DateRange, other: DateRange) -> Boolean:
    """Whether the ranges have an instant in common.

    Parameters
    ----------
    date_range : the range.
    other : a date or range.
    """
    return max(date_range.start, other.start) < min(date_range.end, other.end)


@algorithm("DateRange.intersection")
def intersection(date_range: DateRange, other: DateRange) -> DateRange:
    """The common part of two ranges.

    Parameters
    ----------
    date_range : the range.
    other : a date or range.
    """
    first = max(date_range.start, other.start)
    return DateRange(first, max(first, min(date_range.end, other.end)))


@algorithm("DateRange.union")
def union(date_range: DateRange, other: DateRange) -> DateRange:
    """From the earlier start to the later end; an empty range adds nothing.

    Parameters
    ----------
    date_range : the range.
    other : a date or range.
    """
    if date_range.start >= date_range.end:
        return other
    if other.start >= other.end:
        return date_range
    return DateRange(min(date_range.start, other.start), max(date_range.end, other.end))


_INDEX = {
    "year": "YYYY", "month": "YYYYMM", "week": "YYYYMMdd", "day": "YYYYMMdd", "hour": "YYYYMMddHH",
    "minute": "YYYYMMddHHmm", "second": "YYYYMMddHHmmss",
}  # fmt: skip
"""Patterns of the index by the unit of the steps."""


def _starts(start: int, end: int, delta: int, unit: str, reset: bool) -> Iterator[int]:
    """Where the ranges start, up to the end; with ``reset`` the first of each year starts with the year."""
    here, origin, steps = start, start, 0
    while (here < end) if delta > 0 else (here > end):
        yield here
        steps += 1
        following = advanced(origin, steps * delta, unit, None)
        if reset and delta > 0:
            new_year = zones.millis_of(zones.local(None, zones.at(here).year + 1))
            if following > new_year:
                following = origin = new_year
                steps = 0
        here = following


def _ranges(
    start: int, end: int, delta: int, unit: str, reset: bool, pattern: str, context: Context
) -> Collection:
    def produce() -> Iterator[Any]:
        for first in _starts(start, end, delta, unit, reset):
            context.cancel.check()
            other = advanced(first, delta, unit, None)
            index = joda.format_date(first, pattern)
            span = DateRange(min(first, other), max(first, other))
            yield Feature({INDEX: index, "date_range": span})

    return Collection.lazy(produce, kind="Feature")


@algorithm("BetterDateRangeCollection", hidden=True)
def better_date_range_collection(
    start: Date, end: Date, delta: Integer = 1, unit: str = "day", reset_at_year_boundaries: Boolean = False,
    format: str | None = None, *, context: Context,
) -> Collection:  # fmt: skip
    """Elements that carry consecutive date ranges as ``date_range``; the last may reach beyond the end.

    Parameters
    ----------
    start : where the first range starts (ends, if the steps go back).
    end : no range starts here or later.
    delta : length of a range in units; negative goes back from a start after the end.
    unit : ``year month week day hour minute second``.
    reset_at_year_boundaries : the first range of each year starts with the year.
    format : Joda pattern of the index; the date up to the unit if missing.
    """
    name = "BetterDateRangeCollection"
    kind = unit_of(unit, name)
    if delta == 0 or (delta < 0) != (end.millis < start.millis):
        raise EvaluationError(
            f"{name}: 'delta' must not be 0, and 'start' must be before 'end' (after it for a negative 'delta')."
        )
    pattern = _INDEX[kind] if format is None else format
    joda.tokens(pattern)
    return _ranges(
        start.millis, end.millis, delta, kind, reset_at_year_boundaries, pattern, context
    )


@algorithm("DateRangeCollection", hidden=True)
def date_range_collection(
    start_time: Long, end_time: Long, interval: Integer = 1, units: str = "days", reset_at_year_boundaries: Boolean = False,
    *, context: Context,
) -> Collection:  # fmt: skip
    """Elements that carry consecutive date ranges as ``date_range``.

    Parameters
    ----------
    start_time : milliseconds at which the first range starts.
    end_time : milliseconds; no range starts here or later.
    interval : length of a range in units.
    units : ``days`` or ``years``.
    reset_at_year_boundaries : the first range of each year starts with the year.
    """
    name = "DateRangeCollection"
    if units not in ("days", "years"):
        raise EvaluationError(f"{name}: Unknown units '{units}'; use days or years.")
    if interval <= 0:
        raise EvaluationError(f"{name}: 'interval' must be positive, got {interval}.")
    kind = units.removesuffix("s")
    return _ranges(
        start_time, end_time, interval, kind, reset_at_year_boundaries, _INDEX[kind], context
    )
