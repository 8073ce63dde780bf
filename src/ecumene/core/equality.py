"""Equality of values as the service sees it: by value, 1 equals 1.0, strings never equal numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecumene.core.array import Array


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same."""
    if isinstance(left, bool) or isinstance(right, bool):
        return (
            isinstance(left, bool | int | float)
            and isinstance(right, bool | int | float)
            and left == right
        )
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right or (left != left and right != right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            equal(a, b) for a, b in zip(left, right, strict=True)
        )
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    if isinstance(left, Array) and isinstance(right, Array):
        return bool(
            np.array_equal(left.values, right.values, equal_nan=left.values.dtype.kind == "f")
        )
    return type(left) is type(right) and bool(left == right)


def position(items: list[Any], wanted: Any) -> int:
    """Index of the first equal item, −1 if there is none."""
    return next((i for i, item in enumerate(items) if equal(item, wanted)), -1)


def key(value: Any) -> Any:
    """A hashable stand-in: equal values have equal keys."""
    if isinstance(value, list):
        return ("list", *(key(item) for item in value))
    if isinstance(value, dict):
        return ("dict", *((k, key(value[k])) for k in sorted(value)))
    if isinstance(value, Array):
        return ("array", value.values.shape, value.values.tobytes())
    if isinstance(value, bool):
        return int(value)
    try:
        hash(value)
    except TypeError:
        return ("text", repr(value))
    return value
