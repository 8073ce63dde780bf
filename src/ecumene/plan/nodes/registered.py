"""A node for displacements between two images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.numerics import registration
from ecumene.numerics.registration import MARGIN, Net
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty, is_empty


@dataclass(frozen=True, eq=False)
class Registered(PlanNode):
    """Displacements ``(x, y, confidence)`` in metres from the reference to the image, on any grid that is asked for.

    Points of the net lie ``spacing`` pixels apart at fixed places of the grid; see ``numerics.registration``.
    """

    image: tuple[PlanNode, ...]
    reference: tuple[PlanNode, ...]
    reach: int
    half: int
    spacing: int
    stiffness: float
    type: PixelType

    @property
    def takes_arrays(self) -> bool:
        """Never."""
        return False

    @property
    def room(self) -> int:
        """Pixels around a window that are read, at most."""
        return (MARGIN + 2) * self.spacing + self.half + self.reach

    def _net(self, window: Window) -> Net:
        """The points that a window depends on."""
        rows, cols = (
            (int((first + 0.5) // self.spacing) - MARGIN, int((first + size - 0.5) // self.spacing) + 1 + MARGIN)
            for first, size in ((window.row, window.height), (window.col, window.width))
        )  # fmt: skip
        return Net(
            rows[0], cols[0], rows[1] - rows[0] + 1, cols[1] - cols[0] + 1,
            self.spacing, self.half, self.reach,
        )  # fmt: skip

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Masked where nothing is found nearby."""
        net = self._net(window)
        around = self.half + self.reach
        area = Window(
            net.col * self.spacing - around, net.row * self.spacing - around,
            (net.width - 1) * self.spacing + 2 * around, (net.height - 1) * self.spacing + 2 * around,
        )  # fmt: skip
        stacks: list[NDArray[np.float64]] = []
        shown: list[NDArray[np.bool_]] = []
        for nodes in (self.reference, self.image):
            values, valid = [], np.ones(area.shape, bool)
            for node in nodes:
                pixels = yield node, grid, area
                if is_empty(pixels):
                    return empty(window, self.type.dtype, (0,))
                values.append(np.broadcast_to(pixels.values, area.shape).astype("float64"))
                valid = valid & pixels.valid()
            stacks.append(np.stack(values))
            shown.append(valid)
        context.cancel.check()
        found = registration.matched(
            stacks[0], stacks[1], (shown[0], shown[1]), net, context.cancel.check
        )
        found = registration.settled(found, self.stiffness, self.reach)
        return self._pixels(found, net, grid, window)

    def _pixels(self, found: registration.Matches, net: Net, grid: Grid, window: Window) -> Pixels:
        rows = (np.arange(window.row, window.row + window.height) + 0.5) / self.spacing - net.row
        cols = (np.arange(window.col, window.col + window.width) + 0.5) / self.spacing - net.col
        down, across, score = (
            registration.between(values, rows, cols)
            for values in (found.down, found.across, found.score)
        )
        a, b, _, d, e, _ = grid.transform
        unit = crs_.metres_per_unit(grid.crs)
        planes: list[Any] = [(a * across + b * down) * unit, (d * across + e * down) * unit, score]
        return Pixels(np.stack(planes, axis=2), score > 0)
