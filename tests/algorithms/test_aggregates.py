"""Aggregates are the same whether a source hands on columns or elements."""

from __future__ import annotations

import statistics
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.algorithms import load
from ecumene.algorithms.reducers.constructors import get
from ecumene.catalog.tablefiles import TableData
from ecumene.catalog.tables import LoadedTable, TableSource
from ecumene.core import collection as collections
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.dates import Date
from ecumene.core.element import Feature
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.limits import Limits

REGISTRY = load()
NAMES = [
    "array",
    "count",
    "count_distinct",
    "histogram",
    "max",
    "mean",
    "min",
    "product",
    "sample_sd",
    "stats",
    "sum",
    "total_var",
]


def aggregate(name, collection, prop, context=None):
    entry = REGISTRY.get(f"AggregateFeatureCollection.{name}")
    return entry.function(collection=collection, property=prop, context=context or Context())


def tables(rows):
    columns = pa.table(rows)
    table = LoadedTable(TableData(columns, np.full(len(columns), None, object)))
    source = TableSource(SimpleNamespace(get=lambda path: table), "", True, None)
    by_column = Collection(source, kind="Feature")
    return by_column, Collection.of(list(by_column), "Feature")


NUMBERS = st.lists(st.none() | st.sampled_from([0.0, 1.0, -2.5, 7.25]), min_size=1, max_size=9)
WHOLES = st.lists(st.none() | st.integers(-3, 3), min_size=1, max_size=9)


@settings(max_examples=60, deadline=None)
@given(NUMBERS | WHOLES, st.sampled_from(NAMES))
def test_columns_and_elements(values, name):
    by_column, by_element = tables(
        {"x": pa.array(values, pa.int64() if _whole(values) else pa.float64())}
    )
    found, expected = aggregate(name, by_column, "x"), aggregate(name, by_element, "x")
    if isinstance(expected, float) or name == "stats":
        assert found == pytest.approx(expected)
    else:
        assert found == expected


def _whole(values):
    return all(v is None or isinstance(v, int) for v in values)


def test_stats_are_those_of_the_standard_library():
    values = [3, 1, 4, 1, 5, None]
    found = aggregate("stats", tables({"x": values})[0], "x")
    kept = values[:-1]
    assert found["total_count"] == 6
    assert found["valid_count"] == found["weight_sum"] == 5
    assert found["mean"] == pytest.approx(statistics.fmean(kept))
    assert found["sample_sd"] == pytest.approx(statistics.stdev(kept))
    assert found["total_var"] == pytest.approx(statistics.pvariance(kept))
    assert found["sum_sq"] == sum(v * v for v in kept)
    assert (found["min"], found["max"], found["sum"], found["weighted_sum"]) == (1, 5, 14, 14)


def test_values_are_distinct_by_value():
    mixed = Collection.of(
        [Feature({"x": v}) for v in (1, 1.0, "1", True, 2, [1], [1.0])], "Feature"
    )
    assert aggregate("count_distinct", mixed, "x") == 4
    distinct = REGISTRY.get("Collection.distinct").function
    kept = [f.get("x") for f in distinct(collection=mixed, properties="x", context=Context())]
    assert kept == [1, "1", 2, [1]]
    for names, count in (("x", 4), (["x", "y"], 4), ("y", 1), ([], 1)):
        found = distinct(collection=mixed, properties=names, context=Context())
        assert len(list(found)) == found.size() == count


def test_mixed_kinds():
    mixed = Collection.of([Feature({"x": v}) for v in (1, "a")], "Feature")
    with pytest.raises(EvaluationError, match="is not numeric: a"):
        aggregate("mean", mixed, "x")
    with pytest.raises(EvaluationError, match="cannot be compared"):
        aggregate("max", mixed, "x")
    assert aggregate("max", tables({"x": ["a", "ü", None]})[0], "x") == "ü"


def test_lists_are_bounded():
    context = Context(limits=Limits(list_elements=3))
    with pytest.raises(LimitExceeded):
        aggregate("array", tables({"x": [1, 2, 3, 4]})[0], "x", context)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.none() | st.integers(-3, 3), st.none() | st.sampled_from([0.5, 2.0])),
        min_size=1,
        max_size=9,
    )
)
def test_weighted_columns(rows):
    both = tables(
        {
            "x": pa.array([r[0] for r in rows], pa.int64()),
            "w": pa.array([r[1] for r in rows], pa.float64()),
        }
    )
    reduce_columns = REGISTRY.get("Collection.reduceColumns").function
    known = [(x, w) for x, w in rows if x is not None and w is not None]
    total = sum(w for _, w in known)
    expected = sum(x * w for x, w in known) / total if total else None
    for collection in both:
        found = reduce_columns(
            collection=collection,
            reducer=get("mean"),
            selectors=["x"],
            weight_selectors=["w"],
            context=Context(),
        )
        assert found["mean"] == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("count", "offset", "expected"),
    [(2**63, 2**63 - 1, []), (2**63, 1, [2, 3]), (-1, 0, []), (2, -5, [1, 2])],
)
def test_lists_of_any_count_and_offset(count, offset, expected):
    to_list = REGISTRY.get("Collection.toList").function
    for collection in tables({"x": [1, 2, 3]}):
        found = to_list(collection=collection, count=count, offset=offset, context=Context())
        assert [f.get("x") for f in found] == expected


def test_what_is_held_is_bounded(monkeypatch):
    rows = tables({"x": [3, 1, 2, 5, 4]})[1].map(lambda f: f)
    context = Context(limits=Limits(list_elements=40))
    with pytest.raises(LimitExceeded, match="at most 4 elements"):
        REGISTRY.get("Collection.toList").function(collection=rows, count=9, context=context)
    monkeypatch.setattr(collections, "MOST_SORTED", 4)
    monkeypatch.setattr(collections, "RUN", 2)
    with pytest.raises(LimitExceeded, match="At most 4 elements"):
        list(rows.sort("x"))
    assert [f.get("x") for f in rows.sort("x").limit(2)] == [1, 2]
    assert [f.get("x") for f in rows.sort("x", False).limit(1, 1)] == [4]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([None, 0, 1, 1.0, 2.5, "a", "b", float("nan"), Date(3), True]), max_size=12),
    st.booleans(), st.integers(0, 5), st.integers(1, 4),
)  # fmt: skip
def test_the_first_of_a_sort_are_those_of_the_whole(values, ascending, most, run):
    rows = [Feature({"x": v, "n": n}) for n, v in enumerate(values)]
    whole = collections.sort_elements(rows, "x", ascending)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collections, "RUN", run)
        kept = collections.sort_elements(rows, "x", ascending, most)
    assert [f.get("n") for f in kept] == [f.get("n") for f in whole][:most]
