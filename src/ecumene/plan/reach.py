"""What each kind of node asks of its inputs, known without reading a pixel.

Windows are upper bounds of those that ``evaluate`` of the same node asks for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache, singledispatch

import numpy as np

from ecumene.core import caches
from ecumene.core.projection import Grid, Window, compose, invert
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import (
    Celled,
    ConnectedCount,
    ConnectedLabels,
    ConnectedReduce,
    Displaced,
    Moved,
    Neighborhood,
    ReduceResolution,
    Registered,
    Reproject,
    Resample,
    Windowed,
)
from ecumene.plan.nodes.celled import aligned
from ecumene.plan.nodes.neighborhood import sized
from ecumene.plan.nodes.terrain import Terrain
from ecumene.raster import warp

SAMPLES = 9
"""Points along each side of the lattice that a window's extent on another grid is taken from."""

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Demand:
    """Pixels that are asked of a node: the request's ``whole`` window on ``grid``, in blocks of ``(height, width)``.

    ``whole`` None: the request lies outside what the grid can show.
    """

    grid: Grid
    whole: Window | None
    size: Size

    @property
    def area(self) -> float:
        """Pixels of a block."""
        return 0.0 if self.whole is None else self.size[0] * self.size[1]

    @property
    def total(self) -> float:
        """Pixels of the whole request."""
        return 0.0 if self.whole is None else float(self.whole.width) * self.whole.height

    def grown(self, left: int, top: int, right: int, bottom: int) -> Demand:
        """With a halo around every block."""
        if self.whole is None:
            return self
        size = self.size[0] + top + bottom, self.size[1] + left + right
        return Demand(self.grid, self.whole.grown(left, top, right, bottom), size)

    def on(self, grid: Grid, margin: int = 1) -> Demand:
        """The same place on another grid."""
        if self.whole is None or grid == self.grid:
            return self
        there = extent(grid, self.grid, self.whole)
        if there is None:
            return Demand(grid, None, self.size)
        share = self.area / max(self.total, 1.0)
        if share >= 1:
            size = float(there.height), float(there.width)
        else:  # Blocks need not lie along the other grid's axes: a square of their area, with some room.
            side = math.sqrt(share * there.width * there.height) * 1.5
            size = min(side, there.height), min(side, there.width)
        m = 2 * margin + 1
        whole = there.grown(margin, margin, margin, margin)
        return Demand(grid, whole, (size[0] + m, size[1] + m))


@lru_cache(maxsize=4096)
def extent(source: Grid, target: Grid, window: Window) -> Window | None:
    """About the window of the source grid under a target window, with room; None if nothing is."""
    cols = np.linspace(window.col, window.col + window.width, SAMPLES)
    rows = np.linspace(window.row, window.row + window.height, SAMPLES)
    u, v = warp.exact(source, target, *np.meshgrid(cols, rows))
    good = np.isfinite(u) & np.isfinite(v)
    if not good.any():
        return None
    u, v = np.clip(u[good], -(2.0**40), 2.0**40), np.clip(v[good], -(2.0**40), 2.0**40)
    left, right, top, bottom = u.min(), u.max(), v.min(), v.max()
    if source.crs != target.crs:  # curves may bulge between the samples
        across, down = (right - left) / SAMPLES, (bottom - top) / SAMPLES
        left, right, top, bottom = left - across, right + across, top - down, bottom + down
    col, row = math.floor(left), math.floor(top)
    return Window(col, row, math.ceil(right) - col, math.ceil(bottom) - row)


caches.share("extents", caches.of_function(extent))


@singledispatch
def inner(node: PlanNode, demand: Demand) -> Demand:
    """What a node asks of its inputs; most work pixel by pixel."""
    return demand


def pixelwise(node: PlanNode) -> bool:
    """Whether a node asks its inputs for no more than it is asked for."""
    return inner.dispatch(type(node)) is inner.dispatch(object)


@inner.register
def _(node: Neighborhood, demand: Demand) -> Demand:
    kernel = sized(node.kernel, demand.grid.nominal_scale)
    height, width = kernel.weights.shape
    x, y = kernel.focus
    return demand.grown(x, y, width - 1 - x, height - 1 - y)


@inner.register
def _(node: Windowed, demand: Demand) -> Demand:
    return demand.grown(*(node.halo,) * 4)


@inner.register
def _(node: Celled, demand: Demand) -> Demand:
    demand = demand.on(node.coarse(demand.grid), 2)
    if demand.whole is None:
        return demand
    margin, side = node.margin(demand.grid, demand.whole), node.side(demand.grid)
    cells = aligned(demand.whole, side)
    if demand.size[0] >= demand.whole.height and demand.size[1] >= demand.whole.width:
        return replace(demand, whole=cells, size=cells.shape).grown(*(margin,) * 4)
    most = min(demand.size[0] + side - 1, cells.height), min(demand.size[1] + side - 1, cells.width)
    return replace(demand, whole=cells, size=most).grown(*(margin,) * 4)


@inner.register
def _(node: Registered, demand: Demand) -> Demand:
    return demand.grown(*(node.room,) * 4)


@inner.register
def _(node: Terrain, demand: Demand) -> Demand:
    return demand.grown(1, 1, 1, 1)


@inner.register(ConnectedCount)
@inner.register(ConnectedReduce)
def _(node: ConnectedCount | ConnectedReduce, demand: Demand) -> Demand:
    return demand.grown(*(node.most,) * 4)


@inner.register
def _(node: ConnectedLabels, demand: Demand) -> Demand:
    reach = node.most * max((max(abs(dy), abs(dx)) for dy, dx in node.offsets), default=1)
    return demand.grown(*(reach,) * 4)


@inner.register(Reproject)
@inner.register(Resample)
def _(node: Reproject | Resample, demand: Demand) -> Demand:
    return demand.on(node.projection, 0 if isinstance(node, Reproject) else 3)


@inner.register
def _(node: ReduceResolution, demand: Demand) -> Demand:
    return demand if demand.grid == node.projection else demand.on(node.source(demand.grid))


@inner.register
def _(node: Moved, demand: Demand) -> Demand:
    if demand.grid.crs != node.target.crs:
        demand = demand.on(node.target, 0)
    inside = compose(invert(node.target.transform), demand.grid.transform)
    there = Grid(node.source.crs, compose(node.source.transform, inside))
    return Demand(there, demand.whole, demand.size)


@inner.register
def _(node: Displaced, demand: Demand) -> Demand:
    # How far pixels move is in the pixels: the node itself refuses what is too far for one block.
    return demand if node.source is None else demand.on(node.source, 3)
