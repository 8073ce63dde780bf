"""Classifiers beside scikit-learn's on the same samples: equal predictions, both ways to compute them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import ensemble, metrics, naive_bayes, neighbors, svm, tree

from ecumene import kernels
from ecumene.core.errors import EvaluationError
from ecumene.learning import memory, treetext
from ecumene.learning.classifier import Classifier, Samples
from ecumene.learning.forest import ordered, singles
from ecumene.learning.support import coupled, sigmoid
from tests.algorithms.scenes import image, read
from tests.calls import call, call_json

RNG = np.random.default_rng(7)
ROWS = RNG.normal(size=(400, 4)) * (1, 10, 0.1, 5)
CLASSES = (
    np.digitize(ROWS[:, 0] + ROWS[:, 1] / 20 + RNG.normal(size=400) * 0.3, [-0.7, 0.1, 0.9]) * 2 + 1
)
BINARY = (CLASSES > 3).astype(int)
NUMBERS = ROWS[:, 1] * 3 + ROWS[:, 3] ** 2 / 7
NEW = RNG.normal(size=(3000, 4)) * (1, 10, 0.1, 5)
NAMES = ("a", "b", "c", "d")

FOREST = {
    "numberOfTrees": 12,
    "variablesPerSplit": None,
    "minLeafPopulation": 1,
    "bagFraction": 0.5,
    "maxNodes": None,
    "seed": 3,
}
BOOST = {
    "numberOfTrees": 9,
    "shrinkage": 0.1,
    "samplingRate": 0.7,
    "maxNodes": 8,
    "loss": "LeastSquares",
    "seed": 3,
}
SVM: dict[str, Any] = {"decisionProcedure": "Voting", "svmType": "C_SVC", "kernelType": "RBF", "shrinking": True, "degree": None,
       "gamma": 0.05, "coef0": None, "cost": 5.0, "nu": None, "terminationEpsilon": None, "lossEpsilon": None, "oneClass": None}  # fmt: skip
KNN = {"k": 5, "searchMethod": "AUTO", "metric": "EUCLIDEAN"}


@pytest.fixture(params=["plain", "compiled"])
def paths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both ways to compute."""
    kernels.load()
    memory.forget()
    if request.param == "plain":
        monkeypatch.setattr(kernels, "ready", lambda name: None)
    yield
    memory.forget()


def trained(
    name: str, given_: dict[str, Any], targets: Any, mode: str = "CLASSIFICATION", rows: Any = ROWS
) -> Classifier:
    samples = Samples(rows, np.asarray(targets, float))
    return Classifier(name, given_, mode).on(samples, NAMES[: rows.shape[1]], "tests")


def told(name: str, given_: dict[str, Any], targets: Any, mode: str, rows: Any = ROWS) -> Any:
    new = NEW[:, : rows.shape[1]]
    return trained(name, given_, targets, mode, rows).predict(new)


@pytest.mark.parametrize("limits", [{}, {"minLeafPopulation": 7}, {"maxNodes": 6}])
@pytest.mark.parametrize("targets", [CLASSES, BINARY], ids=["four", "two"])
def test_forests_are_those_of_scikit_learn(
    limits: dict[str, Any], targets: Any, paths: None
) -> None:
    given_ = FOREST | limits
    theirs = ensemble.RandomForestClassifier(
        12, max_features=2, max_samples=0.5, random_state=3, min_samples_leaf=given_["minLeafPopulation"], max_leaf_nodes=given_["maxNodes"],
    ).fit(ROWS, targets)  # fmt: skip
    shares = theirs.predict_proba(NEW)
    np.testing.assert_array_equal(
        told("smileRandomForest", given_, targets, "CLASSIFICATION"), theirs.predict(NEW)
    )
    np.testing.assert_array_equal(
        told("smileRandomForest", given_, targets, "MULTIPROBABILITY"), shares
    )
    one = shares[:, 1] if shares.shape[1] == 2 else shares.max(axis=1)
    np.testing.assert_array_equal(told("smileRandomForest", given_, targets, "PROBABILITY"), one)
    votes = np.stack(
        [theirs.classes_[t.predict(NEW).astype(int)] for t in theirs.estimators_], axis=1
    )
    np.testing.assert_array_equal(told("smileRandomForest", given_, targets, "RAW"), votes)


