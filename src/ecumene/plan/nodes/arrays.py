"""Nodes of array pixels, several-valued nodes, and trained models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.numerics.arrays import ARRAY_OPS
from ecumene.numerics.elementwise import saturate
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty, is_empty, joined


@dataclass(frozen=True, eq=False)
class Stack(PlanNode):
    """Bands put together into one-dimensional array pixels; masked where any is."""

    layers: tuple[PlanNode, ...]
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Values ``(h, w, n)``."""
        parts: list[Pixels] = []
        for node in self.layers:
            pixels = yield node, grid, window
            if is_empty(pixels):
                return empty(window, self.type.dtype, (len(self.layers),))
            parts.append(pixels)
        values = np.stack([saturate(part.values, self.type) for part in parts], axis=2)
        return Pixels(values, joined(*(part.mask for part in parts)))


@dataclass(frozen=True, eq=False)
class ArrayOp(PlanNode):
    """An operator of ``numerics.arrays`` on array pixels: ``op(values of inputs…, *params)``."""

    op: str
    operands: tuple[PlanNode, ...]
    params: tuple[Any, ...]
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Vectorised over the block."""
        parts: list[Pixels] = []
        for node in self.operands:
            pixels = yield node, grid, window
            if is_empty(pixels):
                return empty(window, self.type.dtype, (0,) * self.type.dimensions)
            parts.append(pixels)
        values, good = ARRAY_OPS[self.op](*(part.values for part in parts), *self.params)
        return Pixels(saturate(values, self.type), joined(*(part.mask for part in parts), good))


@dataclass(frozen=True, eq=False)
class Pick(PlanNode):
    """One plane of a node whose values are ``(h, w, n)``."""

    input: PlanNode
    index: int
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Values ``(h, w)``."""
        pixels = yield self.input, grid, window
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        return Pixels(saturate(pixels.values[:, :, self.index], self.type), pixels.mask)


@dataclass(frozen=True, eq=False)
class Predict(PlanNode):
    """A trained model applied to the bands of each pixel that is valid in all of them.

    ``model`` offers ``plan_token`` and ``predict(columns (n, bands)) -> (n,) or (n, k)``.
    """

    model: Any
    features: tuple[PlanNode, ...]
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Predictions; masked where an input is."""
        parts: list[Pixels] = []
        for node in self.features:
            pixels = yield node, grid, window
            if is_empty(pixels):
                return empty(window, self.type.dtype, (1,) * self.type.dimensions)
            parts.append(pixels)
        mask = joined(*(part.mask for part in parts))
        valid = np.ones(window.shape, bool) if mask is None else np.asarray(mask > 0)
        columns = np.stack(
            [np.broadcast_to(part.values, window.shape)[valid] for part in parts], axis=1
        )
        if columns.shape[0] == 0:
            return empty(window, self.type.dtype, (1,) * self.type.dimensions)
        found = np.asarray(self.model.predict(columns))
        out = np.zeros((*window.shape, *found.shape[1:]), self.type.dtype)
        out[valid] = saturate(found, self.type)
        return Pixels(out, mask)
