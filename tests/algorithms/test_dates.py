"""Dates: calendar arithmetic against the datetime module and the tz database, Joda-Time's words for errors."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core.dates import MAX_MS, MIN_MS, Date, DateRange
from ecumene.core.errors import EcumeneError
from tests.calls import call, call_json

LA = "America/Los_Angeles"
DAY = 86_400_000


def d(text, zone=None):
    return call("Date", text, zone)


def r(start, end=None):
    return call("DateRange", start, end)


TABLE = [
    ("Date", (0,), d("1970")),
    ("Date", (1.9,), Date(1)),
    ("Date", (-1.9,), Date(-1)),
    ("Date", (1e300,), Date(MAX_MS)),
    ("Date", (d("2020"), LA), d("2020")),
    ("Date.fromYMD", (2020, 2, 29), d("2020-02-29")),
    ("Date.fromYMD", (2020, 7, 1, LA), d("2020-07-01T07:00")),
    ("Date.millis", (d("1970-01-02"),), DAY),
    ("Date.advance", (d("2021-01-31"), 1, "month"), d("2021-02-28")),
    ("Date.advance", (d("2020-01-31"), 1, "month"), d("2020-02-29")),
    ("Date.advance", (d("2020-03-31"), -1, "month"), d("2020-02-29")),
    ("Date.advance", (d("2020-02-29"), 1, "year"), d("2021-02-28")),
    ("Date.advance", (d("2020-02-29"), -4, "years"), d("2016-02-29")),
    ("Date.advance", (d("2020-11-30"), 3, "months"), d("2021-02-28")),
    ("Date.advance", (d("2020-01-01"), 1.5, "day"), d("2020-01-02T12:00")),
    ("Date.advance", (d("2020-01-01"), -1.5, "hours"), d("2019-12-31T22:30")),
    ("Date.advance", (d("2020-01-01"), 0.5, "week"), d("2020-01-04T12:00")),
    ("Date.advance", (d("2021-03-13T12:00", LA), 1, "day", LA), d("2021-03-14T12:00", LA)),
    ("Date.advance", (d("2021-03-13T12:00", LA), 24, "hour", LA), d("2021-03-14T13:00", LA)),
    ("Date.advance", (d("2021-03-13T12:00", LA), 1, "day"), d("2021-03-14T13:00", LA)),
    ("Date.difference", (d("2021-01-01"), d("2020-01-01"), "year"), pytest.approx(366 / 365.2425)),
    ("Date.difference", (d("2020-01-01"), d("2020-02-01"), "month"), pytest.approx(-31 / 30.436875)),
    ("Date.difference", (d("2020-01-01"), d("2020-01-01"), "second"), 0),
    ("Date.difference", (d("2020-01-02T12:00"), d("2020-01-01"), "day"), 1.5),
    ("Date.unitRatio", ("day", "minute"), 1440),
    ("Date.unitRatio", ("year", "second"), 31_556_952),
    ("Date.unitRatio", ("month", "year"), pytest.approx(1 / 12)),
    ("Date.get", (d("2021-01-03"), "week"), 53),
    ("Date.get", (d("2021-01-03T23:59:58"), "second"), 58),
    ("Date.get", (d("2021-01-01T07:59"), "year", LA), 2020),
    ("Date.getFraction", (d("2020-07-01"), "year"), 182 / 366),
    ("Date.getFraction", (d("2021-02-15"), "month"), 0.5),
    ("Date.getFraction", (d("2021-03-14T12:00", LA), "day", LA), 11 / 23),
    ("Date.getFraction", (d("2021-01-01"), "second"), 0),
    ("Date.getRelative", (d("2020-12-31"), "day", "year"), 365),
    ("Date.getRelative", (d("2020-12-31"), "month", "year"), 11),
    ("Date.getRelative", (d("2020-12-31T13:30"), "minute", "day"), 810),
    ("Date.getRelative", (d("2020-12-31"), "year", "month"), 0),
    ("Date.getRelative", (d("2020-12-31"), "day", "week"), 3),
    ("Date.getRange", (d("2013-3-15"), "year"), r("2013-1-1", "2014-1-1")),
    ("Date.getRange", (d("2020-02-10"), "month"), r("2020-02-01", "2020-03-01")),
    ("Date.getRange", (d("2021-01-03"), "week"), r("2020-12-28", "2021-01-04")),
    ("Date.getRange", (d("2021-03-14T12:00", LA), "day", LA), r(d("2021-03-14", LA), d("2021-03-15", LA))),
    ("Date.getRange", (d("2021-01-01T01:02:03.4"), "minute"), r("2021-01-01T01:02", "2021-01-01T01:03")),
    ("Date.update", (d("2021-4-30T07:15:31.24"), 2010, None, None, None, 59), d("2010-04-30T07:59:31.24")),
    ("Date.update", (d("2020-02-29"), 2021), d("2021-02-28")),
    ("Date.update", (d("2020-01-31"), None, 4), d("2020-04-30")),
    ("Date.update", (d("2020-01-01T00:00:00.5"), None, None, None, None, None, 30), d("2020-01-01T00:00:30.5")),
    ("Date.update", (d("2020-01-01"), None, None, None, None, None, 30.25), d("2020-01-01T00:00:30.25")),
    ("Date.update", (d("2021-01-01T00:00"), None, None, None, 0, None, None, LA), d("2020-12-31T08:00")),
    ("Date.parse", ("dd.MM.yyyy HH:mm", "30.04.2021 17:00", LA), d("2021-05-01")),
    ("Date.format", (d("2021-05-01"), "dd.MM.yyyy HH:mm", LA), "30.04.2021 17:00"),
    ("Date.format", (d("2021-05-01T10:00:00.5"),), "2021-05-01T10:00:00"),
    ("DateRange", (5,), DateRange(5, 6)),
    ("DateRange", (DateRange(1, 2),), DateRange(1, 2)),
    ("DateRange.start", (r(1, 5),), Date(1)),
    ("DateRange.end", (r(1, 5),), Date(5)),
    ("DateRange.contains", (r(1, 5), 5), False),
    ("DateRange.contains", (r(1, 5), 4), True),
    ("DateRange.contains", (r(1, 5), r(1, 5)), True),
    ("DateRange.contains", (r(1, 5), r(0, 5)), False),
    ("DateRange.contains", (r("2020", "2021"), "2020-06-01"), True),
    ("DateRange.intersects", (r(1, 5), r(5, 9)), False),
    ("DateRange.intersects", (r(1, 5), r(4, 9)), True),
    ("DateRange.intersection", (r(1, 5), r(3, 9)), DateRange(3, 5)),
    ("DateRange.union", (r(1, 2), r(8, 9)), DateRange(1, 9)),
    ("DateRange.isEmpty", (r(5, 5),), True),
    ("DateRange.isEmpty", (r(5, 1),), True),
    ("DateRange.isEmpty", (r(5),), False),
    ("DateRange.isUnbounded", (DateRange(MIN_MS, MAX_MS),), True),
    ("DateRange.isUnbounded", (r(1, 5),), False),
    ("DateRange.unbounded", (), DateRange(MIN_MS, MAX_MS)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "expected"), TABLE, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(TABLE)]
)
def test_dates(name, arguments, expected):
    assert call(name, *arguments) == expected


def test_disjoint_ranges_have_an_empty_intersection():
    found = call("DateRange.intersection", r(1, 2), r(8, 9))
    assert call("DateRange.isEmpty", found)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("Date", ("2019-02-29",), "Date: Bad date/time '2019-02-29'."),
        ("Date", ("2020", "Mars"), "Date: The datetime zone id 'Mars' is not recognised."),
        ("Date", ([],), "Date: A date is made of a number, a string or another date."),
        ("Date", (math.nan,), "Date: A date is made of a number, a string or another date."),
        ("Date", (None,), "Date: Parameter 'value' is required."),
        ("Date.fromYMD", (2020, 13, 1), "Date.fromYMD: Value 13 for monthOfYear must be in the range [1,12]"),
        ("Date.fromYMD", (2021, 2, 29), "Date.fromYMD: Value 29 for dayOfMonth must be in the range [1,28]"),
        ("Date.advance", (0, 1, "fortnight"), "Date.advance: Unknown unit 'fortnight'."),
        ("Date.advance", (0, math.inf, "day"), "Date.advance: Invalid delta inf."),
        ("Date.advance", (0, 1e9, "year"), "Date.advance: The date is outside the years 1 to 9999."),
        ("Date.advance", (0, 1e300, "second"), "Date.advance: The date is outside 64-bit milliseconds."),
        ("Date.get", (0, ""), "Date.get: Unknown unit ''."),
        ("Date.get", (0, "dayss"), "Date.get: Unknown unit 'dayss'."),
        ("Date.get", (1e17, "year"), "Date.get: The date 100000000000000000 is outside the years 1 to 9999."),
        ("Date.update", (0, None, None, 32), "Date.update: Value 32 for dayOfMonth must be in the range [1,31]"),
        ("Date.update", (0, None, None, None, None, None, math.nan), "Date.update: Value nan for secondOfMinute must be in the range [0,59]"),
        ("Date.parse", ("yyyy", "x"), 'Date.parse: Invalid format: "x"'),
        ("Date.format", (0, "q"), "Date.format: Illegal pattern component: q"),
        ("Date.millis", ("nonsense",), "Date: Bad date/time 'nonsense'."),
        ("Date.millis", ([],), "Date.millis, argument 'date': Invalid type.\nExpected type: Date.\nActual type: List<Object>.\nActual value: []"),
    ],
)  # fmt: skip
def test_errors(name, arguments, words):
    with pytest.raises(EcumeneError) as caught:
        call(name, *arguments)
    assert caught.value.message == words


days = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2099, 12, 31)).map(
    lambda t: Date(int(t.replace(tzinfo=dt.UTC).timestamp() * 1000))
)


@given(days, st.integers(-1000, 1000), st.sampled_from(["second", "minute", "hour", "day", "week"]))
def test_advancing_and_differences_agree(date, delta, unit):
    later = call("Date.advance", date, delta, unit)
    assert call("Date.difference", later, date, unit) == delta
    assert call("Date.advance", later, -delta, unit) == date


@given(days, st.integers(-500, 500))
def test_months_keep_the_day_or_take_the_last(date, months):
    later = call("Date.advance", date, months, "month")
    day, new = call("Date.get", date, "day"), call("Date.get", later, "day")
    assert new == day or (new < day and call("Date.get", call("Date.advance", later, 1, "day"), "day") == 1)  # fmt: skip


@given(
    days,
    st.sampled_from(["year", "month", "week", "day", "hour", "minute", "second"]),
    st.sampled_from([None, LA, "Asia/Kolkata"]),
)
def test_ranges_hold_their_date_and_fractions_lie_between(date, unit, zone):
    span = call("Date.getRange", date, unit, zone)
    assert span.start <= date.millis < span.end
    fraction = call("Date.getFraction", date, unit, zone)
    assert 0 <= fraction < 1
    assert span.start + fraction * (span.end - span.start) == pytest.approx(date.millis, abs=1)


@given(days)
def test_text_and_back(date):
    assert call("Date", call("Date.format", date, "yyyy-MM-dd'T'HH:mm:ss.SSSZZ", LA)) == date


def starts(name, *arguments, **named):
    found = call_json(name, *arguments, **named)["features"]
    return [(f["id"], *f["properties"]["date_range"]["dates"]) for f in found]


def test_collections_of_ranges():
    months = starts("BetterDateRangeCollection", "2020-01-31", "2020-04-01", 1, "month")
    assert [m[0] for m in months] == ["202001", "202002", "202003"]
    assert months[1][1:] == (d("2020-02-29").millis, d("2020-03-29").millis)
    back = starts("BetterDateRangeCollection", "2020-01-03", "2020-01-01", -1, "day")
    assert [b[0] for b in back] == ["20200103", "20200102"]
    assert back[0][1:] == (d("2020-01-02").millis, d("2020-01-03").millis)
    sixteen = starts("DateRangeCollection", d("2019-01-01").millis, d("2020-02-01").millis, 16, "days", True)  # fmt: skip
    assert len(sixteen) == 23 + 2
    assert sixteen[22][0] == "20191219" and sixteen[23][0] == "20200101"
    assert starts("BetterDateRangeCollection", "2020", "2020") == []
    weeks = starts("BetterDateRangeCollection", "2020-01-01", "2020-01-10", 1, "week", format="ww")
    assert [w[0] for w in weeks] == ["01", "02"]


@pytest.mark.parametrize("arguments", [("2020", "2021", 0), ("2020", "2021", -1), ("2021", "2020", 1), ("2020", "2021", 1, "x")])  # fmt: skip
def test_steps_that_lead_nowhere(arguments):
    with pytest.raises(EcumeneError):
        call("BetterDateRangeCollection", *arguments)