def test_forests_of_numbers_are_those_of_scikit_learn(paths: None) -> None:
    theirs = ensemble.RandomForestRegressor(
        12, max_features=2, max_samples=0.5, random_state=3
    ).fit(ROWS, NUMBERS)
    np.testing.assert_array_equal(
        told("smileRandomForest", FOREST, NUMBERS, "REGRESSION"), theirs.predict(NEW)
    )
    each = np.stack([t.predict(NEW) for t in theirs.estimators_], axis=1)
    np.testing.assert_array_equal(
        told("smileRandomForest", FOREST, NUMBERS, "RAW_REGRESSION"), each
    )


@pytest.mark.parametrize(
    ("targets", "mode"), [(CLASSES, "CLASSIFICATION"), (NUMBERS, "REGRESSION")]
)
def test_carts_are_those_of_scikit_learn(targets: Any, mode: str, paths: None) -> None:
    kind = tree.DecisionTreeRegressor if mode == "REGRESSION" else tree.DecisionTreeClassifier
    theirs = kind(random_state=0, max_leaf_nodes=9).fit(ROWS, targets)
    given_ = {"maxNodes": 9, "minLeafPopulation": 1}
    np.testing.assert_array_equal(told("smileCart", given_, targets, mode), theirs.predict(NEW))


@pytest.mark.parametrize("targets", [CLASSES, BINARY], ids=["four", "two"])
def test_boosted_trees_are_those_of_scikit_learn(targets: Any, paths: None) -> None:
    theirs = ensemble.GradientBoostingClassifier(
        n_estimators=9,
        learning_rate=0.1,
        subsample=0.7,
        max_leaf_nodes=8,
        max_depth=None,
        random_state=3,
    ).fit(ROWS, targets)
    np.testing.assert_array_equal(
        told("smileGradientTreeBoost", BOOST, targets, "CLASSIFICATION"), theirs.predict(NEW)
    )
    shares = told("smileGradientTreeBoost", BOOST, targets, "MULTIPROBABILITY")
    np.testing.assert_allclose(shares, theirs.predict_proba(NEW), rtol=1e-9)


@pytest.mark.parametrize(("loss", "name"), [("LeastSquares", "squared_error"), ("LeastAbsoluteDeviation", "absolute_error"), ("Huber", "huber")])  # fmt: skip
def test_boosted_trees_of_numbers_are_those_of_scikit_learn(loss: str, name: str) -> None:
    theirs = ensemble.GradientBoostingRegressor(
        loss=name,
        n_estimators=9,
        learning_rate=0.1,
        subsample=0.7,
        max_leaf_nodes=8,
        max_depth=None,
        random_state=3,
    ).fit(ROWS, NUMBERS)
    found = told("smileGradientTreeBoost", BOOST | {"loss": loss}, NUMBERS, "REGRESSION")
    np.testing.assert_allclose(found, theirs.predict(NEW), rtol=1e-12)


@pytest.mark.parametrize("kernel", ["LINEAR", "POLY", "RBF", "SIGMOID"])
@pytest.mark.parametrize("targets", [CLASSES, BINARY], ids=["four", "two"])
def test_machines_are_those_of_libsvm(kernel: str, targets: Any) -> None:
    given_ = SVM | {"kernelType": kernel, "gamma": 0.01, "coef0": 0.5, "degree": 2, "cost": 0.5}
    rows = ROWS / (1, 10, 0.1, 5)
    theirs = svm.SVC(C=0.5, kernel=kernel.lower(), gamma=0.01, coef0=0.5, degree=2).fit(
        rows, targets
    )
    np.testing.assert_array_equal(
        told("libsvm", given_, targets, "CLASSIFICATION", rows), theirs.predict(NEW)
    )


