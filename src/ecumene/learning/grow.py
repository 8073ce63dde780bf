"""Trees grown by scikit-learn, taken over as flat arrays.

The service's own trees come from another library with another random stream: accuracy agrees, single pixels
need not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.learning.base import Model, Rows, nobody
from ecumene.learning.forest import (
    MOST_COLUMNS,
    MOST_NODES,
    BoostedClassifier,
    TreeClassifier,
    TreeRegressor,
    Trees,
    ordered,
    words_of,
)

MOST_TREES = 100_000
TOGETHER, LARGE = 10, 100_000
"""Trees that are grown before somebody may cancel; one where there are more numbers than ``LARGE``."""

LOSSES = {
    "leastsquares": "squared_error",
    "leastabsolutedeviation": "absolute_error",
    "huber": "huber",
}


@dataclass(frozen=True, eq=False)
class Grown:
    """A model of trees, and what growing them found: ``importance`` of each input, error out of the bag."""

    model: Model
    importance: NDArray[np.float64]
    error: float | None = None

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return self.model.size + self.importance.nbytes

    @property
    def regression(self) -> bool:
        """Whether it was trained for numbers."""
        return isinstance(self.model, TreeRegressor)

    @cached_property
    def digest(self) -> bytes:
        """Of the content of its trees."""
        held = hashlib.blake2b(digest_size=16)
        trees: Trees = getattr(self.model, "trees")  # noqa: B009
        for part in (trees.words, trees.roots, trees.votes, trees.table, *(trees.cuts or ())):
            held.update(np.ascontiguousarray(part).tobytes())
        return held.digest()


def _limits(thresholds: Rows) -> NDArray[np.uint32]:
    """The greatest singles that are not above the thresholds, as keys."""
    near = thresholds.astype(np.float32)
    above = near.astype(np.float64) > thresholds
    near[above] = np.nextafter(near[above], np.float32(-np.inf))
    return ordered(near)


def packed(grown: list[tuple[Any, Rows]], start: Rows, shares: bool) -> Trees:
    """Trees of scikit-learn, each with what its nodes add ``(nodes, k)``; ``shares``: those are shares of classes."""
    words, votes, table, roots = [], [], [], [0]
    counts, losses, means = [], [], []
    rows = 0
    for tree, added in grown:
        word, order = words_of(
            _limits(tree.threshold), tree.feature, tree.children_left, tree.children_right
        )
        roots.append(roots[-1] + order.size)
        leaf = tree.children_left[order] < 0
        values = added[order]
        pure = leaf & (values.max(axis=1) == 1) if shares else np.zeros(order.size, bool)
        vote = np.zeros(order.size, np.int32)
        vote[pure] = values[pure].argmax(axis=1)
        mixed = leaf & ~pure
        vote[mixed] = -(rows + 1 + np.arange(int(mixed.sum())))
        rows += int(mixed.sum())
        words.append(word)
        votes.append(vote)
        table.append(values[mixed])
        samples = np.rint(tree.weighted_n_node_samples[order]).astype(np.int64)
        counts.append(samples)
        best = values.max(axis=1) if shares else tree.impurity[order]
        losses.append(samples * (1 - best) if shares else samples * best)
        means.append(values.argmax(axis=1).astype(float) if shares else tree.value[order, 0, 0])
    return Trees(
        np.concatenate(words), np.asarray(roots, np.int64), np.concatenate(votes), np.ascontiguousarray(np.concatenate(table)),
        start, None, np.concatenate(counts), np.concatenate(losses), np.concatenate(means),
    )  # fmt: skip


def importance(trees: list[Any]) -> NDArray[np.float64]:
    """How much splits at each input lowered the impurity, weighted by samples, over all trees."""
    parts = [
        tree.compute_feature_importances(normalize=False) * tree.weighted_n_node_samples[0]
        for tree in trees
    ]
    return np.asarray(np.sum(parts, axis=0))


def _settings(s: Mapping[str, Any], inputs: int) -> dict[str, Any]:
    if inputs > MOST_COLUMNS:
        raise LimitExceeded(f"Classifier.train: More than {MOST_COLUMNS} inputs.")
    nodes = s.get("maxNodes")
    return {
        "max_leaf_nodes": None if not nodes else max(2, int(nodes)),
        "min_samples_leaf": max(1, int(s.get("minLeafPopulation", 1))),
    }


def _trees(s: Mapping[str, Any]) -> int:
    wanted = int(s["numberOfTrees"])
    if not 1 <= wanted <= MOST_TREES:
        raise EvaluationError(
            f"Classifier.train: 'numberOfTrees' must be between 1 and {MOST_TREES}. Found {wanted}."
        )
    return wanted


def _share(s: Mapping[str, Any], key: str) -> float:
    share = float(s[key])
    if not 0 < share <= 1:
        raise EvaluationError(f"Classifier.train: '{key}' must be within (0, 1]. Found {share}.")
    return share


def _labels(classes: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.int64]:
    return np.searchsorted(classes, targets)


def _step_by_step(
    estimator: Any, rows: Rows, targets: NDArray[Any], trees: int, check: Callable[[], None]
) -> Any:
    """The estimator with so many trees, the same as if they were grown at once. Raises LimitExceeded for too many nodes."""
    step = TOGETHER if rows.size <= LARGE else 1
    estimator.set_params(warm_start=True)
    nodes = 0
    for first in range(0, trees, step):
        check()
        estimator.set_params(n_estimators=min(first + step, trees)).fit(rows, targets)
        nodes += sum(one.tree_.node_count for one in np.ravel(estimator.estimators_[first:]))
        if nodes > MOST_NODES:
            raise LimitExceeded(
                f"Classifier.train: Trees of more than {MOST_NODES} nodes; set maxNodes or use fewer samples."
            )
    return estimator


def forest(
    rows: Rows, targets: NDArray[Any], s: Mapping[str, Any], regression: bool, check: Callable[[], None] = nobody
) -> Grown:  # fmt: skip
    """Trees on random samples of rows that look at a few inputs at a time."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    inputs = rows.shape[1]
    wanted = s.get("variablesPerSplit")
    per_split = min(inputs, int(wanted)) if wanted else max(1, int(np.sqrt(inputs)))
    bag = _share(s, "bagFraction")
    kind = RandomForestRegressor if regression else RandomForestClassifier
    start = kind(
        max_features=per_split, random_state=int(s["seed"]) % 2**32, bootstrap=True,
        max_samples=None if bag >= 1 else bag, n_jobs=1, **_settings(s, inputs),
    )  # fmt: skip
    found = _step_by_step(start, rows, targets, _trees(s), check)
    grown = [one.tree_ for one in found.estimators_]
    if regression:
        trees = packed([(tree, tree.value[:, 0, :]) for tree in grown], np.zeros(1), False)
        model: Model = TreeRegressor(trees)
    else:
        trees = packed(
            [(tree, tree.value[:, 0, :]) for tree in grown], np.zeros(found.classes_.size), True
        )
        model = TreeClassifier(trees, np.asarray(found.classes_, np.int64))
    error = _out_of_bag(trees, rows, targets, found.estimators_samples_, model)
    return Grown(model, importance(grown), error)


