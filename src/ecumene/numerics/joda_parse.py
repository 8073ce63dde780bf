"""Text as dates by Joda-Time's patterns: numbers of fewer or more digits, names in any case, English only."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass, field

from ecumene.core.errors import EvaluationError
from ecumene.numerics.joda import DAYS, MONTHS, Token, checked, tokens
from ecumene.numerics.zones import check, local, millis_of, zone

_DIGITS = {
    "C": 9,
    "w": 2,
    "e": 1,
    "D": 3,
    "M": 2,
    "d": 2,
    "K": 2,
    "h": 2,
    "H": 2,
    "k": 2,
    "m": 2,
    "s": 2,
}
"""Most digits of a number in the text; years have up to nine."""

_NUMERIC = "CxyYdhHmsSeDwkK"
_ZONES = {
    "UT": "UTC", "UTC": "UTC", "GMT": "UTC", "EST": "America/New_York", "EDT": "America/New_York",
    "CST": "America/Chicago", "CDT": "America/Chicago", "MST": "America/Denver", "MDT": "America/Denver",
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles",
}  # fmt: skip
"""Names of zones that ``z`` reads."""

_OFFSET = re.compile(r"Z|[+-]\d{2}(?::?\d{2})?", re.IGNORECASE | re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_+/-]+")
YEAR_WITHOUT_YEAR = 2000
"""The year of texts that name months or days but no year."""


class _Mismatch(Exception):
    """The text does not follow the pattern from a position on."""

    def __init__(self, place: int) -> None:
        self.place = place


def _is_number(token: Token) -> bool:
    letter, count = token
    return bool(letter) and (
        letter in _NUMERIC or (letter == "M" and isinstance(count, int) and count < 3)
    )


def _two_digits(value: int) -> int:
    """The year of two digits that lies between 80 years before now and 19 after."""
    first = dt.datetime.now(dt.UTC).year - 80
    return first + (value - first) % 100


@dataclass
class _Reading:
    """How far a text is read, and what was found in it."""

    text: str
    zone: str | None
    at: int = 0
    fields: dict[str, int] = field(default_factory=dict)

    def literal(self, literal: str) -> None:
        if self.text[self.at : self.at + len(literal)].lower() != literal.lower():
            raise _Mismatch(self.at)
        self.at += len(literal)

    def number(self, letter: str, most: int) -> tuple[int, int]:
        """The value and its number of digits; years may have a sign."""
        signed = "[-+]?" if letter in "yYxC" else ""
        match = re.compile(f"{signed}[0-9]{{1,{most}}}").match(self.text, self.at)
        if match is None:
            raise _Mismatch(self.at)
        self.at = match.end()
        return int(match.group()), len(match.group().lstrip("+"))

    def year(self, letter: str, count: int, adjacent: bool) -> None:
        value, digits = self.number(letter, count if adjacent else 9)
        if count == 2 and digits == 2 and value >= 0:
            value = _two_digits(value)
        self.fields["x" if letter == "x" else "y"] = value

    def named(self, names: tuple[str, ...]) -> int:
        for length in (None, 3):
            for number, name in enumerate(names):
                word = name[:length]
                if self.text[self.at : self.at + len(word)].lower() == word.lower():
                    self.at += len(word)
                    return number
        raise _Mismatch(self.at)

    def name_of_zone(self, letter: str, count: int) -> None:
        rest = self.text[self.at :]
        if letter == "Z" and count < 3:
            match = _OFFSET.match(rest)
        else:
            match = _NAME.match(rest)
        if match is None:
            raise _Mismatch(self.at)
        name = match.group()
        if letter == "z":
            known = [word for word in _ZONES if name.startswith(word)]
            if not known:
                raise _Mismatch(self.at)
            name = max(known, key=len)
        elif count >= 3:
            try:
                zone(name)
            except EvaluationError:
                raise _Mismatch(self.at) from None
        self.at += len(name)
        self.zone = _ZONES.get(name, name.upper() if len(name) == 1 else name)

    def component(self, letter: str, count: int, adjacent: bool) -> None:
        if letter in "yYx":
            self.year(letter, count, adjacent)
        elif letter == "M" and count >= 3:
            self.fields["M"] = self.named(MONTHS) + 1
        elif letter == "E":
            self.fields["e"] = self.named(DAYS) + 1
        elif letter == "a":
            self.fields["a"] = self.named(("AM", "PM"))
        elif letter == "G":
            if self.named(("AD", "BC")):
                raise EvaluationError("Years before the common era are not supported")
        elif letter in "zZ":
            self.name_of_zone(letter, count)
        elif letter == "S":
            value, digits = self.number("S", count)
            self.fields["S"] = int(str(value).zfill(digits).ljust(3, "0")[:3])
        else:
            self.fields[letter] = self.number(letter, _DIGITS[letter])[0]


def _complaint(text: str, place: int) -> EvaluationError:
    shown = text if len(text) <= place + 35 else text[: place + 32] + "..."
    if place <= 0:
        return EvaluationError(f'Invalid format: "{shown}"')
    if place >= len(text):
        return EvaluationError(f'Invalid format: "{shown}" is too short')
    return EvaluationError(f'Invalid format: "{shown}" is malformed at "{shown[place:]}"')


def parse_pattern(pattern: str, text: str, tz: str | None = None) -> int:
    """Text by a pattern as milliseconds; EvaluationError in Joda-Time's words."""
    parts = tokens(checked(pattern))
    reading = _Reading(text, tz)
    try:
        for k, (letter, count) in enumerate(parts):
            if isinstance(count, int):
                following = parts[k + 1] if k + 1 < len(parts) else ("", "")
                reading.component(letter, count, _is_number(following))
            else:
                reading.literal(count)
        if reading.at != len(text):
            raise _Mismatch(reading.at)
    except _Mismatch as mismatch:
        raise _complaint(text, mismatch.place) from None
    zone(reading.zone)
    try:
        return millis_of(_assembled(reading.fields, reading.zone))
    except EvaluationError as error:
        raise EvaluationError(f'Cannot parse "{text[:100]}": {error.message}') from None
    except (OverflowError, ValueError):
        raise EvaluationError(f'Cannot parse "{text[:100]}"') from None


