"""Superpixels: pixels join clusters in the order of their distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, given, helper
from ecumene.kernels.heaps import popped, pushed

KERNELS = ("grown",)

_DOWN = (0, 1, 0, -1, 1, 1, -1, -1)
_ACROSS = (1, 0, -1, 0, 1, -1, -1, 1)


@helper
def _distance(bands: Any, sums: Any, cluster: int, y: int, x: int, weight: float) -> Any:
    """Of a pixel from the means of a cluster."""
    count = bands.shape[0]
    total = sums[cluster, count + 2]
    far = 0.0
    for k in range(count):
        far += (bands[k, y, x] - sums[cluster, k] / total) ** 2
    down, across = y - sums[cluster, count] / total, x - sums[cluster, count + 1] / total
    return far + weight * (down**2 + across**2)


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
    heap, names = np.empty(room), np.empty(room, np.int64)
    places, owners = np.empty(room, np.int32), np.empty(room, np.int32)  # by name
    size = name = 0
    for y in range(height):
        for x in range(width):
            if seeds[y, x] >= 0:
                places[name], owners[name] = y * width + x, seeds[y, x]
                pushed(heap, names, size, 0.0, name)
                size, name = size + 1, name + 1
    while size > 0:
        place, cluster = places[names[0]], owners[names[0]]
        popped(heap, names, size)
        size -= 1
        y, x = place // width, place % width
        if labels[y, x] >= 0:
            continue
        labels[y, x] = cluster
        for k in range(count):
            sums[cluster, k] += bands[k, y, x]
        sums[cluster, count] += y
        sums[cluster, count + 1] += x
        sums[cluster, count + 2] += 1.0
        for n in range(around):
            v, u = y + _DOWN[n], x + _ACROSS[n]
            if v < 0 or u < 0 or v >= height or u >= width or labels[v, u] >= 0 or not good[v, u]:
                continue
            places[name], owners[name] = v * width + u, cluster
            pushed(heap, names, size, _distance(bands, sums, cluster, v, u, weight), name)
            size, name = size + 1, name + 1
