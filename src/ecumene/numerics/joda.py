"""Dates as text: Joda patterns, zones, and lenient ISO parsing."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
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


def local(
    tz: str | None, year: int, month: int = 1, day: int = 1,
    hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0,
) -> dt.datetime:  # fmt: skip
    """A local date and time; EvaluationError if there is none."""
    try:
        return dt.datetime(year, month, day, hour, minute, second, micro, tzinfo=zone(tz))
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


def _zone_name(when: dt.datetime, count: int) -> str:
    """``PDT``, or ``Pacific Daylight Time`` from four letters on."""
    if count < 4:
        return when.tzname() or ""
    from babel.dates import get_timezone_name  # takes a while to import, and is seldom needed

    return str(get_timezone_name(when, width="long", locale="en"))


def _offset(when: dt.datetime, count: int, tz: str | None) -> str:
    if count >= 3:
        return tz or "UTC"
    minutes = int((when.utcoffset() or dt.timedelta()).total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"{sign}{hours:02d}{':' if count == 2 else ''}{rest:02d}"


_NUMBERS: dict[str, Callable[[dt.datetime], int]] = {
    "d": lambda t: t.day, "D": lambda t: t.timetuple().tm_yday, "H": lambda t: t.hour, "k": lambda t: t.hour or 24,
    "h": lambda t: t.hour % 12 or 12, "K": lambda t: t.hour % 12, "m": lambda t: t.minute, "s": lambda t: t.second,
    "w": lambda t: t.isocalendar().week, "e": lambda t: t.isoweekday(), "C": lambda t: t.year // 100,
}  # fmt: skip


def _month(when: dt.datetime, count: int) -> str:
    name = MONTHS[when.month - 1]
    return name if count >= 4 else name[:3] if count == 3 else str(when.month).zfill(count)


def _weekday(when: dt.datetime, count: int) -> str:
    name = DAYS[when.weekday()]
    return name if count >= 4 else name[:3]


_TEXTS: dict[str, Callable[[dt.datetime, int], str]] = {
    **dict.fromkeys("yYu", lambda t, n: _year(t.year, n)), "x": lambda t, n: _year(t.isocalendar().year, n),
    "M": _month, "E": _weekday, "a": lambda t, n: "AM" if t.hour < 12 else "PM", "G": lambda t, n: "AD",
    "S": lambda t, n: str(t.microsecond).zfill(6).ljust(n, "0")[:n], "z": _zone_name,
}  # fmt: skip


def format_date(millis: int, pattern: str | None, tz: str | None = None) -> str:
    """An instant as text by a Joda pattern (``yyyy-MM-dd'T'HH:mm:ss`` by default)."""
    when = at(millis, tz)
    out = []
    for letter, count in tokens(pattern or "yyyy-MM-dd'T'HH:mm:ss"):
        if not isinstance(count, int):
            out.append(count)
        elif letter in _NUMBERS:
            out.append(str(_NUMBERS[letter](when)).zfill(count))
        elif letter in _TEXTS:
            out.append(_TEXTS[letter](when, count))
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


@dataclass
class _Reading:
    """How far a text is read, and what was found in it."""

    text: str
    zone: str | None
    at: int = 0
    fields: dict[str, int] = field(default_factory=dict)

    def literal(self, literal: str) -> None:
        if not self.text.startswith(literal, self.at):
            raise ValueError(f"'{literal}' is needed at position {self.at}")
        self.at += len(literal)

    def number(self, letter: str, count: int, most: int) -> None:
        start = self.at
        value, self.at = _number(self.text, start, most)
        if letter == "S":
            value = int(str(value).zfill(self.at - start).ljust(6, "0")[:6])
        elif letter in "yYu" and count == 2 and value < 100:
            value += 2000 if value < 70 else 1900
        self.fields["y" if letter in "Yu" else letter] = value

    def name_of_zone(self) -> None:
        match = re.match(r"[A-Za-z_/]+|[+-]\d{2}:?\d{2}", self.text[self.at :])
        if match is None:
            raise ValueError(f"a zone is needed at position {self.at}")
        self.zone, self.at = match.group(), self.at + match.end()

    def component(self, letter: str, count: int, adjacent: bool) -> None:
        if letter == "M" and count >= 3:
            month, self.at = _named(self.text, self.at, MONTHS)
            self.fields["M"] = month + 1
        elif letter == "E":
            _, self.at = _named(self.text, self.at, DAYS)
        elif letter == "a":
            self.fields["a"], self.at = _half(self.text, self.at)
        elif letter in "zZ":
            self.name_of_zone()
        else:
            self.number(letter, count, count if adjacent else 9)


def parse_pattern(pattern: str, text: str, tz: str | None = None) -> int:
    """Text by a Joda pattern as milliseconds; numbers may have fewer or more digits than letters."""
    reading = _Reading(text, tz)
    parts = tokens(pattern)
    try:
        for (letter, count), (following, _) in zip(parts, [*parts[1:], ("", "")], strict=True):
            if isinstance(count, int):
                reading.component(letter, count, following != "")
            else:
                reading.literal(count)
        if reading.at != len(text):
            raise ValueError(f"'{text[reading.at :]}' is left over")
        return millis_of(_assembled(reading.fields, reading.zone))
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
