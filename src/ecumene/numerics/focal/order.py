"""Smallest, largest, middle and most frequent values under a footprint; a NaN is missing."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels
from ecumene.numerics import network
from ecumene.numerics.focal.window import (
    Footprint,
    Result,
    Shape,
    Valid,
    footprint,
    joined,
    numbers,
    seen,
    view,
)
from ecumene.numerics.layers import INFINITY

SMALL = network.LARGEST
"""More cells than this are tallied by a sliding histogram."""

CLASSES = 1024
"""Most different values among which the most frequent is found by a sliding histogram."""

TILE = 96
"""Side of the parts of a window that have a histogram of their own."""

STACKED = 1 << 21
"""Values that the plain path stacks at a time."""

Ranks = Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]
Keys = tuple[NDArray[Any], Callable[[NDArray[Any]], NDArray[Any]]]

_WIDER = {"uint32": "int64", "uint64": "int64", "bool": "uint8"}
"""Types without kernels of their own, and what they are sorted as."""

_SHIFTED = {"int8": "uint8", "int16": "uint16"}
"""Types whose first bit is turned to sort them as others."""


def _flipped(bits: NDArray[Any], infinity: int) -> NDArray[Any]:
    """A float's bits as an integer that sorts like the float, and back."""
    sign: NDArray[Any] = bits >> bits.dtype.type(8 * bits.dtype.itemsize - 1)
    sign &= bits.dtype.type(infinity | (infinity - 1))
    sign ^= bits
    return sign


def _keys(values: NDArray[Any]) -> Keys:
    """Values as integers of a type that kernels know, in the same order, and the way back."""
    dtype = values.dtype
    if dtype.kind == "f":
        wide = values.astype("float64") if dtype.name not in INFINITY else values
        bits = np.dtype(f"int{8 * wide.dtype.itemsize}")
        infinity = INFINITY[wide.dtype.name]
        keys = _flipped(np.ascontiguousarray(wide + wide.dtype.type(0)).view(bits), infinity)
        return keys, lambda k: _flipped(k, infinity).view(wide.dtype).astype(dtype, copy=False)
    if dtype.name in _SHIFTED:
        plain = np.dtype(_SHIFTED[dtype.name])
        top = plain.type(1 << (8 * dtype.itemsize - 1))
        return np.ascontiguousarray(values).view(plain) ^ top, lambda k: (k ^ top).view(dtype)
    kept = np.dtype(_WIDER.get(dtype.name, dtype.name))
    return np.ascontiguousarray(values, kept), lambda k: k.astype(dtype, copy=False)


def _limits(dtype: np.dtype[Any]) -> NDArray[Any]:
    """The smallest and the largest value of a type."""
    info = np.iinfo(dtype)
    return np.asarray([info.min, info.max], dtype)


def _extreme(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape, largest: bool
) -> Result:
    valid = numbers(values, valid)
    cells = footprint(weights)
    keys, back = _keys(values)
    if largest:
        keys = ~keys
    if valid is not None:
        keys = np.where(valid, keys, _limits(keys.dtype)[1])
    found = joined(keys, cells, shape, least=True)
    return back(~found if largest else found), seen(valid, cells, shape)


