"""What a trained model offers, and the libraries that train it.

Models are scikit-learn's, trained with the seed that the user gave; the service's own trees come from
another library with another random stream, so accuracy agrees, single pixels need not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError

MODES = ("CLASSIFICATION", "REGRESSION", "PROBABILITY", "MULTIPROBABILITY", "RAW", "RAW_REGRESSION")


@dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier: its kind and settings, output mode, and once trained its model.

    ``schema`` are the inputs' names in order; ``classes`` the class values in ascending order;
    ``matrix`` the training table ``(actual, predicted)`` for the confusion matrix.
    """

    name: str
    settings: Mapping[str, Any]
    mode: str = "CLASSIFICATION"
    model: Any = None
    schema: tuple[str, ...] = ()
    classes: tuple[int, ...] = ()
    matrix: tuple[NDArray[Any], NDArray[Any]] | None = None
    regression: Any = None
    rows: tuple[NDArray[Any], NDArray[Any]] | None = field(default=None, repr=False)

    @property
    def plan_token(self) -> bytes:
        """Content identity for plans: kind, settings, mode and training rows decide a model."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(
            repr((self.name, sorted(self.settings.items()), self.mode, self.schema)).encode()
        )
        if self.rows is not None:
            for part in self.rows:
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.digest()

    def to_json(self) -> dict[str, Any]:
        """Kind and settings."""
        shown = {key: value for key, value in self.settings.items() if value is not None}
        return {"type": f"Classifier.{self.name}", **shown, "mode": self.mode}

    def with_mode(self, mode: str) -> Classifier:
        """The same classifier with another kind of output."""
        if mode not in MODES:
            raise EvaluationError(f"Classifier.setOutputMode: Unknown mode '{mode}'.")
        changed = replace(self, mode=mode)
        return changed if self.rows is None else fit(changed, *self.rows, self.schema)

    @property
    def trained(self) -> bool:
        """Whether it can predict."""
        return self.model is not None

    def predict(self, columns: NDArray[Any]) -> NDArray[Any]:
        """``(n, inputs)`` to ``(n,)``, or ``(n, classes)`` for the multi-valued modes."""
        if not self.trained:
            raise EvaluationError("Classifier is not trained.")
        found = self.model.predict(np.asarray(columns, "float64"), self.mode)
        return np.asarray(found)


class ScikitModel:
    """A scikit-learn estimator; class labels are those of training."""

    def __init__(
        self, estimator: Any, scale: tuple[NDArray[Any], NDArray[Any]] | None = None
    ) -> None:
        self.estimator = estimator
        self.scale = scale

    def predict(self, columns: NDArray[Any], mode: str) -> NDArray[Any]:
        """By mode: labels, the probability of the last class, all probabilities, or numbers."""
        if self.scale is not None:
            columns = (columns - self.scale[0]) / self.scale[1]
        if mode in ("PROBABILITY", "MULTIPROBABILITY"):
            if not hasattr(self.estimator, "predict_proba"):
                raise EvaluationError(f"This classifier has no output mode {mode}.")
            shares = self.estimator.predict_proba(columns)
            return np.asarray(shares[:, -1] if mode == "PROBABILITY" else shares)
        if mode in ("RAW", "RAW_REGRESSION") and hasattr(self.estimator, "estimators_"):
            trees = np.ravel(self.estimator.estimators_)
            votes = np.stack([tree.predict(columns) for tree in trees], axis=1)
            classes = getattr(self.estimator, "classes_", None)
            if classes is not None and mode == "RAW":
                votes = classes[votes.astype(int)]
            return np.asarray(votes, "float64")
        return np.asarray(self.estimator.predict(columns))


class NearestMean:
    """Minimum distance to the class means: euclidean, cosine, mahalanobis or manhattan."""

    def __init__(self, metric: str, columns: NDArray[Any], labels: NDArray[Any]) -> None:
        self.metric = metric
        self.classes_ = np.unique(labels)
        self.means = np.stack([columns[labels == c].mean(axis=0) for c in self.classes_])
        self.inverse = [
            np.linalg.pinv(np.atleast_2d(np.cov(columns[labels == c], rowvar=False)))
            if (labels == c).sum() > 1
            else np.eye(columns.shape[1])
            for c in self.classes_
        ]

    def distances(self, columns: NDArray[Any]) -> NDArray[Any]:
        """``(n, classes)``."""
        if self.metric == "cosine":
            lengths = (
                np.linalg.norm(columns, axis=1)[:, None]
                * np.linalg.norm(self.means, axis=1)[None, :]
            )
            return np.asarray(1 - columns @ self.means.T / np.where(lengths == 0, 1, lengths))
        out = []
        for mean, inverse in zip(self.means, self.inverse, strict=True):
            d = columns - mean
            if self.metric == "mahalanobis":
                out.append(np.einsum("ij,jk,ik->i", d, inverse, d))
            elif self.metric == "manhattan":
                out.append(np.abs(d).sum(axis=1))
            else:
                out.append(np.einsum("ij,ij->i", d, d))
        return np.stack(out, axis=1)

    def predict(self, columns: NDArray[Any]) -> NDArray[Any]:
        """The nearest class; with regression's meaning, see the mode."""
        return np.asarray(self.classes_[self.distances(columns).argmin(axis=1)])


