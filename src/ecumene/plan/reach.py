"""What each kind of node asks of its inputs, and how large its results are: known without reading a pixel.

Windows are upper bounds of those that ``evaluate`` of the same node asks for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, singledispatch

import numpy as np

from ecumene.core.projection import Grid, Window, compose, invert
from ecumene.numerics.folds import STREAMED
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import (
    ArrayOp,
    ConnectedCount,
    ConnectedLabels,
    ConnectedReduce,
    Constant,
    Displaced,
    Fold,
    Gather,
    Mosaic,
    Moved,
    Neighborhood,
    Pick,
    QualityMosaic,
    ReduceResolution,
    Reproject,
    Resample,
    Source,
    Stack,
    Windowed,
)
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


@singledispatch
def inner(node: PlanNode, demand: Demand) -> Demand:
    """What a node asks of its inputs; most work pixel by pixel."""
    return demand


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
    if demand.whole is None or demand.grid == node.projection:
        return demand
    ratio = max(demand.grid.nominal_scale / node.projection.nominal_scale, 1.0)
    n = math.ceil(min(ratio, math.sqrt(node.max_pixels)) - 1e-9)
    a, b, c, d, e, f = demand.grid.transform
    w = demand.whole
    fine = Grid(demand.grid.crs, (a / n, b / n, c, d / n, e / n, f))
    whole = Window(w.col * n, w.row * n, w.width * n, w.height * n)
    return Demand(fine, whole, (demand.size[0] * n, demand.size[1] * n))


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


@singledispatch
def depth(node: PlanNode, inputs: list[float]) -> float:
    """Numbers that one pixel of a node's result may hold, given those of its inputs."""
    return max(inputs, default=1.0) if node.type.dimensions else 1.0


@depth.register
def _(node: Constant, inputs: list[float]) -> float:
    return float(np.size(np.asarray(node.value)))


@depth.register
def _(node: Stack, inputs: list[float]) -> float:
    return float(len(inputs))


@depth.register
def _(node: Gather, inputs: list[float]) -> float:
    return sum(inputs)


@depth.register
def _(node: Windowed, inputs: list[float]) -> float:
    return sum(inputs) * (2 * node.halo + 1) ** 2 if node.type.dimensions else 1.0


@depth.register
def _(node: Fold, inputs: list[float]) -> float:
    return sum(inputs) if node.type.dimensions else 1.0


@depth.register
def _(node: ArrayOp, inputs: list[float]) -> float:
    """Most operators keep or shrink; concatenation adds, products of vectors and squares multiply."""
    largest = max(inputs, default=1.0)
    if node.op in GROWING:
        return max(sum(inputs), math.prod(inputs))
    if node.op in SQUARING:
        return largest * largest
    if node.op in REPEATING:
        return largest * max((float(p) for p in node.params if isinstance(p, int)), default=1.0)
    return max(sum(inputs) if node.op in ADDING else largest, 1.0)


GROWING = frozenset({"matrixMultiply", "matrixSolve"})
SQUARING = frozenset({"matrixToDiag", "matrixPseudoInverse"})
REPEATING = frozenset({"repeat", "pad", "repeatTimes"})
ADDING = frozenset({"cat", "lengths"})


HOLDING = (Mosaic, QualityMosaic)
"""Nodes that hold one running result, whatever the number of their inputs."""


def held(node: PlanNode, number: int) -> int:
    """How many of its inputs a node holds at once."""
    if isinstance(node, HOLDING) or (isinstance(node, Fold) and node.reducer.name in STREAMED):
        return min(number, 3)
    return number


@singledispatch
def effort(node: PlanNode, inputs: int) -> float:
    """Elementary operations a pixel of the result, roughly."""
    return 1.0 + inputs


@effort.register
def _(node: Neighborhood, inputs: int) -> float:
    return float(node.kernel.weights.size if node.kernel.weights is not None else 1)


@effort.register
def _(node: Fold, inputs: int) -> float:
    streamed = node.reducer.name in STREAMED
    return float(inputs if streamed else inputs * (1 + math.log2(max(inputs, 2))))


@effort.register
def _(node: Source, inputs: int) -> float:
    return 4.0


@effort.register
def _(node: Pick, inputs: int) -> float:
    return 1.0
