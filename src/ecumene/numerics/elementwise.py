"""The operators that numbers, arrays and images share: formula, type of the result, domain.

One table, ``OPS``. Formulas take NumPy arrays (or scalars) of any shape. Integers stay integers where
the service keeps them; division by zero is 0; type rules are interval arithmetic on declared ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core import pixel_type as pt
from ecumene.core.errors import EvaluationError
from ecumene.core.pixel_type import BOOLEAN, DOUBLE, FLOAT, PixelType, of_range, union
from ecumene.numerics import colour, colour_maps, special

Values = NDArray[Any]
INT64 = np.iinfo("int64")


def saturate(values: Values, type_: PixelType) -> Values:
    """Values in another type: fractions cut off, ends of the range kept, NaN to 0 for integers."""
    dtype = type_.dtype
    if values.dtype == dtype and not (type_.is_int and _tighter(type_, dtype)):
        return values
    if values.dtype.kind not in "iufb":
        raise EvaluationError(
            "Pixels are numbers or arrays of numbers; this reducer gives other values."
        )
    if not type_.is_int:
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    low, high = type_.bounds
    if values.dtype.kind == "f":
        if dtype.itemsize >= 4:
            values = values.astype("float64", copy=False)  # the ends of the range are no float32
        values = np.nan_to_num(np.trunc(values), nan=0.0, posinf=np.inf, neginf=-np.inf)
        out = np.clip(values, float(low), float(high))
        return _to_int(out, dtype)
    info = np.iinfo(values.dtype) if values.dtype.kind in "iu" else np.iinfo("uint8")
    if low <= info.min and info.max <= high:
        return values.astype(dtype)
    return np.clip(values, max(int(low), info.min), min(int(high), info.max)).astype(dtype)


def _tighter(type_: PixelType, dtype: np.dtype[Any]) -> bool:
    info = np.iinfo(dtype)
    low, high = type_.bounds
    return bool(low > info.min or high < info.max) and (low, high) != (0, 1)


def _to_int(values: Values, dtype: np.dtype[Any]) -> Values:
    """Doubles to integers without undefined conversions at the ends of int64."""
    if dtype.itemsize < 8:
        return values.astype(dtype)
    top = values >= 2.0**63
    return np.where(top, INT64.max, np.where(top, 0, values).astype("int64"))


# -- types of results ---------------------------------------------------------------------------

TypeRule = Callable[..., PixelType]


def _floating(*types: PixelType) -> PixelType:
    return DOUBLE if any(t.precision == "double" or _wide(t) for t in types) else FLOAT


def _wide(t: PixelType) -> bool:
    """Integers that a float32 cannot hold."""
    low, high = t.bounds
    return t.is_int and (low < -(2**24) or high > 2**24)


def floating(*types: PixelType) -> PixelType:
    """``float``, or ``double`` where an input is (or is an integer too wide for a float)."""
    return _floating(*types).with_dimensions(max(t.dimensions for t in types))


def boolean(*types: PixelType) -> PixelType:
    """0 or 1."""
    return BOOLEAN.with_dimensions(max(t.dimensions for t in types))


def _ranged(precision: PixelType, low: float, high: float) -> PixelType:
    if precision.is_int:
        if low < INT64.min or high > INT64.max:
            return PixelType(
                "int", max(int(low), INT64.min), min(int(high), INT64.max), precision.dimensions
            )
        return PixelType("int", int(low), int(high), precision.dimensions)
    if not (math.isfinite(low) and math.isfinite(high)):
        return PixelType(precision.precision, None, None, precision.dimensions)
    return PixelType(precision.precision, low, high, precision.dimensions)


def _interval(combine: Callable[[Any, Any], Any]) -> TypeRule:
    def rule(a: PixelType, b: PixelType) -> PixelType:
        base = union(a, b)
        if not base.is_int and None in (a.min, a.max, b.min, b.max):
            return base.without_range()
        ends = [combine(x, y) for x in a.bounds for y in b.bounds]
        if any(isinstance(e, float) and math.isnan(e) for e in ends):
            return base.without_range()
        return _ranged(base, min(ends), max(ends))

    return rule


def same(*types: PixelType) -> PixelType:
    """The union of the inputs."""
    return union(*types)


def _divided(a: PixelType, b: PixelType) -> PixelType:
    return floating(a, b)


def _modulo(a: PixelType, b: PixelType) -> PixelType:
    """The union of both, as documented, and what remainders of narrower types (constants) may be besides.

    They are nearer to zero than the divisor and no farther from it than the dividend, on its side.
    """
    base = union(a, b)
    if not base.is_int:
        return base
    most = max(0, *(abs(int(end)) - 1 for end in b.bounds))
    low, high = (int(end) for end in a.bounds)
    left = PixelType("int", max(min(low, 0), -most), min(max(high, 0), most), base.dimensions)
    return union(base, left)


def _absolute(t: PixelType) -> PixelType:
    low, high = t.bounds
    if not t.is_int and t.min is None:
        return t
    least = 0 if low <= 0 <= high else min(abs(low), abs(high))
    return _ranged(t, least, max(abs(low), abs(high)))


def _signs(t: PixelType) -> PixelType:
    return PixelType("int", -1, 1, t.dimensions)


def _rounded(function: Callable[[float], float]) -> TypeRule:
    def rule(t: PixelType) -> PixelType:
        if t.is_int:
            return t
        low, high = t.bounds
        if math.isfinite(low) and math.isfinite(high) and max(abs(low), abs(high)) < 2**53:
            return PixelType("int", int(function(low)), int(function(high)), t.dimensions)
        return t.without_range()

    return rule


def _bits(*types: PixelType) -> PixelType:
    """Bit operations: the smallest standard integer that holds the inputs (doubles act as int64)."""
    if not all(t.is_int for t in types):
        return pt.INT64.with_dimensions(max(t.dimensions for t in types))
    joined = union(*types)
    return pt.of_dtype(joined.dtype).with_dimensions(joined.dimensions)


def _anded(a: PixelType, b: PixelType) -> PixelType:
    """An AND with a value that is never negative is at most that value."""
    tops = [t.bounds[1] for t in (a, b) if t.is_int and t.bounds[0] >= 0]
    if tops and a.is_int and b.is_int:
        return PixelType("int", 0, int(min(tops)), max(a.dimensions, b.dimensions))
    return _bits(a, b)


def _inverted(t: PixelType) -> PixelType:
    """The smallest signed type that holds the input."""
    if not t.is_int:
        return pt.INT64.with_dimensions(t.dimensions)
    low, high = t.bounds
    for kind in (pt.INT8, pt.INT16, pt.INT32):
        assert kind.min is not None
        assert kind.max is not None
        if low >= kind.min and high <= kind.max:
            return kind.with_dimensions(t.dimensions)
    return pt.INT64.with_dimensions(t.dimensions)


def _wide_int(*types: PixelType) -> PixelType:
    return pt.INT64.with_dimensions(max(t.dimensions for t in types))


def _counted(t: PixelType) -> PixelType:
    return PixelType("int", 0, 64, t.dimensions)


def _cast_rule(target: PixelType) -> TypeRule:
    def rule(t: PixelType) -> PixelType:
        if target.is_int:
            low, high = t.bounds
            a, b = target.bounds
            if t.is_int and low >= a and high <= b:
                return t
            return target.with_dimensions(t.dimensions)
        return PixelType(target.precision, t.min, t.max, t.dimensions)

    return rule


# -- formulas -----------------------------------------------------------------------------------


def _as_int(values: Values) -> Values:
    """Bit operations act on 64-bit integers; fractions are cut off."""
    if values.dtype.kind in "iub":
        return values.astype("int64")
    return saturate(values, pt.INT64)


def _divide(a: Values, b: Values) -> Values:
    zero = b == 0
    return np.asarray(np.where(zero, 0, np.true_divide(a, np.where(zero, 1, b))))


def _mod(a: Values, b: Values) -> Values:
    zero = b == 0
    return np.asarray(np.where(zero, 0, np.fmod(a, np.where(zero, 1, b))))


def half_up(values: Values) -> Values:
    """The nearest integers, halves upwards (floor(v + 0.5) without its rounding errors)."""
    if values.dtype.kind != "f":
        return values
    even = np.rint(values)
    with np.errstate(invalid="ignore"):
        half = values - even == 0.5
    return np.asarray(even + half.astype(even.dtype))


def _keep_int(function: Callable[[Values], Values]) -> Callable[[Values], Values]:
    def apply(values: Values) -> Values:
        return np.asarray(function(values)) if values.dtype.kind == "f" else values

    return apply


def _shift(a: Values, b: Values, sign: int) -> Values:
    """64-bit shifts; as in Java only the lowest six bits of the distance count."""
    value, by = _as_int(a), _as_int(b) & 63
    return np.asarray(np.left_shift(value, by) if sign > 0 else np.right_shift(value, by))


def _bit_count(values: Values) -> Values:
    return np.asarray(np.bitwise_count(_as_int(values).view("uint64")), "int64")


def _power(a: Values, b: Values) -> Values:
    return np.asarray(np.power(a.astype("float64"), b.astype("float64")))


def _absolute_value(values: Values) -> Values:
    if values.dtype.kind == "i":
        values = values.astype("int64")
        return np.abs(np.maximum(values, -INT64.max))
    return np.asarray(np.abs(values))


def _wrapping(function: Any) -> Callable[..., Values]:
    """Integer arithmetic in 64 bits, saturating at its ends; floating arithmetic as it is."""

    def apply(a: Values, b: Values) -> Values:
        if a.dtype.kind in "iub" and b.dtype.kind in "iub":
            exact = function(a.astype("int64"), b.astype("int64"))
            rough = function(a.astype("float64"), b.astype("float64"))
            wrapped = (
                np.abs(rough - exact) > 2.0**62
            )  # by a multiple of 2^64, where it is too large
            return np.asarray(np.where(wrapped, saturate(np.asarray(rough), pt.INT64), exact))
        return np.asarray(function(a, b))

    return apply


@dataclass(frozen=True, slots=True)
class Op:
    """An operator: formula, type of its result, and where (on images) its result is not masked.

    ``kind`` tells how operands are prepared: ``exact`` (integers in 64 bits, or the result's
    type), ``float`` (always floating), ``asis``.
    """

    name: str
    arity: int
    function: Callable[..., Any]
    result_type: TypeRule
    valid: Callable[..., Any] | None = None
    kind: str = "asis"

    def apply(self, values: Sequence[Values], params: Sequence[Any], type_: PixelType) -> Values:
        """The formula on pixels, computed in and converted to the type of the result."""
        with np.errstate(all="ignore"):
            dtype = type_.dtype
            whole = all(v.dtype.kind in "iub" for v in values)
            if self.kind == "exact" and dtype.kind != "f" and whole and self._fits(values, dtype):
                return np.asarray(_PLAIN[self.name](*(v.astype(dtype, copy=False) for v in values)))
            operands = values
            if self.kind == "float" or (self.kind == "exact" and dtype.kind == "f"):
                operands = [v.astype(dtype, copy=False) for v in values]
            return saturate(np.asarray(self.function(*operands, *params)), type_)

    def _fits(self, values: Sequence[Values], dtype: np.dtype[Any]) -> bool:
        """Whether operands can be converted to the result's type without loss."""
        return self.name in _PLAIN and all(np.can_cast(v.dtype, dtype, "safe") for v in values)


