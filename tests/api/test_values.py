"""Values of every type from the public client through HTTP and back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecumene.catalog.projects import Projects
from ecumene.core.errors import EvaluationError
from tests.api.application import Local
from tests.client import offline

pytest.importorskip("ee")

few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def ee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    local = Local(tmp_path_factory.mktemp("values"))
    Projects(local.catalog.index).create("values", ["owner"])

    def evaluate(expression: Any) -> Any:
        answer = local.call(
            "POST", "projects/values/value:compute", "owner", {"expression": expression}
        )
        if answer.status != 200:
            raise EvaluationError(answer.message)
        return answer.json()["result"]

    with offline(evaluate) as client:
        yield client


texts = st.text(max_size=12)
whole = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-9, 9))
numbers = st.one_of(whole, st.floats(allow_nan=False, allow_infinity=False))
leaves = st.one_of(numbers, texts, st.booleans())
plain = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(st.one_of(inner, st.none()), max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)  # fmt: skip


@few
@given(value=plain)
def test_plain_values(ee: Any, value: Any) -> None:
    assert ee.List([value]).getInfo() == [value]


@few
@given(value=st.dictionaries(texts, plain, max_size=4))
def test_dictionaries(ee: Any, value: dict[str, Any]) -> None:
    assert ee.Dictionary(value).getInfo() == value
    assert ee.Dictionary(value).keys().getInfo() == sorted(value)


@few
@given(value=numbers)
def test_numbers(ee: Any, value: float) -> None:
    assert ee.Number(value).getInfo() == value
    assert ee.Number(value).add(0).getInfo() == value


@few
@given(value=texts)
def test_texts(ee: Any, value: str) -> None:
    assert ee.String(value).getInfo() == value


@few
@given(value=plain)
def test_what_is_written_as_json_reads_the_same(ee: Any, value: Any) -> None:
    text = ee.String.encodeJSON(ee.List([value]))
    assert _doubles(text.decodeJSON().getInfo()) == _doubles([value])


def _doubles(value: Any) -> Any:
    """Integers of JSON texts beyond 53 bits as the doubles that they may have become."""
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    if isinstance(value, dict):
        return {key: _doubles(item) for key, item in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize(
    ("value", "shown"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")]
)
def test_what_json_has_no_number_for(ee: Any, value: float, shown: str) -> None:
    assert ee.Number.parse(shown).getInfo() == shown
    assert ee.Number.parse(shown).multiply(1).getInfo() == shown


TYPES = {"int8": np.int8, "uint8": np.uint8, "int16": np.int16, "uint16": np.uint16, "int32": np.int32, "uint32": np.uint32,
         "int64": np.int64, "float": np.float32, "double": np.float64}  # fmt: skip


@st.composite
def arrays(draw: st.DrawFn) -> tuple[str, np.ndarray]:
    name = draw(st.sampled_from(sorted(TYPES)))
    kind = TYPES[name]
    shape = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    if np.dtype(kind).kind in "iu":
        bounds = np.iinfo(kind)
        items = st.integers(int(bounds.min), int(bounds.max))
    else:
        items = st.floats(
            allow_nan=False, allow_infinity=False, width=32 if name == "float" else 64
        )
    count = math.prod(shape)
    return name, np.array(draw(st.lists(items, min_size=count, max_size=count)), kind).reshape(
        shape
    )


@few
@given(chosen=arrays())
def test_arrays(ee: Any, chosen: tuple[str, np.ndarray]) -> None:
    name, array = chosen
    made = ee.Array(array.tolist(), getattr(ee.PixelType, name)())
    assert made.getInfo() == array.tolist()
    assert made.length().getInfo() == list(array.shape)
    assert made.toList().getInfo() == array.tolist()


@pytest.mark.parametrize("name", TYPES)
def test_empty_arrays_and_types(ee: Any, name: str) -> None:
    kind = getattr(ee.PixelType, name)()
    assert ee.Array([[], []], kind).getInfo() == [[], []]
    shown = kind.getInfo()
    if np.dtype(TYPES[name]).kind in "iu":
        bounds = np.iinfo(TYPES[name])
        assert shown == {
            "type": "PixelType",
            "precision": "int",
            "min": int(bounds.min),
            "max": int(bounds.max),
        }
        again = ee.PixelType(shown["precision"], shown["min"], shown["max"])
        assert again.getInfo() == shown
    else:
        assert shown == {"type": "PixelType", "precision": name}


days = st.integers(-(10**13), 10**14)


@few
@given(start=days, end=days)
def test_dates(ee: Any, start: int, end: int) -> None:
    assert ee.Date(start).getInfo() == {"type": "Date", "value": start}
    assert ee.Date(start).millis().getInfo() == start
    text = ee.Date(start).format("yyyy-MM-dd'T'HH:mm:ss.SSSZ")
    assert ee.Date(text).getInfo()["value"] == start
    assert ee.DateRange(start, end).getInfo() == {"type": "DateRange", "dates": [start, end]}


@few
@given(
    numbers=st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6),
    code=st.sampled_from(["EPSG:4326", "EPSG:32633", "SR-ORG:6974"]),
)
def test_projections(ee: Any, numbers: list[float], code: str) -> None:
    a, b, _, d, e, _ = numbers
    if abs(a * e - b * d) < 1e-3:
        return
    made = ee.Projection(code, numbers)
    assert made.getInfo() == {"type": "Projection", "crs": code, "transform": numbers}
    assert ee.Projection(code, None, made.transform()).getInfo() == made.getInfo()


@few
@given(value=st.floats(0, 1.9e7), unit=st.sampled_from(["meters", "projected"]))
def test_margins(ee: Any, value: float, unit: str) -> None:
    assert ee.ErrorMargin(value, unit).getInfo() == {
        "type": "ErrorMargin",
        "unit": unit,
        "value": value,
    }


places = st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(list)
lines = st.lists(places, min_size=2, max_size=5, unique_by=tuple)
rings = st.tuples(st.floats(-170, 170), st.floats(-80, 80), st.floats(0.1, 9)).map(
    lambda c: [[c[0], c[1]], [c[0] + c[2], c[1]], [c[0], c[1] + c[2]], [c[0], c[1]]]
)
shapes = st.one_of(
    places.map(lambda c: {"type": "Point", "coordinates": c}),
    st.lists(places, min_size=1, max_size=4).map(lambda c: {"type": "MultiPoint", "coordinates": c}),
    lines.map(lambda c: {"type": "LineString", "coordinates": c}),
    st.lists(lines, min_size=1, max_size=3).map(lambda c: {"type": "MultiLineString", "coordinates": c}),
    rings.map(lambda c: {"type": "Polygon", "coordinates": [c]}),
    rings.map(lambda c: {"type": "LinearRing", "coordinates": c}),
    st.lists(rings, min_size=1, max_size=3).map(lambda c: {"type": "MultiPolygon", "coordinates": [[r] for r in c]}),
)  # fmt: skip


@few
@given(shape=shapes, geodesic=st.booleans())
def test_geometries(ee: Any, shape: dict[str, Any], geodesic: bool) -> None:
    edges = not shape["type"].endswith(
        "Point"
    )  # points have none, and the client takes no word for them
    made = ee.Geometry(shape, None, geodesic if edges else None)
    shown = made.getInfo()
    assert {key: shown[key] for key in shape} == shape
    assert shown.get("geodesic", True) == (geodesic or not edges)
    assert ee.Geometry(shown).getInfo() == shown
    assert made.coordinates().getInfo() == shape["coordinates"]


@few
@given(
    shape=shapes,
    properties=st.dictionaries(st.text("abcdef", min_size=1, max_size=6), leaves, max_size=4),
)
def test_features_and_collections(
    ee: Any, shape: dict[str, Any], properties: dict[str, Any]
) -> None:
    feature = ee.Feature(ee.Geometry(shape), properties)
    shown = feature.getInfo()
    assert shown["properties"] == properties
    assert shown["geometry"]["coordinates"] == shape["coordinates"]
    both = ee.FeatureCollection([feature, feature]).getInfo()
    assert [f["id"] for f in both["features"]] == ["0", "1"]
    assert [f["properties"] for f in both["features"]] == [properties] * 2
    assert (
        ee.Feature(ee.FeatureCollection([feature]).first()).toDictionary().getInfo() == properties
    )


@few
@given(
    weights=st.integers(1, 4).flatmap(
        lambda n: st.lists(
            st.lists(st.floats(-99, 99), min_size=n, max_size=n), min_size=1, max_size=4
        )
    )
)
def test_kernels(ee: Any, weights: list[list[float]]) -> None:
    shown = ee.Kernel.fixed(-1, -1, weights).getInfo()
    assert (shown["width"], shown["height"]) == (len(weights[0]), len(weights))
    rows = [row.strip(" []") for row in shown["weights"].strip().splitlines()]
    assert [[float(v) for v in row.split(",")] for row in rows] == weights


@few
@given(
    counts=st.integers(1, 4).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(0, 99), min_size=n, max_size=n), min_size=n, max_size=n
        )
    )
)
def test_confusion_matrices(ee: Any, counts: list[list[int]]) -> None:
    made = ee.ConfusionMatrix(ee.Array(counts))
    assert made.getInfo() == counts
    assert made.array().getInfo() == counts
    total = sum(map(sum, counts))
    right = sum(counts[k][k] for k in range(len(counts)))
    assert made.accuracy().getInfo() == pytest.approx(right / total if total else 0)
