"""Choosing between two images pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.numerics.elementwise import saturate
from ecumene.plan.node import Evaluation, Mask, Pixels, PlanNode, empty, is_empty, joined


@dataclass(frozen=True, eq=False)
class Choice(PlanNode):
    """``yes`` where the test is not 0, else ``no``; masked where the test or the chosen one is."""

    test: PlanNode
    yes: PlanNode
    no: PlanNode
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Chosen values with their masks; a branch that no pixel takes is not computed."""
        test = yield self.test, grid, window
        if is_empty(test):
            return empty(window, self.type.dtype)
        chosen = test.values != 0
        if chosen.all() or not chosen.any():
            only = yield self.yes if chosen.all() else self.no, grid, window
            return Pixels(saturate(only.values, self.type), joined(test.mask, only.mask))
        yes = yield self.yes, grid, window
        no = yield self.no, grid, window
        values = np.where(chosen, saturate(yes.values, self.type), saturate(no.values, self.type))
        mask: Mask = None
        if yes.mask is not None or no.mask is not None:
            mask = np.where(
                chosen, 1 if yes.mask is None else yes.mask, 1 if no.mask is None else no.mask
            ).astype("float32")
            if all(m is None or m.dtype == bool for m in (yes.mask, no.mask)):
                mask = mask > 0
        return Pixels(values, joined(test.mask, mask))
