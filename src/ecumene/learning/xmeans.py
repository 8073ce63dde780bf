"""k-means that finds the number of clusters: by the Bayesian information criterion, or by Caliński and Harabasz.

Source: D. Pelleg, A. Moore, X-means (2000); T. Caliński, J. Harabasz, A dendrite method for cluster analysis (1974).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ecumene.learning.javarandom import JavaRandom
from ecumene.learning.kmeans import Canopies, first_centres, lloyd
from ecumene.learning.nearest import Rows, nearest

Check = Callable[[], None]


def criterion(rows: Rows, centres: Rows) -> float:
    """Logarithm of the likelihood under round normal clusters of one variance, less what its parameters cost.

    The variance is the estimate of least bias, ``sum of squares / (d (n - k))``.
    """
    count, width = rows.shape
    k = len(centres)
    labels, far = nearest(rows, centres, "euclidean")
    if count <= k:
        return -np.inf
    variance = max(float(far.sum()) / (width * (count - k)), 1e-300)
    sizes = np.bincount(labels, minlength=k)
    sizes = sizes[sizes > 0]
    likelihood = (
        float((sizes * np.log(sizes / count)).sum())
        - count * width / 2 * np.log(2 * np.pi * variance)
        - width * (count - k) / 2
    )
    return float(likelihood - (k - 1 + width * k + 1) / 2 * np.log(count))


@dataclass(frozen=True, slots=True)
class Growth:
    """Bounds of X-means: clusters, rounds of splitting, rounds of k-means, forced splits, distances."""

    least: int = 2
    most: int = 8
    rounds: int = 3
    whole: int = 1000
    children: int = 1000
    cutoff: float = 0.0
    metric: str = "euclidean"


def _split(rows: Rows, centre: Rows, growth: Growth, random: JavaRandom, check: Check) -> Rows:
    """Two centres in place of one, apart by its spread along a random direction."""
    direction = np.asarray([random.real() for _ in range(rows.shape[1])]) - 0.5
    direction /= max(float(np.linalg.norm(direction)), 1e-300)
    spread = float(np.sqrt(((rows - centre) ** 2).sum(axis=1).mean()))
    pair = np.stack([centre + spread * direction, centre - spread * direction])
    return lloyd(rows, pair, growth.metric, growth.children, check)


def _improved(
    rows: Rows, centres: Rows, growth: Growth, random: JavaRandom, check: Check
) -> Rows | None:
    """The centres with those split that gain by it, the best first as far as there is room; None where none is."""
    labels = nearest(rows, centres, growth.metric)[0]
    tried: list[tuple[float, int, Rows]] = []
    for number, centre in enumerate(centres):
        own = rows[labels == number]
        if len(own) < 4:
            continue
        pair = _split(own, centre, growth, random, check)
        if len(pair) == 2:
            gain = criterion(own, pair) - criterion(own, centre[None, :])
            tried.append((gain, number, pair))
    tried.sort(key=lambda found: (-found[0], found[1]))
    winners = [found for found in tried if found[0] > 0]
    if not winners:
        winners = tried[: int(len(tried) * growth.cutoff)]
    winners = winners[: growth.most - len(centres)]
    if not winners:
        return None
    instead = {number: pair for _, number, pair in winners}
    return np.concatenate([instead.get(k, centre[None, :]) for k, centre in enumerate(centres)])


def grown(rows: Rows, growth: Growth, seed: int, check: Check) -> Rows:
    """Centres by X-means: k-means from the least number, then splits as long as the criterion gains."""
    random = JavaRandom(seed)
    centres = first_centres(rows, growth.least, 0, growth.metric, Canopies(), random)
    centres = lloyd(rows, centres, growth.metric, growth.whole, check)
    for _ in range(growth.rounds):
        if len(centres) >= growth.most:
            break
        split = _improved(rows, centres, growth, random, check)
        if split is None:
            break
        centres = lloyd(rows, split, growth.metric, growth.whole, check)
    return centres


def separation(rows: Rows, centres: Rows) -> float:
    """Caliński and Harabasz's index: variance between clusters over variance within, by degrees of freedom."""
    count, k = len(rows), len(centres)
    if k < 2 or count <= k:
        return -np.inf
    labels = nearest(rows, centres, "euclidean")[0]
    sizes = np.bincount(labels, minlength=k)
    sums = np.stack([np.bincount(labels, column, minlength=k) for column in rows.T], axis=1)
    means = sums / np.maximum(sizes, 1)[:, None]
    within = float(((rows - means[labels]) ** 2).sum())
    between = float((sizes * ((means - rows.mean(axis=0)) ** 2).sum(axis=1)).sum())
    return np.inf if within == 0 else (between / (k - 1)) / (within / (count - k))


def cascaded(
    rows: Rows,
    numbers: range,
    restarts: int,
    plus_plus: bool,
    metric: str,
    most: int,
    check: Check,
) -> Rows:
    """Centres of the number of clusters, and of the start, that are separated best."""
    best, score = rows[:1], -np.inf
    for count in numbers:
        random = JavaRandom(count)
        for _ in range(restarts):
            start = first_centres(rows, count, int(plus_plus), metric, Canopies(), random)
            centres = lloyd(rows, start, metric, most, check)
            found = separation(rows, centres)
            if found > score:
                best, score = centres, found
    return best
