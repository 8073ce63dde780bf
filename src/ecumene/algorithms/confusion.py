"""Confusion matrices: rows are actual classes, columns predicted ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.algorithms import arrays
from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float, Integer, Object


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Counts and the class values of its rows and columns."""

    counts: NDArray[Any]
    classes: tuple[int, ...]

    def to_json(self) -> Any:
        """Nested lists."""
        return self.counts.tolist()

    def as_array(self) -> Array:
        """The counts as an array."""
        return Array.of(self.counts)


def tabulated(actual: Any, predicted: Any, order: list[int] | None) -> ConfusionMatrix:
    """The table of pairs; classes from 0 to the largest unless an order is given."""
    actual, predicted = np.asarray(actual, "int64"), np.asarray(predicted, "int64")
    if order is None:
        top = int(max(actual.max(initial=0), predicted.max(initial=0)))
        if top > 10_000 or min(actual.min(initial=0), predicted.min(initial=0)) < 0:
            raise EvaluationError(
                "ConfusionMatrix: Class values must be between 0 and 10000, or an 'order' must be given."
            )
        classes = tuple(range(top + 1))
    else:
        classes = tuple(order)
    place = {value: i for i, value in enumerate(classes)}
    out = np.zeros((len(classes), len(classes)), "int64")
    for a, p in zip(actual.tolist(), predicted.tolist(), strict=True):
        if a in place and p in place:
            out[place[a], place[p]] += 1
    return ConfusionMatrix(out, classes)


@algorithm("ConfusionMatrix")
def confusion_matrix(array: Object, order: list[Integer] | None = None) -> ConfusionMatrix:
    """A confusion matrix of a square array of counts."""
    try:
        counts = arrays.array(array).values
    except EvaluationError:
        counts = np.zeros(0)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise EvaluationError("ConfusionMatrix: A square 2-D array is needed.")
    classes = tuple(range(counts.shape[0])) if order is None else tuple(order)
    if len(classes) != counts.shape[0]:
        raise EvaluationError("ConfusionMatrix: 'order' must have one value for each row.")
    return ConfusionMatrix(counts, classes)


def _ratio(a: Any, b: Any) -> Any:
    return np.where(b == 0, 0.0, a / np.where(b == 0, 1, b))


@algorithm("ConfusionMatrix.accuracy")
def accuracy(confusion_matrix: ConfusionMatrix) -> Float:
    """Correct predictions over all."""
    c = confusion_matrix.counts
    return float(_ratio(np.trace(c), c.sum()))


@algorithm("ConfusionMatrix.array")
def array(confusion_matrix: ConfusionMatrix) -> Array:
    """The counts."""
    return confusion_matrix.as_array()


def _producers(c: Any) -> Any:
    return _ratio(np.diagonal(c), c.sum(axis=1))


def _consumers(c: Any) -> Any:
    return _ratio(np.diagonal(c), c.sum(axis=0))


@algorithm("ConfusionMatrix.producersAccuracy")
def producers_accuracy(confusion_matrix: ConfusionMatrix) -> Array:
    """Correct predictions over the actual members of each class, as a column."""
    return Array.of(_producers(confusion_matrix.counts)[:, None])


@algorithm("ConfusionMatrix.consumersAccuracy")
def consumers_accuracy(confusion_matrix: ConfusionMatrix) -> Array:
    """Correct predictions over all predictions of each class, as a row."""
    return Array.of(_consumers(confusion_matrix.counts)[None, :])


@algorithm("ConfusionMatrix.fscore")
def fscore(confusion_matrix: ConfusionMatrix, beta: Float = 1) -> Array:
    """The F score of each class: the weighted harmonic mean of both accuracies."""
    p, c = _consumers(confusion_matrix.counts), _producers(confusion_matrix.counts)
    b = beta * beta
    return Array.of(_ratio((1 + b) * p * c, b * p + c))


@algorithm("ConfusionMatrix.kappa")
def kappa(confusion_matrix: ConfusionMatrix) -> Float:
    """Cohen's kappa."""
    c = confusion_matrix.counts.astype("float64")
    total = c.sum()
    if total == 0:
        return 0.0
    chance = float((c.sum(axis=0) * c.sum(axis=1)).sum() / total**2)
    observed = float(np.trace(c) / total)
    return float(_ratio(np.asarray(observed - chance), np.asarray(1 - chance)))


@algorithm("ConfusionMatrix.order")
def order(confusion_matrix: ConfusionMatrix) -> list[Integer]:
    """The class values of rows and columns."""
    return [int(v) for v in confusion_matrix.classes]


@algorithm("Collection.errorMatrix")
def error_matrix(
    collection: Collection,
    actual: str,
    predicted: str,
    order: list[Integer] | None = None,
    *,
    context: Context,
) -> ConfusionMatrix:
    """The confusion matrix of two properties of all elements."""
    rows = []
    for element in collection:
        context.cancel.check()
        a, p = element.get(actual), element.get(predicted)
        if isinstance(a, int | float) and isinstance(p, int | float):
            rows.append((round(a), round(p)))
    return tabulated([r[0] for r in rows], [r[1] for r in rows], order)
