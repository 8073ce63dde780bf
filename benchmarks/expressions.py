"""Expressions of random shape over the bands of a scene, for this server and for numpy.

A shape is a nest of tuples; its constants are drawn apart, so that the same shape can be asked with others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

BANDS = ("B02", "B03", "B04", "B08")
OPERATIONS = ("add", "subtract", "min", "max", "distance", "blend")
SIZE = 12
"""Operations of an expression."""


def shape(rng: np.random.Generator, size: int = SIZE) -> Any:
    """``(operation, left, right)``, a band's name, or None for a constant."""
    if size == 0:
        return str(rng.choice(BANDS)) if rng.random() < 0.75 else None
    left = int(rng.integers(0, size))
    operation = str(rng.choice(OPERATIONS))
    return operation, shape(rng, left), shape(rng, size - 1 - left)


def _constants(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield float(np.round(rng.uniform(0.2, 0.9), 6))


def _distance(a: Any, b: Any) -> Any:
    return a.subtract(b).abs()


def _blend(a: Any, b: Any) -> Any:
    """Half the harmonic mean: as large as the operands are."""
    return a.multiply(b).divide(a.abs().add(b.abs()).add(1))


MADE = {"distance": _distance, "blend": _blend}


def _built(node: Any, leaf: Any, constants: Iterator[float]) -> Any:
    if node is None:
        return leaf(1000 * next(constants))
    if isinstance(node, str):
        return leaf(node).multiply(next(constants))
    left, right = (_built(part, leaf, constants) for part in node[1:])
    made = MADE.get(node[0])
    return made(left, right) if made else getattr(left, node[0])(right)


def expression(node: Any, leaf: Any, constants: int) -> Any:
    """The shape filled with the constants of a seed and bounded to -1 … 1; ``leaf`` makes bands and numbers into operands."""
    drawn = _constants(np.random.default_rng(constants))
    value = _built(node, leaf, drawn)
    return value.divide(value.abs().add(1000 * next(drawn)))


class Operand:
    """An array with the methods of an image that expressions use, in 64-bit arithmetic."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, "float64")

    def add(self, other: Any) -> Operand:
        return Operand(self.values + _values(other))

    def subtract(self, other: Any) -> Operand:
        return Operand(self.values - _values(other))

    def multiply(self, other: Any) -> Operand:
        return Operand(self.values * _values(other))

    def divide(self, other: Any) -> Operand:
        with np.errstate(all="ignore"):
            return Operand(self.values / _values(other))

    def min(self, other: Any) -> Operand:
        return Operand(np.minimum(self.values, _values(other)))

    def max(self, other: Any) -> Operand:
        return Operand(np.maximum(self.values, _values(other)))

    def abs(self) -> Operand:
        return Operand(np.abs(self.values))


def _values(other: Any) -> Any:
    return other.values if isinstance(other, Operand) else other
