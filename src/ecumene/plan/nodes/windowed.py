"""A node for everything that looks at a fixed number of pixels around a block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.numerics.elementwise import saturate
from ecumene.numerics.windows import LONG, WINDOW_OPS
from ecumene.numerics.windows.matrices import MATRIX_OPS
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty, is_empty

LARGEST = 16 * 2**20
"""Pixels of a block with its halo beyond four times the block."""


@dataclass(frozen=True, eq=False)
class Windowed(PlanNode):
    """An operator of ``numerics.windows`` on inputs that are read with a halo of ``halo`` pixels.

    ``together``: a pixel without any of the inputs is empty; else only one without all of them.
    """

    op: str
    operands: tuple[PlanNode, ...]
    halo: int
    params: tuple[Any, ...]
    type: PixelType
    together: bool = True

    @property
    def takes_arrays(self) -> bool:
        """Only operators on the matrix of each pixel."""
        return self.op in MATRIX_OPS

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """The operator's values and validity for the window."""
        h = self.halo
        grown = window.grown(h, h, h, h)
        if grown.width * grown.height > LARGEST + 4 * window.width * window.height:
            raise LimitExceeded(f"A neighbourhood of {h} pixels is too large to be computed.")
        axes = (0,) * self.type.dimensions
        values, valid, some = [], [], False
        for node in self.operands:
            pixels = yield node, grid, grown
            if is_empty(pixels):
                if self.together:
                    return empty(window, self.type.dtype, axes)
            else:
                some = True
            whole = (*grown.shape, *pixels.values.shape[2:])
            values.append(np.broadcast_to(pixels.values, whole))
            valid.append(None if pixels.mask is None else pixels.valid())
        if not some:
            return empty(window, self.type.dtype, axes)
        context.cancel.check()
        watched = {"check": context.cancel.check} if self.op in LONG else {}
        found, good = WINDOW_OPS[self.op](values, valid, h, *self.params, **watched)
        rounded = np.rint(found) if self.type.is_int and found.dtype.kind == "f" else found
        return Pixels(saturate(rounded, self.type), None if good is None or good.all() else good)
