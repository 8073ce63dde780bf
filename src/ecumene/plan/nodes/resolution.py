"""A node that combines the pixels of its input's own grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Projection, Window
from ecumene.core.reducer import Reducer
from ecumene.numerics import overlap
from ecumene.numerics.elementwise import saturate
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty, is_empty
from ecumene.plan.nodes.grids import LARGEST
from ecumene.plan.nodes.statistics import statistic
from ecumene.raster import warp

MARGIN = 64
"""Input pixels under an output pixel beyond those that scales tell, before it counts as torn apart."""


@dataclass(frozen=True, eq=False)
class ReduceResolution(PlanNode):
    """Combines all pixels of the input's own grid that overlap an output pixel.

    Weights are the mask times the fraction of the output pixel that an input pixel covers, exact for the
    quadrilateral of the output pixel's corners (those lie where ``raster.warp.positions`` puts them). Output
    pixels without a valid input pixel are masked. With ``best_effort`` the input is computed on a grid coarser by
    a power of two where its own has more than ``max_pixels`` pixels for each of the output.
    """

    input: PlanNode
    reducer: Reducer
    projection: Projection
    max_pixels: int
    best_effort: bool
    output: int
    type: PixelType

    @property
    def takes_arrays(self) -> bool:
        """Never."""
        return False

    def ratio(self, grid: Grid) -> float:
        """Pixels of the input's own grid along the side of an output pixel."""
        return grid.nominal_scale / self.projection.nominal_scale

    def source(self, grid: Grid) -> Projection:
        """The grid that the input is computed on; the output's where the input has none of its own."""
        if self.projection.is_default:
            return grid
        ratio = self.ratio(grid)
        if not self.best_effort or ratio * ratio <= self._most:
            return self.projection
        factor = 2.0 ** math.ceil(math.log2(ratio) - math.log2(self._most) / 2)
        return self.projection.scaled(factor, factor)

    @property
    def _most(self) -> float:
        return max(self.max_pixels, 1) * (1 + 1e-6)

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """One output of the reducer."""
        if grid == self.projection:
            return (yield self.input, grid, window)
        source = self.source(grid)
        ratio = grid.nominal_scale / source.nominal_scale
        if ratio * ratio > self._most:
            raise LimitExceeded(
                "Image.reduceResolution: Too many input pixels per output pixel. "
                f"Found {int(ratio * ratio)} (max {self.max_pixels})."
            )
        quads = _quads(source, grid, window, MARGIN + int(16 * max(ratio, 1.0) ** 2))
        bounds = quads.bounds
        if bounds is None:
            return empty(window, self.type.dtype)
        inner = Window(*bounds)
        if inner.width * inner.height > LARGEST:
            raise LimitExceeded("Image.reduceResolution: Too many input pixels for one block.")
        pixels = yield self.input, source, inner
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        context.cancel.check()
        pixels = Pixels(np.broadcast_to(pixels.values, inner.shape), pixels.mask)
        known = statistic(self.reducer, self.output)
        if known is not None and known.name in overlap.POOLED:
            values, good = overlap.pooled(
                pixels.values, pixels.mask, quads, inner.col, inner.row, known.name, known.weighted
            )
        else:
            values, good = self._accumulated(pixels, quads, inner, context)
        return Pixels(saturate(values, self.type), None if good.all() else good)

    def _accumulated(
        self, pixels: Pixels, quads: overlap.Quads, inner: Window, context: Context
    ) -> overlap.Result:
        """By the reducer's accumulator, some rows at a time."""
        accumulator = self.reducer.accumulator
        found: list[NDArray[Any] | None] = []
        valid = []
        for _, index, share in overlap.listed(quads, inner.shape, inner.col, inner.row):
            context.cancel.check()
            shape = share.shape[1:]
            state = accumulator.start(shape)
            seen = np.zeros(shape, bool)
            for values, weight in overlap.samples(pixels.values, pixels.mask, index, share):
                seen |= weight > 0
                state = accumulator.add(state, [values[None]], [weight[None]])
            if not seen.any():
                found.append(None)
            else:
                values, good = accumulator.finish(state)[self.output]
                found.append(np.asarray(values))
                seen = seen if good is None else seen & good
            valid.append(seen)
        return _stacked(found, valid, self.type), np.concatenate(valid)


def _stacked(
    found: list[NDArray[Any] | None], valid: list[NDArray[np.bool_]], type_: PixelType
) -> NDArray[Any]:
    """Parts one below the other; those with nothing in them are zeros."""
    shape = next((part.shape[2:] for part in found if part is not None), ())
    return np.concatenate(
        [
            np.zeros((*seen.shape, *shape), type_.dtype) if part is None else part
            for part, seen in zip(found, valid, strict=True)
        ]
    )


def _quads(source: Projection, grid: Grid, window: Window, most: int) -> overlap.Quads:
    """The output pixels on the source's grid: corners are the centres of a grid shifted by half a pixel."""
    shape = window.height + 1, window.width + 1
    lookup = warp.positions(
        source, grid.translated(-0.5, -0.5), Window(window.col, window.row, shape[1], shape[0])
    )
    x, y = np.broadcast_to(lookup.cols, shape), np.broadcast_to(lookup.rows, shape)
    if lookup.outside is not None:
        x, y = np.where(lookup.outside, np.nan, x), np.where(lookup.outside, np.nan, y)
    return overlap.quads(x, y, most)
