"""Nodes that look at the pixels around each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.core.reducer import Reducer
from ecumene.numerics import focal
from ecumene.numerics.elementwise import saturate
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty, is_empty

LARGEST = 16 * 2**20


@lru_cache(maxsize=256)
def sized(kernel: Kernel, metres: float) -> Kernel:
    """A kernel of metres in pixels of a grid; others as they are."""
    return kernel.sized(metres) if kernel.units == "meters" and kernel.sized is not None else kernel


@dataclass(frozen=True, eq=False)
class Neighborhood(PlanNode):
    """A statistic of the pixels under a kernel around each pixel.

    ``op``: ``convolve`` ``mean`` ``median`` ``min`` ``max`` ``mode`` (see ``numerics.focal``), ``reduce`` (the
    reducer's accumulator with the kernel's weights), ``shift`` (``params`` = (dx, dy)). The halo is the kernel's.
    """

    input: PlanNode
    kernel: Kernel
    op: str
    reducer: Reducer | None
    params: tuple[Any, ...]
    output: int
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """The statistic of every pixel of the window."""
        kernel = sized(self.kernel, grid.nominal_scale)
        height, width = kernel.weights.shape
        x, y = kernel.focus
        grown = window.grown(x, y, width - 1 - x, height - 1 - y)
        if grown.width * grown.height > LARGEST + 4 * window.width * window.height:
            raise LimitExceeded(
                f"The kernel of {width} x {height} pixels is too large for this scale; use a coarser one."
            )
        pixels = yield self.input, grid, grown
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        valid = None if pixels.mask is None else pixels.valid()
        values = np.broadcast_to(pixels.values, grown.shape)
        if self.op == "reduce":
            return self._reduced(values, pixels.mask, kernel, window)
        out, good = focal.STATISTICS[self.op](
            values, valid, kernel.weights, window.shape, *self.params
        )
        if good is not None and self._keeps_mask() and valid is not None:
            good = good & valid[y : y + window.height, x : x + window.width]
        return Pixels(
            saturate(
                np.rint(out) if self.type.is_int and out.dtype.kind == "f" else out, self.type
            ),
            good,
        )

    def _keeps_mask(self) -> bool:
        """Convolutions are masked where their centre is; order statistics fill in."""
        return self.op == "convolve"

    def _reduced(
        self, values: NDArray[Any], mask: NDArray[Any] | None, kernel: Kernel, window: Window
    ) -> Pixels:
        assert self.reducer is not None
        skip_masked, weighting = self.params
        x, y = kernel.focus
        accumulator = self.reducer.accumulator
        state = accumulator.start(window.shape)
        for dy, dx in np.argwhere(kernel.weights != 0).tolist():
            part = values[dy : dy + window.height, dx : dx + window.width]
            weight: Any = (
                abs(float(kernel.weights[dy, dx])) if weighting in ("kernel", "min") else 1.0
            )
            own = None if mask is None else mask[dy : dy + window.height, dx : dx + window.width]
            if own is None:
                total = np.full(window.shape, weight)
            elif weighting == "kernel":
                total = np.where(own > 0, weight, 0.0)
            else:
                total = (
                    np.minimum(own.astype("float64"), weight)
                    if weighting == "min"
                    else own.astype("float64")
                )
            state = accumulator.add(state, [part[None]], [total[None]])
        found, valid = accumulator.finish(state)[self.output]
        if skip_masked and mask is not None:
            centre = mask[y : y + window.height, x : x + window.width] > 0
            valid = centre if valid is None else valid & centre
        return Pixels(saturate(np.asarray(found), self.type), valid)
