"""Queries answered by SQL equal the same conditions tested one by one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from ecumene.algorithms.filter_logic import Logical
from ecumene.algorithms.filters import Binary
from ecumene.catalog import footprints
from ecumene.catalog.conditions import Properties, holds, meets
from ecumene.catalog.records import COLLECTION, IMAGE, AssetRecord
from ecumene.catalog.schema import assets
from ecumene.catalog.store import Catalog
from ecumene.core.collection import sort_elements
from ecumene.core.dates import DateRange
from ecumene.core.element import Element
from ecumene.core.query import Comparison, Condition, Every, Opposite, Query, Some

NAMES = ("a", "b:c", "CLOUDY_PIXEL_PERCENTAGE", "with space", "dot.ted", "it's", 'quo"ted')
VALUES = (
    st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.5])
    | st.sampled_from(["", "x", "X", "é", "10", "2"])
)


@st.composite
def record(draw, number: int) -> AssetRecord:
    box = None
    if draw(st.integers(0, 9)):
        west = draw(st.integers(-200, 200))
        south = draw(st.integers(-90, 80))
        width = draw(st.sampled_from([0, 5, 40, 170]))
        box = footprints.normal(west, south, west + width, south + draw(st.integers(0, 10)))
    properties = draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4))
    start = draw(st.none() | st.integers(-5, 5))
    return AssetRecord(f"C/{number:02d}", IMAGE, start=start, properties=properties, bounds=box)


records = st.integers(0, 8).flatmap(lambda n: st.tuples(*(record(i) for i in range(n))))
comparisons = st.builds(
    Comparison,
    st.sampled_from((*NAMES, "system:index", "system:time_start")),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    VALUES | st.sampled_from(["03", "05"]),
) | st.builds(Comparison, st.sampled_from(NAMES), st.just("in"), st.lists(VALUES, max_size=3))
speakable = comparisons.filter(lambda c: c.name in NAMES[:-1] or c.name.startswith("system:"))
conditions = st.recursive(
    speakable,
    lambda inner: (
        st.builds(Opposite, inner)
        | st.builds(Every, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Some, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
queries = st.builds(
    Query,
    bounds=st.none()
    | st.tuples(
        st.integers(-190, 190), st.integers(-90, 90), st.integers(0, 100), st.integers(0, 50)
    ).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])),
    time=st.none() | st.tuples(st.integers(-5, 5), st.integers(-5, 6)),
    comparisons=st.lists(comparisons, max_size=2).map(tuple),
    conditions=st.lists(conditions, max_size=1).map(tuple),
    order=st.none()
    | st.tuples(st.sampled_from((*NAMES[:-1], "system:time_start", "system:index")), st.booleans()),
    limit=st.none() | st.integers(0, 5),
)


def circle_boxes_meet(a, b) -> bool:
    return any(
        a[0] <= b[2] + shift and a[2] >= b[0] + shift for shift in (-720, -360, 0, 360, 720)
    ) and (a[1] <= b[3] and a[3] >= b[1])


def values(one: AssetRecord) -> dict:
    found = {**one.properties, "system:index": one.id[2:]}
    if one.start is not None:
        found["system:time_start"] = one.start
    return found


def true_of(condition: Condition, found: dict) -> bool:
    """What and, or and not mean to Python."""
    if isinstance(condition, Every):
        return all(true_of(part, found) for part in condition.parts)
    if isinstance(condition, Some):
        return any(true_of(part, found) for part in condition.parts)
    if isinstance(condition, Opposite):
        return not true_of(condition.part, found)
    return holds(condition, found)


def brute_force(stored, query: Query) -> list[str]:
    kept = []
    for one in stored:
        found = values(one)
        if query.time is not None and (
            one.start is None or not query.time[0] <= one.start < query.time[1]
        ):
            continue
        if (
            query.bounds is not None
            and one.bounds is not None
            and not circle_boxes_meet(one.bounds, query.bounds)
        ):
            continue
        if all(true_of(c, found) for c in (*query.comparisons, *query.conditions)):
            kept.append(Element(found, one.id))
    if query.order is not None:
        kept = sort_elements(kept, *query.order)
    return [element.id for element in kept][: query.limit]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, module_database: str):
    with Catalog(Path(tmp_path_factory.mktemp("search"))) as found:
        yield found


@settings(max_examples=150, deadline=None)
@given(records, queries)
def test_search_equals_brute_force(store, stored, query):
    store.index.remove("C")
    store.index.put([AssetRecord("C", COLLECTION), *stored])
    expected = brute_force(stored, query)
    assert [found for found, _ in store.index.search("C", query, kind=IMAGE)] == expected
    if query.limit is None:
        assert store.index.count("C", query, kind=IMAGE) == len(expected)


@pytest.mark.parametrize(
    ("value", "op", "other", "expected"),
    [
        (3, "==", 3.0, True), ("3", "==", 3, False), (3, "!=", "3", True), (None, "!=", 3, False),
        (None, "==", None, False), ("b", ">", "a", True), ("b", ">", 1, False), (1, "<", "a", False),
        (2, "in", [1, 2], True), ("2", "in", [1, 2], False), (True, "==", 1, True),
    ],
)  # fmt: skip
def test_comparisons_are_typed(value, op, other, expected):
    properties = {} if value is None else {"p": value}
    assert holds(Comparison("p", op, other), properties) is expected


@pytest.mark.parametrize(
    "query",
    [
        Query(comparisons=(Comparison("a", "<", 3),)),
        Query(comparisons=(Comparison("a", "==", "x"), Comparison("b", "in", ["x", 2]))),
        Query(comparisons=(Comparison("a", "!=", 3),), bounds=(1, 2, 3, 4), time=(1, 2)),
        Query(conditions=(Opposite(Some((Comparison("a", "==", 3), Comparison("a", "<", "x")))),)),
    ],
)
def test_conditions_are_written_for_postgresql_too(query):
    properties = Properties("postgresql")
    conditions, rest = properties.where(query)
    order = properties.order("a", False)
    text = str(
        select(assets.c.id).where(*conditions).order_by(*order).compile(
            dialect=postgresql.dialect()
        )
    )  # fmt: skip
    assert not rest
    assert "jsonb_typeof" in text
    assert "json_extract" not in text
    assert 'COLLATE "C"' in text


def test_tables_are_written_for_postgresql_too():
    text = str(CreateTable(assets).compile(dialect=postgresql.dialect()))
    assert "properties JSONB NOT NULL" in text
    assert "start_ms BIGINT" in text


def test_a_box_around_the_world_meets_everything():
    assert "west <=" not in str(meets((-180, -10, 180, 10)))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((170, 0, 190, 5), (170, 0, 190, 5)),
        ((170, 0, -170, 5), (170, 0, 190, 5)),
        ((190, 0, 200, 5), (-170, 0, -160, 5)),
        ((-190, 0, -170, 5), (170, 0, 190, 5)),
        ((-180, -90, 180, 90), (-180, -90, 180, 90)),
        ((0, 0, 720, 5), (-180, 0, 180, 5)),
    ],
)
def test_normal_boxes(box, expected):
    assert footprints.normal(*box) == expected


def test_footprint_across_the_antimeridian_in_two_parts():
    parts = shapely.MultiPolygon([shapely.box(178, 0, 180, 1), shapely.box(-180, 0, -177, 1)])
    bounds, shape = footprints.of_item(shapely.geometry.mapping(parts), [178, 0, -177, 1])
    assert bounds == (178, 0, 183, 1)
    assert shape.area == pytest.approx(5)


def test_size_and_first_describe_few_images(store, monkeypatch):
    store.index.put(
        [AssetRecord("D", COLLECTION)]
        + [
            AssetRecord(f"D/{i:05d}", IMAGE, start=i, properties={"CLOUD": i % 7})
            for i in range(10_000)
        ]
    )
    asked: list[int] = []
    real = store.index.many
    monkeypatch.setattr(store.index, "many", lambda ids: asked.append(len(ids)) or real(ids))
    collection = store.load_collection("D")
    assert collection.size() == 10_000
    assert collection.first().id == "D/00000"
    assert collection.sort("system:time_start", False).first().id == "D/09999"
    assert collection.sort("CLOUD").first().get("CLOUD") == 0
    assert sum(asked) <= 64


def test_either_filter_is_asked_of_the_index(store, monkeypatch):
    store.index.put(
        [AssetRecord("E", COLLECTION)]
        + [
            AssetRecord(f"E/{i:03d}", IMAGE, start=i, properties={"CLOUD": i % 7})
            for i in range(100)
        ]
    )
    asked: list[str] = []
    real = store.index.many
    monkeypatch.setattr(store.index, "many", lambda ids: asked.extend(ids) or real(ids))
    early = Binary("dateRangeContains", right_field="system:time_start", left_value=DateRange(0, 5))
    cloudy = Logical(
        "and", (Binary("equals", "CLOUD", 6), Binary("greaterThan", "system:time_start", 90))
    )
    found = [
        image.index for image in store.load_collection("E").filter(Logical("or", (early, cloudy)))
    ]
    assert found == ["000", "001", "002", "003", "004", "097"]
    assert sorted(asked) == [f"E/{index}" for index in found]
    untold = Logical("or", (early, Binary("stringContains", "system:index", "9")))
    assert store.load_collection("E").filter(untold).size() == 5 + 19


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        # two points at 60° north, 90° apart: atan(tan 60° / cos 45°) = 67.7923° at the top
        (shapely.LineString([(0, 60), (90, 60)]), (0, 60, 90, 67.792345)),
        (shapely.LineString([(0, -60), (90, -60)]), (0, -67.792345, 90, -60)),
        (shapely.LineString([(0, 0), (90, 0)]), (0, 0, 90, 0)),
        (shapely.Point(3, 4), (3, 4, 3, 4)),
        (shapely.LineString([(-179, 10), (179, 20)]), (-180, 10, 180, 20)),
        (shapely.MultiPoint([(0, 60), (90, 60)]), (0, 60, 90, 60)),
    ],
    ids=["north", "south", "equator", "point", "across 180", "points have no edges"],
)
def test_boxes_of_shortest_paths_are_never_too_small(shape, expected):
    (box,) = footprints.edges_boxes(np.asarray([shape], object)).tolist()
    west, south, east, north = expected
    assert (box[0], box[2]) == (west, east)
    assert south - 0.1 <= box[1] <= south
    assert north <= box[3] <= north + 0.1


def test_boxes_hold_the_geodesics_of_the_ellipsoid():
    geod = pyproj.Geod(ellps="WGS84")
    rng = np.random.default_rng(3)
    for _ in range(50):
        lon0, lon1 = rng.uniform(-80, 80, 2)
        lat0, lat1 = rng.uniform(-80, 80, 2)
        between = np.asarray(geod.npts(lon0, lat0, lon1, lat1, 50))
        line = shapely.LineString([(lon0, lat0), (lon1, lat1)])
        _, south, _, north = footprints.edges_boxes(np.asarray([line], object))[0]
        assert south <= between[:, 1].min()
        assert between[:, 1].max() <= north


def test_boxes_of_nothing():
    shapes = np.asarray([None, shapely.Point(), shapely.box(0, 0, 1, 1)], object)
    boxes = footprints.edges_boxes(shapes)
    assert np.isnan(boxes[:2]).all()
    assert boxes[2, 2] == 1


@pytest.mark.parametrize(
    "wanted",
    [
        Comparison(name, op, value)
        for name in ("system:time_start", "system:index", "n", "t")
        for op in ("==", "!=", "<", ">=")
        for value in (1, 1.5, 10**30, -(10**400), float("inf"), "a", "a\0", True)
    ]
    + [
        Comparison("system:time_start", "in", [0.5, 1, 10**30]),
        Comparison("n", "in", [1.5, "a\0", "a"]),
        Comparison("t", "in", ["a\0", "a"]),
    ],
    ids=lambda one: f"{one.name} {one.op} {str(one.value)[:9]!r}",
)
def test_values_that_are_not_of_the_columns_type(store, wanted):
    """A number is compared as it is, not as the column's type would round it."""
    stored = [
        AssetRecord("C/a", IMAGE, start=1, properties={"n": 1, "t": "a"}),
        AssetRecord("C/b", IMAGE, start=2, properties={"n": 1.5, "t": "b"}),
        AssetRecord("C/c", IMAGE, properties={"n": "a", "t": 2}),
    ]
    store.index.remove("C")
    store.index.put([AssetRecord("C", COLLECTION), *stored])
    query = Query(comparisons=(wanted,))
    expected = brute_force(stored, query)
    assert [found for found, _ in store.index.search("C", query, kind=IMAGE)] == expected


