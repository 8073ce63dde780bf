"""Clusterers: settings, and once trained a model that numbers the cluster of each row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.learning import cobweb, memory, xmeans
from ecumene.learning.javarandom import JavaRandom
from ecumene.learning.kmeans import MOST_ITERATIONS, Canopies, at_random, first_centres, lloyd
from ecumene.learning.nearest import METRICS, Centres, Labels, Rows, Scale, nearest

MOST_CONCEPT_SAMPLES = 20_000
MOST_LVQ_STEPS = 10**9
MOST_CLUSTERS = 10_000

Check = Callable[[], None]


class Model(Protocol):
    """What training makes."""

    @property
    def size(self) -> int:
        """Bytes in memory, about."""

    def clusters(self, rows: NDArray[Any]) -> Labels:
        """The cluster ``(n,)`` of each row ``(n, inputs)``."""


@dataclass(frozen=True, eq=False)
class Clusterer:
    """A clusterer: its kind and settings, and once trained its inputs in order and its model."""

    name: str
    settings: Mapping[str, Any]
    schema: tuple[str, ...] = ()
    model: Model | None = None
    trained_on: bytes = b""

    @property
    def plan_token(self) -> bytes:
        """Content identity for plans: kind, settings, inputs and training rows decide a model."""
        text = repr((self.name, sorted(self.settings.items()), self.schema))
        return hashlib.blake2b(text.encode() + self.trained_on, digest_size=16).digest()

    def to_json(self) -> dict[str, Any]:
        """Kind and settings."""
        shown = {key: value for key, value in self.settings.items() if value is not None}
        return {"type": f"Clusterer.{self.name}", **shown}

    def predict(self, columns: NDArray[Any]) -> Labels:
        """``(n, inputs)`` to the number of each row's cluster."""
        if self.model is None:
            raise EvaluationError("The clusterer is not trained.")
        return self.model.clusters(columns)


def metric_of(name: str, settings: Mapping[str, Any], known: tuple[str, ...]) -> str:
    """The distance function. Raises EvaluationError for one that the clusterer does not have."""
    wanted = str(settings["distanceFunction"]).lower()
    if wanted not in known:
        listed = ", ".join(one.capitalize() for one in known)
        raise EvaluationError(
            f"Clusterer.{name}: Unknown distance function '{settings['distanceFunction']}'. Options are: {listed}."
        )
    return wanted


def count_of(name: str, settings: Mapping[str, Any], key: str, least: int = 1) -> int:
    """A setting that counts something. Raises EvaluationError where it is too small, or too large for clusters."""
    value = int(settings[key])
    if not least <= value <= MOST_CLUSTERS:
        raise EvaluationError(
            f"Clusterer.{name}: '{key}' must be between {least} and {MOST_CLUSTERS}. Found {value}."
        )
    return value


def _iterations(settings: Mapping[str, Any]) -> int:
    wanted = settings["maxIterations"]
    return MOST_ITERATIONS if wanted is None else max(int(wanted), 1)


def _kmeans(rows: Rows, s: Mapping[str, Any], check: Check) -> Centres:
    metric = metric_of("wekaKMeans", s, METRICS[:2])
    count = count_of("wekaKMeans", s, "nClusters")
    init = int(s["init"])
    if not 0 <= init <= 3:
        raise EvaluationError(
            f"Clusterer.wekaKMeans: 'init' must be 0 (random), 1 (k-means++), 2 (canopy) or 3 (farthest first). Found {init}."
        )
    canopies = Canopies(
        int(s["maxCandidates"]), int(s["periodicPruning"]), int(s["minDensity"]), float(s["t1"]), float(s["t2"])
    )  # fmt: skip
    scale = Scale.of(rows)
    scaled = scale.applied(rows)
    start = first_centres(scaled, count, init, metric, canopies, JavaRandom(int(s["seed"])))
    return Centres(scale, lloyd(scaled, start, metric, _iterations(s), check), metric)


def _xmeans(rows: Rows, s: Mapping[str, Any], check: Check) -> Centres:
    metric = metric_of("wekaXMeans", s, METRICS)
    least = count_of("wekaXMeans", s, "minClusters")
    if not float(s["cutoffFactor"]) >= 0:
        raise EvaluationError("Clusterer.wekaXMeans: 'cutoffFactor' must be a share, at least 0.")
    growth = xmeans.Growth(
        least, count_of("wekaXMeans", s, "maxClusters", least), max(int(s["maxIterations"]), 1),
        max(int(s["maxKMeans"]), 1), max(int(s["maxForChildren"]), 1), min(float(s["cutoffFactor"]), 1.0), metric,
    )  # fmt: skip
    scale = Scale.of(rows)
    return Centres(scale, xmeans.grown(scale.applied(rows), growth, int(s["seed"]), check), metric)


