"""Classifiers of few numbers: class means, counts, neighbours, a polygon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError
from ecumene.learning.base import Model, Rows

MOST_NEIGHBOURS = 1000
WIDEST = 1e100
"""Beyond this numbers are taken as this: squares of distances stay finite."""

METRICS = ("euclidean", "cosine", "mahalanobis", "manhattan")


@dataclass(frozen=True, eq=False)
class NearestMean(Model):
    """Distances to class means ``(classes, d)``; ``inverse (classes, d, d)`` of their covariances for Mahalanobis."""

    metric: str
    means: Rows
    inverse: Rows
    classes: NDArray[np.int64]
    nearest: int = 1

    @classmethod
    def of(cls, rows: Rows, targets: NDArray[Any], s: Mapping[str, Any]) -> NearestMean:
        """The means of the classes of rows."""
        metric = str(s["metric"]).lower()
        if metric not in METRICS:
            raise EvaluationError(
                f"Classifier.minimumDistance: Unknown metric '{s['metric']}'. Options are: {', '.join(METRICS)}."
            )
        classes = np.unique(targets)
        means = np.stack([rows[targets == c].mean(axis=0) for c in classes])
        inverse = np.zeros((0, rows.shape[1], rows.shape[1]))
        if metric == "mahalanobis":
            inverse = np.stack([_inverse(rows[targets == c]) for c in classes])
        return cls(metric, means, inverse, classes, max(1, min(int(s["kNearest"]), classes.size)))

    def distances(self, rows: Rows) -> Rows:
        """``(n, classes)``: lengths, or for ``cosine`` angles in radians."""
        if self.metric == "cosine":
            norms = np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(self.means, axis=1)
            likeness = rows @ self.means.T / np.where(norms == 0, 1, norms)
            return np.asarray(np.arccos(np.clip(likeness, -1, 1)))
        out = np.empty((len(rows), len(self.means)))
        for k, mean in enumerate(self.means):
            step = rows - mean
            if self.metric == "manhattan":
                out[:, k] = np.abs(step).sum(axis=1)
            elif self.metric == "mahalanobis":
                out[:, k] = np.sqrt(
                    np.maximum(np.einsum("ij,jk,ik->i", step, self.inverse[k], step), 0)
                )
            else:
                out[:, k] = np.sqrt(np.einsum("ij,ij->i", step, step))
        return out

    def labels(self, rows: Rows) -> NDArray[np.int64]:
        """The class of the nearest mean; with ``nearest`` > 1 those of as many, nearest first ``(n, nearest)``."""
        far = self.distances(rows)
        if self.nearest == 1:
            return np.asarray(self.classes[far.argmin(axis=1)])
        return np.asarray(self.classes[np.argsort(far, axis=1, kind="stable")[:, : self.nearest]])

    def values(self, rows: Rows) -> Rows:
        """The distance to the nearest mean; with ``nearest`` > 1 those to as many ``(n, nearest)``."""
        far = np.sort(self.distances(rows), axis=1)
        return np.asarray(far[:, 0] if self.nearest == 1 else far[:, : self.nearest])

    def raw(self, rows: Rows) -> Rows:
        """The distances to all means."""
        return self.distances(rows)


def _inverse(rows: Rows) -> Rows:
    width = rows.shape[1]
    if len(rows) < 2:
        return np.eye(width)
    return np.asarray(np.linalg.pinv(np.cov(rows, rowvar=False).reshape(width, width)))


@dataclass(frozen=True, eq=False)
class Counts(Model):
    """Multinomial naive Bayes: logarithms of the inputs' shares ``(classes, d)`` and of the classes'."""

    shares: Rows
    prior: Rows
    classes: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Rows, targets: NDArray[Any], s: Mapping[str, Any]) -> Counts:
        """Trained by scikit-learn; negative numbers count as none."""
        from sklearn.naive_bayes import MultinomialNB

        found = MultinomialNB(alpha=max(float(s["lambda"]), 1e-10)).fit(
            np.clip(rows, 0, None), targets
        )
        return cls(found.feature_log_prob_, found.class_log_prior_, found.classes_)

    def probabilities(self, rows: Rows) -> Rows:
        """Of each class."""
        scores = np.clip(rows, 0, None) @ self.shares.T + self.prior
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def labels(self, rows: Rows) -> NDArray[np.int64]:
        """The most probable class."""
        return np.asarray(
            self.classes[(np.clip(rows, 0, None) @ self.shares.T + self.prior).argmax(axis=1)]
        )


@dataclass(frozen=True, eq=False)
class Neighbours(Model):
    """Votes, or means, of the ``k`` nearest samples. ``whitening (d, d)`` makes Mahalanobis' distances Euclidean."""

    rows: Rows
    targets: Rows
    k: int
    metric: str
    whitening: Rows
    classes: NDArray[np.int64]
    index: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from scipy.spatial import cKDTree

        held = np.clip(self.rows, -WIDEST, WIDEST)
        known = None if self.metric == "braycurtis" else cKDTree(held @ self.whitening)
        object.__setattr__(self, "index", known)

    @classmethod
    def of(
        cls, rows: Rows, targets: NDArray[Any], s: Mapping[str, Any], regression: bool
    ) -> Neighbours:
        """The samples themselves.

        As documented, the search by KD tree (``AUTO`` below ten inputs) takes Euclidean distances whatever the metric.
        """
        metric, method = str(s["metric"]).lower(), str(s["searchMethod"]).upper()
        if metric not in ("euclidean", "mahalanobis", "manhattan", "braycurtis"):
            raise EvaluationError(f"Classifier.smileKNN: Unknown metric '{s['metric']}'.")
        if method not in ("AUTO", "LINEAR_SEARCH", "KD_TREE", "COVER_TREE"):
            raise EvaluationError(f"Classifier.smileKNN: Unknown search method '{s['searchMethod']}'.")  # fmt: skip
        if not 1 <= int(s["k"]) <= MOST_NEIGHBOURS:
            raise EvaluationError(
                f"Classifier.smileKNN: 'k' must be at least 1 and at most {MOST_NEIGHBOURS}. Found {s['k']}."
            )
        if method == "KD_TREE" or (method == "AUTO" and rows.shape[1] < 10):
            metric = "euclidean"
        whitening = np.eye(rows.shape[1])
        if metric == "mahalanobis":
            inverse = _inverse(rows)
            values, vectors = np.linalg.eigh((inverse + inverse.T) / 2)
            whitening = vectors * np.sqrt(np.maximum(values, 0))
        classes = np.zeros(0, np.int64) if regression else np.unique(targets)
        known = targets if regression else np.searchsorted(classes, targets)
        return cls(
            rows, known.astype(np.float64), min(int(s["k"]), len(rows)), metric, whitening, classes
        )

    def _nearest(self, rows: Rows) -> NDArray[np.int64]:
        """Samples ``(n, k)``."""
        if self.index is None:
            from scipy.spatial.distance import cdist

            step = max(1, 4_000_000 // len(self.rows))
            parts = [
                np.argsort(cdist(rows[a : a + step], self.rows, "braycurtis"), axis=1, kind="stable")[:, : self.k]
                for a in range(0, len(rows), step)
            ]  # fmt: skip
            return np.concatenate(parts) if parts else np.zeros((0, self.k), np.int64)
        rows = np.clip(np.nan_to_num(rows), -WIDEST, WIDEST)
        power = 1 if self.metric == "manhattan" else 2
        step = max(1, 4_000_000 // self.k)
        parts = [
            self.index.query(rows[a : a + step] @ self.whitening, k=self.k, p=power)[1].reshape(-1, self.k)
            for a in range(0, len(rows), step)
        ]  # fmt: skip
        return np.concatenate(parts) if parts else np.zeros((0, self.k), np.int64)

    def probabilities(self, rows: Rows) -> Rows:
        """Shares of the classes among the nearest."""
        voted = self.targets[self._nearest(rows)]
        return np.stack([(voted == k).mean(axis=1) for k in range(self.classes.size)], axis=1)

    def values(self, rows: Rows) -> Rows:
        """Mean of the nearest."""
        return np.asarray(self.targets[self._nearest(rows)].mean(axis=1))


MOST_EDGES = 100_000


@dataclass(frozen=True, eq=False)
class Region(Model):
    """One inside a polygon of the plane of two inputs, else zero. ``edges (m, 4)``: ends of each edge."""

    edges: Rows
    classes: NDArray[np.int64] = field(default_factory=lambda: np.arange(2))

    @classmethod
    def of(cls, rings: list[list[float]]) -> Region:
        """The polygon of rings ``[u1, v1, u2, v2, …]``."""
        edges = []
        for ring in rings:
            if len(ring) < 6 or len(ring) % 2:
                raise EvaluationError(
                    "Classifier.spectralRegion: A ring needs at least three pairs of coordinates."
                )
            points = np.asarray(ring, float).reshape(-1, 2)
            edges.append(np.hstack([points, np.roll(points, -1, axis=0)]))
        if not edges or sum(map(len, edges)) > MOST_EDGES:
            raise EvaluationError(
                f"Classifier.spectralRegion: A polygon has 1 to {MOST_EDGES} edges."
            )
        return cls(np.concatenate(edges))

    def labels(self, rows: Rows) -> NDArray[np.int64]:
        """By the number of edges that a ray towards greater u crosses: odd is inside."""
        inside = np.zeros(len(rows), bool)
        u, v = rows[:, 0], rows[:, 1]
        for u1, v1, u2, v2 in self.edges:
            if v1 != v2:
                crossed = (v1 > v) != (v2 > v)
                inside ^= crossed & (u < u1 + (v - v1) / (v2 - v1) * (u2 - u1))
        return inside.astype(np.int64)
