"""Reducers that keep samples or vectors, over images whose masks differ."""

from __future__ import annotations

import numpy as np
import pytest

from ecumene.core.errors import EvaluationError
from tests.algorithms.scenes import GRID, WHOLE, collection, image, read
from tests.calls import call, call_json

RNG = np.random.default_rng(6)
SHAPE = (WHOLE.height, WHOLE.width)
VALUES = [RNG.integers(0, 4, SHAPE, dtype="int16") for _ in range(5)]
MASKS = [RNG.random(SHAPE) > 0.5 for _ in range(5)]
MASKS[0][0, 0] = MASKS[1][0, 0] = MASKS[2][0, 0] = MASKS[3][0, 0] = MASKS[4][0, 0] = False
SERIES = collection([image({"v": v}, m) for v, m in zip(VALUES, MASKS, strict=True)])


def reduced(series, name, *arguments):
    return call("ImageCollection.reduce", series, call(f"Reducer.{name}", *arguments))


def kept(row, col):
    return [int(v[row, col]) for v, m in zip(VALUES, MASKS, strict=True) if m[row, col]]


def test_lists_are_as_long_as_there_are_values():
    lists = reduced(SERIES, "toList")
    assert lists.bands[0].type.dimensions == 1
    values, valid = read(call("Image.arrayLength", lists, 0), WHOLE, GRID)["v_list"]
    expected = np.array([[len(kept(r, c)) for c in range(SHAPE[1])] for r in range(SHAPE[0])])
    np.testing.assert_array_equal(valid, expected > 0)
    np.testing.assert_array_equal(values[valid], expected[valid])
    total = call("Image.arrayReduce", lists, call("Reducer.sum"), [0])
    sums, seen = read(call("Image.arrayGet", total, 0), WHOLE, GRID)["v_list"]
    for r, c in np.argwhere(seen):
        assert sums[r, c] == sum(kept(r, c))


def test_runs_are_numbers():
    values, valid = read(reduced(SERIES, "countRuns"), WHOLE, GRID)["v_count"]
    assert values.shape == SHAPE
    assert not valid[0, 0]
    for r, c in np.argwhere(valid):
        row = kept(r, c)
        assert values[r, c] == sum(k == 0 or v != row[k - 1] for k, v in enumerate(row))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("covariance", lambda rows: np.cov(rows.T)),
        ("centeredCovariance", lambda rows: rows.T @ rows / len(rows)),
    ],
    ids=["covariance", "centeredCovariance"],
)
def test_covariances_of_array_pixels_are_numpys(name, expected):
    bands = [{k: RNG.normal(0, 1, SHAPE) for k in "abc"} for _ in range(6)]
    series = collection([call("Image.toArray", image(b)) for b in bands])
    values, valid = read(reduced(series, name), WHOLE, GRID)["array_covariance"]
    assert valid.all()
    for r, c in ((0, 0), (3, 7)):
        rows = np.array([[b[k][r, c] for k in "abc"] for b in bands])
        np.testing.assert_allclose(values[r, c], expected(rows), rtol=1e-12)


@pytest.mark.parametrize("name", ["covariance", "centeredCovariance"])
@pytest.mark.parametrize(
    "rows", [[1, 2], ["a"], [[1, 2], [1, 2, 3]]], ids=["numbers", "texts", "lengths"]
)
def test_covariances_of_anything_else_are_refused(name, rows):
    with pytest.raises(EvaluationError, match="1-dimensional arrays"):
        call_json("List.reduce", rows, call(f"Reducer.{name}"))


def test_covariances_of_scalar_bands_are_refused():
    with pytest.raises(EvaluationError, match="1-dimensional arrays"):
        read(reduced(SERIES, "covariance"), WHOLE, GRID)


def test_ridge_puts_its_intercept_last():
    """y = 2x + 5 with next to no penalty; "the intercept … in the last column" of the documentation."""
    rows = [[x, 2.0 * x + 5] for x in range(6)]
    found = call_json("List.reduce", rows, call("Reducer.ridgeRegression", 1, 1, 1e-9))
    np.testing.assert_allclose(found["coefficients"], [[2], [5]], rtol=1e-6)


def test_arrays_are_reduced_element_by_element_where_they_are_there():
    arrays = [RNG.integers(0, 9, (*SHAPE, 2)) for _ in range(4)]
    masks = [RNG.random(SHAPE) > 0.4 for _ in range(4)]
    masks[0][0, 0] = masks[1][0, 0] = masks[2][0, 0] = masks[3][0, 0] = False
    series = collection(
        [
            call(
                "Image.toArray",
                image({"a": a[..., 0].astype("int16"), "b": a[..., 1].astype("int16")}, m),
            )
            for a, m in zip(arrays, masks, strict=True)
        ]
    )
    result = call(
        "ImageCollection.reduce", series, call("Reducer.forEachElement", call("Reducer.mean"))
    )
    assert result.bands[0].type.dimensions == 1
    values, valid = read(result, WHOLE, GRID)["array_mean"]
    there = np.stack(masks)
    np.testing.assert_array_equal(valid, there.any(axis=0))
    expected = np.ma.array(np.stack(arrays), mask=~np.repeat(there[..., None], 2, -1)).mean(axis=0)
    np.testing.assert_allclose(values[valid], expected.data[valid])


def test_numbers_are_asked_for_by_name():
    series = collection([call("Image.toArray", image({"a": VALUES[0], "b": VALUES[1]}))])
    with pytest.raises(EvaluationError, match="not on arrays"):
        read(reduced(series, "mean"), WHOLE, GRID)


@pytest.mark.parametrize(
    ("name", "axis", "expected"),
    [
        ("sum", None, lambda there: there.sum()),
        ("mean", None, lambda there: there.mean()),
        ("max", 0, lambda there: there.max()),
        ("count", None, lambda there: there.size),
        ("countDistinct", None, lambda there: np.unique(there).size),
        ("median", None, np.median),
    ],
)
def test_array_pixels_are_taken_apart(name, axis, expected):
    arrays = [RNG.integers(0, 9, (*SHAPE, 2)) for _ in range(4)]
    masks = [RNG.random(SHAPE) > 0.4 for _ in range(4)]
    series = collection(
        [
            call(
                "Image.toArray",
                image({"a": a[..., 0].astype("int16"), "b": a[..., 1].astype("int16")}, m),
            )
            for a, m in zip(arrays, masks, strict=True)
        ]
    )
    reducer = call("Reducer.disaggregate", call(f"Reducer.{name}"), axis)
    result = call("ImageCollection.reduce", series, reducer)
    assert [band.type.dimensions for band in result.bands] == [0]
    (key,) = read(result, WHOLE, GRID)
    values, valid = read(result, WHOLE, GRID)[key]
    there = np.stack(masks)
    for r, c in np.ndindex(SHAPE):
        if there[:, r, c].any():
            assert valid[r, c]
            items = np.stack(arrays)[there[:, r, c], r, c].ravel()
            assert values[r, c] == pytest.approx(expected(items))