class PositiveNaiveBayes:
    """Multinomial naive Bayes on positive integers, negatives counted as zero."""

    def __init__(self, smoothing: float, columns: NDArray[Any], labels: NDArray[Any]) -> None:
        from sklearn.naive_bayes import MultinomialNB

        self.inner = MultinomialNB(alpha=max(smoothing, 1e-10)).fit(
            np.clip(columns, 0, None), labels
        )

    def predict(self, columns: NDArray[Any]) -> NDArray[Any]:
        """Labels."""
        return np.asarray(self.inner.predict(np.clip(columns, 0, None)))

    def predict_proba(self, columns: NDArray[Any]) -> NDArray[Any]:
        """Class probabilities."""
        return np.asarray(self.inner.predict_proba(np.clip(columns, 0, None)))


def _tree_limits(s: Mapping[str, Any]) -> dict[str, Any]:
    nodes = s.get("maxNodes")
    return {
        "max_leaf_nodes": None if not nodes else max(2, int(nodes)),
        "min_samples_leaf": int(s["minLeafPopulation"]),
    }


def _forest(s: Mapping[str, Any], regression: bool, inputs: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    wanted = s.get("variablesPerSplit")
    per_split = min(inputs, int(wanted)) if wanted else max(1, int(np.sqrt(inputs)))
    kind = RandomForestRegressor if regression else RandomForestClassifier
    bag = float(s["bagFraction"])
    return kind(
        n_estimators=int(s["numberOfTrees"]), max_features=per_split, random_state=int(s["seed"]),
        bootstrap=True, max_samples=None if bag >= 1 else bag, oob_score=int(s["numberOfTrees"]) > 4 and bag < 1,
        n_jobs=1, **_tree_limits(s),
    )  # fmt: skip


def _cart(s: Mapping[str, Any], regression: bool, inputs: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if regression else DecisionTreeClassifier
    return kind(random_state=0, **_tree_limits(s))


def _boosted(s: Mapping[str, Any], regression: bool, inputs: int) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    losses = {
        "leastsquares": "squared_error",
        "leastabsolutedeviation": "absolute_error",
        "huber": "huber",
    }
    options: dict[str, Any] = (
        {"loss": losses.get(str(s["loss"]).lower(), "huber")} if regression else {}
    )
    nodes = s.get("maxNodes")
    kind = GradientBoostingRegressor if regression else GradientBoostingClassifier
    return kind(
        n_estimators=int(s["numberOfTrees"]), learning_rate=float(s["shrinkage"]), subsample=float(s["samplingRate"]),
        random_state=int(s["seed"]), max_leaf_nodes=int(nodes) if nodes else 6, max_depth=None, **options,
    )  # fmt: skip


def _nearest(s: Mapping[str, Any], regression: bool, inputs: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    metrics = {
        "EUCLIDEAN": "euclidean",
        "MANHATTAN": "manhattan",
        "MAHALANOBIS": "euclidean",
        "BRAYCURTIS": "braycurtis",
    }
    kind = KNeighborsRegressor if regression else KNeighborsClassifier
    return kind(n_neighbors=int(s["k"]), metric=metrics.get(str(s["metric"]).upper(), "euclidean"))


def _support(s: Mapping[str, Any], regression: bool, inputs: int) -> Any:
    from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

    kernels = {"LINEAR": "linear", "POLY": "poly", "RBF": "rbf", "SIGMOID": "sigmoid"}
    gamma = s.get("gamma")
    shared: dict[str, Any] = {
        "kernel": kernels.get(str(s["kernelType"]).upper(), "linear"),
        "shrinking": bool(s["shrinking"]),
        "degree": int(s.get("degree") or 3),
        "gamma": 1 / inputs if gamma is None else float(gamma),
        "coef0": float(s.get("coef0") or 0),
        "tol": float(s.get("terminationEpsilon") or 1e-3),
    }
    cost, nu = float(s.get("cost") or 1), float(s.get("nu") or 0.5)
    epsilon = float(s.get("lossEpsilon") or 0.1)
    match str(s["svmType"]).upper():
        case "C_SVC":
            return SVC(C=cost, random_state=0, **shared)
        case "NU_SVC":
            return NuSVC(nu=nu, random_state=0, **shared)
        case "ONE_CLASS":
            return OneClassSVM(nu=nu, **shared)
        case "EPSILON_SVR":
            return SVR(C=cost, epsilon=epsilon, **shared)
        case "NU_SVR":
            return NuSVR(nu=nu, C=cost, **shared)
    raise EvaluationError(f"Classifier.libsvm: Unknown svmType '{s['svmType']}'.")


BUILDERS = {
    "smileRandomForest": _forest,
    "smileCart": _cart,
    "smileGradientTreeBoost": _boosted,
    "smileKNN": _nearest,
    "libsvm": _support,
}


def fit(
    classifier: Classifier, columns: NDArray[Any], targets: NDArray[Any], schema: tuple[str, ...]
) -> Classifier:
    """The classifier trained on rows ``(n, inputs)``; class values are rounded to integers."""
    if columns.shape[0] == 0:
        raise EvaluationError("Classifier.train: No valid training data was found.")
    regression = classifier.mode in ("REGRESSION", "RAW_REGRESSION")
    labels = targets if regression else np.rint(targets).astype("int64")
    if not regression and classifier.name not in ("libsvm",) and np.unique(labels).size < 2:
        raise EvaluationError("Classifier.train: Only one class.")
    if classifier.name == "minimumDistance":
        model: Any = ScikitModel(NearestMean(str(classifier.settings["metric"]), columns, labels))
    elif classifier.name == "smileNaiveBayes":
        model = ScikitModel(
            PositiveNaiveBayes(float(classifier.settings["lambda"]), columns, labels)
        )
    else:
        estimator = BUILDERS[classifier.name](classifier.settings, regression, columns.shape[1])
        try:
            model = ScikitModel(estimator.fit(columns, labels))
        except ValueError as error:
            raise EvaluationError(f"Classifier.train: {error}") from error
    trained = replace(
        classifier,
        model=model,
        schema=schema,
        classes=() if regression else tuple(int(v) for v in np.unique(labels)),
        rows=(columns, targets),
    )
    if regression:
        return trained
    predicted = np.asarray(model.predict(columns, "CLASSIFICATION"), "int64")
    return replace(trained, matrix=(labels, predicted))
