"""A node for what depends on whole cells of the grid: segmentation, costs, flooding.

The grid is cut into cells at fixed places. A pixel's result is that of its cell, which is computed with a margin of pixels
around it whatever is asked for: tiles show the same as the whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window, apply, compose
from ecumene.numerics.cells import CELL_OPS, Cell
from ecumene.numerics.cells.superpixels import lattice
from ecumene.numerics.elementwise import saturate
from ecumene.numerics.resample import bilinear
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty, is_empty
from ecumene.plan.nodes.terrain import cell_sizes
from ecumene.raster import warp

EARTH = 6378137.0
WIDEST = 1024
"""Pixels of a neighbourhood at most."""

FAR = 680
"""Pixels of the grid's nominal scale that costs look away at most; there is room up to ``WIDEST`` for narrower ones."""

NARROW = 0.05
"""Pixels narrower than this part of the others are near a pole, and left out of what is within reach."""

LARGEST = 16 * 2**20
"""Pixels that are read at once."""


@dataclass(frozen=True, eq=False)
class Celled(PlanNode):
    """An operator of ``numerics.cells`` on cells of ``cell`` pixels a side with ``halo`` more around.

    ``reach`` are metres besides the halo, on the ground or (``planar``) in the plane of the grid; cells are then at least
    as large as the reach. Where it is more than ``FAR`` pixels, the result is that of a grid coarser by a power of two,
    interpolated.

    The result of a cell without any pixel of the first input is empty. ``wholly``: pixels whose mask is partial are
    masked.
    """

    op: str
    operands: tuple[PlanNode, ...]
    cell: int
    halo: int
    params: tuple[Any, ...]
    type: PixelType
    wholly: bool = False
    reach: float = 0.0
    planar: bool = False

    def coarse(self, grid: Grid) -> Grid:
        """The grid that the operator is computed on: the one that is asked for, or a coarser one."""
        pixels = self.reach / grid.nominal_scale
        if pixels <= FAR:
            return grid
        factor = 2.0 ** math.ceil(math.log2(pixels / FAR))
        return Grid(grid.crs, compose(grid.transform, (factor, 0, 0, 0, factor, 0)))

    def side(self, grid: Grid) -> int:
        """Pixels along the sides of the cells."""
        if not self.reach:
            return self.cell
        wanted = min(self.reach / grid.nominal_scale, WIDEST)
        return max(self.cell, 1 << math.ceil(math.log2(max(wanted, 1))))

    def margin(self, grid: Grid, window: Window) -> int:
        """Pixels around a window that are within reach of it."""
        if not self.reach:
            return self.halo
        size = _smallest(grid, window, self.planar, self.reach)
        pixels = math.ceil(self.reach / size)
        if pixels > WIDEST:
            raise LimitExceeded(
                f"{self.reach:g} metres are {pixels} pixels of {size:g} metres: more than {WIDEST} are too far to be "
                "computed. Use a coarser scale."
            )
        return self.halo + pixels

    @property
    def takes_arrays(self) -> bool:
        """Never."""
        return False

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """The operator's values and validity for the window."""
        coarse = self.coarse(grid)
        if coarse != grid:
            return (yield from self._interpolated(coarse, grid, window))
        side = self.side(grid)
        cells = aligned(window, side)
        squares = pieces(cells, side)
        margins = [self.margin(grid, piece) for piece in squares]
        h = max(margins)
        grown = cells.grown(h, h, h, h)
        if grown.width * grown.height > LARGEST + 4 * window.width * window.height:
            raise LimitExceeded(f"A neighborhood of {h} pixels is too large to be computed.")
        values: list[NDArray[Any]] = []
        valid: list[NDArray[np.bool_]] = []
        for node in self.operands:
            pixels = yield node, grid, grown
            if is_empty(pixels) and not values:
                return empty(window, self.type.dtype, (0,) * self.type.dimensions)
            values.append(np.broadcast_to(pixels.values, grown.shape))
            valid.append(self._valid(pixels, grown))
        found: NDArray[Any] | None = None
        good = np.zeros(window.shape, bool)
        for piece, h in zip(squares, margins, strict=True):
            context.cancel.check()
            here = Window(piece.col - h, piece.row - h, piece.width + 2 * h, piece.height + 2 * h)
            cut = _place(here, grown)
            cell = Cell(
                here.row, here.col, h, cell_sizes(grid, here), grid.transform, context.cancel.check
            )
            own, shown = CELL_OPS[self.op](
                cell, [v[cut] for v in values], [v[cut] for v in valid], *self.params
            )
            if found is None:
                found = np.zeros((*window.shape, *own.shape[2:]), own.dtype)
            shared = _shared(piece, window)
            into, out_of = _place(shared, window), _place(shared, piece)
            found[into], good[into] = own[out_of], shown[out_of]
        assert found is not None
        rounded = np.rint(found) if self.type.is_int and found.dtype.kind == "f" else found
        return Pixels(saturate(rounded, self.type), None if good.all() else good)

    def _interpolated(self, coarse: Grid, grid: Grid, window: Window) -> Evaluation:
        """The result on a coarser grid, bilinearly."""
        inner = warp.covering(coarse, grid, window, 2)
        if inner is None:
            return empty(window, self.type.dtype, (0,) * self.type.dimensions)
        pixels = yield self, coarse, inner
        if is_empty(pixels):
            return empty(window, self.type.dtype, (0,) * self.type.dimensions)
        lookup = warp.positions(coarse, grid, window)
        valid = None if pixels.mask is None else pixels.valid()
        planes, good = [], np.ones(window.shape, bool)
        flat = pixels.values.reshape(*inner.shape, -1)
        for k in range(flat.shape[2]):
            values, good = bilinear(
                flat[..., k], valid, lookup.cols, lookup.rows, inner.col, inner.row
            )
            planes.append(values)
        out = np.stack(planes, axis=2).reshape(*window.shape, *pixels.values.shape[2:])
        return Pixels(saturate(out, self.type), None if good.all() else good)

    def _valid(self, pixels: Pixels, window: Window) -> NDArray[np.bool_]:
        if pixels.mask is None:
            return np.broadcast_to(np.ones((), bool), window.shape)
        mask = pixels.mask >= 1 if self.wholly else pixels.mask > 0
        return np.broadcast_to(np.asarray(mask), window.shape)


