"""Sums, extremes and moments of many images per pixel: gathered, masked and added in strips.

States are carried from call to call, so images come in batches and never stack up. Additions are made
in the order of the images, like the plain path's: results are the same bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import (
    STRIP,
    compiled,
    gathered,
)

KERNELS = ("summed", "totalled", "spread", "extreme")

_VALUES = (
    types.uint8, types.int8, types.uint16, types.int16, types.uint32, types.int32, types.int64,
    types.float32, types.float64,
)  # fmt: skip
_WHOLE = _VALUES[:7]
_COMMON = (types.int64[:, ::1], types.int64, types.int64)


def _added(
    images: Any, start: int, stop: int, missing: Any, total: Any, count: Any
) -> None:  # the body of both sums
    values = np.empty(STRIP, missing.dtype)
    shown = np.empty(STRIP, np.uint8)
    for first in range(start, stop, STRIP):
        length = min(STRIP, stop - first)
        for k in range(images.shape[0]):
            gathered(images, k, missing, 0, first, values, shown, length)
            for p in range(length):
                if shown[p]:
                    total[first + p] += values[p]
                    count[first + p] += 1


summed: Any = compiled(
    *(types.void(*_COMMON, t[::1], types.float64[::1], types.int32[::1]) for t in _VALUES)
)(_added)
"""``summed(images, start, stop, missing, total, count)``: sums in double precision."""

totalled: Any = compiled(
    *(types.void(*_COMMON, t[::1], types.int64[::1], types.int32[::1]) for t in _WHOLE)
)(_added)
"""The same in 64-bit integers."""


@compiled(
    *(types.void(*_COMMON, t[::1], *3 * (types.float64[::1],), types.int32[::1]) for t in _VALUES)
)
def spread(
    images: Any,
    start: int,
    stop: int,
    missing: Any,
    mean: Any,
    squares: Any,
    number: Any,
    count: Any,
) -> None:
    """Means and sums of squared deviations by Welford's update; ``number`` counts all values so far."""
    values = np.empty(STRIP, missing.dtype)
    shown = np.empty(STRIP, np.uint8)
    for first in range(start, stop, STRIP):
        length = min(STRIP, stop - first)
        for k in range(images.shape[0]):
            gathered(images, k, missing, 0, first, values, shown, length)
            for p in range(length):
                if shown[p]:
                    at = first + p
                    count[at] += 1
                    number[at] += 1
                    delta = values[p] - mean[at]
                    mean[at] += delta / number[at]
                    squares[at] += delta * (values[p] - mean[at])


@compiled(*(types.void(*_COMMON, t[::1], types.boolean, t[::1], types.int32[::1]) for t in _VALUES))
def extreme(
    images: Any, start: int, stop: int, missing: Any, largest: bool, best: Any, count: Any
) -> None:
    """The smallest or largest value; ``best`` starts as the worst. NaN never wins."""
    values = np.empty(STRIP, missing.dtype)
    shown = np.empty(STRIP, np.uint8)
    for first in range(start, stop, STRIP):
        length = min(STRIP, stop - first)
        for k in range(images.shape[0]):
            gathered(images, k, missing, 0, first, values, shown, length)
            for p in range(length):
                better = values[p] > best[first + p] if largest else values[p] < best[first + p]
                if shown[p]:
                    count[first + p] += 1
                    if better:
                        best[first + p] = values[p]
