"""Order statistics of many images per pixel: gather, mask and sort in strips of pixels.

The stack never exists as a whole. Values of ``STRIP`` pixels are gathered from the images' stored windows,
hidden ones become the largest value of the type, and a merge-exchange network (for many images a bitwise
bisection) finds two ranks that depend on how many are valid. Floats are ordered as integers that sort alike:
compilers vectorise minima of integers, and not of floats.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import (
    STRIP,
    compiled,
    gathered,
    helper,
)

KERNELS = ("ranked",)

LARGEST = 150
"""More values per pixel than this are selected by bisection."""

_KEYS = (types.uint8, types.int8, types.uint16, types.int16, types.uint32, types.int32, types.int64)
_SIGNATURES = [
    types.void(
        types.int64[:, ::1],  # images
        key[::1],  # missing
        types.int64,  # infinity
        types.int32[:, ::1],  # pairs
        types.int32[:, ::1],  # ranks
        types.int64,  # start
        types.int64,  # stop
        key[::1],  # low
        key[::1],  # high
        types.int32[::1],  # counts
    )
    for key in _KEYS
]


@helper
def _flipped(bits: Any, infinity: Any) -> Any:
    """A float's bits as an integer that sorts like the float, and back."""
    return bits ^ (-np.int64(bits < 0) & (infinity | (infinity - 1)))


@helper
def _hidden(row: Any, good: Any, infinity: int, hidden: Any, counts: Any, length: int) -> None:
    """Values that are not valid sort last; valid ones are counted."""
    if infinity != 0:
        for p in range(length):
            row[p] = _flipped(row[p], infinity)
    for p in range(length):
        row[p] = row[p] if good[p] else hidden
    for p in range(length):
        counts[p] += good[p]


@helper
def _sorted(stack: Any, pairs: Any, length: int) -> None:
    """Sorts each column of ``(n, length)``."""
    for c in range(pairs.shape[0]):
        low, high = stack[pairs[c, 0]], stack[pairs[c, 1]]
        for p in range(length):
            a, b = low[p], high[p]
            low[p] = min(a, b)
            high[p] = max(a, b)


@helper
def _selected(stack: Any, n: int, ranks: Any, least: Any, bits: int, out: Any) -> None:
    """The value at each column's rank, one bit a pass from the top."""
    length = out.size
    below = np.empty(length, np.int32)
    tried = np.empty_like(out)
    out[:] = least
    for bit in range(bits - 1, -1, -1):
        step = np.int64(1) << bit
        for p in range(length):
            tried[p] = np.int64(out[p]) + step
            below[p] = 0
        for k in range(n):
            row = stack[k]
            for p in range(length):
                below[p] += row[p] < tried[p]
        for p in range(length):
            if below[p] <= ranks[p]:
                out[p] = tried[p]


@compiled(*_SIGNATURES)
def ranked(
    images: Any,
    missing: Any,
    infinity: int,
    pairs: Any,
    ranks: Any,
    start: int,
    stop: int,
    low: Any,
    high: Any,
    counts: Any,
) -> None:
    """Values at two ranks of every pixel's valid values.

    Parameters
    ----------
    images : table of images (see ``common``), one row each.
    missing : ``(n,)``, the hidden value of each image; its type is the type of all values.
    infinity : 0, or for floats given as integers the bits of infinity.
    pairs : ``(m, 2)`` comparators of the network; none selects by bisection.
    ranks : ``(2, n + 1)``, ranks (from 0) for each count of valid values.
    start, stop : pixels to compute.
    low, high, counts : results, one number per pixel; arbitrary values where nothing is valid.
    """
    n = images.shape[0]
    bits = 8 * missing.itemsize
    least = missing.dtype.type(0)
    hidden = missing.dtype.type(-1)
    if hidden < 0:
        least = missing.dtype.type(np.int64(1) << (bits - 1))
        hidden = missing.dtype.type(~least)
    stack = np.empty((n, STRIP), missing.dtype)
    wanted = np.empty(STRIP, np.int32)
    good = np.empty(STRIP, np.uint8)
    for first in range(start, stop, STRIP):
        length = min(STRIP, stop - first)
        counted = counts[first : first + length]
        counted[:] = 0
        for k in range(n):
            gathered(images, k, missing, infinity, first, stack[k], good, length)
            _hidden(stack[k], good, infinity, hidden, counted, length)
        if pairs.shape[0] > 0 or n == 1:
            _sorted(stack, pairs, length)
        for which in range(2):
            out = (low if which == 0 else high)[first : first + length]
            for p in range(length):
                wanted[p] = min(max(ranks[which, counted[p]], 0), n - 1)
            if pairs.shape[0] > 0 or n == 1:
                for p in range(length):
                    out[p] = stack[wanted[p], p]
            else:
                _selected(stack, n, wanted, least, bits, out)
            if infinity != 0:
                for p in range(length):
                    out[p] = _flipped(out[p], infinity)
