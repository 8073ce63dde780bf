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
from ecumene.plan.nodes.statistics import Statistic, statistic

LARGEST = 16 * 2**20

KEPT = 1 << 20
"""Neighbours that an accumulator is given before it has to finish."""

UNWEIGHTED = frozenset(("count", "min", "max"))
"""Statistics that ask only whether a value is there."""


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

    @property
    def takes_arrays(self) -> bool:
        """Never."""
        return False

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
        context.cancel.check()
        pixels = Pixels(np.broadcast_to(pixels.values, grown.shape), pixels.mask)
        if self.op == "reduce":
            return self._reduced(pixels, kernel, window, context)
        valid = None if pixels.mask is None else pixels.valid()
        found, good = focal.STATISTICS[self.op](
            pixels.values, valid, kernel.weights, window.shape, *self.params
        )
        if self.op == "convolve":  # masked where its centre is; order statistics fill in
            good = _and(good, _centre(valid, kernel, window))
        whole = self.type.is_int and found.dtype.kind == "f"
        return _pixels(np.rint(found) if whole else found, good, self.type)

    def _reduced(self, pixels: Pixels, kernel: Kernel, window: Window, context: Context) -> Pixels:
        assert self.reducer is not None
        skip_masked, weighting = self.params
        known = statistic(self.reducer, self.output)
        weights = None if known is None else _weights(known, pixels.mask, kernel, weighting)
        if known is not None and weights is not None:
            found, good = _known(known, pixels, weights, window)
        else:
            found, good = self._accumulated(pixels, kernel, window, context)
        if pixels.mask is None:
            return _pixels(found, good, self.type)
        if skip_masked:
            good = _and(good, _centre(pixels.mask > 0, kernel, window))
        elif known is None or known.name == "count":  # others are masked there anyway
            good = _and(good, _some(pixels, kernel, window))
        return _pixels(found, good, self.type)

    def _accumulated(
        self, pixels: Pixels, kernel: Kernel, window: Window, context: Context
    ) -> focal.Result:
        """By the reducer's accumulator, some rows at a time; arrays of any length come at once."""
        cells = np.argwhere(kernel.weights != 0).tolist()
        step = max(1, KEPT // max(1, len(cells) * window.width))
        if self.type.dimensions:
            step = window.height
        found, valid = [], []
        for top in range(0, window.height, step):
            context.cancel.check()
            shape = min(step, window.height - top), window.width
            values, good = self._rows(pixels, kernel, cells, top, shape)
            found.append(values)
            valid.append(np.ones(shape, bool) if good is None else np.broadcast_to(good, shape))
        return np.concatenate(found), np.concatenate(valid)

    def _rows(
        self, pixels: Pixels, kernel: Kernel, cells: list[Any], top: int, shape: tuple[int, int]
    ) -> focal.Result:
        assert self.reducer is not None
        accumulator = self.reducer.accumulator
        state = accumulator.start(shape)
        for dy, dx in cells:
            place = np.s_[top + dy : top + dy + shape[0], dx : dx + shape[1]]
            own = None if pixels.mask is None else pixels.mask[place]
            weight = _weight(own, abs(float(kernel.weights[dy, dx])), self.params[1], shape)
            state = accumulator.add(state, [pixels.values[place][None]], [weight[None]])
        values, good = accumulator.finish(state)[self.output]
        return np.asarray(values), good


def _weight(own: Any, cell: float, weighting: str, shape: tuple[int, int]) -> NDArray[Any]:
    """Weights of one cell's pixels: of the kernel, the mask, or the smaller of both."""
    if own is None:
        return np.full(shape, {"mask": 1.0, "min": min(cell, 1.0)}.get(weighting, cell))
    if weighting == "kernel":
        return np.where(own > 0, cell, 0.0)
    mask: NDArray[Any] = own.astype("float64")
    return np.minimum(mask, cell) if weighting == "min" else mask


def _weights(known: Statistic, mask: Any, kernel: Kernel, weighting: str) -> Any:
    """The weights of the cells where they do not depend on the pixel; None where they do."""
    cells = np.abs(kernel.weights)
    once = np.asarray(cells != 0, np.float64)
    if not known.weighted or known.name in UNWEIGHTED:
        return once
    if weighting != "kernel" and mask is not None and mask.dtype != bool:
        return None
    if weighting != "kernel":
        cells = once if weighting == "mask" else np.minimum(cells, 1.0)
    used = cells[cells != 0]
    if known.name in ("median", "percentile", "mode") and not (used == used[:1]).all():
        return None
    return cells


def _known(known: Statistic, pixels: Pixels, weights: Any, window: Window) -> focal.Result:
    """By the kernels for moving windows; a NaN is missing."""
    values = pixels.values
    valid = None if pixels.mask is None else pixels.valid()
    if values.dtype.kind == "f" and np.isnan(values).any():
        number = ~np.isnan(values)
        valid = number if valid is None else valid & number
    name = "variance" if known.name == "stdDev" else known.name
    found, good = focal.STATISTICS[name](values, valid, weights, window.shape, *known.params)
    return (np.sqrt(found), good) if known.name == "stdDev" else (found, good)


def _some(pixels: Pixels, kernel: Kernel, window: Window) -> Any:
    """Where any neighbour is valid: a count of none is masked, as it is where a whole window is empty."""
    number, _ = focal.STATISTICS["count"](
        pixels.values, pixels.valid(), kernel.weights, window.shape
    )
    return number > 0


def _centre(valid: Any, kernel: Kernel, window: Window) -> Any:
    """What a mask of the grown window says of the pixels themselves."""
    x, y = kernel.focus
    return None if valid is None else valid[y : y + window.height, x : x + window.width]


def _and(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return a & b


def _pixels(values: NDArray[Any], good: Any, type_: PixelType) -> Pixels:
    return Pixels(saturate(values, type_), None if good is None or good.all() else good)
