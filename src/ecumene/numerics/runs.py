"""Shapes on a grid as runs of pixels: what is covered, row by row, without an array of the box.

A polygon's boundary is cut at the edges of pixels. Each piece adds to the pixel that holds it the area to
its right inside that pixel, and its height to everything further right in the row; sums along a row give exact
covered fractions (the signed-area rasterizer of font renderers). Between boundary pixels a row is covered
wholly or not at all, so the inside of a region is a run with one weight, however large it is.

Many shapes are cut at once: every edge carries the number of its zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.projection import Window

TIE = 1e-7
"""Positions this close to the centre of a pixel count as on it, whatever the rounding."""

SLIVER = 1e-7
"""A smaller part of a pixel is rounding, not cover."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Runs of pixels of a window, by zone, row and column; runs of one zone do not overlap.

    ``zone row start stop`` are int32, counted from the upper left of the window (``stop`` is exclusive);
    ``weight`` is float32 in (0, 1], one for all pixels of a run.
    """

    zone: NDArray[np.int32]
    row: NDArray[np.int32]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        return self.row.size

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Pixels of each run."""
        return self.stop - self.start

    def pixels(self, width: int) -> tuple[Ints, Ints]:
        """Flat positions in a window of this width of all pixels, and the run of each."""
        lengths = self.lengths.astype(np.int64)
        run = np.repeat(np.arange(lengths.size), lengths)
        first = self.row.astype(np.int64) * width + self.start
        ends = np.cumsum(lengths)
        return np.arange(run.size) + np.repeat(first - ends + lengths, lengths), run

    def numbered(self) -> tuple[NDArray[np.int64], Runs]:
        """The zones that have runs, and the runs with these zones numbered from 0."""
        new = np.ones(len(self), bool)
        new[1:] = self.zone[1:] != self.zone[:-1]
        number = (np.cumsum(new) - 1).astype(np.int32)
        return self.zone[new].astype(np.int64), replace(self, zone=number)

    def at_least(self, weight: float) -> Runs:
        """Runs of at least a weight."""
        keep = self.weight >= weight
        return self if bool(keep.all()) else self.chosen(keep)

    def chosen(self, keep: NDArray[Any]) -> Runs:
        """Some of the runs."""
        return Runs(
            self.zone[keep], self.row[keep], self.start[keep], self.stop[keep], self.weight[keep]
        )

    def dense(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Weights of all pixels of a window, 0 outside the runs (of a single zone)."""
        out = np.zeros(shape, np.float32)
        where, run = self.pixels(shape[1])
        out.reshape(-1)[where] = self.weight[run]
        return out

    @staticmethod
    def of(zone: Any, row: Any, start: Any, stop: Any, weight: Any) -> Runs:
        """Runs from columns of any type, in any order."""
        row = np.asarray(row)
        zone, weight = np.broadcast_to(zone, row.shape), np.broadcast_to(weight, row.shape)
        order = np.lexsort((start, row, zone))
        return Runs(
            zone[order].astype(np.int32), row[order].astype(np.int32),
            np.asarray(start)[order].astype(np.int32), np.asarray(stop)[order].astype(np.int32),
            weight[order].astype(np.float32),
        )  # fmt: skip

    @staticmethod
    def joined(parts: Sequence[Runs]) -> Runs:
        """All runs of several; zones must differ."""
        found = [part for part in parts if len(part)]
        if len(found) == 1:
            return found[0]
        columns = ("zone", "row", "start", "stop", "weight")
        empty = np.zeros(0)
        return Runs.of(
            *(np.concatenate([getattr(p, c) for p in found]) if found else empty for c in columns)
        )

    def largest(self) -> Runs:
        """Every pixel once for each zone, with its largest weight."""
        if not len(self):
            return self
        width = int(self.stop.max())
        place, run = self.pixels(width)
        zone, weight = self.zone[run], self.weight[run]
        order = np.lexsort((weight, place, zone))
        zone, place, weight = zone[order], place[order], weight[order]
        last = np.ones(zone.size, bool)
        last[:-1] = (zone[1:] != zone[:-1]) | (place[1:] != place[:-1])
        row, col = np.divmod(place[last], width)
        return Runs.of(zone[last], row, col, col + 1, weight[last])

    @staticmethod
    def full(window: Window, zone: int = 0) -> Runs:
        """Every pixel of a window."""
        rows = np.arange(window.height)
        return Runs.of(zone, rows, np.zeros_like(rows), np.full_like(rows, window.width), 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Edges of the polygons of zones in pixel coordinates, all downwards (``y0 < y1``).

    ``sign`` is 1 where the inside is to the right (larger x), else -1. Horizontal edges are left out.
    """

    zone: NDArray[np.int32]
    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats
    sign: NDArray[np.int8]

    @staticmethod
    def of(points: Floats, ring: Ints, zone: NDArray[Any], hole: NDArray[np.bool_]) -> Edges:
        """Of closed rings.

        Parameters
        ----------
        points : ``(n, 2)`` corners, ring after ring.
        ring : number of the ring of each corner, ascending.
        zone, hole : of each ring: its zone's number, and whether it bounds a hole.
        """
        inner = ring[1:] == ring[:-1]
        x0, y0 = points[:-1, 0][inner], points[:-1, 1][inner]
        x1, y1 = points[1:, 0][inner], points[1:, 1][inner]
        of_ring = ring[1:][inner]
        first = points[np.searchsorted(ring, np.arange(hole.size))][of_ring]
        areas = (x0 - first[:, 0]) * (y1 - first[:, 1]) - (x1 - first[:, 0]) * (y0 - first[:, 1])
        turn = np.bincount(of_ring, areas, minlength=hole.size)
        down, keep = y1 > y0, y0 != y1
        right = ((turn < 0) != hole)[of_ring] == down
        columns = (
            np.asarray(zone, np.int32)[of_ring], np.where(down, x0, x1), np.where(down, y0, y1),
            np.where(down, x1, x0), np.where(down, y1, y0), np.where(right, 1, -1).astype(np.int8),
        )  # fmt: skip
        return Edges(*(column[keep] for column in columns))

    def between(self, first: Ints, last: Ints) -> Edges:
        """Edges at positions ``first`` to ``last`` (exclusive) of several ranges."""
        if first.size == 1:
            part: Any = slice(int(first[0]), int(last[0]))
        else:
            part = _repeated(first, last)[1]
        return self._chosen(part)

    def _chosen(self, keep: Any) -> Edges:
        columns = (self.zone, self.x0, self.y0, self.x1, self.y1, self.sign)
        return Edges(*(column[keep] for column in columns))

    def near(self, window: Window) -> Edges:
        """Edges that matter to a window: in its rows, not wholly right of it."""
        keep = (self.y1 > window.row) & (self.y0 < window.row + window.height)
        keep &= np.minimum(self.x0, self.x1) < window.col + window.width
        if bool(keep.all()):
            return self
        return self._chosen(keep)


def covered(edges: Edges, window: Window) -> Runs:
    """The part of each pixel of a window that each zone covers, above zero."""
    zone, row, column, height, area = _cells(*_pieces(edges.near(window), window))
    return _runs_of(zone, row, column, height, area, window)


def inside(edges: Edges, window: Window) -> Runs:
    """Pixels of a window whose centre is in a zone; centres on a boundary belong to the zone right of or below it."""
    near = edges.near(window)
    first = np.ceil(near.y0 - window.row - 0.5 - TIE).astype(np.int64)
    last = np.ceil(near.y1 - window.row - 0.5 - TIE).astype(np.int64)
    first, last = np.clip(first, 0, window.height), np.clip(last, 0, window.height)
    edge, row = _repeated(first, last)
    y = row + window.row + 0.5
    slope = (near.x1 - near.x0) / (near.y1 - near.y0)
    low, high = np.minimum(near.x0, near.x1), np.maximum(near.x0, near.x1)
    x = np.clip(near.x0[edge] + (y - near.y0[edge]) * slope[edge], low[edge], high[edge])
    column = np.clip(np.ceil(x - window.col - 0.5 - TIE), 0, window.width).astype(np.int64)
    zone = near.zone[edge]
    order = np.lexsort((column, row, zone))
    zone, row, column = zone[order], row[order], column[order]
    depth, end = _along(zone, row, column, near.sign[edge][order].astype(np.float64), window.width)
    here = (depth > 0.5) & (column < end)
    return Runs.of(zone[here], row[here], column[here], end[here], 1.0)


def _along(
    zone: NDArray[Any], row: Ints, column: Ints, step: Floats, width: int
) -> tuple[Floats, Ints]:
    """Sums of steps along each row of each zone, and the column where the next step is (else the width)."""
    line = np.ones(zone.size, bool)
    line[1:] = (zone[1:] != zone[:-1]) | (row[1:] != row[:-1])
    total = np.cumsum(step)
    first = np.maximum.accumulate(np.where(line, np.arange(zone.size), 0))
    end = np.full(zone.size, width)
    end[:-1][~line[1:]] = column[1:][~line[1:]]
    return total - (total - step)[first], end


def _repeated(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Each number from ``first`` to ``last`` (exclusive), with the position of its range."""
    count = np.maximum(last - first, 0)
    owner = np.repeat(np.arange(count.size), count)
    ends = np.cumsum(count)
    return owner, np.arange(owner.size) + np.repeat(first - ends + count, count)


def _pieces(edges: Edges, window: Window) -> tuple[NDArray[Any], ...]:
    """Edges cut at the edges of pixels: zone, row and column of each piece, its height (signed), its mean place.

    Places are from 0 to 1 across the pixel. What lies left of the window is in column -1; what lies right of it
    is left out.
    """
    x0, x1 = edges.x0 - window.col, edges.x1 - window.col
    y0, y1 = edges.y0 - window.row, edges.y1 - window.row
    slope = (x1 - x0) / (y1 - y0)
    first = np.maximum(np.floor(y0), 0).astype(np.int64)
    last = np.minimum(np.ceil(y1), window.height).astype(np.int64)
    edge, row = _repeated(first, last)
    x0, x1, y0, y1, slope = x0[edge], x1[edge], y0[edge], y1[edge], slope[edge]
    top, bottom = np.maximum(y0, row), np.minimum(y1, row + 1)
    low, high = np.minimum(x0, x1), np.maximum(x0, x1)
    a = np.clip(x0 + (top - y0) * slope, low, high)
    b = np.where(bottom == y1, x1, np.clip(x0 + (bottom - y0) * slope, low, high))
    left, right = np.minimum(a, b), np.maximum(a, b)
    height = (bottom - top) * edges.sign[edge]
    start = np.clip(np.floor(left), -1, window.width).astype(np.int64)
    stop = np.clip(np.floor(right), -1, window.width - 1).astype(np.int64) + 1
    part, column = _repeated(start, stop)
    left, right, height = left[part], right[part], height[part]
    span = right - left
    from_ = np.where(column < 0, left, np.maximum(left, column))
    to = np.minimum(right, column + 1)
    share = np.where(span > 0, (to - from_) / np.where(span > 0, span, 1), 1.0)
    place = np.where(column < 0, 0.0, (from_ + to) / 2 - column)
    return edges.zone[edge][part], row[part], column, height * share, place


def _cells(
    zone: NDArray[Any], row: Ints, column: Ints, height: Floats, place: Floats
) -> tuple[NDArray[Any], ...]:
    """Pieces of the same pixel together: its zone, row and column, heights, and area to the right of the pieces."""
    order = np.lexsort((column, row, zone))
    zone, row, column = zone[order], row[order], column[order]
    height, area = height[order], (height * (1 - place))[order]
    new = np.ones(zone.size, bool)
    new[1:] = (zone[1:] != zone[:-1]) | (row[1:] != row[:-1]) | (column[1:] != column[:-1])
    starts = np.flatnonzero(new)
    if starts.size == 0:
        return zone, row, column, height, area
    sums = [np.add.reduceat(values, starts) for values in (height, area)]
    return zone[starts], row[starts], column[starts], sums[0], sums[1]


def _runs_of(
    zone: NDArray[Any], row: Ints, column: Ints, height: Floats, area: Floats, window: Window
) -> Runs:
    """Boundary pixels with their fractions, and the runs between them: a horizontal edge may cover these in part."""
    level, end = _along(zone, row, column, height, window.width)
    fraction = np.clip(level - height + area, 0, 1)
    boundary = (column >= 0) & (fraction > SLIVER)
    start = np.maximum(column + 1, 0)
    level = np.clip(level, 0, 1)
    level[level > 1 - SLIVER] = 1
    between = (level > SLIVER) & (start < end)
    return Runs.of(
        np.concatenate([zone[boundary], zone[between]]),
        np.concatenate([row[boundary], row[between]]),
        np.concatenate([column[boundary], start[between]]),
        np.concatenate([column[boundary] + 1, end[between]]),
        np.concatenate([fraction[boundary], level[between]]),
    )
