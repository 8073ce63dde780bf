"""Segments of an image: connected pixels of equal value, found piece by piece in the order of rows.

Each piece of the grid is labelled where it is computed, with a row and a column of its neighbours. A pixel that two
pieces see joins their groups. When a row of pieces is done, the segments that do not reach its last pixels are
complete and leave; what is held is what the frontier is connected with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.algorithms.regions.scan import Leaf, Output
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.image import Node
from ecumene.core.projection import Grid, Window
from ecumene.numerics.labels import FOUR, components, joined
from ecumene.numerics.reducers.cells import Zonal, gathered, united
from ecumene.numerics.reducers.zonal import taken
from ecumene.numerics.rings import Corners, corners, touches
from ecumene.numerics.runs import Runs
from ecumene.plan.node import Pixels
from ecumene.plan.parts import Part
from ecumene.raster.coverage import Zones

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What is known of groups of pixels; rows and columns are those of the grid.

    ``row col`` are of the first pixel by rows, ``low high`` the first and last column, ``last`` the last row,
    ``down across`` sums of rows and columns.
    """

    value: NDArray[Any]
    count: Ints
    row: Ints
    col: Ints
    low: Ints
    high: Ints
    last: Ints
    down: Ints
    across: Ints

    def chosen(self, keep: Any) -> Sums:
        """Some of them."""
        return Sums(*(getattr(self, name)[keep] for name in self.__slots__))

    @staticmethod
    def joined(parts: Sequence[Sums]) -> Sums:
        """All of several."""
        return Sums(*(np.concatenate([getattr(p, n) for p in parts]) for n in Sums.__slots__))

    @staticmethod
    def of(runs: Runs, values: NDArray[Any], count: int, window: Window) -> Sums:
        """Of the groups that runs of a window belong to; those without runs have no pixels."""
        zone, length = runs.zone, runs.lengths.astype(np.int64)
        row = runs.row.astype(np.int64) + window.row
        start, stop = (v.astype(np.int64) + window.col for v in (runs.start, runs.stop))
        far = np.int64(2**62)
        first, low = np.full(count, far), np.full(count, far)
        last, high = np.full(count, -far), np.full(count, -far)
        np.minimum.at(first, zone, row)
        np.maximum.at(last, zone, row)
        np.minimum.at(low, zone, start)
        np.maximum.at(high, zone, stop - 1)
        corner = np.full(count, far)
        top = row == first[zone]
        np.minimum.at(corner, zone[top], start[top])
        value = np.zeros(count, values.dtype)
        value[zone] = values[runs.row, runs.start]
        sizes, down, across = (np.zeros(count, np.int64) for _ in range(3))
        np.add.at(sizes, zone, length)
        np.add.at(down, zone, length * row)
        np.add.at(across, zone, length * (start + stop - 1) // 2)
        return Sums(value, sizes, first, corner, low, high, last, down, across)

    def united(self, owner: Ints, count: int) -> Sums:
        """Those of the owners of groups."""
        added = []
        for each in (self.count, self.down, self.across):
            total = np.zeros(count, np.int64)
            np.add.at(total, owner, each)
            added.append(total)
        order = np.lexsort((self.col, self.row, owner))
        of = owner[order]
        start = np.flatnonzero(np.diff(of, prepend=-1))
        first = order[start]
        low = np.minimum.reduceat(self.low[order], start)
        high = np.maximum.reduceat(self.high[order], start)
        last = np.maximum.reduceat(self.last[order], start)
        return Sums(
            self.value[first], added[0], self.row[first], self.col[first], low, high, last, added[1], added[2]
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """The groups of a piece, its first row and column being its neighbours'."""

    window: Window
    labels: NDArray[np.int32]
    sums: Sums
    corners: Corners
    found: list[Any]


class _Own:
    """Runs of a piece's groups, as ``scan.Covered`` gives those of zones: pixels count wholly."""

    def __init__(self, runs: Runs, window: Window) -> None:
        self._runs, self.window = runs, window

    def runs(self, weighted: bool) -> Runs:
        """The same for every reducer."""
        return self._runs


def _runs(labels: NDArray[np.int32]) -> Runs:
    """Groups as runs along rows, in the order of the rows."""
    height, width = labels.shape
    change = np.ones((height, width), bool)
    change[:, 1:] = labels[:, 1:] != labels[:, :-1]
    start = np.flatnonzero(change)
    stop = np.append(start[1:], height * width)
    zone = labels.ravel()[start]
    keep = zone >= 0
    row, col = np.divmod(start[keep], width)
    ends = col + (stop - start)[keep]
    group, y, x, end = (v.astype(np.int32) for v in (zone[keep], row, col, ends))
    return Runs(group, y, x, end, np.ones(y.size, np.float32))


def labelled(
    window: Window, pixels: list[Pixels], zones: Zones, leaves: Sequence[Leaf]
) -> Labelled:
    """The groups of a piece, and what the leaves make of each."""
    first = pixels[0]
    values = np.broadcast_to(first.values, window.shape)
    valid = None if first.mask is None else first.valid()
    if not zones.full(window):
        inside = zones.inside(window).dense(window.shape) > 0
        valid = inside if valid is None else inside & valid
    labels = components(values, valid, FOUR)
    own = Window(window.col + 1, window.row + 1, window.width - 1, window.height - 1)
    runs = _runs(labels[1:, 1:])
    found: list[Any] = []
    if leaves:
        shown = [_inner(p, window) for p in pixels[1:]]
        cover: Any = _Own(Runs.of(runs.zone, runs.row, runs.start, runs.stop, runs.weight), own)
        found = [leaf.part(shown, cover) for leaf in leaves]
    count = int(labels.max(initial=-1)) + 1
    sums = Sums.of(runs, values[1:, 1:], count, own)
    return Labelled(window, labels, sums, corners(labels, values, window.row, window.col), found)


def _inner(pixels: Pixels, window: Window) -> Pixels:
    """Without the neighbours' row and column."""
    mask: Any = pixels.mask
    values = np.broadcast_to(pixels.values, (*window.shape, *pixels.values.shape[2:]))
    lengths = pixels.lengths
    return Pixels(
        values[1:, 1:],
        None if mask is None else np.broadcast_to(mask, window.shape)[1:, 1:],
        None if lengths is None else lengths[1:, 1:],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Complete segments by their first pixels: sums, the outputs of each leaf, the corners of their parts.

    ``corners`` are of groups that are connected by edges, ascending within the segments; ``owner`` tells whose they are.
    """

    sums: Sums
    outputs: list[list[list[Output]]]
    corners: Corners
    owner: Ints


@dataclass(slots=True)
class _Open:
    """Groups that are not complete, numbered on through the pieces of a row."""

    sums: list[Sums] = field(default_factory=list)
    count: int = 0
    same: list[tuple[Any, Any]] = field(default_factory=list)
    links: list[tuple[Any, Any]] = field(default_factory=list)
    corners: list[Corners] = field(default_factory=list)
    zonal: list[list[Zonal]] = field(default_factory=list)
    states: list[list[tuple[int, Any]]] = field(default_factory=list)


_NOTHING: tuple[int, Ints] = (-(2**62), np.zeros(0, np.int64))
"""The column, and its labels, that a row of pieces has come to before its first."""


class Assembly:
    """Joins the groups of pieces, which come by rows of pieces, to segments.

    Parameters
    ----------
    window : all pixels.
    leaves : whose parts the pieces bring.
    eight : groups that touch at a point are one segment.
    outlined : corners are kept.
    most : bytes that open segments may take.
    """

    def __init__(
        self, window: Window, leaves: Sequence[Leaf], eight: bool, outlined: bool, most: float
    ) -> None:
        self.window, self.leaves, self.eight, self.outlined = window, leaves, eight, outlined
        self.most = most
        self.open = self._fresh()
        self.above = np.full(window.width, -1, np.int64)
        self.below = np.full(window.width, -1, np.int64)
        self.row: int | None = None
        self.left = _NOTHING

    def _fresh(self) -> _Open:
        return _Open(zonal=[[] for _ in self.leaves], states=[[] for _ in self.leaves])

    def add(self, piece: Labelled) -> Segments | None:
        """Takes a piece; returns what became complete before it."""
        window, out = piece.window, None
        if self.row is not None and window.row != self.row:
            out = self.completed()
            self.left = _NOTHING
        self.row = window.row
        known, base = self.open, self.open.count
        known.count += piece.sums.count.size
        labels = np.where(piece.labels >= 0, piece.labels + np.int64(base), -1)
        start = window.col - self.window.col
        place = slice(start, start + window.width)
        self._same(labels[0], self.above[place])
        if self.left[0] == window.col:
            self._same(labels[:, 0], self.left[1])
        self.left = window.col + window.width - 1, labels[:, -1]
        self.below[place] = np.where(labels[-1] >= 0, labels[-1], self.below[place])
        known.sums.append(piece.sums)
        found = piece.corners.renumbered(np.arange(piece.sums.count.size) + base)
        if self.eight:
            known.links.append(touches(found))
        if self.outlined:
            known.corners.append(found)
        for k, part in enumerate(piece.found):
            if isinstance(part, dict):
                known.states[k] += [(base + zone, state) for zone, state in part.items()]
            elif part is not None:
                known.zonal[k].append((part[0] + base, part[1]))
        return out

    def _same(self, here: Ints, there: Ints) -> None:
        both = (here >= 0) & (there >= 0)
        self.open.same.append((here[both], there[both]))

    @property
    def earliest(self) -> int:
        """The first row that a segment still to come may have."""
        rows = [int(part.row.min()) for part in self.open.sums if part.row.size]
        return min([*rows, 2**62 if self.row is None else self.row])

    def completed(self, last: bool = False) -> Segments | None:
        """Ends a row of pieces; ``last``: nothing follows."""
        known = self.open
        if known.count == 0:
            return None
        same, links = _pairs(known.same), _pairs(known.links)
        part = joined(*same, known.count).astype(np.int64)
        both = [np.concatenate([a, b]) for a, b in zip(same, links, strict=True)]
        segment = joined(both[0], both[1], known.count)
        parts, segments = int(part.max()) + 1, int(segment.max()) + 1
        of = np.zeros(parts, np.int64)
        of[part] = segment
        going = np.zeros(segments, bool)
        if not last:
            going[segment[self.below[self.below >= 0]]] = True
        sums = Sums.joined(known.sums).united(part, parts)
        found = Corners.joined(known.corners).renumbered(part) if known.corners else Corners.empty()
        zonal = [
            _united(leaf, z, part, known.count, parts)
            for leaf, z in zip(self.leaves, known.zonal, strict=True)
        ]
        states = [_merged(leaf, s, part) for leaf, s in zip(self.leaves, known.states, strict=True)]
        out = self._closed(sums, found, zonal, states, of, ~going)
        self._keep(sums, found, zonal, states, of, going, part)
        return out

    def _closed(
        self, sums: Sums, found: Corners, zonal: list[Any], states: list[dict[int, Any]], of: Ints, done: NDArray[np.bool_]
    ) -> Segments | None:  # fmt: skip
        """The segments that are done, in the order of their first pixels."""
        mine = np.flatnonzero(done[of])
        if not mine.size:
            return None
        number = np.cumsum(done) - 1
        owner, count = number[of[mine]], int(done.sum())
        whole = sums.chosen(mine).united(owner, count)
        order = np.lexsort((whole.col, whole.row))
        rank = np.empty(count, np.int64)
        rank[order] = np.arange(count)
        outputs = []
        for leaf, cells, own in zip(self.leaves, zonal, states, strict=True):
            chosen = {k: state for k, state in own.items() if done[of[k]]}
            outputs.append(
                _outputs(leaf, cells, chosen, mine, rank[owner], rank[number[of]], count)
            )
        fresh = np.full(of.size, -1, np.int64)
        fresh[mine] = np.arange(mine.size)
        kept = found.chosen(done[of[found.group]]) if len(found) else found
        return Segments(whole.chosen(order), outputs, kept.renumbered(fresh), rank[owner])

    def _keep(
        self, sums: Sums, found: Corners, zonal: list[Any], states: list[dict[int, Any]], of: Ints, going: NDArray[np.bool_], part: Ints
    ) -> None:  # fmt: skip
        """What is not complete, with new numbers."""
        mine = np.flatnonzero(going[of])
        fresh = np.full(of.size + 1, -1, np.int64)
        fresh[mine] = np.arange(mine.size)
        self.open = known = self._fresh()
        known.count = mine.size
        if mine.size:
            known.sums.append(sums.chosen(mine))
            first = np.full(going.size, -1, np.int64)
            first[of[mine[::-1]]] = fresh[mine[::-1]]
            known.links.append((fresh[mine], first[of[mine]]))
            if len(found):
                known.corners.append(found.chosen(going[of[found.group]]).renumbered(fresh))
            for k, (cells, own) in enumerate(zip(zonal, states, strict=True)):
                if cells is not None:
                    known.zonal[k].append((np.arange(mine.size), taken(cells, mine)))
                known.states[k] = [(int(fresh[p]), s) for p, s in own.items() if going[of[p]]]
        self.above = np.where(self.below >= 0, fresh[part[self.below]], -1)
        self.below = np.full_like(self.above, -1)
        held = sum(len(part) for part in known.corners) * 40 + known.count * 100
        if held > self.most:
            raise LimitExceeded(
                "User memory limit exceeded: the segments of the image are too complex."
            )


def _pairs(pairs: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])


def _united(leaf: Leaf, parts: list[Zonal], owner: Ints, cells: int, count: int) -> Any:
    state = gathered(parts, cells)
    return None if state is None else united(leaf.accumulator, state, owner, count)


def _merged(leaf: Leaf, states: list[tuple[int, Any]], owner: Ints) -> dict[int, Any]:
    out: dict[int, Any] = {}
    for cell, state in states:
        mine = int(owner[cell])
        out[mine] = leaf.accumulator.merge(out[mine], state) if mine in out else state
    return out


def _outputs(
    leaf: Leaf, cells: Any, states: dict[int, Any], mine: Ints, owner: Ints, of: Ints, count: int
) -> list[list[Output]]:
    """Finished outputs of every segment."""
    if cells is not None:
        state = united(leaf.accumulator, taken(cells, mine), owner, count)
        columns = leaf.accumulator.finish(state)
        return [[(v[k], None if ok is None else ok[k]) for v, ok in columns] for k in range(count)]
    own = _merged(leaf, list(states.items()), of)
    empty = leaf.accumulator.start(())
    return [leaf.accumulator.finish(own.get(k, empty)) for k in range(count)]


def _cut(window: Window, zones: Zones) -> Part:
    """All pixels with their surroundings, in pieces that share a row and a column with those before."""

    def edges(first: int, size: int, step: int, origin: int) -> list[int]:
        start = first + step - (first - origin) % step
        return [first, *range(start, first + size, step), first + size]

    def cut(shape: tuple[int, int], origin: tuple[int, int]) -> Iterator[Window]:
        rows = edges(window.row, window.height + 1, shape[0], origin[0])
        cols = edges(window.col, window.width + 1, shape[1], origin[1])
        for top, bottom in zip(rows, rows[1:], strict=False):
            for left, right in zip(cols, cols[1:], strict=False):
                piece = Window(left - 1, top - 1, right - left + 1, bottom - top + 1)
                if zones.touches(piece):
                    yield piece

    return Part(window, window.width * window.height, cut)


def segments(
    nodes: Sequence[Node],
    grid: Grid,
    window: Window,
    zones: Zones,
    leaves: Sequence[Leaf],
    context: Context,
    *,
    eight: bool,
    outlined: bool,
) -> Iterator[tuple[Segments, int | None]]:
    """Segments as they become complete, with the first row that segments to come may have (None = none comes).

    Parameters
    ----------
    nodes : of the labels, and of the inputs of the leaves.
    window : holds all pixels of the zones.
    zones : a single one; pixels whose centre is inside count.
    eight, outlined : as for ``Assembly``.
    """
    if context.pixels is None:
        raise EvaluationError("This server has no pixel engine.")
    around = window.grown(1, 1, 1, 1)
    assembly = Assembly(around, leaves, eight, outlined, context.limits.memory_bytes / 2)

    def work(piece: Window, pixels: list[Pixels]) -> Labelled:
        return labelled(piece, pixels, zones, leaves)

    for piece in context.pixels.mapped(nodes, grid, _cut(window, zones), context, work):
        found = assembly.add(piece)
        if found is not None:
            yield found, assembly.earliest
    found = assembly.completed(last=True)
    if found is not None:
        yield found, None
