"""Centres of clusters: which is nearest, and centres that learn sample by sample."""

from __future__ import annotations

from typing import Any

from numba import types

from ecumene.kernels.common import compiled, given

KERNELS = ("nearest", "quantised")

EUCLIDEAN, MANHATTAN, CHEBYSHEV = range(3)


@compiled(
    types.void(
        given(types.float64, 2), given(types.float64, 2), types.int64, types.int32[::1], types.float64[::1]
    )
)  # fmt: skip
def nearest(rows: Any, centres: Any, metric: int, label: Any, distance: Any) -> None:
    """The nearest of ``centres (k, d)`` to each of ``rows (n, d)``, the first of equals, and its distance.

    Distances are summed in the order of the columns; Euclidean ones are squared.
    """
    count, width = rows.shape
    for p in range(count):
        best, which = 0.0, -1
        for c in range(centres.shape[0]):
            far = 0.0
            for j in range(width):
                step = rows[p, j] - centres[c, j]
                if metric == EUCLIDEAN:
                    far += step * step
                elif metric == MANHATTAN:
                    far += abs(step)
                else:
                    far = max(far, abs(step))
            if which < 0 or far < best:
                best, which = far, c
        label[p] = which
        distance[p] = best


@compiled(
    types.void(given(types.float64, 2), types.float64[:, ::1], types.float64, types.int64, types.int64)
)  # fmt: skip
def quantised(rows: Any, centres: Any, rate: float, first: int, epochs: int) -> None:
    """Moves ``centres`` towards each sample in turn, the nearest one by ``rate``, in the ``first`` of ``epochs`` epochs.

    The rate falls linearly to zero over all epochs.
    """
    share = rate * (1.0 - first / epochs)
    for p in range(rows.shape[0]):
        best, which = 0.0, -1
        for c in range(centres.shape[0]):
            far = 0.0
            for j in range(rows.shape[1]):
                step = rows[p, j] - centres[c, j]
                far += step * step
            if which < 0 or far < best:
                best, which = far, c
        for j in range(rows.shape[1]):
            centres[which, j] += share * (rows[p, j] - centres[which, j])
