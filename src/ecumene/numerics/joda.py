"""Dates as text: Joda patterns, zones, and lenient ISO parsing."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from functools import lru_cache

from ecumene.core.errors import EvaluationError

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
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
        if delta >= dt.timedelta(hours=24):
            raise EvaluationError(f"Unknown time zone '{name}'.")
        return dt.timezone(-delta if sign == "-" else delta)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise EvaluationError(f"Unknown time zone '{name}'.") from None


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


def local(tz: str | None, year: int, month: int = 1, day: int = 1, *rest: int) -> dt.datetime:
    """A local date and time; EvaluationError if there is none."""
    try:
        return dt.datetime(year, month, day, *rest, tzinfo=zone(tz))
    except ValueError as error:
        raise EvaluationError(f"Invalid date: {error}.") from None


_ISO = re.compile(
    r"^\s*([+-]?\d{1,6})(?:-(?:(\d{3})(?!\d)|(\d{1,2})(?:-(\d{1,2}))?))?"
    r"(?:[T ](\d{1,2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?\s*$"
)


def parse_iso(text: str, tz: str | None = None) -> int:
    """``YYYY``, ``YYYY-MM``, ``YYYY-M-D``, ``YYYY-DDD``, with optional time and offset, as milliseconds."""
    match = _ISO.match(text)
    if match is None:
        raise EvaluationError(f"Date: Cannot parse date string '{text[:100]}'.")
    year, ordinal, month, day, hour, minute, second, fraction, offset = match.groups()
    name = offset or tz
    micro = int((fraction or "0").ljust(6, "0")[:6])
    clock = (int(hour or 0), int(minute or 0), int(second or 0), micro)
    try:
        if ordinal:
            found = local(name, int(year), 1, 1, *clock) + dt.timedelta(days=int(ordinal) - 1)
            if found.year != int(year):
                raise ValueError
        elif clock[0] == 24 and clock[1:] == (0, 0, 0):
            found = local(name, int(year), int(month or 1), int(day or 1)) + dt.timedelta(days=1)
        else:
            found = local(name, int(year), int(month or 1), int(day or 1), *clock)
    except (ValueError, OverflowError, EvaluationError):
        raise EvaluationError(f"Date: Cannot parse date string '{text[:100]}'.") from None
    return millis_of(found)


def tokens(pattern: str) -> list[tuple[str, int | str]]:
    """``(letter, count)`` for fields and ``("", text)`` for literals of a Joda pattern."""
    out: list[tuple[str, int | str]] = []
    i = 0
    while i < len(pattern):
        char = pattern[i]
        if char == "'":
            end = i + 1
            text = ""
            while end < len(pattern):
                if pattern[end] == "'" and pattern[end : end + 2] == "''":
                    text += "'"
                    end += 2
                elif pattern[end] == "'":
                    break
                else:
                    text += pattern[end]
                    end += 1
            out.append(("", text or "'"))
            i = end + 1
        elif char.isalpha():
            end = i
            while end < len(pattern) and pattern[end] == char:
                end += 1
            out.append((char, end - i))
            i = end
        else:
            out.append(("", char))
            i += 1
    return out


def _year(value: int, count: int) -> str:
    return str(value % 100).zfill(2) if count == 2 else str(value).zfill(count)


def _zone_name(when: dt.datetime, count: int, tz: str | None) -> str:
    if count >= 4:
        return {"UTC": "Coordinated Universal Time"}.get(when.tzname() or "", when.tzname() or "")
    return when.tzname() or ""


def _offset(when: dt.datetime, count: int, tz: str | None) -> str:
    if count >= 3:
        return tz or "UTC"
    minutes = int((when.utcoffset() or dt.timedelta()).total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"{sign}{hours:02d}{':' if count == 2 else ''}{rest:02d}"


def format_date(millis: int, pattern: str | None, tz: str | None = None) -> str:
    """An instant as text by a Joda pattern (``yyyy-MM-dd'T'HH:mm:ss`` by default)."""
    when = at(millis, tz)
    iso_year, week, _ = when.isocalendar()
    out = []
    for letter, count in tokens(pattern or "yyyy-MM-dd'T'HH:mm:ss"):
        if not letter:
            out.append(str(count))
            continue
        assert isinstance(count, int)
        numbers = {
            "d": when.day, "D": when.timetuple().tm_yday, "H": when.hour, "k": when.hour or 24, "h": when.hour % 12 or 12,
            "K": when.hour % 12, "m": when.minute, "s": when.second, "w": week, "e": when.isoweekday(), "C": when.year // 100,
        }  # fmt: skip
        if letter in numbers:
            out.append(str(numbers[letter]).zfill(count))
        elif letter in "yYu":
            out.append(_year(when.year, count))
        elif letter == "x":
            out.append(_year(iso_year, count))
        elif letter == "M":
            name = MONTHS[when.month - 1]
            out.append(
                name if count >= 4 else name[:3] if count == 3 else str(when.month).zfill(count)
            )
        elif letter == "E":
            name = DAYS[when.weekday()]
            out.append(name if count >= 4 else name[:3])
        elif letter == "a":
            out.append("AM" if when.hour < 12 else "PM")
        elif letter == "S":
            out.append(str(when.microsecond).zfill(6).ljust(count, "0")[:count])
        elif letter == "G":
            out.append("AD")
        elif letter == "z":
            out.append(_zone_name(when, count, tz))
        elif letter == "Z":
            out.append(_offset(when, count, tz))
        else:
            raise EvaluationError(f"Date.format: Illegal pattern component: {letter}.")
    return "".join(out)


def _number(text: str, i: int, most: int) -> tuple[int, int]:
    end = i
    while end < len(text) and end - i < most and text[end].isdigit():
        end += 1
    if end == i:
        raise ValueError(f"a digit is needed at position {i}")
    return int(text[i:end]), end


def _named(text: str, i: int, names: tuple[str, ...]) -> tuple[int, int]:
    for length in (None, 3):
        for number, name in enumerate(names):
            word = name if length is None else name[:length]
            if text[i : i + len(word)].lower() == word.lower():
                return number, i + len(word)
    raise ValueError(f"a name is needed at position {i}")


def parse_pattern(pattern: str, text: str, tz: str | None = None) -> int:
    """Text by a Joda pattern as milliseconds; numbers may have fewer or more digits than letters."""
    fields: dict[str, int] = {}
    i = 0
    name = tz
    parts = tokens(pattern)
    try:
        for position, (letter, count) in enumerate(parts):
            if not letter:
                literal = str(count)
                if text[i : i + len(literal)] != literal:
                    raise ValueError(f"'{literal}' is needed at position {i}")
                i += len(literal)
                continue
            assert isinstance(count, int)
            adjacent = position + 1 < len(parts) and parts[position + 1][0] != ""
            if letter == "M" and count >= 3:
                month, i = _named(text, i, MONTHS)
                fields["M"] = month + 1
            elif letter == "E":
                _, i = _named(text, i, DAYS)
            elif letter == "a":
                half, i = _half(text, i)
                fields["a"] = half
            elif letter in "zZ":
                match = re.match(r"[A-Za-z_/]+|[+-]\d{2}:?\d{2}", text[i:])
                if match is None:
                    raise ValueError(f"a zone is needed at position {i}")
                name, i = match.group(), i + match.end()
            elif letter == "S":
                start = i
                value, i = _number(text, i, count if adjacent else 9)
                fields["S"] = int(str(value).zfill(i - start).ljust(6, "0")[:6])
            else:
                value, i = _number(text, i, count if adjacent else 9)
                if letter in "yYu" and count == 2 and value < 100:
                    value += 2000 if value < 70 else 1900
                fields["y" if letter in "Yu" else letter] = value
        if i != len(text):
            raise ValueError(f"'{text[i:]}' is left over")
        return millis_of(_assembled(fields, name))
    except (ValueError, OverflowError) as error:
        raise EvaluationError(
            f"Date.parse: Cannot parse '{text[:100]}' with pattern '{pattern[:100]}': {error}."
        ) from None


def _half(text: str, i: int) -> tuple[int, int]:
    word = text[i : i + 2].upper()
    if word not in ("AM", "PM"):
        raise ValueError(f"AM or PM is needed at position {i}")
    return int(word == "PM"), i + 2


def _assembled(f: dict[str, int], tz: str | None) -> dt.datetime:
    hour = f.get("H", f.get("k", 0) % 24)
    if "h" in f or "K" in f:
        hour = f.get("h", f.get("K", 0)) % 12 + 12 * f.get("a", 0)
    clock = (hour, f.get("m", 0), f.get("s", 0), f.get("S", 0))
    year = f.get("y", f.get("x", 1970 if "D" not in f and "w" not in f else 2000))
    if "w" in f:
        day = dt.date.fromisocalendar(year, f["w"], f.get("e", 1))
        return local(tz, day.year, day.month, day.day, *clock)
    if "D" in f:
        return local(tz, year, 1, 1, *clock) + dt.timedelta(days=f["D"] - 1)
    return local(tz, year, f.get("M", 1), f.get("d", 1), *clock)
