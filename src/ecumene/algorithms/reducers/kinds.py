"""Types of reducers' outputs, and the arguments that they report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ecumene.core.errors import EvaluationError
from ecumene.core.pixel_type import DOUBLE, INT64, PixelType, of_range

Types = Sequence[PixelType]
MOST_INPUTS = 10_000
"""Inputs that a reducer may have."""

COUNTS = of_range(0, 2**31 - 1)


def double(types: Types) -> list[PixelType]:
    """Doubles."""
    return [DOUBLE]


def same(types: Types) -> list[PixelType]:
    """The type of the first input."""
    return [types[0]]


def mean_type(types: Types) -> list[PixelType]:
    """Doubles in the range of the first input."""
    return [PixelType("double", types[0].min, types[0].max)]


def sum_type(types: Types) -> list[PixelType]:
    """Long integers for integers."""
    return [INT64 if types[0].is_int else DOUBLE]


def fixed(*kinds: PixelType) -> Callable[[Types], list[PixelType]]:
    """The same types whatever the inputs."""
    return lambda types: list(kinds)


def at_least_one(name: str, **counts: int | None) -> None:
    """EvaluationError if a count that is given is not positive."""
    for argument, count in counts.items():
        if count is not None and not 1 <= count <= MOST_INPUTS:
            raise EvaluationError(
                f"{name}: '{argument}' must be between 1 and {MOST_INPUTS}, got {count}."
            )


def bounded(name: str, size: int) -> None:
    """EvaluationError if a reducer made of others would have too many inputs or outputs."""
    if size > MOST_INPUTS:
        raise EvaluationError(
            f"{name}: A reducer has at most {MOST_INPUTS} inputs and outputs, got {size}."
        )


def all_different(name: str, names: Sequence[str]) -> None:
    """EvaluationError if there is no name, or one stands twice."""
    if not names or len(set(names)) != len(names):
        raise EvaluationError(f"{name}: Names must be given and unique. Got {list(names)}.")


def given(**values: Any) -> dict[str, Any]:
    """The settings that were given."""
    return {key: value for key, value in values.items() if value is not None}
