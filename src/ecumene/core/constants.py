"""Constants of JSON documents as values."""

from __future__ import annotations

from typing import Any

_END = 2**63


def normal(value: Any) -> Any:
    """Constants as values, at any depth: integral doubles are integers, integers beyond 64 bits doubles.

    >>> normal([1.0, 0.5, 2**70, "a"])
    [1, 0.5, 1.1805916207174113e+21, 'a']
    """
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _END else value
    if isinstance(value, int):
        return value if -_END <= value < _END else _double(value)
    if isinstance(value, list):
        return [
            item
            if isinstance(item, str) or (type(item) is int and -_END <= item < _END)
            else normal(item)
            for item in value
        ]
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    return value


def _double(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
