"""Ensembles of decision trees as flat arrays, evaluated by a compiled kernel or plainly, with the same result."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels
from ecumene.core.errors import LimitExceeded
from ecumene.learning.base import Model, Rows

CHILD, LIMIT = np.uint64(10), np.uint64(32)
COLUMN, CHILDREN, LEAF = np.uint64(0x3FF), np.uint64(0x3FFFFF), np.uint64(0xFFFFFFFF)
"""Parts of a node's word, see ``kernels.trees``."""

MOST_COLUMNS, MOST_NODES_OF_TREE, MOST_NODES = 1024, 1 << 22, 1 << 25

Words = NDArray[np.uint64]


def ordered(values: NDArray[np.generic]) -> NDArray[np.uint32]:
    """Singles as unsigned integers that order alike; NaN (of positive sign) above all."""
    bits = (np.asarray(values, np.float32) + np.float32(0)).view(np.uint32)
    return np.asarray(bits ^ np.where(bits >> 31 == 1, np.uint32(0xFFFFFFFF), np.uint32(1 << 31)))


def singles(keys: NDArray[np.uint32]) -> NDArray[np.float32]:
    """The inverse of ``ordered``."""
    bits = keys ^ np.where(keys >> 31 == 1, np.uint32(1 << 31), np.uint32(0xFFFFFFFF))
    return np.asarray(bits.astype(np.uint32).view(np.float32))


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees one after the other, each by levels with the two children of a node side by side.

    ``words (nodes)``: see ``kernels.trees``. ``roots (trees + 1)``: first nodes, and the number of all.
    A leaf votes for column ``votes`` or adds row ``-votes - 1`` of ``table (m, k)``. Sums begin with ``start (k)``.
    ``cuts``: for each column the limits in ascending order, where they are doubles and words hold their places; else
    None, and rows and limits are compared as singles. ``counts`` (training samples), ``losses`` (misclassified
    samples or sum of squares) and ``means`` (class or value) tell about every node; empty where unknown.
    """

    words: Words
    roots: NDArray[np.int64]
    votes: NDArray[np.int32]
    table: Rows
    start: Rows
    cuts: tuple[Rows, ...] | None = None
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    losses: Rows = field(default_factory=lambda: np.zeros(0))
    means: Rows = field(default_factory=lambda: np.zeros(0))

    @property
    def trees(self) -> int:
        """How many."""
        return self.roots.size - 1

    def keys(self, rows: Rows) -> NDArray[np.uint32]:
        """Rows ``(n, d)`` as numbers that compare with the words' limits as rows do with the trees'."""
        if not rows.shape[1]:  # leaves look at a column, too
            return np.zeros((len(rows), 1), np.uint32)
        if self.cuts is None:
            return ordered(rows)
        found = np.empty(rows.shape, np.uint32)
        for column, limits in enumerate(self.cuts):
            found[:, column] = np.searchsorted(limits, rows[:, column])
        return found

    def sums(self, rows: Rows) -> Rows:
        """What all trees say of rows ``(n, d)``, added tree by tree: ``(n, k)``."""
        keys = self.keys(rows)
        out = np.empty((len(rows), self.start.size))
        out[:] = self.start
        compiled = kernels.ready("trees.voted")
        if compiled is not None:
            compiled(self.words, self.roots, self.votes, self.table, np.ascontiguousarray(keys).reshape(-1), out)  # fmt: skip
            return out
        here = np.arange(len(rows))
        for leaf in self._descended(keys):
            vote = self.votes[leaf]
            pure = vote >= 0
            out[here[pure], vote[pure]] += 1.0
            out[~pure] += self.table[-vote[~pure] - 1]
        return out

    def leaves(self, rows: Rows) -> NDArray[np.int32]:
        """The leaf of each row in each tree ``(n, trees)``, counted over all trees."""
        keys = self.keys(rows)
        compiled = kernels.ready("trees.leaves")
        if compiled is None:
            return np.stack([leaf.astype(np.int32) for leaf in self._descended(keys)], axis=1)
        out = np.empty((len(rows), self.trees), np.int32)
        compiled(self.words, self.roots, np.ascontiguousarray(keys).reshape(-1), out)
        return out

    def _descended(self, keys: NDArray[np.uint32]) -> list[NDArray[np.int64]]:
        """The leaves of all rows, tree by tree."""
        here = np.arange(len(keys))
        found = []
        for first, end in zip(self.roots[:-1], self.roots[1:], strict=True):
            words = self.words[first:end]
            node = np.zeros(len(keys), np.int64)
            while True:
                word = words[node]
                right = keys[here, (word & COLUMN).astype(np.int64)] > (word >> LIMIT)
                below = ((word >> CHILD) & CHILDREN).astype(np.int64) + right
                if np.array_equal(below, node):
                    break
                node = below
            found.append(node + first)
        return found

    def scored(self, leaf: NDArray[np.int32]) -> Rows:
        """What some leaves of one tree say ``(n, k)``."""
        vote = self.votes[leaf]
        out = np.zeros((len(leaf), self.start.size))
        pure = vote >= 0
        out[np.flatnonzero(pure), vote[pure]] = 1.0
        out[~pure] = self.table[-vote[~pure] - 1]
        return out


def words_of(
    limits: NDArray[np.uint32], columns: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[Words, NDArray[np.int64]]:  # fmt: skip
    """The words of one tree, and its nodes in their order; children below zero are those of leaves.

    Raises LimitExceeded for trees or rows that do not fit a word.
    """
    if left.size > MOST_NODES_OF_TREE:
        raise LimitExceeded(
            f"Classifier.train: A tree of more than {MOST_NODES_OF_TREE} nodes; set maxNodes or minLeafPopulation."
        )
    levels = [np.zeros(1, np.int64)]
    children = []
    known = 1
    while levels[-1].size:
        here = levels[-1]
        inner = left[here] >= 0
        first = np.arange(known - here.size, known)
        first[inner] = known + 2 * np.arange(int(inner.sum()))
        children.append(first)
        following = np.stack([left[here[inner]], right[here[inner]]], axis=1).reshape(-1)
        levels.append(following)
        known += following.size
    order = np.concatenate(levels)
    leaf = left[order] < 0
    limit = np.where(leaf, LEAF, limits[order].astype(np.uint64))
    column = np.where(leaf, 0, columns[order]).astype(np.uint64)
    child = np.concatenate(children).astype(np.uint64)
    return (limit << LIMIT) | (child << CHILD) | column, order


@dataclass(frozen=True, eq=False)
class TreeClassifier(Model):
    """Votes of trees: shares of classes, means of all trees' shares."""

    trees: Trees
    classes: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return size_of(self.trees)

    def probabilities(self, rows: Rows) -> Rows:
        """Mean of the trees' shares."""
        return np.asarray(self.trees.sums(rows) / self.trees.trees)

    def raw(self, rows: Rows) -> Rows:
        """The class for which each tree votes ``(n, trees)``."""
        leaf = self.trees.leaves(rows)
        best = [self.trees.scored(column).argmax(axis=1) for column in leaf.T]
        return np.asarray(self.classes[np.stack(best, axis=1)], "float64")


