"""How a request's window is cut into blocks: small enough for the memory, many enough for the threads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ecumene.core.limits import Limits
from ecumene.core.projection import Grid, Window, compose, invert
from ecumene.plan.estimate import Estimate, check_memory, check_work, estimate
from ecumene.plan.nodes import Celled
from ecumene.plan.optimise import Prepared

SIDE = 512
SMALL = 1 << 14
"""Requests of at most this many pixels are computed at once in the calling thread …"""

LIGHT, LIGHT_PIXELS = 1e7, 1 << 18
"""… and so are those of so few operations and pixels: sharing them costs more than their few milliseconds."""

FEWEST = 64 * 64

FAR = 50
"""Requests that need this part of every limit are not reckoned again for another place of the same plan."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Blocks of ``shape`` (height, width), cut from a window's upper left or at multiples from ``origin`` on.

    ``whole``: one block, computed in the calling thread. ``passing``: stored blocks pass through the cache.
    """

    shape: tuple[int, int]
    origin: tuple[int, int] | None = None
    passing: bool = False
    whole: bool = False

    def count(self, window: Window) -> int:
        """How many blocks the window has."""
        down, across = cuts(window, self.shape, self.origin)
        return len(down) * len(across)


@dataclass(frozen=True, slots=True)
class Resources:
    """What a request may use: its limits, threads, bytes of the cache of stored blocks (0: there is none)."""

    limits: Limits
    threads: int
    cached: int


def lay_out(plan: Prepared, grid: Grid, window: Window, resources: Resources) -> Layout:
    """How a window is cut.

    What was far below all limits for one tile of a plan is not reckoned again for its next ones.
    Raises LimitExceeded where the request cannot fit, or cannot end in time.
    """
    key = grid, window.shape, resources
    known: Layout | None = plan.layouts.get(key)
    if known is None:
        known, found = _laid_out(plan, grid, window, resources)
        limits, threads = resources.limits, 1 if known.whole else resources.threads
        room = min(
            limits.memory_bytes / max(found.memory(threads), 1),
            limits.pixel_operations / max(found.work, 1.0),
        )
        if room > FAR:
            plan.layouts.put(key, known)
    return known


def _laid_out(
    plan: Prepared, grid: Grid, window: Window, resources: Resources
) -> tuple[Layout, Estimate]:
    pixels, limits = window.width * window.height, resources.limits
    if pixels <= LIGHT_PIXELS:
        found = estimate(plan, grid, window, window.shape)
        light = found.work <= LIGHT and FAR * found.memory(1) <= limits.memory_bytes
        if pixels <= SMALL or light:
            _refuse(found, window, limits)
            return Layout(window.shape, whole=True), found
    shape, found = block_shape(plan, grid, window, resources)
    if fills_cache(plan, pixels, resources):
        return Layout(*pieces(plan, grid, shape), passing=True), found
    return (Layout(*pieces(plan, grid, shape)) if cell(plan, grid) else Layout(shape)), found


def fills_cache(plan: Prepared, pixels: int, resources: Resources) -> bool:
    """Whether the stored pixels under so many pixels are more than half of what the cache holds."""
    if not resources.cached:
        return False
    stored = sum(source.band.type.dtype.itemsize for source in plan.sources)
    return pixels * stored > resources.cached // 2


def check(plan: Prepared, grid: Grid, window: Window, limits: Limits) -> None:
    """Refuses a window that is to be computed at once and would not fit."""
    _refuse(estimate(plan, grid, window, window.shape), window, limits)


def _refuse(found: Estimate, window: Window, limits: Limits) -> None:
    check_memory(found, window.shape, 1, limits)
    check_work(found, limits)


def block_shape(
    plan: Prepared, grid: Grid, window: Window, resources: Resources, wanted: int = 0
) -> tuple[tuple[int, int], Estimate]:
    """``(height, width)`` of blocks, and what they cost.

    They are as large as the budget allows and small enough to share among the threads.

    Only ``wanted`` pixels of the window will be computed; 0 = all.

    Raises LimitExceeded where the smallest blocks do not fit into the memory budget, or where the whole
    cannot end in time.
    """
    limits, threads = resources.limits, resources.threads
    whole = max(window.width * window.height, 1)
    wanted = min(wanted or whole, whole)
    fewest = FEWEST if wanted > SMALL else SMALL
    pixels = min(SIDE * SIDE, max(wanted // (2 * threads), fewest))
    while True:
        shape = shaped(window, pixels)
        found = estimate(plan, grid, window, shape)
        if pixels <= FEWEST or found.memory(threads) <= limits.memory_bytes:
            break
        pixels = max(pixels // 2, FEWEST)
    check_memory(found, shape, threads, limits)
    check_work(replace(found, work=found.work * (wanted / whole)), limits)
    return shape, found


def squared(shape: tuple[int, int]) -> tuple[int, int]:
    """Blocks of as many pixels that meet fewer stored blocks."""
    height, width = shape
    side = math.isqrt(height * width)
    return (SIDE, SIDE) if side == SIDE else (side, height * width // side)


def pieces(
    plan: Prepared, grid: Grid, shape: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The shape of the blocks of a large job, and ``(row, column)`` of a pixel of the grid where they begin.

    They follow stored blocks, or the cells of nodes that compute these as a whole: no cell is computed twice.
    """
    side = cell(plan, grid)
    if not side:
        return squared(shape), phase(plan, grid)
    height, width = (max(-(-pixels // side), 1) * side for pixels in shape)
    return (height, width), (0, 0)


def cell(plan: Prepared, grid: Grid) -> int:
    """Pixels along the sides of the largest cells that a node of the plan computes as a whole; 0 if none does."""
    sides = (
        node.side(grid)
        for node in plan.nodes
        if isinstance(node, Celled) and node.coarse(grid) == grid
    )
    return max(sides, default=0)


def phase(plan: Prepared, grid: Grid) -> tuple[int, int]:
    """``(row, column)`` of a pixel of the grid where stored blocks begin: blocks of a job begin there too.

    Only where stored pixels are the grid's own, moved by whole pixels; else any is as good.
    """
    for source in plan.sources:
        own = source.band.grid
        if own.crs == grid.crs:
            a, b, col, d, e, row = compose(invert(grid.transform), own.transform)
            if (a, b, d, e) == (1, 0, 0, 1) and col == round(col) and row == round(row):
                return round(row), round(col)
    return 0, 0


def shaped(window: Window, pixels: int) -> tuple[int, int]:
    """Wide blocks (they follow the rows of files) unless they would be thin."""
    width = min(window.width, 2 * SIDE if pixels >= 2 * SIDE * 64 else 2 * math.isqrt(pixels))
    return max(1, min(window.height, pixels // width)), width


def cuts(
    window: Window, shape: tuple[int, int], origin: tuple[int, int] | None
) -> tuple[range, range]:
    """Rows and columns at which the blocks of a window begin; the first ones may lie before it."""
    height, width = shape
    row, col = (window.row, window.col) if origin is None else origin
    down = range(window.row - (window.row - row) % height, window.row + window.height, height)
    across = range(window.col - (window.col - col) % width, window.col + window.width, width)
    return down, across


def split(
    window: Window, shape: tuple[int, int], origin: tuple[int, int] | None = None
) -> Iterator[Window]:
    """Blocks of a window by rows, from its upper left or cut at multiples of the shape from ``origin`` on."""
    height, width = shape
    bottom, right = window.row + window.height, window.col + window.width
    down, across = cuts(window, shape, origin)
    for top in down:
        for left in across:
            y, x = max(top, window.row), max(left, window.col)
            yield Window(x, y, min(left + width, right) - x, min(top + height, bottom) - y)