_PLAIN: dict[str, Callable[..., Any]] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "min": np.minimum, "max": np.maximum,
}  # fmt: skip


def _compare(function: Any) -> Callable[..., Values]:
    def apply(a: Values, b: Values) -> Values:
        return np.asarray(function(a, b)).astype("uint8")

    return apply


def _within(low: float, high: float) -> Callable[..., Any]:
    return lambda a: (a >= low) & (a <= high) if a.dtype.kind == "f" or low > -math.inf else None


OPS: dict[str, Op] = {}


def _op(
    name: str, arity: int, function: Any, rule: TypeRule, valid: Any = None, kind: str = "asis"
) -> None:
    OPS[name] = Op(name, arity, function, rule, valid, kind)


_op("add", 2, _wrapping(np.add), _interval(lambda x, y: x + y), kind="exact")
_op("subtract", 2, _wrapping(np.subtract), _interval(lambda x, y: x - y), kind="exact")
_op("multiply", 2, _wrapping(np.multiply), _interval(lambda x, y: x * y), kind="exact")
_op("divide", 2, _divide, _divided, kind="float")
_op("mod", 2, _mod, _modulo)
_op("min", 2, np.minimum, same, kind="exact")
_op("max", 2, np.maximum, same, kind="exact")
_op("first", 2, lambda a, b: np.broadcast_arrays(a, b)[0], same)
_op("firstNonZero", 2, lambda a, b: np.where(a != 0, a, b), same)
_op("pow", 2, _power, floating, lambda a, b: ~((a < 0) & (b != np.floor(b))))
_op("square", 1, lambda a: a.astype("float64") * a.astype("float64"), floating)
_op("atan2", 2, lambda x, y: np.arctan2(y, x), floating, kind="float")
_op("hypot", 2, np.hypot, floating, kind="float")
_op("gammainc", 2, special.gammainc, floating)
for _name, _function in (
    ("eq", np.equal), ("neq", np.not_equal), ("gt", np.greater), ("gte", np.greater_equal),
    ("lt", np.less), ("lte", np.less_equal),
):  # fmt: skip
    _op(_name, 2, _compare(_function), boolean)
