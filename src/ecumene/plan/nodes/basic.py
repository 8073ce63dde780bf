"""Nodes that work pixel by pixel on their inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.numerics.elementwise import OPS, saturate
from ecumene.plan.node import Evaluation, Mask, Pixels, PlanNode, empty, is_empty, joined
from ecumene.plan.ragged import aligned


@dataclass(frozen=True, eq=False)
class Constant(PlanNode):
    """The same value (a number, or a nested tuple for arrays) everywhere, never masked."""

    value: Any
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """A view of one number: no memory per pixel."""
        value = np.asarray(self.value, self.type.dtype)
        return Pixels(np.broadcast_to(value, (*window.shape, *value.shape)))


@dataclass(frozen=True, eq=False)
class Masked(PlanNode):
    """Nothing anywhere."""

    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """Empty pixels."""
        return empty(window, self.type.dtype, (0,) * self.type.dimensions)


@dataclass(frozen=True, eq=False)
class Elementwise(PlanNode):
    """An operator of ``numerics.elementwise`` on pixels; masked where an input is, or by its domain."""

    op: str
    inputs_: tuple[PlanNode, ...]
    params: tuple[Any, ...]
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Applies the operator in the result's type."""
        parts: list[Pixels] = []
        for node in self.inputs_:
            pixels = yield node, grid, window
            if is_empty(pixels):
                return empty(window, self.type.dtype)
            parts.append(pixels)
        op = OPS[self.op]
        values = [part.values for part in parts]
        mask: Mask = joined(*(part.mask for part in parts))
        lengths = None
        if any(v.ndim > 2 for v in values):
            values, lengths, same = aligned(parts)
            mask = joined(mask, same)
        if op.valid is not None:
            domain = op.valid(*values, *self.params)
            if domain is not None and not domain.all():
                if domain.ndim > 2:
                    domain = domain.all(axis=tuple(range(2, domain.ndim)))
                mask = joined(mask, np.broadcast_to(domain, window.shape))
        out = op.apply(values, self.params, self.type)
        return Pixels(_whole(out, window), mask, lengths)


def _whole(values: NDArray[Any], window: Window) -> NDArray[Any]:
    if values.shape[:2] == window.shape:
        return values
    return np.broadcast_to(values, (*window.shape, *values.shape[2:]))


@dataclass(frozen=True, eq=False)
class Cast(PlanNode):
    """Another type: saturating at its range, fractions cut off, NaN becomes 0."""

    input: PlanNode
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Converted values, same mask."""
        pixels = yield self.input, grid, window
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        return Pixels(saturate(pixels.values, self.type), pixels.mask, pixels.lengths)


@dataclass(frozen=True, eq=False)
class MaskOf(PlanNode):
    """The mask of a band as values from 0 to 1, itself never masked."""

    input: PlanNode
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Zeros and ones, or fractions."""
        pixels = yield self.input, grid, window
        if pixels.mask is None:
            return Pixels(np.broadcast_to(np.ones((), self.type.dtype), window.shape))
        return Pixels(pixels.mask.astype(self.type.dtype))


def as_mask(pixels: Pixels) -> Mask:
    """A mask image as a mask: zero, negative, masked and NaN hide; values from 1 up show; between is partial."""
    values = pixels.values
    if values.dtype == bool:
        mask: Mask = values
    elif values.dtype.kind in "iu":
        mask = values > 0
    else:
        values = np.nan_to_num(np.clip(values, 0, 1), nan=0.0)
        mask = values > 0
        if bool(((values > 0) & (values < 1)).any()):
            mask = values.astype("float32")
    if (
        mask is not None
        and mask.dtype == bool
        and not any(mask.strides)
        and mask.size
        and mask.flat[0]
    ):
        mask = None
    return joined(mask, pixels.mask)


@dataclass(frozen=True, eq=False)
class UpdateMask(PlanNode):
    """Hides pixels: the mask becomes the product of the old one and the mask image."""

    input: PlanNode
    mask_image: PlanNode
    type: PixelType

    def check(self) -> None:
        """Masks are numbers."""
        super().check()
        _no_array(self.mask_image)

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Same values, smaller mask."""
        pixels = yield self.input, grid, window
        if is_empty(pixels):
            return pixels
        return masked(pixels, as_mask((yield self.mask_image, grid, window)))


def _no_array(mask: PlanNode) -> None:
    if mask.type.dimensions:
        raise EvaluationError("A mask must be a number at every pixel, not an array.")


def masked(pixels: Pixels, other: Mask) -> Pixels:
    """Pixels with the product of two masks."""
    if pixels.mask is None or other is None or (pixels.mask.dtype == bool and other.dtype == bool):
        return Pixels(pixels.values, joined(pixels.mask, other), pixels.lengths)
    product = pixels.mask.astype("float32") * other.astype("float32")
    return Pixels(pixels.values, product, pixels.lengths)


@dataclass(frozen=True, eq=False)
class ReplaceMask(PlanNode):
    """A new mask whatever the old one; pixels that it uncovers have the value 0 (or the nearest in range)."""

    input: PlanNode
    mask_image: PlanNode
    type: PixelType

    def check(self) -> None:
        """Masks are numbers."""
        super().check()
        _no_array(self.mask_image)

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Values with the new mask."""
        pixels = yield self.input, grid, window
        mask = as_mask((yield self.mask_image, grid, window))
        values = pixels.values
        if pixels.mask is not None:
            low, high = self.type.bounds
            zero = min(max(0, low), high)
            values = np.where(_lifted(pixels.valid(), values), values, values.dtype.type(zero))
        return Pixels(values, mask, pixels.lengths)


