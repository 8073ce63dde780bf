"""Rings around groups of pixels, from the corners of their boundaries.

A corner is a point of the lattice where a group's boundary turns: it has one edge along a row (to the west or the
east) and one along a column (to the north or the south). Corners of one group in the order of rows pair up to
its edges along rows, and in the order of columns to those along columns. Where two pixels of a group touch at a
corner only, the boundary passes the point twice; the turns go around the pixels between, so that rings of a group that
is connected by edges never touch themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels
from ecumene.numerics.labels import joined

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """Corners of groups: the group, the point of the lattice, the sides of its edges.

    ``east`` and ``south`` are bool (else west, north). ``other`` is the group at the opposite side of the point if it
    has the same value and touches there only, else -1.
    """

    group: Ints
    row: Ints
    col: Ints
    east: NDArray[np.bool_]
    south: NDArray[np.bool_]
    other: Ints

    def __len__(self) -> int:
        return self.group.size

    def chosen(self, keep: Any) -> Corners:
        """Some of them."""
        return Corners(
            self.group[keep], self.row[keep], self.col[keep], self.east[keep], self.south[keep], self.other[keep]
        )  # fmt: skip

    def renumbered(self, numbers: Ints) -> Corners:
        """With other numbers of groups; ``numbers`` by the old ones."""
        other = np.where(self.other >= 0, numbers[self.other], -1)
        return Corners(numbers[self.group], self.row, self.col, self.east, self.south, other)

    @staticmethod
    def joined(parts: list[Corners]) -> Corners:
        """All of several."""
        names = ("group", "row", "col", "east", "south", "other")
        return Corners(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))

    @staticmethod
    def empty() -> Corners:
        """None."""
        numbers, sides = np.zeros(0, np.int64), np.zeros(0, bool)
        return Corners(numbers, numbers, numbers, sides, sides, numbers)


def corners(labels: NDArray[np.int32], values: NDArray[Any], row: int, col: int) -> Corners:
    """Corners between all pixels of a block.

    Parameters
    ----------
    labels : groups that are connected by edges, -1 for none, ``(height, width)``.
    values : integers that tell whether groups that touch at a point have the same value.
    row, col : of the upper left pixel; a point of the lattice has the numbers of the pixel to its lower right.
    """
    kernel = kernels.ready("segments.turned")
    if kernel is not None:
        block = np.ascontiguousarray(labels), np.ascontiguousarray(values, np.int64)
        out = np.empty((5, labels.size // 2), np.int64)
        count = kernel(*block, out)
        if count > out.shape[1]:
            out = np.empty((5, count), np.int64)
            kernel(*block, out)
        group, down, across, sides, other = out[:, :count]
        return Corners(
            group.copy(), down + row + 1, across + col + 1, sides & 1 > 0, sides > 1, other.copy()
        )
    return _corners(labels, values, row, col)


def _corners(labels: NDArray[np.int32], values: NDArray[Any], row: int, col: int) -> Corners:
    """The same by NumPy."""
    nw, ne, sw, se = _quarters(labels)
    turning = ((nw != ne) | (sw != se)) & ((nw != sw) | (ne != se))
    places = np.flatnonzero(turning)
    nw, ne, sw, se = (part[turning] for part in (nw, ne, sw, se))
    a, b, c, d = (part[turning] for part in _quarters(values))
    apart = (nw != ne) & (sw != se) & (nw != sw) & (ne != se)
    falling = apart & (nw >= 0) & (se >= 0) & (a == d)
    rising = apart & (ne >= 0) & (sw >= 0) & (b == c)
    found = []
    for own, beside, below, across, touching, east, south in (
        (nw, ne, sw, se, falling, False, False),
        (ne, nw, se, sw, rising, True, False),
        (sw, se, nw, ne, rising, False, True),
        (se, sw, ne, nw, falling, True, True),
    ):
        alone = (own != beside) & (own != below)
        for here, group, other in (
            (alone & (own >= 0), own, np.where(touching, across, -1)),
            (alone & (across >= 0) & (beside == across) & (below == across), across, np.full_like(own, -1)),
        ):  # fmt: skip
            found.append((places[here], group[here], east, south, other[here]))
    return _listed(found, labels.shape[1] - 1, row + 1, col + 1)


def _quarters(pixels: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The pixels around every point inside a block: upper left and right, lower left and right."""
    return pixels[:-1, :-1], pixels[:-1, 1:], pixels[1:, :-1], pixels[1:, 1:]


