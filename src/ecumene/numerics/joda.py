"""Dates as text by the patterns of Joda-Time's ``DateTimeFormat`` (English locale, ISO calendar)."""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Callable

from ecumene.core.errors import EvaluationError
from ecumene.numerics.zones import at

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LETTERS = "GCYyxweEDMdaKhHkmsSzZ"
"""Letters that stand for fields."""

Token = tuple[str, int | str]
"""``(letter, count)`` of a field, ``("", text)`` of a literal."""


def _quoted(pattern: str, start: int) -> tuple[str, int]:
    """The text after an opening quote, and where the pattern goes on; two quotes are one."""
    text, i = "", start
    while i < len(pattern):
        if pattern[i] != "'":
            text += pattern[i]
        elif pattern[i : i + 2] == "''":
            text += "'"
            i += 1
        else:
            return text, i + 1
        i += 1
    return text, i


def tokens(pattern: str) -> list[Token]:
    """Fields and literals of a pattern; EvaluationError for letters that stand for nothing.

    >>> tokens("yyyy-MM'T'HH")
    [('y', 4), ('', '-'), ('M', 2), ('', 'T'), ('H', 2)]
    """
    out: list[Token] = []
    i = 0
    while i < len(pattern):
        char = pattern[i]
        if char == "'":
            text, i = ("'", i + 2) if pattern[i : i + 2] == "''" else _quoted(pattern, i + 1)
            out.append(("", text))
        elif char in string.ascii_letters:
            if char not in LETTERS:
                raise EvaluationError(f"Illegal pattern component: {char}")
            end = i
            while end < len(pattern) and pattern[end] == char:
                end += 1
            out.append((char, end - i))
            i = end
        else:
            out.append(("", char))
            i += 1
    if not out:
        raise EvaluationError("Invalid pattern specification")
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
    seconds = int((when.utcoffset() or dt.timedelta()).total_seconds())
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    colon = ":" if count == 2 else ""
    minutes, odd = divmod(rest, 60)
    return f"{sign}{hours:02d}{colon}{minutes:02d}" + (f"{colon}{odd:02d}" if odd else "")


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
    **dict.fromkeys("yY", lambda t, n: _year(t.year, n)), "x": lambda t, n: _year(t.isocalendar().year, n),
    "M": _month, "E": _weekday, "a": lambda t, n: "AM" if t.hour < 12 else "PM", "G": lambda t, n: "AD",
    "S": lambda t, n: str(t.microsecond // 1000).zfill(3).ljust(n, "0")[:n], "z": _zone_name,
}  # fmt: skip

LONGEST = 1000
"""Characters of a pattern."""


def checked(pattern: str) -> str:
    """The pattern, if it is not too long."""
    if len(pattern) > LONGEST:
        raise EvaluationError(f"The pattern is longer than {LONGEST} characters")
    return pattern


def format_date(millis: int, pattern: str | None, tz: str | None = None) -> str:
    """An instant as text by a pattern (``yyyy-MM-dd'T'HH:mm:ss`` if there is none)."""
    parts = tokens(checked("yyyy-MM-dd'T'HH:mm:ss" if pattern is None else pattern))
    when = at(millis, tz)
    out = []
    for letter, count in parts:
        if not isinstance(count, int):
            out.append(count)
        elif letter in _NUMBERS:
            out.append(str(_NUMBERS[letter](when)).zfill(count))
        elif letter in _TEXTS:
            out.append(_TEXTS[letter](when, count))
        else:
            out.append(_offset(when, count, tz))
    return "".join(out)