def _smallest(grid: Grid, window: Window, planar: bool, reach: float) -> float:
    """Metres of the smallest side of pixels in and around a window."""
    a, b, _, d, e, _ = grid.transform
    unit = crs_.metres_per_unit(grid.crs)
    plane = min(math.hypot(a, d), math.hypot(b, e)) * unit
    if planar:
        return plane
    around = math.ceil(min(reach / plane, WIDEST))
    col = np.linspace(window.col - around, window.col + window.width + around, 5)
    row = np.linspace(window.row - around, window.row + window.height + around, 5)
    cols, rows = np.meshgrid(col, row)
    points = []
    for dx, dy in ((0, 0), (1, 0), (0, 1)):
        lon, lat = crs_.transform(
            grid.crs, "EPSG:4326", *apply(grid.transform, cols + dx, rows + dy)
        )
        points.append((np.radians(lon), np.radians(lat)))
    sizes = [_arc(*points[0], *there) for there in points[1:]]
    good = [size[np.isfinite(size) & (size > plane * NARROW)] for size in sizes]
    return float(min((part.min() for part in good if part.size), default=plane))


def _arc(east: Any, north: Any, east2: Any, north2: Any) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        lat = np.sin((north2 - north) / 2) ** 2
        lon = np.cos(north) * np.cos(north2) * np.sin((east2 - east) / 2) ** 2
        return np.asarray(2 * EARTH * np.arcsin(np.sqrt(np.clip(lat + lon, 0, 1))))


def aligned(window: Window, cell: int) -> Window:
    """The window of all cells that a window meets."""
    col, row = window.col // cell * cell, window.row // cell * cell
    right = -(-(window.col + window.width) // cell) * cell
    bottom = -(-(window.row + window.height) // cell) * cell
    return Window(col, row, right - col, bottom - row)


def pieces(window: Window, cell: int) -> list[Window]:
    """The cells of an aligned window."""
    return [
        Window(col, row, cell, cell)
        for row in range(window.row, window.row + window.height, cell)
        for col in range(window.col, window.col + window.width, cell)
    ]


def _shared(a: Window, b: Window) -> Window:
    col, row = max(a.col, b.col), max(a.row, b.row)
    right = min(a.col + a.width, b.col + b.width)
    bottom = min(a.row + a.height, b.row + b.height)
    return Window(col, row, right - col, bottom - row)


def _place(inner: Window, outer: Window) -> tuple[slice, slice]:
    """Where a window lies in one that holds it."""
    row, col = inner.row - outer.row, inner.col - outer.col
    return slice(row, row + inner.height), slice(col, col + inner.width)


@dataclass(frozen=True, eq=False)
class Lattice(PlanNode):
    """1 at the seeds of a regular lattice on the grid, ``size`` pixels apart, 0 elsewhere."""

    size: int
    hexagonal: bool
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """Nothing is masked."""
        return Pixels(
            lattice(window.row, window.col, window.shape, self.size, self.hexagonal).astype(
                self.type.dtype
            )
        )
