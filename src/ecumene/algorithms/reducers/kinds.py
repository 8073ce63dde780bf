"""Types of reducers' outputs, and the arguments that they report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ecumene.core.pixel_type import DOUBLE, INT64, PixelType, of_range

Types = Sequence[PixelType]
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


def given(**values: Any) -> dict[str, Any]:
    """The settings that were given."""
    return {key: value for key, value in values.items() if value is not None}
