"""Strings, numbers, conditions, pixel types, confusion matrices: worked by hand, or from the named source."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core.array import Array
from ecumene.core.blob import Blob
from ecumene.core.dates import Date
from ecumene.core.errors import EcumeneError
from ecumene.core.pixel_type import PixelType
from ecumene.core.typename import LongInteger
from tests.calls import call, call_json

NAN, INF = math.nan, math.inf
TABLE = [
    ("String.cat", ("a", ""), "a"),
    ("String.compareTo", ("B", "a"), -1),
    ("String.decodeJSON", ('{"a": [1.0, null, true, "\\u00e9"]}',), {"a": [1, None, True, "é"]}),
    ("String.encodeJSON", ({"b": [1.0, 0.5, None, True, "é\n"], "a": {}},), '{"a":{},"b":[1,0.5,null,true,"é\\n"]}'),
    ("String.encodeJSON", (Array.of([[1, 2]]),), "[[1,2]]"),
    ("String.encodeJSON", (NAN,), '"NaN"'),
    ("String.equals", ("a", 5), False),
    ("String.index", ("abcabc", "c"), 2),
    ("String.length", ("héllo",), 5),
    ("String.match", ("2020-01", r"(\d+)-(\d+)"), ["2020-01", "2020", "01"]),
    ("String.match", ("abc", "x"), []),
    ("String.match", ("ab", "(x)?b"), ["b", None]),
    ("String.match", ("a1b2", "[0-9]", "g"), ["1", "2"]),
    ("String.replace", ("a.b.c", r"\.", "-", "g"), "a-b-c"),
    ("String.rindex", ("abcabc", "c"), 5),
    ("String.slice", ("abc", 1, 100), "bc"),
    ("String.slice", ("abc", 2, 1), ""),
    ("String.slice", ("abc", -2, -1), "b"),
    ("String.split", ("", ","), [""]),
    ("String.split", ("a1b22c", r"\d+"), ["a", "b", "c"]),
    ("String.toLowerCase", ("ÄB",), "äb"),
    ("String.toUpperCase", ("ß",), "SS"),
    ("String.trim", (" \t\na b\r ",), "a b"),
    ("Number.add", (2**62, 2**62), 2**63 - 1),
    ("Number.subtract", (-(2**63), 1), -(2**63)),
    ("Number.multiply", (3, 0.5), 1.5),
    ("Number.divide", (7, 2), 3.5),
    ("Number.divide", (6, 2), 3),
    ("Number.divide", (-1.5, 0.0), 0),
    ("Number.mod", (-12, 5), -2),
    ("Number.mod", (5.5, -2), 1.5),
    ("Number.mod", (5, 0), 0),
    ("Number.pow", (5, -2), 0.04),
    ("Number.pow", (-8, 1 / 3), "NaN"),
    ("Number.pow", (0, 0), 1),
    ("Number.atan2", (1, 0), 0),
    ("Number.atan2", (0, 1), math.pi / 2),
    ("Number.round", (-2.5,), -2),
    ("Number.round", (0.49999999999999994,), 0),
    ("Number.round", (4503599627370497.5,), 4503599627370498),
    ("Number.ceil", (-0.1,), 0),
    ("Number.sqrt", (-1,), "NaN"),
    ("Number.log", (0,), "-Infinity"),
    ("Number.exp", (1000,), "Infinity"),
    ("Number.acos", (2,), "NaN"),
    ("Number.abs", (-(2**63),), 2**63 - 1),
    ("Number.signum", (NAN,), "NaN"),
    ("Number.max", (1, NAN), "NaN"),
    ("Number.first", (0, 5), 0),
    ("Number.firstNonZero", (0, 5), 5),
    ("Number.firstNonZero", (NAN, 5), "NaN"),
    ("Number.and", (0.5, -1), 1),
    ("Number.not", (0.1,), 0),
    ("Number.eq", (NAN, NAN), 0),
    ("Number.neq", (1, 1.0), 0),
    ("Number.gte", (2, 2), 1),
    ("Number.bitCount", (-1,), 64),
    ("Number.bitCount", (255.9,), 8),
    ("Number.bitwiseAnd", (-1, 255), 255),
    ("Number.bitwiseXor", (5.7, 3), 6),
    ("Number.bitwiseNot", (-1,), 0),
    ("Number.leftShift", (1, 63), -(2**63)),
    ("Number.leftShift", (1, 64), 1),
    ("Number.leftShift", (3, -1), -(2**63)),
    ("Number.rightShift", (-1, 100), -1),
    ("Number.int8", (1.9,), 1),
    ("Number.int8", (-1.9,), -1),
    ("Number.uint8", (-5,), 0),
    ("Number.toInt64", (1e300,), 2**63 - 1),
    ("Number.toUint32", (2**40,), 2**32 - 1),
    ("Number.int", (NAN,), 0),
    ("Number.short", (-INF,), -32768),
    ("Number.float", (0.1,), 0.10000000149011612),
    ("Number.float", (1e300,), "Infinity"),
    ("Number.double", (3,), 3),
    ("Number.clamp", (7, 0, 5), 5),
    ("Number.clamp", (5, 0, 5), 5),
    ("Number.clamp", (NAN, 0, 5), "NaN"),
    ("Number.unitScale", (5, 5, 5), 0),
    ("Number.unitScale", (15, 0, 10), 1.5),
    ("Number.parse", ("ff", 16), 255),
    ("Number.parse", ("-101", 2), -5),
    ("Number.parse", (" 1.5e3 ",), 1500),
    ("Number.parse", (".5f",), 0.5),
    ("Number.parse", ("NaN",), "NaN"),
    ("Number.parse", ("-Infinity",), "-Infinity"),
    ("Number.parse", ("99999999999999999999",), 1e20),
    ("Number.parse", ("+7",), 7),
    ("Number.format", (3.14159, "pi=%.2f!"), "pi=3.14!"),
    ("Number.expression", ("a + b * c ** 2 % 5", {"a": 1, "b": 2, "c": 3}), 4),
    ("Number.expression", ("-2 ** 2", {}), -4),
    ("Number.expression", ("!0 && (1 || 0)", {}), 1),
    ("Number.expression", ("1 ? 2 : 0 ? 3 : 4", {}), 2),
    ("Number.expression", ("max(min(5, 3), 1) + sqrt(16)", {}), 7),
    ("Number.expression", ("10 / 4 / 0", {}), 0),
    ("Number.expression", ("2 > 1 == 1", {}), 1),
    ("If", (NAN, 1, 2), 2),
    ("If", ([], 1, 2), 2),
    ("If", ({}, 1, 2), 2),
    ("If", ("", 1, 2), 2),
    ("If", (None, 1, 2), 2),
    ("If", (0.0, 1), None),
    ("If", ("false", 1, 2), 1),
    ("If", ([0], 1, 2), 1),
    ("If", (Date(0), 1, 2), 1),
    ("IsEqual", (), True),
    ("IsEqual", (1, 1.0), True),
    ("IsEqual", ("1", 1), False),
    ("IsEqual", ({"a": [1]}, {"a": [1.0]}), True),
    ("IsEqual", (NAN, NAN), True),
    ("ObjectType", (None,), "Null"),
    ("ObjectType", (True,), "Boolean"),
    ("ObjectType", (1,), "Integer"),
    ("ObjectType", (2**40,), "Long"),
    ("ObjectType", (LongInteger(1),), "Long"),
    ("ObjectType", (1.5,), "Float"),
    ("ObjectType", (Date(0),), "Date"),
    ("ObjectType", (Array.of([1]),), "Array"),
    ("ObjectType", (Blob("gs://a/b"),), "Blob"),
    ("Describe", ([1, {"a": None}],), [1, {"a": None}]),
    ("PixelType.precision", ("int8",), "int"),
    ("PixelType.minValue", ("int8",), -128),
    ("PixelType.maxValue", ("uint16",), 65535),
    ("PixelType.maxValue", ("float",), "Infinity"),
    ("PixelType.dimensions", (PixelType("double", None, None, 2),), 2),
    ("Blob.string", (Blob(data=b"caf\xc3\xa9"),), "café"),
    ("Blob.string", (b"\xff\xfeh\x00", "UTF-16"), "h"),
    ("Blob.string", (Blob(data=b"caf\xe9"), "ISO-8859-1"), "café"),
    ("Blob.string", (Blob(data=b"\xff!"), "US-ASCII"), "\ufffd!"),
    ("Blob.url", (Blob("gs://bucket/a.json"),), "gs://bucket/a.json"),
    ("SelectorSet", (["b", "a"],), {"type": "SelectorSet", "paths": ["a", "b"]}),
    ("SelectorSet.Simple", (True,), {"type": "SelectorSet.Simple", "all": True}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "expected"), TABLE, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(TABLE)]
)
def test_values(name, arguments, expected):
    found = call_json(name, *arguments)
    assert found == expected
    assert isinstance(found, bool) is isinstance(expected, bool)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("String.decodeJSON", ("{a:1}",), "String.decodeJSON: Invalid JSON: '{a:1}'."),
        ("String.decodeJSON", ("[" * 100_000,), "String.decodeJSON: Invalid JSON: '" + "[" * 100 + "'."),
        ("String.encodeJSON", (Blob("x"),), "String.encodeJSON: A value of type Blob cannot be encoded."),
        ("String.match", ("a", "("), "String.match: Invalid regular expression '(': missing ): (."),
        ("String.split", ("a", "a", "x"), "String.split: Unknown flag 'x'."),
        ("String.cat", ("a", 1), "String.cat, argument 'string2': Invalid type.\nExpected type: String.\nActual type: Integer.\nActual value: 1"),
        ("Number.parse", ("1.5", 16), "Number.parse: Cannot parse '1.5' as a number."),
        ("Number.parse", ("",), "Number.parse: Cannot parse '' as a number."),
        ("Number.parse", ("1_000",), "Number.parse: Cannot parse '1_000' as a number."),
        ("Number.parse", ("nan",), "Number.parse: Cannot parse 'nan' as a number."),
        ("Number.parse", ("1", 1), "Number.parse: The radix must be between 2 and 36, got 1."),
        ("Number.format", (1.5, "%d"), "Number.format: Invalid pattern. %d needs an integer, got 1.5."),
        ("Number.expression", ("a +", {"a": 1}), "Number.expression: Could not parse expression 'a +': an operand was expected before 'the end'."),
        ("Number.expression", ("b", {"a": 1}), "Number.expression: Unknown variable 'b'."),
        ("Number.expression", ("a", {"a": "x"}), "Number.expression: 'a' is not a number."),
        ("Number.expression", ("nothing(1)", {}), "Number.expression: Unknown function 'nothing' of 1 arguments."),
        ("Number.add", ("a", 1), "Number.add, argument 'left': Invalid type.\nExpected type: Number.\nActual type: String.\nActual value: a"),
        ("PixelType", ("byte",), "PixelType: Unknown precision 'byte'."),
        ("PixelType", ("int", 5, 1), "PixelType: The minimum (5) must not be larger than the maximum (1)."),
        ("Blob.string", (Blob(data=b""), "rot13"), "Blob.string: Unsupported encoding: 'rot13'."),
        ("Blob.string", (Blob("gs://bucket/a"),), "This server reads no stored objects."),
        ("SelectorSet", ([1],), "SelectorSet: 'paths' must be a list of strings."),
    ],
)  # fmt: skip
def test_errors(name, arguments, words):
    with pytest.raises(EcumeneError) as caught:
        call(name, *arguments)
    assert caught.value.message == words


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(codec="utf-8"), max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=4)),
    max_leaves=10,
)  # fmt: skip


@given(plain)
def test_json_and_back(value):
    text = call("String.encodeJSON", [value])
    assert call("String.decodeJSON", text) == [value]
    assert json.loads(text) == [value]


SPECIAL = {
    "erf": scipy.special.erf, "erfc": scipy.special.erfc, "gamma": scipy.special.gamma, "cbrt": np.cbrt, "tanh": np.tanh,
    "trigamma": lambda x: scipy.special.polygamma(1, x),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
@given(st.floats(0.01, 20))
def test_special_functions_agree_with_scipy(name, x):
    assert call(f"Number.{name}", x) == pytest.approx(float(SPECIAL[name](x)), rel=1e-12)


@given(st.floats(-0.999, 0.999))
def test_inverses(x):
    assert call("Number.erf", call("Number.erfInv", x)) == pytest.approx(x, abs=1e-12)
    assert call("Number.erfc", call("Number.erfcInv", 1 - x)) == pytest.approx(1 - x, abs=1e-12)


COUNTS = [[32, 0, 0, 0, 1, 0], [0, 5, 0, 0, 1, 0], [0, 0, 1, 3, 0, 0], [0, 1, 4, 26, 8, 0], [0, 0, 0, 7, 15, 0], [0, 0, 0, 1, 0, 5]]  # fmt: skip


def test_confusion_matrices_follow_their_definitions():
    c = np.asarray(COUNTS)
    matrix = call("ConfusionMatrix", COUNTS)
    assert call_json("ConfusionMatrix", COUNTS) == COUNTS
    assert call("ConfusionMatrix.accuracy", matrix) == pytest.approx(84 / 110)
    by_chance = (c.sum(0) * c.sum(1)).sum() / 110**2
    assert call("ConfusionMatrix.kappa", matrix) == pytest.approx((84 / 110 - by_chance) / (1 - by_chance))  # fmt: skip
    producers = call("ConfusionMatrix.producersAccuracy", matrix).values
    consumers = call("ConfusionMatrix.consumersAccuracy", matrix).values
    np.testing.assert_allclose(producers, (np.diagonal(c) / c.sum(1))[:, None])
    np.testing.assert_allclose(consumers, (np.diagonal(c) / c.sum(0))[None, :])
    p, u = producers[:, 0], consumers[0]
    np.testing.assert_allclose(call("ConfusionMatrix.fscore", matrix).values, 2 * p * u / (p + u))
    np.testing.assert_allclose(
        call("ConfusionMatrix.fscore", matrix, 2).values, 5 * p * u / (4 * u + p)
    )
    assert call("ConfusionMatrix.order", matrix) == [0, 1, 2, 3, 4, 5]
    assert call("ConfusionMatrix.order", call("ConfusionMatrix", [[1]], [11])) == [11]
    assert call("ConfusionMatrix.array", matrix).values.tolist() == COUNTS


def test_empty_classes_count_as_zero():
    matrix = call("ConfusionMatrix", [[0, 0], [0, 3]])
    assert call_json("ConfusionMatrix.producersAccuracy", matrix) == [[0], [1]]
    assert call("ConfusionMatrix.accuracy", call("ConfusionMatrix", [[0]])) == 0
    assert call("ConfusionMatrix.kappa", matrix) == 0


@pytest.mark.parametrize("bad", [[[1, 2]], [1], [["a"]], [[1], [1, 2]], "x"])
def test_what_is_no_confusion_matrix(bad):
    with pytest.raises(EcumeneError):
        call("ConfusionMatrix", bad)
