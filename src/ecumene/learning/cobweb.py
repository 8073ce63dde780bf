"""Cobweb: a tree of concepts that grows sample by sample, by category utility.

Source: D. Fisher, Knowledge acquisition via incremental conceptual clustering (1987); J. Gennari, P. Langley,
D. Fisher, Models of incremental concept formation (1990), for numbers: a concept's sharpness is the sum of the
reciprocals of its standard deviations, none of them taken as less than the ``acuity``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecumene.learning.javarandom import JavaRandom
from ecumene.learning.nearest import Labels, Rows

_NORMAL = 2 * np.sqrt(np.pi)


@dataclass(slots=True, eq=False)
class Concept:
    """A node: how many samples, their sums and sums of squares ``(d,)``, and narrower concepts."""

    count: int
    sums: Rows
    squares: Rows
    children: list[Concept] = field(default_factory=list)
    number: int = 0

    @classmethod
    def of(cls, row: Rows) -> Concept:
        """One sample."""
        return cls(1, row.copy(), row * row)

    def add(self, row: Rows) -> None:
        """One more sample."""
        self.count += 1
        self.sums = self.sums + row
        self.squares = self.squares + row * row

    def joined(self, other: Concept) -> Concept:
        """A concept of both."""
        return Concept(
            self.count + other.count,
            self.sums + other.sums,
            self.squares + other.squares,
            [self, other],
        )

    @property
    def size(self) -> int:
        """Bytes in memory, about, with what is below."""
        return sum(node.sums.nbytes * 2 + 200 for node in walked(self))


def walked(root: Concept) -> Iterator[Concept]:
    """A concept and all below it, each before its children."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def sharpness(count: Rows, sums: Rows, squares: Rows, acuity: float) -> Rows:
    """Sum over columns of one over the standard deviation: ``(…, d)`` and counts ``(…)`` to ``(…)``."""
    n = np.asarray(count, "float64")[..., None]
    spread = np.sqrt(np.maximum(squares - sums * sums / n, 0) / np.maximum(n - 1, 1))
    return np.asarray((1 / np.maximum(spread, acuity)).sum(axis=-1))


def utility(parent: Concept, children: list[Concept], acuity: float) -> float:
    """Category utility: how much sharper children are than their parent, per child."""
    count = np.asarray([child.count for child in children], "float64")
    sums = np.stack([child.sums for child in children])
    squares = np.stack([child.squares for child in children])
    inside = float((count * sharpness(count, sums, squares, acuity)).sum()) / parent.count
    whole = float(sharpness(np.asarray(parent.count), parent.sums, parent.squares, acuity))
    return float((inside - whole) / (len(children) * _NORMAL))


def hosts(node: Concept, rows: Rows, acuity: float) -> Rows:
    """Category utility ``(n, children + 1)`` if each row joined a child, or (last) became one of its own.

    ``node`` counts the row already or not: its own samples are those of its children.
    """
    children = node.children
    count = np.asarray([child.count for child in children], "float64")
    sums = np.stack([child.sums for child in children])
    squares = np.stack([child.squares for child in children])
    total, k = count.sum() + 1, len(children)
    held = count * sharpness(count, sums, squares, acuity)
    whole = sharpness(
        np.full(len(rows), total), sums.sum(axis=0) + rows, squares.sum(axis=0) + rows * rows, acuity
    )  # fmt: skip
    with_row = sharpness(
        np.broadcast_to(count + 1, (len(rows), k)),
        sums + rows[:, None, :],
        squares + (rows * rows)[:, None, :],
        acuity,
    )
    joined = held.sum() - held + (count + 1) * with_row
    alone = held.sum() + rows.shape[1] / acuity
    found = np.empty((len(rows), k + 1))
    found[:, :k] = (joined / total - whole[:, None]) / (k * _NORMAL)
    found[:, k] = (alone / total - whole) / ((k + 1) * _NORMAL)
    return found


def _insert(root: Concept, row: Rows, acuity: float, cutoff: float) -> None:
    node: Concept | None = root
    counted = False
    while node is not None:
        if not node.children:
            before = Concept(node.count, node.sums, node.squares)
            node.add(row)
            pair = [before, Concept.of(row)]
            node.children = pair if utility(node, pair, acuity) > cutoff else []
            return
        found = hosts(node, row[None, :], acuity)[0]
        if not counted:
            node.add(row)
        node, counted = _placed(node, row, found, acuity, cutoff)


def _placed(
    node: Concept, row: Rows, found: Rows, acuity: float, cutoff: float
) -> tuple[Concept | None, bool]:
    """Puts a row below a concept in the best of four ways; where to go on, and whether that counts the row already."""
    children = node.children
    ranked = np.argsort(-found[:-1], kind="stable")
    best = children[int(ranked[0])]
    scores = {"host": float(found[ranked[0]]), "new": float(found[-1]), "merge": -np.inf, "split": -np.inf}  # fmt: skip
    rest: list[Concept] = []
    merged = best
    if len(children) > 2:
        second = children[int(ranked[1])]
        rest = [child for child in children if child is not best and child is not second]
        merged = best.joined(second)
        with_row = Concept(merged.count, merged.sums, merged.squares)
        with_row.add(row)
        scores["merge"] = utility(node, [*rest, with_row], acuity)
    if best.children:
        opened = [child for child in children if child is not best] + best.children
        trial = Concept(0, row, row, opened)
        scores["split"] = float(hosts(trial, row[None, :], acuity)[0].max())
    choice = max(scores, key=lambda way: scores[way])
    if scores[choice] < cutoff:
        node.children = []
        return None, False
    if choice == "new":
        children.append(Concept.of(row))
        return None, False
    if choice == "merge":
        node.children = [*rest, merged]
        return merged, False
    if choice == "split":
        node.children = [child for child in children if child is not best] + best.children
        return node, True
    return best, False


@dataclass(frozen=True, slots=True, eq=False)
class Concepts:
    """A grown tree: a row's cluster is the number of the narrowest concept that takes it."""

    root: Concept
    acuity: float

    def clusters(self, rows: NDArray[np.generic]) -> Labels:
        """The cluster of each row ``(n, d)``."""
        given = np.asarray(rows, "float64")
        out = np.empty(len(given), np.int32)
        waiting = [(self.root, np.arange(len(given)))]
        while waiting:
            node, here = waiting.pop()
            out[here] = node.number
            if not node.children or not here.size:
                continue
            best = hosts(node, given[here], self.acuity).argmax(axis=1)
            waiting.extend(
                (child, here[best == number]) for number, child in enumerate(node.children)
            )
        return out

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return self.root.size


def grown(
    rows: Rows, acuity: float, cutoff: float, seed: int, check: Callable[[], None]
) -> Concepts:
    """The tree of all rows, taken in an order by seed (negative: as they are); numbered from the top."""
    order = list(range(len(rows)))
    if seed >= 0:
        random = JavaRandom(seed)
        for last in range(len(rows) - 1, 0, -1):
            drawn = random.below(last + 1)
            order[last], order[drawn] = order[drawn], order[last]
    root = Concept.of(rows[order[0]])
    for row in order[1:]:
        check()
        _insert(root, rows[row], acuity, cutoff)
    for number, node in enumerate(walked(root)):
        node.number = number
    return Concepts(root, acuity)
