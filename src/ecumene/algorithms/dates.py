"""Dates and ranges of dates."""

from __future__ import annotations

import calendar
import datetime as dt
import math

from ecumene.core.dates import MAX_MS, MIN_MS, Date, DateRange
from ecumene.core.errors import EvaluationError
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float, Integer, Long, Number, Object
from ecumene.numerics import joda, joda_parse, zones

UNITS = {
    "second": 1000.0, "minute": 60_000.0, "hour": 3_600_000.0, "day": 86_400_000.0, "week": 604_800_000.0,
    "month": 86_400_000.0 * 30.436875, "year": 86_400_000.0 * 365.2425,
}  # fmt: skip
"""Milliseconds of units; months and years are averages of the Gregorian calendar."""


def unit_of(name: str, algorithm_name: str) -> str:
    """A unit in singular; EvaluationError if there is none of this name."""
    unit = name.lower().removesuffix("s")
    if unit not in UNITS:
        raise EvaluationError(f"{algorithm_name}: Unknown unit '{name}'.")
    return unit


def parse_date(text: str, tz: str | None = None) -> Date:
    """A date from ISO text (see ``numerics.zones.parse_iso``)."""
    return Date(zones.parse_iso(text, tz))


@algorithm("Date")
def date(value: Object, time_zone: str | None = None) -> Date:
    """A date from milliseconds, text or another date.

    Parameters
    ----------
    value : milliseconds since 1970 (UTC), or text such as ``2020-04-01T12:00``.
    time_zone : of text without an offset; UTC if missing.
    """
    if isinstance(value, Date):
        return value
    if isinstance(value, str):
        return parse_date(value, time_zone)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return Date.of_number(value)
    raise EvaluationError("Date: A date is made of a number, a string or another date.")


@algorithm("Date.fromYMD")
def from_ymd(year: Integer, month: Integer, day: Integer, time_zone: str | None = None) -> Date:
    """The start of a day.

    Parameters
    ----------
    year : the year.
    month : 1 to 12.
    day : 1 to 31.
    time_zone : where the day starts; UTC if missing.
    """
    return Date(zones.millis_of(zones.local(time_zone, year, month, day)))


@algorithm("Date.parse")
def parse(format: str, date: str, time_zone: str | None = None) -> Date:
    """A date from text by a Joda pattern.

    Parameters
    ----------
    format : the pattern.
    date : the text.
    time_zone : of text without zone; UTC if missing.
    """
    return Date(joda_parse.parse_pattern(format, date, time_zone))


@algorithm("Date.format")
def format_date(date: Date, format: str | None = None, time_zone: str | None = None) -> str:
    """A date as text.

    Parameters
    ----------
    date : the date.
    format : a Joda pattern; ``yyyy-MM-dd'T'HH:mm:ss`` if missing.
    time_zone : the zone of the text; UTC if missing.
    """
    return joda.format_date(date.millis, format, time_zone)


@algorithm("Date.millis")
def millis(date: Date) -> Long:
    """Milliseconds since 1970-01-01T00:00:00Z.

    Parameters
    ----------
    date : the date.
    """
    return date.millis