@pytest.mark.parametrize(("kind", "theirs"), [("EPSILON_SVR", svm.SVR(C=5, gamma=0.05, epsilon=0.3)), ("NU_SVR", svm.NuSVR(C=5, gamma=0.05, nu=0.4))])  # fmt: skip
def test_machines_of_numbers_are_those_of_libsvm(kind: str, theirs: Any) -> None:
    given_ = SVM | {"svmType": kind, "nu": 0.4, "lossEpsilon": 0.3}
    found = told("libsvm", given_, NUMBERS, "REGRESSION")
    np.testing.assert_allclose(found, theirs.fit(ROWS, NUMBERS).predict(NEW), rtol=1e-7, atol=1e-7)


def test_one_class_machines_know_their_class() -> None:
    theirs = svm.OneClassSVM(gamma=0.05, nu=0.5).fit(ROWS[BINARY == 1]).predict(NEW)
    found = told("libsvm", SVM | {"svmType": "ONE_CLASS", "oneClass": 1}, BINARY, "CLASSIFICATION")
    np.testing.assert_array_equal(found, theirs == 1)


def test_probabilities_of_machines_are_platts() -> None:
    """Beside scikit-learn's call of LIBSVM, whose folds are others: the same to a few hundredths."""
    rows = ROWS / (1, 10, 0.1, 5)
    for targets in (CLASSES, BINARY):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = svm.SVC(C=5, gamma=0.05, probability=True, random_state=0).fit(rows, targets)
        ours = told("libsvm", SVM, targets, "MULTIPROBABILITY", rows)
        np.testing.assert_allclose(ours.sum(axis=1), 1)
        new = RNG.normal(size=(200, 4))
        ours = trained("libsvm", SVM, targets, "MULTIPROBABILITY", rows).predict(new)
        assert np.abs(ours - theirs.predict_proba(new)).mean() < 0.03


def test_pairs_are_coupled_to_what_they_came_from() -> None:
    truth = np.array([[0.5, 0.3, 0.15, 0.05]])
    pairs = [truth[0, i] / (truth[0, i] + truth[0, j]) for i in range(4) for j in range(i + 1, 4)]
    np.testing.assert_allclose(coupled(np.array([pairs]), 4), truth, atol=0.01)


def test_sigmoids_find_the_curve_of_the_samples() -> None:
    decisions = RNG.normal(size=20_000)
    positive = RNG.random(20_000) < 1 / (1 + np.exp(-2 * decisions + 0.5))
    np.testing.assert_allclose(sigmoid(decisions, positive), (-2, 0.5), atol=0.1)


@pytest.mark.parametrize(
    ("metric", "method", "theirs"),
    [
        ("EUCLIDEAN", "AUTO", {}), ("MANHATTAN", "LINEAR_SEARCH", {"metric": "manhattan"}), ("BRAYCURTIS", "COVER_TREE", {"metric": "braycurtis"}),
        ("MANHATTAN", "AUTO", {}),
    ],
)  # fmt: skip
def test_neighbours_are_those_of_scikit_learn(
    metric: str, method: str, theirs: dict[str, Any]
) -> None:
    given_ = KNN | {"metric": metric, "searchMethod": method}
    rows = np.abs(ROWS)
    known = neighbors.KNeighborsClassifier(5, algorithm="brute", **theirs).fit(rows, CLASSES)
    model = trained("smileKNN", given_, CLASSES, rows=rows)
    np.testing.assert_array_equal(model.predict(np.abs(NEW)), known.predict(np.abs(NEW)))
    shares = model.with_mode("MULTIPROBABILITY").predict(np.abs(NEW))
    np.testing.assert_allclose(shares, known.predict_proba(np.abs(NEW)))


def test_mahalanobis_neighbours() -> None:
    given_ = KNN | {"metric": "MAHALANOBIS", "searchMethod": "LINEAR_SEARCH"}
    known = neighbors.KNeighborsRegressor(
        5,
        metric="mahalanobis",
        metric_params={"VI": np.linalg.inv(np.cov(ROWS.T))},
        algorithm="brute",
    )
    found = told("smileKNN", given_, NUMBERS, "REGRESSION")
    np.testing.assert_allclose(found, known.fit(ROWS, NUMBERS).predict(NEW))


