"""The sorting network and folds against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.numerics import folds, network


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 60),
    st.sampled_from(["uint8", "int16", "uint16", "int32", "float32"]),
    st.integers(0, 2**31),
)
def test_network_sorts_like_numpy(n, dtype, seed):
    stack = np.random.default_rng(seed).integers(0, 250, (n, 37)).astype(dtype)
    expected = np.sort(stack, axis=0)
    network.sort_stack(stack)
    np.testing.assert_array_equal(stack, expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.sampled_from(["uint8", "int16", "float32"]), st.integers(0, 2**31))
def test_masked_median_is_numpys(n, dtype, seed):
    rng = np.random.default_rng(seed)
    stack = rng.integers(0, 250, (n, 50)).astype(dtype)
    valid = rng.random(stack.shape) < 0.6
    expected = np.ma.median(np.ma.array(stack.astype("float64"), mask=~valid), axis=0)
    found, counts = network.median(stack.copy(), valid)
    np.testing.assert_array_equal(counts, valid.sum(axis=0))
    some = counts > 0
    np.testing.assert_array_equal(found[some], np.asarray(expected.filled(0))[some])


def test_deep_stacks_take_the_library_sort():
    stack = np.random.default_rng(1).integers(0, 9000, (network.LARGEST + 51, 64)).astype("uint16")
    found, _ = network.median(stack.copy(), None)
    np.testing.assert_array_equal(found, np.median(stack, axis=0))


REFERENCE = {
    "Reducer.mean": lambda m: m.mean(axis=0),
    "Reducer.sum": lambda m: m.sum(axis=0),
    "Reducer.count": lambda m: np.ma.array(m.count(axis=0), mask=m.count(axis=0) == 0),
    "Reducer.min": lambda m: m.min(axis=0),
    "Reducer.max": lambda m: m.max(axis=0),
    "Reducer.product": lambda m: m.prod(axis=0),
    "Reducer.variance": lambda m: m.var(axis=0),
    "Reducer.stdDev": lambda m: m.std(axis=0),
    "Reducer.median": lambda m: np.ma.median(m, axis=0),
    "Reducer.allNonZero": lambda m: m.astype(bool).all(axis=0),
    "Reducer.anyNonZero": lambda m: m.astype(bool).any(axis=0),
}


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_folds_are_numpys_masked_reductions(name, dtype):
    rng = np.random.default_rng(5)
    stack = rng.integers(0, 6, (9, 8, 7)).astype(dtype)
    valid = rng.random(stack.shape) < 0.5
    valid[:, 0, 0] = False
    fold = folds.FOLDS[name]((8, 7), np.dtype(dtype), {})
    for values, mask in zip(stack, valid, strict=True):
        fold.add(values, mask)
    found, seen = fold.finish()
    assert seen is not None
    expected = REFERENCE[name](np.ma.array(stack.astype("float64"), mask=~valid))
    np.testing.assert_array_equal(seen, valid.any(axis=0))
    np.testing.assert_allclose(found[seen], np.asarray(expected)[seen], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "expected"), [("Reducer.max", 300), ("Reducer.min", 1)])
def test_images_of_different_types_share_a_fold(name, expected):
    fold = folds.FOLDS[name]((2, 2), np.dtype("uint16"), {})
    fold.add(np.ones((2, 2), "uint8"), None)
    fold.add(np.full((2, 2), 300, "uint16"), None)
    np.testing.assert_array_equal(fold.finish()[0], expected)


@pytest.mark.parametrize("name", ["Reducer.median", "Reducer.mode"])
def test_results_do_not_depend_on_how_pixels_are_cut_into_runs(name, monkeypatch):
    rng = np.random.default_rng(8)
    layers = rng.integers(0, 9, (7, 33, 31)).astype("uint16")
    weights = rng.random(layers.shape) < 0.7

    def folded():
        fold = folds.FOLDS[name](layers.shape[1:], layers.dtype, {})
        for values, weight in zip(layers, weights, strict=True):
            fold.add(values, weight)
        return fold.finish()

    whole, seen = folded()
    monkeypatch.setattr(
        network, "ROW_BYTES", 100
    )  # fifty pixels at a time; the last run is shorter
    cut, again = folded()
    np.testing.assert_array_equal(np.asarray(seen), np.asarray(again))
    np.testing.assert_array_equal(whole[seen], cut[seen])


def test_runs_cover_every_pixel_once():
    runs = list(network.chunks(300_001, np.dtype("uint16")))
    assert runs[0].start == 0
    assert runs[-1].stop == 300_001
    assert all(a.stop == b.start for a, b in zip(runs, runs[1:], strict=False))
