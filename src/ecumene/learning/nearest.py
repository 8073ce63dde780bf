"""Rows of numbers on a common scale, and the nearest of some centres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels

Rows = NDArray[np.float64]
Labels = NDArray[np.int32]

METRICS = ("euclidean", "manhattan", "chebyshev")
"""By the number that kernels know them by."""


def nearest(rows: Rows, centres: Rows, metric: str) -> tuple[Labels, Rows]:
    """Number of the nearest centre and its distance (Euclidean: squared), ``(n,)`` each; the first of equals."""
    compiled = kernels.ready("centres.nearest")
    if compiled is None:
        return _plainly(rows, centres, metric)
    label, distance = np.empty(rows.shape[0], np.int32), np.empty(rows.shape[0])
    compiled(
        np.ascontiguousarray(rows), np.ascontiguousarray(centres), METRICS.index(metric), label, distance
    )  # fmt: skip
    return label, distance


def _plainly(rows: Rows, centres: Rows, metric: str) -> tuple[Labels, Rows]:
    label = np.zeros(rows.shape[0], np.int32)
    best = np.full(rows.shape[0], np.inf)
    for number, centre in enumerate(centres):
        far = np.zeros(rows.shape[0])
        for j in range(rows.shape[1]):
            step = rows[:, j] - centre[j]
            if metric == "euclidean":
                far += step * step
            elif metric == "manhattan":
                far += np.abs(step)
            else:
                far = np.maximum(far, np.abs(step))
        closer = far < best if number else np.ones(rows.shape[0], bool)
        label[closer], best[closer] = number, far[closer]
    return label, best


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Each column's least value and range in training; a column of one value counts for nothing."""

    low: Rows
    span: Rows

    @classmethod
    def of(cls, rows: Rows) -> Scale:
        """The scale on which the rows lie in ``[0, 1]``."""
        low = rows.min(axis=0)
        return cls(low, rows.max(axis=0) - low)

    @classmethod
    def none(cls, width: int) -> Scale:
        """The rows' own scale."""
        return cls(np.zeros(width), np.ones(width))

    def applied(self, rows: NDArray[np.generic]) -> Rows:
        """Rows on this scale, as doubles."""
        span = np.where(self.span > 0, self.span, 1.0)
        return np.asarray((np.asarray(rows, "float64") - self.low) / span * (self.span > 0))


@dataclass(frozen=True, slots=True, eq=False)
class Centres:
    """A model of clusters: centres ``(k, d)`` on a scale, and what is near."""

    scale: Scale
    centres: Rows
    metric: str = "euclidean"

    def clusters(self, rows: NDArray[np.generic]) -> Labels:
        """The cluster of each row: number of the nearest centre."""
        return nearest(self.scale.applied(rows), self.centres, self.metric)[0]

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return self.centres.nbytes + self.scale.low.nbytes * 2 + 200
