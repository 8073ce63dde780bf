"""Equality of values as the service sees it: by value, 1 equals 1.0, strings never equal numbers.

Lists may hold one inner list many times over, so a small graph can describe more values than a machine could
ever visit: every walk over nested values here stops after a number of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ecumene.core.array import Array
from ecumene.core.errors import LimitExceeded

MOST = 20_000_000
"""Values that one comparison, or one count, visits."""


class Budget:
    """How many values may still be visited."""

    __slots__ = ("left", "most")

    def __init__(self, most: int = MOST) -> None:
        self.left = self.most = most

    def spend(self, count: int) -> None:
        """LimitExceeded once too many values were visited."""
        self.left -= count
        if self.left < 0:
            raise LimitExceeded(
                f"The value has too many elements; at most {self.most} can be visited."
            )


def measured(value: Any, most: int = MOST) -> int:
    """The number of values inside nested lists and dictionaries, the outermost included.

    Raises LimitExceeded if there are more than ``most``.
    """
    budget = Budget(most)
    stack = [value]
    while stack:
        item = stack.pop()
        budget.spend(1)
        if isinstance(item, list):
            budget.spend(len(item))
            budget.left += len(item)
            stack += item
        elif isinstance(item, dict):
            stack += item.values()
    return most - budget.left


def _number(value: Any) -> bool:
    return isinstance(value, int | float)


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same."""
    return _same(left, right, Budget())


def _same(left: Any, right: Any, budget: Budget) -> bool:
    if _number(left) and _number(right):
        return bool(left == right or (left != left and right != right))
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and left == right
    if isinstance(left, list) and isinstance(right, list):
        budget.spend(min(len(left), len(right)))
        return len(left) == len(right) and all(
            _same(a, b, budget) for a, b in zip(left, right, strict=True)
        )
    if isinstance(left, dict) and isinstance(right, dict):
        budget.spend(min(len(left), len(right)))
        return left.keys() == right.keys() and all(_same(left[k], right[k], budget) for k in left)
    if isinstance(left, Array) and isinstance(right, Array):
        floating = left.values.dtype.kind == "f" and right.values.dtype.kind == "f"
        return bool(np.array_equal(left.values, right.values, equal_nan=floating))
    return type(left) is type(right) and bool(left == right)


def position(items: list[Any], wanted: Any) -> int:
    """Index of the first equal item, −1 if there is none."""
    budget = Budget()
    return next((i for i, item in enumerate(items) if _same(item, wanted, budget)), -1)


def key(value: Any) -> Any:
    """A hashable stand-in: equal values have equal keys."""
    return _key(value, Budget())


def _key(value: Any, budget: Budget) -> Any:
    if isinstance(value, list):
        budget.spend(len(value))
        return ("list", *(_key(item, budget) for item in value))
    if isinstance(value, dict):
        budget.spend(len(value))
        return ("dict", *((k, _key(value[k], budget)) for k in sorted(value)))
    if isinstance(value, Array):
        return ("array", value.values.shape, tuple(value.values.ravel().tolist()))
    if isinstance(value, bool):
        return int(value)
    if value != value:
        return ("NaN",)
    try:
        hash(value)
    except TypeError:
        return ("object", id(value))
    return value
