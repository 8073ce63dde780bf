"""Nodes that bring shapes onto the grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.geometry import Geometry
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.numerics.elementwise import saturate
from ecumene.plan.node import Evaluation, Mask, Pixels, PlanNode, empty, is_empty, joined
from ecumene.raster.coverage import bounds_window, centres, coverage, to_pixels
from ecumene.vector.transform import to_crs


@lru_cache(maxsize=512)
def placed(geometry: Geometry, crs: str) -> Geometry:
    """The geometry in a CRS with straight edges; kept, since every block of a request asks for it."""
    return to_crs(geometry, crs)


def clipped_mask(geometry: Geometry, grid: Grid, window: Window) -> Mask:
    """Coverage of each pixel as a mask: None if all are inside, bool if none is partial."""
    if geometry.unbounded:
        return None
    shape = placed(geometry, grid.crs)
    box = bounds_window(shape, grid)
    if (
        box.col >= window.col + window.width
        or box.row >= window.row + window.height
        or box.col + box.width <= window.col
        or box.row + box.height <= window.row
    ):
        return np.broadcast_to(np.zeros((), bool), window.shape)
    covered = coverage(shape, grid, window)
    if bool((covered >= 1).all()):
        return None
    if bool(((covered == 0) | (covered == 1)).all()):
        return covered > 0
    return covered


@dataclass(frozen=True, eq=False)
class Clip(PlanNode):
    """The input inside a geometry; pixels at the edge keep the covered fraction as mask."""

    input: PlanNode
    geometry: Geometry
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Same values, smaller mask."""
        mask = clipped_mask(self.geometry, grid, window)
        if mask is not None and mask.dtype == bool and not any(mask.strides) and not mask.flat[0]:
            return empty(window, self.type.dtype)
        pixels = yield self.input, grid, window
        if is_empty(pixels):
            return pixels
        return Pixels(pixels.values, joined(pixels.mask, mask), pixels.lengths)


@dataclass(frozen=True, eq=False)
class Paint(PlanNode):
    """Shapes drawn in order, the last on top, over an input (None: nothing).

    ``shapes`` are ``(geometry, value)``; without ``width`` pixels whose centre is inside are filled, with
    it outlines of that many pixels are drawn. Points are discs of that diameter.
    """

    input: PlanNode | None
    shapes: tuple[tuple[Geometry, float], ...]
    width: float | None
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """Painted values; where nothing is drawn the input shows, or nothing."""
        values: NDArray[Any] = np.zeros(window.shape, self.type.dtype)
        mask: Any = np.zeros(window.shape, bool)
        if self.input is not None:
            pixels = yield self.input, grid, window
            values = saturate(pixels.values, self.type).copy()
            mask = np.ones(window.shape, bool) if pixels.mask is None else pixels.mask.copy()
        for geometry, value in self.shapes:
            context.cancel.check()
            drawn = self._drawn(geometry, grid, window)
            if drawn is not None and drawn.any():
                values[drawn] = value
                mask[drawn] = 1
        if bool((mask == 1).all()):
            return Pixels(values)
        return Pixels(values, mask)

    def _drawn(self, geometry: Geometry, grid: Grid, window: Window) -> NDArray[np.bool_] | None:
        shape = placed(geometry, grid.crs)
        reach = 2 if self.width is None else int(self.width) + 2
        box = bounds_window(shape, grid).grown(reach, reach, reach, reach)
        if (
            box.col >= window.col + window.width
            or box.row >= window.row + window.height
            or box.col + box.width <= window.col
            or box.row + box.height <= window.row
        ):
            return None
        if self.width is None:
            return centres(shape, grid, window)
        local = to_pixels(shape.shape, grid)
        lines = local.boundary if local.geom_type.endswith("Polygon") else local
        band = shapely.buffer(lines, max(self.width, 1e-6) / 2, quad_segs=4)
        unit = Grid(shape.crs)
        return centres(Geometry(band, shape.crs, geodesic=False), unit, window)
