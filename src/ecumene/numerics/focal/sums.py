"""Weighted sums, means and variances of the valid pixels under a kernel, in double precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels
from ecumene.numerics.focal.window import (
    Footprint,
    Result,
    Shape,
    Valid,
    counted,
    footprint,
    joined,
    view,
    whole,
)

SLIGHT = 1e-12
"""Share of a kernel's weight below which nothing is seen."""

Plane = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sum:
    """How sums under a kernel are taken: a run of equal weights, a column of rows, or cell by cell.

    ``steps`` are passes, each over the result of the one before: a footprint and its cells' weights
    (None: all equal one). ``factor`` multiplies the end.
    """

    steps: tuple[tuple[Footprint, Plane | None, Shape], ...]
    factor: float = 1.0

    def of(self, source: Plane, shape: Shape) -> Plane:
        """Sums of an array without holes."""
        last = len(self.steps) - 1
        for k, (cells, weights, size) in enumerate(self.steps):
            rows = source.shape[0] - size[0] + 1
            source = _pass(source, cells, weights, shape if k == last else (rows, shape[1]))
        if self.factor != 1.0:
            source *= self.factor
        return source


def _pass(source: Plane, cells: Footprint, weights: Plane | None, shape: Shape) -> Plane:
    if weights is None:
        return joined(source, cells, shape, least=False)
    out = np.zeros(shape)
    kernel = kernels.ready("footprints.weighted")
    if kernel is not None:
        kernel(np.ascontiguousarray(source), cells.cells, weights, out)
        return out
    for (row, col), weight in zip(cells.cells.tolist(), weights.tolist(), strict=True):
        out += view(source, row, col, shape) * weight
    return out


def _step(weights: NDArray[Any]) -> tuple[Footprint, Plane | None, Shape]:
    cells = footprint(weights)
    given = np.ascontiguousarray(weights[weights != 0], np.float64)
    equal = bool((given == 1).all())
    return cells, None if equal else given, (weights.shape[0], weights.shape[1])


def summing(weights: NDArray[Any]) -> Sum:
    """The cheapest way to sum under a kernel."""
    used = weights[weights != 0]
    if used.size == 0 or (used == used[0]).all():
        same = float(used[0]) if used.size else 1.0
        return Sum((_step(weights != 0),), same)
    parts = factors(weights)
    if parts is None:
        return Sum((_step(weights),))
    column, row = parts
    return Sum((_step(row[None, :]), _step(column[:, None])))


def factors(weights: NDArray[Any]) -> tuple[Plane, Plane] | None:
    """A column and a row whose outer product the weights are to the last few bits, as those of Gaussians.

    None where there are none, or where two passes would not be less work than one.
    """
    rows, cols = weights.shape
    if 2 * (rows + cols) > np.count_nonzero(weights):
        return None
    peak = np.unravel_index(np.argmax(np.abs(weights)), weights.shape)
    column, row = weights[:, peak[1]], weights[peak[0]] / weights[peak]
    error = np.abs(np.outer(column, row) - weights)
    if (error > 4 * np.finfo(float).eps * np.abs(weights)).any():
        return None
    return np.asarray(column, np.float64), np.asarray(row, np.float64)


