"""Nodes that draw many shapes: filled, outlined, in colours, or reduced where they overlap.

Shapes are found by their boxes in degrees, so a tile costs what it shows; each is brought to the grid's CRS
once per node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.context import Context
from ecumene.core.geometry import Geometry
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window, apply
from ecumene.core.reducer import Reducer
from ecumene.numerics.elementwise import saturate
from ecumene.plan.node import Evaluation, Pixels, PlanNode, empty
from ecumene.raster.coverage import bounds_window, centres, to_pixels
from ecumene.raster.symbols import outlines, with_symbols
from ecumene.vector.transform import to_crs

LAYERS = 8
"""Overlapping shapes that are held before they go to a reducer together."""


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """One shape to draw, with its value (or its red, green, blue, alpha).

    ``width`` None fills the shape, else its outline is drawn that many pixels wide; points become
    ``symbol`` of ``radius`` pixels (0: the pixel that holds them).
    """

    geometry: Geometry
    value: tuple[float, ...]
    width: float | None = None
    radius: float = 0.0
    symbol: str = "circle"
    line: str = "solid"

    @property
    def reach(self) -> int:
        """Pixels beyond the shape's box that may be drawn."""
        return int(self.radius + (self.width or 0)) + 2


def common(left: Window, right: Window) -> Window | None:
    """The part that two windows share."""
    c0, r0 = max(left.col, right.col), max(left.row, right.row)
    c1 = min(left.col + left.width, right.col + right.width)
    r1 = min(left.row + left.height, right.row + right.height)
    return Window(c0, r0, c1 - c0, r1 - r0) if c1 > c0 and r1 > r0 else None


def drawn(mark: Mark, shape: Geometry, grid: Grid, window: Window) -> NDArray[np.bool_]:
    """Pixels of a window that a mark covers; ``shape`` is its geometry in the grid's CRS."""
    if mark.width is None and mark.radius == 0:
        return centres(shape, grid, window)
    local = with_symbols(to_pixels(shape.shape, grid), mark.symbol, mark.radius)
    if mark.width is not None:
        grown = window.grown(mark.reach, mark.reach, mark.reach, mark.reach)
        local = outlines(local, mark.width, mark.line, grown)
    return centres(Geometry(local, grid.crs, geodesic=False), Grid(grid.crs), window)


class _Marks(PlanNode):
    """Shared by the nodes that draw: which marks meet a window."""

    marks: tuple[Mark, ...]

    def _boxes(self) -> NDArray[np.float64]:
        """Degrees west, south, east, north of every mark, geodesic bulges included; the world if unknown."""
        known: NDArray[np.float64] | None = self.__dict__.get("_known_boxes")
        if known is None:
            world = (-np.inf, -np.inf, np.inf, np.inf)
            known = np.array([_degrees(m.geometry) or world for m in self.marks]).reshape(-1, 4)
            self.__dict__["_known_boxes"] = known
        return known

    def _placed(self, number: int, crs: str) -> Geometry:
        kept: dict[tuple[str, int], Geometry] = self.__dict__.setdefault("_known_shapes", {})
        found = kept.get((crs, number))
        if found is None:
            found = kept[crs, number] = to_crs(self.marks[number].geometry, crs)
        return found

    def meeting(
        self, grid: Grid, window: Window, context: Context
    ) -> Iterator[tuple[Mark, tuple[slice, slice], NDArray[np.bool_]]]:
        """In order: each mark that covers something, where, and the pixels there."""
        reach = max((mark.reach for mark in self.marks), default=0)
        for number in _candidates(self._boxes(), grid, window.grown(reach, reach, reach, reach)):
            context.cancel.check()
            mark, shape = self.marks[number], self._placed(number, grid.crs)
            r = mark.reach
            part = common(window, bounds_window(shape, grid).grown(r, r, r, r))
            if part is None or shape.shape.is_empty:
                continue
            covered = drawn(mark, shape, grid, part)
            if covered.any():
                top, left = part.row - window.row, part.col - window.col
                where = (slice(top, top + part.height), slice(left, left + part.width))
                yield mark, where, covered


def _degrees(geometry: Geometry) -> tuple[float, float, float, float] | None:
    if geometry.crs != "EPSG:4326" or geometry.shape.is_empty or geometry.unbounded:
        return None
    west, south, east, north = geometry.shape.bounds
    if west < -180 or east > 180:
        return None
    bulge = 0.01 + (east - west) ** 2 / 400 if geometry.geodesic else 0.0
    return west, south - bulge, east, north + bulge


