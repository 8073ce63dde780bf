"""Superpixels: pixels join clusters in the order of their distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, given, helper

KERNELS = ("grown",)

_DOWN = (0, 1, 0, -1, 1, 1, -1, -1)
_ACROSS = (1, 0, -1, 0, 1, -1, -1, 1)


@helper
def _before(far: Any, entries: Any, a: int, b: int) -> bool:
    """Whether an entry of a heap comes before another: nearer, or as near and earlier."""
    return bool(far[a] < far[b] or (far[a] == far[b] and entries[a, 0] < entries[b, 0]))


@helper
def _exchanged(far: Any, entries: Any, a: int, b: int) -> None:
    far[a], far[b] = far[b], far[a]
    for k in range(3):
        entries[a, k], entries[b, k] = entries[b, k], entries[a, k]


@helper
def _pushed(far: Any, entries: Any, size: int) -> None:
    """Moves the last entry to its place."""
    k = size - 1
    while k > 0:
        up = (k - 1) // 2
        if not _before(far, entries, k, up):
            break
        _exchanged(far, entries, k, up)
        k = up


@helper
def _popped(far: Any, entries: Any, size: int) -> None:
    """Moves the first entry to the end."""
    _exchanged(far, entries, 0, size - 1)
    k, size = 0, size - 1
    while True:
        least = k
        for below in (2 * k + 1, 2 * k + 2):
            if below < size and _before(far, entries, below, least):
                least = below
        if least == k:
            break
        _exchanged(far, entries, k, least)
        k = least


@helper
def _distance(bands: Any, own: Any, y: int, x: int, weight: float) -> Any:
    """Of a pixel from the means of a cluster."""
    count = bands.shape[0]
    total = own[count + 2]
    far = 0.0
    for k in range(count):
        far += (bands[k, y, x] - own[k] / total) ** 2
    far += weight * ((y - own[count] / total) ** 2 + (x - own[count + 1] / total) ** 2)
    return far


@compiled(
    types.void(
        given(types.float64, 3), given(types.uint8, 2), given(types.int32, 2), types.float64,
        types.boolean, types.int32[:, ::1],
    )
)  # fmt: skip
def grown(bands: Any, good: Any, seeds: Any, weight: float, eight: bool, labels: Any) -> None:
    """Clusters of pixels, as ``numerics.cells.superpixels.grown``; ``labels`` come as -1."""
    count, height, width = bands.shape
    clusters, around = 0, 8 if eight else 4
    for y in range(height):
        for x in range(width):
            clusters = max(clusters, seeds[y, x] + 1)
    sums = np.zeros((clusters, count + 3))
    room = height * width * (around + 1)
    far, entries = np.empty(room), np.empty((room, 3), np.int32)  # number, place, cluster
    size = number = 0
    for y in range(height):
        for x in range(width):
            if seeds[y, x] >= 0:
                far[size], entries[size, 0] = 0.0, number
                entries[size, 1], entries[size, 2] = y * width + x, seeds[y, x]
                size, number = size + 1, number + 1
                _pushed(far, entries, size)
    while size > 0:
        place, cluster = entries[0, 1], entries[0, 2]
        _popped(far, entries, size)
        size -= 1
        y, x = place // width, place % width
        if labels[y, x] >= 0:
            continue
        labels[y, x] = cluster
        own = sums[cluster]
        for k in range(count):
            own[k] += bands[k, y, x]
        own[count] += y
        own[count + 1] += x
        own[count + 2] += 1.0
        for n in range(around):
            v, u = y + _DOWN[n], x + _ACROSS[n]
            if v < 0 or u < 0 or v >= height or u >= width or labels[v, u] >= 0 or not good[v, u]:
                continue
            far[size], entries[size, 0] = _distance(bands, own, v, u, weight), number
            entries[size, 1], entries[size, 2] = v * width + u, cluster
            size, number = size + 1, number + 1
            _pushed(far, entries, size)
