"""Statistics of the input pixels that output pixels cover, weighted by exact areas.

An output pixel is the quadrilateral of its corners in the input's pixel coordinates. The part of each input
pixel that it covers follows from its edges by Green's theorem: only pixels that an edge crosses cost more
than a sum, and those inside weigh exactly one. Everything is counted from the box of each pixel's own corners:
a result does not depend on the window that it is computed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels

SNAP = 1e-6
"""Corners this close to an edge of the input's pixels are on it: grids that differ by an exact factor meet."""

SLIVER = 1e-9
NOTHING, QUAD, TORN = range(3)
POOLED = {"mean": 0, "sum": 1, "count": 2, "min": 3, "max": 4}
"""Statistics that need no list of the pixels (numbers as of ``kernels.resampling``)."""

KEPT = 1 << 20
"""Input pixels that are listed at a time."""

Mask = NDArray[Any] | None
Result = tuple[NDArray[Any], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Quads:
    """Output pixels on the input.

    ``x`` and ``y`` are corners ``(h + 1, w + 1)``; ``boxes`` is ``(h, w, 5)``: first column and row, columns and
    rows of the input pixels that may overlap, and the kind. A pixel with a corner that the input's projection
    does not have is ``NOTHING``; one whose corners lie too far apart is ``TORN`` and takes the input pixel
    at its first corner.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    boxes: NDArray[np.int32]

    @property
    def bounds(self) -> tuple[int, int, int, int] | None:
        """Column, row, width and height of all input pixels; None if there are none."""
        boxes = self.boxes[self.boxes[..., 4] != NOTHING]
        if not boxes.size:
            return None
        left, top, across, down = (boxes[:, k].astype(np.int64) for k in range(4))
        col, row = int(left.min()), int(top.min())
        return col, row, int((left + across).max()) - col, int((top + down).max()) - row

    def rows(self, first: int, last: int) -> Quads:
        """Some rows of output pixels."""
        part = np.s_[first : last + 1]
        return Quads(self.x[part], self.y[part], self.boxes[first:last])


def quads(x: NDArray[np.float64], y: NDArray[np.float64], most: int) -> Quads:
    """Output pixels from their corners, NaN where there is none; ``most`` input pixels are not torn apart."""
    x, y = (np.where(np.abs(v - np.rint(v)) < SNAP, np.rint(v), v) for v in (x, y))
    low = [np.floor(_corners(v, np.minimum)) for v in (x, y)]
    size = [
        np.maximum(np.ceil(_corners(v, np.maximum)) - o, 1)
        for v, o in zip((x, y), low, strict=True)
    ]
    there = np.isfinite(low[0] + low[1]) & (np.abs(low[0]) < 2**30) & (np.abs(low[1]) < 2**30)
    torn = there & (size[0] * size[1] > most)
    boxes = np.zeros((*there.shape, 5), np.int32)
    for k, (corner, first, number) in enumerate(zip((x, y), low, size, strict=True)):
        at = np.floor(corner[:-1, :-1])
        boxes[..., k] = np.where(torn, np.where(there, at, 0), np.where(there, first, 0))
        boxes[..., k + 2] = np.where(torn, 1, np.where(there, number, 0))
    boxes[..., 4] = np.where(torn, TORN, np.where(there, QUAD, NOTHING))
    return Quads(np.ascontiguousarray(x), np.ascontiguousarray(y), boxes)


def _corners(v: NDArray[Any], pick: np.ufunc) -> NDArray[Any]:
    """The smallest or largest of four corners."""
    return np.asarray(pick(pick(v[:-1, :-1], v[:-1, 1:]), pick(v[1:, :-1], v[1:, 1:])))


def pooled(
    data: NDArray[Any], mask: Mask, found: Quads, left: int, top: int, name: str, weighted: bool
) -> Result:
    """A statistic of ``POOLED`` in double precision and where any input pixel is valid; NaN are missing.

    Parameters
    ----------
    data : ``(rows, cols)`` of the input from pixel ``(top, left)`` on.
    mask : in the same shape, from 0 to 1; None = all valid.
    found : the output pixels.
    name : of the statistic.
    weighted : by the share of the output pixel that an input pixel covers, times the mask; else every input
        pixel that is touched and not masked counts once.
    """
    shape = found.boxes.shape[:2]
    out, norm = np.zeros(shape), np.zeros(shape)
    kernel = kernels.ready("resampling.pooled")
    if kernel is not None:
        shown = np.zeros((0, 0), np.float32) if mask is None else mask
        kernel(
            np.ascontiguousarray(data, np.float64), np.ascontiguousarray(shown, np.float32),
            found.x, found.y, found.boxes, left, top, POOLED[name], weighted, out, norm,
        )  # fmt: skip
    else:
        for rows, index, share in listed(found, data.shape, left, top):
            _add(data, mask, index, share, name, weighted, out[rows], norm[rows])
    good = norm > 0
    if name == "mean":
        out /= np.where(good, norm, 1)
    return out, good


def _add(
    data: NDArray[Any], mask: Mask, index: NDArray[Any], share: NDArray[Any], name: str, weighted: bool,
    out: NDArray[Any], norm: NDArray[Any],
) -> None:  # fmt: skip
    """The kernel's plain path: one input pixel of every output pixel after the other."""
    for values, weight in samples(data, mask, index, share):
        values = values.astype(np.float64)
        here = (weight > 0) & ~np.isnan(values)
        heavy = np.where(here, weight if weighted else 1.0, 0.0)
        if name in ("mean", "sum"):
            out += np.where(here, heavy * values, 0)
        elif name == "count":
            out += here
        else:
            better = values < out if name == "min" else values > out
            np.copyto(out, values, where=here & (better | (norm == 0)))
        norm += heavy


def samples(
    data: NDArray[Any], mask: Mask, index: NDArray[Any], share: NDArray[Any]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Values and weights, one input pixel of every output pixel after the other."""
    flat = np.ascontiguousarray(data).reshape(-1)
    shown = None if mask is None else np.ascontiguousarray(mask, np.float32).reshape(-1)
    for places, weight in zip(index, share, strict=True):
        part = weight if shown is None else weight * shown[places].astype(np.float64)
        yield flat[places], part


def listed(
    found: Quads, size: tuple[int, ...], left: int, top: int
) -> Iterator[tuple[slice, NDArray[np.int32], NDArray[np.float64]]]:
    """Rows of output pixels with the input pixels under each: ``(n, rows, w)`` indices and shares.

    Indices are into the flattened input of ``size`` from pixel ``(top, left)`` on; the shares of an output pixel
    that lies inside sum to one, and those that are not used are 0. At most ``KEPT`` are listed at a time, or one row.
    """
    height, width = found.boxes.shape[:2]
    cells = found.boxes[..., 2].astype(np.int64) * found.boxes[..., 3]
    step = max(1, KEPT // max(1, int(cells.max(initial=1)) * width))
    kernel = kernels.ready("resampling.listed")
    for first in range(0, height, step):
        rows = slice(first, min(first + step, height))
        part = found.rows(rows.start, rows.stop)
        if kernel is None:
            yield rows, *_listed(part, size, left, top)
            continue
        n = max(1, int(cells[rows].max(initial=1)))
        index = np.empty((n, *part.boxes.shape[:2]), np.int32)
        share = np.empty(index.shape)
        kernel(part.x, part.y, part.boxes, left, top, size[0], size[1], index, share)
        used = int((share > 0).any(axis=(1, 2)).sum())
        yield rows, index[:used], share[:used]


def _listed(
    part: Quads, size: tuple[int, ...], left: int, top: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The kernel's plain path: the cells of all boxes, one place in the box after the other."""
    col, row, across, down, kind = (part.boxes[..., k].astype(np.int64) for k in range(5))
    areas, own = _areas(part)
    index, share = [], []
    for r in range(areas.shape[0]):
        for c in range(areas.shape[1]):
            y, x = row + r - top, col + c - left
            inside = (r < down) & (c < across) & (kind != NOTHING)
            inside &= (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1]) & (areas[r, c] > SLIVER)
            index.append(np.where(inside, y * size[1] + x, 0).astype(np.int32))
            share.append(np.where(inside, areas[r, c] / own, 0.0))
    return np.stack(index), np.stack(share)


def _areas(part: Quads) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas of the cells of every box that its output pixel covers, ``(rows, cols, h, w)``, and its own."""
    boxes = part.boxes.astype(np.int64)
    kind = boxes[..., 4]
    quad = kind == QUAD
    xs, ys = (
        [np.where(quad, v - boxes[..., k], 0.0) for v in _around(p)]
        for k, p in enumerate((part.x, part.y))
    )
    double = np.zeros(kind.shape)
    for k in range(4):
        n = (k + 1) % 4
        double += xs[k] * ys[n] - xs[n] * ys[k]
    sign = np.where(double < 0, -1.0, 1.0)
    down, across = int(boxes[..., 3].max(initial=1)), int(boxes[..., 2].max(initial=1))
    out = np.zeros((max(down, 1), max(across, 1), *kind.shape))
    for k in range(4):
        n = (k + 1) % 4
        for r in range(out.shape[0]):
            _edge(xs[k], ys[k], xs[n], ys[n], sign, r, out[r])
    out[0, 0][kind == TORN] = 1.0
    own = np.where(quad & (double != 0), np.abs(double) / 2, 1.0)
    return out, own


def _around(v: NDArray[Any]) -> list[NDArray[Any]]:
    """The four corners of every pixel, one after the other."""
    return [v[:-1, :-1], v[:-1, 1:], v[1:, 1:], v[1:, :-1]]


def _edge(x0: Any, y0: Any, x1: Any, y1: Any, sign: Any, r: int, out: NDArray[Any]) -> None:
    """Adds what lies left of edges in row r of their boxes, cell by cell (Green's theorem)."""
    level = y0 == y1
    slope = (x1 - x0) / np.where(level, 1, y1 - y0)
    west, east = np.minimum(x0, x1), np.maximum(x0, x1)
    ya, yb = np.clip(y0, r, r + 1), np.clip(y1, r, r + 1)
    xa = np.where(ya == y0, x0, np.clip(x0 + (ya - y0) * slope, west, east))
    xb = np.where(yb == y1, x1, np.clip(x0 + (yb - y0) * slope, west, east))
    rise = (yb - ya) * sign
    low, high = np.minimum(xa, xb), np.maximum(xa, xb)
    run = np.where(high > low, high - low, 1)
    for c in range(out.shape[0]):
        a, b = np.clip(low, c, c + 1), np.clip(high, c, c + 1)
        beyond = np.maximum(high - np.maximum(low, c + 1.0), 0.0) / run
        leaning = (b - a) / run * ((a + b) / 2 - c) + beyond
        out[c] += rise * np.where(high > low, leaning, np.clip(low - c, 0, 1))
