"""Superpixels by simple non-iterative clustering.

Source: R. Achanta, S. Süsstrunk, Superpixels and Polygons using Simple Non-Iterative Clustering (2017): pixels join the
cluster whose running mean is nearest in colour and place, in the order of that distance.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels
from ecumene.numerics.cells.common import Cell, CellOp, Result, Valid, Values, all_of, names
from ecumene.numerics.labels import EIGHT, FOUR, components

Labels = NDArray[np.int32]


def lattice(
    row: int, col: int, shape: tuple[int, int], size: int, hexagonal: bool
) -> NDArray[np.bool_]:
    """Seeds ``size`` pixels apart, in the middle of squares of the grid; every other row is moved by half of that."""
    rows = np.arange(row, row + shape[0])[:, None]
    cols = np.arange(col, col + shape[1])[None, :]
    half = size // 2
    moved = half + np.where(hexagonal & (rows // size % 2 == 1), half, 0)
    return np.asarray((rows % size == half) & (cols % size == moved % size))


def _snic(cell: Cell, values: list[Values], valid: list[Valid], size: int, compactness: float, eight: bool, seeded: bool) -> Result:  # fmt: skip
    """Numbers of clusters, the mean of each band over the cluster, and the seeds that were made.

    ``seeded``: the first values are the seeds; touching ones are of one cluster.
    """
    bands, shown = values, valid
    if seeded:
        bands, shown = values[1:], valid[1:]
        start = (values[0] != 0) & valid[0]
    else:
        start = lattice(cell.row, cell.col, values[0].shape, size, False)
    good = all_of(shown)
    seeds = start & good
    groups = components(seeds, seeds, EIGHT if eight else FOUR) if seeded else _numbered(seeds)
    stack = np.stack([band.astype("float64") for band in bands])
    labels = grown(stack, good, groups, (compactness / max(size, 1)) ** 2, eight)
    found = labels >= 0
    count = int(groups.max(initial=-1)) + 1
    if count == 0:
        side = cell.inner(good).shape
        return np.zeros((*side, len(bands) + 1 + (not seeded))), np.zeros(side, bool)
    place = np.flatnonzero(groups.ravel() >= 0)
    first = np.full(count, groups.size)
    np.minimum.at(first, groups.ravel()[place], place)
    row, col = np.divmod(first, groups.shape[1])
    sizes = np.maximum(np.bincount(labels[found], minlength=count), 1)
    planes = [names(row + cell.row, col + cell.col)[labels].astype("float64")]
    for band in stack:
        means = np.bincount(labels[found], band[found], minlength=count) / sizes
        planes += [means[labels]]
    if not seeded:
        planes.append(start.astype("float64"))
    return np.stack([cell.inner(p) for p in planes], axis=2), cell.inner(found)


def _numbered(seeds: NDArray[np.bool_]) -> Labels:
    out = np.full(seeds.shape, -1, np.int32)
    out[seeds] = np.arange(np.count_nonzero(seeds))
    return out


def grown(
    bands: NDArray[np.float64], good: Valid, seeds: Labels, weight: float, eight: bool
) -> Labels:
    """The cluster of every pixel that is reached from a seed, else -1.

    Parameters
    ----------
    bands : ``(n, height, width)``.
    good : pixels that can be reached.
    seeds : clusters from 0 at the seeds, -1 elsewhere.
    weight : of the squared distance in pixels against that of the values.
    eight : pixels at corners are neighbours too.
    """
    labels = np.full(seeds.shape, -1, np.int32)
    kernel = kernels.ready("superpixels.grown")
    if kernel is None:
        return _grown(bands, good, seeds, weight, eight)
    kernel(np.ascontiguousarray(bands), good.astype(np.uint8), seeds, weight, eight, labels)
    return labels


def _grown(
    bands: NDArray[np.float64], good: Valid, seeds: Labels, weight: float, eight: bool
) -> Labels:
    """The same in plain Python: each step depends on all before, so there is nothing to do at once."""
    count, (height, width) = int(seeds.max(initial=-1)) + 1, seeds.shape
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    steps += [(1, 1), (1, -1), (-1, -1), (-1, 1)] if eight else []
    flat = bands.reshape(len(bands), -1).T.tolist()
    free = good.ravel().tolist()
    labels = [-1] * (height * width)
    sums = [[0.0] * (len(bands) + 3) for _ in range(count)]
    heap = [
        (0.0, number, int(place), int(seeds.flat[place]))
        for number, place in enumerate(np.flatnonzero(seeds.ravel() >= 0))
    ]
    number = len(heap)
    while heap:
        _, _, place, cluster = heapq.heappop(heap)
        if labels[place] >= 0:
            continue
        labels[place] = cluster
        y, x = divmod(place, width)
        own, pixel = sums[cluster], flat[place]
        for k, value in enumerate((*pixel, y, x, 1.0)):
            own[k] += value
        total = own[-1]
        for dy, dx in steps:
            v, u = y + dy, x + dx
            other = v * width + u
            if not (0 <= v < height and 0 <= u < width) or labels[other] >= 0 or not free[other]:
                continue
            far = 0.0
            for k, value in enumerate(flat[other]):
                far += (value - own[k] / total) ** 2
            far += weight * ((v - own[-3] / total) ** 2 + (u - own[-2] / total) ** 2)
            heapq.heappush(heap, (far, number, other, cluster))
            number += 1
    return np.array(labels, np.int32).reshape(height, width)


OPS: dict[str, CellOp] = {"snic": _snic}
