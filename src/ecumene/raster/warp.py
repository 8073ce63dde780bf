"""Where the pixels of one grid lie in another: nearest neighbours exactly, others closely.

Transforming every pixel centre is slow, so a control grid (every 32 pixels, at absolute multiples of
the target grid) is transformed and interpolated bilinearly. The interpolation error is measured in the
middle of every cell's edges. For nearest neighbours, pixels that lie within twice that error of the edge of a
source pixel are transformed exactly: the result is the same as transforming every pixel, and it
does not depend on how a request is cut into windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core import caches
from ecumene.core import crs as crs_
from ecumene.core.lru import Lru
from ecumene.core.profile import current, named
from ecumene.core.projection import Grid, Window, apply, compose, invert

STEP = 32
KEPT_BYTES = 192 * 2**20
OVERHEAD = 1000
"""Bytes of an entry besides its arrays, about."""

TIE = 1e-7
"""Source positions this close below a pixel edge count as on it: grids that differ by an exact factor
agree whatever the rounding."""

CLOSE = 1 / 1024
"""Error allowed (source pixels) where positions are used for interpolation."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Source column and row of every target pixel; ``cols`` and ``rows`` broadcast to the window.

    Separable lookups have shapes ``(1, w)`` and ``(h, 1)``. ``outside`` marks pixels that cannot be
    transformed (their indices are 0). ``bounds`` is ``(min col, min row, max col, max row)``.
    """

    cols: NDArray[Any]
    rows: NDArray[Any]
    outside: NDArray[np.bool_] | None
    bounds: tuple[float, float, float, float]

    @property
    def weight(self) -> int:
        """Bytes in memory, about."""
        outside = 0 if self.outside is None else self.outside.nbytes
        return self.cols.nbytes + self.rows.nbytes + outside + OVERHEAD


_recent: Lru[Lookup] = Lru(KEPT_BYTES, lambda lookup: lookup.weight)
caches.share("lookups", caches.of_lru(_recent, in_bytes=True))


def nearest(source: Grid, target: Grid, window: Window) -> Lookup:
    """Indices (integers) of the source pixels that contain the target's pixel centres."""
    return _cached("nearest", source, target, window)


def positions(source: Grid, target: Grid, window: Window) -> Lookup:
    """Positions (float, source pixels) of the target's pixel centres, within ``CLOSE``."""
    return _cached("positions", source, target, window)


def _cached(kind: str, source: Grid, target: Grid, window: Window) -> Lookup:
    key = (kind, source, target, window)
    found = _recent.get(key)
    if found is None:
        clock = current()
        if clock is None:
            found = _made(kind, source, target, window)
        else:
            with clock.inside(
                f"Reprojecting pixels from {named(source.crs)} to {named(target.crs)}"
            ):
                found = _made(kind, source, target, window)
        _recent.put(key, found)
    return found


def _made(kind: str, source: Grid, target: Grid, window: Window) -> Lookup:
    if source.crs == target.crs:
        return _affine(kind, source, target, window)
    if kind == "nearest":
        return _nearest(source, target, window)
    return _positions(source, target, window)


def _indices(values: NDArray[Any]) -> NDArray[np.int64]:
    floored = np.floor(values + TIE)
    return np.asarray(np.clip(floored, -(2.0**52), 2.0**52), "int64")


def _affine(kind: str, source: Grid, target: Grid, window: Window) -> Lookup:
    t = compose(invert(source.transform), target.transform)
    cols = np.arange(window.col, window.col + window.width, dtype="float64")[None, :] + 0.5
    rows = np.arange(window.row, window.row + window.height, dtype="float64")[:, None] + 0.5
    if t[1] == 0 and t[3] == 0:
        x, y = t[0] * cols + t[2], t[4] * rows + t[5]
    else:
        x, y = apply(t, cols, rows)
    if kind == "nearest":
        return _bounded(_indices(x), _indices(y), None)
    return _bounded(x, y, None)


