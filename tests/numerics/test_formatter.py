"""Numbers as text: expected values are what java.util.Formatter documents, or were printed by a JDK 11."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core.errors import EvaluationError
from ecumene.numerics.formatter import formatted, java_text

JAVA = [
    ("%s", 2016.0, "2016"),
    ("%s", 0.5, "0.5"),
    ("%s", 1e-7, "1.0E-7"),
    ("%.3s", 123456, "123"),
    ("%05d", 42, "00042"),
    ("%d", 7.0, "7"),
    ("%,d", -1234567, "-1,234,567"),
    ("%(d", -5, "(5)"),
    ("%+d", 5, "+5"),
    ("% d", 5, " 5"),
    ("%-8d|", 5, "5       |"),
    ("%x", -1, "ffffffffffffffff"),
    ("%#X", 255, "0XFF"),
    ("%#o", 8, "010"),
    ("%08x", 48879, "0000beef"),
    ("%.2f", 2.675, "2.68"),
    ("%.2f", 0.125, "0.13"),
    ("%.0f", 0.5, "1"),
    ("%.1f", -0.04, "-0.0"),
    ("%(,.2f", -1234.567, "(1,234.57)"),
    ("%010.3f", -3.14159, "-00003.142"),
    ("%#.0f", 3.0, "3."),
    ("%f", math.inf, "Infinity"),
    ("%+f", math.inf, "+Infinity"),
    ("%010f", -math.inf, " -Infinity"),
    ("%8.1f", math.nan, "     NaN"),
    ("%E", math.nan, "NAN"),
    ("%.3e", 123476, "1.235e+05"),
    ("%.0e", 12345, "1e+04"),
    ("%E", 1.5, "1.500000E+00"),
    ("%e", 0, "0.000000e+00"),
    ("%g", 0.0001, "0.000100000"),
    ("%g", 123456789, "1.23457e+08"),
    ("%.3g", 0, "0.00"),
    ("%G", 1e-10, "1.00000E-10"),
    ("%a", 1, "0x1.0p0"),
    ("%a", 0.1, "0x1.999999999999ap-4"),
    ("%.3a", 0.1, "0x1.99ap-4"),
    ("%A", 10, "0X1.4P3"),
    ("n=%d!", 3, "n=3!"),
]


@pytest.mark.parametrize(("pattern", "value", "expected"), JAVA, ids=lambda v: str(v))
def test_conversions(pattern, value, expected):
    assert formatted(pattern, value) == expected


@pytest.mark.parametrize(
    "pattern",
    ["", "x", "%", "%%", "%d%d", "100%", "%n", "%1$d", "%-d", "%05s", "%.2d", "%+x", "%,e", "%#d", "%- 05d", "%+ d", "%99999d", "%.9999f", "%99999999999999999999d"],
)  # fmt: skip
def test_malformed_patterns(pattern):
    with pytest.raises(EvaluationError):
        formatted(pattern, 5)


@pytest.mark.parametrize("value", [1.5, math.nan, math.inf, 1e300])
def test_integers_are_needed(value):
    with pytest.raises(EvaluationError, match="integer"):
        formatted("%d", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1e7 + 0.5, "1.00000005E7"), (0.001, "0.001"), (0.00099, "9.9E-4"), (-1.25, "-1.25"), (2**60, str(2**60)), (-0.0, "0"), (1e300, "1.0E300")],
)  # fmt: skip
def test_java_text(value, expected):
    assert java_text(value) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_text_can_be_read_back(value):
    assert float(java_text(value)) == value
    assert float.fromhex(formatted("%a", value)) == value


@given(st.floats(-1e15, 1e15), st.integers(0, 12))
def test_fixed_digits_agree_with_pythons_up_to_halves(value, places):
    ours, theirs = (
        Decimal(text) for text in (formatted(f"%.{places}f", value), f"{value:.{places}f}")
    )
    assert abs(ours - theirs) <= Decimal(1).scaleb(-places) + Decimal(math.ulp(value))
