"""What spreads over a surface: costs, water, shadows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, given, helper
from ecumene.kernels.heaps import popped, pushed

KERNELS = ("spread", "filled", "shadowed")

_DOWN = (0, 1, 1, 1, 0, -1, -1, -1)
_ACROSS = (1, 0, 1, -1, -1, 0, -1, 1)


@helper
def _less(state: Any, a: int, b: int) -> bool:
    """Whether one pixel's numbers come before another's, the first that differ deciding."""
    for k in range(state.shape[0]):
        if state[k, a] != state[k, b]:
            return bool(state[k, a] < state[k, b])
    return bool(a < b)


@helper
def _risen(heap: Any, where: Any, state: Any, k: int) -> None:
    """Moves an entry towards the first."""
    while k > 0:
        up = (k - 1) // 2
        if not _less(state, heap[k], heap[up]):
            break
        heap[k], heap[up] = heap[up], heap[k]
        where[heap[k]], where[heap[up]] = k, up
        k = up


@helper
def _sunk(heap: Any, where: Any, state: Any, size: int) -> None:
    """Moves the first entry to its place."""
    k = 0
    while True:
        least = k
        for below in (2 * k + 1, 2 * k + 2):
            if below < size and _less(state, heap[below], heap[least]):
                least = below
        if least == k:
            break
        heap[k], heap[least] = heap[least], heap[k]
        where[heap[k]], where[heap[least]] = k, least
        k = least


@helper
def _offered(state: Any, other: int, place: int, cost: Any, step: float, here: Any) -> bool:
    """Whether the way through ``place`` is better for ``other``; its numbers are then taken over.

    ``here`` is room for them.
    """
    bands = cost.shape[0]
    for k in range(bands):
        here[k] = state[k, place] + step * (cost[k, place] + cost[k, other]) / 2
    here[bands] = state[bands, place] + step
    better = False
    for k in range(bands + 1):
        if here[k] != state[k, other]:
            better = bool(here[k] < state[k, other])
            break
    if better:
        for k in range(bands + 1):
            state[k, other] = here[k]
    return better


@compiled(
    types.void(
        given(types.float64, 2), given(types.uint8, 1), given(types.float64, 2), types.int64,
        types.float64, types.float64[:, ::1],
    )
)  # fmt: skip
def spread(cost: Any, free: Any, steps: Any, width: int, most: float, state: Any) -> None:
    """Least costs from sources (Dijkstra's algorithm), and the lengths of the ways.

    Parameters
    ----------
    cost : ``(bands, pixels)``.
    free : pixels that can be crossed.
    steps : ``(4, pixels)``, metres to the pixel to the right, below, below to the right and below to the left.
    width : pixels of a row.
    most : longest way.
    state : ``(bands + 1, pixels)``: costs and length; zeros at sources, infinite elsewhere.
    """
    pixels = free.size
    height = pixels // width
    heap, where = np.empty(pixels, np.int64), np.full(pixels, -1)
    here = np.empty(state.shape[0])
    size = 0
    for place in range(pixels):
        if state[0, place] == 0:
            heap[size], where[place] = place, size
            size += 1
            _risen(heap, where, state, size - 1)
    while size > 0:
        place = heap[0]
        size -= 1
        heap[0] = heap[size]
        where[heap[0]], where[place] = 0, -2
        _sunk(heap, where, state, size)
        y, x = place // width, place % width
        for n in range(8):
            v, u = y + _DOWN[n], x + _ACROSS[n]
            if v < 0 or u < 0 or v >= height or u >= width:
                continue
            other = v * width + u
            step = steps[n, place] if n < 4 else steps[n - 4, other]
            if where[other] == -2 or not free[other] or state[-1, place] + step > most:
                continue
            if state[0, place] + step * (cost[0, place] + cost[0, other]) / 2 > state[0, other]:
                continue  # most are: the rest need not be looked at
            if _offered(state, other, place, cost, step, here):
                if where[other] == -1:
                    heap[size], where[other] = other, size
                    size += 1
                _risen(heap, where, state, where[other])


@compiled(types.void(given(types.float64, 2), given(types.uint8, 2), types.float64[:, ::1]))
def filled(values: Any, valid: Any, out: Any) -> None:
    """Fills pits to the level at which they drain (priority flood).

    Parameters
    ----------
    values, valid : ``(height, width)``.
    out : levels where water leaves, infinite elsewhere; becomes the filled surface.
    """
    height, width = values.shape
    room = height * width
    heap, names = np.empty(room), np.empty(room, np.int64)
    waiting = np.empty(room, np.int64)  # pixels of pits, which need no order
    done = np.zeros((height, width), np.uint8)
    size = held = 0
    for y in range(height):
        for x in range(width):
            if out[y, x] < np.inf and valid[y, x]:
                done[y, x] = 1
                pushed(heap, names, size, out[y, x], y * width + x)
                size += 1
    while size + held > 0:
        if held > 0:
            held -= 1
            place = waiting[held]
        else:
            place = names[0]
            popped(heap, names, size)
            size -= 1
        y, x = place // width, place % width
        low = out[y, x]
        for n in range(8):
            v, u = y + _DOWN[n], x + _ACROSS[n]
            if v < 0 or u < 0 or v >= height or u >= width or done[v, u] or not valid[v, u]:
                continue
            done[v, u] = 1
            if values[v, u] <= low:
                out[v, u] = low
                waiting[held] = v * width + u
                held += 1
            else:
                out[v, u] = values[v, u]
                pushed(heap, names, size, out[v, u], v * width + u)
                size += 1


@compiled(
    types.void(
        given(types.float64, 2), given(types.float64, 1), types.float64, types.float64, types.float64,
        types.uint8[:, ::1],
    )
)  # fmt: skip
def shadowed(height: Any, rise: Any, down: float, across: float, top: float, out: Any) -> None:
    """1 where a ray towards the light meets nothing, 0 where it does.

    Parameters
    ----------
    height : of the surface; -infinite where there is none.
    rise : of the ray in a step, by row.
    down, across : pixels of a step, one of them 1 or -1.
    top : the largest height.
    """
    rows, cols = height.shape
    for y in range(rows):
        for x in range(cols):
            out[y, x] = 1
            k = 1
            while True:
                ray = height[y, x] + k * rise[y]
                v, u = y + k * down, x + k * across
                if ray >= top or v < 0 or u < 0 or v > rows - 1 or u > cols - 1:
                    break
                r, c = int(v), int(u)
                r2, c2 = min(r + 1, rows - 1), min(c + 1, cols - 1)
                part = (v - r) + (u - c)
                other = height[r2, c] if v > r else height[r, c2]
                met = height[r, c] if part == 0 else height[r, c] * (1 - part) + other * part
                if met > ray:
                    out[y, x] = 0
                    break
                k += 1
