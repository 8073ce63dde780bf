"""Maximum entropy: the conditions of the optimum, known distributions, formats, clamping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from scipy import special

from ecumene.core.errors import EvaluationError
from ecumene.learning import maxent
from tests.algorithms.scenes import image, read
from tests.calls import call, call_json

RNG = np.random.default_rng(11)
PLACES = RNG.random((1500, 2)) * (1, 10)
DEFAULTS: dict[str, Any] = {
    argument.name: argument.default for argument in __import__("ecumene.algorithms", fromlist=["load"]).load().get("Classifier.amnhMaxent").arguments
}  # fmt: skip


PLAIN = {"autoFeature": False, "hinge": False}


def drawn(number: int, strength: float) -> np.ndarray:
    """Places where a species lives: the density grows with exp(strength · first input)."""
    share = np.exp(strength * PLACES[:, 0])
    return PLACES[RNG.choice(len(PLACES), number, p=share / share.sum())]


def model(presence: np.ndarray, **changes: Any) -> maxent.Maxent:
    rows = np.concatenate([presence, PLACES])
    targets = np.repeat([1, 0], [len(presence), len(PLACES)])
    return maxent.fitted(rows, targets, ("a", "b"), DEFAULTS | changes)


@budget(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.001, 0.5))
def test_weights_satisfy_the_conditions_of_the_optimum(seed: int, price: float) -> None:
    """Expected features are within the price of those seen, and at it where a weight is not zero."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(200, 6)) * rng.uniform(0.1, 5, 6)
    target = features[rng.choice(200, 30)].mean(axis=0)
    cost = np.full(6, price) * features.std(axis=0)
    weights = maxent.solved(features, target, cost)
    expected = special.softmax(features @ weights) @ features
    apart = target - expected
    assert (np.abs(apart) <= cost * 1.02 + 1e-4).all()
    used = np.abs(weights) > 1e-9
    np.testing.assert_allclose(apart[used], (np.sign(weights) * cost)[used], rtol=5e-2, atol=1e-4)


def test_a_known_gradient_is_found() -> None:
    found = model(
        drawn(1500, 3.0),
        autoFeature=False,
        quadratic=False,
        product=False,
        hinge=False,
        betaMultiplier=0.01,
    )
    assert found.weights[0] == pytest.approx(3, abs=0.3)
    assert abs(found.weights[1]) < 0.05


@pytest.mark.parametrize(
    ("presences", "kinds"),
    [
        (5, ("linear",)),
        (12, ("linear", "quadratic")),
        (20, ("linear", "quadratic", "hinge")),
        (90, ("linear", "quadratic", "product", "threshold", "hinge")),
    ],
)
def test_features_by_the_number_of_presences(presences: int, kinds: tuple[str, ...]) -> None:
    assert maxent.kinds_of(DEFAULTS, presences) == kinds


def test_features_by_hand() -> None:
    features = maxent.Features(
        ("linear", "quadratic", "product", "hinge", "threshold"),
        np.zeros(3),
        np.array([1.0, 2, 5]),
        (np.zeros(0), np.zeros(0), np.array([3.0, 5])),
    )
    rows = np.array([[0.5, 2.0, 5.0]])
    values, classes = features.of(rows)
    told = {kind: values[0, [c == kind for c in classes]] for kind in set(classes)}
    assert told["categorical"].tolist() == [0, 1]
    assert told["linear"].tolist() == [0.5, 2]
    assert told["quadratic"].tolist() == [0.25, 4]
    assert told["product"].tolist() == [1]
    assert len(told["hinge"]) == 2 * 2 * (maxent.KNOTS - 1)
    assert told["hinge"][0] == 0.5
    assert (
        told["threshold"][: maxent.KNOTS - 2].sum()
        == (np.linspace(0, 1, maxent.KNOTS)[1:-1] <= 0.5).sum()
    )


@pytest.mark.parametrize("kind", maxent.FORMATS)
def test_formats(kind: str) -> None:
    """Of the same raw values: sums to one over the background, and monotonic formulas of it."""
    presence = drawn(60, 2.0)
    raw = model(presence, outputFormat="raw", **PLAIN)
    background = maxent._with_samples(presence, PLACES, DEFAULTS)
    values = raw.told(background)[:, 0]
    assert values.sum() == pytest.approx(1)
    found = model(presence, outputFormat=kind, **PLAIN).told(background)[:, 0]
    entropy = -(values * np.log(values)).sum()
    expected = {
        "raw": values, "logistic": 1 / (1 + np.exp(-entropy) / values), "cloglog": 1 - np.exp(-np.exp(entropy) * values),
        "cumulative": 100 * np.array([values[values <= v * (1 + 1e-12)].sum() for v in values]),
    }[kind]  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_inputs_are_clamped_to_what_was_seen() -> None:
    presence = drawn(60, 2.0)
    outside = np.array([[5.0, 5.0], [0.5, 5.0]])
    inside = np.array([[PLACES[:, 0].max(), 5.0], [0.5, 5.0]])
    found = model(presence, **PLAIN).told(outside)
    np.testing.assert_allclose(found[:, 0], model(presence, **PLAIN).told(inside)[:, 0])
    free = model(presence, doClamp=False, **PLAIN).told(outside)
    np.testing.assert_allclose(found[:, 1], np.abs(found[:, 0] - free[:, 0]))
    assert found[1, 1] == 0
    assert model(presence, extrapolate=False, **PLAIN).told(outside)[0, 0] == 0


def test_pixels_and_features_get_both_results() -> None:
    presence = drawn(30, 4.0)
    rows = [{"a": a, "b": b, "p": 1} for a, b in presence.tolist()] + [
        {"a": a, "b": b, "p": 0} for a, b in PLACES[:300].tolist()
    ]
    table = call("Collection", [call("Feature", None, row) for row in rows])
    trained = call("Classifier.train", call("Classifier.amnhMaxent"), table, "p", ["a", "b"])
    scene = image({"b": PLACES[:120, 1].reshape(10, 12), "a": PLACES[:120, 0].reshape(10, 12)})
    made = call("Image.classify", scene, trained)
    found = read(made)
    assert list(found) == ["probability", "clamp"]
    expected = trained.predictor().model.told(PLACES[:120])
    np.testing.assert_allclose(found["probability"][0].reshape(-1), expected[:, 0], rtol=1e-5)
    assert np.corrcoef(found["probability"][0].reshape(-1), PLACES[:120, 0])[0, 1] > 0.8
    told = call("FeatureCollection.classify", table, trained).first()
    assert 0 <= told.get("probability") <= 1 and told.get("clamp") >= 0
    assert call_json("Classifier.mode", trained) == "PROBABILITY"
    alone = call(
        "Classifier.train",
        call("Classifier.amnhMaxent", writeClampGrid=False),
        table,
        "p",
        ["a", "b"],
    )
    assert call("Image.classify", scene, alone).band_names == ["probability"]


def test_what_cannot_be_modelled_is_said() -> None:
    with pytest.raises(EvaluationError, match="Presences"):
        maxent.fitted(PLACES, np.full(1500, 2), ("a", "b"), DEFAULTS)
    with pytest.raises(EvaluationError, match="Unknown outputFormat 'x'"):
        model(drawn(5, 1), outputFormat="x")
    with pytest.raises(EvaluationError, match="has no output mode CLASSIFICATION"):
        call("Classifier.setOutputMode", call("Classifier.amnhMaxent"), "CLASSIFICATION")
