"""The operators of ``elementwise`` as code for one pixel.

For each operator that needs nothing but arithmetic, comparisons and bits, a writer of the instructions that
``elementwise.Op.apply`` amounts to, in the same types and with the same bits. What is left out (powers,
logarithms, angles, special functions, remainders) depends on a library's rounding or does not
gain: it stays a call of NumPy on whole arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ecumene.core.pixel_type import PixelType
from ecumene.kernels.programs.program import Builder
from ecumene.numerics.elementwise import CASTS, OPS

SAFE = 2**62
"""Products and sums of integers below this are exact and need no saturation at the ends of 64 bits."""


class Kind(NamedTuple):
    """What of a result's type is part of a program: the array type, and which ends of its range are narrower.

    ``ranges`` False: a number of 0 or 1, which is not limited again where it is of the type already.
    """

    dtype: str
    low: bool = False
    high: bool = False
    ranges: bool = True

    @property
    def is_int(self) -> bool:
        """Whether it holds integers."""
        return self.dtype[0] != "f"


@lru_cache(maxsize=4096)
def kind_of(type_: PixelType) -> Kind:
    """The kind of a pixel type; many types that differ in range only share one."""
    dtype = type_.dtype.str[1:]
    if not type_.is_int:
        return Kind(dtype)
    info = np.iinfo(type_.dtype)
    low, high = type_.bounds
    return Kind(dtype, low > info.min, high < info.max, (low, high) != (0, 1))


class Unwritable(Exception):
    """An operator on these types has no exact code: evaluate it on whole arrays."""


@dataclass(slots=True)
class Writer(Builder):
    """A builder that knows where the numbers of each step are: ``slots`` lists (step, number, type)."""

    slots: list[tuple[int, int, str]] = field(default_factory=list)

    def number(self, step: int, index: int, dtype: str) -> int:
        """A step's number ``index`` (from the end if negative) as an operand."""
        return self._slot("constant", dtype, (step, index, dtype))

    def table(self, step: int, index: int) -> int:
        """A step's list of numbers."""
        return self._slot("table", "f8", (step, index, "table"))

    def _slot(self, name: str, dtype: str, slot: tuple[int, int, str]) -> int:
        if slot not in self.slots:
            self.slots.append(slot)
        return self.emit(name, dtype, self.slots.index(slot))


def value_of(number: Any, dtype: str) -> Any:
    """A number for a slot: a NumPy scalar (integers at the nearest end where out of range), or a table."""
    if dtype == "table":
        return np.asarray(number, "f8")
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        return kind.type(min(max(int(number), info.min), info.max))
    with np.errstate(over="ignore"):
        return kind.type(number)


LOW, HIGH = -2, -1
"""Where a step keeps the range of its result, if that is of integers."""


def saturated(w: Writer, step: int, value: int, kind: Kind) -> int:
    """As ``elementwise.saturate``: fractions cut off, ends of the range kept, NaN to 0 for integers."""
    source = w.dtype(value)
    if source == "b1":
        value, source = w.convert(value, "u1"), "u1"
    if source == kind.dtype:
        if kind.is_int and kind.ranges and (kind.low or kind.high):
            return _limited(w, step, value, kind)
        return value
    if not kind.is_int:
        return w.convert(value, kind.dtype)
    if source[0] == "f":
        return _from_float(w, step, value, kind)
    return w.convert(_limited(w, step, value, kind), kind.dtype)


def _limited(w: Writer, step: int, value: int, kind: Kind) -> int:
    """Integers within the range, where its ends are inside those of their type."""
    own, target = np.iinfo(w.dtype(value)), np.iinfo(kind.dtype)
    if kind.low or target.min > own.min:
        value = w.binary("maximum", value, w.number(step, LOW, w.dtype(value)))
    if kind.high or target.max < own.max:
        value = w.binary("minimum", value, w.number(step, HIGH, w.dtype(value)))
    return value


def _from_float(w: Writer, step: int, value: int, kind: Kind) -> int:
    if w.dtype(value) == "f4" and int(kind.dtype[1:]) >= 4:
        value = w.convert(value, "f8")  # the ends of the range are no float32
    source = w.dtype(value)
    value = w.unary("trunc", value)
    if kind.dtype[0] == "u" and not kind.low:
        value = w.binary("fmax", value, w.literal(source, 0))
    else:
        real = w.compare("equal", value, value)
        value = w.select(real, value, w.literal(source, 0))
        value = w.binary("maximum", value, w.number(step, LOW, source))
    value = w.binary("minimum", value, w.number(step, HIGH, source))
    if kind.dtype != "i8":
        return w.convert(value, kind.dtype)
    top = w.compare("greater_equal", value, w.literal(source, 2.0**63))
    inside = w.convert(w.select(top, w.literal(source, 0), value), "i8")
    return w.select(top, w.literal("i8", 2**63 - 1), inside)


# -- operators ----------------------------------------------------------------------------------

