"""Interpolation at positions, and input pixels weighted by how much of an output pixel they cover."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, given, helper

KERNELS = ("interpolated", "pooled", "listed")

NOTHING, QUAD, TORN = range(3)
"""Kinds of output pixels: not in the input's projection; four corners; torn apart by its edge."""

LEFT, TOP, ACROSS, DOWN, KIND = range(5)
"""Columns of the table of output pixels: the box of input pixels that may overlap, and the kind."""

MEAN, SUM, COUNT, LEAST, MOST = range(5)
"""What ``pooled`` computes."""

SLIVER = 1e-9
"""Overlaps of a smaller part of an input pixel are rounding."""

_PLANE, _OUT = given(types.float64, 2), types.float64[:, ::1]
_MASK, _BOXES = given(types.uint8, 2), given(types.int32, 3)


@helper
def _bend(distance: float) -> float:
    """Keys's convolution kernel with a = -0.5."""
    d = abs(distance)
    if d <= 1:
        return (1.5 * d - 2.5) * d * d + 1
    return ((-0.5 * d + 2.5) * d - 4) * d + 2 if d < 2 else 0.0


@helper
def _taps(place: float, cubic: bool, weights: Any) -> int:
    """Fills the weights of the neighbouring centres along one axis; the index of the first."""
    u = place - 0.5
    first = int(math.floor(u))
    if cubic:
        first -= 1
        for k in range(4):
            weights[k] = _bend(u - (first + k))
    else:
        weights[1] = u - first
        weights[0] = 1 - weights[1]
    return first


@compiled(
    types.void(
        _PLANE, _MASK, _PLANE, _PLANE, types.int64, types.int64, types.boolean, _OUT,
        types.uint8[:, ::1],
    )
)  # fmt: skip
def interpolated(
    data: Any, valid: Any, x: Any, y: Any, left: int, top: int, cubic: bool, out: Any, good: Any
) -> None:
    """Values at positions from 4 or 16 neighbours, of which only valid ones count.

    Parameters
    ----------
    data : ``(rows, cols)``; its first pixel is pixel ``(top, left)`` of the raster.
    valid : ones and zeros in the same shape; of size 0 where all are valid.
    x, y : positions in the raster, ``(1 or h, w)`` and ``(h, 1 or w)``.
    cubic : bicubic instead of bilinear.
    out, good : ``(h, w)``.
    """
    height, width = data.shape
    n = 4 if cubic else 2
    across, down = np.empty(4), np.empty(4)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            px = x[i if x.shape[0] > 1 else 0, j]
            py = y[i, j if y.shape[1] > 1 else 0]
            col, row = _taps(px, cubic, across) - left, _taps(py, cubic, down) - top
            total = norm = 0.0
            for a in range(n):
                r = row + a
                if 0 <= r < height:
                    for b in range(n):
                        c = col + b
                        if 0 <= c < width and (valid.size == 0 or valid[r, c]):
                            weight = across[b] * down[a]
                            if weight != 0:
                                total += weight * data[r, c]
                                norm += weight
            r, c = int(math.floor(py)) - top, int(math.floor(px)) - left
            fine = norm > 1e-9 and 0 <= r < height and 0 <= c < width
            if fine and valid.size > 0:
                fine = valid[r, c] != 0
            good[i, j] = fine
            out[i, j] = total / norm if fine else total


