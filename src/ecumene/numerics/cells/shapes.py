"""Straight lines and medial axes of the pixels of a cell.

Sources: R. Duda, P. Hart, Use of the Hough transformation to detect lines and curves in pictures (1972); D. Coeurjolly,
A. Montanvert, Optimal separable algorithms to compute the reverse Euclidean distance transformation and discrete medial axis
in arbitrary dimension (2007).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ecumene.numerics.cells.common import Cell, CellOp, Check, Result, Valid, Values, unwatched

ANGLES = 180
"""Directions of lines, a degree apart."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def turns() -> Floats:
    """Angles of the lines' normals in radians."""
    return np.asarray(np.radians(np.arange(ANGLES) - 90.0))


def places(rows: Ints, cols: Ints, angle: Any, reach: int) -> Ints:
    """Numbers of the lines of one direction through pixels: the distance from the first pixel, moved by ``reach``."""
    found = np.rint(cols * np.cos(angle) + rows * np.sin(angle)).astype(np.int64)
    return np.asarray(found + reach)


def votes(active: NDArray[np.bool_]) -> tuple[Ints, int]:
    """How many pixels lie on each line ``(distances, angles)``, and the row of distance 0."""
    rows, cols = np.nonzero(active)
    reach = int(np.ceil(np.hypot(*active.shape)))
    found = [
        np.bincount(places(rows, cols, angle, reach), minlength=2 * reach + 1) for angle in turns()
    ]
    return np.stack(found, axis=1), reach


def _hough(
    cell: Cell, values: list[Values], valid: list[Valid], active: float, line: float, smooth: bool
) -> Result:
    """255 on the lines that have enough votes, 0 elsewhere."""
    good = valid[0]
    found, reach = votes(good & (values[0] >= active))
    counts = found.astype("float64")
    if smooth:
        weights = (
            np.outer([1, 2, 1], [1, 2, 1]) / 16.0
        )  # half a turn further, distances change their sign
        around = np.column_stack([counts[::-1, -1], counts, counts[::-1, 0]])
        counts = ndimage.convolve(around, weights, mode="constant")[:, 1:-1]
    rows, cols = (np.asarray(v, np.int64) for v in np.indices(good.shape))
    out = np.zeros(good.shape, np.uint8)
    lines = np.asarray(counts >= line)
    for k, angle in enumerate(turns()):
        if lines[:, k].any():
            out[lines[:, k][places(rows, cols, angle, reach)]] = 255
    return cell.inner(out), cell.inner(good)


def _medial(cell: Cell, values: list[Values], valid: list[Valid], most: int) -> Result:
    """Distance at medial points (else 0), how many pixels they stand for, and the way to each pixel's point."""
    good = valid[0]
    empty = good & (values[0] == 0)
    height, width = empty.shape
    side = cell.inner(good).shape
    far = np.full(empty.shape, np.inf)
    if not empty.all():
        far = ndimage.distance_transform_edt(empty)
    squares = np.where(np.isfinite(far), np.rint(far**2), 0.0)
    squares[squares > most * most] = 0
    rows, cols = powers(squares, cell.check)
    own = squares > 0
    coverage = np.bincount((rows * width + cols)[own], minlength=height * width).reshape(
        height, width
    )
    planes = [
        np.where(coverage > 0, np.sqrt(squares), 0.0),
        coverage.astype("float64"),
        np.where(own, cols - np.arange(width), 0).astype("float64"),
        np.where(own, rows - np.arange(height)[:, None], 0).astype("float64"),
    ]
    shown = cell.inner(good)
    return np.stack([cell.inner(p) for p in planes], axis=2).reshape(*side, 4), shown


def powers(squares: Floats, check: Check = unwatched) -> tuple[Ints, Ints]:
    """Row and column of the pixel whose disc holds each pixel deepest: the largest of squared radius less squared distance.

    Of equals the nearest decides, then the first by offset. Where ``squares`` is 0 there is no disc.
    """
    reach = int(np.ceil(np.sqrt(squares.max(initial=0.0))))
    height, width = squares.shape
    deepest = np.where(squares > 0, squares, -np.inf)
    cols = np.broadcast_to(np.arange(width), squares.shape).copy()
    deepest, cols = _along(deepest, cols, reach, 1, check)
    rows = np.broadcast_to(np.arange(height)[:, None], squares.shape).copy()
    _, rows = _along(deepest, rows, reach, 0, check)
    return rows, cols[rows, np.arange(width)]


def _along(
    deepest: Floats, origin: Ints, reach: int, axis: int, check: Check
) -> tuple[Floats, Ints]:
    """The largest of values less squared distances along an axis, and where it comes from."""
    best, source = deepest.copy(), origin.copy()
    size = deepest.shape[axis]
    for step in range(1, min(reach, size - 1) + 1):
        check()
        for ahead in (False, True):
            near, other = slice(step, None), slice(None, size - step)
            here, there = (other, near) if ahead else (near, other)
            into = (here, slice(None)) if axis == 0 else (slice(None), here)
            out_of = (there, slice(None)) if axis == 0 else (slice(None), there)
            offered = deepest[out_of] - float(step * step)
            better = offered > best[into]
            best[into] = np.where(better, offered, best[into])
            source[into] = np.where(better, origin[out_of], source[into])
    return best, source


OPS: dict[str, CellOp] = {"hough": _hough, "medial": _medial}
