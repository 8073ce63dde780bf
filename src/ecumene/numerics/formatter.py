"""Numbers as text by one conversion of ``java.util.Formatter`` (Java SE 11), and as Java prints a double.

Rules and exceptions follow the class's documentation: halves are rounded up on the shortest decimal digits of
a double, ``%x`` and ``%o`` show the 64-bit two's complement, flags that a conversion does not know are refused.
"""

from __future__ import annotations

import decimal
import math
import re
from dataclasses import dataclass

from ecumene.core.errors import EvaluationError

PATTERN = re.compile(
    r"([^%]*)%([-#+ 0,(]*)([1-9]\d*)?(?:\.(\d+))?([sdoxXeEfgGaA])([^%]*)", re.DOTALL
)
"""Prefix, flags, width, precision, conversion, suffix."""

WIDEST = 10_000
"""Largest width."""
FINEST = 1_000
"""Largest precision."""

_FLAGS = {
    "s": "-",
    "d": "-+ 0,(",
    "o": "-#0",
    "x": "-#0",
    "e": "-#+ 0(",
    "f": "-#+ 0,(",
    "g": "-+ 0,(",
    "a": "-#+ 0",
}
"""Flags that each conversion knows."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """One ``%…`` of a pattern."""

    flags: str
    width: int
    precision: int | None
    letter: str

    def check(self) -> None:
        """EvaluationError for combinations that Java refuses."""
        kind = self.letter.lower()
        bad = [flag for flag in self.flags if flag not in _FLAGS[kind]]
        if bad:
            raise EvaluationError(f"Conversion = {self.letter}, Flags = {bad[0]}")
        if len(set(self.flags)) != len(self.flags):
            raise EvaluationError(f"Flags = '{self.flags}'")
        if {"-", "0"} <= set(self.flags) or {"+", " "} <= set(self.flags):
            raise EvaluationError(f"Flags = '{self.flags}'")
        if not self.width and ("-" in self.flags or "0" in self.flags):
            raise EvaluationError(f"%{self.flags}{self.letter} needs a width")
        if self.precision is not None and kind in "dox":
            raise EvaluationError(
                f"A precision is not allowed with %{self.letter}: {self.precision}"
            )
        if self.width > WIDEST or (self.precision or 0) > FINEST:
            raise EvaluationError("The width or precision is too large")


def java_text(value: float | int) -> str:
    """A number as ``String.valueOf`` prints it, but integral doubles without a fraction.

    >>> java_text(2.0), java_text(0.00015), java_text(123456789.5)
    ('2', '1.5E-4', '1.234567895E8')
    """
    if isinstance(value, int):
        return str(int(value))
    if not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    if 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    power = len(digits) - 1 + int(exponent)
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def formatted(pattern: str, value: float | int) -> str:
    """The pattern with its conversion replaced by the number; EvaluationError if it is malformed."""
    match = PATTERN.fullmatch(pattern)
    if match is None:
        raise EvaluationError(f"The pattern must have exactly one conversion: '{pattern[:100]}'")
    prefix, flags, width, precision, letter, suffix = match.groups()
    if len(width or "") > 9 or len(precision or "") > 9:
        raise EvaluationError("The width or precision is too large")
    conversion = Conversion(
        flags, int(width or 0), None if precision is None else int(precision), letter
    )
    conversion.check()
    return prefix + _converted(conversion, value) + suffix


def _converted(c: Conversion, value: float | int) -> str:
    if c.letter == "s":
        text = java_text(value)
        return _padded(c, text if c.precision is None else text[: c.precision])
    if c.letter in "doxX":
        whole = _integral(c, value)
        return _decimal(c, whole) if c.letter == "d" else _bits(c, whole)
    number = float(value)
    if not math.isfinite(number):
        text = "NaN" if number != number else f"{_sign(c, number < 0)}Infinity"
        text = f"({text})" if number < 0 and "(" in c.flags else text
        return _padded(c, text.upper() if c.letter.isupper() else text)
    negative = math.copysign(1.0, number) < 0
    text = _magnitude(c, abs(number))
    return _signed(c, text.upper() if c.letter.isupper() else text, negative)


def _integral(c: Conversion, value: float | int) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise EvaluationError(f"%{c.letter} needs an integer, got {java_text(value)}")
    whole = int(value)
    if not -(2**63) <= whole < 2**63:
        raise EvaluationError(f"%{c.letter} needs a 64-bit integer, got {java_text(value)}")
    return whole


def _padded(c: Conversion, text: str) -> str:
    return text.ljust(c.width) if "-" in c.flags else text.rjust(c.width)


def _sign(c: Conversion, negative: bool) -> str:
    if negative:
        return "" if "(" in c.flags else "-"
    return "+" if "+" in c.flags else " " if " " in c.flags else ""


def _signed(c: Conversion, digits: str, negative: bool) -> str:
    """Digits with grouping, sign or parentheses, and padding; zeros go between sign and digits."""
    if "," in c.flags:
        whole, dot, fraction = digits.partition(".")
        digits = f"{int(whole):,}{dot}{fraction}" if whole.isdigit() else digits
    sign = _sign(c, negative)
    enclosed = negative and "(" in c.flags
    if "0" in c.flags:
        room = c.width - len(sign) - 2 * enclosed
        head = digits[:2] if c.letter in "aA" else ""
        digits = head + digits[len(head) :].zfill(room - len(head))
    return _padded(c, f"({digits})" if enclosed else sign + digits)


def _decimal(c: Conversion, value: int) -> str:
    return _signed(c, str(abs(value)), value < 0)


def _bits(c: Conversion, value: int) -> str:
    digits = format(value & (2**64 - 1), "o" if c.letter == "o" else "x")
    mark = {"o": "0", "x": "0x"}[c.letter.lower()] if "#" in c.flags else ""
    text = mark + (digits.zfill(c.width - len(mark)) if "0" in c.flags else digits)
    return _padded(c, text.upper() if c.letter == "X" else text)


def _magnitude(c: Conversion, value: float) -> str:
    kind = c.letter.lower()
    if kind == "a":
        return _hexadecimal(value, c.precision)
    number = decimal.Decimal(repr(value))
    places = 6 if c.precision is None else c.precision
    if kind == "f":
        text = _fixed(number, places)
    elif kind == "e":
        text = _scientific(number, places)
    else:
        text = _general(number, max(places, 1))
    if "#" in c.flags and "." not in text:
        head, e, exponent = text.partition("e")
        text = f"{head}.{e}{exponent}"
    return text


def _rounded(number: decimal.Decimal, digits: int) -> decimal.Decimal:
    return decimal.Context(prec=digits, rounding=decimal.ROUND_HALF_UP).plus(number)


def _fixed(number: decimal.Decimal, places: int) -> str:
    context = decimal.Context(prec=FINEST + 400, rounding=decimal.ROUND_HALF_UP)
    return f"{number.quantize(decimal.Decimal(1).scaleb(-places), context=context):f}"


def _scientific(number: decimal.Decimal, places: int) -> str:
    rounded = _rounded(number, places + 1)
    exponent = rounded.adjusted() if rounded else 0
    sign = "-" if exponent < 0 else "+"
    return f"{_fixed(rounded.scaleb(-exponent), places)}e{sign}{abs(exponent):02d}"


def _general(number: decimal.Decimal, digits: int) -> str:
    if not number:
        return _fixed(number, digits - 1)
    rounded = _rounded(number, digits)
    if decimal.Decimal("1e-4") <= rounded < decimal.Decimal(10) ** digits:
        return _fixed(rounded, max(digits - 1 - rounded.adjusted(), 0))
    return _scientific(number, digits - 1)


def _hexadecimal(value: float, precision: int | None) -> str:
    """``0x1.8p1``: the shortest hexadecimal digits, or a number of them (at least one)."""
    head, _, exponent = value.hex().partition("p")
    lead, _, digits = head.removeprefix("0x").partition(".")
    digits = digits.rstrip("0")
    if precision is not None and len(digits) > max(precision, 1):
        keep = max(precision, 1)
        cut = 4 * (13 - keep)
        bits = int((lead + digits).ljust(14, "0"), 16)
        half, rest = 1 << (cut - 1), bits & ((1 << cut) - 1)
        bits >>= cut
        bits += rest > half or (rest == half and bits & 1)
        lead, digits = format(bits, "x")[:-keep], format(bits, "x")[-keep:]
        digits = digits.rstrip("0")
    return f"0x{lead}.{digits.ljust(precision or 1, '0')}p{int(exponent)}"
