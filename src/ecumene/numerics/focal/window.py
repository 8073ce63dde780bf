"""Footprints of kernels, and smallest values and sums of footprints with equal weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels

Result = tuple[NDArray[Any], NDArray[np.bool_] | None]
Valid = NDArray[np.bool_] | None
Shape = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Footprint:
    """The cells of a kernel whose weight is not 0.

    ``cells`` is ``(n, 2)``: row and column, by rows. ``runs`` are neighbouring cells of a row, ``(m, 3)``: the
    index of their number in ``lengths`` (ascending), row, column of the first; sorted in this order.
    """

    cells: NDArray[np.int32]
    runs: NDArray[np.int32]
    lengths: NDArray[np.int32]

    @property
    def ordered(self) -> NDArray[np.int32]:
        """``runs`` sorted by row, length and column: the order in which sums are made."""
        which, row, first = self.runs.T
        return np.ascontiguousarray(self.runs[np.lexsort((first, which, row))])

    @property
    def ends(self) -> NDArray[np.int32]:
        """Runs by rows, ``(m, 3)``: row, first column, last column + 1."""
        which, row, first = self.runs.T
        order = np.lexsort((first, row))
        return np.ascontiguousarray(
            np.column_stack([row, first, first + self.lengths[which]])[order], np.int32
        )


def footprint(weights: NDArray[Any]) -> Footprint:
    """The footprint of a kernel's weights."""
    used = weights != 0
    edges = np.diff(used.astype(np.int8), axis=1, prepend=0, append=0)
    row, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1]
    lengths, which = np.unique(last - first, return_inverse=True)
    order = np.lexsort((first, row, which))
    runs = np.column_stack([which, row, first])[order]
    cells = np.argwhere(used)
    return Footprint(
        np.ascontiguousarray(cells, np.int32),
        np.ascontiguousarray(runs, np.int32),
        lengths.astype(np.int32),
    )


def view(values: NDArray[Any], row: int, col: int, shape: Shape) -> NDArray[Any]:
    """What one cell of the kernel sees."""
    return values[row : row + shape[0], col : col + shape[1]]


def joined(source: NDArray[Any], cells: Footprint, shape: Shape, least: bool) -> NDArray[Any]:
    """Sums of the footprint, or smallest values, in the type of ``source``; nothing is hidden."""
    if least:
        out = np.full(shape, np.iinfo(source.dtype).max, source.dtype)
    else:
        out = np.zeros(shape, source.dtype)
    if not cells.lengths.size:
        return out
    kernel = kernels.ready("footprints.joined")
    if kernel is None:
        _joined(source, cells, out, least)
    else:
        kernel(np.ascontiguousarray(source), cells.lengths, cells.runs, least, out)
    return out


def _joined(source: NDArray[Any], cells: Footprint, out: NDArray[Any], least: bool) -> None:
    """The kernel's plain path: the same pieces joined in the same order, some rows at a time."""
    pair = np.minimum if least else np.add
    height, width = out.shape
    runs = cells.ordered.tolist()
    step = max(1, 2 * source.shape[0] // len(cells.lengths))
    for start in range(0, source.shape[0], step):
        levels = [source[start : start + step]]
        while 1 << len(levels) <= int(cells.lengths[-1]):
            piece = 1 << (len(levels) - 1)
            levels.append(pair(levels[-1][:, :-piece], levels[-1][:, piece:]))
        lines = [_run(levels, int(length), pair) for length in cells.lengths]
        for which, row, col in runs:
            first, last = max(start - row, 0), min(start + len(levels[0]) - row, height)
            if first < last:
                part = view(lines[which], first + row - start, col, (last - first, width))
                pair(out[first:last], part, out=out[first:last])


def _run(levels: list[NDArray[Any]], length: int, pair: np.ufunc) -> NDArray[Any]:
    """What ``length`` neighbours hold, from the shortest piece to the longest."""
    width = levels[0].shape[1] - length + 1
    done: NDArray[Any] | None = None
    used = 0
    for k, level in enumerate(levels):
        if length >> k & 1:
            part = level[:, used : used + width]
            done = part if done is None else pair(done, part)
            used += 1 << k
    assert done is not None
    return done


def counted(valid: NDArray[np.bool_], cells: Footprint, shape: Shape) -> NDArray[Any]:
    """How many cells of the footprint are valid."""
    kind = "uint16" if len(cells.cells) < 2**16 else "int32"
    return joined(valid.astype(kind), cells, shape, least=False)


def seen(valid: Valid, cells: Footprint, shape: Shape) -> Valid:
    """Where any cell is valid; None = everywhere."""
    if valid is None:
        return None
    found: NDArray[np.bool_] = joined((~valid).view(np.uint8), cells, shape, least=True) == 0
    return None if found.all() else found


def whole(valid: Valid) -> Valid:
    """None where everything is valid."""
    return None if valid is None or valid.all() else valid


def numbers(values: NDArray[Any], valid: Valid) -> Valid:
    """Validity without NaN."""
    if values.dtype.kind != "f":
        return whole(valid)
    nan: NDArray[np.bool_] = np.isnan(values)
    if not nan.any():
        return whole(valid)
    return ~nan if valid is None else valid & ~nan