_op("and", 2, _compare(lambda a, b: (a != 0) & (b != 0)), boolean)
_op("or", 2, _compare(lambda a, b: (a != 0) | (b != 0)), boolean)
_op("not", 1, lambda a: (a == 0).astype("uint8"), boolean)
_op("bitwiseAnd", 2, lambda a, b: _as_int(a) & _as_int(b), _anded)
_op("bitwiseOr", 2, lambda a, b: _as_int(a) | _as_int(b), _bits)
_op("bitwiseXor", 2, lambda a, b: _as_int(a) ^ _as_int(b), _bits)
_op("bitwiseNot", 1, lambda a: ~_as_int(a), _inverted)
_op("bitCount", 1, _bit_count, _counted)
_op("leftShift", 2, lambda a, b: _shift(a, b, 1), _wide_int)
_op("rightShift", 2, lambda a, b: _shift(a, b, -1), _bits)
_op("abs", 1, _absolute_value, _absolute)
_op("signum", 1, np.sign, _signs)
_op("round", 1, half_up, _rounded(lambda v: math.floor(v + 0.5)))
_op("floor", 1, _keep_int(np.floor), _rounded(math.floor))
_op("ceil", 1, _keep_int(np.ceil), _rounded(math.ceil))
_op("sqrt", 1, np.sqrt, floating, lambda a: a >= 0, kind="float")
_op("log", 1, np.log, floating, lambda a: a > 0, kind="float")
_op("log10", 1, np.log10, floating, lambda a: a > 0, kind="float")
_op("acos", 1, np.arccos, floating, _within(-1, 1), kind="float")
_op("asin", 1, np.arcsin, floating, _within(-1, 1), kind="float")
for _name, _curve in (
    ("exp", np.exp), ("cbrt", np.cbrt), ("sin", np.sin), ("cos", np.cos), ("tan", np.tan), ("atan", np.arctan),
    ("sinh", np.sinh), ("cosh", np.cosh), ("tanh", np.tanh),
):  # fmt: skip
    _op(_name, 1, _curve, floating, kind="float")
