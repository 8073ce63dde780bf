"""Nodes of terrain: gradients per metre."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.context import Context
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.numerics.elementwise import saturate
from ecumene.plan.node import Evaluation, Mask, Pixels, PlanNode, empty, is_empty


def cell_sizes(grid: Grid, window: Window) -> tuple[Any, Any]:
    """Width and height of pixels in metres; degrees of longitude shrink with the cosine of the latitude."""
    a, _, _, _, e, f = grid.transform
    unit = crs_.metres_per_unit(grid.crs)
    if not crs_.is_geographic(grid.crs):
        return abs(a) * unit, abs(e) * unit
    rows = np.arange(window.row, window.row + window.height, dtype="float64")[:, None] + 0.5
    return abs(a) * unit * np.maximum(np.cos(np.radians(e * rows + f)), 1e-9), abs(e) * unit


@dataclass(frozen=True, eq=False)
class Terrain(PlanNode):
    """``slope`` or ``aspect`` in degrees, or ``hillshade`` 0–255 (``params`` = azimuth, elevation), or per-metre

    gradients ``x`` and ``y``, from the four edge neighbours; masked where one of them is.
    """

    input: PlanNode
    kind: str
    params: tuple[float, ...]
    type: PixelType

    @property
    def takes_arrays(self) -> bool:
        """Never."""
        return False

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """The quantity of every pixel."""
        pixels = yield self.input, grid, window.grown(1, 1, 1, 1)
        if is_empty(pixels):
            return empty(window, self.type.dtype)
        z = pixels.values.astype("float64")
        width, height = cell_sizes(grid, window)
        sign_x = 1.0 if grid.transform[0] > 0 else -1.0
        sign_y = 1.0 if grid.transform[4] < 0 else -1.0
        east = sign_x * (z[1:-1, 2:] - z[1:-1, :-2]) / (2 * width)
        north = sign_y * (z[:-2, 1:-1] - z[2:, 1:-1]) / (2 * height)
        values = self._quantity(east, north)
        mask: Mask = None
        if pixels.mask is not None:
            good = pixels.valid()
            mask = (
                good[1:-1, 2:]
                & good[1:-1, :-2]
                & good[:-2, 1:-1]
                & good[2:, 1:-1]
                & good[1:-1, 1:-1]
            )
        return Pixels(saturate(values, self.type), mask)

    def _quantity(self, east: NDArray[Any], north: NDArray[Any]) -> NDArray[Any]:
        if self.kind == "x":
            return east
        if self.kind == "y":
            return north
        slope = np.arctan(np.hypot(east, north))
        if self.kind == "slope":
            return np.asarray(np.degrees(slope))
        aspect = np.degrees(np.arctan2(-east, -north)) % 360
        aspect = np.where((east == 0) & (north == 0), 0.0, aspect)
        if self.kind == "aspect":
            return np.asarray(aspect)
        azimuth, elevation = (math.radians(v) for v in self.params)
        zenith = math.pi / 2 - elevation
        light = math.cos(zenith) * np.cos(slope)
        light = light + math.sin(zenith) * np.sin(slope) * np.cos(azimuth - np.radians(aspect))
        return np.asarray(np.rint(np.clip(light, 0, 1) * 255))
