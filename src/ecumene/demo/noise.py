"""Deterministic fields over the plane: the same value at a place whatever window is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def hashed(seed: int, *cells: NDArray[Any]) -> Field:
    """Uniform [0, 1) from integer lattice cells (a 32-bit avalanche hash)."""
    h = np.full(
        np.broadcast_shapes(*(c.shape for c in cells)), seed * 0x9E3779B1 & 0xFFFFFFFF, "uint32"
    )
    for cell in cells:
        h = (h ^ cell.astype("int64").astype("uint32")) * np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h = h * np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype("float32") * np.float32(1 / 2**24)


def value_noise(seed: int, x: NDArray[Any], y: NDArray[Any], size: float) -> Field:
    """Smoothly interpolated lattice noise in [0, 1); ``x`` is a row, ``y`` a column of metres."""
    u, v = np.atleast_2d(x) / size, np.asarray(y).reshape(-1, 1) / size
    i, j = np.floor(u), np.floor(v)
    columns, rows = np.unique(i), np.unique(j)
    lattice = hashed(
        seed,
        np.arange(columns[0], columns[-1] + 2)[None, :],
        np.arange(rows[0], rows[-1] + 2)[:, None],
    )
    a, b = (i - columns[0]).astype("int32")[0], (j - rows[0]).astype("int32")[:, 0]
    fx, fy = (u - i).astype("float32"), (v - j).astype("float32")
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    top = lattice[b][:, a] * (1 - fx) + lattice[b][:, a + 1] * fx
    bottom = lattice[b + 1][:, a] * (1 - fx) + lattice[b + 1][:, a + 1] * fx
    return np.asarray(top * (1 - fy) + bottom * fy, "float32")


def fractal(seed: int, x: NDArray[Any], y: NDArray[Any], size: float, octaves: int) -> Field:
    """Octaves of value noise, each half as large and half as strong, scaled to about [0, 1]."""
    total = np.zeros((np.asarray(y).size, np.asarray(x).size), "float32")
    weight, norm = 1.0, 0.0
    for octave in range(octaves):
        total += weight * value_noise(seed + octave, x, y, size / 2**octave)
        norm += weight
        weight /= 2
    return np.asarray(total / np.float32(norm), "float32")