def _clock(f: dict[str, int]) -> tuple[int, int, int, int]:
    check("clockhourOfDay", f.get("k", 1), 1, 24)
    check("clockhourOfHalfday", f.get("h", 1), 1, 12)
    check("hourOfHalfday", f.get("K", 0), 0, 11)
    hour = f.get("H", f.get("k", 0) % 24)
    if "h" in f or "K" in f:
        hour = f.get("h", f.get("K", 0)) % 12 + 12 * f.get("a", 0)
    elif "a" in f and "H" not in f and "k" not in f:
        hour = 12 * f["a"]
    return hour, f.get("m", 0), f.get("s", 0), f.get("S", 0) * 1000


def _day(f: dict[str, int]) -> dt.date:
    """The day of the fields; larger fields are set before smaller ones, a day of the week last."""
    dated = any(letter in f for letter in "MwDde")
    year = f.get("y", f.get("x", YEAR_WITHOUT_YEAR if dated else 1970))
    if "y" not in f and "x" not in f and "C" in f:
        year = f["C"] * 100
    check("year", year, 1, 9999)
    check("dayOfWeek", f.get("e", 1), 1, 7)
    if "w" in f or ("x" in f and "y" not in f and "M" not in f and "D" not in f):
        last = dt.date(year, 12, 28).isocalendar().week
        check("weekOfWeekyear", f.get("w", 1), 1, last)
        return dt.date.fromisocalendar(year, f.get("w", 1), f.get("e", 1))
    check("monthOfYear", f.get("M", 1), 1, 12)
    day = dt.date(year, f.get("M", 1), 1)
    if "D" in f:
        check("dayOfYear", f["D"], 1, 366 if calendar.isleap(year) else 365)
        day = dt.date(year, 1, 1) + dt.timedelta(days=f["D"] - 1)
    if "d" in f:
        check("dayOfMonth", f["d"], 1, calendar.monthrange(day.year, day.month)[1])
        day = day.replace(day=f["d"])
    if "e" in f:
        day += dt.timedelta(days=f["e"] - day.isoweekday())
    return day


def _assembled(f: dict[str, int], tz: str | None) -> dt.datetime:
    day = _day(f)
    found = local(tz, day.year, day.month, day.day, *_clock(f))
    back = found.astimezone(dt.UTC).astimezone(found.tzinfo)
    if back.replace(tzinfo=None) != found.replace(tzinfo=None):
        raise EvaluationError("Illegal instant due to time zone offset transition")
    return found
