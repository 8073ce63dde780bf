"""Decision trees as R prints them: ``node), split, n, loss, value``, children numbered ``2k`` and ``2k + 1``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.learning.base import Model, Rows
from ecumene.learning.forest import (
    CHILD,
    CHILDREN,
    COLUMN,
    LEAF,
    LIMIT,
    MOST_COLUMNS,
    Trees,
    singles,
    words_of,
)

MOST_NODES = 2_000_000
"""Of all trees in a text."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_LINE = re.compile(
    rf"^\s*(?P<id>\d+)\)\s+(?:root\b|(?P<name>\S.*?)\s*(?P<op><=|>=|<|>)\s*(?P<limit>{_NUMBER}))(?P<rest>.*)$"
)
_VALUE = re.compile(_NUMBER)


@dataclass(frozen=True, slots=True)
class Line:
    """A node: the condition that leads to it (none for the root), and its value."""

    name: str
    op: str
    limit: float
    value: float


def parsed(text: str) -> Iterator[dict[int, Line]]:
    """The trees of a text, nodes by number; a new tree begins at each node 1.

    Lines that do not begin with a number and a parenthesis (R's legend) are passed over. Raises EvaluationError for
    others that do not fit.
    """
    tree: dict[int, Line] = {}
    for line in text.splitlines():
        if not re.match(r"\s*\d+\)", line):
            continue
        match = _LINE.match(line)
        numbers = _VALUE.findall(match["rest"].partition("(")[0]) if match else []
        if match is None or len(numbers) < 3:
            raise EvaluationError(f"Classifier.decisionTree: Cannot read the line '{line.strip()[:200]}'.")  # fmt: skip
        number = int(match["id"])
        if number == 1 and tree:
            yield tree
            tree = {}
        if number in tree:
            raise EvaluationError(f"Classifier.decisionTree: Node {number} stands twice.")
        tree[number] = Line(
            match["name"] or "", match["op"] or "", float(match["limit"] or 0), float(numbers[2])
        )
    if tree:
        yield tree


def _split(left: Line, right: Line) -> tuple[str, float, bool]:
    """Column, greatest limit on one side, and whether the side below it is the left child."""
    pair = {left.op[0], right.op[0]} if left.op and right.op else set()
    if left.name != right.name or left.limit != right.limit or pair != {"<", ">"}:
        raise EvaluationError(
            f"Classifier.decisionTree: '{left.name}{left.op}{left.limit:g}' and '{right.name}{right.op}{right.limit:g}' are not two sides of a split."
        )
    low = left if left.op[0] == "<" else right
    limit = low.limit if low.op == "<=" else float(np.nextafter(low.limit, -np.inf))
    return left.name, limit, low is left


@dataclass(slots=True)
class _Flat:
    """One tree as columns: inputs by name, limits, children, values."""

    names: list[str]
    limits: Rows
    left: list[int]
    right: list[int]
    values: Rows


def _flat(tree: dict[int, Line]) -> _Flat:
    if 1 not in tree:
        raise EvaluationError("Classifier.decisionTree: The tree has no root (node 1).")
    place = {number: k for k, number in enumerate(tree)}
    names, limits = [""] * len(tree), np.zeros(len(tree))
    left, right = [-1] * len(tree), [-1] * len(tree)
    for number, k in place.items():
        if number != 1 and number // 2 not in place:
            raise EvaluationError(f"Classifier.decisionTree: Node {number} has no parent.")
        a, b = tree.get(2 * number), tree.get(2 * number + 1)
        if (a is None) != (b is None):
            raise EvaluationError(f"Classifier.decisionTree: Node {number} has one child only.")
        if a is not None and b is not None:
            names[k], limits[k], first = _split(a, b)
            below = place[2 * number], place[2 * number + 1]
            left[k], right[k] = below if first else below[::-1]
    return _Flat(names, limits, left, right, np.asarray([line.value for line in tree.values()]))


