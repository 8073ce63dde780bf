"""Nodes that reduce a collection per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.core.reducer import Reducer
from ecumene.numerics import folds
from ecumene.numerics.elementwise import saturate
from ecumene.plan.node import Evaluation, Mask, Pixels, PlanNode, empty, is_empty
from ecumene.plan.nodes.basic import over


@dataclass(frozen=True, eq=False)
class Fold(PlanNode):
    """A reducer over images. ``stacks[i]`` are the nodes of its i-th input, one per image.

    Images that have nothing in the window cost nothing. Reducers known to ``numerics.folds`` stream;
    others get their accumulator, one image at a time.
    """

    reducer: Reducer
    stacks: tuple[tuple[PlanNode, ...], ...]
    output: int
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """One output of the reducer."""
        simple = self._simple(window)
        if simple is None:
            return (yield from self._general(grid, window, context))
        some = False
        for node in self.stacks[0]:
            pixels = yield node, grid, window
            if not is_empty(pixels):
                some = True
                simple.add(pixels.values, pixels.mask)
        if not some:
            return empty(window, self.type.dtype)
        values, seen = simple.finish()
        return Pixels(saturate(values, self.type), seen)

    def _simple(self, window: Window) -> folds.Fold | None:
        if len(self.stacks) != 1 or not self.stacks[0]:
            return None
        first = self.stacks[0][0]
        if first.type.dimensions:
            return None
        dtype = np.result_type(*{node.type.dtype for node in self.stacks[0]})
        if self.reducer.name == "Reducer.percentile":
            percents = self.reducer.arguments.get("percentiles") or ()
            if len(percents) != len(self.reducer.outputs):
                return None
            return folds.Percentile(window.shape, dtype, float(percents[self.output]))
        if len(self.reducer.outputs) != 1:
            return None
        maker = folds.FOLDS.get(self.reducer.name)
        return None if maker is None else maker(window.shape, dtype, self.reducer.arguments)

    def _general(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        accumulator = self.reducer.accumulator
        state = accumulator.start(window.shape)
        some = False
        for nodes in zip(*self.stacks, strict=True):
            inputs, weights, here = [], [], True
            for node in nodes:
                pixels = yield node, grid, window
                here = here and not is_empty(pixels)
                inputs.append(np.broadcast_to(pixels.values, pixels.values.shape)[None])
                weights.append(None if pixels.mask is None else pixels.mask[None])
            if here:
                some = True
                state = accumulator.add(state, inputs, weights)
        if not some:
            return empty(window, self.type.dtype)
        values, valid = accumulator.finish(state)[self.output]
        return Pixels(saturate(np.asarray(values), self.type), valid)


@dataclass(frozen=True, eq=False)
class Mosaic(PlanNode):
    """Images laid over each other, the last on top; partial masks let the lower ones through."""

    layers: tuple[PlanNode, ...]
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """From the top down, stopping where everything is covered."""
        result: Pixels | None = None
        for node in reversed(self.layers):
            pixels = yield node, grid, window
            if is_empty(pixels):
                continue
            result = (
                Pixels(saturate(pixels.values, self.type), pixels.mask)
                if result is None
                else over(pixels, result, self.type)
            )
            if result.mask is None or bool((result.mask >= 1).all()):
                return Pixels(result.values)
        return result if result is not None else empty(window, self.type.dtype)


@dataclass(frozen=True, eq=False)
class QualityMosaic(PlanNode):
    """At each pixel the image whose quality is largest (of equals the first); masked qualities never win."""

    qualities: tuple[PlanNode, ...]
    layers: tuple[PlanNode, ...]
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Values of the winners."""
        best: Any = None
        values: Any = np.zeros(window.shape, self.type.dtype)
        mask: Any = np.zeros(window.shape, "float32")
        for quality_node, node in zip(self.qualities, self.layers, strict=True):
            quality = yield quality_node, grid, window
            if is_empty(quality):
                continue
            if best is None:
                best = np.full(window.shape, -np.inf)
            wins = quality.valid() & ((quality.values > best) | (np.isneginf(best) & (mask == 0)))
            if not wins.any():
                continue
            pixels = yield node, grid, window
            best = np.where(wins, quality.values, best)
            values = np.where(wins, saturate(pixels.values, self.type), values)
            own: Mask = pixels.mask
            mask = np.where(wins, 1.0 if own is None else own, mask).astype("float32")
        if best is None:
            return empty(window, self.type.dtype)
        flat: Mask = mask > 0 if bool(((mask == 0) | (mask == 1)).all()) else mask
        return Pixels(values, None if bool((mask == 1).all()) else flat)
