"""Per-pixel work of several nodes in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.kernels.programs import strips
from ecumene.numerics.formulas import value_of
from ecumene.plan.given import evaluated
from ecumene.plan.node import Evaluation, Mask, Pixels, PlanNode, empty, is_empty
from ecumene.plan.shared import Place, Shape, Variant, machine_code


@dataclass(slots=True)
class Several(Pixels):
    """What a region with several results hands over; ``values`` and ``mask`` are the first one's."""

    parts: tuple[Pixels, ...] = ()


@dataclass(frozen=True, eq=False)
class Fused(PlanNode):
    """A region of per-pixel nodes whose inner results nobody else uses.

    Parameters
    ----------
    asked : what it reads.
    leaves : what the bodies know these inputs as.
    bodies : the nodes whose pixels it makes, one or more.
    shape : their structure, and ``numbers`` of each of its steps.
    """

    asked: tuple[PlanNode, ...]
    leaves: tuple[PlanNode, ...]
    bodies: tuple[PlanNode, ...]
    shape: Shape
    numbers: tuple[tuple[object, ...], ...]
    type: PixelType

    def inputs(self) -> Iterator[PlanNode]:
        """What it reads; the bodies are evaluated here."""
        yield from self.asked

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Pixels of the only body, or ``Several``."""
        parts: dict[int, Pixels] = {}
        nothing: set[int] = set()
        for k in self._order():
            pixels = parts[k] = yield self.asked[k], grid, window
            if is_empty(pixels):
                nothing.add(k)
                if all(nothing & needed for needed in self.shape.needed):
                    found = [empty(window, body.type.dtype) for body in self.bodies]
                    return _together(found)
        pixels_of = [parts[k] for k in range(len(self.asked))]
        if any(
            pixels.values.dtype.str[1:] != dtype or pixels.values.ndim != 2
            for pixels, dtype in zip(pixels_of, self.shape.inputs, strict=True)
        ):
            known = dict(zip(map(id, self.leaves), pixels_of, strict=True))
            bodies = [evaluated(body, known, grid, window, context) for body in self.bodies]
            return _together(bodies)
        return _together(self._computed(pixels_of, window))

    def _order(self) -> list[int]:
        """Inputs, those first without which there is nothing to compute."""
        first = frozenset().union(*self.shape.needed)
        return sorted(range(len(self.asked)), key=lambda k: k not in first)

    def _computed(self, inputs: list[Pixels], window: Window) -> list[Pixels]:
        masks = tuple("" if p.mask is None else p.mask.dtype.str[1:] for p in inputs)
        compiled = machine_code(self.shape, masks)
        variant = self.shape.variant(masks) if compiled is None else compiled[0]
        given = [_array(inputs[k], is_mask) for k, is_mask in variant.given]
        program = variant.program
        made: list[NDArray[Any]] = []
        if program is not None:
            made = [np.empty(window.shape, dtype) for dtype in program.outputs]
            constants = self._constants(variant)
            if compiled is None:
                strips.run(program, given, constants, made)
            else:
                compiled[1](given, constants, made)
        return [
            Pixels(_found(value, given, made), _mask(_found(mask, given, made)))
            for value, mask in variant.results
        ]

    def _constants(self, variant: Variant) -> list[Any]:
        return [value_of(self.numbers[step][index], dtype) for step, index, dtype in variant.slots]


def _array(pixels: Pixels, is_mask: bool) -> NDArray[Any]:
    if not is_mask:
        return pixels.values
    return np.ones(pixels.values.shape, bool) if pixels.mask is None else pixels.mask


def _found(place: Place, given: list[NDArray[Any]], made: list[NDArray[Any]]) -> Any:
    if place is None:
        return None
    return (given if place[0] == "given" else made)[place[1]]


def _mask(mask: Mask) -> Mask:
    """The simplest that says the same: None where everything is valid, bool where nothing is partial."""
    if mask is None:
        return None
    if mask.dtype != bool:
        if not bool(((mask == 0) | (mask == 1)).all()):
            return mask
        mask = mask > 0
    return None if bool(mask.all()) else mask


def _together(found: list[Pixels]) -> Pixels:
    return (
        found[0] if len(found) == 1 else Several(found[0].values, found[0].mask, None, tuple(found))
    )


@dataclass(frozen=True, eq=False)
class Output(PlanNode):
    """One of the results of a region that has several."""

    region: Fused
    index: int
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """The pixels of one body."""
        pixels = yield self.region, grid, window
        if isinstance(pixels, Several):
            return pixels.parts[self.index]
        return pixels
