"""Clusters beside scikit-learn's and SciPy's on the same samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import cluster, metrics

from ecumene import kernels
from ecumene.algorithms.training import rows_of
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.learning import cobweb, kmeans, memory, xmeans
from ecumene.learning.clusters import Clusterer, trained
from ecumene.learning.javarandom import JavaRandom
from ecumene.learning.nearest import Scale, nearest
from tests.algorithms.scenes import image, read
from tests.calls import call, call_json, context

RNG = np.random.default_rng(5)
BLOBS = np.concatenate([RNG.normal(m, 0.3, (40, 2)) for m in ((0, 0), (5, 5), (0, 5))])
NOISE = RNG.random((300, 3)) * (1.0, 20.0, 0.5)


def nothing() -> None:
    """Nobody cancels."""


@pytest.fixture(params=["plain", "compiled"])
def paths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both ways to compute."""
    kernels.load()
    if request.param == "plain":
        monkeypatch.setattr(kernels, "ready", lambda name: None)
    return None


def test_choices_are_those_of_java() -> None:
    """Published outputs of ``new Random(42)``."""
    random = JavaRandom(42)
    assert [random.below(10) for _ in range(5)] == [0, 3, 8, 4, 0]
    random = JavaRandom(42)
    assert [random.integer() for _ in range(2)] == [-1170105035, 234785527]
    assert JavaRandom(42).real() == 0.7275636800328681
    assert JavaRandom(0).below(16) == 11


@pytest.mark.parametrize("init", [0, 1, 2, 3])
@pytest.mark.parametrize("k", [2, 5, 9])
def test_kmeans_is_that_of_scikit_learn(init: int, k: int, paths: None) -> None:
    scaled = Scale.of(NOISE).applied(NOISE)
    start = kmeans.first_centres(scaled, k, init, "euclidean", kmeans.Canopies(), JavaRandom(10))
    assert len(np.unique(start, axis=0)) == k
    ours = kmeans.lloyd(scaled, start)
    theirs = cluster.KMeans(k, init=start, n_init=1, max_iter=500, tol=0, algorithm="lloyd").fit(
        scaled
    )
    np.testing.assert_allclose(ours, theirs.cluster_centers_, rtol=1e-9)
    np.testing.assert_array_equal(nearest(scaled, ours, "euclidean")[0], theirs.labels_)


def test_manhattan_centres_are_medians() -> None:
    rows = np.array([[0.0, 0], [1, 0], [5, 0], [100, 1], [101, 1], [109, 1]])
    centres = kmeans.lloyd(rows, rows[[0, 3]], "manhattan")
    assert centres.tolist() == [[1, 0], [101, 1]]


@pytest.mark.parametrize(("metric", "name"), [("euclidean", "sqeuclidean"), ("manhattan", "cityblock"), ("chebyshev", "chebyshev")])  # fmt: skip
def test_nearest_is_that_of_scipy(metric: str, name: str, paths: None) -> None:
    far = metrics.pairwise_distances(NOISE, BLOBS[:7] @ np.ones((2, 3)), metric=name)
    label, distance = nearest(NOISE, BLOBS[:7] @ np.ones((2, 3)), metric)
    np.testing.assert_array_equal(label, far.argmin(axis=1))
    np.testing.assert_allclose(distance, far.min(axis=1), rtol=1e-9)


@given(st.integers(0, 2**31), st.integers(1, 12), st.sampled_from(["euclidean", "manhattan"]))
@settings(max_examples=25, deadline=None)
def test_rounds_never_make_it_worse(seed: int, k: int, metric: str) -> None:
    rows = np.random.default_rng(seed).integers(0, 9, (30, 2)).astype(float)
    centres = rows[kmeans.at_random(rows, k, JavaRandom(seed))]
    cost = [nearest(rows, centres, metric)[1].sum()]
    for _ in range(4):
        centres = kmeans.lloyd(rows, centres, metric, 1)
        cost.append(nearest(rows, centres, metric)[1].sum())
    assert all(b <= a + 1e-9 for a, b in zip(cost, cost[1:], strict=False))


def test_the_criterion_is_the_likelihood_of_round_normal_clusters() -> None:
    centres = np.array([[0.0, 0], [5, 5], [0, 5]])
    label, far = nearest(BLOBS, centres, "euclidean")
    variance = far.sum() / (2 * (120 - 3))
    likelihood = sum(
        np.log(1 / 3) + stats.multivariate_normal(centres[k], variance).logpdf(row)
        for row, k in zip(BLOBS, label, strict=True)
    )
    expected = likelihood - (2 + 6 + 1) / 2 * np.log(120)
    assert xmeans.criterion(BLOBS, centres) == pytest.approx(expected)


