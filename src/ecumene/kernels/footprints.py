"""Sums and smallest values under moving footprints, row by row.

A footprint is cut into runs of neighbouring cells. What a run holds is joined from pieces whose lengths are
powers of two (1, 2, 4 … neighbours, each joined from two of the one before), so a row of pixels costs a
logarithm of its longest run and two passes per run, whatever the number of cells. Pieces hold nothing but
pixels of their run and are joined in an order that depends on the run's length alone: a result is the same
bit for bit wherever a window is cut, keeps the precision of pairwise summation, and is not touched by a
NaN beside the footprint.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, given, helper

KERNELS = ("joined", "weighted", "deviations")

WIDE, NARROW, TALL = 1024, 512, 64
"""Columns that are worked on together, so that the rows under a footprint stay in the second cache:
the smaller number for footprints of more rows than ``TALL``."""

_JOINED = (types.float64, types.uint8, types.uint16, types.int32, types.int64)
_CELLS, _WEIGHTS = given(types.int32, 2), given(types.float64, 1)
_SOURCE, _PLANE = given(types.float64, 2), types.float64[:, ::1]


@helper
def _pair(a: Any, b: Any, out: Any, least: bool) -> None:
    """The sum or the smaller of two rows."""
    if least:
        for p in range(out.size):
            out[p] = min(a[p], b[p])
    else:
        for p in range(out.size):
            out[p] = a[p] + b[p]


@helper
def _pieces(levels: Any, n: int, least: bool) -> None:
    """Row k of the levels from row k - 1: what ``2^k`` neighbours from each pixel on hold."""
    for k in range(1, levels.shape[0]):
        step = 1 << (k - 1)
        m = n - 2 * step + 1
        _pair(levels[k - 1, :m], levels[k - 1, step : step + m], levels[k, :m], least)


@helper
def _run(levels: Any, length: int, n: int, done: Any, least: bool) -> None:
    """What ``length`` neighbours hold, from the shortest piece to the longest."""
    m = n - length + 1
    used = 0
    for k in range(levels.shape[0]):
        if (length >> k) & 1:
            if used == 0:
                done[:m] = levels[k, :m]
            else:
                _pair(done[:m], levels[k, used : used + m], done[:m], least)
            used += 1 << k


@compiled(
    *(
        types.void(given(t, 2), given(types.int32, 1), _CELLS, types.boolean, t[:, ::1])
        for t in _JOINED
    )
)
def joined(source: Any, lengths: Any, runs: Any, least: bool, out: Any) -> None:
    """Adds to ``out`` the sums of the footprint, or lowers it to the smallest value there.

    Parameters
    ----------
    source : ``(h + rows - 1, w + cols - 1)``.
    lengths : lengths of runs, ascending.
    runs : ``(n, 3)``: index of the length, row, column of the first cell; sorted.
    least : smallest values instead of sums.
    out : ``(h, w)``.
    """
    height, width = out.shape
    rows, halo = source.shape[0], source.shape[1] - width
    bits = 1
    while (1 << bits) <= lengths[-1]:
        bits += 1
    chunk = min(width, max(WIDE if rows - height < TALL else NARROW, halo))
    levels = np.empty((bits, chunk + halo), source.dtype)
    done = np.empty(chunk + halo, source.dtype)
    for x in range(0, width, chunk):
        across = min(chunk, width - x)
        n = across + halo
        for y in range(rows):
            levels[0, :n] = source[y, x : x + n]
            _pieces(levels, n, least)
            which = -1
            for r in range(runs.shape[0]):
                if runs[r, 0] != which:
                    which = runs[r, 0]
                    _run(levels, lengths[which], n, done, least)
                at = y - runs[r, 1]
                if 0 <= at < height:
                    row = out[at, x : x + across]
                    _pair(row, done[runs[r, 2] : runs[r, 2] + across], row, least)


@compiled(types.void(_SOURCE, _CELLS, _WEIGHTS, _PLANE))
def weighted(source: Any, cells: Any, weights: Any, out: Any) -> None:
    """Adds to ``out`` the products of values and weights, cell after cell.

    Parameters
    ----------
    source : ``(h + rows - 1, w + cols - 1)``.
    cells : ``(n, 2)``, row and column of each cell.
    weights : one per cell.
    out : ``(h, w)``.
    """
    height, width = out.shape
    n = cells.shape[0]
    for y in range(height):
        row = out[y]
        k = 0
        while k + 3 < n:
            a = source[y + cells[k, 0], cells[k, 1] : cells[k, 1] + width]
            b = source[y + cells[k + 1, 0], cells[k + 1, 1] : cells[k + 1, 1] + width]
            c = source[y + cells[k + 2, 0], cells[k + 2, 1] : cells[k + 2, 1] + width]
            d = source[y + cells[k + 3, 0], cells[k + 3, 1] : cells[k + 3, 1] + width]
            u, v, s, t = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
            for p in range(width):
                row[p] = row[p] + a[p] * u + b[p] * v + c[p] * s + d[p] * t
            k += 4
        while k < n:
            a = source[y + cells[k, 0], cells[k, 1] : cells[k, 1] + width]
            u = weights[k]
            for p in range(width):
                row[p] = row[p] + a[p] * u
            k += 1


@compiled(types.void(_SOURCE, given(types.uint8, 2), _CELLS, _WEIGHTS, _SOURCE, _PLANE))
def deviations(source: Any, valid: Any, cells: Any, weights: Any, mean: Any, out: Any) -> None:
    """Adds to ``out`` the weighted squared distances of the valid values from the mean.

    Parameters
    ----------
    source : ``(h + rows - 1, w + cols - 1)``.
    valid : ones and zeros in the same shape; of size 0 where all are valid.
    cells, weights : of the footprint.
    mean, out : ``(h, w)``.
    """
    height, width = out.shape
    for y in range(height):
        row, middle = out[y], mean[y]
        for k in range(cells.shape[0]):
            first, weight = cells[k, 1], weights[k]
            values = source[y + cells[k, 0], first : first + width]
            if valid.size == 0:
                for p in range(width):
                    away = values[p] - middle[p]
                    row[p] += away * away * weight
            else:
                good = valid[y + cells[k, 0], first : first + width]
                for p in range(width):
                    away = values[p] - middle[p]
                    row[p] += away * away * weight if good[p] else 0.0