def _bounded(x: NDArray[Any], y: NDArray[Any], outside: NDArray[np.bool_] | None) -> Lookup:
    if outside is None:
        bounds = (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    elif outside.all():
        bounds = (np.inf, np.inf, -np.inf, -np.inf)
    else:
        inside = ~outside
        bounds = (
            float(x[inside].min()), float(y[inside].min()),
            float(x[inside].max()), float(y[inside].max()),
        )  # fmt: skip
    return Lookup(x, y, outside, bounds)


def exact(
    source: Grid, target: Grid, cols: NDArray[Any], rows: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Source positions of target positions, by transforming each; infinite where impossible."""
    x, y = apply(target.transform, cols, rows)
    x, y = crs_.transform(target.crs, source.crs, x, y)
    with np.errstate(invalid="ignore"):
        u, v = apply(invert(source.transform), x, y)
    return np.asarray(u), np.asarray(v)


def _control(
    source: Grid, target: Grid, window: Window, step: int
) -> tuple[NDArray[Any], NDArray[Any], float]:
    """Interpolated positions of all pixel centres and a bound of their error.

    Errors are measured in the middle of the edges along columns and along rows, and added: in the middle
    of a cell the two cancel where both systems are conformal.
    """
    c0, r0 = window.col // step, window.row // step
    c1 = -(-(window.col + window.width) // step)
    r1 = -(-(window.row + window.height) // step)
    half_c = np.arange(2 * c0, 2 * c1 + 1, dtype="float64") * (step / 2)
    half_r = np.arange(2 * r0, 2 * r1 + 1, dtype="float64") * (step / 2)
    halves = exact(source, target, *np.meshgrid(half_c, half_r))
    u, v = (half[::2, ::2] for half in halves)
    if not all(np.isfinite(half).all() for half in halves):
        return u, v, np.inf
    error = max(_curvature(half) for half in halves)
    cols = np.arange(window.col, window.col + window.width, dtype="float64") + 0.5
    rows = np.arange(window.row, window.row + window.height, dtype="float64") + 0.5
    return (
        _bilinear(u, cols / step - c0, rows / step - r0),
        _bilinear(v, cols / step - c0, rows / step - r0),
        error,
    )


def _curvature(half: NDArray[Any]) -> float:
    """Largest error of interpolating every second sample, along rows plus along columns."""
    along = (half[:, :-2:2] + half[:, 2::2]) / 2 - half[:, 1::2]
    down = (half[:-2:2] + half[2::2]) / 2 - half[1::2]
    return float(np.abs(along).max() + np.abs(down).max())


def _bilinear(grid: NDArray[Any], x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    fy, fx = (y - i)[:, None], (x - j)[None, :]
    upper, lower = grid[i], grid[i + 1]
    rows = upper * (1 - fy) + lower * fy
    return np.asarray(rows[:, j] * (1 - fx) + rows[:, j + 1] * fx)


def _every_pixel(source: Grid, target: Grid, window: Window) -> tuple[NDArray[Any], NDArray[Any]]:
    cols = np.arange(window.col, window.col + window.width, dtype="float64") + 0.5
    rows = np.arange(window.row, window.row + window.height, dtype="float64") + 0.5
    return exact(source, target, *np.meshgrid(cols, rows))


def _interpolated(
    source: Grid, target: Grid, window: Window, allowed: float
) -> tuple[NDArray[Any], NDArray[Any], float]:
    """Positions and their error bound; every pixel exactly (bound 0) where interpolation is too coarse."""
    step = STEP
    while step >= 4 and window.width * window.height > 4 * step:
        u, v, error = _control(source, target, window, step)
        if not np.isfinite(error):
            break
        if 2 * error <= allowed:
            return u, v, 2 * error
        step //= 2
    u, v = _every_pixel(source, target, window)
    return u, v, 0.0


def _nearest(source: Grid, target: Grid, window: Window) -> Lookup:
    u, v, bound = _interpolated(source, target, window, 1 / 16)
    outside = None
    if bound > 0:
        doubtful = (np.abs(u - np.rint(u)) <= bound + 2 * TIE) | (
            np.abs(v - np.rint(v)) <= bound + 2 * TIE
        )
        rows, cols = np.nonzero(doubtful)
        if rows.size:
            u[rows, cols], v[rows, cols] = exact(
                source, target, cols + window.col + 0.5, rows + window.row + 0.5
            )
    finite = np.isfinite(u) & np.isfinite(v)
    if not finite.all():
        outside = ~finite
        u, v = np.where(finite, u, 0), np.where(finite, v, 0)
    return _bounded(_indices(u), _indices(v), outside)


def _positions(source: Grid, target: Grid, window: Window) -> Lookup:
    """Cell by cell of the control grid: interpolated where that is close enough, else every pixel.

    A cell is decided by itself alone and its fractions are counted from its own corner, so a position is the
    same bit for bit however a request is cut into windows.
    """
    c0, r0 = window.col // STEP, window.row // STEP
    c1 = -(-(window.col + window.width) // STEP)
    r1 = -(-(window.row + window.height) // STEP)
    half_c = np.arange(2 * c0, 2 * c1 + 1, dtype="float64") * (STEP / 2)
    half_r = np.arange(2 * r0, 2 * r1 + 1, dtype="float64") * (STEP / 2)
    halves = exact(source, target, *np.meshgrid(half_c, half_r))
    with np.errstate(invalid="ignore"):
        close = np.logical_and.reduce([2 * _cell_errors(half) <= CLOSE for half in halves])
        x, y = (_in_cells(half[::2, ::2], window, c0, r0) for half in halves)
    if not close.all():
        rows = np.arange(window.row, window.row + window.height) // STEP - r0
        cols = np.arange(window.col, window.col + window.width) // STEP - c0
        row, col = np.nonzero(~close[rows][:, cols])
        x[row, col], y[row, col] = exact(
            source, target, col + window.col + 0.5, row + window.row + 0.5
        )
    finite = np.isfinite(x) & np.isfinite(y)
    if finite.all():
        return _bounded(x, y, None)
    return _bounded(np.where(finite, x, 0), np.where(finite, y, 0), ~finite)


def _cell_errors(half: NDArray[Any]) -> NDArray[Any]:
    """Error of interpolating inside each cell, from the middles of its edges and its own middle lines."""
    along = np.abs((half[:, :-2:2] + half[:, 2::2]) / 2 - half[:, 1::2])
    down = np.abs((half[:-2:2] + half[2::2]) / 2 - half[1::2])
    across = np.maximum(np.maximum(along[:-2:2], along[1::2]), along[2::2])
    downwards = np.maximum(np.maximum(down[:, :-2:2], down[:, 1::2]), down[:, 2::2])
    return np.asarray(across + downwards)


def _in_cells(grid: NDArray[Any], window: Window, c0: int, r0: int) -> NDArray[np.float64]:
    """Bilinear interpolation of corner values at all pixel centres of a window."""
    j, fx = np.divmod(np.arange(window.col, window.col + window.width), STEP)
    i, fy = np.divmod(np.arange(window.row, window.row + window.height), STEP)
    i, j = i - r0, j - c0
    down, right = ((fy + 0.5) / STEP)[:, None], ((fx + 0.5) / STEP)[None, :]
    rows = grid[i] * (1 - down) + grid[i + 1] * down
    return np.asarray(rows[:, j] * (1 - right) + rows[:, j + 1] * right)


def outline(source: Grid, target: Grid, window: Window) -> tuple[float, float, float, float] | None:
    """About the ``bounds`` of ``nearest``, from the window's outline alone; None where that cannot tell."""
    if source.crs == target.crs:
        return nearest(source, target, window).bounds
    across = np.linspace(0.5, window.width - 0.5, -(-window.width // STEP) + 1) + window.col
    down = np.linspace(0.5, window.height - 0.5, -(-window.height // STEP) + 1) + window.row
    cols = np.concatenate([across, across, np.full(2 * down.size, 0.0)])
    rows = np.concatenate([np.full(2 * across.size, 0.0), down, down])
    cols[2 * across.size :] = np.repeat(across[[0, -1]], down.size)
    rows[: 2 * across.size] = np.repeat(down[[0, -1]], across.size)
    u, v = exact(source, target, cols, rows)
    if not (np.isfinite(u).all() and np.isfinite(v).all()):
        return None
    return float(u.min()), float(v.min()), float(u.max()), float(v.max())


def covering(source: Grid, target: Grid, window: Window, margin: int = 0) -> Window | None:
    """The window of the source grid that holds everything a target window needs; None if nothing does."""
    found = nearest(source, target, window).bounds
    if not found[0] <= found[2]:
        return None
    c0, r0 = int(found[0]) - margin, int(found[1]) - margin
    return Window(c0, r0, int(found[2]) + margin + 1 - c0, int(found[3]) + margin + 1 - r0)