def _candidates(boxes: NDArray[np.float64], grid: Grid, window: Window) -> list[int]:
    """Numbers of the boxes that may meet a window."""
    steps = np.linspace(0, 1, 21)
    side = np.zeros(21)
    cols = window.col + window.width * np.concatenate([steps, steps, side, side + 1])
    rows = window.row + window.height * np.concatenate([side, side + 1, steps, steps])
    x, y = apply(grid.transform, cols, rows)
    lon, lat = (np.asarray(v) for v in crs_.transform(grid.crs, "EPSG:4326", x, y))
    whole = list(range(len(boxes)))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return whole
    west, south, east, north = lon.min(), lat.min(), lon.max(), lat.max()
    if east - west > 170 or west < -180 or east > 180 or max(-south, north) > 80:
        return whole
    margin = 0.01 + 0.02 * max(east - west, north - south)
    meets = (
        (boxes[:, 0] <= east + margin) & (boxes[:, 2] >= west - margin)
        & (boxes[:, 1] <= north + margin) & (boxes[:, 3] >= south - margin)
    )  # fmt: skip
    found: list[int] = np.flatnonzero(meets).tolist()
    return found


@dataclass(frozen=True, eq=False)
class Painted(_Marks):
    """Marks drawn in order over an input; what they cover becomes visible."""

    input: PlanNode
    marks: tuple[Mark, ...]
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation:
        """The input's pixels with the marks' values."""
        pixels = yield self.input, grid, window
        values: NDArray[Any] = pixels.values
        mask: Any = pixels.mask
        fresh = False
        for mark, where, covered in self.meeting(grid, window, context):
            if not fresh:
                values = np.array(saturate(np.broadcast_to(values, window.shape), self.type))
                mask = None if mask is None else np.array(mask)
                fresh = True
            values[where][covered] = saturate(np.asarray(mark.value), self.type)[0]
            if mask is not None:
                mask[where][covered] = 1
        return Pixels(saturate(values, self.type), mask)


@dataclass(frozen=True, eq=False)
class Styled(_Marks):
    """Marks drawn in their colours, later ones over earlier ones: values ``(h, w, 3)``, opacity as mask."""

    marks: tuple[Mark, ...]
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """Red, green and blue of the drawing."""
        colour = np.zeros((*window.shape, 3), "float32")
        opacity = np.zeros(window.shape, "float32")
        some = False
        for mark, where, covered in self.meeting(grid, window, context):
            some = True
            *rgb, alpha = mark.value
            under = opacity[where][covered] * (1 - alpha)
            total = alpha + under
            share = (alpha / np.where(total == 0, 1, total))[:, None]
            old = colour[where][covered]
            colour[where][covered] = old + (np.asarray(rgb, "float32") - old) * share
            opacity[where][covered] = total
        if not some:
            return empty(window, np.dtype("uint8"), (3,))
        values = np.rint(colour).astype("uint8")
        if bool(((opacity == 0) | (opacity == 1)).all()):
            return Pixels(values, opacity > 0)
        return Pixels(values, opacity)


@dataclass(frozen=True, eq=False)
class Overlaid(_Marks):
    """A reducer over the values of all marks that cover a pixel, in their order."""

    marks: tuple[Mark, ...]
    reducer: Reducer
    output: int
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """One output of the reducer; masked where no mark is."""
        accumulator = self.reducer.accumulator
        state = accumulator.start(window.shape)
        stack = np.zeros((self.reducer.inputs, LAYERS, *window.shape))
        depth = np.zeros(window.shape, "int64")
        seen = np.zeros(window.shape, bool)
        for mark, where, covered in self.meeting(grid, window, context):
            if bool((depth[where][covered] >= LAYERS).any()):
                state = _flushed(accumulator, state, stack, depth)
                depth[:] = 0
            rows, cols = np.nonzero(covered)
            rows, cols = rows + where[0].start, cols + where[1].start
            for i, value in enumerate(mark.value):
                stack[i, depth[rows, cols], rows, cols] = value
            depth[rows, cols] += 1
            seen[rows, cols] = True
        if not seen.any():
            return empty(window, self.type.dtype)
        state = _flushed(accumulator, state, stack, depth)
        values, valid = accumulator.finish(state)[self.output]
        mask = seen if valid is None else seen & valid
        return Pixels(saturate(np.asarray(values), self.type), mask)


def _flushed(accumulator: Any, state: Any, stack: NDArray[Any], depth: NDArray[Any]) -> Any:
    """The state with everything that is on the stack."""
    used = int(depth.max())
    if used == 0:
        return state
    weights = np.arange(used)[:, None, None] < depth
    samples = [part[:used] for part in stack]
    return accumulator.add(state, samples, [weights] * len(samples))
