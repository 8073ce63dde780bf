"""What every trained model offers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError

Rows = NDArray[np.float64]

MODES = ("CLASSIFICATION", "REGRESSION", "PROBABILITY", "MULTIPROBABILITY", "RAW", "RAW_REGRESSION")
REGRESSIONS = ("REGRESSION", "RAW_REGRESSION")


def nobody() -> None:
    """Cancels nothing."""


class Model:
    """A trained model: plain arrays, and what can be said of rows ``(n, inputs)`` of doubles.

    Sub-classes are dataclasses of arrays and numbers (see ``stored``) and offer what they can; those that classify
    have ``classes``, the class values in ascending order.
    """

    classes: NDArray[Any]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of several results for each row, which ``told`` gives; empty for models of one."""
        return ()

    def told(self, rows: Rows) -> Rows:
        """``(n, outputs)``."""
        raise _Missing

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 1000 + sum(_bytes(value) for value in vars(self).values())

    def labels(self, rows: Rows) -> NDArray[Any]:
        """The class ``(n,)`` of each row."""
        return np.asarray(self.classes[self.probabilities(rows).argmax(axis=1)])

    def probabilities(self, rows: Rows) -> Rows:
        """Of each class ``(n, classes)``."""
        raise _Missing

    def values(self, rows: Rows) -> Rows:
        """Regression ``(n,)``."""
        raise _Missing

    def raw(self, rows: Rows) -> Rows:
        """What the result is made from ``(n, k)``."""
        raise _Missing


class _Missing(EvaluationError):
    """The model does not have the mode."""

    def __init__(self) -> None:
        super().__init__("This classifier has no such output mode.")


def _bytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, tuple | list):
        return sum(_bytes(part) for part in value)
    return int(getattr(value, "size", 0) if isinstance(value, Model) else 0)


def classes_of(model: Model) -> NDArray[Any]:
    """The class values in ascending order; empty for a model of numbers."""
    return np.asarray(getattr(model, "classes", np.zeros(0, np.int64)))


def output(model: Model, mode: str, rows: NDArray[Any]) -> NDArray[Any]:
    """Rows ``(n, inputs)`` to ``(n,)``, or ``(n, k)`` for the modes with arrays.

    PROBABILITY is that of the second of two classes, or of the most probable of more.
    """
    given = np.asarray(rows, "float64")
    if model.outputs:
        return model.told(given)
    match mode:
        case "CLASSIFICATION":
            return model.labels(given)
        case "REGRESSION":
            return model.values(given)
        case "PROBABILITY":
            shares = model.probabilities(given)
            return np.asarray(shares[:, 1] if shares.shape[1] == 2 else shares.max(axis=1))
        case "MULTIPROBABILITY":
            return model.probabilities(given)
    return model.raw(given)
