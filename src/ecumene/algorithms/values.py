"""Types of values, conditions, pixel types."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ecumene.core import pixel_type as pt
from ecumene.core.equality import equal
from ecumene.core.errors import EvaluationError
from ecumene.core.pixel_type import PixelType
from ecumene.core.registry import REGISTRY, Algorithm, algorithm
from ecumene.core.typename import type_name
from ecumene.core.wire import Boolean, Integer, Number, Object


def truth(value: Any) -> bool:
    """What ``If`` takes as true: all but 0, NaN, null and empty texts, lists and dictionaries."""
    if isinstance(value, float) and value != value:
        return False
    return (
        bool(value)
        if value is None or isinstance(value, bool | int | float | str | list | dict)
        else True
    )


@algorithm("If")
def choose(condition: Object = None, true_case: Object = None, false_case: Object = None) -> Object:
    """One of two values by a condition; 0, NaN, null and empty texts, lists and dictionaries are false.

    In expressions only the chosen case is evaluated.
    """
    return true_case if truth(condition) else false_case


@algorithm("IsEqual")
def is_equal(left: Object = None, right: Object = None) -> Boolean:
    """Whether two values are equal."""
    return equal(left, right)


@algorithm("ObjectType")
def object_type(value: Object = None) -> str:
    """The name of the type of a value."""
    return type_name(value)


@algorithm("Describe")
def describe(input: Object) -> Object:
    """The value itself: its description is what a client prints."""
    return input


@algorithm("PixelType")
def pixel_type(
    precision: Object,
    min_value: Number | None = None,
    max_value: Number | None = None,
    dimensions: Integer = 0,
) -> PixelType:
    """A type of pixels: ``int``, ``float`` or ``double`` (or another type), with a range and array dimensions."""
    if dimensions < 0:
        raise EvaluationError("PixelType: 'dimensions' must not be negative.")
    low, high = min_value, max_value
    if isinstance(precision, PixelType):
        low = precision.min if low is None else low
        high = precision.max if high is None else high
        kind = precision.precision
        dimensions = dimensions or precision.dimensions
    elif precision in ("int", "float", "double"):
        kind = str(precision)
    else:
        known = {k.lower(): v for k, v in _STANDARD.items()}
        found = known.get(str(precision).lower())
        if found is None:
            raise EvaluationError(f"PixelType: Unknown precision '{precision}'.")
        return pixel_type(found, min_value, max_value, dimensions)
    if low is not None and high is not None and low > high:
        raise EvaluationError(
            f"PixelType: The minimum ({low}) must not be larger than the maximum ({high})."
        )
    if kind == "int":
        low = None if low is None or not math.isfinite(low) else int(low)
        high = None if high is None or not math.isfinite(high) else int(high)
        if low is None and high is None:
            low, high = -(2**31), 2**31 - 1
    return PixelType(kind, low, high, dimensions)


_STANDARD = {
    "int8": pt.INT8, "uint8": pt.UINT8, "int16": pt.INT16, "uint16": pt.UINT16, "int32": pt.INT32, "uint32": pt.UINT32,
    "int64": pt.INT64, "float": pt.FLOAT, "double": pt.DOUBLE,
}  # fmt: skip


def _declare() -> None:
    def maker(kind: PixelType) -> Callable[[], PixelType]:
        return lambda: kind

    for name, kind in _STANDARD.items():
        REGISTRY.add(
            Algorithm(f"PixelType.{name}", (), "PixelType", f"The pixel type {name}.", maker(kind))
        )


_declare()


@algorithm("PixelType.dimensions")
def dimensions(pixel_type: PixelType) -> Integer:
    """The number of array dimensions, 0 for plain pixels."""
    return pixel_type.dimensions


@algorithm("PixelType.precision")
def precision(pixel_type: PixelType) -> str:
    """``int``, ``float`` or ``double``."""
    return pixel_type.precision


@algorithm("PixelType.minValue", returns="Number")
def min_value(pixel_type: PixelType) -> Number | None:
    """The lower end of the range, null if there is none."""
    low = pixel_type.min
    return -math.inf if low is None and not pixel_type.is_int else low


@algorithm("PixelType.maxValue", returns="Number")
def max_value(pixel_type: PixelType) -> Number | None:
    """The upper end of the range, null if there is none."""
    high = pixel_type.max
    return math.inf if high is None and not pixel_type.is_int else high
