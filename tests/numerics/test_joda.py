"""Dates as text: Joda-Time's DateTimeFormat documentation, ISO 8601, the tz database."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core.errors import EvaluationError
from ecumene.numerics.joda import format_date
from ecumene.numerics.joda_parse import parse_pattern
from ecumene.numerics.zones import parse_iso

DAY = 86_400_000


def ms(*when, tz=dt.UTC):
    return int(dt.datetime(*when, tzinfo=tz).timestamp() * 1000)


WHEN = ms(2001, 7, 4, 12, 8, 56, 235_000)


@pytest.mark.parametrize(
    ("pattern", "zone", "expected"),
    [
        (None, None, "2001-07-04T12:08:56"),
        ("yyyy.MM.dd G 'at' HH:mm:ss z", "America/Los_Angeles", "2001.07.04 AD at 05:08:56 PDT"),
        ("EEE, MMM d, ''yy", None, "Wed, Jul 4, '01"),
        ("hh 'o''clock' a, zzzz", "America/Los_Angeles", "05 o'clock AM, Pacific Daylight Time"),
        ("K:mm a, z", "America/Los_Angeles", "5:08 AM, PDT"),
        ("yyyyy.MMMMM.dd GGG hh:mm aaa", None, "02001.July.04 AD 12:08 PM"),
        ("EEEE d MMMM yyyy", None, "Wednesday 4 July 2001"),
        ("yyMMddHHmmssZ", "America/Los_Angeles", "010704050856-0700"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSZZ", "America/Los_Angeles", "2001-07-04T05:08:56.235-07:00"),
        ("xxxx-'W'ww-e", None, "2001-W27-3"),
        ("CC DDD D k K h H", None, "20 185 185 12 0 12 12"),
        ("S SS SSS SSSSSS", None, "2 23 235 235000"),
        ("ZZZ", "Europe/Berlin", "Europe/Berlin"),
        ("Z ZZ", "Asia/Kathmandu", "+0545 +05:45"),
        ("é ü", None, "é ü"),
        ("'open", None, "open"),
    ],
)
def test_format(pattern, zone, expected):
    assert format_date(WHEN, pattern, zone) == expected


@pytest.mark.parametrize(
    ("millis", "pattern", "expected"),
    [
        (ms(2021, 1, 3), "x-w-e yyyy", "2020-53-7 2021"), (ms(2020, 12, 31), "D", "366"),
        (ms(1, 1, 1), "yyyy YY", "0001 01"), (ms(9999, 12, 31), "yyyy", "9999"), (-1, "SSS", "999"),
        (ms(2020, 1, 1, 0), "h K H k a", "12 0 0 24 AM"),
    ],
)  # fmt: skip
def test_format_at_the_edges(millis, pattern, expected):
    assert format_date(millis, pattern) == expected


@pytest.mark.parametrize(("pattern", "words"), [("q", "Illegal pattern component: q"), ("YYYY-u", "u"), ("", "Invalid pattern"), ("y" * 1001, "longer")])  # fmt: skip
def test_patterns_that_mean_nothing(pattern, words):
    with pytest.raises(EvaluationError, match=words):
        format_date(0, pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "zone", "expected"),
    [
        ("YYYY MM dd", "2021 4 30", None, ms(2021, 4, 30)),
        ("yyyyMMdd", "20210430", None, ms(2021, 4, 30)),
        ("MM/dd/YY", "4/30/21", None, ms(2021, 4, 30)),
        ("MM/dd/YY", "4/30/2021", None, ms(2021, 4, 30)),
        ("MMM. dd, YYYY", "Apr. 30, 2021", None, ms(2021, 4, 30)),
        ("MMM dd YYYY", "APRIL 30 2021", None, ms(2021, 4, 30)),
        ("MMMM d", "February 29", None, ms(2000, 2, 29)),
        ("HH:mm", "10:30", None, ms(1970, 1, 1, 10, 30)),
        ("yyyy-DDD", "2020-366", None, ms(2020, 12, 31)),
        ("xxxx-'w'ww", "2021-W10", None, ms(2021, 3, 8)),
        ("xxxx-'W'ww-e", "2020-W53-7", None, ms(2021, 1, 3)),
        ("yyyy-MM-dd hh:mm a", "2021-01-01 12:15 am", None, ms(2021, 1, 1, 0, 15)),
        ("yyyy-MM-dd KK:mm a", "2021-01-01 00:15 PM", None, ms(2021, 1, 1, 12, 15)),
        ("yyyy-MM-dd kk", "2021-01-01 24", None, ms(2021, 1, 1)),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2021-01-01T01:02:03.4", None, ms(2021, 1, 1, 1, 2, 3, 400_000)),
        ("yyyy-MM-dd HH", "2021-07-01 00", "America/Los_Angeles", ms(2021, 7, 1, 7)),
        ("yyyy-MM-dd HH Z", "2021-07-01 00 -0300", "America/Los_Angeles", ms(2021, 7, 1, 3)),
        ("yyyy-MM-dd HHZZ", "2021-07-01 00+05:45", None, ms(2021, 6, 30, 18, 15)),
        ("yyyy-MM-dd'T'HH:mmZ", "2021-07-01T00:00Z", "Asia/Tokyo", ms(2021, 7, 1)),
        ("yyyy-MM-dd HH ZZZ", "2021-07-01 00 Asia/Tokyo", None, ms(2021, 6, 30, 15)),
        ("yyyy-MM-dd HH z", "2021-07-01 00 EST", None, ms(2021, 7, 1, 4)),
        ("E, dd MMM yyyy", "Wed, 04 Jul 2001", None, ms(2001, 7, 4)),
        ("yyyy G", "2001 ad", None, ms(2001, 1, 1)),
        ("yyyy", "0005", None, ms(5, 1, 1)),
    ],
)  # fmt: skip
def test_parse(pattern, text, zone, expected):
    assert parse_pattern(pattern, text, zone) == expected


@pytest.mark.parametrize(
    ("pattern", "text", "words"),
    [
        ("yyyy-MM-dd", "2021-04-30T", 'Invalid format: "2021-04-30T" is malformed at "T"'),
        ("yyyy-MM-dd", "2021-04", 'Invalid format: "2021-04" is too short'),
        ("yyyy", "x", 'Invalid format: "x"'),
        ("yyyy-MM-dd", "2021-13-01", 'Cannot parse "2021-13-01": Value 13 for monthOfYear must be in the range [1,12]'),
        ("yyyy-MM-dd", "2021-02-30", 'Cannot parse "2021-02-30": Value 30 for dayOfMonth must be in the range [1,28]'),
        ("HH", "24", 'Cannot parse "24": Value 24 for hourOfDay must be in the range [0,23]'),
        ("MMM", "Foo", 'Invalid format: "Foo"'),
        ("yyyy-MM-dd ZZZ", "2021-01-01 Mars/Base", 'Invalid format: "2021-01-01 Mars/Base" is malformed at "Mars/Base"'),
    ],
)  # fmt: skip
def test_texts_that_do_not_follow(pattern, text, words):
    with pytest.raises(EvaluationError) as caught:
        parse_pattern(pattern, text)
    assert caught.value.message == words


def test_a_time_that_the_clocks_skip_is_no_time():
    with pytest.raises(EvaluationError, match="time zone offset transition"):
        parse_pattern("yyyy-MM-dd HH:mm", "2021-03-14 02:30", "America/Los_Angeles")


def test_two_digits_are_a_year_around_now():
    this = dt.datetime.now(dt.UTC).year
    for year in (this - 79, this - 1, this, this + 19):
        assert parse_pattern("YY", f"{year % 100:02d}") == ms(year, 1, 1)


@given(
    st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)),
    st.sampled_from(["UTC", "America/Los_Angeles", "Asia/Kolkata", "Etc/GMT+8"]),
)
def test_parsing_undoes_formatting(when, zone):
    millis = ms(*when.timetuple()[:6]) + when.microsecond // 1000
    pattern = "yyyy-MM-dd'T'HH:mm:ss.SSSZZ"
    text = format_date(millis, pattern, zone)
    if text[-3] == ":" and len(text) == 29:  # offsets of whole minutes
        assert parse_pattern(pattern, text) == millis
        assert parse_iso(text) == millis


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2020", None, ms(2020, 1, 1)), ("2020", "US/Mountain", ms(2020, 1, 1, 7)), ("2020-3", None, ms(2020, 3, 1)),
        ("1996-001", None, ms(1996, 1, 1)), ("1996-366", None, ms(1996, 12, 31)), ("2017-6-24T0:14", None, ms(2017, 6, 24, 0, 14)),
        ("2017-06-24T08:00:01.5", None, ms(2017, 6, 24, 8, 0, 1, 500_000)), ("2017-06-24T24:00", None, ms(2017, 6, 25)),
        ("2017-06-24T08Z", "Asia/Tokyo", ms(2017, 6, 24, 8)), ("2017-06-24T08+02:00", None, ms(2017, 6, 24, 6)),
        (" 2017-06-24 08:00 ", None, ms(2017, 6, 24, 8)), ("2017-06-24T", None, ms(2017, 6, 24)),
    ],
)  # fmt: skip
def test_iso(text, zone, expected):
    assert parse_iso(text, zone) == expected


@pytest.mark.parametrize("text", ["", "x", "2019-02-29", "2019-366", "2019-13", "2019-1-1T25", "0000", "99999", "2019-1-1T00:60", "٢٠٢٠"])  # fmt: skip
def test_bad_dates(text):
    with pytest.raises(EvaluationError) as caught:
        parse_iso(text)
    assert caught.value.message == f"Date: Bad date/time '{text}'."


@pytest.mark.parametrize("zone", ["Mars/Base", "../etc", "", "UTC+25", "a\0b", "GMT+8:99"])
def test_unknown_zones(zone):
    with pytest.raises(EvaluationError, match="is not recognised"):
        format_date(0, None, zone)