def test_bayes_is_that_of_scikit_learn() -> None:
    rows = RNG.integers(0, 50, (400, 4)).astype(float)
    theirs = naive_bayes.MultinomialNB(alpha=1e-6).fit(rows, CLASSES)
    new = np.clip(np.rint(NEW), 0, None)
    for mode, expected in (
        ("CLASSIFICATION", theirs.predict(new)),
        ("MULTIPROBABILITY", theirs.predict_proba(new)),
    ):
        found = trained("smileNaiveBayes", {"lambda": 1e-6}, CLASSES, mode, rows).predict(
            np.rint(NEW)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("euclidean", "euclidean"),
        ("manhattan", "cityblock"),
        ("cosine", "cosine"),
        ("mahalanobis", ""),
    ],
)
def test_minimum_distances_by_scipy(metric: str, name: str) -> None:
    means = np.stack([ROWS[c == CLASSES].mean(axis=0) for c in (1, 3, 5, 7)])
    if name:
        far = metrics.pairwise_distances(NEW, means, metric=name)
    else:
        far = np.concatenate([
            metrics.pairwise_distances(NEW, means[k : k + 1], metric="mahalanobis", VI=np.linalg.inv(np.cov(ROWS[c == CLASSES].T)))
            for k, c in enumerate((1, 3, 5, 7))
        ], axis=1)  # fmt: skip
    if metric == "cosine":
        far = np.arccos(1 - far)
    given_ = {"metric": metric, "kNearest": 1}
    np.testing.assert_array_equal(
        told("minimumDistance", given_, CLASSES, "CLASSIFICATION"),
        np.array([1, 3, 5, 7])[far.argmin(axis=1)],
    )
    np.testing.assert_allclose(told("minimumDistance", given_, CLASSES, "RAW"), far, rtol=1e-6)
    np.testing.assert_allclose(
        told("minimumDistance", given_, CLASSES, "REGRESSION"), far.min(axis=1), rtol=1e-6
    )
    three = told("minimumDistance", given_ | {"kNearest": 3}, CLASSES, "CLASSIFICATION")
    np.testing.assert_array_equal(three, np.array([1, 3, 5, 7])[np.argsort(far, axis=1)[:, :3]])


@given(st.floats(width=32, allow_nan=False), st.floats(width=32, allow_nan=False))
@settings(deadline=None)
def test_keys_order_as_the_numbers_do(a: float, b: float) -> None:
    one, other = ordered(np.float32([a, b]))
    assert (one < other, one == other) == (a < b, a == b)
    assert singles(ordered(np.float32([a])))[0] == np.float32(a)


def test_trees_survive_being_written_and_read(paths: None) -> None:
    model = trained("smileRandomForest", FOREST, CLASSES)
    trees = model.grown().model.trees  # type: ignore[attr-defined]
    texts = [
        treetext.written(trees, k, NAMES, model.grown().model.classes) for k in range(trees.trees)
    ]
    again = call("Classifier.decisionTreeEnsemble", texts)
    order = [NAMES.index(name) for name in again.schema]
    new = NEW.astype(np.float32).astype(float)
    np.testing.assert_array_equal(
        again.with_mode("RAW").predict(new[:, order]), model.with_mode("RAW").predict(new)
    )
    numbers = trained(
        "smileCart", {"maxNodes": None, "minLeafPopulation": 5}, NUMBERS, "REGRESSION"
    )
    text = treetext.written(numbers.grown().model.trees, 0, NAMES, np.zeros(0))  # type: ignore[attr-defined]
    single = call("Classifier.decisionTree", text)
    order = [NAMES.index(name) for name in single.schema]
    np.testing.assert_allclose(single.predict(new[:, order]), numbers.predict(new), rtol=1e-8)


R_TREE = """node), split, n, loss, yval, (yprob)
      * denotes terminal node

1) root 900 600 0 (0.333 0.333 0.333)
  2) swir< 0.0898 600 300 0 (0.5 0.49 0.01)
    4) blue< 0.16 310 11 0 (0.96 0.03 0.01) *
    5) blue>=0.16 290 11 1 (0.02 0.96 0.02) *
  3) swir>=0.0898 300 8 9 (0.01 0.02 0.97) *
"""


