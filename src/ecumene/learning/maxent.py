"""Maximum entropy models of where species live, after Phillips' Maxent 3.4.

Sources: S. Phillips, R. Anderson, R. Schapire, Maximum entropy modeling of species geographic distributions (2006);
S. Phillips et al., Opening the black box: an open-source release of Maxent (2017), whose defaults of features and
regularization are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.learning.base import Model, Rows, nobody

KNOTS = 50
"""Of hinge and threshold features, between the least and the greatest value of an input."""

MOST_NUMBERS = 2**28
"""Rows times features."""

ROUNDS = 1000
"""Of the solver at most."""

FORMATS = ("cloglog", "logistic", "cumulative", "raw")

TABLES: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "linear": ((10, 30, 100), (1.0, 0.2, 0.05)),
    "quadratic": ((0, 10, 17, 30, 100), (1.3, 0.8, 0.5, 0.25, 0.05)),
    "product": ((0, 10, 17, 30, 100), (2.6, 1.6, 0.9, 0.55, 0.05)),
    "threshold": ((0, 100), (2.0, 1.0)),
    "hinge": ((0, 1), (0.5, 0.5)),
    "categorical": ((0, 10, 17), (0.65, 0.5, 0.25)),
}
"""Regularization by class of features and number of presences, interpolated."""


@dataclass(frozen=True, eq=False)
class Features:
    """What is made of inputs: kinds of features, ranges ``low``, ``high (d,)``, and the values of categories."""

    kinds: tuple[str, ...]
    low: Rows
    high: Rows
    categories: tuple[Rows, ...]

    def of(self, rows: Rows) -> tuple[Rows, list[str]]:
        """Features ``(n, m)`` of rows ``(n, d)``, and the class of each."""
        out: list[Rows] = []
        classes: list[str] = []

        def add(kind: str, values: NDArray[Any]) -> None:
            block = values.reshape(len(rows), -1)
            out.append(block)
            classes.extend([kind] * block.shape[1])

        plain = [j for j, values in enumerate(self.categories) if not values.size]
        for j, values in enumerate(self.categories):
            if values.size:
                add("categorical", (rows[:, j, None] == values) * 1.0)
        if "linear" in self.kinds:
            add("linear", rows[:, plain])
        if "quadratic" in self.kinds:
            add("quadratic", rows[:, plain] ** 2)
        if "product" in self.kinds:
            for place, j in enumerate(plain):
                add("product", rows[:, [j]] * rows[:, plain[place + 1 :]])
        for j in plain:
            knots = np.linspace(self.low[j], self.high[j], KNOTS)
            if self.high[j] > self.low[j] and "hinge" in self.kinds:
                up, down = knots[:-1], knots[1:]
                add("hinge", np.clip((rows[:, [j]] - up) / (knots[-1] - up), 0, 1))
                add("hinge", np.clip((down - rows[:, [j]]) / (down - knots[0]), 0, 1))
            if self.high[j] > self.low[j] and "threshold" in self.kinds:
                add("threshold", (rows[:, [j]] >= knots[1:-1]) * 1.0)
        return (np.concatenate(out, axis=1) if out else np.zeros((len(rows), 0))), classes

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 500 + sum(part.nbytes for part in (self.low, self.high, *self.categories))


@dataclass(frozen=True, eq=False)
class Maxent(Model):
    """Exponential weights of features. ``offset`` makes them a distribution over the background.

    ``background`` are its raw values in ascending order, for the cumulative format.
    """

    features: Features
    weights: Rows
    offset: float
    entropy: float
    format: str
    clamped: bool
    extrapolated: bool
    background: Rows
    with_clamp: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        """The probability, and if it is wanted what clamping changed."""
        return ("probability", "clamp") if self.with_clamp else ("probability",)

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 1000 + self.features.size + self.weights.nbytes + self.background.nbytes

    def links(self, rows: Rows) -> Rows:
        """Logarithms of raw values ``(n,)``, by parts of the rows."""
        step = max(1, 4_000_000 // max(self.weights.size, 1))
        out = np.empty(len(rows))
        for a in range(0, len(rows), step):
            out[a : a + step] = self.features.of(rows[a : a + step])[0] @ self.weights
        return out + self.offset

    def _shown(self, link: Rows) -> Rows:
        """Raw values in the output format."""
        bounded = np.clip(link, -700, 700)
        match self.format:
            case "cloglog":
                return np.asarray(-np.expm1(-np.exp(np.clip(bounded + self.entropy, -700, 700))))
            case "logistic":
                return np.asarray(1 / (1 + np.exp(np.clip(-bounded - self.entropy, -700, 700))))
            case "cumulative":
                sums = np.append(0.0, np.cumsum(self.background))
                place = np.searchsorted(self.background, np.exp(bounded), side="right")
                return np.asarray(100 * sums[place] / sums[-1])
        return np.asarray(np.exp(bounded))

    def told(self, rows: Rows) -> Rows:
        """``(n, 1 or 2)``: the probability (0 outside of the background's ranges without extrapolation), and what

        clamping the inputs to those ranges changes.
        """
        inside = np.clip(rows, self.features.low, self.features.high)
        clamped, free = self._shown(self.links(inside)), self._shown(self.links(rows))
        found = clamped if self.clamped else free
        if not self.extrapolated:
            found = np.where((inside == rows).all(axis=1), found, 0.0)
        return np.stack([found, np.abs(clamped - free)][: len(self.outputs)], axis=1)


def kinds_of(s: Mapping[str, Any], presences: int) -> tuple[str, ...]:
    """The classes of features for a number of presences."""
    if not s["autoFeature"]:
        kinds = ("linear", "quadratic", "product", "threshold", "hinge")
        return tuple(kind for kind in kinds if s[kind])
    found = ["linear"]
    for kind, least in (
        ("quadratic", "l2lqThreshold"), ("product", "lq2lqptThreshold"), ("threshold", "lq2lqptThreshold"), ("hinge", "hingeThreshold"),
    ):  # fmt: skip
        if presences >= int(s[least]):
            found.append(kind)
    return tuple(found)


def penalties(presence: Rows, whole: Rows, classes: list[str], kinds: tuple[str, ...], s: Mapping[str, Any]) -> Rows:  # fmt: skip
    """The price of each feature's weight ``(m,)``."""
    count = len(presence)
    plain = next((k for k in ("product", "quadratic", "linear") if k in kinds), "linear")
    given = {
        "hinge": float(s["betaHinge"]), "threshold": float(s["betaThreshold"]), "categorical": float(s["betaCategorical"]),
    }  # fmt: skip
    factor = np.empty(len(classes))
    for k, kind in enumerate(classes):
        table = kind if kind in given else plain
        wanted = given.get(kind, float(s["betaLqp"]))
        factor[k] = wanted if wanted >= 0 else np.interp(count, *TABLES[table])
    spread = presence.std(axis=0, ddof=1) if count > 1 else np.zeros(len(classes))
    root = np.sqrt(count)
    out = np.maximum(0.001 * np.ptp(whole, axis=0), spread * factor / root)
    hinge = np.asarray([kind == "hinge" for kind in classes])
    out[hinge] = np.maximum(out[hinge], np.maximum(spread[hinge], 1 / root) * 0.5 / root)
    step = np.asarray([kind == "threshold" for kind in classes])
    mean = presence.mean(axis=0)
    out[step & ((mean == 0) | (mean == 1))] = np.maximum(out[step & ((mean == 0) | (mean == 1))], 1)
    return np.asarray(out * float(s["betaMultiplier"]))


def solved(background: Rows, target: Rows, price: Rows, check: Callable[[], None] = nobody) -> Rows:
    """The weights ``(m,)`` that minimise ``log(sum(exp(f · w))) - target · w + price · |w|``.

    By L-BFGS-B on positive and negative parts, of features scaled to one deviation.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    spread = background.std(axis=0)
    used = spread > 1e-12
    middle = background[:, used].mean(axis=0)
    scaled = (background[:, used] - middle) / spread[used]
    wanted, cost = (target[used] - middle) / spread[used], price[used] / spread[used]
    count = int(used.sum())

    def loss(parts: Rows) -> tuple[float, Rows]:
        check()
        link = scaled @ (parts[:count] - parts[count:])
        total = float(logsumexp(link))
        slope = np.exp(link - total) @ scaled - wanted
        value = (
            total
            - float(wanted @ (parts[:count] - parts[count:]))
            + float(cost @ (parts[:count] + parts[count:]))
        )
        return value, np.concatenate([cost + slope, cost - slope])

    out = np.zeros(len(price))
    if count:
        found = minimize(
            loss, np.zeros(2 * count), jac=True, method="L-BFGS-B", bounds=[(0, None)] * (2 * count),
            options={"maxiter": ROUNDS, "maxfun": 2 * ROUNDS, "ftol": 1e-9, "gtol": 1e-6, "maxcor": 20},
        ).x  # fmt: skip
        out[used] = (found[:count] - found[count:]) / spread[used]
    return out


def fitted(
    rows: Rows,
    targets: NDArray[Any],
    schema: tuple[str, ...],
    s: Mapping[str, Any],
    check: Callable[[], None] = nobody,
) -> Maxent:
    """A model of presences (1) among background (0). Raises EvaluationError where one of them is missing."""
    presence, background = rows[targets == 1], rows[targets == 0]
    if not len(presence) or not len(background):
        raise EvaluationError(
            "Classifier.amnhMaxent: Presences (class 1) and background (class 0) are needed."
        )
    kind = str(s["outputFormat"]).lower()
    if kind not in FORMATS:
        raise EvaluationError(
            f"Classifier.amnhMaxent: Unknown outputFormat '{s['outputFormat']}'. One of: {', '.join(FORMATS)}."
        )
    background = _with_samples(presence, background, s)
    named = set(s["categoricalNames"] or ())
    categories = tuple(
        np.unique(rows[:, j]) if name in named else np.zeros(0) for j, name in enumerate(schema)
    )
    kinds = kinds_of(s, len(presence))
    features = Features(kinds, background.min(axis=0), background.max(axis=0), categories)
    wide = 2 * KNOTS * len(schema) * ("hinge" in kinds) + len(schema) * (len(schema) + 3)
    if len(background) * wide > MOST_NUMBERS:
        raise LimitExceeded("Classifier.amnhMaxent: Too many samples for that many features.")
    held, classes = features.of(background)
    seen = features.of(presence)[0]
    price = penalties(seen, np.concatenate([held, seen]), classes, kinds, s)
    weights = solved(held, seen.mean(axis=0), price, check)
    link = held @ weights
    top = float(link.max(initial=0))
    offset = -top - float(np.log(np.exp(link - top).sum()))
    raw = np.exp(link + offset)
    entropy = -float((raw * np.log(np.maximum(raw, 1e-300))).sum())
    return Maxent(
        features, weights, offset, entropy, kind, bool(s["doClamp"]), bool(s["extrapolate"]), np.sort(raw), bool(s["writeClampGrid"])
    )  # fmt: skip


def _with_samples(presence: Rows, background: Rows, s: Mapping[str, Any]) -> Rows:
    """The background, with presences that it lacks or with all, as is asked."""
    if s["addAllSamplesToBackground"]:
        return np.concatenate([background, presence])
    if not s["addSamplesToBackground"]:
        return background
    known = {row.tobytes() for row in background}
    new = [row for row in presence if row.tobytes() not in known]
    return np.concatenate([background, np.asarray(new).reshape(-1, background.shape[1])])