def _lifted(mask: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    return mask.reshape(*mask.shape, *(1,) * (values.ndim - 2))


@dataclass(frozen=True, eq=False)
class Unmask(PlanNode):
    """Another image where the input is masked; outside ``footprint`` (if given) it stays masked."""

    input: PlanNode
    value: PlanNode
    footprint: PlanNode | None
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Filled values."""
        pixels = yield self.input, grid, window
        if pixels.mask is None:
            return Pixels(saturate(pixels.values, self.type))
        other = yield self.value, grid, window
        valid = pixels.valid()
        values = np.where(
            _lifted(valid, pixels.values),
            saturate(pixels.values, self.type),
            saturate(other.values, self.type),
        )
        filled: Mask
        if other.mask is None:
            filled = np.where(valid, pixels.mask, pixels.mask.dtype.type(1))
        else:
            filled = np.where(valid, pixels.mask.astype("float32"), other.mask.astype("float32"))
            if pixels.mask.dtype == bool and other.mask.dtype == bool:
                filled = filled > 0
        if self.footprint is not None:
            inside = yield self.footprint, grid, window
            filled = joined(
                filled, None if inside.mask is None else np.asarray(inside.valid() | valid)
            )
        if filled is not None and bool((filled == 1).all()):
            filled = None
        return Pixels(values, filled)


@dataclass(frozen=True, eq=False)
class Where(PlanNode):
    """The second image where input, test and value are all valid and the test is not zero."""

    input: PlanNode
    test: PlanNode
    value: PlanNode
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Chosen values, the input's mask (the value's where it was chosen)."""
        pixels = yield self.input, grid, window
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        test = yield self.test, grid, window
        value = yield self.value, grid, window
        if not is_empty(value) and value.values.ndim != pixels.values.ndim:
            raise EvaluationError("Image.where: The value must have pixels of the input's kind.")
        if test.values.ndim > 2:
            raise EvaluationError("Image.where: The test must have numbers as pixels.")
        chosen = (test.values != 0) & test.valid() & value.valid() & pixels.valid()
        values = np.where(
            _lifted(chosen, pixels.values),
            saturate(value.values, self.type),
            saturate(pixels.values, self.type),
        )
        return Pixels(values, pixels.mask)


@dataclass(frozen=True, eq=False)
class Blend(PlanNode):
    """One image over another: the upper one's mask is its opacity."""

    bottom: PlanNode
    top: PlanNode
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Blended values, the larger mask."""
        top = yield self.top, grid, window
        if top.mask is None:
            return Pixels(saturate(top.values, self.type))
        bottom = yield self.bottom, grid, window
        return over(bottom, top, self.type)


def over(bottom: Pixels, top: Pixels, type_: PixelType) -> Pixels:
    """``top`` above ``bottom``; partial masks mix the values."""
    if top.mask is None:
        return Pixels(saturate(top.values, type_))
    if is_empty(top):
        return Pixels(saturate(bottom.values, type_), bottom.mask)
    if top.mask.dtype == bool:
        values = np.where(
            _lifted(top.mask, top.values),
            saturate(top.values, type_),
            saturate(bottom.values, type_),
        )
        mask: Mask = None if bottom.mask is None else np.maximum(top.mask, bottom.mask)
        if bottom.mask is not None and bottom.mask.dtype != bool:
            mask = np.maximum(top.mask.astype("float32"), bottom.mask)
        return Pixels(values, mask)
    opacity = top.mask.astype("float32")
    under = np.ones_like(opacity) if bottom.mask is None else bottom.mask.astype("float32")
    rest = under * (1 - opacity)
    total = opacity + rest
    weight = opacity / np.where(total == 0, 1, total)
    mixed = top.values * weight.astype("float64") + bottom.values * (1 - weight.astype("float64"))
    mixed = np.where(opacity >= 1, top.values, np.where(opacity <= 0, bottom.values, mixed))
    mask = None if bottom.mask is None else total
    return Pixels(saturate(np.rint(mixed) if type_.is_int else mixed, type_), mask)


@dataclass(frozen=True, eq=False)
class Remap(PlanNode):
    """Listed values replaced; others become ``default``, or masked where there is none."""

    input: PlanNode
    from_: tuple[float, ...]
    to: tuple[float, ...]
    default: float | None
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Looked-up values."""
        pixels = yield self.input, grid, window
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        keys = np.asarray(self.from_, "float64")
        order = np.argsort(keys, kind="stable")
        keys, targets = keys[order], np.asarray(self.to, "float64")[order]
        values = pixels.values.astype("float64")
        place = np.clip(np.searchsorted(keys, values), 0, keys.size - 1)
        known = keys[place] == values
        out = targets[place]
        if self.default is not None:
            return Pixels(saturate(np.where(known, out, self.default), self.type), pixels.mask)
        return Pixels(saturate(out, self.type), joined(pixels.mask, known))


@dataclass(frozen=True, eq=False)
class Inside(PlanNode):
    """One within the footprint of an image, masked outside (coverage decides at the edge)."""

    geometry: Geometry
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation | Pixels:
        """A mask of the footprint."""
        from ecumene.plan.nodes.shapes import clipped_mask  # shapes builds on this module

        mask = clipped_mask(self.geometry, grid, window)
        return Pixels(np.broadcast_to(np.ones((), "uint8"), window.shape), mask)
