"""Stored classifiers say what they said; damaged ones are refused before anything follows them."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest

from ecumene.core.errors import EvaluationError, Unavailable
from ecumene.learning import stored
from ecumene.learning.classifier import Classifier
from tests.calls import call
from tests.learning.test_classifiers import BINARY, CLASSES, FOREST, NEW, NUMBERS, R_TREE, trained

CART = {"maxNodes": 9, "minLeafPopulation": 1}


def again(classifier: Classifier) -> Classifier:
    return stored.loaded(stored.dumped(classifier, classifier.grown()))


@pytest.mark.parametrize(
    ("name", "given", "targets", "mode"),
    [
        ("smileRandomForest", FOREST, CLASSES, "CLASSIFICATION"), ("smileRandomForest", FOREST, BINARY, "PROBABILITY"), ("smileRandomForest", FOREST, CLASSES, "RAW"),
        ("smileRandomForest", FOREST, NUMBERS, "REGRESSION"), ("smileCart", CART, CLASSES, "MULTIPROBABILITY"), ("smileCart", CART, NUMBERS, "REGRESSION"),
    ],
)  # fmt: skip
def test_predictions_are_the_same(
    name: str, given: dict[str, Any], targets: Any, mode: str
) -> None:
    first = trained(name, given, targets, mode)
    second = again(first)
    assert (second.schema, second.mode, second.name) == (first.schema, mode, name)
    np.testing.assert_array_equal(second.predict(NEW), first.predict(NEW))
    assert second.plan_token == again(first).plan_token
    told, before = call("Classifier.explain", second), call("Classifier.explain", first)
    assert told == before


def test_written_trees_are_stored_too() -> None:
    first = call("Classifier.decisionTree", R_TREE)
    rows = np.random.default_rng(0).random((50, 2)) / 5
    np.testing.assert_array_equal(again(first).predict(rows), first.predict(rows))
    assert (
        again(first).plan_token
        != again(call("Classifier.decisionTree", R_TREE.replace("0.16", "0.17"))).plan_token
    )


def test_other_kinds_and_modes_are_refused() -> None:
    with pytest.raises(EvaluationError, match="can be exported, not smileKNN"):
        again(trained("smileKNN", {"k": 1, "searchMethod": "AUTO", "metric": "EUCLIDEAN"}, CLASSES))
    held = again(trained("smileCart", CART, CLASSES))
    with pytest.raises(EvaluationError, match="was not trained for the output mode REGRESSION"):
        held.with_mode("REGRESSION").predict(NEW)
    with pytest.raises(EvaluationError, match="needs no training"):
        call(
            "Classifier.train",
            held,
            call("Collection", [call("Feature", None, {"a": 1, "c": 1})]),
            "c",
            ["a"],
        )


def parts_of(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return dict(found)


def changed(**parts: np.ndarray) -> bytes:
    first = trained("smileCart", CART, CLASSES)
    out = io.BytesIO()
    np.savez(out, allow_pickle=True, **(parts_of(stored.dumped(first, first.grown())) | parts))
    return out.getvalue()


def test_nothing_in_a_file_is_pickled() -> None:
    first = trained("smileCart", CART, CLASSES)
    assert b"cnumpy" not in stored.dumped(first, first.grown())
    with pytest.raises(Unavailable, match="damaged"):
        stored.loaded(changed(classes=np.array([object()], object)))
    with pytest.raises(Unavailable, match="damaged"):
        stored.loaded(pickle.dumps(first.samples.rows))  # type: ignore[union-attr]


@pytest.mark.parametrize("part", ["words", "votes", "roots", "table", "start", "classes"])
def test_numbers_that_lead_nowhere_are_refused(part: str) -> None:
    """One number at a time is replaced by others; what is still read predicts without leaving its tables."""
    first = trained("smileCart", CART, CLASSES)
    given = parts_of(stored.dumped(first, first.grown()))[part]
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(40):
        other = given.copy().reshape(-1)
        if given.dtype == np.uint64:
            other[rng.integers(other.size)] ^= np.uint64(1) << np.uint64(rng.integers(64))
        else:
            other[rng.integers(other.size)] = rng.choice([-(10**6), 10**6, -1, 7])
        try:
            stored.loaded(changed(**{part: other.reshape(given.shape)})).predict(NEW)
        except Unavailable:
            refused += 1
    assert refused or part in ("table", "start", "classes")
    with pytest.raises(Unavailable):
        stored.loaded(changed(**{part: given[:0]}))


def test_cut_files_are_refused() -> None:
    first = trained("smileCart", CART, CLASSES)
    data = stored.dumped(first, first.grown())
    for end in (0, 10, len(data) // 2, len(data) - 30):
        with pytest.raises(Unavailable):
            stored.loaded(data[:end])
