"""Nodes of array pixels, several-valued nodes, and trained models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.numerics.arrays import ARRAY_OPS
from ecumene.numerics.elementwise import saturate
from ecumene.plan import ragged
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
    """An operator of ``numerics.arrays`` on array pixels: ``op(values of operands…, choices…, *params)``.

    The last ``choices`` operands are handed over as tuples of integers; with ``lenient`` a pixel where such a
    one is masked gets None there instead of being masked.
    """

    op: str
    operands: tuple[PlanNode, ...]
    params: tuple[Any, ...]
    type: PixelType
    choices: int = 0
    lenient: bool = False

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Vectorised over the pixels of equal shapes."""
        parts: list[Pixels] = []
        plain = len(self.operands) - self.choices
        for number, node in enumerate(self.operands):
            pixels = yield node, grid, window
            if is_empty(pixels):
                if number < plain or not self.lenient:
                    return empty(window, self.type.dtype, (0,) * self.type.dimensions)
                pixels = Pixels(pixels.values, np.zeros(window.shape, bool))
            parts.append(pixels)

        def function(*values: Any) -> Any:
            return ARRAY_OPS[self.op](*values, *self.params)

        try:
            values, mask, lengths = ragged.apply(
                function, parts[:plain], parts[plain:], self.lenient
            )
        except (IndexError, ValueError) as error:  # how NumPy refuses axes and shapes
            raise EvaluationError(
                f"Arrays of {parts[0].values.ndim - 2} dimensions do not fit the operation: {error}."
            ) from None
        if values.ndim != 2 + self.type.dimensions:
            return empty(window, self.type.dtype, (0,) * self.type.dimensions)
        return Pixels(saturate(values, self.type), mask, lengths)


@dataclass(frozen=True, eq=False)
class Gather(PlanNode):
    """Pixels of several images as one array: only of the images that are valid there in all their bands.

    ``rows[i]`` are the bands of the i-th image. Values are ``(h, w, images, bands)``, or ``(h, w, images)`` for
    one-dimensional types (which take one band).
    """

    rows: tuple[tuple[PlanNode, ...], ...]
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Stacked values, those that are there first; masked where no image is."""
        stack, seen = [], []
        for row in self.rows:
            parts: list[Pixels] = []
            for node in row:
                pixels = yield node, grid, window
                if is_empty(pixels):
                    break
                parts.append(pixels)
            if len(parts) < len(row):
                continue
            stack.append(np.stack([saturate(part.values, self.type) for part in parts], axis=2))
            mask = joined(*(part.mask for part in parts))
            seen.append(np.ones(window.shape, bool) if mask is None else np.asarray(mask > 0))
        if not stack:
            return empty(window, self.type.dtype, (0,) * self.type.dimensions)
        values, valid = np.stack(stack, axis=2), np.stack(seen, axis=2)
        if self.type.dimensions == 1:
            values = values[..., 0]
        if valid.all():
            return Pixels(values)
        order = np.argsort(~valid, axis=2, kind="stable")
        lifted = order.reshape(*order.shape, *(1,) * (values.ndim - 3))
        values = np.take_along_axis(values, lifted, axis=2)
        lengths = np.empty((*window.shape, self.type.dimensions), "int32")
        lengths[:] = values.shape[2:]
        lengths[..., 0] = valid.sum(axis=2)
        return Pixels(values, lengths[..., 0] > 0, lengths)


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

    @property
    def takes_arrays(self) -> bool:
        """Never."""
        return False

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
