"""Members of JSON documents as protobuf reads them: either spelling, null as unset, wrapped scalars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def snake(name: str) -> str:
    """``affineTransform`` → ``affine_transform``."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def pick(document: Any, name: str, default: Any = None) -> Any:
    """A member of an object in camelCase or snake_case; null counts as missing."""
    if not isinstance(document, Mapping):
        return default
    value = document.get(name)
    if value is None:
        value = document.get(snake(name))
    return default if value is None else value


def wrapped(value: Any) -> Any:
    """``{"value": x}`` → x: wrappers and bare scalars are the same."""
    if isinstance(value, Mapping) and set(value) <= {"value"}:
        return value.get("value")
    return value