for _name, _special in (
    ("erf", special.erf), ("erfc", special.erfc), ("erfInv", special.erf_inverse), ("erfcInv", special.erfc_inverse),
    ("gamma", special.gamma), ("digamma", special.digamma), ("trigamma", special.trigamma),
    ("lanczos", special.lanczos),
):  # fmt: skip
    _op(_name, 1, lambda a, f=_special: f(a.astype("float64")), floating)

CASTS: dict[str, PixelType] = {
    "toUint8": pt.UINT8, "toInt8": pt.INT8, "toUint16": pt.UINT16, "toInt16": pt.INT16, "toUint32": pt.UINT32,
    "toInt32": pt.INT32, "toInt64": pt.INT64, "toFloat": FLOAT, "toDouble": DOUBLE, "toByte": pt.UINT8,
    "toShort": pt.INT16, "toInt": pt.INT32, "toLong": pt.INT64,
    "uint8": pt.UINT8, "int8": pt.INT8, "uint16": pt.UINT16, "int16": pt.INT16, "uint32": pt.UINT32,
    "int32": pt.INT32, "int64": pt.INT64, "float": FLOAT, "double": DOUBLE, "byte": pt.UINT8, "short": pt.INT16,
    "int": pt.INT32, "long": pt.INT64,
}  # fmt: skip
"""Casts by name. Numbers and images cut fractions off; arrays round (see ``algorithms.families``)."""