def test_trees_as_r_prints_them() -> None:
    """Values at the limits follow the signs, in doubles."""
    limit = 0.0898
    rows = np.array([[0.0, 0.1], [0.0, 0.16], [limit, 0.0], [np.nextafter(limit, 0), 0.2]])
    found = call("Classifier.decisionTree", R_TREE)
    assert found.schema == ("swir", "blue")
    assert found.predict(rows).tolist() == [0, 1, 9, 1]
    scene = image({"blue": rows[:, 1].reshape(2, 2), "swir": rows[:, 0].reshape(2, 2)})
    ((values, valid),) = read(call("Image.classify", scene, found)).values()
    assert valid[:2, :2].all()
    assert values[:2, :2].tolist() == [[0, 1], [9, 1]]
    assert values.dtype.kind in "iu"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No tree was found"), ("1) root 1 1 1\n 2) a<1 1 1 1 *", "has one child only"), ("1) root 1 1 1\n1) root x", "Cannot read the line"),
        ("2) a<1 1 1 1 *", "no root"), ("1) root 3 1 1\n2) a<1 1 1 1 *\n3) a>=2 1 1 1 *", "not two sides"), (R_TREE + R_TREE, "More than one tree"),
        ("1) root 3 1 1\n8) a<1 1 1 1 *", "has no parent"), ("1) root 3 1 1\n2) a<1 1 1 1\n2) a<1 1 1 1", "stands twice"),
    ],
)  # fmt: skip
def test_texts_that_are_no_trees(text: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        call("Classifier.decisionTree", text)


def test_ensembles_of_texts_vote_or_average() -> None:
    trees = [
        f"1) root 2 1 {v}\n 2) a<=0 1 0 {v} *\n 3) a>0 1 0 {w} *"
        for v, w in ((1, 2), (1, 3), (4, 3))
    ]
    voting = call("Classifier.decisionTreeEnsemble", trees)
    assert voting.predict(np.array([[-1.0], [1.0]])).tolist() == [1, 3]
    assert voting.with_mode("REGRESSION").predict(np.array([[-1.0]])).tolist() == [2]
    averaging = call(
        "Classifier.decisionTreeEnsemble", ["1) root 1 0 1.5 *\n1) root 1 0 2 *", "1) root 1 0 3 *"]
    )
    assert averaging.predict(np.zeros((1, 0))).tolist() == [6.5 / 3]
    with pytest.raises(EvaluationError, match="has no inputs"):
        call("Image.classify", image({"a": np.zeros((2, 2))}), averaging)


def test_regions_of_the_plane_of_two_inputs() -> None:
    square = call(
        "Classifier.spectralRegion",
        [[0, 0, 4, 0, 4, 4, 0, 4], [1, 1, 2, 1, 2, 2, 1, 2]],
        ["x", "y"],
    )
    assert square.predict(np.array([[3.0, 3], [1.5, 1.5], [5, 1], [-1, 1]])).tolist() == [
        1,
        0,
        0,
        0,
    ]
    assert call("Classifier.spectralRegion", [[0, 0, 1, 0, 1, 1]]).schema == ("u", "v")
    with pytest.raises(EvaluationError, match="three pairs"):
        call("Classifier.spectralRegion", [[0, 0, 1, 1]])


def table() -> Any:
    keys = (*NAMES, "class", "number")
    rows = np.column_stack([ROWS, CLASSES, NUMBERS]).tolist()
    return call(
        "Collection", [call("Feature", None, dict(zip(keys, row, strict=True))) for row in rows]
    )


def made(name: str, target: str = "class", mode: str | None = None, **given_: Any) -> Any:
    start = call(f"Classifier.{name}", **given_)
    if mode:
        start = call("Classifier.setOutputMode", start, mode)
    return call("Classifier.train", start, table(), target, list(NAMES))


def test_forests_explain_themselves() -> None:
    """Importance and the error out of the bag beside scikit-learn's."""
    found = call_json("Classifier.explain", made("smileRandomForest", numberOfTrees=40, seed=3))
    theirs = ensemble.RandomForestClassifier(
        40, max_features=2, max_samples=0.5, random_state=3, oob_score=True
    ).fit(ROWS, CLASSES)
    assert found["classes"] == [1, 3, 5, 7]
    assert found["numberOfTrees"] == 40
    assert found["outOfBagErrorEstimate"] == pytest.approx(1 - theirs.oob_score_, abs=0.01)
    shares = np.array([found["importance"][n] for n in NAMES])
    np.testing.assert_allclose(shares / shares.sum(), theirs.feature_importances_, atol=0.02)
    assert len(found["trees"]) == 40
    assert found["trees"][0].startswith("1) root 200 ")
    single = call_json("Classifier.explain", made("smileCart", maxNodes=3))
    assert single["tree"].count("*") == 3
    assert "numberOfTrees" not in single


def test_errors_of_numbers_out_of_the_bag() -> None:
    found = call(
        "Classifier.explain",
        made("smileRandomForest", "number", "REGRESSION", numberOfTrees=40, seed=3),
    )
    theirs = ensemble.RandomForestRegressor(
        40, max_features=2, max_samples=0.5, random_state=3, oob_score=True
    ).fit(ROWS, NUMBERS)
    rms = np.sqrt(np.mean((theirs.oob_prediction_ - NUMBERS) ** 2))
    assert found["outOfBagErrorEstimate"] == pytest.approx(rms)
    assert "classes" not in found


@pytest.mark.parametrize(
    ("name", "mode"),
    [("smileNaiveBayes", "REGRESSION"), ("smileCart", "RAW"), ("minimumDistance", "PROBABILITY"), ("libsvm", "RAW_REGRESSION"), ("smileCart", "NONE")],
)  # fmt: skip
def test_modes_that_a_kind_does_not_have(name: str, mode: str) -> None:
    with pytest.raises(
        EvaluationError,
        match="Unknown mode" if mode == "NONE" else f"has no output mode {mode}; it has: ",
    ):
        call("Classifier.setOutputMode", call(f"Classifier.{name}"), mode)


@pytest.mark.parametrize(
    ("name", "given_", "message"),
    [
        ("smileRandomForest", {"numberOfTrees": 0}, "'numberOfTrees' must be between"), ("smileRandomForest", {"numberOfTrees": 1, "bagFraction": 0}, "'bagFraction' must be within"),
        ("libsvm", {"kernelType": "X"}, "Unknown kernelType"), ("libsvm", {"svmType": "X"}, "Unknown svmType"), ("libsvm", {"svmType": "NU_SVR"}, "needs an output mode"),
        ("libsvm", {"svmType": "ONE_CLASS", "oneClass": 0}, "'oneClass' must be"), ("smileKNN", {"k": 0}, "'k' must be at least 1"), ("smileKNN", {"metric": "X"}, "Unknown metric"),
        ("minimumDistance", {"metric": "X"}, "Unknown metric"), ("libsvm", {"cost": -1}, "Classifier.train: "),
    ],
)  # fmt: skip
def test_settings_that_are_refused(name: str, given_: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        call("Image.classify", image({n: np.zeros((2, 2)) for n in NAMES}), made(name, **given_))


def test_untrained_classifiers_say_so() -> None:
    start = call("Classifier.smileCart")
    assert call("Classifier.schema", start) is None
    for name in ("Classifier.confusionMatrix", "Classifier.explain"):
        with pytest.raises(EvaluationError, match=f"{name}: The classifier is not trained"):
            call(name, start)
    with pytest.raises(EvaluationError, match=r"Classifier asset 'a/b' not found \(does not exist"):
        call("Classifier.load", "a/b")


def test_a_mode_set_after_training_counts() -> None:
    """Continuous targets are never trained as classes."""
    late = call(
        "Classifier.setOutputMode",
        made("smileRandomForest", "number", numberOfTrees=5),
        "REGRESSION",
    )
    early = made("smileRandomForest", "number", "REGRESSION", numberOfTrees=5)
    np.testing.assert_array_equal(late.predict(NEW), early.predict(NEW))
    assert late.grown() is early.grown()


@pytest.mark.parametrize(
    ("mode", "kind", "shape"),
    [
        ("CLASSIFICATION", "int", ()),
        ("PROBABILITY", "float", ()),
        ("MULTIPROBABILITY", "float", (4,)),
        ("RAW", "float", (6,)),
        ("REGRESSION", "double", ()),
    ],
)
def test_pixels_have_the_type_of_the_mode(mode: str, kind: str, shape: tuple[int, ...]) -> None:
    """As rows; masked where an input is; bands found by name."""
    cube = NEW[:120].T.reshape(4, 10, 12).astype(np.float32)
    seen = RNG.random((10, 12)) > 0.2
    scene = image({n: cube[k] for k, n in reversed(list(enumerate(NAMES)))}, {"b": seen})
    target = "number" if mode == "REGRESSION" else "class"
    model = made("smileRandomForest", target, mode, numberOfTrees=6)
    info = call_json("Image.classify", scene, model)["bands"]
    assert [(band["id"], band["data_type"]["precision"]) for band in info] == [
        ("classification", kind)
    ]
    ((found, valid),) = read(call("Image.classify", scene, model)).values()
    np.testing.assert_array_equal(valid, seen)
    assert found.shape == (10, 12, *shape)
    expected = model.predict(cube.reshape(4, -1).T.astype(float)).reshape(10, 12, *shape)
    np.testing.assert_allclose(found[seen], expected[seen], rtol=1e-6)


def test_models_are_kept_by_content_and_account() -> None:
    memory.forget()
    one, same = made("smileCart"), made("smileCart")
    assert one is not same
    assert one.grown() is same.grown()
    elsewhere = Classifier("smileCart", one.settings).on(one.samples, NAMES, "another")
    assert elsewhere.grown() is not one.grown()
    assert one.plan_token == same.plan_token != made("smileCart", maxNodes=4).plan_token


@pytest.mark.parametrize("name", ["smileRandomForest", "smileGradientTreeBoost", "amnhMaxent"])
def test_training_ends_when_it_is_no_longer_wanted(name: str) -> None:
    memory.forget()
    asked = []

    def gone() -> None:
        asked.append(len(asked))
        if len(asked) > 2:
            raise RuntimeError("gone")

    settings_ = FOREST | BOOST | {"numberOfTrees": 100}
    if name == "amnhMaxent":
        settings_ = call("Classifier.amnhMaxent").settings
    start = Classifier(name, settings_).on(Samples(ROWS, BINARY.astype(float)), NAMES, "tests")
    with pytest.raises(RuntimeError, match="gone"):
        start.grown(gone)
    assert len(asked) == 3


def test_trees_of_too_many_nodes_are_refused_as_they_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    from ecumene.core.errors import LimitExceeded
    from ecumene.learning import grow

    memory.forget()
    monkeypatch.setattr(grow, "MOST_NODES", 3000)
    with pytest.raises(LimitExceeded, match="more than 3000 nodes"):
        trained("smileRandomForest", FOREST | {"numberOfTrees": 5000}, CLASSES).grown()


@pytest.mark.parametrize("metric", ["EUCLIDEAN", "MANHATTAN"])
def test_neighbours_of_what_is_no_number(metric: str) -> None:
    """Pixels may hold anything: there is always an answer."""
    model = trained("smileKNN", KNN | {"metric": metric, "searchMethod": "LINEAR_SEARCH"}, CLASSES)
    wild = np.array([[np.nan] * 4, [np.inf] * 4, [-np.inf, 1e308, -1e308, 0]])
    assert set(model.predict(wild)) <= {1, 3, 5, 7}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_machines_end_on_inputs_of_very_different_sizes() -> None:
    rows = RNG.choice([0.0, 1.0, -300.0, 2.0**53, 1e6], (40, 2))
    given_ = SVM | {"kernelType": "POLY", "gamma": 1e-3, "degree": 2}
    samples = Samples(rows, RNG.integers(0, 4, 40).astype(float))
    model = Classifier("libsvm", given_).on(samples, ("a", "b"), "tests")
    with pytest.raises(EvaluationError, match="not finite|large values"):
        model.predict(rows)
