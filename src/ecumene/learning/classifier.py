"""Classifiers: kind, settings and output mode; samples, and the model that is trained on them when it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError
from ecumene.learning import grow, maxent, memory, simple, support
from ecumene.learning.base import MODES, REGRESSIONS, Model, Rows, classes_of, nobody, output
from ecumene.learning.grow import Grown

FORESTS = frozenset(MODES)
TREES = FORESTS - {"RAW", "RAW_REGRESSION"}
CHANCES = frozenset(("CLASSIFICATION", "PROBABILITY", "MULTIPROBABILITY"))
MODES_OF: Mapping[str, frozenset[str]] = {
    "amnhMaxent": frozenset(("PROBABILITY",)),
    "decisionTree": frozenset(("CLASSIFICATION", "REGRESSION")),
    "decisionTreeEnsemble": FORESTS,
    "libsvm": TREES,
    "minimumDistance": frozenset(("CLASSIFICATION", "REGRESSION", "RAW")),
    "smileCart": TREES,
    "smileGradientTreeBoost": TREES,
    "smileKNN": TREES,
    "smileNaiveBayes": CHANCES,
    "smileRandomForest": FORESTS,
    "spectralRegion": frozenset(("CLASSIFICATION",)),
}
"""The output modes of each kind."""

TRAINED = frozenset(("smileRandomForest", "smileCart"))
"""Kinds that can be stored and are trained either to classify or for numbers."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Training rows ``(n, inputs)`` and targets ``(n,)``."""

    rows: Rows
    targets: Rows

    @cached_property
    def digest(self) -> bytes:
        """Of their content."""
        held = hashlib.blake2b(np.ascontiguousarray(self.rows).tobytes(), digest_size=16)
        held.update(np.ascontiguousarray(self.targets).tobytes())
        return held.digest()


@dataclass(frozen=True, eq=False)
class Predictor:
    """A trained model with its mode, as plans hold it."""

    model: Model
    mode: str
    schema: tuple[str, ...]
    plan_token: bytes

    @property
    def width(self) -> int:
        """Numbers that a row's result holds."""
        if self.model.outputs or self.mode not in ("MULTIPROBABILITY", "RAW", "RAW_REGRESSION"):
            return max(len(self.model.outputs), int(getattr(self.model, "nearest", 1)))
        trees = getattr(self.model, "trees", None)
        if self.mode != "MULTIPROBABILITY" and trees is not None:
            return int(trees.trees)
        return max(int(classes_of(self.model).size), 1)

    def predict(self, columns: NDArray[Any]) -> NDArray[Any]:
        """``(n, inputs)`` to ``(n,)``, or ``(n, k)`` for the modes with arrays."""
        return output(self.model, self.mode, columns)


@dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier. ``schema`` are the inputs' names in order, ``fixed`` the model of one that needs no training."""

    name: str
    settings: Mapping[str, Any]
    mode: str = "CLASSIFICATION"
    schema: tuple[str, ...] = ()
    samples: Samples | None = field(default=None, repr=False)
    fixed: Model | None = field(default=None, repr=False)
    account: str = ""
    stored: Grown | None = field(default=None, repr=False)

    @property
    def plan_token(self) -> bytes:
        """Content identity for plans: kind, settings, mode and samples decide what is predicted."""
        text = repr((self.name, sorted(self.settings.items()), self.mode, self.schema))
        seen = b"" if self.samples is None else self.samples.digest
        if self.stored is not None:
            seen = self.stored.digest
        return hashlib.blake2b(text.encode() + seen, digest_size=16).digest()

    def to_json(self) -> dict[str, Any]:
        """Kind and settings."""
        shown = {key: value for key, value in self.settings.items() if value is not None}
        return {"type": f"Classifier.{self.name}", **shown, "mode": self.mode}

    def with_mode(self, mode: str) -> Classifier:
        """The same classifier with another kind of output. Raises EvaluationError for one that it does not have."""
        known = MODES_OF[self.name]
        if mode not in MODES:
            raise EvaluationError(f"Classifier.setOutputMode: Unknown mode '{mode}'.")
        if mode not in known:
            listed = ", ".join(one for one in MODES if one in known)
            raise EvaluationError(
                f"Classifier.setOutputMode: {self.name} has no output mode {mode}; it has: {listed}."
            )
        return replace(self, mode=mode)

    @property
    def trained(self) -> bool:
        """Whether it can predict."""
        return not (self.samples is None and self.fixed is None and self.stored is None)

    def on(self, samples: Samples, schema: tuple[str, ...], account: str) -> Classifier:
        """The classifier with samples to train on."""
        if self.fixed is not None or self.stored is not None:
            raise EvaluationError(f"Classifier.train: {self.name} needs no training.")
        if not len(samples.rows):
            raise EvaluationError("Classifier.train: No valid training data was found.")
        return replace(self, samples=samples, schema=schema, account=account)

    def grown(self, check: Callable[[], None] = nobody) -> Grown:
        """The model, trained once for an account and a kind of output."""
        if self.fixed is not None:
            return Grown(self.fixed, np.zeros(0))
        if self.stored is not None:
            if (self.mode in REGRESSIONS) != self.stored.regression and self.name in TRAINED:
                raise EvaluationError(
                    f"Classifier.setOutputMode: The stored classifier was not trained for the output mode {self.mode}."
                )
            return self.stored
        samples = self.samples
        if samples is None:
            raise EvaluationError("The classifier is not trained.")
        regression = self.mode in REGRESSIONS and self.name != "minimumDistance"
        chances = self.mode in CHANCES - {"CLASSIFICATION"} and self.name == "libsvm"
        token = replace(self, mode=f"{regression}/{chances}").plan_token
        found: Grown = memory.once(
            self.account,
            token,
            lambda: fit(self.name, self.settings, samples, self.schema, regression, chances, check),
        )
        return found

    def predictor(self, check: Callable[[], None] = nobody) -> Predictor:
        """What predicts in the mode."""
        return Predictor(self.grown(check).model, self.mode, self.schema, self.plan_token)

    def predict(self, columns: NDArray[Any]) -> NDArray[Any]:
        """``(n, inputs)`` to ``(n,)``, or ``(n, k)`` for the modes with arrays."""
        return self.predictor().predict(columns)


def fit(
    name: str,
    settings: Mapping[str, Any],
    samples: Samples,
    schema: tuple[str, ...],
    regression: bool,
    chances: bool,
    check: Callable[[], None] = nobody,
) -> Grown:
    """A model of a kind of classifier trained on samples; class values are rounded to integers.

    ``check`` raises where the work is no longer wanted.
    """
    rows, targets = samples.rows, samples.targets
    if not regression:
        targets = np.rint(targets).astype(np.int64)
        if np.unique(targets).size < 2 and str(settings.get("svmType")).upper() != "ONE_CLASS":
            raise EvaluationError("Classifier.train: Only one class.")
    try:
        match name:
            case "smileRandomForest":
                return grow.forest(rows, targets, settings, regression, check)
            case "smileCart":
                return grow.cart(rows, targets, settings, regression)
            case "smileGradientTreeBoost":
                return grow.boosted(rows, targets, settings, regression, check)
            case "libsvm":
                model: Model = support.machine(rows, targets, settings, regression, chances)
            case "smileKNN":
                model = simple.Neighbours.of(rows, targets, settings, regression)
            case "amnhMaxent":
                model = maxent.fitted(rows, targets, schema, settings, check)
            case "smileNaiveBayes":
                model = simple.Counts.of(rows, targets, settings)
            case _:
                model = simple.NearestMean.of(rows, targets, settings)
    except ValueError as error:  # how scikit-learn refuses settings and samples
        raise EvaluationError(f"Classifier.train: {error}") from error
    return Grown(model, np.zeros(0))
