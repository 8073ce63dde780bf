"""Order statistics and most frequent values under moving footprints.

Few cells: the values of a strip of pixels are gathered cell by cell and sorted by a network, of which only
the exchanges that reach the wanted ranks are made. What is hidden is put partly below and partly above all
values, just so many of each that the wanted ranks are the same for every pixel. Many cells: a histogram of
ranks slides along the row, fed and drained at the ends of the footprint's runs.

Values are integers (floats come as integers that sort alike): compilers vectorise minima of integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, given, helper

KERNELS = ("ranked", "commonest", "slid")

STRIP = 256
"""Pixels that are sorted together."""

BOTH, LOWER, UPPER = range(3)
"""What an exchange of the network must leave behind."""

_KEYS = (types.uint8, types.uint16, types.int32, types.int64)
_TABLE, _MASK = given(types.int32, 2), given(types.uint8, 2)
_SHORTS, _RANKS = given(types.int16, 1), given(types.int32, 1)
_OUT = types.int32[:, ::1]


@helper
def _counted(valid: Any, cells: Any, y: int, x: int, counts: Any) -> bool:
    """How many cells are valid for each pixel of a strip; whether all are."""
    length = counts.size
    counts[:] = 0
    for k in range(cells.shape[0]):
        first = x + cells[k, 1]
        row = valid[y + cells[k, 0], first : first + length]
        for p in range(length):
            counts[p] += row[p]
    fewest = cells.shape[0]
    for p in range(length):
        fewest = min(fewest, np.int64(counts[p]))
    return bool(fewest == cells.shape[0])


@helper
def _taken(keys: Any, cells: Any, y: int, x: int, stack: Any, length: int) -> None:
    """Every cell's values of a strip."""
    for k in range(cells.shape[0]):
        first = x + cells[k, 1]
        stack[k, :length] = keys[y + cells[k, 0], first : first + length]


@helper
def _balanced(
    keys: Any, valid: Any, cells: Any, y: int, x: int, stack: Any, below: Any, least: Any, most: Any
) -> None:
    """The same with hidden ones made the smallest value, as often as ``below`` says, then the largest."""
    length = below.size
    for k in range(cells.shape[0]):
        first = x + cells[k, 1]
        row = keys[y + cells[k, 0], first : first + length]
        good = valid[y + cells[k, 0], first : first + length]
        out = stack[k]
        for p in range(length):
            out[p] = row[p] if good[p] else (least if below[p] > 0 else most)
        for p in range(length):
            below[p] -= 1 - good[p]


@helper
def _strip(
    keys: Any, valid: Any, cells: Any, below: Any, ends: Any, y: int, x: int, stack: Any, seen: Any
) -> None:
    """Fills the stack with the values of ``seen.size`` pixels and counts the valid ones."""
    length = seen.size
    whole = valid.size == 0
    if whole:
        seen[:] = cells.shape[0]
    else:
        whole = _counted(valid, cells, y, x, seen)
    if whole:
        _taken(keys, cells, y, x, stack, length)
    else:
        under = np.empty(length, np.int16)
        for p in range(length):
            under[p] = below[seen[p]]
        _balanced(keys, valid, cells, y, x, stack, under, ends[0], ends[1])


@helper
def _exchanged(stack: Any, network: Any) -> None:
    """Runs the network on whole rows of the stack."""
    for c in range(network.shape[0]):
        low, high, kind = stack[network[c, 0]], stack[network[c, 1]], network[c, 2]
        if kind == BOTH:
            for p in range(STRIP):
                a, b = low[p], high[p]
                low[p] = min(a, b)
                high[p] = max(a, b)
        elif kind == LOWER:
            for p in range(STRIP):
                low[p] = min(low[p], high[p])
        else:
            for p in range(STRIP):
                high[p] = max(low[p], high[p])


@compiled(
    *(
        types.void(
            given(key, 2), _MASK, _TABLE, _TABLE, _SHORTS, _SHORTS, types.int64, given(key, 1),
            key[:, ::1], key[:, ::1], _OUT,
        )
        for key in _KEYS
    )
)  # fmt: skip
def ranked(
    keys: Any,
    valid: Any,
    cells: Any,
    network: Any,
    below: Any,
    further: Any,
    rank: int,
    ends: Any,
    low: Any,
    high: Any,
    counts: Any,
) -> None:
    """Values at two ranks of the valid cells of every pixel.

    Parameters
    ----------
    keys : ``(h + rows - 1, w + cols - 1)``.
    valid : ones and zeros in the same shape; of size 0 where all are valid.
    cells : ``(n, 2)``, row and column of each; at most 255.
    network : ``(m, 3)``: two places and what their exchange must leave (``BOTH LOWER UPPER``).
    below : for each count of valid cells how many hidden ones are to lie below all values.
    further : for each count how far behind the first rank the second is, 0 or 1.
    rank : the first rank among valid and hidden ones.
    ends : the smallest and the largest value of the type.
    low, high : results, ``(h, w)``; arbitrary where nothing is valid.
    counts : number of valid cells.
    """
    height, width = low.shape
    stack = np.empty((cells.shape[0], STRIP), keys.dtype)
    number = np.empty(STRIP, np.uint8)
    for y in range(height):
        for x in range(0, width, STRIP):
            length = min(STRIP, width - x)
            seen = number[:length]
            _strip(keys, valid, cells, below, ends, y, x, stack, seen)
            _exchanged(stack, network)
            for p in range(length):
                low[y, x + p] = stack[rank, p]
                high[y, x + p] = stack[rank + further[seen[p]], p]
                counts[y, x + p] = seen[p]