def minimum(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Smallest valid value."""
    return _extreme(values, valid, weights, shape, largest=False)


def maximum(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Largest valid value."""
    return _extreme(values, valid, weights, shape, largest=True)


def _stacked(
    keys: NDArray[Any], valid: Valid, cells: Footprint, shape: Shape,
    finish: Callable[[NDArray[Any], Valid], tuple[NDArray[Any], ...]],
) -> list[NDArray[Any]]:  # fmt: skip
    """The plain path: stacks the neighbours of some rows at a time, so that memory stays bounded."""
    offsets = cells.cells.tolist()
    step = max(1, STACKED // max(1, len(offsets) * shape[1]))
    parts = []
    for start in range(0, shape[0], step):
        part = min(step, shape[0] - start), shape[1]
        stack = np.empty((len(offsets), part[0] * part[1]), keys.dtype)
        good = None if valid is None else np.empty(stack.shape, bool)
        for k, (row, col) in enumerate(offsets):
            stack[k] = view(keys, row + start, col, part).reshape(-1)
            if good is not None and valid is not None:
                good[k] = view(valid, row + start, col, part).reshape(-1)
        parts.append([found.reshape(part) for found in finish(stack, good)])
    return [np.concatenate(found) for found in zip(*parts, strict=True)]


@lru_cache(maxsize=128)
def _exchanges(n: int, wanted: tuple[int, ...]) -> NDArray[np.int32]:
    """The network's exchanges that reach the wanted places, ``(m, 3)``, with what each must leave behind."""
    needed = set(wanted)
    kept = []
    for i, j in reversed(network.comparators(n)):
        low, high = i in needed, j in needed
        if low or high:
            kept.append((i, j, 0 if low and high else 1 if low else 2))
            needed |= {i, j}
    return np.asarray(kept[::-1], np.int32).reshape(-1, 3)


def _ranked(
    keys: NDArray[Any], valid: Valid, cells: Footprint, shape: Shape, ranks: Ranks
) -> list[NDArray[Any]]:
    """Keys at two ranks of the valid cells (the second at most one more), and how many are valid."""
    n = len(cells.cells)
    sorting = kernels.ready("neighbors.ranked")
    if sorting is None:
        return _stacked(keys, valid, cells, shape, lambda s, g: _plain_ranks(s, g, ranks))
    if n > SMALL:
        return _slid(keys, valid, cells, shape, ranks)
    first, second = (rank.astype(np.int16) for rank in ranks(np.arange(n + 1)))
    rank = int(first[n])
    wanted = {rank, min(rank + 1, n - 1)} if valid is not None or second[n] > rank else {rank}
    low, high = np.empty(shape, keys.dtype), np.empty(shape, keys.dtype)
    counts = np.empty(shape, np.int32)
    sorting(
        keys, _bytes(valid), cells.cells, _exchanges(n, tuple(sorted(wanted))),
        (rank - first).astype(np.int16), (second - first).astype(np.int16), rank,
        _limits(keys.dtype), low, high, counts,
    )  # fmt: skip
    return [low, high, counts]


def _bytes(valid: Valid) -> NDArray[np.uint8]:
    """Validity as kernels read it; of size 0 where all is valid."""
    if valid is None:
        return np.zeros((0, 0), np.uint8)
    return np.ascontiguousarray(valid).view(np.uint8)


def _plain_ranks(stack: NDArray[Any], good: Valid, ranks: Ranks) -> tuple[NDArray[Any], ...]:
    (low, high), counts = network.ranked(stack, good, ranks)
    return low, high, counts


def _slid(
    keys: NDArray[Any], valid: Valid, cells: Footprint, shape: Shape, ranks: Ranks | None
) -> list[NDArray[Any]]:
    """The same by sliding histograms, tile by tile; without ranks the most frequent key."""
    slide = kernels.ready("neighbors.slid")
    assert slide is not None
    n = len(cells.cells)
    none = np.zeros(1, np.int32), np.zeros(1, np.int32)
    tables = none if ranks is None else tuple(r.astype(np.int32) for r in ranks(np.arange(n + 1)))
    out = [np.empty(shape, keys.dtype), np.empty(shape, keys.dtype), np.empty(shape, np.int32)]
    rows, cols = (keys.shape[k] - shape[k] for k in range(2))
    high, wide = max(TILE, rows), max(TILE, cols)
    for top in range(0, shape[0], high):
        for left in range(0, shape[1], wide):
            size = min(high, shape[0] - top), min(wide, shape[1] - left)
            padded = size[0] + rows, size[1] + cols
            part = view(keys, top, left, padded)
            shown = None if valid is None else view(valid, top, left, padded)
            places, ordered = _places(part, shown, ties=ranks is not None)
            found = [np.zeros(size, np.int32) for _ in range(3)]
            slide(places, cells.ends, *tables, ordered.size, ranks is None, *found)
            for whole, piece in zip(out[:2], found[:2], strict=True):
                view(whole, top, left, size)[...] = ordered[piece]
            view(out[2], top, left, size)[...] = found[2]
    return out


def _places(keys: NDArray[Any], valid: Valid, ties: bool) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Each key's place in the order of all (-1: hidden), and the ordered keys.

    ``ties``: equal keys may have places of their own, which is quicker.
    """
    if keys.dtype.itemsize == 1:
        places, ordered = keys.astype(np.int32), np.arange(256).astype(keys.dtype)
    elif ties:
        flat = np.ascontiguousarray(keys).reshape(-1)
        order = np.argsort(flat)
        places = np.empty(flat.size, np.int32)
        places[order] = np.arange(flat.size, dtype=np.int32)
        places, ordered = places.reshape(keys.shape), flat[order]
    else:
        ordered, found = np.unique(keys, return_inverse=True)
        places = found.astype(np.int32).reshape(keys.shape)
    if valid is not None:
        places = np.where(valid, places, np.int32(-1))
    return np.ascontiguousarray(places), ordered


def _between(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape, ranks: Ranks, share: float | None
) -> Result:  # fmt: skip
    """The mean of the values at two ranks, or ``share`` of the way through all from one to the other."""
    cells = footprint(weights)
    valid = numbers(values, valid)
    if not len(cells.cells):
        return np.zeros(shape), np.zeros(shape, bool)
    keys, back = _keys(values)
    low, high, counts = _ranked(keys, valid, cells, shape, ranks)
    good = None if valid is None else counts > 0
    a, b = back(low), back(high)
    if share is None:
        return network.middle(a, b), good
    place = share * (counts - 1)
    part = place - np.floor(place)
    return a.astype("float64") * (1 - part) + b.astype("float64") * part, good


def median(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Median of the valid pixels under the footprint, in double precision."""
    return _between(values, valid, weights, shape, lambda n: ((n - 1) // 2, n // 2), None)


def percentile(
    values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape, percent: float
) -> Result:
    """A percentile of the valid pixels by linear interpolation between order statistics, in double precision."""
    share = min(max(percent, 0.0), 100.0) / 100
    return _between(
        values, valid, weights, shape,
        lambda n: (np.floor(share * (n - 1)).astype(int), np.ceil(share * (n - 1)).astype(int)),
        share,
    )  # fmt: skip


def _plain_mode(stack: NDArray[Any], valid: Valid) -> tuple[NDArray[Any], ...]:
    n, pixels = stack.shape
    counts = np.full(pixels, n) if valid is None else valid.sum(axis=0)
    if valid is not None:
        stack[~valid] = network.sentinel(stack.dtype)
    network.sort_stack(stack)
    best, best_run, run = stack[0].copy(), np.zeros(pixels, "int32"), np.zeros(pixels, "int32")
    for k in range(n):
        run = np.where(stack[k] == stack[k - 1], run + 1, 1) if k else np.ones(pixels, "int32")
        better = (run > best_run) & (k < counts)
        best[better], best_run[better] = stack[k][better], run[better]
    return best, counts


def _commonest(
    keys: NDArray[Any], valid: Valid, cells: Footprint, shape: Shape
) -> list[NDArray[Any]]:
    n = len(cells.cells)
    sortable = n <= SMALL and keys.dtype.itemsize < 8
    kernel = kernels.ready("neighbors.commonest")
    if kernel is not None and not sortable and _few(keys):
        best, _, counts = _slid(keys, valid, cells, shape, None)
        return [best, counts]
    if kernel is None or not sortable:
        return _stacked(keys, valid, cells, shape, _plain_mode)
    best, counts = np.empty(shape, keys.dtype), np.empty(shape, np.int32)
    sorting = _exchanges(n, tuple(range(n)))
    none = np.zeros(n + 1, np.int16)
    kernel(keys, _bytes(valid), cells.cells, sorting, none, _limits(keys.dtype), best, counts)
    return [best, counts]


def _few(keys: NDArray[Any]) -> bool:
    """Whether there are few different keys."""
    return keys.dtype.itemsize == 1 or np.unique(keys).size <= CLASSES


def mode(values: NDArray[Any], valid: Valid, weights: NDArray[Any], shape: Shape) -> Result:
    """Most frequent valid value; of several the smallest."""
    cells = footprint(weights)
    valid = numbers(values, valid)
    if not len(cells.cells):
        return np.zeros(shape, values.dtype), np.zeros(shape, bool)
    keys, back = _keys(values)
    best, counts = _commonest(keys, valid, cells, shape)
    return back(best), None if valid is None else counts > 0
