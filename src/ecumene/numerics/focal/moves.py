"""Neighbours at an offset, differences, distances to the nearest target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics.focal.window import Result, Shape, Valid, view


def shift(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape, dx: int, dy: int
) -> Result:
    """The neighbour at an offset from the upper left of the kernel."""
    return view(values, dy, dx, shape), None if valid is None else view(valid, dy, dx, shape)


def difference(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Σ weight · value; masked where any pixel with a weight is."""
    total = np.zeros(shape)
    good: Valid = None if valid is None else np.ones(shape, bool)
    for row, col in np.argwhere(weights != 0).tolist():
        total += view(values, row, col, shape) * float(weights[row, col])
        if good is not None and valid is not None:
            good &= view(valid, row, col, shape)
    return total, good


def kernel_distance(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape
) -> Result:
    """Distance to the nearest pixel that is not zero under a kernel whose weights are distances.

    Weights must not shrink away from the centre along a row, as those of all distance kernels do: then only the
    nearest pixel of each row on either side counts.
    """
    targets = np.asarray(values != 0 if valid is None else (values != 0) & valid)
    rows, cols = weights.shape
    focus = int(np.argmin(weights.min(axis=0)))
    place = np.arange(targets.shape[1])
    left = np.maximum.accumulate(np.where(targets, place, -(10**6)), axis=1)
    right = np.minimum.accumulate(np.where(targets, place, 10**6)[:, ::-1], axis=1)[:, ::-1]
    out = np.full(shape, np.inf)
    here = np.arange(shape[1]) + focus
    for row in range(rows):
        for side in (left, right):
            step = side[row : row + shape[0], focus : focus + shape[1]] - here + focus
            inside = (step >= 0) & (step < cols)
            found = np.where(inside, weights[row][np.clip(step, 0, cols - 1)], np.inf)
            np.minimum(out, found, out=out)
    good = np.isfinite(out)
    return np.where(good, out, 0), good
