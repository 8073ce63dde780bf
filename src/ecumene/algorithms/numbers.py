"""Numbers beyond the operators that they share with arrays and images."""

from __future__ import annotations

import math
import re
from typing import Any

from ecumene.algorithms import expression as grammar
from ecumene.algorithms.families import number as operate
from ecumene.core.errors import EvaluationError
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float, Integer, Number, Object
from ecumene.numerics.elementwise import ALIASES, OPS
from ecumene.numerics.formatter import formatted

_INTEGER = re.compile(r"[-+]?[0-9a-z]+", re.IGNORECASE)
_REAL = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[dDfF]?|NaN|Infinity)")
LONGEST = 1000
"""Characters of a text that is read as a number."""


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
    """A number from text; fractions and exponents only in base 10, as Java's parsers read them.

    An integer that does not fit into 64 bits is read as a real number in base 10 and refused in others.
    """
    text = input.strip()
    if not 2 <= radix <= 36:
        raise EvaluationError(f"Number.parse: The radix must be between 2 and 36, got {radix}.")
    wrong = EvaluationError(f"Number.parse: Cannot parse '{input[:100]}' as a number.")
    if len(text) > LONGEST:
        raise wrong
    if _INTEGER.fullmatch(text):
        try:
            whole = int(text, radix)
        except ValueError:
            pass
        else:
            if -(2**63) <= whole < 2**63:
                return whole
    if radix != 10 or not _REAL.fullmatch(text):
        raise wrong
    return number_of(float(text.rstrip("dDfF")))


def number_of(value: float) -> float | int:
    """Integral values as integers, as the service's constants are."""
    exact = math.isfinite(value) and value.is_integer() and abs(value) < 2**53
    return int(value) if exact else value


@algorithm("Number.format")
def format_number(number: Number, pattern: str = "%s") -> str:
    """The number as text by one Java conversion (``%s %d %o %x %e %f %g %a``), halves rounded up."""
    try:
        return formatted(pattern, number)
    except EvaluationError as error:
        raise EvaluationError(f"Number.format: Invalid pattern. {error.message}.") from None


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
