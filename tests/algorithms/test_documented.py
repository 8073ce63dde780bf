"""Values that Earth Engine's documentation shows beside its samples, through the unmodified client.

Source: the public samples of the reference pages (google/earthengine-community, ``samples/*/apidocs``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import offline

pytest.importorskip("ee")


@pytest.fixture(scope="module")
def ee() -> Iterator[Any]:
    with offline() as client:
        yield client


def empty(ee):
    return ee.Array([], ee.PixelType.int8())


ARRAYS = [
    ("accum-1", lambda ee: ee.Array([-2, 1, 9]).accum(0), [-2, -1, 8]),
    ("accum-axis-0", lambda ee: ee.Array([[1, 3], [5, 7]]).accum(0), [[1, 3], [6, 10]]),
    ("accum-axis-1", lambda ee: ee.Array([[1, 3], [5, 7]]).accum(1), [[1, 4], [5, 12]]),
    ("accum-sum", lambda ee: ee.Array([2, -2, 3, 1]).accum(0, ee.Reducer.sum()), [2, 0, 3, 4]),
    ("accum-max", lambda ee: ee.Array([2, -2, 3, 1]).accum(0, ee.Reducer.max()), [2, 2, 3, 3]),
    ("accum-mean", lambda ee: ee.Array([2, -2, 3, 1]).accum(0, ee.Reducer.mean()), [2, 0, 1, 1]),
    ("accum-min", lambda ee: ee.Array([2, -2, 3, 1]).accum(0, ee.Reducer.min()), [2, -2, -2, -2]),
    ("accum-product", lambda ee: ee.Array([2, -2, 3]).accum(0, ee.Reducer.product()), [2, -4, -12]),
    ("bitCount", lambda ee: ee.Array([[0, 1], [6, 13]]).bitCount(), [[0, 1], [2, 3]]),
    ("bitCount-negative", lambda ee: ee.Array([-1], ee.PixelType.int8()).bitCount(), [64]),
    ("bitCount-2", lambda ee: ee.Array([-2]).bitCount(), [63]),
    ("bitCount-empty", lambda ee: empty(ee).bitCount(), []),
    ("bitsToArray-0", lambda ee: ee.Array.bitsToArray(0), [0]),
    ("bitsToArray-5", lambda ee: ee.Array.bitsToArray(5), [1, 0, 1]),
    ("bitsToArray-ff", lambda ee: ee.Array.bitsToArray(0xFF), [1] * 8),
    ("bitsToArray-minus", lambda ee: ee.Array.bitsToArray(-1).toInt8(), [1] * 64),
    ("bitwiseNot-255", lambda ee: ee.Array(0xFF).bitwiseNot(), -256),
    ("bitwiseNot-minus", lambda ee: ee.Array(-3).bitwiseNot(), 2),
    ("bitwiseNot-int64", lambda ee: ee.Array(0xFF).toInt64().bitwiseNot(), -256),
    ("bitwiseNot-empty", lambda ee: empty(ee).bitwiseNot(), []),
    ("digamma-0", lambda ee: ee.Array(0).digamma(), "-Infinity"),
    ("firstNonZero", lambda ee: ee.Array([-1, 0, 1]).firstNonZero([2, -1, 2]), [-1, -1, 1]),
    ("firstNonZero-2d", lambda ee: ee.Array([[1, 2], [0, 0]]).firstNonZero([[0, 0], [3, 4]]), [[1, 2], [3, 4]]),
    ("firstNonZero-0", lambda ee: ee.Array([0]).firstNonZero(0), [0]),
    ("floor", lambda ee: ee.Array([2.1, -2.1]).floor(), [2, -3]),
    ("identity-0", lambda ee: ee.Array.identity(0), []),
    ("identity-1", lambda ee: ee.Array.identity(1), [[1]]),
    ("identity-3", lambda ee: ee.Array.identity(3), [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ("multiply", lambda ee: ee.Array([1, -2, 2, 4]).multiply([-1, -4, -1, 1.2]), [-1, 8, -2, 4.8]),
    ("multiply-number", lambda ee: ee.Array([1, -2, 2, 3]).multiply(-1), [-1, 2, -2, -3]),
    ("multiply-empty", lambda ee: empty(ee).multiply(empty(ee)), []),
    ("neq-float", lambda ee: ee.Array([1.1]).float().neq(ee.Array([1.1])), [1]),
    ("neq-double", lambda ee: ee.Array([1.1]).double().neq(ee.Array([1.1])), [0]),
    ("neq-int", lambda ee: ee.Array([1]).int8().neq(ee.Array([1]).int32()), [0]),
    ("or", lambda ee: ee.Array([0, 0, 1, 1]).Or(ee.Array([0, 1, 0, 1])), [0, 1, 1, 1]),
    ("slice", lambda ee: ee.Array([1, 2, 3, 4, 5, 6]).slice(0, 0, 10, 1), [1, 2, 3, 4, 5, 6]),
    ("slice-start", lambda ee: ee.Array([1, 2, 3, 4, 5, 6]).slice(0, 6), []),
    ("slice-negative-end", lambda ee: ee.Array([1, 2, 3, 4, 5, 6]).slice(0, 0, -3), [1, 2, 3]),
    ("slice-negative-start", lambda ee: ee.Array([1, 2, 3, 4, 5, 6]).slice(0, -2, 6), [5, 6]),
    ("slice-step", lambda ee: ee.Array([1, 2, 3, 4, 5, 6]).slice(0, 0, 6, 4), [1, 5]),
    ("slice-2d", lambda ee: ee.Array([[1, 2], [3, 4], [5, 6]]).slice(0, 0, 3, 2), [[1, 2], [5, 6]]),
    ("slice-axis-1", lambda ee: ee.Array([[1, 2], [3, 4], [5, 6]]).slice(1, 1), [[2], [4], [6]]),
    ("slice-empty", lambda ee: empty(ee).slice(0, 0, 0, 1), []),
    ("reduce-count", lambda ee: ee.Array([[1, 0, 3], [1, 2, 3]]).reduce(ee.Reducer.count(), [1, 0]), [[6]]),
    ("reduce-minMax", lambda ee: ee.Array([[1], [2], [3], [4]]).reduce(ee.Reducer.minMax(), [0], 1), [[1, 4]]),
]  # fmt: skip

NUMBERS = [
    ("ceil", lambda ee: ee.Number(-2.1).ceil(), -2),
    ("digamma--1.5", lambda ee: ee.Number(-1.5).digamma(), 0.703156637),
    ("digamma--1", lambda ee: ee.Number(-1).digamma(), "-Infinity"),
    ("digamma-0.5", lambda ee: ee.Number(0.5).digamma(), -1.963510028),
    ("digamma-1", lambda ee: ee.Number(1).digamma(), -0.577215667),
    ("digamma-100", lambda ee: ee.Number(100).digamma(), 4.600161852),
    ("digamma-1e13", lambda ee: ee.Number(1e13).digamma(), 29.933606208),
    ("divide", lambda ee: ee.Number(5).divide(10.2), 0.490196078),
    ("divide-0", lambda ee: ee.Number(10).divide(0), 0),
    ("eq", lambda ee: ee.Number(1.001).eq(1), 0),
    ("expression-pow", lambda ee: ee.Number.expression("x ** y", {"x": 5, "y": 10}), 9765625),
    ("expression-not", lambda ee: ee.Number.expression("!(x)", {"x": 5}), 0),
    ("expression-choice", lambda ee: ee.Number.expression("(x < y) ? 100 : 1000", {"x": 5, "y": 10}), 100),
    ("expression-dots", lambda ee: ee.Number.expression("v.x * v.y", {"v": {"x": 5, "y": 10}}), 50),
    ("expression-pi", lambda ee: ee.Number.expression("Math.PI", None), 3.141592654),
    ("expression-call", lambda ee: ee.Number.expression("subtract(add(x, y), 5)", {"x": 5, "y": 10}), 10),
    ("gamma-0.001", lambda ee: ee.Number(0.001).gamma(), 999.423772484),
    ("gamma-100", lambda ee: ee.Number(100).gamma(), 9.332621544e155),
    ("gamma-200", lambda ee: ee.Number(200).gamma(), "Infinity"),
    ("hypot", lambda ee: ee.Number(-3).hypot(-4), 5),
    ("bitwiseNot", lambda ee: ee.Number(25).bitwiseNot(), -26),
    ("rightShift", lambda ee: ee.Number(20).rightShift(2), 5),
    ("round-half", lambda ee: ee.Number(10.5).round(), 11),
    ("toInt8-high", lambda ee: ee.Number(127 + 12345).toInt8(), 127),
    ("toInt8-low", lambda ee: ee.Number(-128 - 12345).toInt8(), -128),
    ("trigamma--100", lambda ee: ee.Number(-100).trigamma(), "Infinity"),
    ("trigamma-0.001", lambda ee: ee.Number(0.001).trigamma(), 1000001.642533195),
    ("trigamma-100", lambda ee: ee.Number(100).trigamma(), 0.010050166),
    ("unitScale", lambda ee: ee.Number(-10).unitScale(0, 100), -0.1),
]  # fmt: skip

DAY = 86_400_000
JULY = 1_593_608_400_000  # 2020-07-01T13:00Z


def date(millis):
    return {"type": "Date", "value": millis}


def dates(start, end):
    return {"type": "DateRange", "dates": [start, end]}


FEATURE = {"int": 42, "text": "a"}
OTHERS = [
    ("Date", lambda ee: ee.Date("2020-7-1T13:00", "UTC"), date(JULY)),
    ("Date.advance-week", lambda ee: ee.Date("2020-7-1T13:00", "UTC").advance(1, "week"), date(JULY + 7 * DAY)),
    ("Date.advance-years", lambda ee: ee.Date("2020-7-1T13:00").advance(2, "years"), date(JULY + 730 * DAY)),
    ("Date.advance-second", lambda ee: ee.Date("2020-7-1T13:00").advance(-1, "second"), date(JULY - 1000)),
    ("Date-zone", lambda ee: ee.Date("2020", "US/Mountain"), date(1_577_862_000_000)),
    ("Date.difference-days", lambda ee: ee.Date("2020-01-15").difference(ee.Date("2020-01-01"), "days"), 14),
    ("Date.difference-weeks", lambda ee: ee.Date("2020-01-01").difference(ee.Date("2020-01-15"), "weeks"), -2),
    ("DateRange-one", lambda ee: ee.DateRange("2017-06-24"), dates(1_498_262_400_000, 1_498_262_400_001)),
    ("DateRange-zone", lambda ee: ee.DateRange("2017-06-24", "2017-07-24", "America/Los_Angeles"),
     dates(1_498_287_600_000, 1_500_879_600_000)),
    ("DateRange.intersects", lambda ee: ee.DateRange("2017-06-24", "2017-07-24").intersects(
        ee.DateRange("1970-06-24", "1971-07-24")), False),
    ("Dictionary.toArray", lambda ee: ee.Dictionary({"B1": 182, "B2": 219, "B3": 443}).toArray(["B1", "B2"]), [182, 219]),
    ("Dictionary.get", lambda ee: ee.Dictionary({"B1": 182}).get("Band_1", -9999), -9999),
    ("Dictionary.map", lambda ee: ee.Dictionary({"B1": 182}).map(lambda k, v: ee.Number(v).divide(1e4)), {"B1": 0.0182}),
    ("Dictionary.select", lambda ee: ee.Dictionary({"B1": 182, "B2": 219, "B3": 443}).select(["B[1-2]"]),
     {"B1": 182, "B2": 219}),
    ("Dictionary.select-missing", lambda ee: ee.Dictionary({"B1": 182}).select(["B1", "Region"], True), {"B1": 182}),
    ("Dictionary.set", lambda ee: ee.Dictionary({"B3": 443}).set("B3", -9999), {"B3": -9999}),
    ("Dictionary.toImage", lambda ee: ee.Dictionary({"B1": 182, "B2": 219}).toImage(["B2"]).bandNames(), ["B2"]),
    ("ErrorMargin-negative", lambda ee: ee.ErrorMargin(-1), {"type": "ErrorMargin", "unit": "meters", "value": 1}),
    ("ErrorMargin-large", lambda ee: ee.ErrorMargin(1e8), {"type": "ErrorMargin", "unit": "infinite"}),
    ("ErrorMargin-projected", lambda ee: ee.ErrorMargin(1, "projected"),
     {"type": "ErrorMargin", "unit": "projected", "value": 1}),
    ("ObjectType-1", lambda ee: ee.Algorithms.ObjectType(ee.Number(1)), "Integer"),
    ("ObjectType-list", lambda ee: ee.Algorithms.ObjectType(ee.List([1, "a string"])), "List"),
    ("ObjectType-int", lambda ee: ee.Algorithms.ObjectType(ee.Feature(None, FEATURE).get("int")), "Integer"),
    ("ObjectType-int8", lambda ee: ee.Algorithms.ObjectType(
        ee.Feature(None, {"int8": ee.Number(-3).int8()}).get("int8")), "Long"),
    ("List.reduce-minMax", lambda ee: ee.List([1, 2, 3, 4]).reduce(ee.Reducer.minMax()), {"max": 4, "min": 1}),
    ("List.reduce-count", lambda ee: ee.List([1, None, 3]).reduce(ee.Reducer.count()), 2),
    ("List.sequence-count", lambda ee: ee.List.sequence(0, 10, 2, 3), [0, 5, 10]),
    ("List.sequence-large", lambda ee: ee.List.sequence(-1e9, 1e9, count=3), [-1000000000, 0, 1000000000]),
    ("String", lambda ee: ee.String("🧲⚡️👀"), "🧲⚡️👀"),
    ("String.compareTo", lambda ee: ee.String("b").compareTo("a"), 1),
    ("String.encodeJSON", lambda ee: ee.String.encodeJSON(ee.Dictionary({"n": "g", "c": 3})), '{"c":3,"n":"g"}'),
    ("String.replace-all", lambda ee: ee.String("abc-abc").replace("abc", "", "g"), "-"),
    ("String.replace-fold", lambda ee: ee.String("aBc-Abc").replace("abc", "Z", "i"), "Z-Abc"),
    ("String.split-fold", lambda ee: ee.String("aBAbcD").split("ab", "i"), ["", "", "cD"]),
    ("String.split-class", lambda ee: ee.String("a,b,cdee f,g").split("[[:space:]]"), ["a,b,cdee", "f,g"]),
    ("String.split-letters", lambda ee: ee.String("a,b,cdee f,g").split("[a-z]"), ["", ",", ",", "", "", "", " ", ","]),
    ("String.split-dot", lambda ee: ee.String("a.b*c?d").split("\\."), ["a", "b*c?d"]),
    ("String.error-of-a-long", lambda ee: ee.String("a").cat(ee.Number(1).int()),
     "String.cat, argument 'string2': Invalid type.\nExpected type: String.\nActual type: Long.\nActual value: 1"),
    ("Date.error", lambda ee: ee.Date("2019-02-29"), "Date: Bad date/time '2019-02-29'."),
    ("List.get-error", lambda ee: ee.List([0] * 100).get(115),
     "List.get: List index must be between 0 and 99, or -100 and -1. Found 115."),
    ("Dictionary.get-error", lambda ee: ee.Dictionary({}).get("x"), "Dictionary.get: Dictionary does not contain key: 'x'."),
    ("Array-error", lambda ee: ee.Array([]), "Array: No numbers in 'values', must provide a type."),
    ("null-error", lambda ee: ee.Number(ee.Feature(None, {}).get("x")).divide(2), "Number.divide: Parameter 'left' is required."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "expected"),
    [pytest.param(build, value, id=name) for name, build, value in ARRAYS + NUMBERS + OTHERS],
)
def test_documented(ee, build, expected):
    try:
        found = build(ee).getInfo()
    except ee.EEException as error:
        found = str(error)
    if isinstance(expected, float):  # as many digits as the page shows, cut or rounded
        expected = pytest.approx(expected, rel=2e-9, abs=1e-9)
    assert found == expected
