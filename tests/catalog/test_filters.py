from __future__ import annotations

import pytest

from ecumene.catalog.filters import millis, parse, parse_shape, rfc3339
from ecumene.core.errors import RequestError
from ecumene.core.query import Comparison


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
        "a", "a <", "< 3", "a < 3 b < 4", "a < 3 OR b < 4", "a < 3 AND", "a ~ 3", "a < (3)",
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
