"""Large tables answer as small ones do, and both as testing feature after feature."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.algorithms.filter_logic import (
    Logical,
    Negation,
    area,
    calendar_range,
    has_geometry,
    max_difference,
    not_null,
    within_distance,
)  # fmt: skip
from ecumene.algorithms.filters import Binary
from ecumene.algorithms.joins import Join, apply
from ecumene.catalog.parquet import ParquetTable
from ecumene.catalog.tablefiles import read
from ecumene.catalog.tables import LoadedTable, TableCache, TableSource
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.dates import DateRange
from ecumene.core.element import Feature
from ecumene.core.errors import Unavailable
from ecumene.core.geometry import Geometry
from ecumene.storage.gate import Gate

DAY = 86_400_000
NUMBERS = [None, 0.0, -1.5, 2.0, float("nan"), 1e300, 2.0**53 + 2]
WHOLES = [None, 0, 1, -3, 2, 2**53 + 1, 2**62]
WORDS = [None, "", "a", "ab", "B", "ü", "1"]
SHAPES = [
    None, shapely.Point(0, 0), shapely.Point(179.9999, 10), shapely.Point(-180, 10), shapely.box(-1, -1, 1, 1),
    shapely.box(-30, 40, 30, 50), shapely.LineString([(170, 0), (190, 5)]), shapely.Point(), shapely.box(0.001, 0, 0.002, 0.001),
]  # fmt: skip
ROW = st.tuples(
    st.sampled_from(NUMBERS), st.sampled_from(WHOLES), st.sampled_from(WORDS), st.sampled_from(SHAPES),
    st.sampled_from([None, 0, 1, DAY, 200 * DAY]), st.sampled_from([None, [], [1, 2], [2]]),
)  # fmt: skip
VALUES = st.sampled_from(
    [0, 1, 1.0, 1.5, -3, 2, 2.0, "a", "", "ab", "1", 2**53, 2**53 + 1, True, float("nan")]
)
NAMES = st.sampled_from(["number", "whole", "word", "system:index", "absent", "list"])
REGIONS = st.sampled_from([
    Geometry(shapely.box(-10, -10, 10, 45)), Geometry(shapely.Point(0, 0)), Geometry(shapely.box(175, -5, 185, 20)),
    Geometry(shapely.box(-20, 49.5, 20, 52), geodesic=False), Geometry(shapely.box(-180, -90, 180, 90), geodesic=False),
])  # fmt: skip
KINDS = [
    "equals",
    "notEquals",
    "lessThan",
    "lessThanOrEquals",
    "greaterThan",
    "greaterThanOrEquals",
]
TEXTS = ["stringContains", "stringStartsWith", "stringEndsWith"]

LEAVES = st.one_of(
    st.builds(Binary, st.sampled_from(KINDS + TEXTS), NAMES, VALUES),
    st.builds(lambda k, n, v: Binary(k, right_field=n, left_value=v), st.sampled_from(KINDS), NAMES, VALUES),
    st.builds(lambda k, a, b: Binary(k, a, right_field=b), st.sampled_from(KINDS), NAMES, NAMES),
    st.builds(lambda n, v: Binary("inList", n, v), NAMES, st.lists(VALUES, max_size=3)),
    st.builds(lambda n, v: Binary("listContains", right_field=n, left_value=v), NAMES, st.lists(VALUES, max_size=3)),
    st.builds(lambda v: Binary("listContains", "list", v), VALUES),
    st.builds(lambda n: Binary("notEquals", n, None), NAMES),
    st.builds(lambda n: not_null([n]), NAMES),
    st.builds(lambda a, b: Binary("dateRangeContains", right_field="system:time_start", left_value=DateRange(a, b)),
              st.sampled_from([0, 1]), st.sampled_from([1, DAY])),
    st.builds(lambda a, b: calendar_range(a, b, "month"), st.integers(1, 12), st.integers(1, 12)),
    st.builds(lambda k, g, left: Binary(k, ".geo", g) if left else Binary(k, right_field=".all", left_value=g),
              st.sampled_from(["intersects", "disjoint", "contains", "isContained"]), REGIONS, st.booleans()),
    st.builds(lambda d, g: within_distance(d, ".geo", g), st.sampled_from([0.0, 1e3, 5e6]), REGIONS),
    st.builds(lambda n: max_difference(1.0, n, 1), NAMES),
    st.just(has_geometry()), st.just(area(0, 1e9)),
)  # fmt: skip
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda parts: Logical("and", tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(lambda parts: Logical("or", tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(Negation, inner),
    ),
    max_leaves=4,
)


def table_of(rows, covering: bool) -> pa.Table:
    numbers, wholes, words, shapes, times, lists = zip(*rows, strict=True)
    columns = {
        "number": pa.array(numbers, pa.float64()), "whole": pa.array(wholes, pa.int64()),
        "word": pa.array(words, pa.string()), "list": pa.array(lists, pa.list_(pa.int64())),
        "system:time_start": pa.array(times, pa.timestamp("ms")),
        "geometry": pa.array([None if s is None else s.wkb for s in shapes], pa.binary()),
    }  # fmt: skip
    described: dict = {"encoding": "WKB", "geometry_types": []}
    if covering:
        boxes = shapely.bounds(np.array(shapes, object))
        names = ("xmin", "ymin", "xmax", "ymax")
        sides = [pa.array(side, pa.float64(), from_pandas=True) for side in boxes.T]
        columns["bbox"] = pa.StructArray.from_arrays(sides, names)
        described["covering"] = {"bbox": {name: ["bbox", name] for name in names}}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": described}}
    return pa.table(columns).replace_schema_metadata({"geo": json.dumps(geo)})


def source_of(table) -> TableSource:
    return TableSource(SimpleNamespace(get=lambda path: table), "", True, None)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return str(tmp_path_factory.mktemp("push") / "t.parquet")


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=12),
    wanted=FILTERS,
    covering=st.booleans(),
    size=st.integers(1, 5),
    order=st.none() | st.tuples(NAMES, st.booleans()),
    cut=st.none() | st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
def test_pushed_down_is_the_plain_path(path, rows, wanted, covering, size, order, cut):
    pq.write_table(table_of(rows, covering), path, row_group_size=size)
    small, large = LoadedTable(read(path)), ParquetTable(path)
    plain = Collection.of(list(Collection(source_of(small))), "Feature")

    def asked(collection):
        found = collection.filter(wanted)
        if order is not None:
            found = found.sort(*order)
        return found if cut is None else found.limit(cut[1], cut[0])

    expected = asked(plain)
    for table in (small, large):
        found = asked(Collection(source_of(table), kind="Feature"))
        assert list(found) == list(expected)
        assert found.size() == expected.size()
        for name in ("number", "whole", "word", "system:index", "absent"):
            assert values(found, name) == values(expected, name)


PAIRED = st.recursive(
    st.one_of(
        st.builds(lambda k, a, b: Binary(k, a, None, b), st.sampled_from([*KINDS, "inList"]), NAMES, NAMES),
        st.builds(lambda k: Binary(k, ".geo", None, ".geo"), st.sampled_from(["intersects", "disjoint", "contains", "isContained"])),
        st.builds(lambda d: within_distance(d, ".geo", None, ".geo"), st.sampled_from([-1.0, 0.0, 1e3, 5e6])),
        st.builds(lambda a, b: max_difference(1.0, a, None, b), NAMES, NAMES),
        st.builds(Binary, st.sampled_from(KINDS), NAMES, VALUES),
    ),
    lambda inner: st.one_of(
        st.builds(lambda kind, parts: Logical(kind, tuple(parts)), st.sampled_from(["and", "or"]), st.lists(inner, max_size=3)),
        st.builds(Negation, inner),
    ),
    max_leaves=3,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=8), others=st.lists(ROW, max_size=4), condition=PAIRED, covering=st.booleans(),
    kind=st.sampled_from(["simple", "inverted", "inner", "saveAll"]), outer=st.booleans(),
)  # fmt: skip
def test_joins_of_tables_are_those_of_their_features(
    path, rows, others, condition, covering, kind, outer
):
    pq.write_table(table_of(rows, covering), path, row_group_size=3)
    primary = Collection(source_of(ParquetTable(path)), kind="Feature")
    plain = Collection.of(list(primary), "Feature")
    secondary = Collection.of([], "Feature")
    if others:
        pq.write_table(table_of(others, False), path + "2")
        secondary = Collection(source_of(LoadedTable(read(path + "2"))), kind="Feature")
    settings_ = {
        "matchesKey": "m",
        "matchKey": "m",
        "ordering": None,
        "ascending": True,
        "outer": outer,
    }
    inner = {"primaryKey": "p", "secondaryKey": "s", "measureKey": None}
    join = Join(kind, settings_ if kind == "saveAll" else inner if kind == "inner" else {})
    found, expected = (
        apply(join, one, secondary, condition, context=Context()) for one in (primary, plain)
    )
    assert list(found) == list(expected)
    assert found.size() == expected.size()


def test_joins_read_what_may_match(path, monkeypatch):
    written(path)
    points = Collection(source_of(ParquetTable(path)), kind="Feature")
    places = Collection.of(
        [Feature({"n": 4321}, geometry=Geometry(shapely.box(170, -10, 171, 10), geodesic=False))]
    )
    met = Binary("intersects", ".geo", None, ".geo")
    expected = points.filter(Binary("intersects", ".geo", places.first().geometry)).size()
    reads = watched(points.source.table, monkeypatch)
    assert apply(Join("simple"), points, places, met, context=Context()).size() == expected
    assert {group for group, _ in reads} == {4}
    reads.clear()
    assert (
        apply(
            Join("simple"), points, places, Binary("equals", "key", None, "n"), context=Context()
        ).size()
        == 1
    )
    assert {group for group, _ in reads} == {4}


def values(collection, name):
    out = []
    for (column,) in collection.columns([name]):
        present = np.ones(len(column.values), bool) if column.present is None else column.present
        out += [
            v if p else None for v, p in zip(column.values.tolist(), present.tolist(), strict=True)
        ]
    return out


def written(path, count=5000, size=1000):
    rng = np.random.default_rng(1)
    lon = np.sort(rng.uniform(-180, 180, count))
    points = shapely.to_wkb(shapely.points(lon, rng.uniform(-80, 80, count)))
    columns = {"key": np.arange(count), "other": rng.normal(size=count), "geometry": points}
    geo = {
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
    }
    table = pa.table(columns).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path, row_group_size=size)
    return lon


def watched(table, monkeypatch):
    """The row groups and columns that are read of a table."""
    reads = []
    read_ = ParquetTable._read

    def spied(self, group, columns, size):
        reads.append((group, sorted(columns)))
        return read_(self, group, columns, size)

    monkeypatch.setattr(ParquetTable, "_read", spied)
    return reads


def test_only_what_is_asked_is_read(path, monkeypatch):
    lon = written(path)
    table = ParquetTable(path)
    points = Collection(source_of(table), kind="Feature")
    reads = watched(table, monkeypatch)
    assert [f.get("key") for f in points.filter(Binary("equals", "key", 3210))] == [3210]
    assert reads == [(3, ["key"]), (3, ["geometry", "key", "other"])]
    reads.clear()
    assert points.size() == 5000
    assert points.limit(3, 4500).first().get("key") == 4500
    assert reads == [(4, ["geometry", "key", "other"])]
    reads.clear()
    east = Binary("intersects", ".all", Geometry(shapely.box(150, -85, 180, 85), geodesic=False))
    expected = int((lon >= 150).sum())
    assert points.filter(east).size() == expected
    assert {group for group, _ in reads[5:]} == {4}
    reads.clear()
    assert points.filter(east).size() == expected
    assert reads == [(4, ["geometry"])]
    reads.clear()
    top = points.sort("other", False).limit(2)
    assert [f.get("other") for f in top] == sorted(values(points, "other"))[:-3:-1]
    assert reads[:5] == [(group, ["other"]) for group in range(5)]


def test_a_file_that_changes_while_it_is_read(path):
    written(path)
    rows = iter(Collection(source_of(ParquetTable(path))))
    next(rows)
    written(path, 6000)
    with pytest.raises(Unavailable, match="changed"):
        list(rows)


def test_large_tables_stay_in_their_files(path, tmp_path):
    written(path)
    gate = Gate([path.rsplit("/", 1)[0]])
    assert isinstance(TableCache(gate).get(path), LoadedTable)
    assert isinstance(TableCache(gate, most=10_000).get(path), ParquetTable)