@helper
def _clipped(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@helper
def _edge(x0: float, y0: float, x1: float, y1: float, sign: float, areas: Any, across: int) -> None:
    """Adds what lies left of an edge, cell by cell of the rows that it crosses (Green's theorem)."""
    if y0 == y1:
        return
    slope = (x1 - x0) / (y1 - y0)
    west, east = min(x0, x1), max(x0, x1)
    for r in range(int(math.floor(min(y0, y1))), int(math.ceil(max(y0, y1)))):
        ya, yb = _clipped(y0, r, r + 1), _clipped(y1, r, r + 1)
        xa = x0 if ya == y0 else _clipped(x0 + (ya - y0) * slope, west, east)
        xb = x1 if yb == y1 else _clipped(x0 + (yb - y0) * slope, west, east)
        rise = (yb - ya) * sign
        low, high = min(xa, xb), max(xa, xb)
        for c in range(min(across, int(math.ceil(high)))):
            if high > low:
                a, b = _clipped(low, c, c + 1), _clipped(high, c, c + 1)
                inside = (b - a) / (high - low)
                beyond = max(high - max(low, c + 1.0), 0.0) / (high - low)
                areas[r * across + c] += rise * (inside * ((a + b) / 2 - c) + beyond)
            else:
                areas[r * across + c] += rise * _clipped(low - c, 0.0, 1.0)


@helper
def _overlaps(x: Any, y: Any, i: int, j: int, box: Any, areas: Any) -> float:
    """Fills the areas of the input pixels of a box that an output pixel covers; its own area."""
    cells = box[ACROSS] * box[DOWN]
    if box[KIND] == TORN:
        areas[0] = 1.0
        return 1.0
    areas[:cells] = 0.0
    xs = (
        x[i, j] - box[LEFT], x[i, j + 1] - box[LEFT],
        x[i + 1, j + 1] - box[LEFT], x[i + 1, j] - box[LEFT],
    )  # fmt: skip
    ys = (
        y[i, j] - box[TOP], y[i, j + 1] - box[TOP],
        y[i + 1, j + 1] - box[TOP], y[i + 1, j] - box[TOP],
    )  # fmt: skip
    double = 0.0
    for k in range(4):
        n = (k + 1) % 4
        double += xs[k] * ys[n] - xs[n] * ys[k]
    sign = -1.0 if double < 0 else 1.0
    for k in range(4):
        n = (k + 1) % 4
        _edge(xs[k], ys[k], xs[n], ys[n], sign, areas, box[ACROSS])
    return abs(double) / 2


@helper
def _most(boxes: Any) -> int:
    """Input pixels of the largest box."""
    most = 1
    for i in range(boxes.shape[0]):
        for j in range(boxes.shape[1]):
            most = max(most, boxes[i, j, ACROSS] * boxes[i, j, DOWN])
    return most


@compiled(
    types.void(
        _PLANE, given(types.float32, 2), _PLANE, _PLANE, _BOXES, types.int64, types.int64,
        types.int64, types.boolean, _OUT, _OUT,
    )
)  # fmt: skip
def pooled(
    data: Any,
    mask: Any,
    x: Any,
    y: Any,
    boxes: Any,
    left: int,
    top: int,
    what: int,
    weighted: bool,
    out: Any,
    norm: Any,
) -> None:
    """A statistic of the input pixels under each output pixel; NaN are missing.

    Parameters
    ----------
    data : ``(rows, cols)``; its first pixel is pixel ``(top, left)`` of the input.
    mask : from 0 to 1 in the same shape; of size 0 where all are valid.
    x, y : corners of the output pixels in the input, ``(h + 1, w + 1)``.
    boxes : ``(h, w, 5)``: ``LEFT TOP ACROSS DOWN KIND``.
    what : ``MEAN SUM COUNT LEAST MOST``.
    weighted : by the share of the output pixel that is covered and the mask; else every pixel counts once.
    out : ``(h, w)``, the sum of a mean; arbitrary where ``norm`` is 0.
    norm : sum of the weights.
    """
    height, width = data.shape
    areas = np.empty(_most(boxes))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            box = boxes[i, j]
            total = whole = 0.0
            if box[KIND] != NOTHING:
                own = _overlaps(x, y, i, j, box, areas)
                for k in range(box[ACROSS] * box[DOWN]):
                    r, c = box[TOP] + k // box[ACROSS] - top, box[LEFT] + k % box[ACROSS] - left
                    if areas[k] <= SLIVER or not (0 <= r < height and 0 <= c < width):
                        continue
                    share = 1.0 if mask.size == 0 else np.float64(mask[r, c])
                    value = data[r, c]
                    if share <= 0 or value != value:
                        continue
                    weight = areas[k] / own * share if weighted else 1.0
                    if what in (MEAN, SUM):
                        total += weight * value
                    elif what == COUNT:
                        total += 1.0
                    elif whole == 0 or (value < total if what == LEAST else value > total):
                        total = value
                    whole += weight
            out[i, j], norm[i, j] = total, whole


@compiled(
    types.void(
        _PLANE, _PLANE, _BOXES, types.int64, types.int64, types.int64, types.int64,
        types.int32[:, :, ::1], types.float64[:, :, ::1],
    )
)  # fmt: skip
def listed(
    x: Any, y: Any, boxes: Any, left: int, top: int, height: int, width: int, index: Any, share: Any
) -> None:
    """The input pixels under each output pixel and the share of it that each covers.

    Arguments as of ``pooled``; ``index`` (into the flattened data) and ``share`` are ``(n, h, w)``. What is not
    used has the share 0.
    """
    areas = np.empty(_most(boxes))
    for i in range(boxes.shape[0]):
        for j in range(boxes.shape[1]):
            box = boxes[i, j]
            used = 0
            if box[KIND] != NOTHING:
                own = _overlaps(x, y, i, j, box, areas)
                for k in range(box[ACROSS] * box[DOWN]):
                    r, c = box[TOP] + k // box[ACROSS] - top, box[LEFT] + k % box[ACROSS] - left
                    if areas[k] > SLIVER and 0 <= r < height and 0 <= c < width:
                        index[used, i, j] = r * width + c
                        share[used, i, j] = areas[k] / own
                        used += 1
            for k in range(used, index.shape[0]):
                index[k, i, j] = 0
                share[k, i, j] = 0.0
