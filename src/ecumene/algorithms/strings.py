"""Texts."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from ecumene.core.array import Array
from ecumene.core.constants import normal
from ecumene.core.dates import Date
from ecumene.core.equality import measured
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Integer, Object
from ecumene.numerics.regex import checked, compiled, replaced
from ecumene.numerics.regex import split as split_at

LONGEST = 10_000_000


@algorithm("String", returns="String")
def string(input: Object) -> Object:
    """The text itself. A value that is no text stays what it is, and is refused where a text is needed.

    So says the service's own message: ``String.cat, argument 'string2': Invalid type … Actual type: Long``
    for a number that a client has wrapped in ``ee.String``. ``Number.format`` makes texts of numbers.
    """
    return input


@algorithm("String.cat")
def cat(string1: str, string2: str) -> str:
    """One text after the other."""
    if len(string1) + len(string2) > LONGEST:
        raise LimitExceeded(f"String.cat: The text would be longer than {LONGEST} characters.")
    return string1 + string2


@algorithm("String.compareTo")
def compare_to(string1: str, string2: str) -> Integer:
    """-1, 0 or 1 as the first text comes before, at or after the second."""
    return (string1 > string2) - (string1 < string2)


@algorithm("String.decodeJSON")
def decode_json(string: str) -> Object:
    """The value of a JSON text."""
    try:
        return normal(msgspec.json.decode(checked(string, "String.decodeJSON")))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise EvaluationError(f"String.decodeJSON: Invalid JSON: '{string[:100]}'.") from None


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Array):
        return _plain(value.values.tolist())
    if isinstance(value, Date):
        return {"type": "Date", "value": value.millis}
    if value is None or isinstance(value, str | int | bool):
        return value
    raise EvaluationError(
        f"String.encodeJSON: A value of type {type(value).__name__} cannot be encoded."
    )


@algorithm("String.encodeJSON")
def encode_json(object: Object) -> str:
    """A value as JSON, compact, keys in order."""
    measured(object, LONGEST)
    return json.dumps(_plain(object), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@algorithm("String.equals")
def equals(reference: str, target: Object) -> Boolean:
    """Whether a value is the same text."""
    return isinstance(target, str) and reference == target


@algorithm("String.index")
def index(target: str, pattern: str) -> Integer:
    """Position of the first occurrence, -1 if there is none."""
    return target.find(pattern)


@algorithm("String.rindex")
def rindex(target: str, pattern: str) -> Integer:
    """Position of the last occurrence, -1 if there is none."""
    return target.rfind(pattern)


@algorithm("String.length")
def length(string: str) -> Integer:
    """The number of characters."""
    return len(string)


@algorithm("String.match")
def match(input: str, regex: str, flags: str = "") -> list[str]:
    """The first match with its groups, or with flag ``g`` all matches; an empty list without a match."""
    name = "String.match"
    pattern = compiled(regex, flags, name)
    checked(input, name)
    if "g" in flags:
        return [found.group(0) for found in pattern.finditer(input)]
    found = pattern.search(input)
    return [] if found is None else [found.group(0), *(g for g in found.groups())]


@algorithm("String.replace")
def replace(input: str, regex: str, replacement: str, flags: str = "") -> str:
    """The first match (all with flag ``g``) replaced; ``$1`` stands for the first group."""
    name = "String.replace"
    pattern = compiled(regex, flags, name)
    return replaced(pattern, input, replacement, "g" in flags, name, LONGEST)


@algorithm("String.slice")
def take_slice(string: str, start: Integer, end: Integer | None = None) -> str:
    """Characters from one position to (but not including) another; negative positions count from the end."""
    return string[start:end]


@algorithm("String.split")
def split(string: str, regex: str, flags: str = "") -> list[str]:
    """Parts between matches; empty parts at the end are left out."""
    name = "String.split"
    if regex == "":
        return [*string]
    return split_at(compiled(regex, flags, name), string, name)


@algorithm("String.toLowerCase")
def to_lower_case(string: str) -> str:
    """In lower case."""
    return string.lower()


@algorithm("String.toUpperCase")
def to_upper_case(string: str) -> str:
    """In upper case."""
    return string.upper()


@algorithm("String.trim")
def trim(string: str) -> str:
    """Without white space at both ends."""
    return string.strip()