Written = tuple[int, "int | None"]
"""A value, and a bool that is not set where the operator masks (None: nowhere)."""

Formula = Callable[[Writer, int, Sequence[int], Kind], Written]


@lru_cache(maxsize=256)
def promoted(*dtypes: str) -> str:
    """NumPy's common type."""
    return np.result_type(*dtypes).str[1:]


def _alike(w: Writer, values: Sequence[int]) -> list[int]:
    dtype = promoted(*(w.dtype(value) for value in values))
    return [w.convert(value, dtype) for value in values]


def _arithmetic(name: str, instruction: str) -> Formula:
    """Sums, products, extremes: in the result's type, or in 64 bits where operands do not fit into it."""

    def write(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
        dtypes = [w.dtype(value) for value in values]
        if not kind.is_int or all(np.can_cast(dtype, kind.dtype, "safe") for dtype in dtypes):
            a, b = (w.convert(value, kind.dtype) for value in values)
            return w.binary(instruction, a, b), None
        if instruction in ("minimum", "maximum"):
            a, b = _alike(w, values)
        else:
            _check_exact(name, dtypes)
            a, b = (w.convert(value, "i8") for value in values)
        return saturated(w, step, w.binary(instruction, a, b), kind), None

    return write


def _check_exact(name: str, dtypes: Sequence[str]) -> None:
    a, b = (max(-int(np.iinfo(d).min), int(np.iinfo(d).max)) for d in dtypes)
    if (a * b if name == "multiply" else a + b) > SAFE:
        raise Unwritable


def _quotient(w: Writer, a: int, b: int) -> int:
    """a / b, 0 where b is."""
    zero = w.literal(w.dtype(b), 0)
    return w.select(w.compare("equal", b, zero), zero, w.binary("divide", a, b))


def _divide(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    a, b = (w.convert(value, kind.dtype) for value in values)
    return _quotient(w, a, b), None


def _normalized(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    a, b = (w.convert(value, kind.dtype) for value in values)
    found = _quotient(w, w.binary("subtract", a, b), w.binary("add", a, b))
    return found, _both(w, [_not_negative(w, value) for value in values])


def _not_negative(w: Writer, value: int) -> int | None:
    dtype = w.dtype(value)
    return None if dtype[0] == "u" else w.compare("greater_equal", value, w.literal(dtype, 0))


def _both(w: Writer, tests: Sequence[int | None]) -> int | None:
    found: int | None = None
    for test in tests:
        if test is not None:
            found = test if found is None else w.binary("and", found, test)
    return found


def _comparison(instruction: str) -> Formula:
    def write(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
        a, b = _alike(w, values)
        return saturated(w, step, w.compare(instruction, a, b), kind), None

    return write


def is_set(w: Writer, value: int) -> int:
    """A bool: whether a number is not 0."""
    return w.compare("not_equal", value, w.literal(w.dtype(value), 0))


def _logic(instruction: str) -> Formula:
    def write(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
        a, b = (is_set(w, value) for value in values)
        return saturated(w, step, w.binary(instruction, a, b), kind), None

    return write


def _not(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    (value,) = values
    zero = w.compare("equal", value, w.literal(w.dtype(value), 0))
    return saturated(w, step, zero, kind), None


def _whole(w: Writer, step: int, value: int) -> int:
    """64-bit integers, as bit operations want them."""
    if w.dtype(value)[0] != "f":
        return w.convert(value, "i8")
    raise Unwritable  # the ends of 64 bits are not those of the step's result


def _bits(instruction: str) -> Formula:
    def write(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
        a, b = (_whole(w, step, value) for value in values)
        return saturated(w, step, w.binary(instruction, a, b), kind), None

    return write


def _inverted(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    return saturated(w, step, w.unary("invert", _whole(w, step, values[0])), kind), None


def _absolute(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    (value,) = values
    if w.dtype(value)[0] == "i":
        value = w.convert(value, "i8")
        value = w.binary("maximum", value, w.literal("i8", -(2**63 - 1)))
    if w.dtype(value)[0] != "u":
        value = w.unary("absolute", value)
    return saturated(w, step, value, kind), None


def _signum(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    (value,) = values
    zero = w.literal(w.dtype(value), 0)
    above, below = (w.compare(name, value, zero) for name in ("greater", "less"))
    found = w.binary("subtract", w.convert(above, "i1"), w.convert(below, "i1"))
    return saturated(w, step, found, kind), None


def _rounding(instruction: str) -> Formula:
    def write(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
        (value,) = values
        dtype = w.dtype(value)
        if dtype[0] == "f":
            value = w.unary(instruction, value)
        return saturated(w, step, value, kind), None

    return write


def _sqrt(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    (value,) = values
    return w.unary("sqrt", w.convert(value, kind.dtype)), _not_negative(w, value)


def _square(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    value = w.convert(values[0], "f8")
    return saturated(w, step, w.binary("multiply", value, value), kind), None


def _first(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    return saturated(w, step, values[0], kind), None


def _first_non_zero(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    a, b = _alike(w, values)
    return saturated(w, step, w.select(is_set(w, values[0]), a, b), kind), None


def _unit_scale(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    value = w.convert(values[0], kind.dtype)
    value = w.binary("subtract", value, w.number(step, 0, kind.dtype))
    return w.binary("divide", value, w.number(step, 1, kind.dtype)), None


def _clamp(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    (value,) = values
    dtype = w.dtype(value) if w.dtype(value)[0] == "f" else "f8"
    value = w.binary("maximum", w.convert(value, dtype), w.number(step, 0, dtype))
    value = w.binary("minimum", value, w.number(step, 1, dtype))
    return saturated(w, step, value, kind), None


def _shown(w: Writer, step: int, value: int) -> int:
    """0 to 1 between two values, as a double."""
    value = w.binary("subtract", w.convert(value, "f8"), w.number(step, 0, "f8"))
    value = w.binary("divide", value, w.number(step, 1, "f8"))
    value = w.binary("fmax", value, w.literal("f8", 0))
    return w.binary("minimum", value, w.literal("f8", 1))


def _byte(w: Writer, value: int) -> int:
    """A double from 0 to 255 as the nearest byte."""
    return w.convert(w.unary("rint", value), "u1")


def _stretch(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    value = w.binary("multiply", _shown(w, step, values[0]), w.literal("f8", 255))
    return _byte(w, value), None


def _palette(w: Writer, step: int, values: Sequence[int], kind: Kind) -> Written:
    """Between the two nearest of evenly spread levels."""
    place = w.binary("multiply", _shown(w, step, values[0]), w.number(step, 2, "f8"))
    below = w.binary("minimum", w.unary("floor", place), w.number(step, 3, "f8"))
    index, levels = w.convert(below, "i8"), w.table(step, 4)
    low = w.emit("lookup", "f8", levels, index)
    high = w.emit("lookup", "f8", levels, w.binary("add", index, w.literal("i8", 1)))
    share = w.binary("subtract", place, below)
    mixed = w.binary("multiply", share, w.binary("subtract", high, low))
    return _byte(w, w.binary("add", low, mixed)), None


FORMULAS: dict[str, Formula] = {
    **{name: _arithmetic(name, name) for name in ("add", "subtract", "multiply")},
    "min": _arithmetic("min", "minimum"), "max": _arithmetic("max", "maximum"),
    "divide": _divide, "normalizedDifference": _normalized,
    "eq": _comparison("equal"), "neq": _comparison("not_equal"), "gt": _comparison("greater"),
    "gte": _comparison("greater_equal"), "lt": _comparison("less"), "lte": _comparison("less_equal"),
    "and": _logic("and"), "or": _logic("or"), "not": _not,
    "bitwiseAnd": _bits("and"), "bitwiseOr": _bits("or"), "bitwiseXor": _bits("xor"), "bitwiseNot": _inverted,
    "abs": _absolute, "signum": _signum, "sqrt": _sqrt, "square": _square,
    "floor": _rounding("floor"), "ceil": _rounding("ceil"),
    "first": _first, "firstNonZero": _first_non_zero,
    "unitScale": _unit_scale, "clampTo": _clamp, "stretch": _stretch, "palette": _palette,
    **dict.fromkeys(CASTS, _first),
}  # fmt: skip


@lru_cache(maxsize=4096)
def writable(op: str, dtypes: tuple[str, ...], result: str) -> bool:
    """Whether an operator has exact code for operands and a result of these array types."""
    formula = FORMULAS.get(op)
    if formula is None or len(dtypes) != OPS[op].arity:
        return False
    w = Writer()
    try:
        formula(w, 0, [w.emit("input", dtype, k) for k, dtype in enumerate(dtypes)], Kind(result))
    except Unwritable:
        return False
    return True


PASSES = {
    "divide": 3, "normalizedDifference": 5, "stretch": 6, "palette": 12, "unitScale": 2, "abs": 2, "mod": 4,
    "leftShift": 5, "rightShift": 5, "pow": 12, "gammainc": 40, "atan2": 12, "hypot": 4, "rgbToHsv": 20, "hsvToRgb": 20,
    "cbrt": 8, "sinh": 8, "cosh": 8, "tanh": 8, "sin": 6, "cos": 6, "tan": 8, "asin": 6, "acos": 6, "atan": 6,
    "exp": 4, "log": 4, "log10": 6, "erf": 12, "erfc": 12, "erfInv": 40, "erfcInv": 40, "gamma": 20, "digamma": 40,
    "trigamma": 40, "lanczos": 12,
}  # fmt: skip
"""Operators that cost as much as several additions: roughly how many."""


def passes(op: str) -> int:
    """What an operator on whole arrays costs, in additions."""
    return PASSES.get(op, 1)