def test_separation_is_that_of_scikit_learn() -> None:
    centres = kmeans.lloyd(NOISE, NOISE[:4])
    label = nearest(NOISE, centres, "euclidean")[0]
    expected = metrics.calinski_harabasz_score(NOISE, label)
    assert xmeans.separation(NOISE, centres) == pytest.approx(expected)


def test_category_utility_by_its_definition() -> None:
    parts = [BLOBS[:40], BLOBS[40:80], BLOBS[80:]]

    def concept(rows: Any) -> cobweb.Concept:
        return cobweb.Concept(len(rows), rows.sum(axis=0), (rows**2).sum(axis=0))

    def sharp(rows: Any) -> float:
        return sum(1 / max(column.std(ddof=1), 0.1) for column in rows.T)

    expected = (
        sum(len(p) / 120 * (sharp(p) - sharp(BLOBS)) for p in parts) / 3 / (2 * np.sqrt(np.pi))
    )
    found = cobweb.utility(concept(BLOBS), [concept(p) for p in parts], 0.1)
    assert found == pytest.approx(expected)
    whole = cobweb.Concept(0, BLOBS[0], BLOBS[0], [concept(p) for p in parts[:2]])
    row = parts[2][0]
    grown = [concept(np.vstack([parts[0], row])), concept(parts[1]), concept(row[None, :])]
    both = np.vstack([parts[0], parts[1], row])
    expected = [
        cobweb.utility(concept(both), grown[:2], 0.1),
        cobweb.utility(
            concept(both), [concept(parts[0]), concept(np.vstack([parts[1], row]))], 0.1
        ),
        cobweb.utility(concept(both), [concept(parts[0]), concept(parts[1]), grown[2]], 0.1),
    ]
    np.testing.assert_allclose(cobweb.hosts(whole, row[None, :], 0.1)[0], expected)


def table(rows: Any) -> Any:
    return call(
        "Collection", [call("Feature", None, {"a": float(a), "b": float(b)}) for a, b in rows]
    )