def _add_months(when: dt.datetime, months: int) -> dt.datetime:
    total = when.year * 12 + when.month - 1 + months
    year, month = divmod(total, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    day = min(when.day, calendar.monthrange(year, month + 1)[1])
    return when.replace(year=year, month=month + 1, day=day)


def advanced(start: int, delta: float, unit: str, tz: str | None) -> int:
    """Milliseconds after calendar arithmetic in a zone; fractions of a unit are of its average length."""
    whole = math.floor(delta) if delta >= 0 else math.ceil(delta)
    rest = delta - whole
    try:
        if unit in ("month", "year"):
            when = _add_months(zones.at(start, tz), whole * (12 if unit == "year" else 1))
            found = zones.millis_of(when)
        elif unit in ("day", "week"):
            found = zones.millis_of(
                zones.at(start, tz) + dt.timedelta(days=whole * (7 if unit == "week" else 1))
            )
        else:
            found = start + whole * int(UNITS[unit])
    except OverflowError:
        raise EvaluationError("Date.advance: The date is outside the years 1 to 9999.") from None
    found += round(rest * UNITS[unit])
    if not MIN_MS <= found <= MAX_MS:
        raise EvaluationError("Date.advance: The date is outside 64-bit milliseconds.")
    return found


@algorithm("Date.advance")
def advance(date: Date, delta: Float, unit: str, time_zone: str | None = None) -> Date:
    """A date moved by a number of units of the calendar.

    Parameters
    ----------
    date : the date.
    delta : how many; negative goes back.
    unit : ``year month week day hour minute second``.
    time_zone : where days, months and years are counted; UTC if missing.
    """
    if not math.isfinite(delta):
        raise EvaluationError(f"Date.advance: Invalid delta {delta}.")
    return Date(advanced(date.millis, delta, unit_of(unit, "Date.advance"), time_zone))


@algorithm("Date.difference")
def difference(date: Date, start: Date, unit: str) -> Float:
    """How many units a date lies after another (months and years of average length).

    Parameters
    ----------
    date : the date.
    start : what it is counted from.
    unit : ``year month week day hour minute second``.
    """
    return (date.millis - start.millis) / UNITS[unit_of(unit, "Date.difference")]


@algorithm("Date.unitRatio")
def unit_ratio(numerator: str, denominator: str) -> Float:
    """Length of one unit in another.

    Parameters
    ----------
    numerator : the first unit.
    denominator : the second unit.
    """
    return (
        UNITS[unit_of(numerator, "Date.unitRatio")] / UNITS[unit_of(denominator, "Date.unitRatio")]
    )


@algorithm("Date.get")
def get(date: Date, unit: str, time_zone: str | None = None) -> Long:
    """A field of a date: month and day from 1, the ISO week.

    Parameters
    ----------
    date : the date.
    unit : ``year month week day hour minute second``.
    time_zone : where; UTC if missing.
    """
    when = zones.at(date.millis, time_zone)
    name = unit_of(unit, "Date.get")
    return int(when.isocalendar()[1] if name == "week" else getattr(when, name))


def _floor(when: dt.datetime, unit: str) -> dt.datetime:
    zero: dict[str, int] = {"microsecond": 0}
    for smaller, bigger in (("second", "minute"), ("minute", "hour"), ("hour", "day")):
        if unit == smaller:
            return when.replace(**zero)  # type: ignore[arg-type]
        zero[smaller] = 0
        if unit == bigger:
            return when.replace(**zero)  # type: ignore[arg-type]
    start = when.replace(**zero)  # type: ignore[arg-type]
    if unit == "week":
        return start - dt.timedelta(days=start.weekday())
    return start.replace(day=1) if unit == "month" else start.replace(day=1, month=1)


def range_of(millis: int, unit: str, tz: str | None) -> DateRange:
    """The unit of the calendar that holds an instant."""
    start = zones.millis_of(_floor(zones.at(millis, tz), unit))
    return DateRange(start, advanced(start, 1, unit, tz))


@algorithm("Date.getRange")
def get_range(date: Date, unit: str, time_zone: str | None = None) -> DateRange:
    """The year, month, week, … that holds a date.

    Parameters
    ----------
    date : the date.
    unit : ``year month week day hour minute second``; weeks start on Monday.
    time_zone : where; UTC if missing.
    """
    return range_of(date.millis, unit_of(unit, "Date.getRange"), time_zone)


@algorithm("Date.getFraction")
def get_fraction(date: Date, unit: str, time_zone: str | None = None) -> Float:
    """How much of the unit that holds a date has passed, 0 to 1.

    Parameters
    ----------
    date : the date.
    unit : ``year month week day hour minute second``.
    time_zone : where; UTC if missing.
    """
    found = range_of(date.millis, unit_of(unit, "Date.getFraction"), time_zone)
    return (date.millis - found.start) / (found.end - found.start)


@algorithm("Date.getRelative")
def get_relative(date: Date, unit: str, in_unit: str, time_zone: str | None = None) -> Long:
    """How many whole units have passed in the larger unit that holds a date, from 0.

    Parameters
    ----------
    date : the date.
    unit : what to count.
    in_unit : where to count.
    time_zone : where; UTC if missing.
    """
    small, large = unit_of(unit, "Date.getRelative"), unit_of(in_unit, "Date.getRelative")
    if UNITS[small] >= UNITS[large]:
        return 0
    when = zones.at(date.millis, time_zone)
    start = _floor(when, large)
    if small == "month":
        return when.month - start.month + 12 * (when.year - start.year)
    days = (when.date() - start.date()).days
    if small in ("day", "week"):
        return days // (7 if small == "week" else 1)
    return int((date.millis - zones.millis_of(start)) // UNITS[small])


@algorithm("Date.update")
def update(
    date: Date, year: Integer | None = None, month: Integer | None = None, day: Integer | None = None, hour: Integer | None = None,
    minute: Integer | None = None, second: Number | None = None, time_zone: str | None = None,
) -> Date:  # fmt: skip
    """A date with some of its fields replaced.

    Parameters
    ----------
    date : the date.
    year : new year.
    month : new month.
    day : new day.
    hour : new hour.
    minute : new minute.
    second : new second.
    time_zone : where; UTC if missing.
    """
    when = zones.at(date.millis, time_zone)
    if year is not None:
        zones.check("year", year, 1, 9999)
        when = _clamped(when, year, when.month)
    if month is not None:
        zones.check("monthOfYear", month, 1, 12)
        when = _clamped(when, when.year, month)
    last = calendar.monthrange(when.year, when.month)[1]
    for name, field, value, low, high in (
        ("dayOfMonth", "day", day, 1, last),
        ("hourOfDay", "hour", hour, 0, 23),
        ("minuteOfHour", "minute", minute, 0, 59),
    ):
        if value is not None:
            zones.check(name, value, low, high)
            when = when.replace(**{field: value})  # type: ignore[arg-type]
    if second is not None:
        when = _at_second(when, second)
    return Date(zones.millis_of(when))


def _clamped(when: dt.datetime, year: int, month: int) -> dt.datetime:
    """Another year and month; a day that the month does not have becomes its last."""
    day = min(when.day, calendar.monthrange(year, month)[1])
    return when.replace(year=year, month=month, day=day)


def _at_second(when: dt.datetime, second: float) -> dt.datetime:
    """Another second; the milliseconds stay unless the second has a fraction."""
    if not 0 <= second < 60:
        raise EvaluationError(f"Value {second} for secondOfMinute must be in the range [0,59]")
    whole = int(second)
    if second == whole:
        return when.replace(second=whole)
    return when.replace(second=whole, microsecond=int((second - whole) * 1000) * 1000)