def _listed(found: list[Any], width: int, row: int, col: int) -> Corners:
    place, group, other = (
        np.concatenate([part[k] for part in found]).astype(np.int64) for k in (0, 1, 4)
    )
    sizes = [part[0].size for part in found]
    east, south = (np.repeat([part[k] for part in found], sizes) for k in (2, 3))
    down, across = np.divmod(place, max(width, 1))
    return Corners(group, down + row, across + col, east, south, other)


def touches(found: Corners) -> tuple[Ints, Ints]:
    """Pairs of groups of the same value that touch at a point."""
    here = found.other >= 0
    return found.group[here], found.other[here]


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """Closed rings of corners: for each corner its ring and point of the lattice, for each ring its group.

    Rings are sorted by group; the first of each group is its outer one, the others are its holes.
    """

    ring: Ints
    row: Ints
    col: Ints
    group: Ints


def rings(found: Corners) -> Rings:
    """The rings of groups that are complete: none of their corners is missing."""
    swap = found.group == found.other
    east = found.east ^ swap
    order = _sorted(found.group, found.row, found.col, east)
    group, row, col = found.group[order], found.row[order], found.col[order]
    by_column = _sorted(group, col, row, found.south[order])
    across = np.arange(group.size) ^ 1
    down = np.empty_like(across)
    down[by_column[0::2]], down[by_column[1::2]] = by_column[1::2], by_column[0::2]
    way, ring = _walked(across, down)
    starts = np.flatnonzero(np.diff(ring, prepend=-1))
    return Rings(ring, row[way], col[way], group[way[starts]])


def _sorted(group: Ints, row: Ints, col: Ints, side: NDArray[np.bool_]) -> Ints:
    """The order by group, row, column and side; by one number each where that is large enough."""
    if not group.size:
        return np.zeros(0, np.int64)
    row, col = row - row.min(), col - col.min()
    height, width = int(row.max()) + 1, int(col.max()) + 1
    if (int(group.max()) + 1) * height * width * 2 >= 2**62:
        return np.lexsort((side, col, row, group))
    return np.argsort(((group * height + row) * width + col) * 2 + side)


def _walked(across: Ints, down: Ints) -> tuple[Ints, Ints]:
    """Corners in the order of the rings, and the ring of each; rings start at their smallest corners."""
    order, ring = np.empty_like(across), np.empty_like(across)
    kernel = kernels.ready("segments.traced")
    if kernel is not None:
        kernel(across, down, order, ring)
        return order, ring
    count = across.size
    everyone = np.arange(count)
    of = joined(np.concatenate([everyone, everyone]), np.concatenate([across, down]), count)
    first = np.full(int(of.max(initial=-1)) + 1, count)
    np.minimum.at(first, of, everyone)
    start = first[of]
    following = down[across]  # two corners further
    following[first] = first
    steps = (following != everyone).astype(np.int64)
    for _ in range(int(count).bit_length()):  # doubling: how far it is to the start
        steps += steps[following]
        following = following[following]
    ahead = following == start  # the others lie on the way back
    length = np.bincount(of[ahead], minlength=first.size)[of]
    place = np.where(ahead, 2 * ((length - steps) % np.maximum(length, 1)), 0)
    place[~ahead] = place[across[~ahead]] + 1
    order = np.lexsort((place, start))
    rank = np.cumsum(np.diff(start[order], prepend=-1) != 0) - 1
    return order, rank
