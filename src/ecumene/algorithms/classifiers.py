"""Classifiers: constructors, training, prediction, accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ecumene.algorithms.confusion import ConfusionMatrix, tabulated
from ecumene.algorithms.training import bands_of, input_names, labelled, rows_of
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import DOUBLE, FLOAT, PixelType, of_range
from ecumene.core.registry import REGISTRY, REQUIRED, Algorithm, Argument, algorithm
from ecumene.core.wire import Float, Integer, Object
from ecumene.learning.model import Classifier, fit
from ecumene.plan.nodes import Predict

# name: (words, ((argument, type, default), …))
CONSTRUCTORS: dict[str, tuple[str, tuple[tuple[str, str, Any], ...]]] = {
    "smileRandomForest": ("A forest of random trees.", (("numberOfTrees", "Integer", REQUIRED), ("variablesPerSplit", "Integer", None), ("minLeafPopulation", "Integer", 1.0), ("bagFraction", "Float", 0.5), ("maxNodes", "Integer", None), ("seed", "Integer", 0.0))),
    "smileCart": ("A decision tree.", (("maxNodes", "Integer", None), ("minLeafPopulation", "Integer", 1.0))),
    "smileGradientTreeBoost": ("Trees that each correct the ones before.", (("numberOfTrees", "Integer", REQUIRED), ("shrinkage", "Float", 0.005), ("samplingRate", "Float", 0.7), ("maxNodes", "Integer", None), ("loss", "String", "LeastAbsoluteDeviation"), ("seed", "Integer", 0.0))),
    "smileKNN": ("The classes of the nearest samples.", (("k", "Integer", 1.0), ("searchMethod", "String", "AUTO"), ("metric", "String", "EUCLIDEAN"))),
    "smileNaiveBayes": ("Naive Bayes on counts.", (("lambda", "Float", 1e-06),)),
    "minimumDistance": ("The class with the nearest mean.", (("metric", "String", "euclidean"), ("kNearest", "Integer", 1.0))),
}  # fmt: skip
_SVM = (
    ("decisionProcedure", "String", "Voting"), ("svmType", "String", "C_SVC"), ("kernelType", "String", "LINEAR"),
    ("shrinking", "Boolean", True), ("degree", "Integer", None), ("gamma", "Float", None), ("coef0", "Float", None),
    ("cost", "Float", None), ("nu", "Float", None), ("terminationEpsilon", "Float", None), ("lossEpsilon", "Float", None),
    ("oneClass", "Integer", None),
)  # fmt: skip
REMOVED = (
    "cart", "naiveBayes", "gmoLinearRegression", "gmoMaxEnt", "pegasos", "pegasosGaussian", "pegasosLinear",
    "pegasosPolynomial", "winnow", "perceptron", "ikpamir", "continuousNaiveBayes", "randomForest",
)  # fmt: skip
GONE = "This classifier has been removed. For more information see: https://goo.gle/deprecated-classifiers."


def _maker(name: str) -> Callable[..., Classifier]:
    return lambda **settings: Classifier(name, settings)


def _arguments(items: tuple[tuple[str, str, Any], ...]) -> tuple[Argument, ...]:
    return tuple(Argument(n, t, "see the classifier's documentation", d, n) for n, t, d in items)


def _declare() -> None:
    for name, (words, items) in CONSTRUCTORS.items():
        REGISTRY.add(
            Algorithm(f"Classifier.{name}", _arguments(items), "Classifier", words, _maker(name))
        )
    for name in ("libsvm", "svm"):
        REGISTRY.add(
            Algorithm(
                f"Classifier.{name}", _arguments(_SVM), "Classifier", "A support vector machine.", _maker("libsvm"),
                hidden=name == "svm",
            )
        )  # fmt: skip


_declare()


def declare_removed() -> None:
    """Classifiers that the service no longer has: listed, and saying so when they are called."""

    def refuse(**_: Any) -> Any:
        raise EvaluationError(GONE)

    from ecumene.algorithms import planned

    for entry in planned.entries():
        if entry.name.removeprefix("Classifier.") in REMOVED and entry.name.startswith(
            "Classifier."
        ):
            REGISTRY.add(replace(entry, function=refuse))


declare_removed()


@algorithm("Classifier.train")
def train(
    classifier: Classifier, features: Collection, class_property: str, input_properties: list[str] | None = None,
    subsampling: Float = 1, subsampling_seed: Integer = 0, *, context: Context,
) -> Classifier:  # fmt: skip
    """The classifier trained on the properties of features.

    Parameters
    ----------
    classifier : what to train.
    features : the samples.
    class_property : what to predict; rounded to integers for classification.
    input_properties : what to predict it from.
    subsampling : share of the samples to use.
    subsampling_seed : chooses them.
    """
    names = input_names("Classifier.train", features, input_properties, class_property)
    rows = rows_of(
        "Classifier.train",
        features,
        [*names, class_property],
        subsampling,
        subsampling_seed,
        context,
    )
    return fit(classifier, rows[:, :-1], rows[:, -1], tuple(names))


@algorithm("Classifier.setOutputMode")
def set_output_mode(classifier: Classifier, mode: str) -> Classifier:
    """The classifier with another kind of output.

    Parameters
    ----------
    classifier : the classifier.
    mode : ``CLASSIFICATION REGRESSION PROBABILITY MULTIPROBABILITY RAW RAW_REGRESSION``.
    """
    return classifier.with_mode(mode.upper())


@algorithm("Classifier.mode")
def mode(classifier: Classifier) -> str:
    """The kind of output.

    Parameters
    ----------
    classifier : the classifier.
    """
    return classifier.mode


def _trained(name: str, classifier: Classifier) -> None:
    if not classifier.trained:
        raise EvaluationError(f"{name}: The classifier is not trained.")


@algorithm("Classifier.schema")
def schema(classifier: Classifier) -> list[str]:
    """Names of the inputs, in order.

    Parameters
    ----------
    classifier : a trained classifier.
    """
    _trained("Classifier.schema", classifier)
    return list(classifier.schema)


@algorithm("Classifier.confusionMatrix")
def confusion_matrix(classifier: Classifier) -> ConfusionMatrix:
    """The confusion matrix of the training samples themselves.

    Parameters
    ----------
    classifier : a trained classifier.
    """
    _trained("Classifier.confusionMatrix", classifier)
    if classifier.matrix is None:
        raise EvaluationError(
            "Classifier.confusionMatrix: Only classifications have a confusion matrix."
        )
    return tabulated(*classifier.matrix, None)


@algorithm("Classifier.explain")
def explain(classifier: Classifier) -> dict[str, Object]:
    """Settings and what training found: classes, importance of the inputs, number of trees, error out of the bag.

    Parameters
    ----------
    classifier : a trained classifier.
    """
    _trained("Classifier.explain", classifier)
    estimator: Any = getattr(classifier.model, "estimator", None)
    out: dict[str, Any] = {"classes": [int(c) for c in classifier.classes], "mode": classifier.mode}
    importance = getattr(estimator, "feature_importances_", None)
    if importance is not None:
        out["importance"] = {
            n: float(v) for n, v in zip(classifier.schema, importance, strict=True)
        }
    if hasattr(estimator, "estimators_"):
        out["numberOfTrees"] = int(np.size(estimator.estimators_))
    if hasattr(estimator, "oob_score_"):
        out["outOfBagErrorEstimate"] = 1 - float(estimator.oob_score_)
    return out


def output_type(classifier: Classifier) -> PixelType:
    """Type of a prediction."""
    kinds = {
        "REGRESSION": DOUBLE, "PROBABILITY": PixelType("float", 0.0, 1.0),
        "MULTIPROBABILITY": PixelType("float", 0.0, 1.0, 1), "RAW": FLOAT.with_dimensions(1),
        "RAW_REGRESSION": FLOAT.with_dimensions(1),
    }  # fmt: skip
    if classifier.mode in kinds:
        return kinds[classifier.mode]
    return of_range(min(classifier.classes, default=0), max(classifier.classes, default=0))


@algorithm("Image.classify")
def classify(image: Image, classifier: Classifier, output_name: str = "classification") -> Image:
    """The prediction of every pixel that is valid in all inputs.

    Parameters
    ----------
    image : bands named like the inputs of the classifier.
    classifier : a trained classifier.
    output_name : name of the band.
    """
    _trained("Image.classify", classifier)
    used = bands_of("Image.classify", image, classifier.schema)
    node = Predict(classifier, tuple(b.node for b in used), output_type(classifier))
    first = used[0]
    return image.with_bands(
        [Band(output_name, node, first.projection, first.dimensions, first.origin)]
    )


@algorithm("FeatureCollection.classify")
def classify_features(
    features: Collection, classifier: Classifier, output_name: str = "classification"
) -> Collection:
    """Features with their prediction as a property.

    Parameters
    ----------
    features : properties named like the inputs of the classifier.
    classifier : a trained classifier.
    output_name : name of the property.
    """
    _trained("FeatureCollection.classify", classifier)
    return labelled(features, classifier, output_name)
