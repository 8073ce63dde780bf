"""Interpolation of a raster at positions: bilinear and bicubic, honouring masks.

Positions are in pixels, pixel ``(i, j)`` has its centre at ``(j + 0.5, i + 0.5)``. Neighbours that are
invalid or outside take no part; the weights of the rest are scaled to one. A position is valid where the
pixel that contains it is (so a mask keeps its outline, as in nearest resampling).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Result = tuple[NDArray[Any], NDArray[np.bool_]]


def _weighted(
    data: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    columns: list[tuple[NDArray[Any], NDArray[Any]]],
    rows: list[tuple[NDArray[Any], NDArray[Any]]],
) -> Result:
    height, width = data.shape
    total = np.zeros(x.shape)
    norm = np.zeros(x.shape)
    for row, weight_y in rows:
        for col, weight_x in columns:
            inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
            r, c = np.clip(row, 0, height - 1), np.clip(col, 0, width - 1)
            weight = weight_x * weight_y * inside
            if valid is not None:
                weight = weight * valid[r, c]
            total += weight * np.where(weight != 0, data[r, c], 0)
            norm += weight
    at_row, at_col = np.floor(y).astype(int), np.floor(x).astype(int)
    good = (at_row >= 0) & (at_row < height) & (at_col >= 0) & (at_col < width) & (norm > 1e-9)
    if valid is not None:
        good &= valid[np.clip(at_row, 0, height - 1), np.clip(at_col, 0, width - 1)]
    return total / np.where(good, norm, 1), good


def bilinear(
    data: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> Result:
    """Values (float64) and validity at positions, from the four nearest centres."""
    u, v = x - 0.5, y - 0.5
    c, r = np.floor(u).astype(int), np.floor(v).astype(int)
    fx, fy = u - c, v - r
    return _weighted(data, valid, x, y, [(c, 1 - fx), (c + 1, fx)], [(r, 1 - fy), (r + 1, fy)])


def _cubic(distance: NDArray[Any]) -> NDArray[Any]:
    """Keys's convolution kernel with a = -0.5."""
    d = np.abs(distance)
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def bicubic(
    data: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> Result:
    """Values (float64) and validity at positions, from sixteen centres (Keys 1981, a = -0.5)."""
    u, v = x - 0.5, y - 0.5
    c, r = np.floor(u).astype(int), np.floor(v).astype(int)
    columns = [(c + k, _cubic(u - (c + k))) for k in (-1, 0, 1, 2)]
    rows = [(r + k, _cubic(v - (r + k))) for k in (-1, 0, 1, 2)]
    return _weighted(data, valid, x, y, columns, rows)
