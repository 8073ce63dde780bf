"""Support vector machines: trained by LIBSVM (within scikit-learn), evaluated as products of matrices.

Probabilities as in LIBSVM: J. Platt's sigmoid on decisions of a five-fold cross-validation, fitted after H.-T. Lin,
C.-J. Lin, R. Weng (2007), and pairs of classes coupled after T.-F. Wu, C.-J. Lin, R. Weng (2004).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.learning.base import Model, Rows

KERNELS = ("linear", "poly", "rbf", "sigmoid")
CLASSES, NUMBERS = ("C_SVC", "NU_SVC", "ONE_CLASS"), ("EPSILON_SVR", "NU_SVR")
MOST_SAMPLES = 20_000
"""Training takes time as their square."""

MOST_ITERATIONS = 200_000
"""LIBSVM never ends on inputs of very different sizes."""

STRIP = 4_000_000
"""Most products of rows and support vectors at a time."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel function of rows."""

    name: str
    gamma: float
    degree: int
    shift: float

    def products(self, rows: Rows, vectors: Rows) -> Rows:
        """``(n, vectors)``."""
        if self.name == "rbf":
            far = (rows**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1) - 2 * rows @ vectors.T
            return np.asarray(np.exp(-self.gamma * np.maximum(far, 0)))
        plain = rows @ vectors.T
        if self.name == "poly":
            return np.asarray((self.gamma * plain + self.shift) ** self.degree)
        if self.name == "sigmoid":
            return np.asarray(np.tanh(self.gamma * plain + self.shift))
        return np.asarray(plain)


