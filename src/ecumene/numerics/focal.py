"""Statistics of moving windows over a padded array, honouring masks.

Arguments are the padded values, their validity (None = all), kernel weights ``(rows, cols)`` and the shape
of the result; ``result[i, j]`` sees ``values[i : i + rows, j : j + cols]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics import network

Result = tuple[NDArray[Any], NDArray[np.bool_] | None]
Valid = NDArray[np.bool_] | None


def _offsets(weights: NDArray[Any]) -> list[tuple[int, int]]:
    return [(int(r), int(c)) for r, c in np.argwhere(weights != 0)]


def _view(values: NDArray[Any], row: int, col: int, shape: tuple[int, int]) -> NDArray[Any]:
    return values[row : row + shape[0], col : col + shape[1]]


def _row_runs(weights: NDArray[Any]) -> list[tuple[int, int, int]] | None:
    """``(row, first, last + 1)`` of runs of equal weights, or None where weights differ."""
    used = weights[weights != 0]
    if used.size == 0 or not np.all(used == used[0]):
        return None
    runs = []
    for row, line in enumerate(weights != 0):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(int), [0]])))
        runs += [(row, int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return runs


def _window_sum(
    values: NDArray[Any], weights: NDArray[Any], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Weighted sums; equal weights by prefix sums of rows (two reads per row of the footprint)."""
    runs = _row_runs(weights)
    total = np.zeros(shape)
    if runs is not None and len(runs) * 2 < np.count_nonzero(weights):
        prefix = np.zeros((values.shape[0], values.shape[1] + 1))
        np.cumsum(values, axis=1, dtype="float64", out=prefix[:, 1:])
        for row, first, last in runs:
            rows = prefix[row : row + shape[0]]
            total += rows[:, last : last + shape[1]] - rows[:, first : first + shape[1]]
        return total * float(weights[weights != 0][0])
    for row, col in _offsets(weights):
        total += _view(values, row, col, shape) * float(weights[row, col])
    return total


def convolve(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int]
) -> Result:
    """Σ weight · value, masked neighbours left out, the rest scaled up to the kernel's whole weight."""
    if valid is None:
        return _window_sum(values, weights, shape), None
    filled = np.where(valid, values, 0)
    total = _window_sum(filled, weights, shape)
    weight = _window_sum(valid.astype("float64"), np.abs(weights), shape)
    whole = float(np.abs(weights).sum())
    good = weight > 1e-12 * whole
    return total * (whole / np.where(good, weight, 1)), good


def mean(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int]
) -> Result:
    """Weighted mean of the valid pixels."""
    if valid is None:
        return _window_sum(values, weights, shape) / float(weights.sum()), None
    total = _window_sum(np.where(valid, values, 0), weights, shape)
    weight = _window_sum(valid.astype("float64"), weights, shape)
    good = weight > 1e-12
    return total / np.where(good, weight, 1), good


def _extreme(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int], largest: bool
) -> Result:
    pick = np.maximum if largest else np.minimum
    if values.dtype.kind == "f":
        worst: Any = -np.inf if largest else np.inf
    else:
        info = np.iinfo(values.dtype)
        worst = info.min if largest else info.max
    filled = values if valid is None else np.where(valid, values, values.dtype.type(worst))
    out = np.full(shape, worst, values.dtype)
    seen: Valid = None if valid is None else np.zeros(shape, bool)
    for row, col in _offsets(weights):
        pick(out, _view(filled, row, col, shape), out=out)
        if seen is not None and valid is not None:
            seen |= _view(valid, row, col, shape)
    return out, seen


def minimum(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int]
) -> Result:
    """Smallest valid value."""
    return _extreme(values, valid, weights, shape, largest=False)


def maximum(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int]
) -> Result:
    """Largest valid value."""
    return _extreme(values, valid, weights, shape, largest=True)


def _by_rows(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int],
    finish: Callable[[NDArray[Any], NDArray[np.bool_] | None], tuple[NDArray[Any], NDArray[Any]]],
) -> Result:  # fmt: skip
    """Stacks the neighbours of some rows at a time, so that memory stays bounded."""
    offsets = _offsets(weights)
    step = max(1, (1 << 22) // max(1, len(offsets) * shape[1]))
    parts, counts = [], []
    for start in range(0, shape[0], step):
        rows = min(step, shape[0] - start)
        stack = np.empty((len(offsets), rows * shape[1]), values.dtype)
        good = None if valid is None else np.empty(stack.shape, bool)
        for k, (row, col) in enumerate(offsets):
            stack[k] = _view(values, row + start, col, (rows, shape[1])).reshape(-1)
            if good is not None and valid is not None:
                good[k] = _view(valid, row + start, col, (rows, shape[1])).reshape(-1)
        found, number = finish(stack, good)
        parts.append(found.reshape(rows, shape[1]))
        counts.append(number.reshape(rows, shape[1]))
    seen = np.concatenate(counts) > 0
    return np.concatenate(parts), None if seen.all() else seen


def median(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int]
) -> Result:
    """Median of the valid pixels under the footprint."""
    return _by_rows(values, valid, weights, shape, network.median)


def _mode(
    stack: NDArray[Any], valid: NDArray[np.bool_] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    n, pixels = stack.shape
    counts = np.full(pixels, n) if valid is None else valid.sum(axis=0)
    if valid is not None:
        stack[~valid] = network.sentinel(stack.dtype)
    network.sort_stack(stack)
    best, best_run, run = stack[0].copy(), np.zeros(pixels, "int32"), np.zeros(pixels, "int32")
    for k in range(n):
        run = np.where(stack[k] == stack[k - 1], run + 1, 1) if k else np.ones(pixels, "int32")
        better = (run > best_run) & (k < counts)
        best[better], best_run[better] = stack[k][better], run[better]
    return best, counts


def mode(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int]
) -> Result:
    """Most frequent valid value; of several the smallest."""
    return _by_rows(values, valid, weights, shape, _mode)


def shift(
    values: NDArray[Any],
    valid: Valid,
    weights: NDArray[Any],
    shape: tuple[int, int],
    dx: int,
    dy: int,
) -> Result:
    """The neighbour at an offset from the upper left of the kernel."""
    return _view(values, dy, dx, shape), None if valid is None else _view(valid, dy, dx, shape)


def difference(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int]
) -> Result:
    """Σ weight · value; masked where any pixel with a weight is."""
    total = np.zeros(shape)
    good: Valid = None if valid is None else np.ones(shape, bool)
    for row, col in _offsets(weights):
        total += _view(values, row, col, shape) * float(weights[row, col])
        if good is not None and valid is not None:
            good &= _view(valid, row, col, shape)
    return total, good


def kernel_distance(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: tuple[int, int]
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


STATISTICS: dict[str, Callable[..., Result]] = {
    "convolve": convolve, "mean": mean, "min": minimum, "max": maximum, "median": median, "mode": mode, "shift": shift,
    "difference": difference, "distance": kernel_distance,
}  # fmt: skip
