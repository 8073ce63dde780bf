"""Nodes that show an input at another place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ecumene.core import crs as crs_
from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Projection, Window, apply, compose, invert
from ecumene.numerics.elementwise import saturate
from ecumene.numerics.resample import bicubic, bilinear
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty, is_empty, joined
from ecumene.plan.nodes.grids import LARGEST, Reproject


@dataclass(frozen=True, eq=False)
class Moved(PlanNode):
    """Pixel coordinates of ``target`` show what the input has at the same coordinates of ``source``."""

    input: PlanNode
    source: Projection
    target: Projection
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """The input on the grid that corresponds; by way of the target's grid in other CRSs."""
        if grid.crs != self.target.crs:
            return (
                yield from Reproject(self, self.target, self.type).evaluate(grid, window, context)
            )
        inside = compose(invert(self.target.transform), grid.transform)
        there = Grid(self.source.crs, compose(self.source.transform, inside))
        return (yield self.input, there, window)


@dataclass(frozen=True, eq=False)
class Displaced(PlanNode):
    """The input at each pixel's place plus a displacement in metres along the axes of a CRS.

    ``source`` is the grid that the input is computed and interpolated on (None: the request's own);
    ``mode`` is ``nearest``, ``bilinear`` or ``bicubic``.
    """

    input: PlanNode
    across: PlanNode
    up: PlanNode
    crs: str
    source: Projection | None
    mode: str
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Sampled values; masked where the displacement is, or where nothing is hit."""
        dx = yield self.across, grid, window
        dy = yield self.up, grid, window
        seen = joined(dx.mask, dy.mask)
        x, y = window.centres(grid)
        x, y = (np.asarray(v) for v in crs_.transform(grid.crs, self.crs, x, y))
        unit = crs_.metres_per_unit(self.crs)
        x, y = x + dx.values / unit, y + dy.values / unit
        source = self.source or grid
        x, y = crs_.transform(self.crs, source.crs, x, y)
        cols, rows = apply(invert(source.transform), np.asarray(x), np.asarray(y))
        good = np.isfinite(cols) & np.isfinite(rows)
        if seen is not None:
            good &= np.asarray(seen > 0)
        if not good.any():
            return empty(window, self.type.dtype)
        inner = _around(cols[good], rows[good])
        if inner.width * inner.height > LARGEST:
            raise LimitExceeded("Image.displace: The displaced area is too large for one block.")
        pixels = yield self.input, source, inner
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        u = np.where(good, cols - inner.col, 2.0)
        v = np.where(good, rows - inner.row, 2.0)
        if self.mode == "nearest":
            c, r = np.floor(u).astype("int64"), np.floor(v).astype("int64")
            mask = None if pixels.mask is None else pixels.mask[r, c]
            return Pixels(saturate(pixels.values[r, c], self.type), joined(mask, good))
        kernel: Any = bilinear if self.mode == "bilinear" else bicubic
        valid = None if pixels.mask is None else pixels.valid()
        values, hit = kernel(pixels.values, valid, u, v)
        rounded = np.rint(values) if self.type.is_int else values
        return Pixels(saturate(rounded, self.type), hit & good)


def _around(cols: Any, rows: Any) -> Window:
    """The window of all positions with a margin for interpolation."""
    left, top = int(np.floor(cols.min())) - 3, int(np.floor(rows.min())) - 3
    right, bottom = int(np.floor(cols.max())) + 4, int(np.floor(rows.max())) + 4
    return Window(left, top, right - left, bottom - top)
