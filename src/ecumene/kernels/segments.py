"""Connected groups of equal pixels, and the rings around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, given, helper

KERNELS = ("grouped", "turned", "traced")


@helper
def _root(parent: Any, k: int) -> int:
    """The smallest pixel of a pixel's group; paths are halved on the way."""
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@helper
def _connected(values: Any, valid: Any, offsets: Any, labels: Any, y: int, x: int) -> None:
    """Joins the group of a pixel with those of its equal neighbours."""
    height, width = values.shape
    for n in range(offsets.shape[0]):
        down, across = y + offsets[n, 0], x + offsets[n, 1]
        if down >= height or across < 0 or across >= width or not valid[down, across]:
            continue
        if values[down, across] == values[y, x]:
            a = _root(labels, y * width + x)
            b = _root(labels, down * width + across)
            if a < b:
                labels[b] = a
            elif b < a:
                labels[a] = b


@compiled(
    *(
        types.int64(given(kind, 2), given(types.uint8, 2), given(types.int64, 2), types.int32[::1])
        for kind in (types.int32, types.int64, types.float64)
    )
)
def grouped(values: Any, valid: Any, offsets: Any, labels: Any) -> int:
    """Numbers groups of connected valid pixels with equal values by their first pixel; returns how many.

    Parameters
    ----------
    values, valid : ``(height, width)``.
    offsets : ``(n, 2)`` rows and columns to half of the neighbours; rows are not negative.
    labels : flat, one for each pixel; filled with numbers from 0, -1 where not valid.
    """
    width = values.shape[1]
    for k in range(labels.size):
        labels[k] = k
    for y in range(values.shape[0]):
        for x in range(width):
            if valid[y, x]:
                _connected(values, valid, offsets, labels, y, x)
    count = 0
    for k in range(labels.size):
        if not valid[k // width, k % width]:
            labels[k] = -1
        elif labels[k] == k:
            labels[k] = count
            count += 1
        else:  # the parent comes earlier, and has its number
            labels[k] = labels[labels[k]]
    return count


@helper
def _turn(
    own: int,
    beside: int,
    below: int,
    across: int,
    other: int,
    sides: int,
    point: Any,
    out: Any,
    n: int,
) -> int:
    """Notes the corners that one of the four pixels around a point makes; returns how many there are now.

    It is alone in its group there, or the three others are of one group that turns around it.
    """
    if own in (beside, below):
        return n
    if own >= 0:
        if n < out.shape[1]:
            out[0, n], out[1, n], out[2, n], out[3, n], out[4, n] = (
                own,
                point[0],
                point[1],
                sides,
                other,
            )
        n += 1
    if across >= 0 and beside == across and below == across:
        if n < out.shape[1]:
            out[0, n], out[1, n], out[2, n], out[3, n], out[4, n] = (
                across,
                point[0],
                point[1],
                sides,
                -1,
            )
        n += 1
    return n


@compiled(types.int64(given(types.int32, 2), given(types.int64, 2), types.int64[:, ::1]))
def turned(labels: Any, values: Any, out: Any) -> int:
    """Corners of the boundaries of groups between the pixels of a block; returns how many there are.

    Parameters
    ----------
    labels, values : as for ``numerics.rings.corners``.
    out : ``(5, n)``, as many as fit are written: group, row and column of the point, sides (1 east, 2 south), and the
        group across that has the same value and touches there only, or -1.
    """
    n = 0
    for y in range(labels.shape[0] - 1):
        for x in range(labels.shape[1] - 1):
            nw, ne = labels[y, x], labels[y, x + 1]
            sw, se = labels[y + 1, x], labels[y + 1, x + 1]
            if (nw == ne and sw == se) or (nw == sw and ne == se):
                continue
            apart = nw != ne and sw != se and nw != sw and ne != se
            falling = apart and nw >= 0 and se >= 0 and values[y, x] == values[y + 1, x + 1]
            rising = apart and ne >= 0 and sw >= 0 and values[y, x + 1] == values[y + 1, x]
            point = (y, x)
            n = _turn(nw, ne, sw, se, se if falling else -1, 0, point, out, n)
            n = _turn(ne, nw, se, sw, sw if rising else -1, 1, point, out, n)
            n = _turn(sw, se, nw, ne, ne if rising else -1, 2, point, out, n)
            n = _turn(se, sw, ne, nw, nw if falling else -1, 3, point, out, n)
    return n


@compiled(
    types.int64(given(types.int64, 1), given(types.int64, 1), types.int64[::1], types.int64[::1])
)
def traced(across: Any, down: Any, order: Any, ring: Any) -> int:
    """Walks along all rings; returns how many.

    Parameters
    ----------
    across, down : for each corner the corner at the other end of its edge along a row, and along a column.
    order : filled with corners ring after ring; the first of each is its smallest.
    ring : filled with the number of each one's ring.
    """
    seen = np.zeros(across.size, np.uint8)
    rings, place = 0, 0
    for first in range(across.size):
        if seen[first]:
            continue
        k = first
        while not seen[k]:
            other = across[k]
            for corner in (k, other):
                seen[corner] = 1
                order[place] = corner
                ring[place] = rings
                place += 1
            k = down[other]
        rings += 1
    return rings
