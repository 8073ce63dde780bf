"""The operators that numbers, arrays and images share: 89 names, each declared once for all three."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ecumene.algorithms.image import lift
from ecumene.core.array import Array
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Image
from ecumene.core.pixel_type import DOUBLE, FLOAT, PixelType, of_dtype
from ecumene.core.registry import REGISTRY, Algorithm, Argument
from ecumene.numerics.elementwise import ALIASES, CASTS, OPS, Op, half_up, saturate

UNARY = {
    "abs": "Distance from zero.",
    "acos": "Angle in radians whose cosine is the input.",
    "asin": "Angle in radians whose sine is the input.",
    "atan": "Angle in radians whose tangent is the input.",
    "bitCount": "Number of one-bits in the 64-bit two's complement of the input.",
    "bitwiseNot": "All bits inverted, in the smallest signed type that holds the input.",
    "cbrt": "Cube root.",
    "ceil": "Smallest integer that is not below the input.",
    "cos": "Cosine of an angle in radians.",
    "cosh": "Hyperbolic cosine.",
    "digamma": "Logarithmic derivative of the gamma function.",
    "erf": "Error function.",
    "erfInv": "Inverse of the error function.",
    "erfc": "Complement of the error function, 1 - erf.",
    "erfcInv": "Inverse of the complementary error function.",
    "exp": "e to the power of the input.",
    "floor": "Largest integer that is not above the input.",
    "gamma": "Gamma function.",
    "lanczos": "Lanczos sum of the input.",
    "log": "Natural logarithm.",
    "log10": "Logarithm to base ten.",
    "not": "1 where the input is 0, else 0.",
    "round": "Nearest integer, halves upwards.",
    "signum": "-1, 0 or 1 by the sign of the input.",
    "sin": "Sine of an angle in radians.",
    "sinh": "Hyperbolic sine.",
    "sqrt": "Square root.",
    "tan": "Tangent of an angle in radians.",
    "tanh": "Hyperbolic tangent.",
    "trigamma": "Derivative of the digamma function.",
}
BINARY = {
    "add": "Sum.",
    "and": "1 where both inputs are not 0, else 0.",
    "atan2": "Angle in radians of the vector (left, right) with the first input as x.",
    "bitwiseAnd": "Bits that are one in both inputs.",
    "bitwiseOr": "Bits that are one in either input.",
    "bitwiseXor": "Bits that differ between the inputs.",
    "divide": "Quotient as a real number; 0 where the divisor is 0.",
    "eq": "1 where both inputs are equal, else 0.",
    "first": "The first input.",
    "firstNonZero": "The first input where it is not 0, else the second.",
    "gammainc": "Regularised lower incomplete gamma function of order left at right.",
    "gt": "1 where the first input is larger, else 0.",
    "gte": "1 where the first input is larger or equal, else 0.",
    "hypot": "Length of the vector (left, right).",
    "leftShift": "Bits of the first input moved left by the second.",
    "lt": "1 where the first input is smaller, else 0.",
    "lte": "1 where the first input is smaller or equal, else 0.",
    "max": "The larger input.",
    "min": "The smaller input.",
    "mod": "Remainder of the truncated division, with the sign of the first input.",
    "multiply": "Product.",
    "neq": "1 where the inputs differ, else 0.",
    "or": "1 where either input is not 0, else 0.",
    "pow": "The first input to the power of the second.",
    "rightShift": "Bits of the first input moved right by the second, keeping the sign.",
    "subtract": "Difference.",
}
_TYPE_WORDS = {
    "float": "a 32-bit float", "double": "a 64-bit float", "uint8": "an unsigned 8-bit integer",
    "int8": "a signed 8-bit integer", "uint16": "an unsigned 16-bit integer", "int16": "a signed 16-bit integer",
    "uint32": "an unsigned 32-bit integer", "int32": "a signed 32-bit integer", "int64": "a signed 64-bit integer",
}  # fmt: skip


def _cast_words(name: str) -> str:
    target = CASTS[name]
    word = target.precision if not target.is_int else target.dtype.name
    return f"The input as {_TYPE_WORDS[word]}, saturating at the ends of its range."


def number(op: Op, *values: Any) -> Any:
    """The operator on plain numbers: doubles and 64-bit integers."""
    operands = [np.asarray(v, "float64" if isinstance(v, float) else "int64") for v in values]
    if op.kind == "float":
        operands = [v.astype("float64") for v in operands]
    with np.errstate(all="ignore"):
        found = np.asarray(op.function(*operands))
    if op.name in CASTS:
        found = saturate(found, CASTS[op.name])
    value = found.item()
    return int(value) if isinstance(value, bool) else value


def _operands(op: Op, arrays: tuple[Array, ...]) -> list[Any]:
    shapes = {a.values.shape for a in arrays if a.values.ndim}
    if len(shapes) > 1:
        first, second = (list(a.values.shape) for a in arrays)
        raise EvaluationError(
            f"Array.{op.name}: Array dimensions must match, or one must be a scalar. Got {first} and {second}."
        )
    return [a.values for a in arrays]


def array(op: Op, *arrays: Array) -> Array:
    """The operator on arrays of equal shape; a 0-dimensional one goes with any."""
    values = _operands(op, arrays)
    dims = max(v.ndim for v in values)
    kind = op.result_type(*(a.type.with_dimensions(0) for a in arrays))
    with np.errstate(all="ignore"):
        if op.name in CASTS:
            target = CASTS[op.name]
            found = half_up(values[0]) if target.is_int else values[0]
            kind = target
        elif op.kind == "float":
            found = op.function(*(v.astype("float64") for v in values))
        else:
            found = op.function(*values)
    found = np.asarray(found)
    kind = _element_type(op, kind, arrays)
    return Array(saturate(found, kind), kind.with_dimensions(dims))


def _element_type(op: Op, kind: PixelType, arrays: tuple[Array, ...]) -> PixelType:
    """Standard element types: ranges are those of the storage; floats of integers are 32 bits wide only for pow."""
    if kind.is_int:
        return of_dtype(kind.dtype)
    if op.name in CASTS:
        return kind.without_range()
    if op.name == "pow":
        return DOUBLE if any(a.type.precision == "double" for a in arrays) else FLOAT
    if all(a.type.precision == "float" for a in arrays):
        return FLOAT
    return DOUBLE


def _entry(kind: str, name: str, op: Op, words: str) -> Algorithm:
    image = "Image<unknown bands>"
    type_ = image if kind == "Image" else kind
    names: tuple[str, ...]
    if op.arity == 1:
        names = ("value",) if kind == "Image" else ("input",)
        said = {"value": "the image", "input": "the operand"}
    else:
        names = ("image1", "image2") if kind == "Image" else ("left", "right")
        said = {
            "image1": "first operand",
            "image2": "second operand",
            "left": "first operand",
            "right": "second operand",
        }
    arguments = tuple(Argument(n, type_, said[n], parameter=n) for n in names)
    return Algorithm(f"{kind}.{name}", arguments, type_, words, _function(kind, op, names))


def _function(kind: str, op: Op, names: tuple[str, ...]) -> Callable[..., Any]:
    if kind == "Number":
        return lambda **given: number(op, *(given[n] for n in names))
    if kind == "Array":
        return lambda **given: array(op, *(given[n] for n in names))

    def on_image(**given: Image) -> Image:
        images = [given[n] for n in names]
        return (
            lift.unary(op.name, images[0])
            if op.arity == 1
            else lift.binary(op.name, images[0], images[1])
        )

    return on_image


def _declare() -> None:
    words = {**UNARY, **BINARY, **{name: _cast_words(name) for name in CASTS}}
    words |= {alias: words[name] for alias, name in ALIASES.items()}
    for name, text in words.items():
        op = OPS[ALIASES.get(name, name)]
        for kind in ("Number", "Array", "Image"):
            entry = _entry(kind, name, op, text)
            REGISTRY.add(replace(entry, hidden=name in ALIASES))


_declare()
