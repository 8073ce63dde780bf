"""Names of types, and values in a few words: what error messages say about a value."""

from __future__ import annotations

from typing import Any

from ecumene.core.array import Array
from ecumene.core.image import Image
from ecumene.core.typename import type_name

LONGEST = 200
"""Characters of a value in a message."""

__all__ = ["Mismatch", "shown", "type_name", "type_text"]


class Mismatch(Exception):
    """The value cannot become the expected type. Never leaves the engine and the API."""

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__(expected)
        self.expected = expected
        self.value = value

    def words(self) -> str:
        """The service's text: expected and actual type, actual value."""
        return (
            f"Invalid type.\nExpected type: {self.expected}.\nActual type: {type_text(self.value)}."
            f"\nActual value: {shown(self.value)}"
        )


def type_text(value: Any) -> str:
    """The type in messages: ``List<Integer>``, ``Image<[B4, B3]>``, ``Array<1>``, ….

    >>> type_text([1, 2]), type_text([1, "a"]), type_text({})
    ('List<Integer>', 'List<Object>', 'Dictionary<Object>')
    """
    if isinstance(value, list):
        inner = {type_name(item) for item in value[:LONGEST]}
        return f"List<{inner.pop()}>" if len(inner) == 1 else "List<Object>"
    if isinstance(value, dict):
        return "Dictionary<Object>"
    if isinstance(value, Image):
        return f"Image<[{', '.join(band.name for band in value.bands[:LONGEST])}]>"
    return type_name(value)


def shown(value: Any) -> str:
    """A value in an error message: numbers, texts and containers as such, others by type."""
    out: list[str] = []
    _show(value, out, 0)
    text = "".join(out)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _show(value: Any, out: list[str], depth: int) -> None:
    """Appends a value's text; stops soon after the longest text that is shown."""
    if value is None or isinstance(value, bool):
        out.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int | float | str):
        out.append(str(value)[: LONGEST + 1])
    elif isinstance(value, Array) and value.values.size <= LONGEST:
        _show(value.values.tolist(), out, depth)
    elif isinstance(value, list | dict) and depth < 5:
        keys = list(value) if isinstance(value, dict) else [""] * len(value)
        out.append("{" if isinstance(value, dict) else "[")
        for position, item in enumerate(value.values() if isinstance(value, dict) else value):
            if len(out) > LONGEST:
                break
            out.append(", " if position else "")
            out.append(f"{keys[position]}=" if isinstance(value, dict) else "")
            _show(item, out, depth + 1)
        out.append("}" if isinstance(value, dict) else "]")
    else:
        out.append(f"<{type_name(value)}>")