def _out_of_bag(
    trees: Trees, rows: Rows, targets: NDArray[Any], samples: list[NDArray[Any]], model: Model
) -> float | None:
    """Share of rows that trees which did not see them get wrong; for numbers the root of the mean squared error."""
    scores = np.zeros((len(rows), trees.start.size))
    seen = np.zeros(len(rows), np.int64)
    leaf = trees.leaves(rows)
    for number, own in enumerate(samples):
        out = np.ones(len(rows), bool)
        out[own] = False
        scores[out] += trees.scored(leaf[out, number])
        seen[out] += 1
    known = seen > 0
    if not known.any():
        return None
    if isinstance(model, TreeRegressor):
        missed = scores[known, 0] / seen[known] - targets[known]
        return float(np.sqrt(np.mean(missed**2)))
    found = model.classes[scores[known].argmax(axis=1)]
    return float(np.mean(found != targets[known]))


def cart(rows: Rows, targets: NDArray[Any], s: Mapping[str, Any], regression: bool) -> Grown:
    """One tree."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if regression else DecisionTreeClassifier
    found = kind(random_state=0, **_settings(s, rows.shape[1])).fit(rows, targets)
    tree = found.tree_
    if regression:
        model: Model = TreeRegressor(packed([(tree, tree.value[:, 0, :])], np.zeros(1), False))
    else:
        trees = packed([(tree, tree.value[:, 0, :])], np.zeros(found.classes_.size), True)
        model = TreeClassifier(trees, np.asarray(found.classes_, np.int64))
    return Grown(model, importance([tree]))


def boosted(
    rows: Rows, targets: NDArray[Any], s: Mapping[str, Any], regression: bool, check: Callable[[], None] = nobody
) -> Grown:  # fmt: skip
    """Trees that each correct the ones before."""
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    options: dict[str, Any] = {}
    if regression:
        loss = LOSSES.get(str(s["loss"]).lower())
        if loss is None:
            raise EvaluationError(
                f"Classifier.smileGradientTreeBoost: Unknown loss '{s['loss']}'. One of: LeastSquares, LeastAbsoluteDeviation, Huber."
            )
        options["loss"] = loss
    limits = _settings(s, rows.shape[1])
    kind = GradientBoostingRegressor if regression else GradientBoostingClassifier
    begun = kind(
        learning_rate=_share(s, "shrinkage"), subsample=_share(s, "samplingRate"), random_state=int(s["seed"]) % 2**32,
        max_leaf_nodes=limits["max_leaf_nodes"], max_depth=None, **options,
    )  # fmt: skip
    found = _step_by_step(begun, rows, targets, _trees(s), check)
    start = np.asarray(found._raw_predict_init(rows[:1]), np.float64)[0]
    grown = []
    for stage in found.estimators_:
        for column, one in enumerate(stage):
            added = np.zeros((one.tree_.node_count, start.size))
            added[:, column] = found.learning_rate * one.tree_.value[:, 0, 0]
            grown.append((one.tree_, added))
    trees = packed(grown, start, False)
    model: Model = (
        TreeRegressor(trees, boosted=True)
        if regression
        else BoostedClassifier(trees, np.asarray(found.classes_, np.int64))
    )
    return Grown(model, importance([tree for tree, _ in grown]))