def read(texts: list[str]) -> tuple[Trees, tuple[str, ...]]:
    """Trees of texts, one column of values, and the names of their inputs in order of first use."""
    flats: list[_Flat] = []
    nodes = 0
    for text in texts:
        for tree in parsed(text):
            nodes += len(tree)
            if nodes > MOST_NODES:
                raise LimitExceeded(
                    f"Classifier.decisionTree: More than {MOST_NODES} nodes in all trees."
                )
            flats.append(_flat(tree))
    if not flats:
        raise EvaluationError("Classifier.decisionTree: No tree was found in the text.")
    schema = tuple(dict.fromkeys(name for flat in flats for name in flat.names if name))
    if len(schema) > MOST_COLUMNS:
        raise LimitExceeded(f"Classifier.decisionTree: More than {MOST_COLUMNS} inputs.")
    column = {name: k for k, name in enumerate(schema)}
    columns = [np.asarray([column.get(name, 0) for name in flat.names]) for flat in flats]
    cuts = []
    for name in schema:
        held = [
            flat.limits[(columns[k] == column[name]) & (np.asarray(flat.left) >= 0)]
            for k, flat in enumerate(flats)
        ]
        cuts.append(np.unique(np.concatenate(held)))
    return _joined(flats, columns, tuple(cuts)), schema


def _joined(flats: list[_Flat], columns: list[np.ndarray], cuts: tuple[Rows, ...]) -> Trees:
    words, values, roots = [], [], [0]
    for flat, column in zip(flats, columns, strict=True):
        limits = np.zeros(len(flat.limits), np.uint32)
        for k, known in enumerate(cuts):
            own = column == k
            limits[own] = np.searchsorted(known, flat.limits[own])
        word, order = words_of(limits, column, np.asarray(flat.left), np.asarray(flat.right))
        words.append(word)
        values.append(flat.values[order])
        roots.append(roots[-1] + order.size)
    table = np.concatenate(values)
    return Trees(
        np.concatenate(words), np.asarray(roots, np.int64), -1 - np.arange(table.size, dtype=np.int32), table[:, None],
        np.zeros(1), cuts, means=table,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class TextTrees(Model):
    """Trees that somebody wrote: votes where all leaves are whole numbers, else means."""

    trees: Trees
    classes: np.ndarray

    @classmethod
    def of(cls, trees: Trees) -> TextTrees:
        """With the classes that the leaves name, none where one is not a whole number."""
        leaf = (trees.words >> LIMIT) == LEAF
        found = np.unique(trees.means[leaf])
        whole = bool((found == np.rint(found)).all()) and found.size <= 1000
        return cls(trees, found if whole else np.zeros(0))

    def raw(self, rows: Rows) -> Rows:
        """The value of each tree ``(n, trees)``."""
        return np.asarray(self.trees.means[self.trees.leaves(rows)])

    def values(self, rows: Rows) -> Rows:
        """Mean of the trees."""
        return np.asarray(self.trees.sums(rows)[:, 0] / self.trees.trees)

    def probabilities(self, rows: Rows) -> Rows:
        """Shares of the votes."""
        said = self.raw(rows)
        return np.stack([(said == value).mean(axis=1) for value in self.classes], axis=1)

    def labels(self, rows: Rows) -> np.ndarray:
        """The commonest value, the least of equals; the mean where values are not classes."""
        if not self.classes.size:
            return self.values(rows)
        if self.trees.trees == 1:
            return self.raw(rows)[:, 0]
        return np.asarray(self.classes[self.probabilities(rows).argmax(axis=1)])

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        from ecumene.learning.forest import size_of

        return size_of(self.trees)


def _condition(trees: Trees, word: np.uint64, schema: tuple[str, ...]) -> tuple[str, str]:
    column, limit = int(word & COLUMN), np.uint32(word >> LIMIT)
    shown = str(singles(np.asarray([limit]))[0]) if trees.cuts is None else repr(float(trees.cuts[column][int(limit)]))  # fmt: skip
    return f"{schema[column]}<={shown}", f"{schema[column]}>{shown}"


def written(trees: Trees, number: int, schema: tuple[str, ...], classes: np.ndarray) -> str:
    """One tree's text; ``classes`` are the values that means stand for (none: numbers themselves)."""
    base = int(trees.roots[number])
    lines = []
    waiting = [(0, 1, 0, "root")]
    while waiting:
        node, name, depth, condition = waiting.pop()
        at = base + node
        word = trees.words[at]
        mean = trees.means[at]
        value = classes[int(mean)] if classes.size else mean
        leaf = (word >> LIMIT) == LEAF
        star = " *" if leaf else ""
        lines.append(
            f"{'  ' * depth}{name}) {condition} {trees.counts[at]} {trees.losses[at]:.6g} {value:.10g}{star}"
        )
        if not leaf:
            below, above = _condition(trees, word, schema)
            child = int((word >> CHILD) & CHILDREN)
            waiting.append((child + 1, 2 * name + 1, depth + 1, above))
            waiting.append((child, 2 * name, depth + 1, below))
    return "\n".join(lines)
