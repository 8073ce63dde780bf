"""k-means and G-means of the pixels of a cell.

Sources: S. Lloyd, Least squares quantization in PCM (1982), first centres by D. Arthur, S. Vassilvitskii, k-means++ (2007)
drawn from a fixed stream; G. Hamerly, C. Elkan, Learning the k in k-means (2003).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ecumene.core.errors import EvaluationError
from ecumene.numerics.cells.common import (
    Cell,
    CellOp,
    Check,
    Result,
    Valid,
    Values,
    all_of,
    unwatched,
)

Rows = NDArray[np.float64]
Labels = NDArray[np.int64]

SEED = 2003
DRAWN = 4
"""Candidates for each next centre."""

CHUNK = 1 << 16
"""Pixels whose distances from all centres are held at once."""

MOST = 256
"""Clusters of a cell at most."""


def nearest(rows: Rows, centres: Rows) -> tuple[Labels, Rows]:
    """The nearest centre of each row (the first of equal ones) and the squared distance."""
    labels, far = np.empty(len(rows), np.int64), np.empty(len(rows))
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        squares = np.zeros((len(part), len(centres)))
        for k in range(rows.shape[1]):
            squares += (part[:, k : k + 1] - centres[:, k]) ** 2
        labels[start : start + CHUNK] = squares.argmin(axis=1)
        far[start : start + CHUNK] = squares.min(axis=1)
    return labels, far


def first_centres(rows: Rows, count: int, check: Check = unwatched) -> Rows:
    """Rows far from each other: the best of some that are drawn by their squared distances from those before."""
    random = np.random.default_rng(SEED)
    chosen = [int(random.integers(len(rows)))]
    far = nearest(rows, rows[chosen])[1]
    while len(chosen) < count and far.max(initial=0) > 0:
        check()
        shares = np.cumsum(far)
        drawn = np.searchsorted(shares, random.random(DRAWN) * shares[-1], side="right")
        drawn = np.minimum(drawn, len(rows) - 1)
        left = [np.minimum(far, nearest(rows, rows[k : k + 1])[1]) for k in drawn]
        best = int(np.argmin([part.sum() for part in left]))
        chosen.append(int(drawn[best]))
        far = left[best]
    return rows[chosen]


def lloyd(
    rows: Rows, centres: Rows, iterations: int, check: Check = unwatched
) -> tuple[Labels, Rows, bool]:
    """Clusters of rows, their centres, and whether nothing moved in the last iteration; empty clusters keep theirs."""
    labels = nearest(rows, centres)[0]
    for _ in range(iterations):
        check()
        size = np.bincount(labels, minlength=len(centres))
        sums = np.stack(
            [np.bincount(labels, column, minlength=len(centres)) for column in rows.T], axis=1
        )
        centres = np.where(size[:, None] > 0, sums / np.maximum(size, 1)[:, None], centres)
        found = nearest(rows, centres)[0]
        if np.array_equal(found, labels):
            return labels, centres, True
        labels = found
    return labels, centres, False


def anderson_darling(sample: Rows) -> float:
    """How far a sample is from a normal distribution of its own mean and deviation (corrected for its size)."""
    n = sample.size
    spread = sample.std(ddof=1) if n > 1 else 0.0
    if n < 8 or spread == 0:
        return 0.0
    below = ndtr(np.sort((sample - sample.mean()) / spread))
    below = np.clip(below, 1e-300, 1 - 1e-16)
    odd = 2 * np.arange(1, n + 1) - 1
    found = -n - float(np.mean(odd * (np.log(below) + np.log1p(-below[::-1]))))
    return found * (1 + 4 / n - 25 / n**2)


def g_means(rows: Rows, iterations: int, critical: float, check: Check = unwatched) -> Labels:
    """Clusters, split as long as a cluster along its split does not look normally distributed."""
    centres = rows.mean(axis=0, keepdims=True)
    while True:
        labels, centres, _ = lloyd(rows, centres, iterations, check)
        following: list[Rows] = []
        for k, centre in enumerate(centres):
            mine = rows[labels == k]
            halves = _halves(mine, centre, iterations, check) if len(mine) > 1 else None
            if halves is None or anderson_darling(mine @ (halves[1] - halves[0])) <= critical:
                following.append(centre)
            else:
                following += list(halves)
        if len(following) == len(centres) or len(following) > MOST:
            return labels
        centres = np.stack(following)


def _halves(rows: Rows, centre: Rows, iterations: int, check: Check) -> Rows | None:
    """Two centres in place of one, from its two sides along the main direction."""
    size, directions = np.linalg.eigh(np.atleast_2d(np.cov(rows.T)))
    if size[-1] <= 0:
        return None
    step = directions[:, -1] * np.sqrt(2 * size[-1] / np.pi)
    return lloyd(rows, np.stack([centre - step, centre + step]), iterations, check)[1]


def _labelled(cell: Cell, good: Valid, labels: Labels, unique: bool) -> Result:
    """Numbers of clusters over the cell; ``unique``: other ones in every cell."""
    out = np.zeros(good.shape, np.int64)
    out[good] = labels
    if unique:
        side = cell.inner(good).shape[0]
        row, col = ((v + cell.halo) // side for v in (cell.row, cell.col))
        out += MOST * (((row & 0x7FF) << 12) | (col & 0xFFF))
    return cell.inner(out), cell.inner(good)


def _rows(values: list[Values], good: Valid) -> Rows:
    return np.stack([v[good].astype("float64") for v in values], axis=1)


def _kmeans(
    cell: Cell, values: list[Values], valid: list[Valid], count: int, iterations: int, forced: bool, unique: bool
) -> Result:  # fmt: skip
    good = all_of(valid)
    if not good.any():
        return _labelled(cell, good, np.zeros(0, np.int64), unique)
    rows = _rows(values, good)
    labels, _, settled = lloyd(rows, first_centres(rows, count, cell.check), iterations, cell.check)
    if forced and not settled:
        raise EvaluationError(
            f"Image.Segmentation.KMeans: no convergence after {iterations} iterations."
        )
    return _labelled(cell, good, labels, unique)


def _gmeans(
    cell: Cell, values: list[Values], valid: list[Valid], iterations: int, critical: float, unique: bool
) -> Result:  # fmt: skip
    good = all_of(valid)
    if not good.any():
        return _labelled(cell, good, np.zeros(0, np.int64), unique)
    return _labelled(
        cell, good, g_means(_rows(values, good), iterations, critical, cell.check), unique
    )


OPS: dict[str, CellOp] = {"kmeans": _kmeans, "gmeans": _gmeans}