def _filled(values: NDArray[Any], valid: Valid) -> Plane:
    """Values as doubles, 0 where they are hidden."""
    if valid is None:
        return np.ascontiguousarray(values, np.float64)
    return np.where(valid, values, values.dtype.type(0)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Weight:
    """What the valid cells under a kernel weigh (``of``: a number, or one per pixel), all of them, where it is enough."""

    of: Any
    all: float
    good: Valid


def _weight(valid: Valid, weights: NDArray[Any], shape: Shape) -> _Weight:
    """Equal weights are counted in whole numbers; a full footprint weighs ``all`` to the last bit."""
    used = weights[weights != 0]
    equal = used.size > 0 and bool((used == used[0]).all())
    if equal:
        full = float(used.size)
    else:
        full = float(summing(weights).of(np.ones(weights.shape), (1, 1))[0, 0])
    slight = SLIGHT * float(np.abs(weights).sum())
    if valid is None:
        none = full <= slight
        return _Weight(1.0 if none else full, full, np.zeros(shape, bool) if none else None)
    if equal:
        number = counted(valid, footprint(weights), shape)
        found, good = number, number > 0
    else:
        found = summing(weights).of(valid.astype(np.float64), shape)
        good = found > slight
    return _Weight(np.where(good, found, found.dtype.type(1)), full, good)


def convolve(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Σ weight · value, masked neighbours left out, the rest scaled up to the kernel's whole weight."""
    valid = whole(valid)
    found = summing(weights).of(_filled(values, valid), shape)
    if valid is None:
        return found, None
    weight = _weight(valid, np.abs(weights), shape)
    found *= weight.all / weight.of
    return found, weight.good


def _shares(weights: NDArray[Any]) -> NDArray[Any]:
    """Equal weights as ones: a factor does not change a mean."""
    used = weights[weights != 0]
    return (weights != 0).astype(np.float64) if (used == used[:1]).all() else weights


def mean(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Weighted mean of the valid pixels."""
    valid = whole(valid)
    shares = _shares(weights)
    at_once = _averaged(values, valid, shares, shape)
    if at_once is not None:
        return at_once
    found = summing(shares).of(_filled(values, valid), shape)
    weight = _weight(valid, shares, shape)
    found /= weight.of
    return found, weight.good


RING = 48 * 1024
"""Numbers that a ring of runs may hold: small enough for the second cache of a core."""

_AVERAGED = frozenset(map(np.dtype, ("uint8", "uint16", "int16", "int32", "float32", "float64")))


def _averaged(
    values: NDArray[Any], valid: Valid, shares: NDArray[Any], shape: Shape
) -> Result | None:
    """Means of a small footprint of ones in one pass, the same bits; None where the other way must be taken."""
    kernel = kernels.ready("averages.averaged")
    if kernel is None or values.dtype not in _AVERAGED or not (shares == shares.astype(bool)).all():
        return None
    cells = footprint(shares)
    rows, columns = shares.shape
    ring = len(cells.lengths) * rows * (min(shape[1], 512) + columns)
    if not cells.lengths.size or ring > RING:
        return None
    out = np.empty(shape)
    number = np.empty(shape if valid is not None else (0, 0), np.uint16)
    good = np.zeros((0, 0), np.uint8) if valid is None else valid.view(np.uint8)
    source, good = np.ascontiguousarray(values), np.ascontiguousarray(good)
    kernel(source, good, cells.lengths, cells.ordered, rows, out, number)
    return out, None if valid is None else number > 0


def total(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Weighted sum of the valid pixels."""
    valid = whole(valid)
    found = summing(weights).of(_filled(values, valid), shape)
    if valid is None:
        return found, None
    return found, counted(valid, footprint(weights), shape) > 0


def count(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Number of valid pixels; 0 where there are none."""
    cells = footprint(weights)
    valid = whole(valid)
    if valid is None:
        return np.full(shape, len(cells.cells), np.int32), None
    return counted(valid, cells, shape).astype(np.int32), None


def variance(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Weighted variance of the valid pixels around their mean (of the population)."""
    valid = whole(valid)
    shares = _shares(weights)
    middle, _ = mean(values, valid, shares, shape)
    weight = _weight(valid, shares, shape)
    found = _deviations(_filled(values, valid), valid, shares, middle)
    found /= weight.of
    return found, weight.good


def _deviations(source: Plane, valid: Valid, weights: NDArray[Any], middle: Plane) -> Plane:
    """Σ weight · (value - mean)² of the valid."""
    out = np.zeros(middle.shape)
    cells = footprint(weights).cells
    given = np.ascontiguousarray(weights[weights != 0], np.float64)
    kernel = kernels.ready("footprints.deviations")
    if kernel is not None:
        good = np.zeros((0, 0), np.uint8) if valid is None else np.ascontiguousarray(valid)
        kernel(source, good.view(np.uint8), cells, given, middle, out)
        return out
    shape = middle.shape
    for (row, col), weight in zip(cells.tolist(), given.tolist(), strict=True):
        away = view(source, row, col, shape) - middle
        part = away * away * weight
        out += part if valid is None else np.where(view(valid, row, col, shape), part, 0)
    return out
