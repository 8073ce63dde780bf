"""Classifiers: constructors, training, prediction, accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ecumene.algorithms import planned
from ecumene.algorithms.confusion import ConfusionMatrix, tabulated
from ecumene.algorithms.training import bands_of, input_names, labelled, rows_of
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError, Unavailable
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import DOUBLE, FLOAT, INT32, PixelType, of_range
from ecumene.core.registry import REGISTRY, REQUIRED, Algorithm, Argument, algorithm
from ecumene.core.wire import Float, Integer, Object
from ecumene.learning import treetext
from ecumene.learning.base import REGRESSIONS, classes_of
from ecumene.learning.classifier import Classifier, Samples
from ecumene.learning.forest import BoostedClassifier, TreeClassifier, TreeRegressor
from ecumene.learning.simple import NearestMean, Neighbours, Region
from ecumene.learning.stored import loaded
from ecumene.learning.support import Support
from ecumene.plan.nodes import Pick, Predict

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


SHARE = PixelType("float", 0.0, 1.0)


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
    for entry in planned.entries():
        if entry.name == "Classifier.amnhMaxent":
            REGISTRY.add(replace(entry, function=_maxent))


def _maxent(**settings: Any) -> Classifier:
    names = settings["categoricalNames"]
    settings["categoricalNames"] = None if names is None else tuple(names)
    return Classifier("amnhMaxent", settings, "PROBABILITY")


_declare()


def declare_removed() -> None:
    """Classifiers that the service no longer has: listed, and saying so when they are called."""

    def refuse(**_: Any) -> Any:
        raise EvaluationError(GONE)

    for entry in planned.entries():
        if entry.name.removeprefix("Classifier.") in REMOVED and entry.name.startswith(
            "Classifier."
        ):
            REGISTRY.add(replace(entry, function=refuse))


declare_removed()


@algorithm("Classifier.spectralRegion")
def spectral_region(coordinates: list[list[Float]], schema: list[str] | None = None) -> Classifier:
    """A classifier that tells whether two inputs fall inside a polygon of their plane: 1 inside, else 0.

    Parameters
    ----------
    coordinates : rings of the polygon, each ``[u1, v1, u2, v2, …]``; a point is inside where a line away from it crosses an odd number of edges.
    schema : names of the two inputs, ``u`` and ``v`` by default.
    """
    names = tuple(schema or ("u", "v"))
    if len(names) != 2:
        raise EvaluationError("Classifier.spectralRegion: 'schema' must name two inputs.")
    return Classifier(
        "spectralRegion", {"coordinates": coordinates}, schema=names, fixed=Region.of(coordinates)
    )


def _of_text(name: str, texts: list[str]) -> Classifier:
    trees, schema = treetext.read(texts)
    model = treetext.TextTrees.of(trees)
    return Classifier(name, {"trees": tuple(texts)}, schema=schema, fixed=model)


@algorithm("Classifier.decisionTree")
def decision_tree(tree_string: str) -> Classifier:
    """A classifier that follows a decision tree, which needs no training.

    Parameters
    ----------
    tree_string : the tree as R prints it: a line a node with its number, the condition that leads to it, the number of samples, the loss and the value. Children of node k are 2k and 2k+1; conditions are ``<``, ``<=``, ``>``, ``>=``.
    """
    found = _of_text("decisionTree", [tree_string])
    model = found.fixed
    if isinstance(model, treetext.TextTrees) and model.trees.trees > 1:
        raise EvaluationError(
            "Classifier.decisionTree: More than one tree; use Classifier.decisionTreeEnsemble."
        )
    return found


@algorithm("Classifier.decisionTreeEnsemble")
def decision_tree_ensemble(tree_strings: list[str]) -> Classifier:
    """A classifier that lets several decision trees vote; where leaves are not whole numbers, the mean of their values.

    Parameters
    ----------
    tree_strings : texts of one or more trees each, see ``Classifier.decisionTree``.
    """
    return _of_text("decisionTreeEnsemble", tree_strings)


@algorithm("Classifier.load")
def load(id: str, context: Context) -> Classifier:
    """A classifier of trees that was exported to an asset.

    Parameters
    ----------
    id : the asset's id.
    """
    path = context.catalog.load_classifier(id)
    if path is None:
        raise EvaluationError(
            f"Classifier.load: Classifier asset '{id}' not found (does not exist or caller does not have access)."
        )
    try:
        return loaded(Path(path).read_bytes())
    except (OSError, Unavailable):
        raise EvaluationError(f"Classifier.load: Classifier asset '{id}' cannot be read.") from None


@algorithm("Classifier.train")
def train(
    classifier: Classifier, features: Collection, class_property: str, input_properties: list[str] | None = None,
    subsampling: Float = 1, subsampling_seed: Integer = 0, *, context: Context,
) -> Classifier:  # fmt: skip
    """The classifier trained on numeric properties of features; those that lack one are left out.

    A model is trained when something needs it, once for the same samples, settings and kind of output.

    Parameters
    ----------
    classifier : what to train.
    features : the samples.
    class_property : what to predict; rounded to integers for classification.
    input_properties : what to predict it from; by default the collection's ``band_order``.
    subsampling : share of the samples to use, in (0, 1].
    subsampling_seed : chooses them.
    """
    names = input_names("Classifier.train", features, input_properties, class_property)
    rows = rows_of(
        "Classifier.train", features, [*names, class_property], subsampling, subsampling_seed, context
    )  # fmt: skip
    samples = Samples(np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, -1]))
    return classifier.on(samples, tuple(names), context.account)


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
def schema(classifier: Classifier) -> list[str] | None:
    """Names of the inputs, in order; null before training.

    Parameters
    ----------
    classifier : a classifier.
    """
    return list(classifier.schema) if classifier.trained else None


@algorithm("Classifier.confusionMatrix")
def confusion_matrix(classifier: Classifier, context: Context) -> ConfusionMatrix:
    """The confusion matrix of the training samples themselves.

    Parameters
    ----------
    classifier : a trained classifier.
    """
    _trained("Classifier.confusionMatrix", classifier)
    if classifier.samples is None or classifier.mode in REGRESSIONS:
        raise EvaluationError(
            "Classifier.confusionMatrix: Only classifiers trained to classify have a confusion matrix."
        )
    trained = replace(classifier, mode="CLASSIFICATION").predictor(context.cancel.check)
    told = trained.predict(classifier.samples.rows)
    first = told[:, 0] if told.ndim > 1 else told
    return tabulated(np.rint(classifier.samples.targets), first, None)


MOST_SHOWN_NODES = 2_000_000


@algorithm("Classifier.explain")
def explain(classifier: Classifier, context: Context) -> dict[str, Object]:
    """What training found, by kind of classifier.

    Trees: ``importance`` of the inputs (impurity that splits at them took away), ``numberOfTrees`` and ``trees``, or
    ``tree``, as text that ``Classifier.decisionTreeEnsemble`` reads; forests the ``outOfBagErrorEstimate`` (share of
    errors, for numbers the root of the mean square). Support vector machines: the number of vectors and kernel.
    Minimum distance: the ``means`` of classes. All: the ``classes``, and the settings.

    Parameters
    ----------
    classifier : a trained classifier.
    """
    _trained("Classifier.explain", classifier)
    grown = classifier.grown(context.cancel.check)
    model = grown.model
    out: dict[str, Any] = {}
    classes = classes_of(model)
    if classifier.mode not in REGRESSIONS and classes.size:
        out["classes"] = [_number(c) for c in classes]
    if grown.importance.size:
        out["importance"] = dict(zip(classifier.schema, grown.importance.tolist(), strict=True))
    if grown.error is not None:
        out["outOfBagErrorEstimate"] = grown.error
    out |= _trees_of(classifier, model) | _parts_of(classifier, model)
    shown = {k: v for k, v in classifier.settings.items() if v is not None}
    return out | {
        k: v for k, v in shown.items() if k not in out and k not in ("trees", "coordinates")
    }


def _number(value: Any) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def _trees_of(classifier: Classifier, model: Any) -> dict[str, Any]:
    if isinstance(model, treetext.TextTrees):
        return {"numberOfTrees": model.trees.trees, "trees": list(classifier.settings["trees"])}
    if not isinstance(model, TreeClassifier | TreeRegressor | BoostedClassifier):
        return {}
    trees = model.trees
    out: dict[str, Any] = {}
    if classifier.name != "smileCart":
        out["numberOfTrees"] = trees.trees
    if trees.words.size <= MOST_SHOWN_NODES:
        named = model.classes if isinstance(model, TreeClassifier) else np.zeros(0)
        texts = [treetext.written(trees, k, classifier.schema, named) for k in range(trees.trees)]
        out |= {"tree": texts[0]} if classifier.name == "smileCart" else {"trees": texts}
    return out


def _parts_of(classifier: Classifier, model: Any) -> dict[str, Any]:
    if isinstance(model, Support):
        return {"numberOfSupportVectors": len(model.vectors), "gamma": model.gamma}
    if isinstance(model, NearestMean):
        means = dict(zip(map(str, model.classes.tolist()), model.means.tolist(), strict=True))
        return {"inputs": list(classifier.schema), "means": means}
    if isinstance(model, Neighbours):
        return {"numberOfSamples": len(model.rows)}
    return {}


def output_type(classifier: Classifier, model: Any) -> PixelType:
    """Type of a prediction."""
    kinds = {
        "REGRESSION": DOUBLE, "PROBABILITY": SHARE,
        "MULTIPROBABILITY": PixelType("float", 0.0, 1.0, 1), "RAW": FLOAT.with_dimensions(1),
        "RAW_REGRESSION": FLOAT.with_dimensions(1),
    }  # fmt: skip
    many = isinstance(model, NearestMean) and model.nearest > 1
    if classifier.mode in kinds:
        found = kinds[classifier.mode]
        return found.with_dimensions(1) if many and classifier.mode == "REGRESSION" else found
    classes = classes_of(model)
    if isinstance(model, treetext.TextTrees) and not classes.size:
        return DOUBLE
    found = of_range(classes.min(), classes.max()) if classes.size else INT32
    return found.with_dimensions(1) if many else found


@algorithm("Image.classify")
def classify(
    image: Image, classifier: Classifier, output_name: str = "classification", *, context: Context
) -> Image:
    """The prediction of every pixel that is valid in all inputs.

    Parameters
    ----------
    image : bands named like the inputs of the classifier.
    classifier : a trained classifier.
    output_name : name of the band; classifiers with several results name their bands themselves.
    """
    _trained("Image.classify", classifier)
    used = bands_of("Image.classify", image, classifier.schema)
    if not used:
        raise EvaluationError("Image.classify: The classifier has no inputs.")
    made = classifier.predictor(context.cancel.check)
    first = used[0]
    if made.model.outputs:
        every = Predict(made, tuple(b.node for b in used), FLOAT.with_dimensions(1))
        bands = [
            Band(name, Pick(every, k, SHARE), first.projection, first.dimensions, first.origin)
            for k, name in enumerate(made.model.outputs)
        ]
        return image.with_bands(bands)
    node = Predict(made, tuple(b.node for b in used), output_type(classifier, made.model))
    return image.with_bands(
        [Band(output_name, node, first.projection, first.dimensions, first.origin)]
    )


@algorithm("FeatureCollection.classify")
def classify_features(
    features: Collection,
    classifier: Classifier,
    output_name: str = "classification",
    *,
    context: Context,
) -> Collection:
    """Features with their prediction as a property.

    Parameters
    ----------
    features : properties named like the inputs of the classifier.
    classifier : a trained classifier.
    output_name : name of the property.
    """
    _trained("FeatureCollection.classify", classifier)
    made = classifier.predictor(context.cancel.check)
    return labelled(features, made, output_name, made.model.outputs)
