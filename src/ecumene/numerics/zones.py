"""Instants and local times: time zones by name, milliseconds, lenient ISO text."""

from __future__ import annotations

import calendar
import datetime as dt
import re
import zoneinfo
from functools import lru_cache

from ecumene.core.errors import EvaluationError

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = re.compile(r"^(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?$")


@lru_cache(maxsize=256)
def zone(name: str | None) -> dt.tzinfo:
    """A time zone by its tz database name or offset; UTC if None."""
    if name is None or name in ("UTC", "Z", "GMT"):
        return UTC
    match = _OFFSET.match(name)
    if match:
        sign, hours, minutes = match.groups()
        delta = dt.timedelta(hours=int(hours), minutes=int(minutes or 0))
        if delta < dt.timedelta(hours=24) and int(minutes or 0) < 60:
            return dt.timezone(-delta if sign == "-" else delta)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise EvaluationError(f"The datetime zone id '{name[:100]}' is not recognised.") from None


def at(millis: int, tz: str | None = None) -> dt.datetime:
    """The local date and time of an instant."""
    try:
        return (EPOCH + dt.timedelta(milliseconds=millis)).astimezone(zone(tz))
    except OverflowError:
        raise EvaluationError(f"The date {millis} is outside the years 1 to 9999.") from None


def millis_of(when: dt.datetime) -> int:
    """Milliseconds since the epoch."""
    delta = when - EPOCH
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def check(name: str, value: int, low: int, high: int) -> None:
    """EvaluationError for a field outside its range, in the words of Joda-Time.

    >>> check("monthOfYear", 13, 1, 12)
    Traceback (most recent call last):
    ecumene.core.errors.EvaluationError: Value 13 for monthOfYear must be in the range [1,12]
    """
    if not low <= value <= high:
        raise EvaluationError(f"Value {value} for {name} must be in the range [{low},{high}]")


def local(
    tz: str | None, year: int, month: int = 1, day: int = 1,
    hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0,
) -> dt.datetime:  # fmt: skip
    """A local date and time; EvaluationError if there is none."""
    check("year", year, 1, 9999)
    check("monthOfYear", month, 1, 12)
    check("dayOfMonth", day, 1, calendar.monthrange(year, month)[1])
    check("hourOfDay", hour, 0, 23)
    check("minuteOfHour", minute, 0, 59)
    check("secondOfMinute", second, 0, 59)
    return dt.datetime(year, month, day, hour, minute, second, micro, tzinfo=zone(tz))


_ISO = re.compile(
    r"\s*([+-]?\d{1,6})(?:-(?:(\d{3})(?!\d)|(\d{1,2})(?:-(\d{1,2}))?))?"
    r"(?:[T ](?:(\d{1,2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?\s*",
    re.ASCII,
)


def parse_iso(text: str, tz: str | None = None) -> int:
    """``YYYY``, ``YYYY-MM``, ``YYYY-M-D``, ``YYYY-DDD``, with optional time and offset, as milliseconds."""
    wrong = EvaluationError(f"Date: Bad date/time '{text[:100]}'.")
    match = _ISO.fullmatch(text)
    if match is None:
        raise wrong
    year, ordinal, month, day, hour, minute, second, fraction, offset = match.groups()
    name = offset or tz
    zone(name)
    micro = int((fraction or "0").ljust(6, "0")[:6])
    clock = (int(hour or 0), int(minute or 0), int(second or 0), micro)
    try:
        if ordinal:
            found = local(name, int(year), 1, 1, *clock) + dt.timedelta(days=int(ordinal) - 1)
            check("dayOfYear", int(ordinal), 1, 366 if calendar.isleap(int(year)) else 365)
        elif clock[0] == 24 and clock[1:] == (0, 0, 0):
            found = local(name, int(year), int(month or 1), int(day or 1)) + dt.timedelta(days=1)
        else:
            found = local(name, int(year), int(month or 1), int(day or 1), *clock)
    except (OverflowError, EvaluationError):
        raise wrong from None
    return millis_of(found)