@compiled(
    *(
        types.void(
            given(key, 2), _MASK, _TABLE, _TABLE, _SHORTS, given(key, 1), key[:, ::1], _OUT
        )
        for key in _KEYS[:3]
    )
)  # fmt: skip
def commonest(
    keys: Any, valid: Any, cells: Any, network: Any, below: Any, ends: Any, best: Any, counts: Any
) -> None:
    """The most frequent valid value of every pixel, of several the smallest.

    Arguments as of ``ranked``; the network sorts, nothing hidden is to lie ``below``. ``best`` and ``counts``
    are ``(h, w)``.
    """
    height, width = best.shape
    n = cells.shape[0]
    stack = np.empty((n, STRIP), keys.dtype)
    number = np.empty(STRIP, np.uint8)
    run, longest = np.empty(STRIP, np.int16), np.empty(STRIP, np.int16)
    found = np.empty(STRIP, keys.dtype)
    for y in range(height):
        for x in range(0, width, STRIP):
            length = min(STRIP, width - x)
            seen = number[:length]
            _strip(keys, valid, cells, below, ends, y, x, stack, seen)
            _exchanged(stack, network)
            found[:] = stack[0]
            run[:] = 1
            longest[:] = 1
            for k in range(1, n):
                row, before = stack[k], stack[k - 1]
                for p in range(length):
                    run[p] = run[p] + 1 if row[p] == before[p] else 1
                for p in range(length):
                    better = run[p] > longest[p] and k < seen[p]
                    found[p] = row[p] if better else found[p]
                    longest[p] = run[p] if better else longest[p]
            for p in range(length):
                best[y, x + p] = found[p]
                counts[y, x + p] = seen[p]


@helper
def _fed(places: Any, runs: Any, y: int, x: int, tally: Any, mark: int) -> Any:
    """Fills the histogram for the first pixel of a row: (valid cells, those below the mark)."""
    tally[:] = 0
    count = below = 0
    for r in range(runs.shape[0]):
        for c in range(runs[r, 1], runs[r, 2]):
            place = places[y + runs[r, 0], x + c]
            if place >= 0:
                tally[place] += 1
                count += 1
                below += place < mark
    return count, below


@helper
def _moved(places: Any, runs: Any, y: int, x: int, tally: Any, mark: int) -> Any:
    """Takes in what comes into the footprint at pixel x and drops what leaves: changes of both numbers."""
    count = below = 0
    for r in range(runs.shape[0]):
        row = places[y + runs[r, 0]]
        new, old = row[x + runs[r, 2] - 1], row[x + runs[r, 1] - 1]
        if new >= 0:
            tally[new] += 1
            count += 1
            below += new < mark
        if old >= 0:
            tally[old] -= 1
            count -= 1
            below -= old < mark
    return count, below


@helper
def _most(tally: Any) -> int:
    """The first of the largest entries."""
    best = 0
    for place in range(1, tally.size):
        if tally[place] > tally[best]:
            best = place
    return best


@compiled(types.void(_TABLE, _TABLE, _RANKS, _RANKS, types.int64, types.boolean, _OUT, _OUT, _OUT))
def slid(
    places: Any,
    runs: Any,
    first: Any,
    second: Any,
    size: int,
    frequent: bool,
    low: Any,
    high: Any,
    counts: Any,
) -> None:
    """Places at two ranks, or the most frequent place, of the valid cells of every pixel.

    Parameters
    ----------
    places : ``(h + rows - 1, w + cols - 1)``, the place of every value among all in order, from 0; -1 = hidden.
    runs : ``(n, 3)``: row, first column, last column + 1.
    first, second : ranks (ascending) for each count of valid cells; second is at most one more.
    size : number of places.
    frequent : the most frequent place (of several the smallest) instead of ranks.
    low, high, counts : ``(h, w)``; places are 0 where nothing is valid.
    """
    height, width = low.shape
    tally = np.zeros(size, np.int32)
    for y in range(height):
        mark = 0
        count, below = _fed(places, runs, y, 0, tally, mark)
        for x in range(width):
            if x > 0:
                more, less = _moved(places, runs, y, x, tally, mark)
                count += more
                below += less
            counts[y, x] = count
            if count == 0:
                low[y, x] = high[y, x] = 0
                continue
            if frequent:
                low[y, x] = _most(tally)
                continue
            wanted = first[count]
            while below > wanted:
                mark -= 1
                below -= tally[mark]
            while below + tally[mark] <= wanted:
                below += tally[mark]
                mark += 1
            low[y, x] = mark
            after = mark
            if second[count] >= below + tally[mark]:
                after += 1
                while tally[after] == 0:
                    after += 1
            high[y, x] = after
