"""Nodes of connected groups of equal pixels, with a halo that holds every group that counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.core.reducer import Reducer
from ecumene.numerics import labels as groups
from ecumene.numerics.elementwise import saturate
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty, is_empty


def _inner(values: NDArray[Any], halo: int, window: Window) -> NDArray[Any]:
    return values[halo : halo + window.height, halo : halo + window.width]


def _labelled(pixels: Pixels, grown: Window, offsets: groups.Offsets) -> NDArray[np.int32]:
    valid = None if pixels.mask is None else pixels.valid()
    return groups.components(np.broadcast_to(pixels.values, grown.shape), valid, offsets)


@dataclass(frozen=True, eq=False)
class ConnectedCount(PlanNode):
    """The number of pixels in each pixel's group, at most ``most``.

    The halo is ``most - 1``: a smaller group lies in it whole, of a larger one at least ``most`` pixels do.
    """

    input: PlanNode
    most: int
    offsets: tuple[tuple[int, int], ...]
    type: PixelType

    @property
    def takes_arrays(self) -> bool:
        """Never."""
        return False

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Sizes of groups."""
        halo = self.most - 1
        grown = window.grown(halo, halo, halo, halo)
        pixels = yield self.input, grid, grown
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        labels = _labelled(pixels, grown, self.offsets)
        counts = groups.sizes(labels)
        own = _inner(labels, halo, window)
        found = np.minimum(counts[own], self.most) if counts.size else np.zeros(own.shape, "int64")
        mask = None if pixels.mask is None else _inner(pixels.mask, halo, window)
        return Pixels(saturate(found, self.type), mask)


@dataclass(frozen=True, eq=False)
class ConnectedLabels(PlanNode):
    """A number for each group of at most ``most`` pixels, the same in every block; larger ones are masked.

    The number is made of the place of the group's first pixel (by rows) in the grid: unique among groups less
    than 32768 rows and 65536 columns apart.
    """

    input: PlanNode
    most: int
    offsets: tuple[tuple[int, int], ...]
    type: PixelType

    @property
    def takes_arrays(self) -> bool:
        """Never."""
        return False

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Labels of groups."""
        reach = self.most * max((max(abs(dy), abs(dx)) for dy, dx in self.offsets), default=1)
        grown = window.grown(reach, reach, reach, reach)
        pixels = yield self.input, grid, grown
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        labels = _labelled(pixels, grown, self.offsets)
        counts = groups.sizes(labels)
        flat = labels.ravel()
        first = np.full(counts.size, flat.size, "int64")
        np.minimum.at(first, flat[flat >= 0], np.flatnonzero(flat >= 0))
        rows, cols = first // grown.width + grown.row, first % grown.width + grown.col
        names = ((rows & 0x7FFF) << 16) | (cols & 0xFFFF)
        own = _inner(labels, reach, window)
        if not counts.size:
            return empty(window, self.type.dtype)
        return Pixels(saturate(names[own], self.type), (own >= 0) & (counts[own] <= self.most))


@dataclass(frozen=True, eq=False)
class ConnectedReduce(PlanNode):
    """A reducer over the pixels of each 8-connected group of equal labels.

    Groups higher or wider than ``most`` pixels are masked, since a part of them may be out of sight.
    """

    labels: PlanNode
    bands: tuple[PlanNode, ...]
    reducer: Reducer
    most: int
    output: int
    type: PixelType

    @property
    def takes_arrays(self) -> bool:
        """Never."""
        return False

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """One output of the reducer, the same for all pixels of a group."""
        halo = self.most
        grown = window.grown(halo, halo, halo, halo)
        pixels = yield self.labels, grid, grown
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        labels = _labelled(pixels, grown, groups.EIGHT)
        seen = np.unique(_inner(labels, halo, window))
        seen = seen[seen >= 0]
        if seen.size == 0:
            return empty(window, self.type.dtype)
        number = np.full(int(labels.max()) + 1, -1, "int32")
        number[seen] = np.arange(seen.size)
        wanted = np.where(labels >= 0, number[labels], -1).astype("int32")
        height, width = groups.extents(wanted)
        inputs, weights = [], []
        chosen = wanted >= 0
        for node in self.bands:
            part = yield node, grid, grown
            inputs.append(np.broadcast_to(part.values, grown.shape)[chosen])
            weights.append(None if part.mask is None else part.mask[chosen].astype("float64"))
        context.cancel.check()
        found, good = groups.reduce_groups(
            self.reducer.accumulator, wanted[chosen], seen.size, inputs, weights, self.output
        )
        good = good & (height <= self.most) & (width <= self.most)
        own = _inner(wanted, halo, window)
        return Pixels(saturate(found[own], self.type), (own >= 0) & good[own])