@dataclass(frozen=True, eq=False)
class Support(Model):
    """Decisions ``products(rows, vectors) @ weights (vectors, k) + shift (k)``.

    For classes one column a pair (i, j), i < j in order, positive for i; two classes have one column. ``sigmoids
    (k, 2)`` turn decisions into probabilities of pairs (none: not trained for that). A one-class machine (``one``)
    has its classes as (inside, outside).
    """

    kernel: str
    gamma: float
    degree: int
    offset: float
    vectors: Rows
    weights: Rows
    shift: Rows
    classes: NDArray[np.int64]
    margin: bool = False
    one: bool = False
    sigmoids: Rows | None = None

    def decisions(self, rows: Rows) -> Rows:
        """``(n, k)``."""
        kernel = Kernel(self.kernel, self.gamma, self.degree, self.offset)
        step = max(1, STRIP // max(len(self.vectors), 1))
        out = np.empty((len(rows), self.shift.size))
        for a in range(0, len(rows), step):
            part = kernel.products(rows[a : a + step], self.vectors)
            out[a : a + step] = part @ self.weights + self.shift
        return out

    def labels(self, rows: Rows) -> NDArray[np.int64]:
        """By most won pairs, or by the sum of margins."""
        found = self.decisions(rows)
        if self.one or self.classes.size == 1:
            return np.asarray(np.where(found[:, 0] >= 0, self.classes[0], self.classes[-1]))
        votes = np.zeros((len(rows), self.classes.size))
        for column, (i, j) in enumerate(combinations(range(self.classes.size), 2)):
            if self.margin:
                votes[:, i] += found[:, column]
                votes[:, j] -= found[:, column]
            else:
                votes[:, i] += found[:, column] > 0
                votes[:, j] += found[:, column] <= 0
        return np.asarray(self.classes[votes.argmax(axis=1)])

    def values(self, rows: Rows) -> Rows:
        """The decision itself, for machines of numbers."""
        return self.decisions(rows)[:, 0]

    def probabilities(self, rows: Rows) -> Rows:
        """Of each class, from those of pairs."""
        if self.sigmoids is None:
            return super().probabilities(rows)
        scaled = self.decisions(rows) * self.sigmoids[:, 0] + self.sigmoids[:, 1]
        wins = np.clip(1 / (1 + np.exp(np.clip(scaled, -700, 700))), 1e-7, 1 - 1e-7)
        return coupled(wins, self.classes.size)


def coupled(wins: Rows, count: int, rounds: int = 100) -> Rows:
    """Probabilities of classes ``(n, count)`` from those that i wins of (i, j), ``(n, pairs)``: Wu et al., method 2."""
    pairs = np.zeros((len(wins), count, count))
    for column, (i, j) in enumerate(combinations(range(count), 2)):
        pairs[:, i, j], pairs[:, j, i] = wins[:, column], 1 - wins[:, column]
    if count == 2:
        return np.asarray(np.stack([pairs[:, 0, 1], pairs[:, 1, 0]], axis=1))
    q = -pairs * pairs.transpose(0, 2, 1)
    q[:, range(count), range(count)] = (pairs**2).sum(axis=1)
    found = np.full((len(wins), count), 1 / count)
    for _ in range(max(rounds, count)):
        qp = np.einsum("nij,nj->ni", q, found)
        pqp = (found * qp).sum(axis=1)
        if len(wins) == 0 or np.abs(qp - pqp[:, None]).max() < 0.005 / count:
            break
        for t in range(count):
            change = (pqp - qp[:, t]) / q[:, t, t]
            found[:, t] += change
            pqp = (pqp + change * (change * q[:, t, t] + 2 * qp[:, t])) / (1 + change) ** 2
            qp = (qp + change[:, None] * q[:, t, :]) / (1 + change)[:, None]
            found /= (1 + change)[:, None]
    return found


def sigmoid(decisions: Rows, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """``(a, b)`` of the probability ``1 / (1 + exp(a · decision + b))`` of being positive, by Newton's method."""
    high, low = float(positive.sum()), float((~positive).sum())
    target = np.where(positive, (high + 1) / (high + 2), 1 / (low + 2))
    a, b = 0.0, float(np.log((low + 1) / (high + 1)))

    def loss(a: float, b: float) -> float:
        scaled = decisions * a + b
        return float((target * scaled + np.logaddexp(0, -scaled)).sum())

    value = loss(a, b)
    for _ in range(100):
        p = 1 / (1 + np.exp(np.clip(decisions * a + b, -700, 700)))
        weight, off = p * (1 - p), target - p
        h11 = float((decisions**2 * weight).sum()) + 1e-12
        h22, h21 = float(weight.sum()) + 1e-12, float((decisions * weight).sum())
        g1, g2 = float((decisions * off).sum()), float(off.sum())
        if abs(g1) < 1e-5 and abs(g2) < 1e-5:
            break
        det = h11 * h22 - h21 * h21
        da, db = -(h22 * g1 - h21 * g2) / det, -(h11 * g2 - h21 * g1) / det
        slope, step = g1 * da + g2 * db, 1.0
        while step >= 1e-10 and loss(a + step * da, b + step * db) >= value + 1e-4 * step * slope:
            step /= 2
        if step < 1e-10:
            break
        a, b = a + step * da, b + step * db
        value = loss(a, b)
    return a, b


def _options(s: Mapping[str, Any], inputs: int) -> dict[str, Any]:
    kernel = str(s["kernelType"]).lower()
    if kernel not in KERNELS:
        raise EvaluationError(f"Classifier.libsvm: Unknown kernelType '{s['kernelType']}'.")
    gamma = s.get("gamma")
    return {
        "kernel": kernel,
        "shrinking": bool(s["shrinking"]),
        "degree": 3 if s.get("degree") is None else int(s["degree"]),
        "gamma": 1 / inputs if gamma is None else float(gamma),
        "coef0": float(s.get("coef0") or 0),
        "tol": float(s.get("terminationEpsilon") or 1e-3),
        "max_iter": MOST_ITERATIONS,
    }


def _maker(s: Mapping[str, Any], shared: dict[str, Any]) -> Callable[[], Any]:
    from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

    cost, nu = (
        float(default if s.get(key) is None else s[key]) for key, default in (("cost", 1), ("nu", 0.5))
    )  # fmt: skip
    epsilon = 0.1 if s.get("lossEpsilon") is None else float(s["lossEpsilon"])
    kinds: dict[str, Callable[[], Any]] = {
        "C_SVC": lambda: SVC(C=cost, **shared),
        "NU_SVC": lambda: NuSVC(nu=nu, **shared),
        "ONE_CLASS": lambda: OneClassSVM(nu=nu, **shared),
        "EPSILON_SVR": lambda: SVR(C=cost, epsilon=epsilon, **shared),
        "NU_SVR": lambda: NuSVR(nu=nu, C=cost, **shared),
    }
    found = kinds.get(str(s["svmType"]).upper())
    if found is None:
        raise EvaluationError(f"Classifier.libsvm: Unknown svmType '{s['svmType']}'.")
    return found


def _pairwise(found: Any) -> Rows:
    """Weights ``(vectors, pairs)`` of a machine of several classes; see LIBSVM's layout of coefficients."""
    ends = np.cumsum(found.n_support_)
    spans = [slice(end - count, end) for count, end in zip(found.n_support_, ends, strict=True)]
    pairs = list(combinations(range(len(spans)), 2))
    out = np.zeros((len(found.support_vectors_), len(pairs)))
    for column, (i, j) in enumerate(pairs):
        out[spans[i], column] = found.dual_coef_[j - 1, spans[i]]
        out[spans[j], column] = found.dual_coef_[i, spans[j]]
    return out


def _sigmoids(make: Callable[[], Any], rows: Rows, targets: NDArray[Any], classes: NDArray[Any]) -> Rows:  # fmt: skip
    """Platt's two numbers for every pair."""
    out = []
    random = np.random.default_rng(0)
    for i, j in combinations(classes, 2):
        here = random.permutation(np.flatnonzero((targets == i) | (targets == j)))
        decisions = np.zeros(here.size)
        for fold in range(5):
            test = np.arange(here.size) % 5 == fold
            known = targets[here[~test]]
            if np.unique(known).size < 2:
                decisions[test] = 1.0 if known.size and known[0] == i else -1.0
            elif test.any():
                machine = make().fit(rows[here[~test]], known == i)
                decisions[test] = machine.decision_function(rows[here[test]])
        out.append(sigmoid(decisions, targets[here] == i))
    return np.asarray(out)


def machine(
    rows: Rows, targets: NDArray[Any], s: Mapping[str, Any], regression: bool, chances: bool
) -> Support:
    """A machine trained on rows ``(n, d)``; with ``chances`` it tells probabilities, too."""
    if len(rows) > MOST_SAMPLES:
        raise LimitExceeded(f"Classifier.libsvm: More than {MOST_SAMPLES} training features.")
    kind, shared = str(s["svmType"]).upper(), _options(s, rows.shape[1])
    make = _maker(s, shared)
    if regression != (kind in NUMBERS):
        wanted = "REGRESSION" if kind in NUMBERS else "CLASSIFICATION"
        raise EvaluationError(
            f"Classifier.libsvm: svmType {kind} needs an output mode like {wanted}."
        )
    classes = np.zeros(0, np.int64) if regression else np.unique(targets)
    if kind == "ONE_CLASS":
        inside = int(s.get("oneClass") or 0)
        own = targets == inside
        if inside not in (0, 1) or not own.any():
            raise EvaluationError(
                f"Classifier.libsvm: 'oneClass' must be 0 or 1 and among the training data. Found {inside}."
            )
        rows, classes = rows[own], np.array([inside, 1 - inside])
    found = make().fit(rows) if kind == "ONE_CLASS" else make().fit(rows, targets)
    weights, shift = np.asarray(found.dual_coef_).T, np.asarray(found.intercept_, float)
    if kind in ("C_SVC", "NU_SVC"):
        weights = _pairwise(found) if classes.size > 2 else -weights
        shift = shift if classes.size > 2 else -shift
    sigmoids = _sigmoids(make, rows, targets, classes) if chances else None
    return Support(
        shared["kernel"], shared["gamma"], shared["degree"], shared["coef0"], np.asarray(found.support_vectors_, float),
        np.ascontiguousarray(weights, float), shift, classes, str(s["decisionProcedure"]).lower() == "margin",
        kind == "ONE_CLASS", sigmoids,
    )  # fmt: skip
