"""The filter language of asset listings: a subset of AIP-160.

Comparisons joined by ``AND``: ``startTime >= "2017-04-01T00:00:00Z"``, ``properties.X < 3``, the
property's bare name, and ``intersects("<GeoJSON or WKT>")``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ecumene.core.errors import RequestError
from ecumene.core.query import Comparison, Query

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
    found = ListFilter()
    position = 0
    while position < len(tokens):
        if position:
            kind, word = tokens[position]
            if kind != "word" or word.upper() != "AND":
                raise RequestError(f"Filter: AND expected, '{word}' found.")
            position += 1
        position, found = _term(tokens, position, found)
    return found


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


def _term(tokens: list[tuple[str, str]], at: int, found: ListFilter) -> tuple[int, ListFilter]:
    part = tokens[at : at + 4]
    kinds = [kind for kind, _ in part]
    words = [word for _, word in part]
    if words[:2] == ["intersects", "("] and kinds[2:3] == ["text"] and words[3:4] == [")"]:
        return at + 4, replace(found, shapes=(*found.shapes, parse_shape(_unquoted(words[2]))))
    if len(part) < 3 or kinds[0] not in ("word", "text") or kinds[1] != "op":
        raise RequestError(f"Filter: a comparison was expected at '{' '.join(words[:3])}'.")
    name = _unquoted(words[0]) if kinds[0] == "text" else words[0]
    op = "==" if words[1] == "=" else words[1]
    value = _value(kinds[2], words[2])
    if name in _TIMES:
        if not isinstance(value, str):
            raise RequestError(f"Filter: {name} is compared with a time in quotes.")
        means, units = _TIMES[name]
        comparison = Comparison(means, op, millis(value) * units)
    else:
        comparison = Comparison(name.removeprefix("properties."), op, value)
    query = found.query.joined(Query(comparisons=(comparison,)))
    return at + 3, replace(found, query=query)


def _value(kind: str, word: str) -> str | int | float:
    if kind == "number":
        return float(word) if any(c in word for c in ".eE") else int(word)
    if kind == "text":
        return _unquoted(word)
    if kind == "word":
        return word
    raise RequestError(f"Filter: a value was expected, '{word}' found.")


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1])
