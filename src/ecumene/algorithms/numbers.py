"""Numbers beyond the operators that they share with arrays and images."""

from __future__ import annotations

import decimal
import math
import re
from typing import Any

from ecumene.algorithms import expression as grammar
from ecumene.algorithms.families import number as operate
from ecumene.core.errors import EvaluationError
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float, Integer, Number, Object
from ecumene.numerics.elementwise import ALIASES, OPS

_FORMAT = re.compile(r"%(?:1\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([sdoxXeEfgGaA])")


@algorithm("Number.clamp")
def clamp(number: Number, min: Float, max: Float) -> Number:
    """The number limited to a range, inclusive."""
    if number != number:
        return number
    limited = min if number < min else max if number > max else number
    return int(limited) if isinstance(number, int) and float(limited).is_integer() else limited


@algorithm("Number.unitScale")
def unit_scale(number: Number, min: Float, max: Float) -> Number:
    """(number - min) / (max - min), without clamping."""
    return (number - min) / (max - min) if max != min else 0.0


@algorithm("Number.parse")
def parse(input: str, radix: Integer = 10) -> Number:
    """A number from text; fractions only in base 10."""
    text = input.strip() if isinstance(input, str) else str(input)
    if not 2 <= radix <= 36:
        raise EvaluationError(f"Number.parse: The radix must be between 2 and 36, got {radix}.")
    try:
        return int(text, radix) if "_" not in text else int("x")
    except ValueError:
        pass
    try:
        if radix != 10 or "_" in text:
            raise ValueError
        value = float(text)
    except ValueError:
        raise EvaluationError(f"Number.parse: Cannot parse '{input}' as a number.") from None
    return (
        int(value) if math.isfinite(value) and value.is_integer() and abs(value) < 2**53 else value
    )


def _grouped(digits: str) -> str:
    whole, dot, fraction = digits.partition(".")
    return f"{int(whole):,}{dot}{fraction}" if whole.isdigit() else digits


def _digits(value: Any, precision: int | None, conversion: str) -> str:
    """The magnitude of a number by a Java conversion."""
    if conversion in "doxX":
        if not float(value).is_integer():
            raise EvaluationError(f"Number.format: '%{conversion}' needs an integer, got {value}.")
        whole = abs(int(value))
        return format(whole, conversion)
    number = decimal.Decimal(repr(abs(float(value))))
    places = 6 if precision is None else precision
    context = decimal.Context(prec=400, rounding=decimal.ROUND_HALF_UP)
    if conversion == "f":
        return f"{number.quantize(decimal.Decimal(1).scaleb(-places), context=context):f}"
    if conversion in "eE":
        return _scientific(number, places, conversion)
    if conversion in "gG":
        significant = max(places, 1)
        if number == 0:
            return f"{0:.{significant - 1}f}"
        rounded = decimal.Context(prec=significant, rounding=decimal.ROUND_HALF_UP).plus(number)
        if decimal.Decimal("1e-4") <= rounded < decimal.Decimal(10) ** significant:
            digits = significant - 1 - rounded.adjusted()
            return f"{rounded:.{max(digits, 0)}f}"
        return _scientific(number, significant - 1, "e" if conversion == "g" else "E")
    return float(abs(float(value))).hex()


def _scientific(number: decimal.Decimal, places: int, letter: str) -> str:
    rounded = decimal.Context(prec=places + 1, rounding=decimal.ROUND_HALF_UP).plus(number)
    exponent = rounded.adjusted() if rounded else 0
    mantissa = rounded.scaleb(-exponent)
    sign = "-" if exponent < 0 else "+"
    return f"{mantissa:.{places}f}{letter}{sign}{abs(exponent):02d}"


@algorithm("Number.format")
def format_number(number: Number, pattern: str = "%s") -> str:
    """The number as text by one Java conversion (``%s %d %o %x %e %f %g`` …), halves rounded up."""
    matches = list(_FORMAT.finditer(pattern.replace("%%", "\0\0")))
    if len(matches) != 1:
        raise EvaluationError(
            f"Number.format: The pattern must have exactly one conversion: '{pattern}'."
        )
    found = matches[0]
    flags, width, precision, conversion = (
        found.group(1),
        int(found.group(2) or 0),
        found.group(3),
        found.group(4),
    )
    if width > 10_000 or int(precision or 0) > 300:
        raise EvaluationError(f"Number.format: The width or precision is too large: '{pattern}'.")
    if isinstance(number, float) and not math.isfinite(number):
        text, negative = "NaN" if number != number else "Infinity", number < 0
    elif conversion == "s":
        text, negative = _shortest(abs(number)), number < 0
        text = text[: int(precision)] if precision is not None else text
    else:
        text, negative = (
            _digits(number, None if precision is None else int(precision), conversion),
            number < 0,
        )
    if "," in flags:
        text = _grouped(text)
    sign = "-" if negative else "+" if "+" in flags else " " if " " in flags else ""
    if "0" in flags and "-" not in flags:
        text = text.zfill(width - len(sign))
    text = f"({text})" if negative and "(" in flags else sign + text
    text = text.ljust(width) if "-" in flags else text.rjust(width)
    whole = pattern.replace("%%", "\0\0")
    return (whole[: found.start()] + text + whole[found.end() :]).replace("\0\0", "%")


def _shortest(value: float | int) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def _function(name: str, arguments: list[Any]) -> Any:
    op = OPS.get(ALIASES.get(name, name))
    if op is not None and op.arity == len(arguments):
        return operate(op, *arguments)
    extra = {"clamp": clamp, "unitScale": unit_scale}.get(name)
    if extra is not None and len(arguments) == 3:
        return extra(*arguments)
    raise EvaluationError(
        f"Number.expression: Unknown function '{name}' of {len(arguments)} arguments."
    )


def _name(names: list[str], variables: dict[str, Any]) -> Any:
    if names[0] == "Math" and len(names) == 2 and names[1] in ("PI", "E"):
        return math.pi if names[1] == "PI" else math.e
    if names[0] not in variables and names[0] in ("PI", "E") and len(names) == 1:
        return math.pi if names[0] == "PI" else math.e
    value: Any = variables
    for part in names:
        if not isinstance(value, dict) or part not in value:
            raise EvaluationError(f"Number.expression: Unknown variable '{'.'.join(names)}'.")
        value = value[part]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EvaluationError(f"Number.expression: '{'.'.join(names)}' is not a number.")
    return value


@algorithm("Number.expression")
def number_expression(expression: str, vars: dict[str, Object] | None = None) -> Number:
    """The value of an arithmetic expression with variables, operators, functions of Number and ``Math.PI``."""
    tree = grammar.parse(expression, "Number.expression")

    def leaf(node: grammar.Node) -> Any:
        if node.kind == "number":
            return node.value
        if node.kind == "name":
            return _name(list(node.value), vars or {})
        raise EvaluationError(f"Number.expression: '{node.value}' cannot be used here.")

    found: Number = grammar.evaluate(
        tree, leaf, _function, lambda test, a, b: a if test != 0 else b
    )
    return found