KINDS = [
    ("wekaKMeans", {"nClusters": 3}), ("wekaKMeans", {"nClusters": 3, "distanceFunction": "Manhattan"}), ("wekaXMeans", {}),
    ("wekaCascadeKMeans", {"restarts": 2}), ("wekaLVQ", {"numClusters": 3, "epochs": 50}), ("wekaCobweb", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given_"), KINDS)
def test_clear_groups_are_found_the_same_way_each_time(name: str, given_: dict[str, Any]) -> None:
    samples = table(BLOBS)
    found = []
    for _ in range(2):
        memory.forget()
        model = call("Clusterer.train", call(f"Clusterer.{name}", **given_), samples, ["a", "b"])
        labelled = call("FeatureCollection.cluster", samples, model)
        found.append([f.get("cluster") for f in labelled])
    assert found[0] == found[1]
    likeness = metrics.adjusted_rand_score(np.repeat([0, 1, 2], 40), found[0])
    assert (
        likeness > 0.95 if name == "wekaCobweb" else likeness == 1
    )  # its order of samples matters


def test_lvq_takes_the_same_steps_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    given_ = Clusterer(
        "wekaLVQ", {"numClusters": 4, "learningRate": 0.5, "epochs": 3, "normalizeInput": False}
    )
    kernels.load()
    memory.forget()
    first = trained(given_, NOISE, ("a", "b", "c"), "x", nothing).model
    monkeypatch.setattr(kernels, "ready", lambda name: None)
    memory.forget()
    second = trained(given_, NOISE, ("a", "b", "c"), "x", nothing).model
    np.testing.assert_array_equal(first.centres, second.centres)  # type: ignore[union-attr]


def test_models_are_trained_once_for_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    memory.forget()
    given_ = Clusterer("wekaCobweb", {"acuity": 1.0, "cutoff": 0.002, "seed": 42})
    one, again, other = (trained(given_, NOISE, ("a", "b", "c"), who, nothing) for who in "xxy")
    assert one.model is again.model
    assert one.model is not other.model
    assert one.plan_token == other.plan_token
    assert one.plan_token != trained(given_, NOISE[:50], ("a", "b", "c"), "x", nothing).plan_token


def test_pixels_get_the_number_of_their_cluster() -> None:
    a, b = BLOBS.T.reshape(2, 10, 12)
    seen = RNG.random((10, 12)) > 0.2
    scene = image({"b": b, "x": a * 0, "a": a}, seen)
    model = call("Clusterer.train", call("Clusterer.wekaKMeans", 3), table(BLOBS), ["a", "b"])
    made = call("Image.cluster", scene, model)
    ((found, valid),) = read(made).values()
    np.testing.assert_array_equal(valid, seen)
    assert found.dtype == np.int32
    expected = [f.get("cluster") for f in call("FeatureCollection.cluster", table(BLOBS), model)]
    np.testing.assert_array_equal(found[seen], np.reshape(expected, (10, 12))[seen])
    info = call_json("Image.cluster", scene, model)
    assert info["bands"][0]["id"] == "cluster"
    assert info["bands"][0]["data_type"] == {"type": "PixelType", "precision": "int", "min": -(2**31), "max": 2**31 - 1}  # fmt: skip
    assert call("Clusterer.schema", model) == ["a", "b"]
    assert call("Clusterer.schema", call("Clusterer.wekaKMeans", 3)) is None


@pytest.mark.parametrize(
    ("name", "given_", "text"),
    [
        ("wekaKMeans", {"nClusters": 0}, "'nClusters' must be between"),
        ("wekaKMeans", {"nClusters": 2, "init": 4}, "'init' must be 0"),
        ("wekaKMeans", {"nClusters": 2, "distanceFunction": "Chebyshev"}, "Unknown distance function 'Chebyshev'"),
        ("wekaXMeans", {"minClusters": 5, "maxClusters": 4}, "'maxClusters' must be between 5"),
        ("wekaXMeans", {"cutoffFactor": math.nan}, "must be a share"), ("wekaCascadeKMeans", {"manual": True}, "cannot be chosen by hand"),
        ("wekaCobweb", {"acuity": 0}, "'acuity' must be greater"),
        ("wekaLVQ", {"learningRate": 2}, "'learningRate' must be greater than 0"),
        ("wekaLVQ", {"epochs": 0}, "'epochs' must be at least 1"),
        ("wekaLVQ", {"epochs": 10**8}, "More than"),
    ],
)  # fmt: skip
def test_settings_that_are_refused(name: str, given_: dict[str, Any], text: str) -> None:
    with pytest.raises((EvaluationError, LimitExceeded), match=text):
        call("Clusterer.train", call(f"Clusterer.{name}", **given_), table(BLOBS), ["a", "b"])


@pytest.mark.parametrize("order", [5, [5], [["a"]], "a", {"a": 1}, []])
def test_an_order_of_bands_that_is_none_does_not_count(order: Any) -> None:
    samples = call("Element.set", table(BLOBS), "band_order", order)
    model = call("Clusterer.train", call("Clusterer.wekaKMeans", 2), samples)
    assert call("Clusterer.schema", model) == ["a", "b"]


def test_samples_that_are_not_finite_are_left_out() -> None:
    wild = np.concatenate([BLOBS, [[np.nan, 1.0], [2.0, np.inf]]])
    for rows, left in ((wild, len(BLOBS)), (wild[-2:], 0)):
        samples = rows_of("x", table(rows), ["a", "b"], 1.0, 0, context())
        np.testing.assert_array_equal(samples, BLOBS[:left])


def test_what_cannot_be_clustered_is_said() -> None:
    with pytest.raises(EvaluationError, match="not trained"):
        call("Image.cluster", image({"a": np.zeros((2, 2))}), call("Clusterer.wekaKMeans", 2))
    with pytest.raises(EvaluationError, match="No valid training data"):
        call("Clusterer.train", call("Clusterer.wekaKMeans", 2), table(BLOBS), ["a", "none"])
    words = call("Collection", [call("Feature", None, {"word": "x"})])
    with pytest.raises(EvaluationError, match="no numeric properties"):
        call("Clusterer.train", call("Clusterer.wekaKMeans", 2), words)
    model = call("Clusterer.train", call("Clusterer.wekaKMeans", 2), table(BLOBS), ["a", "b"])
    with pytest.raises(EvaluationError, match="Property 'b' is missing"):
        call("Image.cluster", image({"a": np.zeros((2, 2))}), model)