def test_readers_and_a_writer_at_once(tmp_path, database):
    """While collections are added, readers see whole collections and no error."""
    with Catalog(tmp_path) as writer, Catalog(tmp_path) as reader:
        writer.index.put([AssetRecord("E", COLLECTION)])
        stop = threading.Event()

        def read() -> list[int]:
            sizes = []
            while not stop.is_set():
                collection = reader.load_collection("E")
                sizes.append(sum(1 for _ in collection))
                assert collection.size() >= sizes[-1]
            return sizes

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(read) for _ in range(4)]
            for batch in range(10):
                records = [AssetRecord(f"E/{batch:02d}{i:03d}", IMAGE) for i in range(100)]
                writer.index.put(records)
            stop.set()
            for one in readers:
                sizes = one.result()
                assert sizes == sorted(sizes)
                assert all(size % 100 == 0 for size in sizes)
        assert reader.load_collection("E").size() == 1000


def test_ids_are_compared_by_code_point_in_postgresql() -> None:
    """Subtrees are ranges of ids: with another collation they would be other assets."""
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    from ecumene.catalog import schema

    for table, columns in ((schema.assets, 3), (schema.policies, 1), (schema.holdings, 1)):
        text = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert text.count('VARCHAR(1024) COLLATE "C"') == columns
