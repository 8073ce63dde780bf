"""The filter language of asset listings: a subset of AIP-160.

Comparisons (``startTime >= "2017-04-01T00:00:00Z"``, ``properties.X < 3``, the property's bare name) and
``intersects("<GeoJSON or WKT>")``, joined by ``AND``, ``OR``, ``NOT`` and parentheses. As AIP-160 has it, ``OR``
binds more tightly than ``AND``: ``a = 1 AND b = 2 OR b = 3`` asks for ``a = 1`` whatever ``b`` is. A property that is
missing fails every comparison, and so passes its ``NOT``. Shapes can be joined by ``AND`` only.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ecumene.catalog.conditions import speakable
from ecumene.core.errors import RequestError
from ecumene.core.query import Comparison, Condition, Every, Opposite, Query, Some

MOST_TERMS = 200
"""Comparisons in one filter."""

MOST_NESTED = 30
"""Parentheses and NOTs inside each other."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.:])
      | (?P<op><=|>=|!=|==|=|<|>)
      | (?P<mark>[()])
      | (?P<word>\w[\w.:-]*)
    )""",
    re.VERBOSE,
)
_TIMES = {
    "startTime": ("system:time_start", 1),
    "start_time": ("system:time_start", 1),
    "endTime": ("system:time_end", 1),
    "end_time": ("system:time_end", 1),
    "updateTime": ("system:version", 1000),
    "update_time": ("system:version", 1000),
}
"""What the names of times mean, and how many of its units are a millisecond."""


@dataclass(frozen=True, slots=True)
class ListFilter:
    """A query for the index, and the shapes that footprints must meet."""

    query: Query = Query()
    shapes: tuple[BaseGeometry, ...] = ()


def millis(text: str) -> int:
    """Milliseconds of an RFC 3339 time (or a date); RequestError if it is not one."""
    try:
        parsed = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise RequestError(f"'{text[:60]}' is not an RFC 3339 time.") from error
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    delta = parsed - datetime(1970, 1, 1, tzinfo=UTC)
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def rfc3339(ms: int) -> str:
    """The time of milliseconds since 1970, in UTC."""
    seconds, part = divmod(ms, 1000)
    try:
        moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    except OverflowError:
        return "0001-01-01T00:00:00Z" if ms < 0 else "9999-12-31T23:59:59Z"
    fraction = f".{part:03d}" if part else ""
    return f"{moment.isoformat(timespec='seconds')}{fraction}Z"


def parse_shape(text: str) -> BaseGeometry:
    """A shape in longitudes and latitudes from GeoJSON (single quotes allowed) or WKT."""
    plain = text.strip()
    try:
        if plain.startswith("{"):
            try:
                document = json.loads(plain)
            except ValueError:
                document = json.loads(plain.replace("'", '"'))
            found = shape(document.get("geometry", document))
        else:
            found = shapely.from_wkt(plain)
    except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise RequestError("The region is neither GeoJSON nor WKT.") from error
    if found is None or shapely.is_empty(found):
        raise RequestError("The region is empty.")
    return found


def parse(text: str) -> ListFilter:
    """The meaning of a filter text; RequestError says where it cannot be read."""
    tokens = _tokens(text)
    if not tokens:
        return ListFilter()
    reader = _Reader(tokens)
    parts = reader.every(0)
    if reader.at < len(tokens):
        raise RequestError(f"Filter: AND expected, '{tokens[reader.at][1]}' found.")
    query = Query(
        comparisons=tuple(one for one in parts if isinstance(one, Comparison)),
        conditions=tuple(one for one in parts if isinstance(one, Some | Opposite)),
    )
    return ListFilter(query, tuple(one for one in parts if isinstance(one, BaseGeometry)))


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise RequestError(f"Filter: cannot be read from '{text[position : position + 30]}'.")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return found


Part: TypeAlias = "Condition | BaseGeometry"
"""What a filter asks: a condition, or a shape to meet."""


class _Reader:
    """Reads words from the left. Methods return parts that must all hold."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at, self.terms = tokens, 0, 0

    def every(self, depth: int) -> list[Part]:
        """Alternatives joined by AND."""
        found = self.some(depth)
        while self._takes("AND"):
            found += self.some(depth)
        return found

    def some(self, depth: int) -> list[Part]:
        """Terms joined by OR."""
        found = [self.term(depth)]
        while self._takes("OR"):
            found.append(self.term(depth))
        return found[0] if len(found) == 1 else [Some(tuple(_condition(one) for one in found))]

    def term(self, depth: int) -> list[Part]:
        """A comparison, a shape, something in parentheses, or NOT and any of these."""
        if depth > MOST_NESTED:
            raise RequestError(f"Filter: more than {MOST_NESTED} parentheses inside each other.")
        if self._takes("NOT"):
            return [Opposite(_condition(self.term(depth + 1)))]
        if self._takes("("):
            found = self.every(depth + 1)
            if not self._takes(")"):
                raise RequestError("Filter: a ')' is missing.")
            return found
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise RequestError(f"A filter has at most {MOST_TERMS} comparisons.")
        return [self._leaf()]

    def _takes(self, word: str) -> bool:
        kind, found = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        operand = self.tokens[self.at + 1 : self.at + 2]
        named = bool(operand) and operand[0][0] == "op"
        taken = kind in ("word", "mark") and found.upper() == word and not named
        self.at += taken
        return taken

    def _leaf(self) -> Part:
        part = self.tokens[self.at : self.at + 4]
        kinds = [kind for kind, _ in part]
        words = [word for _, word in part]
        if words[:2] == ["intersects", "("] and kinds[2:3] == ["text"] and words[3:4] == [")"]:
            self.at += 4
            return parse_shape(_unquoted(words[2]))
        if len(part) < 3 or kinds[0] not in ("word", "text") or kinds[1] != "op":
            raise RequestError(f"Filter: a comparison was expected at '{' '.join(words[:3])}'.")
        self.at += 3
        name = _unquoted(words[0]) if kinds[0] == "text" else words[0]
        return _comparison(name, "==" if words[1] == "=" else words[1], _value(kinds[2], words[2]))


def _condition(parts: list[Part]) -> Condition:
    """Parts as one condition, for OR and NOT; RequestError if the index could not test it."""
    conditions = []
    for one in parts:
        if isinstance(one, BaseGeometry):
            raise RequestError("Filter: intersects(…) can be joined by AND only.")
        if isinstance(one, Comparison) and not speakable(one.name):
            raise RequestError(f"Filter: '{one.name}' can be compared in what AND joins only.")
        conditions.append(one)
    return conditions[0] if len(conditions) == 1 else Every(tuple(conditions))


def _comparison(name: str, op: str, value: str | int | float) -> Comparison:
    if name not in _TIMES:
        return Comparison(name.removeprefix("properties."), op, value)
    if not isinstance(value, str):
        raise RequestError(f"Filter: {name} is compared with a time in quotes.")
    means, units = _TIMES[name]
    return Comparison(means, op, millis(value) * units)


def _value(kind: str, word: str) -> str | int | float:
    if kind == "number":
        number = float(word)
        whole = not any(c in word for c in ".eE") and abs(number) < 2**63
        return int(word) if whole else number
    if kind == "text":
        return _unquoted(word)
    if kind == "word":
        return word
    raise RequestError(f"Filter: a value was expected, '{word}' found.")


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1])
