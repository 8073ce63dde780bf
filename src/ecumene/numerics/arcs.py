"""Angles on a sphere between places and great-circle arcs. Places are unit vectors from its centre."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

_TILE = 16
"""Side of the blocks of places that are compared with every arc that is left."""
_FEW = 8


def chord_angle(chord: NDArray[np.float64]) -> NDArray[np.float64]:
    """The angle that chords of the unit sphere span."""
    return np.asarray(2 * np.arcsin(np.minimum(chord / 2, 1.0)))


def angles(places: Vectors, first: Vectors, last: Vectors) -> NDArray[np.float64]:
    """Angles ``(p, n)`` between places ``(p, 3)`` and the nearest points of arcs, from ``(n, 3)`` to ``(n, 3)``."""
    ends = [np.linalg.norm(places[:, None] - end[None], axis=2) for end in (first, last)]
    found = chord_angle(np.minimum(*ends))
    normal = np.cross(first - last, first + last)
    length = np.linalg.norm(normal, axis=1)
    normal = normal / np.where(length > 0, length, 1.0)[:, None]
    beside = (places @ np.cross(normal, first).T >= 0) & (places @ np.cross(last, normal).T >= 0)
    beside &= length > 0
    across = np.arcsin(np.clip(np.abs(places @ normal.T), 0.0, 1.0))
    return np.asarray(np.where(beside, across, found))


def nearest(
    places: Vectors, first: Vectors, last: Vectors, most: float, check: Callable[[], None]
) -> NDArray[np.float64]:
    """Angles ``(h, w)`` between places ``(h, w, 3)`` and the nearest of some arcs; infinite beyond ``most``.

    Blocks of places are halved as long as many arcs may be the nearest of some place in them: those no
    further from the middle of the block than the nearest of the middle and twice the reach of the block.
    """
    out = np.full(places.shape[:2], np.inf)
    waiting = [(0, 0, *places.shape[:2], np.arange(len(first)))]
    while waiting:
        row, col, height, width, arcs = waiting.pop()
        check()
        block = places[row : row + height, col : col + width]
        middle, reach = _middle(block)
        if reach < 0 or not len(arcs):
            continue
        away = angles(middle[None], first[arcs], last[arcs])[0]
        arcs = arcs[away <= min(away.min() + 2 * reach, most + reach) + 1e-12]
        if not len(arcs):
            continue
        if len(arcs) <= _FEW or max(height, width) <= _TILE:
            flat = block.reshape(-1, 3)
            found = np.full(len(flat), np.inf)
            for start in range(0, len(arcs), 256):
                part = arcs[start : start + 256]
                found = np.fmin(found, angles(flat, first[part], last[part]).min(axis=1))
            out[row : row + height, col : col + width] = found.reshape(height, width)
            continue
        waiting += _quarters(row, col, height, width, arcs)
    out[~(out <= most)] = np.inf
    return out


def _middle(block: Vectors) -> tuple[Vectors, float]:
    """The place in the middle of a block and the angle that it reaches around it; −1 where all are unknown."""
    known = block[np.isfinite(block).all(axis=2)]
    if not len(known):
        return block[0, 0], -1.0
    middle = known.mean(axis=0)
    length = float(np.linalg.norm(middle))
    if length < 1e-6:
        return known[0], math.pi
    middle = middle / length
    return middle, float(chord_angle(np.linalg.norm(known - middle, axis=1)).max())


def _quarters(
    row: int, col: int, height: int, width: int, arcs: NDArray[np.intp]
) -> list[tuple[int, int, int, int, NDArray[np.intp]]]:
    half, wide = max(height // 2, 1), max(width // 2, 1)
    rows = [(row, half), (row + half, height - half)]
    cols = [(col, wide), (col + wide, width - wide)]
    return [(r, c, h, w, arcs) for r, h in rows for c, w in cols if h > 0 and w > 0]
