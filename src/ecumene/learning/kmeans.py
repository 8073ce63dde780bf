"""k-means as Weka's SimpleKMeans does it: attributes scaled to their range, the first centres chosen by seed.

Source: D. Arthur, S. Vassilvitskii, k-means++ (2007); A. McCallum et al., canopies (2000); Weka's documentation.
Random choices follow ``java.util.Random``, so that the same samples in the same order start from the same centres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ecumene.learning.base import nobody
from ecumene.learning.javarandom import JavaRandom
from ecumene.learning.nearest import Labels, Rows, nearest

MOST_ITERATIONS = 500
"""Weka's own bound where none is given."""


@dataclass(frozen=True, slots=True)
class Canopies:
    """How centres are chosen by canopies: distances (negative: see ``radii``), pruning, and how many at most."""

    most: int = 100
    prune_every: int = 10_000
    least: int = 2
    t1: float = -1.5
    t2: float = -1.0

    def radii(self, rows: Rows) -> tuple[float, float]:
        """The outer and the inner distance; by the columns' standard deviations unless given."""
        inner = self.t2
        if inner < 0:
            inner = float(np.sqrt(np.sum(0.5 * rows.std(axis=0, ddof=1)))) if len(rows) > 2 else 1.0
        return (abs(self.t1) * inner if self.t1 < 0 else self.t1), inner


def spread_out(rows: Rows, first: int, count: int, metric: str) -> list[int]:
    """Farthest first: each next row is the one farthest from those chosen already."""
    chosen = [first]
    far = nearest(rows, rows[first : first + 1], metric)[1]
    while len(chosen) < min(count, len(rows)):
        following = int(far.argmax())
        if far[following] <= 0:  # only copies of chosen rows are left
            break
        chosen.append(following)
        far = np.minimum(far, nearest(rows, rows[following : following + 1], metric)[1])
    return chosen


def at_random(rows: Rows, count: int, random: JavaRandom) -> list[int]:
    """Different rows drawn without replacement."""
    order = np.arange(len(rows))
    seen: set[bytes] = set()
    chosen: list[int] = []
    for last in range(len(rows) - 1, -1, -1):
        drawn = random.below(last + 1)
        key = rows[order[drawn]].tobytes()
        if key not in seen:
            seen.add(key)
            chosen.append(int(order[drawn]))
        order[last], order[drawn] = order[drawn], order[last]
        if len(chosen) == count:
            break
    return chosen


def plus_plus(rows: Rows, count: int, metric: str, random: JavaRandom) -> list[int]:
    """k-means++: rows drawn by their distance from the nearest centre so far (Weka weighs by distance, not by its square)."""
    chosen = [random.below(len(rows))]
    far = _lengths(nearest(rows, rows[chosen[:1]], metric)[1], metric)
    while len(chosen) < count and far.sum() > 0:
        shares = np.cumsum(far / far.sum())
        shares[-1] = 1.0
        drawn = int(np.searchsorted(shares, random.real(), side="right"))
        chosen.append(drawn)
        far = np.minimum(far, _lengths(nearest(rows, rows[drawn : drawn + 1], metric)[1], metric))
    return chosen


def _lengths(distance: Rows, metric: str) -> Rows:
    return np.sqrt(distance) if metric == "euclidean" else distance


def by_canopies(
    rows: Rows, count: int, metric: str, options: Canopies, random: JavaRandom
) -> list[int]:
    """The densest canopies' first rows; farthest first fills what is missing."""
    outer, inner = options.radii(rows)
    order = list(range(len(rows)))
    for last in range(len(rows) - 1, 0, -1):
        drawn = random.below(last + 1)
        order[last], order[drawn] = order[drawn], order[last]
    chosen: list[int] = []
    density: list[float] = []
    for number, row in enumerate(order, 1):
        if chosen:
            far = _lengths(_all(rows[row], rows[chosen], metric), metric)
            for near in np.flatnonzero(far < outer):
                density[near] += 1
        if not chosen or (far.min() >= inner and len(chosen) < options.most):
            chosen.append(row)
            density.append(1.0)
        if number % max(options.prune_every, 1) == 0:
            kept = [k for k, held in enumerate(density) if held >= options.least]
            if kept:
                chosen, density = [chosen[k] for k in kept], [density[k] for k in kept]
    best = sorted(range(len(chosen)), key=lambda k: -density[k])[:count]
    found = [chosen[k] for k in best]
    if len(found) < count:
        found += [row for row in spread_out(rows, found[0], count, metric) if row not in found]
    return found[:count]


def _all(row: Rows, centres: Rows, metric: str) -> Rows:
    step = np.abs(centres - row)
    if metric == "euclidean":
        return np.asarray((step * step).sum(axis=1))
    return np.asarray(step.sum(axis=1) if metric == "manhattan" else step.max(axis=1))


def moved(rows: Rows, labels: Labels, count: int, metric: str) -> Rows:
    """Means (Manhattan: medians) of the rows of each cluster that has any, in order."""
    if metric == "manhattan":
        order = np.argsort(labels, kind="stable")
        ends = np.searchsorted(labels[order], np.arange(count + 1))
        spans = zip(ends[:-1], ends[1:], strict=True)
        return np.stack([np.median(rows[order[a:b]], axis=0) for a, b in spans if b > a])
    size = np.bincount(labels, minlength=count)
    sums = np.stack(
        [np.bincount(labels, column, minlength=count) for column in rows.T],
        axis=1,
    )
    return np.asarray(sums[size > 0] / size[size > 0, None])


def lloyd(
    rows: Rows,
    centres: Rows,
    metric: str = "euclidean",
    most: int = MOST_ITERATIONS,
    check: Callable[[], None] = nobody,
) -> Rows:
    """Centres ``(k, d)`` after at most ``most`` rounds of assigning rows and moving centres; empty ones go."""
    before: Labels | None = None
    for _ in range(most):
        check()
        labels, _far = nearest(rows, centres, metric)
        centres = moved(rows, labels, len(centres), metric)
        if before is not None and np.array_equal(labels, before):
            break
        before = labels
    return centres


def first_centres(
    rows: Rows, count: int, init: int, metric: str, canopies: Canopies, random: JavaRandom
) -> Rows:
    """By method: 0 random, 1 k-means++, 2 canopies, 3 farthest first (which Weka always seeds with 1)."""
    match init:
        case 1:
            chosen = plus_plus(rows, count, metric, random)
        case 2:
            chosen = by_canopies(rows, count, metric, canopies, random)
        case 3:
            chosen = spread_out(rows, JavaRandom(1).below(len(rows)), count, metric)
        case _:
            chosen = at_random(rows, count, random)
    return rows[chosen]
