"""Means under small moving footprints of equal weights: converted, hidden, summed, counted and divided in one pass.

The pieces and runs are those of ``kernels.footprints``, joined in the same order; here the runs of the rows under a
footprint are kept in a ring, so that a row of results is written once. That pays while the ring fits the second
cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, given, helper

KERNELS = ("averaged",)

CHUNK = 512
"""Columns that are worked on together."""

_VALUES = (types.uint8, types.uint16, types.int16, types.int32, types.float32, types.float64)
_CELLS = given(types.int32, 2)


@helper
def _pieces(levels: Any, n: int) -> None:
    """What ``2^k`` neighbours from each pixel on hold."""
    for k in range(1, levels.shape[0]):
        step = 1 << (k - 1)
        m = n - 2 * step + 1
        a, b, out = levels[k - 1, :m], levels[k - 1, step : step + m], levels[k, :m]
        for p in range(m):
            out[p] = a[p] + b[p]


@helper
def _run(levels: Any, length: int, n: int, out: Any) -> None:
    """What ``length`` neighbours hold, from the shortest piece to the longest."""
    m = n - length + 1
    k = 0
    while not (length >> k) & 1:
        k += 1
    first = levels[k, :m]
    used = 1 << k
    rest = length >> (k + 1)
    k += 1
    while rest and not rest & 1:
        rest >>= 1
        k += 1
    if rest == 0:
        out[:m] = first
        return
    second = levels[k, used : used + m]
    for p in range(m):
        out[p] = first[p] + second[p]
    used += 1 << k
    for j in range(k + 1, levels.shape[0]):
        if (length >> j) & 1:
            more = levels[j, used : used + m]
            for p in range(m):
                out[p] += more[p]
            used += 1 << j


@helper
def _gathered(ring: Any, at: int, runs: Any, width: int, out: Any) -> None:
    """The runs of a footprint whose first row is ``at``, added one after another, four in a pass."""
    rows = ring.shape[1]
    out[:width] = 0
    k = 0
    while k + 3 < runs.shape[0]:
        a = ring[runs[k, 0], (at + runs[k, 1]) % rows, runs[k, 2] : runs[k, 2] + width]
        b = ring[
            runs[k + 1, 0], (at + runs[k + 1, 1]) % rows, runs[k + 1, 2] : runs[k + 1, 2] + width
        ]
        c = ring[
            runs[k + 2, 0], (at + runs[k + 2, 1]) % rows, runs[k + 2, 2] : runs[k + 2, 2] + width
        ]
        d = ring[
            runs[k + 3, 0], (at + runs[k + 3, 1]) % rows, runs[k + 3, 2] : runs[k + 3, 2] + width
        ]
        for p in range(width):
            out[p] = out[p] + a[p] + b[p] + c[p] + d[p]
        k += 4
    while k < runs.shape[0]:
        a = ring[runs[k, 0], (at + runs[k, 1]) % rows, runs[k, 2] : runs[k, 2] + width]
        for p in range(width):
            out[p] = out[p] + a[p]
        k += 1


@helper
def _filled(line: Any, good: Any, n: int, values: Any, ones: Any) -> None:
    """A row as doubles, 0 where nothing is, and a count of each pixel."""
    for p in range(n):
        ones[p] = good[p]
        values[p] = line[p] if good[p] else 0.0


@helper
def _kept(levels: Any, lengths: Any, n: int, ring: Any, at: int) -> None:
    """What runs of every length hold, put into a row of the ring."""
    _pieces(levels, n)
    for k in range(lengths.size):
        _run(levels, lengths[k], n, ring[k, at])


@helper
def _box(lengths: Any, runs: Any) -> Any:
    """Cells of a footprint; pieces that its longest run is joined from."""
    cells = 0
    for r in range(runs.shape[0]):
        cells += lengths[runs[r, 0]]
    bits = 1
    while (1 << bits) <= lengths[-1]:
        bits += 1
    return cells, bits


@compiled(
    *(
        types.void(
            given(t, 2), given(types.uint8, 2), given(types.int32, 1), _CELLS, types.int64,
            types.float64[:, ::1], types.uint16[:, ::1],
        )
        for t in _VALUES
    )
)  # fmt: skip
def averaged(
    source: Any, valid: Any, lengths: Any, runs: Any, rows: int, out: Any, number: Any
) -> None:
    """Means of the valid values under a footprint, 0 where there are none.

    Parameters
    ----------
    source : ``(h + rows - 1, w + cols - 1)``.
    valid : ones and zeros in the same shape; of size 0 where all are valid.
    lengths : lengths of runs, ascending.
    runs : ``(n, 3)``: index of the length, row, column of the first cell; sorted by row, length and column.
    rows : of the footprint's box.
    out, number : ``(h, w)``: means, and how many values they are of (left alone where all are valid).
    """
    height, width = out.shape
    halo = source.shape[1] - width
    masked = valid.size > 0
    full, bits = _box(lengths, runs)
    chunk = min(width, CHUNK)
    size = chunk + halo
    levels, ring = (
        np.empty((bits, size), np.float64),
        np.empty((lengths.size, rows, size), np.float64),
    )
    room = size if masked else 0
    ones, marks = np.empty((bits, room), np.uint16), np.empty((lengths.size, rows, room), np.uint16)
    for x in range(0, width, chunk):
        across = min(chunk, width - x)
        n = across + halo
        for y in range(source.shape[0]):
            line = source[y, x : x + n]
            if masked:
                _filled(line, valid[y, x : x + n], n, levels[0], ones[0])
                _kept(ones, lengths, n, marks, y % rows)
            else:
                levels[0, :n] = line
            _kept(levels, lengths, n, ring, y % rows)
            at = y - rows + 1
            if at < 0:
                continue
            found = out[at, x : x + across]
            _gathered(ring, at, runs, across, found)
            if masked:
                seen = number[at, x : x + across]
                _gathered(marks, at, runs, across, seen)
                for p in range(across):
                    found[p] /= max(seen[p], 1)
            else:
                for p in range(across):
                    found[p] /= full
