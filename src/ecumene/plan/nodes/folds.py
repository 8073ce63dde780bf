"""Nodes that reduce a collection per pixel."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.core.reducer import Reducer
from ecumene.numerics import folds
from ecumene.numerics.elementwise import saturate
from ecumene.numerics.layers import Layer
from ecumene.plan.node import Evaluation, Mask, Need, Pixels, PlanNode, empty, is_empty
from ecumene.plan.nodes.basic import as_mask, masked, over
from ecumene.plan.nodes.sources import Source
from ecumene.plan.ragged import dense
from ecumene.raster import source


@dataclass(frozen=True, eq=False)
class Fold(PlanNode):
    """A reducer over images. ``stacks[i]`` are the nodes of its i-th input, one per image.

    Images that have nothing in the window cost nothing. Reducers known to ``numerics.folds`` stream;
    others get their accumulator, one image at a time. ``hides`` (from ``plan.lower``) are mask images of each
    image of a single input, applied one after the other: stored bands then reach the fold as they are stored,
    and an image that is hidden in the whole window is not read at all.
    """

    reducer: Reducer
    stacks: tuple[tuple[PlanNode, ...], ...]
    output: int
    type: PixelType
    hides: tuple[tuple[PlanNode, ...], ...] = ()

    @property
    def takes_arrays(self) -> bool:
        """Where the reducer does; most take a number of each pixel."""
        return self.reducer.of_arrays

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """One output of the reducer."""
        simple = self._simple(window)
        if simple is None:
            return (yield from self._general(grid, window, context))
        some = False
        for k in range(len(self.stacks[0])):
            some = (yield from self._offered(k, simple, grid, window, context)) or some
        if not some:
            return empty(window, self.type.dtype)
        values, seen = simple.finish()
        return Pixels(saturate(values, self.type), seen)

    def _offered(
        self, k: int, simple: folds.Fold, grid: Grid, window: Window, context: Context
    ) -> Generator[Need, Pixels, bool]:
        """Gives an image to the fold; False if it has nothing in the window."""
        node = self.stacks[0][k]
        stored = isinstance(node, Source) and node.direct
        pixels = None
        if not stored:
            pixels = yield node, grid, window
            if is_empty(pixels):
                return False
        elif not source.touches(node.band, grid, window):  # type: ignore[attr-defined]
            return False
        masks: list[Mask] = []
        for hide in self.hides[k] if self.hides else ():
            mask = as_mask((yield hide, grid, window))
            if mask is not None and not mask.any():
                return False
            masks.append(mask)
        if pixels is None:
            context.cancel.check()
            layer = node.layer(grid, window, context)  # type: ignore[attr-defined]
            if layer is None:
                return False
            if all(mask is None or mask.dtype == bool for mask in masks):
                simple.offer(_hidden(layer, masks))
                return True
            values, valid = layer.gathered()
            pixels = Pixels(
                values.reshape(window.shape), None if valid is None else valid.reshape(window.shape)
            )
        for mask in masks:
            pixels = masked(pixels, mask)
        simple.add(pixels.values, pixels.mask)
        return True

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
        """An accumulator takes one image after the other."""
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
        lengths = None
        if isinstance(values, np.ndarray) and values.dtype == object and self.type.dimensions:
            values, lengths = dense(values, self.type.dimensions)
        return Pixels(saturate(np.asarray(values), self.type), valid, lengths)


def _hidden(layer: Layer, masks: list[Mask]) -> Layer:
    """A layer with more hidden."""
    valid = layer.valid
    for mask in masks:
        if mask is not None:
            flat = np.ascontiguousarray(mask, bool).reshape(-1)
            valid = flat if valid is None else valid & flat
    layer.valid = valid
    return layer


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