def _cascade(rows: Rows, s: Mapping[str, Any], check: Check) -> Centres:
    name = "wekaCascadeKMeans"
    metric = metric_of(name, s, METRICS[:2])
    if s["manual"]:
        raise EvaluationError(
            f"Clusterer.{name}: The number of clusters cannot be chosen by hand on a server; leave 'manual' off."
        )
    least = count_of(name, s, "minClusters", 2)
    numbers = range(least, count_of(name, s, "maxClusters", least) + 1)
    scale = Scale.of(rows)
    scaled = scale.applied(rows)
    centres = xmeans.cascaded(
        scaled, numbers, count_of(name, s, "restarts"), bool(s["init"]), metric, _iterations(s), check
    )  # fmt: skip
    return Centres(scale, centres, metric)


def _concepts(rows: Rows, s: Mapping[str, Any], check: Check) -> cobweb.Concepts:
    if len(rows) > MOST_CONCEPT_SAMPLES:
        raise LimitExceeded(
            f"Clusterer.wekaCobweb: More than {MOST_CONCEPT_SAMPLES} training features."
        )
    acuity = float(s["acuity"])
    if not acuity > 0:
        raise EvaluationError("Clusterer.wekaCobweb: 'acuity' must be greater than 0.")
    return cobweb.grown(rows, acuity, float(s["cutoff"]), int(s["seed"]), check)


def _epoch(rows: Rows, centres: Rows, rate: float, epoch: int, epochs: int) -> None:
    compiled = kernels.ready("centres.quantised")
    if compiled is not None:
        compiled(rows, centres, rate, epoch, epochs)
        return
    share = rate * (1.0 - epoch / epochs)
    for row in rows:
        label, _ = nearest(row[None, :], centres, "euclidean")
        centres[label[0]] += share * (row - centres[label[0]])


def _quantised(rows: Rows, s: Mapping[str, Any], check: Check) -> Centres:
    count, epochs = count_of("wekaLVQ", s, "numClusters"), int(s["epochs"])
    rate = float(s["learningRate"])
    if not 0 < rate <= 1:
        raise EvaluationError(
            f"Clusterer.wekaLVQ: 'learningRate' must be greater than 0 and at most 1. Found {rate}."
        )
    if epochs < 1:
        raise EvaluationError(f"Clusterer.wekaLVQ: 'epochs' must be at least 1. Found {epochs}.")
    if epochs * len(rows) * count > MOST_LVQ_STEPS:
        raise LimitExceeded(
            f"Clusterer.wekaLVQ: More than {MOST_LVQ_STEPS} distances (features x clusters x epochs)."
        )
    scale = Scale.none(rows.shape[1]) if s["normalizeInput"] else Scale.of(rows)
    scaled = np.ascontiguousarray(scale.applied(rows))
    centres = np.ascontiguousarray(scaled[at_random(scaled, count, JavaRandom(1))])
    for epoch in range(epochs):
        check()
        _epoch(scaled, centres, rate, epoch, epochs)
    return Centres(scale, centres)


TRAINERS: dict[str, Callable[[Rows, Mapping[str, Any], Check], Model]] = {
    "wekaCascadeKMeans": _cascade,
    "wekaCobweb": _concepts,
    "wekaKMeans": _kmeans,
    "wekaLVQ": _quantised,
    "wekaXMeans": _xmeans,
}


def trained(
    clusterer: Clusterer, rows: Rows, schema: tuple[str, ...], account: str, check: Check
) -> Clusterer:
    """The clusterer trained on rows ``(n, inputs)``, once for an account. Raises EvaluationError where there is none."""
    if not len(rows):
        raise EvaluationError("Clusterer.train: No valid training data was found.")
    digest = hashlib.blake2b(rows.tobytes(), digest_size=16).digest()
    known = replace(clusterer, schema=schema, trained_on=digest)
    model = memory.once(
        account,
        known.plan_token,
        lambda: TRAINERS[clusterer.name](rows, clusterer.settings, check),
    )
    return replace(known, model=model)