@dataclass(frozen=True, eq=False)
class TreeRegressor(Model):
    """Sums (``boosted``) or means of the values of trees."""

    trees: Trees
    boosted: bool = False

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return size_of(self.trees)

    def values(self, rows: Rows) -> Rows:
        """Mean or sum of the trees' values."""
        found = self.trees.sums(rows)[:, 0]
        return found if self.boosted else np.asarray(found / self.trees.trees)

    def raw(self, rows: Rows) -> Rows:
        """The value of each tree ``(n, trees)``."""
        leaf = self.trees.leaves(rows)
        return np.stack([self.trees.scored(column)[:, 0] for column in leaf.T], axis=1)


@dataclass(frozen=True, eq=False)
class BoostedClassifier(Model):
    """Sums of the values of trees as scores of classes: logistic for two, else the softmax."""

    trees: Trees
    classes: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return size_of(self.trees)

    def labels(self, rows: Rows) -> NDArray[np.int64]:
        """The class of the highest score."""
        scores = self.trees.sums(rows)
        best = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] >= 0).astype(int)
        return np.asarray(self.classes[best])

    def probabilities(self, rows: Rows) -> Rows:
        """Of each class."""
        scores = self.trees.sums(rows)
        if scores.shape[1] == 1:
            second = 1 / (1 + np.exp(-np.clip(scores[:, 0], -700, 700)))
            return np.stack([1 - second, second], axis=1)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def size_of(trees: Trees) -> int:
    """Bytes in memory, about."""
    held: tuple[NDArray[np.generic], ...] = (
        trees.words, trees.roots, trees.votes, trees.table, trees.counts, trees.losses, trees.means, *(trees.cuts or ()),
    )  # fmt: skip
    return 1000 + sum(part.nbytes for part in held)
