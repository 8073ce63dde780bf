"""What scripts call most: each is implemented, and those that no other test calls have a case here."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecumene.algorithms import load
from ecumene.core.projection import Window
from tests.algorithms.scenes import collection, image, read, rectangle
from tests.calls import call, call_json

H, W = 10, 12
RNG = np.random.default_rng(2)
A, B = (RNG.integers(0, 5, (H, W), dtype="uint8") for _ in range(2))
HALF = RNG.random((H, W)) > 0.4


def test_the_first_hundred_and_twenty_five_are_implemented(shared_data: Path) -> None:
    text = (shared_data.parent / "reference" / "usage.md").read_text()
    registry = load()
    ranked: dict[int, str] = {}
    for space, listed in re.findall(r"^- \*\*(\S+)\*\* \(\d+\): (.*)$", text, re.M):
        for name, rank in re.findall(r"([A-Za-z0-9_.]+) (\d+):", listed):
            ranked[int(rank)] = f"{space}.{name}"
    for rank, name in re.findall(r"\| (\d+) ([A-Za-z.]+) ", text):
        ranked[int(rank)] = name
    wanted = {rank: name for rank, name in ranked.items() if rank <= 125}
    assert len(wanted) >= 100
    missing = []
    for rank, name in wanted.items():
        entry = registry.get(name) or registry.get(name.rpartition(".")[2])
        if entry is not None and not entry.implemented:
            missing.append((rank, name))
    assert not missing


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Image.lt", np.less), ("Image.gte", np.greater_equal), ("Image.neq", np.not_equal),
        ("Image.and", lambda a, b: (a != 0) & (b != 0)), ("Image.or", lambda a, b: (a != 0) | (b != 0)),
    ],
)  # fmt: skip
def test_comparisons(name: str, rule: Any) -> None:
    ((values, valid),) = read(call(name, image({"v": A}, HALF), image({"w": B}))).values()
    np.testing.assert_array_equal(valid, HALF)
    np.testing.assert_array_equal(values[HALF], rule(A, B)[HALF])


def test_where_replaces_where_the_test_is_valid_and_not_zero() -> None:
    test = image({"t": (B > 2).astype("uint8")}, HALF)
    ((values, valid),) = read(call("Image.where", image({"v": A}), test, image({"w": B}))).values()
    assert valid.all()
    np.testing.assert_array_equal(values, np.where(HALF & (B > 2), B, A))


def test_casts_saturate_and_cut() -> None:
    wild = np.array([[-7.9, 300.2, 12.9, 254.5]])
    ((values, _),) = read(call("Image.byte", image({"v": wild})), Window(0, 0, 4, 1)).values()
    assert values.tolist() == [[0, 255, 12, 254]]
    assert values.dtype == np.uint8


def test_bands_are_reduced_to_one() -> None:
    pair = image({"a": A, "b": B}, {"a": HALF})
    found = read(call("Image.reduce", pair, call("Reducer.max")))
    assert list(found) == ["max"]
    expected = np.where(HALF, np.maximum(A, B), B)
    np.testing.assert_array_equal(found["max"][0], expected)


def test_collections_are_merged_and_made_bands() -> None:
    first = collection([image({"v": A}), image({"v": B})])
    merged = call("ImageCollection.merge", first, collection([image({"v": B}, HALF)]))
    assert [one.index for one in merged] == ["1_0", "1_1", "2_0"]
    bands = read(call("ImageCollection.toBands", merged))
    assert list(bands) == ["1_0_v", "1_1_v", "2_0_v"]
    np.testing.assert_array_equal(bands["1_1_v"][0], B)
    np.testing.assert_array_equal(bands["2_0_v"][1], HALF)
    table = call("Collection", [call("Feature", None, {"n": n}) for n in range(3)])
    both = call("Collection.merge", table, table)
    assert [f.get("n") for f in both] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("delta", "unit", "expected"),
    [
        (1, "month", dt.datetime(2020, 2, 29)), (1, "year", dt.datetime(2021, 1, 31)), (-1, "day", dt.datetime(2020, 1, 30)),
        (2, "week", dt.datetime(2020, 2, 14)), (36, "hour", dt.datetime(2020, 2, 1, 12)), (90, "second", dt.datetime(2020, 1, 31, 0, 1, 30)),
    ],
)  # fmt: skip
def test_dates_advance(delta: int, unit: str, expected: dt.datetime) -> None:
    found = call_json("Date.advance", call("Date", "2020-01-31"), delta, unit)
    assert found["value"] == expected.replace(tzinfo=dt.UTC).timestamp() * 1000


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("day", 366.0), ("hour", 8784.0), ("week", 366 / 7), ("year", 1.0), ("month", 12.0)],
)
def test_difference_of_dates(unit: str, expected: float) -> None:
    end, start = call("Date", "2021-01-01"), call("Date", "2020-01-01")
    assert call("Date.difference", end, start, unit) == pytest.approx(expected, rel=3e-3)


def test_a_forest_tells_classes_apart() -> None:
    """Two clearly separated classes: trained on samples, applied to pixels, checked by its matrix."""
    truth = (np.indices((H, W))[1] >= 6).astype("uint8")
    bands = {
        f"b{k}": (truth * 100 + RNG.integers(0, 20, (H, W)) + k).astype("int16") for k in range(3)
    }
    scene = image(bands)
    labelled = call("Image.addBands", scene, image({"class": truth}))
    samples = call("Image.sample", labelled, rectangle(0, 0, W, H), 10.0)
    trained = call(
        "Classifier.train",
        call("Classifier.smileRandomForest", 10),
        samples,
        "class",
        ["b0", "b1", "b2"],
    )
    found = read(call("Image.classify", scene, trained))
    np.testing.assert_array_equal(found["classification"][0], truth)
    matrix = call("Classifier.confusionMatrix", trained)
    assert call("ConfusionMatrix.accuracy", matrix) == 1


def test_tables_are_drawn_and_styled() -> None:
    table = call("Collection", [call("Feature", rectangle(2, 2, 6, 4), {})])
    drawn = read(call("Collection.draw", table, "FF0000", 1, 1))
    assert list(drawn) == ["vis-red", "vis-green", "vis-blue"]
    red, valid = drawn["vis-red"]
    assert valid[3:5, 3:7].all()
    assert not valid[8:, 10:].any()
    assert (red[3:5, 3:7] == 255).all()
    assert (drawn["vis-blue"][0][3:5, 3:7] == 0).all()
    styled = read(call("Collection.style", table, color="0000FF", width=1, fillColor="00FF00"))
    assert (styled["vis-green"][0][4, 4:6] == 255).all()
    assert styled["vis-green"][1][4, 4:6].all()
