"""Texture: entropy of windows, statistics of grey level co-occurrence (Haralick 1973, Conners 1984)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics.windows.common import Result, Valid, Values, WindowOp, inner, shifted

METRICS = (
    "asm", "contrast", "corr", "var", "idm", "savg", "svar", "sent", "ent", "dvar", "dent", "imcorr1", "imcorr2",
    "maxcorr", "diss", "inertia", "shade", "prom",
)  # fmt: skip
BUDGET = 1 << 22
"""Numbers that are sorted together."""


def _runs(stack: NDArray[Any], used: NDArray[np.bool_], power: bool) -> NDArray[np.float64]:
    """Σ n·ln n (or Σ n²) over the groups of equal used values in each column of ``(k, columns)``."""
    ranks = np.where(used, stack, np.iinfo("int64").max)
    ranks = np.sort(ranks, axis=0)
    counts = used.sum(axis=0)
    total = np.zeros(stack.shape[1])
    run = np.zeros(stack.shape[1])
    for k in range(stack.shape[0]):
        run = np.where(ranks[k] == ranks[k - 1], run + 1, 1.0) if k else np.ones(stack.shape[1])
        if power:
            step = run * run - (run - 1) ** 2
        else:
            before = run - 1
            step = run * np.log(run) - before * np.log(np.maximum(before, 1))
        total += np.where(k < counts, step, 0)
    return total


def _entropy(stack: NDArray[Any], used: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Entropy in nats of the used values of each column."""
    counts = np.maximum(used.sum(axis=0), 1)
    return np.asarray(np.log(counts) - _runs(stack, used, False) / counts)


def _columns(
    values: Values, valid: Valid, halo: int, offsets: Sequence[tuple[int, int]], rows: slice
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Neighbours at offsets of some rows of a block as ``(offset, pixel)``, and which are valid."""
    stack = np.stack([shifted(values, halo, dy, dx)[rows].ravel() for dy, dx in offsets])
    if valid is None:
        return stack.astype("int64"), np.ones(stack.shape, bool)
    return stack.astype("int64"), np.stack(
        [shifted(valid, halo, dy, dx)[rows].ravel() for dy, dx in offsets]
    )


def _pieces(height: int, width: int, depth: int) -> list[slice]:
    step = max(1, BUDGET // max(1, depth * width))
    return [slice(top, min(top + step, height)) for top in range(0, height, step)]


def entropy(
    values: Sequence[Values],
    valid: Sequence[Valid],
    halo: int,
    offsets: tuple[tuple[int, int], ...],
) -> Result:
    """−Σ p·log2 p of the values under a footprint."""
    shape = inner(values[0], halo).shape
    out = np.zeros(shape)
    for rows in _pieces(shape[0], shape[1], len(offsets)):
        stack, used = _columns(values[0], valid[0], halo, offsets, rows)
        out[rows] = (_entropy(stack, used) / np.log(2)).reshape(-1, shape[1])
    return np.maximum(out, 0), None if valid[0] is None else inner(valid[0], halo)


def cooccurrence(
    values: Sequence[Values], valid: Sequence[Valid], halo: int, size: int,
    offsets: tuple[tuple[int, int], ...],
) -> Result:  # fmt: skip
    """The 18 statistics of ``METRICS``, averaged over offsets ``(dy, dx)``: ``(h, w, 18)``.

    Pairs are those with both pixels in the window of ``2·size + 1``; each counts in both orders, so the matrix is
    symmetric and both marginals are equal. Logarithms are natural; ``maxcorr`` is not computed (0).
    """
    shape = inner(values[0], halo).shape
    out = np.zeros((*shape, len(METRICS)))
    for dy, dx in offsets:
        span = range(-size, size + 1)
        firsts = [(y, x) for y in span for x in span if abs(y + dy) <= size and abs(x + dx) <= size]
        seconds = [(y + dy, x + dx) for y, x in firsts]
        for rows in _pieces(shape[0], shape[1], 6 * max(len(firsts), 1)):
            i, good_i = _columns(values[0], valid[0], halo, firsts, rows)
            j, good_j = _columns(values[0], valid[0], halo, seconds, rows)
            found = _statistics(i, j, good_i & good_j)
            out[rows] += found.reshape(-1, shape[1], len(METRICS))
    return out / len(offsets), None if valid[0] is None else inner(valid[0], halo)


def _statistics(
    i: NDArray[np.int64], j: NDArray[np.int64], used: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """``(pixels, 18)`` from pairs ``(k, pixels)``."""
    left = np.concatenate([i, j])
    right = np.concatenate([j, i])
    used2 = np.concatenate([used, used])
    n = np.maximum(used2.sum(axis=0), 1).astype("float64")
    low = int(min(left.min(initial=0), 0))
    base = int(left.max(initial=0)) - low + 1

    def mean(of: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.where(used2, of, 0).sum(axis=0) / n)

    a, b = left.astype("float64"), right.astype("float64")
    mu = mean(a)
    var = mean((a - mu) ** 2)
    apart, both_ = np.abs(a - b), a + b
    savg, diss = mean(both_), mean(apart)
    contrast = mean(apart**2)
    codes = (left - low) * base + (right - low)
    ent, hx = _entropy(codes, used2), _entropy(left, used2)
    asm = _runs(codes, used2, True) / (n * n)
    sent, dent = _entropy(left + right, used2), _entropy(np.abs(left - right), used2)
    corr = mean((a - mu) * (b - mu)) / np.where(var == 0, 1, var)
    imcorr1 = (ent - 2 * hx) / np.where(hx == 0, 1, hx)
    imcorr2 = np.sqrt(np.maximum(1 - np.exp(-2 * (2 * hx - ent)), 0))
    centred = both_ - 2 * mu
    found = {
        "asm": asm, "contrast": contrast, "corr": corr, "var": var, "idm": mean(1 / (1 + apart**2)),
        "savg": savg, "svar": mean((both_ - savg) ** 2), "sent": sent, "ent": ent,
        "dvar": mean((apart - diss) ** 2), "dent": dent, "imcorr1": imcorr1, "imcorr2": imcorr2,
        "maxcorr": np.zeros_like(mu), "diss": diss, "inertia": contrast, "shade": mean(centred**3),
        "prom": mean(centred**4),
    }  # fmt: skip
    return np.stack([found[name] for name in METRICS], axis=1)


OPS: dict[str, WindowOp] = {"entropy": entropy, "cooccurrence": cooccurrence}
