from __future__ import annotations

import pytest

from ecumene.catalog.filters import millis, parse, parse_shape, rfc3339
from ecumene.core.errors import RequestError
from ecumene.core.query import Comparison, Every, Opposite, Some


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("CLOUDY_PIXEL_PERCENTAGE < 10", (Comparison("CLOUDY_PIXEL_PERCENTAGE", "<", 10),)),
        ("properties.a>1", (Comparison("a", ">", 1),)),
        ("a = 1.5 AND b != -2e3", (Comparison("a", "==", 1.5), Comparison("b", "!=", -2000.0))),
        (
            "a == \"x y\" and b='it\\'s'",
            (Comparison("a", "==", "x y"), Comparison("b", "==", "it's")),
        ),
        ('"odd name" >= 3', (Comparison("odd name", ">=", 3),)),
        ("SPACECRAFT = LANDSAT_8", (Comparison("SPACECRAFT", "==", "LANDSAT_8"),)),
        (
            'startTime >= "2017-04-01T00:00:00.000Z" AND endTime < "2017-05-01T00:00:00Z"',
            (
                Comparison("system:time_start", ">=", 1491004800000),
                Comparison("system:time_end", "<", 1493596800000),
            ),
        ),
        (
            'start_time>"1970-01-01T00:00:01+00:00" AND end_time < "1970-01-01" AND update_time>"1970-01-01T00:00:02Z"',
            (
                Comparison("system:time_start", ">", 1000),
                Comparison("system:time_end", "<", 0),
                Comparison("system:version", ">", 2_000_000),
            ),
        ),
    ],
)
def test_comparisons(text, expected):
    assert parse(text).query.comparisons == expected


A, B, C = (Comparison(name, "==", 1) for name in "abc")


@pytest.mark.parametrize(
    ("text", "comparisons", "conditions"),
    [
        ("a = 1 OR b = 1", (), (Some((A, B)),)),
        ("NOT a = 1", (), (Opposite(A),)),
        ("NOT NOT a = 1", (), (Opposite(Opposite(A)),)),
        ("NOT (a = 1 AND b = 1)", (), (Opposite(Every((A, B))),)),
        ("((a = 1) AND (b = 1 AND c = 1))", (A, B, C), ()),
        ("a = 1 AND b = 1 OR c = 1", (A,), (Some((B, C)),)),
        ("(a = 1 AND b = 1) or c = 1", (), (Some((Every((A, B)), C)),)),
        ("NOT a = 1 OR b = 1", (), (Some((Opposite(A), B)),)),
        ("not = 1 AND OR = 1", (Comparison("not", "==", 1), Comparison("OR", "==", 1)), ()),
    ],
)
def test_alternatives(text, comparisons, conditions):
    found = parse(text).query
    assert (found.comparisons, found.conditions) == (comparisons, conditions)


def test_numbers_that_no_database_holds_as_integers():
    assert parse(f"a < {10**30}").query.comparisons == (Comparison("a", "<", 1e30),)
    assert parse("a < " + "9" * 5000).query.comparisons == (Comparison("a", "<", float("inf")),)


def test_a_shape_in_parentheses():
    found = parse("(a = 1 AND (intersects('POINT (1 2)')))")
    assert found.query.comparisons == (A,)
    assert [one.wkt for one in found.shapes] == ["POINT (1 2)"]


@pytest.mark.parametrize(
    "text",
    [
        "intersects(\"{'type':'Point','coordinates':[1,2]}\")",
        "intersects('POINT (1 2)')",
        'a < 3 AND intersects("{\\"type\\":\\"Point\\",\\"coordinates\\":[1,2]}")',
    ],
)
def test_intersects(text):
    (shape,) = parse(text).shapes
    assert shape.coords[0] == (1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "a", "a <", "< 3", "a < 3 b < 4", "a < 3 OR", "a < 3 AND",
        "NOT", "NOT NOT", "(a < 3", "a < 3)", "()", "(a < 3) = 4", "a < 3 OR AND b < 4", "NOT intersects('POINT (1 2)')",
        "a < 3 OR intersects('POINT (1 2)')", "NOT 'quo\"ted' = 3", "(" * 40 + "a < 3" + ")" * 40,
        "NOT " * 40 + "a < 3", " AND ".join(["a < 3"] * 201), " OR ".join(["a < 3"] * 201), "a ~ 3", "a < (3)",
        'startTime > 5', 'startTime > "yesterday"', "intersects(3)", 'intersects("nonsense")',
        'intersects("{}")', 'a < "open',
    ],
)  # fmt: skip
def test_what_cannot_be_read(text):
    with pytest.raises(RequestError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2017-04-01", 1491004800000),
        ("2017-04-01T02:00:00.123456+02:00", 1491004800123),
        ("1851-06-25T00:00:00Z", -3740169600000),
    ],
)
def test_times(text, expected):
    assert millis(text) == expected


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1692093491662, "2023-08-15T09:58:11.662Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-3740169600000, "1851-06-25T00:00:00Z"),
    ],
)
def test_times_on_the_wire(ms, expected):
    assert rfc3339(ms) == expected
    assert millis(expected) == ms


@pytest.mark.parametrize("text", ["", "POINT EMPTY", "[1]", "{", '{"type":"Point"}'])
def test_shapes_that_are_none(text):
    with pytest.raises(RequestError):
        parse_shape(text)


def test_shape_of_a_feature():
    feature = '{"type":"Feature","geometry":{"type":"Point","coordinates":[3,4]},"properties":{}}'
    assert parse_shape(feature).coords[0] == (3, 4)
