"""Connected groups of equal pixels, and reductions over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ecumene import kernels

Offsets = tuple[tuple[int, int], ...]

FOUR: Offsets = ((0, 1), (1, 0))
EIGHT: Offsets = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Half of the neighbours as ``(rows, columns)``: each pair of pixels is looked at once."""


def half(weights: NDArray[Any], focus: tuple[int, int]) -> Offsets:
    """The neighbours that a kernel's non-zero cells connect, one of each opposite pair.

    >>> half(np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]), (1, 1))
    ((0, 1), (1, 0))
    """
    found = set()
    for row, col in np.argwhere(weights != 0).tolist():
        dy, dx = row - focus[1], col - focus[0]
        if (dy, dx) != (0, 0):
            found.add((dy, dx) if (dy, dx) > (0, 0) else (-dy, -dx))
    return tuple(sorted(found))


def components(
    values: NDArray[Any], valid: NDArray[np.bool_] | None, offsets: Offsets
) -> NDArray[np.int32]:
    """Numbers from 0 of groups of connected valid pixels with equal values; -1 where not valid.

    Groups are numbered in the order of their first pixels. ``offsets`` are half of the neighbours that
    connect (see ``half``).
    """
    kernel = kernels.ready("segments.grouped")
    if kernel is None or values.size == 0:
        return _components(values, valid, offsets)
    if values.dtype.kind == "f":
        kind: Any = np.float64
    else:
        kind = np.int32 if values.dtype.itemsize < 4 or values.dtype == np.int32 else np.int64
    shown = np.ones(values.shape, np.uint8) if valid is None else valid.astype(np.uint8)
    out = np.empty(values.size, np.int32)
    steps = np.array(offsets, np.int64).reshape(-1, 2)
    kernel(np.ascontiguousarray(values, kind), np.ascontiguousarray(shown), steps, out)
    return out.reshape(values.shape)


def _components(
    values: NDArray[Any], valid: NDArray[np.bool_] | None, offsets: Offsets
) -> NDArray[np.int32]:
    """The same by graphs."""
    height, width = values.shape
    index = np.arange(height * width, dtype="int32").reshape(height, width)
    starts, ends = [], []
    for dy, dx in offsets:
        if dy >= height or abs(dx) >= width:
            continue
        here = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
        there = (slice(dy, height), slice(max(0, dx), width - max(0, -dx)))
        same = values[here] == values[there]
        if valid is not None:
            same &= valid[here] & valid[there]
        starts.append(index[here][same])
        ends.append(index[there][same])
    start = np.concatenate(starts) if starts else np.zeros(0, "int32")
    end = np.concatenate(ends) if ends else np.zeros(0, "int32")
    labels = joined(start, end, index.size)
    chosen = np.ones(index.shape, bool) if valid is None else valid
    out = np.full(index.shape, -1, "int32")
    kept, first, number = np.unique(labels[chosen.ravel()], return_index=True, return_inverse=True)
    rank = np.empty(kept.size, "int32")
    rank[np.argsort(first)] = np.arange(kept.size)
    out[chosen] = rank[number]
    return out


def joined(start: NDArray[Any], end: NDArray[Any], count: int) -> NDArray[np.int32]:
    """Which of ``count`` things are connected by pairs: the same number for those that are."""
    graph = coo_array((np.ones(start.size, "int8"), (start, end)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)


def sizes(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Pixels of each group."""
    return np.bincount(labels[labels >= 0], minlength=int(labels.max(initial=-1)) + 1)


def extents(labels: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Height and width of each group's box."""
    count = int(labels.max(initial=-1)) + 1
    rows, cols = np.nonzero(labels >= 0)
    found = labels[rows, cols]
    out = []
    for place in (rows, cols):
        first = np.full(count, np.iinfo("int64").max)
        last = np.full(count, -1)
        np.minimum.at(first, found, place)
        np.maximum.at(last, found, place)
        out.append(last - first + 1)
    return out[0], out[1]


def reduce_groups(
    accumulator: Any,
    groups: NDArray[np.int32],
    count: int,
    inputs: Sequence[NDArray[Any]],
    weights: Sequence[NDArray[Any] | None],
    output: int,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """One output of a reducer over each group.

    Parameters
    ----------
    accumulator : of the reducer.
    groups : the group (0 … count - 1) of each sample, ``(n,)``.
    inputs, weights : for each input of the reducer, ``(n,)``; weight None = 1.

    Returns values and validity, each ``(count,)``. Groups of similar size are reduced together, padded
    with samples of weight 0, so that at most half of the work is padding.
    """
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    lengths = np.bincount(ordered, minlength=count)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    found: NDArray[Any] | None = None
    good = np.zeros(count, bool)
    power = np.ceil(np.log2(np.maximum(lengths, 1))).astype(int)
    for k in np.unique(power[lengths > 0]).tolist():
        members = np.flatnonzero((power == k) & (lengths > 0))
        slots = np.arange(1 << k)[:, None]
        inside = slots < lengths[members]
        place = order[np.minimum(starts[members] + slots, order.size - 1)]
        samples = [values[place] for values in inputs]
        shares = [np.where(inside, 1.0 if w is None else w[place], 0.0) for w in weights]
        state = accumulator.add(accumulator.start((members.size,)), samples, shares)
        values, valid = accumulator.finish(state)[output]
        values = np.asarray(values)
        if found is None:
            found = np.zeros((count, *values.shape[1:]), values.dtype)
        found[members] = values
        good[members] = True if valid is None else valid
    return (np.zeros(count) if found is None else found), good
