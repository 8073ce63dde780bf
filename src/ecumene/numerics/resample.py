"""Interpolation of a raster at positions: bilinear and bicubic, honouring masks.

Positions are in pixels of a raster of which ``data`` is the part from pixel ``(top, left)`` on; pixel
``(i, j)`` has its centre at ``(j + 0.5, i + 0.5)``. ``x`` and ``y`` broadcast to the shape of the result.
Neighbours that are invalid or outside take no part; the weights of the rest are scaled to one. A position is
valid where the pixel that contains it is (so a mask keeps its outline, as in nearest resampling).

A compiled kernel does the work once it is ready, NumPy until then; both give the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels

Result = tuple[NDArray[Any], NDArray[np.bool_]]
Valid = NDArray[np.bool_] | None
Taps = list[tuple[NDArray[Any], NDArray[Any]]]


def bilinear(
    data: NDArray[Any], valid: Valid, x: NDArray[Any], y: NDArray[Any], left: int = 0, top: int = 0
) -> Result:
    """Values (float64) and validity at positions, from the four nearest centres."""
    return _interpolated(data, valid, x, y, left, top, cubic=False)


def bicubic(
    data: NDArray[Any], valid: Valid, x: NDArray[Any], y: NDArray[Any], left: int = 0, top: int = 0
) -> Result:
    """Values (float64) and validity at positions, from sixteen centres (Keys 1981, a = -0.5)."""
    return _interpolated(data, valid, x, y, left, top, cubic=True)


def _interpolated(
    data: NDArray[Any], valid: Valid, x: NDArray[Any], y: NDArray[Any], left: int, top: int, cubic: bool
) -> Result:  # fmt: skip
    shape = np.broadcast_shapes(x.shape, y.shape)
    kernel = kernels.ready("resampling.interpolated")
    if kernel is None or len(shape) != 2:
        return _plain(data, valid, x, y, left, top, cubic)
    out, good = np.empty(shape), np.empty(shape, np.uint8)
    shown = np.zeros((0, 0), np.uint8) if valid is None else np.ascontiguousarray(valid)
    kernel(
        np.ascontiguousarray(data, np.float64), shown.view(np.uint8),
        np.ascontiguousarray(np.broadcast_to(x, (x.shape[0], shape[1])), np.float64),
        np.ascontiguousarray(np.broadcast_to(y, (shape[0], y.shape[1])), np.float64),
        left, top, cubic, out, good,
    )  # fmt: skip
    return out, good.view(np.bool_)


def _cubic(distance: NDArray[Any]) -> NDArray[Any]:
    """Keys's convolution kernel with a = -0.5."""
    d = np.abs(distance)
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _taps(place: NDArray[Any], cubic: bool) -> Taps:
    """Indices and weights of the neighbouring centres along one axis."""
    u = np.asarray(place, np.float64) - 0.5
    first = np.floor(u).astype(np.int64)
    if cubic:
        return [(first + k, _cubic(u - (first + k))) for k in (-1, 0, 1, 2)]
    part = u - first
    return [(first, 1 - part), (first + 1, part)]


def _plain(
    data: NDArray[Any], valid: Valid, x: NDArray[Any], y: NDArray[Any], left: int, top: int, cubic: bool
) -> Result:  # fmt: skip
    """The kernel's plain path."""
    height, width = data.shape
    x, y = np.broadcast_arrays(x, y)
    columns, rows = _taps(x, cubic), _taps(y, cubic)
    total, norm = np.zeros(x.shape), np.zeros(x.shape)
    for row, weight_y in rows:
        for col, weight_x in columns:
            r, c = row - top, col - left
            inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
            r, c = np.clip(r, 0, height - 1), np.clip(c, 0, width - 1)
            weight = weight_x * weight_y * inside
            if valid is not None:
                weight = weight * valid[r, c]
            total += weight * np.where(weight != 0, data[r, c], 0)
            norm += weight
    at_row, at_col = np.floor(y).astype(np.int64) - top, np.floor(x).astype(np.int64) - left
    good = (at_row >= 0) & (at_row < height) & (at_col >= 0) & (at_col < width) & (norm > 1e-9)
    if valid is not None:
        good &= valid[np.clip(at_row, 0, height - 1), np.clip(at_col, 0, width - 1)]
    return total / np.where(good, norm, 1), good
