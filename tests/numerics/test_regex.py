"""Regular expressions: RE2's syntax page, and java.util.regex's rules for replacing and splitting."""

from __future__ import annotations

import pytest

from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.numerics.regex import checked, chosen, compiled, replaced, split


def replace(text, regex, template, everywhere=True, flags=""):
    return replaced(compiled(regex, flags, "t"), text, template, everywhere, "t", 100_000)


def cut(text, regex):
    return split(compiled(regex, "", "t"), text, "t")


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("[[:space:]]", "a b", " "), (r"\Qa.c\E", "abc a.c", "a.c"), (r"(?P<y>\d{4})", "x2020", "2020"),
        (r"(?<y>\d{4})", "x2020", "2020"), (r"\p{Greek}+", "abc αβγ", "αβγ"), (r"(?i)ABC", "xabc", "abc"),
        (r"(?s)a.b", "a\nb", "a\nb"), (r"\bb", "ab b", "b"), (r"[^[:alpha:]]", "ab1", "1"), (r"x*", "axx", ""),
        (r"(?U)a+", "aaa", "a"), (r"\A\d+\z", "123", "123"), (r"\x{1F9F2}", "🧲", "🧲"),
    ],
)  # fmt: skip
def test_syntax(pattern, text, found):
    assert compiled(pattern, "", "t").search(text).group(0) == found


@pytest.mark.parametrize(
    "pattern", ["(", "a++", "(?=a)", r"(a)\1", "[b-a]", "a{2,1}", "*a", "a{1001}", r"\p{Nope}", "\ud800"]
)  # fmt: skip
def test_what_re2_does_not_have_is_refused(pattern):
    with pytest.raises(EvaluationError):
        compiled(pattern, "", "String.match")


def test_flags_are_g_and_i():
    assert compiled("a", "gi", "t").search("A")
    with pytest.raises(EvaluationError, match="Unknown flag 'x'"):
        compiled("a", "xg", "t")


def test_patterns_and_texts_have_a_longest_length():
    with pytest.raises(LimitExceeded):
        compiled("a" * 10_001, "", "t")
    with pytest.raises(LimitExceeded):
        checked("a" * 10_000_001, "t")
    with pytest.raises(LimitExceeded):
        replace("a" * 1000, "a", "b" * 1000)


def test_what_explodes_elsewhere_takes_linear_time():
    assert compiled("(a+)+$", "", "t").search("a" * 100_000 + "b") is None


@pytest.mark.parametrize(
    ("text", "regex", "template", "expected"),
    [
        ("abc-abc", "abc", "X", "X-X"), ("2020-01", r"(\d+)-(\d+)", "$2/$1", "01/2020"), ("ab", "(a)", "$12", "a2b"),
        ("ab", "(?P<n>a)", "${n}${n}", "aab"), ("ab", "a", r"\$1", "$1b"), ("ab", "a", r"\\", "\\b"),
        ("ab", "a", "[$&$0]", "[aa]b"), ("ab", "a", "$$", "$b"), ("ab", "(x)?a", "<$1>", "<>b"),
        ("abc", "", "-", "-a-b-c-"), ("axb", "x*", "-", "-a--b-"), ("naïve", "ï", "i", "naive"),
    ],
)  # fmt: skip
def test_replacements(text, regex, template, expected):
    assert replace(text, regex, template) == expected


def test_only_the_first_match_is_replaced_without_g():
    assert replace("aBc-Abc", "abc", "Z", everywhere=False, flags="i") == "Z-Abc"


@pytest.mark.parametrize("template", ["$1", "$", "${x}", "a\\", "$x"])
def test_groups_that_do_not_exist(template):
    with pytest.raises(EvaluationError, match="Invalid replacement"):
        replace("ab", "a", template)


@pytest.mark.parametrize(
    ("text", "regex", "parts"),
    [
        ("boo:and:foo", ":", ["boo", "and", "foo"]), ("boo:and:foo", "o", ["b", "", ":and:f"]), ("", ",", [""]),
        ("aaa", "a", []), ("abc", "x*", ["a", "b", "c"]), (",a,,b,,", ",", ["", "a", "", "b"]), ("abc", "$", ["abc"]),
        ("aBAbcD", "(BA|c)", ["a", "b", "D"]),
    ],
)  # fmt: skip
def test_splitting_follows_java_lang_string_split(text, regex, parts):
    assert cut(text, regex) == parts


def test_names_are_chosen_literally_or_as_a_whole():
    names = ["B1", "B10", "B.1", "b1"]
    assert chosen(names, "B.1", "t") == ["B.1"]
    assert chosen(names, "B[0-9]", "t") == ["B1"]
    assert chosen(names, "B.*", "t") == ["B1", "B10", "B.1"]
    assert chosen(names, "nothing", "t") == []