for _name, _target in CASTS.items():
    _op(_name, 1, lambda a: a, _cast_rule(_target))


def _shown(values: Values, low: float, high: float, gamma: float) -> Values:
    """0 to 1 between two values, brightened by gamma."""
    span = high - low
    scaled = (values.astype("float64") - low) / span if span else (values >= high).astype("float64")
    scaled = np.clip(np.nan_to_num(scaled), 0, 1)
    return scaled if gamma == 1 else np.asarray(scaled ** (1 / gamma))


def _stretched(values: Values, low: float, high: float, gamma: float) -> Values:
    return np.asarray(np.rint(_shown(values, low, high, gamma) * 255))


def _coloured(
    values: Values, low: float, high: float, gamma: float, channel: tuple[float, ...]
) -> Values:
    """Between the two nearest of evenly spread colours."""
    levels = np.asarray(channel, "float64")
    place = _shown(values, low, high, gamma) * (levels.size - 1)
    below = np.minimum(np.floor(place), levels.size - 2)
    index = below.astype("int64")
    first = levels[index]
    return np.asarray(np.rint(first + (place - below) * (levels[index + 1] - first)))


def stretch(values: Values, low: float, high: float) -> Values:
    """(v − low) / (high − low), 0 where low equals high."""
    span = high - low
    return (values - low) / span if span else np.zeros_like(values)


_op("unitScale", 1, stretch, floating, kind="float")
_op("stretch", 1, _stretched, lambda t: pt.UINT8)
_op("palette", 1, _coloured, lambda t: pt.UINT8)
_op("mapRamp", 1, colour_maps.ramp, lambda t: pt.UINT8, colour_maps.ramp_shown)
_op("mapIntervals", 1, colour_maps.intervals, lambda t: pt.UINT8, colour_maps.intervals_shown)
_op("mapValues", 1, colour_maps.single, lambda t: pt.UINT8, colour_maps.single_shown)
_op("clampTo", 1, lambda a, low, high: np.clip(a, low, high), same, kind="asis")
_op(
    "normalizedDifference", 2, lambda a, b: _divide(a - b, a + b),
    lambda a, b: PixelType("float", -1.0, 1.0), lambda a, b: (a >= 0) & (b >= 0), kind="float",
)  # fmt: skip

_op("rgbToHsv", 3, colour.rgb_to_hsv, lambda *t: PixelType("float", 0.0, 1.0))
_op("hsvToRgb", 3, colour.hsv_to_rgb, lambda *t: PixelType("float", 0.0, 1.0))
_op("scramble", 1, colour.scramble, lambda t: pt.UINT8)

ALIASES = {
    "bitwise_not": "bitwiseNot", "bitwise_and": "bitwiseAnd", "bitwise_or": "bitwiseOr", "bitwise_xor": "bitwiseXor",
    "first_nonzero": "firstNonZero", "left_shift": "leftShift", "right_shift": "rightShift",
}  # fmt: skip

__all__ = ["ALIASES", "CASTS", "OPS", "Op", "half_up", "of_range", "saturate", "stretch"]
