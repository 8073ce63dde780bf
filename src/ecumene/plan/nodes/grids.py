"""Nodes that evaluate their input on another grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Projection, Window
from ecumene.numerics.elementwise import saturate
from ecumene.numerics.resample import bicubic, bilinear
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty, is_empty
from ecumene.raster import warp

LARGEST = 64 * 2**20
"""Pixels of the other grid that one block may need."""


def _inner(
    node: PlanNode, projection: Projection, grid: Grid, window: Window, margin: int
) -> Window | None:
    found = warp.covering(projection, grid, window, margin)
    if found is not None and found.width * found.height > LARGEST:
        raise LimitExceeded(
            f"Reprojection output too large ({found.width}x{found.height} pixels) for one block."
        )
    return found


@dataclass(frozen=True, eq=False)
class Reproject(PlanNode):
    """Computes its input on a fixed grid; other grids see the nearest of those pixels."""

    input: PlanNode
    projection: Projection
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Nearest pixels of the fixed grid."""
        if grid == self.projection:
            return (yield self.input, grid, window)
        inner = _inner(self.input, self.projection, grid, window, 0)
        if inner is None:
            return empty(window, self.type.dtype)
        pixels = yield self.input, self.projection, inner
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        lookup = warp.nearest(self.projection, grid, window)
        rows, cols = np.broadcast_arrays(lookup.rows, lookup.cols)
        rows, cols = rows - inner.row, cols - inner.col
        if lookup.outside is not None:
            rows, cols = np.where(lookup.outside, 0, rows), np.where(lookup.outside, 0, cols)
        mask = None if pixels.mask is None else pixels.mask[rows, cols]
        if lookup.outside is not None:
            mask = (
                ~lookup.outside
                if mask is None
                else np.where(lookup.outside, mask.dtype.type(0), mask)
            )
        lengths = None if pixels.lengths is None else pixels.lengths[rows, cols]
        return Pixels(pixels.values[rows, cols], mask, lengths)


@dataclass(frozen=True, eq=False)
class Resample(PlanNode):
    """Interpolates its input, computed on its own projection (``bilinear`` or ``bicubic``)."""

    input: PlanNode
    method: str
    projection: Projection
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Interpolated values."""
        if grid == self.projection:
            return (yield self.input, grid, window)
        margin = 2 if self.method == "bilinear" else 3
        inner = _inner(self.input, self.projection, grid, window, margin)
        if inner is None:
            return empty(window, self.type.dtype)
        pixels = yield self.input, self.projection, inner
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        context.cancel.check()
        lookup = warp.positions(self.projection, grid, window)
        smooth = bilinear if self.method == "bilinear" else bicubic
        valid = None if pixels.mask is None else pixels.valid()
        values, good = smooth(
            np.broadcast_to(pixels.values, inner.shape), valid, lookup.cols, lookup.rows, inner.col, inner.row
        )  # fmt: skip
        if lookup.outside is not None:
            good = good & ~lookup.outside
        rounded = np.rint(values) if self.type.is_int else values
        return Pixels(saturate(rounded, self.type), None if good.all() else good)
