"""Order statistics of many stacks at once by a sorting network in native types.

A merge-exchange network (Knuth, The Art of Computer Programming 3, 5.2.2, Algorithm M) sorts the
``n`` values of every pixel with element-wise minima and maxima of whole rows of pixels: no branches,
no copies, integers stay integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROW_BYTES = 1 << 18
"""Bytes of one row of a chunk: smaller ones stay in faster memory but make threads wait for each other."""

LARGEST = 150
"""Above this many values a library sort is faster than the network."""


@lru_cache(maxsize=512)
def comparators(n: int) -> tuple[tuple[int, int], ...]:
    """Pairs ``(i, j)``, i < j, whose exchange in this order sorts n values."""
    pairs: list[tuple[int, int]] = []
    top = 1 << max((n - 1).bit_length() - 1, 0)
    p = top if n > 1 else 0
    while p > 0:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(n - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return tuple(pairs)


def chunks(pixels: int, dtype: np.dtype[Any]) -> Iterator[slice]:
    """Runs of pixels that are sorted together."""
    size = max(ROW_BYTES // dtype.itemsize, 1)
    for start in range(0, pixels, size):
        yield slice(start, min(start + size, pixels))


def sort_stack(values: NDArray[Any]) -> None:
    """Sorts ``(n, pixels)`` along the first axis in place."""
    n = values.shape[0]
    if n < 2:
        return
    if n > LARGEST:
        values.sort(axis=0)
        return
    spare = np.empty_like(values[0])
    for i, j in comparators(n):
        low, high = values[i], values[j]
        np.minimum(low, high, out=spare)
        np.maximum(low, high, out=high)
        low[...] = spare


def sentinel(dtype: np.dtype[Any]) -> Any:
    """The value that sorts behind every valid one."""
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def ranked(
    stack: NDArray[Any], valid: NDArray[np.bool_] | None, ranks: Any
) -> tuple[list[NDArray[Any]], NDArray[np.int64]]:
    """Values at ranks of every pixel's valid values, and how many are valid.

    Parameters
    ----------
    stack : ``(n, pixels)``; overwritten.
    valid : same shape, None = all. NaN must be marked invalid.
    ranks : function of the counts ``(pixels,)`` that returns arrays of ranks (0-based), one per result.

    Returns values of the stack's type (arbitrary where the count is 0), and counts.
    """
    n, pixels = stack.shape
    if valid is not None:
        stack[~valid] = sentinel(stack.dtype)
        counts = valid.sum(axis=0)
    else:
        counts = np.full(pixels, n)
    wanted = [np.clip(rank, 0, n - 1) for rank in ranks(counts)]
    out = [np.empty(pixels, stack.dtype) for _ in wanted]
    for run in chunks(pixels, stack.dtype):
        part = np.ascontiguousarray(stack[:, run])
        sort_stack(part)
        for result, rank in zip(out, wanted, strict=True):
            index = rank[run][None, :]
            result[run] = np.take_along_axis(part, index, axis=0)[0]
    return out, counts


def median(
    stack: NDArray[Any], valid: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Median of every pixel (mean of the middle two for even counts, exact for integers), and counts."""
    (low, high), counts = ranked(stack, valid, lambda n: ((n - 1) // 2, n // 2))
    return middle(low, high), counts


def middle(low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of two values in double precision."""
    out = low.astype("float64")
    out += high
    out *= 0.5
    return out
