"""Joins through indexes are joins by testing every pair."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.algorithms import load
from ecumene.algorithms.filter_logic import Logical, Measured, Negation, not_null
from ecumene.algorithms.filters import Binary
from ecumene.core.collection import Collection, sort_elements
from ecumene.core.context import Context
from ecumene.core.dates import Date
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.core.limits import Limits

REGISTRY = load()

VALUES = st.sampled_from([
    None, 0, 1, 1.0, 2.5, -1, True, float("nan"), float("inf"), "a", "b", "1", Date(1), 2**53 + 1, 2.0**53, [1], [1.0, "a"], [],
    {"k": 1}, [Date(1)],
])  # fmt: skip
PLACES = st.sampled_from([
    None, shapely.Point(0, 0), shapely.Point(0, 0.001), shapely.Point(0.0089, 0), shapely.Point(180, 10), shapely.Point(-180, 10),
    shapely.Point(179.9995, 10), shapely.Point(45, 90), shapely.Point(-100, 89.999), shapely.box(-0.001, -0.001, 0.001, 0.001),
    shapely.box(179.99, 9.99, 180.01, 10.01), shapely.box(-20, 40, 20, 50), shapely.LineString([(-30, 45), (30, 45)]), shapely.Point(),
])  # fmt: skip
ELEMENTS = st.lists(st.tuples(VALUES, VALUES, PLACES), max_size=7)
COMPARED = [
    "equals",
    "notEquals",
    "lessThan",
    "lessThanOrEquals",
    "greaterThan",
    "greaterThanOrEquals",
    "inList",
    "listContains",
    "stringStartsWith",
]
SPATIAL = ["intersects", "disjoint", "contains", "isContained"]
FIELDS = st.sampled_from(["x", "y"])

MEASURED = st.one_of(
    st.builds(lambda d, a, b: Measured("maxDifference", d, Binary("equals", a, None, b)), st.sampled_from([0.0, 1.0, 1.5]), FIELDS, FIELDS),
    st.builds(lambda d: Measured("withinDistance", d, Binary("intersects", ".geo", None, ".geo")), st.sampled_from([0.0, 112.0, 1000.0])),
)  # fmt: skip
LEAVES = st.one_of(
    st.builds(lambda k, a, b: Binary(k, a, None, b), st.sampled_from(COMPARED), FIELDS, FIELDS),
    st.builds(lambda k: Binary(k, ".geo", None, ".all"), st.sampled_from(SPATIAL)),
    st.builds(lambda a, v: Binary("equals", a, v), FIELDS, VALUES),
    st.builds(lambda b, v: Binary("lessThan", None, None, b, v), FIELDS, VALUES),
    st.just(not_null(["x"])),
    MEASURED,
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda k, parts: Logical(k, tuple(parts)), st.sampled_from(["and", "or"]), st.lists(inner, max_size=3)),
        st.builds(Negation, inner),
    ),
    max_leaves=4,
)  # fmt: skip
JOINS = {
    "simple": {}, "inverted": {}, "inner": {}, "saveAll": {"matches_key": "m"}, "saveFirst": {"match_key": "m"},
}  # fmt: skip


def elements(rows):
    return [
        Feature({INDEX: str(k), "x": x, "y": y}, geometry=None if s is None else Geometry(s))
        for k, (x, y, s) in enumerate(rows)
    ]


def join_of(kind, **settings_):
    return REGISTRY.get(f"Join.{kind}").function(**JOINS.get(kind, {}), **settings_)


def applied(join, left, right, condition, context=None):
    apply = REGISTRY.get("Join.apply").function
    left, right = Collection.of(left, "Feature"), Collection.of(right, "Feature")
    return apply(
        join=join, primary=left, secondary=right, condition=condition, context=context or Context()
    )


def brute(left, right, condition):
    return [(a, [b for b in right if condition.matches(a, b)]) for a in left]


def seen(value):
    """Comparable, NaN too."""
    if isinstance(value, Feature):
        return (
            "feature",
            sorted((k, seen(v)) for k, v in value.properties.items()),
            value.geometry,
        )
    return [seen(v) for v in value] if isinstance(value, list) else repr(value)


@settings(max_examples=70, deadline=None)
@given(ELEMENTS, ELEMENTS, CONDITIONS, st.sampled_from(sorted(JOINS)), st.booleans())
def test_indexes_find_what_every_pair_says(left, right, condition, kind, outer):
    left, right = elements(left), elements(right)
    saves = kind.startswith("save")
    result = applied(join_of(kind, **({"outer": outer} if saves else {})), left, right, condition)
    matched = brute(left, right, condition)
    if kind in ("simple", "inverted"):
        expected = [a for a, found in matched if bool(found) == (kind == "simple")]
    elif kind == "inner":
        expected = [
            Feature({INDEX: f"{a.index}_{b.index}", "primary": a, "secondary": b})
            for a, found in matched
            for b in found
        ]
    else:
        expected = [
            a.set("m", found if kind == "saveAll" else found[0]) if found else a
            for a, found in matched
            if found or outer
        ]
    assert seen(list(result)) == seen(expected)
    assert result.size() == len(expected)


@settings(max_examples=12, deadline=None)
@given(
    ELEMENTS, ELEMENTS, MEASURED, st.sampled_from(["saveBest", "saveAll", "inner"]), st.booleans()
)
def test_measures(left, right, condition, kind, ascending):
    left, right = elements(left), elements(right)
    settings_ = {
        "saveBest": {"match_key": "m", "measure_key": "d"},
        "saveAll": {"ordering": "d", "ascending": ascending, "measure_key": "d"}, "inner": {"measure_key": "d"},
    }  # fmt: skip
    expected = []
    for a, found in brute(left, right, condition):
        held = [b.set("d", condition.measure(a, b)) for b in found]
        if kind == "inner":
            expected += [pytest.approx(b.get("d")) for b in held]
            continue
        held = sort_elements(held, "d", ascending or kind == "saveBest")
        if held:
            expected.append([b.get("x") for b in (held if kind == "saveAll" else held[:1])])
    result = list(applied(join_of(kind, **settings_[kind]), left, right, condition))
    if kind == "inner":
        assert [f.get("d") for f in result] == expected
    else:
        matches = [f.get("m") if kind == "saveAll" else [f.get("m")] for f in result]
        assert repr([[b.get("x") for b in m] for m in matches]) == repr(expected)


@settings(max_examples=60, deadline=None)
@given(ELEMENTS, ELEMENTS, st.sampled_from(["x", "y"]), st.booleans())
def test_matches_in_order(left, right, name, ascending):
    left, right = elements(left), elements(right)
    condition = Binary("notEquals", "x", None, "y")
    result = applied(join_of("saveAll", ordering=name, ascending=ascending), left, right, condition)
    expected = [
        sort_elements(found, name, ascending) for _, found in brute(left, right, condition) if found
    ]
    assert [seen(f.get("m")) for f in result] == [seen(found) for found in expected]


MIRRORED = {
    "intersects": "intersects", "disjoint": "disjoint", "contains": "isContained", "isContained": "contains", "equals": "equals",
    "lessThan": "greaterThan", "greaterThanOrEquals": "lessThanOrEquals",
}  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(ELEMENTS, ELEMENTS, st.sampled_from(sorted(MIRRORED)))
def test_joins_are_symmetric(left, right, kind):
    left, right = elements(left), elements(right)
    a, b = (".geo", ".geo") if kind in SPATIAL else ("x", "y")

    def pairs(first, second, condition):
        found = applied(join_of("inner"), first, second, condition)
        return {(f.get("primary").index, f.get("secondary").index) for f in found}

    forward = pairs(left, right, Binary(kind, a, None, b))
    assert {(j, i) for i, j in pairs(right, left, Binary(MIRRORED[kind], b, None, a))} == forward


def test_pairs_are_not_asked_one_by_one(monkeypatch):
    rows = [(k, str(k), shapely.Point(k / 1000, 0)) for k in range(300)]
    left, right = elements(rows), elements(rows)
    for kind in (Binary, Measured):
        monkeypatch.setattr(kind, "matches", lambda *_: pytest.fail("asked"))
    near = Measured("withinDistance", 112.0, Binary("intersects", ".geo", None, ".geo"))
    assert applied(join_of("inner"), left, right, near).size() == 300 + 2 * 299
    both = Logical("and", (near, Binary("greaterThan", "x", None, "x")))
    assert applied(join_of("inner"), left, right, both).size() == 299
    either = Logical("or", (Binary("equals", "y", None, "y"), near))
    assert applied(join_of("inner"), left, right, either).size() == 300 + 2 * 299
    close = Measured("maxDifference", 2, Binary("equals", "x", None, "x"))
    assert applied(join_of("inner"), left, right, close).size() == 5 * 300 - 6


def test_what_is_refused():
    plain = Binary("equals", "x", None, "x")
    with pytest.raises(EvaluationError, match="saveBest needs a condition that measures"):
        applied(join_of("saveBest", match_key="m", measure_key="d"), [], [], plain)
    context = Context(limits=Limits(list_elements=20))
    with pytest.raises(LimitExceeded, match="at most 2 elements"):
        list(applied(join_of("simple"), [], elements([(1, 1, None)] * 3), plain, context))
