"""Statistics of runs of pixels, by zone: what a region needs of a block in one pass.

Runs are rows of pixels with one weight (``numerics.runs``); nothing is gathered or copied. Values that are NaN
and pixels that the mask hides are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, helper, readonly

KERNELS = ("moments", "extremes")

_VALUES = (types.uint8, types.int16, types.uint16, types.int32, types.float32, types.float64)
_RUNS = (
    types.Array(
        types.uint8, 2, "C", readonly=True
    ),  # shown; one row and column where everything is
    types.boolean,  # hidden: whether ``shown`` counts
    *4 * (readonly(types.int32),),  # zone, row, start, stop
    readonly(types.float32),  # weight
)


@helper
def _summed(row: Any, shown: Any, hidden: bool) -> Any:
    """Sum and number of the valid values of a run, in four lanes."""
    lanes, counts = np.zeros(4), np.zeros(4, np.int64)
    whole = row.size - row.size % 4
    for first in range(0, whole, 4):
        for lane in range(4):
            value = row[first + lane]
            good = value == value
            if hidden:
                good = good and shown[first + lane] != 0
            lanes[lane] += value if good else 0
            counts[lane] += good
    for p in range(whole, row.size):
        value = row[p]
        if value == value and (not hidden or shown[p] != 0):
            lanes[0] += value
            counts[0] += 1
    return lanes[0] + lanes[1] + (lanes[2] + lanes[3]), counts[0] + counts[1] + counts[2] + counts[
        3
    ]


@helper
def _spread(row: Any, shown: Any, hidden: bool, mean: float, order: int) -> Any:
    """Sums of the second to fourth powers of deviations from the mean."""
    two = three = four = 0.0
    for p in range(row.size):
        value = row[p]
        if value == value and (not hidden or shown[p] != 0):
            delta = value - mean
            square = delta * delta
            two += square
            if order > 2:
                three += square * delta
                four += square * square
    return two, three, four


@compiled(
    *(
        types.void(
            types.Array(t, 2, "C", readonly=True), *_RUNS, types.int64, *5 * (types.float64[::1],)
        )
        for t in _VALUES
    )
)
def moments(
    values: Any, shown: Any, hidden: bool, zone: Any, row: Any, start: Any, stop: Any, weight: Any,
    order: int, total: Any, mean: Any, two: Any, three: Any, four: Any,
) -> None:  # fmt: skip
    """Sums of weights, means and central sums of powers (up to ``order``) of every zone.

    The last five, one number per zone, come as zeros.
    """
    for k in range(row.size):
        at, a, b = row[k], start[k], stop[k]
        sum_, count = _summed(values[at, a:b], shown[at, a:b] if hidden else shown[0, :0], hidden)
        total[zone[k]] += weight[k] * np.float64(count)
        mean[zone[k]] += weight[k] * sum_
    for z in range(total.size):
        if total[z] > 0:
            mean[z] /= total[z]
    if order < 2:
        return
    for k in range(row.size):
        at, a, b, z = row[k], start[k], stop[k], zone[k]
        found = _spread(
            values[at, a:b], shown[at, a:b] if hidden else shown[0, :0], hidden, mean[z], order
        )
        two[z] += weight[k] * found[0]
        three[z] += weight[k] * found[1]
        four[z] += weight[k] * found[2]


@compiled(
    *(
        types.void(types.Array(t, 2, "C", readonly=True), *_RUNS, t[::1], t[::1], types.int64[::1])
        for t in _VALUES
    )
)
def extremes(
    values: Any, shown: Any, hidden: bool, zone: Any, row: Any, start: Any, stop: Any, weight: Any,
    smallest: Any, largest: Any, count: Any,
) -> None:  # fmt: skip
    """Smallest and largest value of every zone; these come as the worst, the counts as zeros."""
    for k in range(row.size):
        at, z = row[k], zone[k]
        low, high, seen = smallest[z], largest[z], np.int64(0)
        for p in range(start[k], stop[k]):
            value = values[at, p]
            if value == value and (not hidden or shown[at, p] != 0):
                low, high = min(low, value), max(high, value)
                seen += 1
        smallest[z], largest[z] = low, high
        count[z] += seen
