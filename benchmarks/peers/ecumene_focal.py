"""W5 as the engine computes it: a Neighborhood node over pixels in memory, in blocks on all threads, without HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks import workloads as w
from benchmarks.worker import Contestant
from ecumene import kernels
from ecumene.algorithms import load
from ecumene.core.context import Context
from ecumene.core.pixel_type import FLOAT, PixelType
from ecumene.core.projection import Grid, Projection, Window
from ecumene.core.registry import REGISTRY
from ecumene.plan.executor import Executor
from ecumene.plan.node import Pixels, PlanNode
from ecumene.plan.nodes import Neighborhood
from ecumene.storage import heap

GRID = Projection("EPSG:32610", (w.METRES, 0.0, w.WEST, 0.0, -w.METRES, w.NORTH))


@dataclass(frozen=True, eq=False)
class Held(PlanNode):
    """Pixels in memory, masked outside."""

    values: Any
    valid: Any
    type: PixelType

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "_digest", os.urandom(16)
        )  # unlike any other, without hashing the pixels

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Pixels:
        """A window: a view where it lies inside."""
        rows, columns = self.values.shape
        top, left = max(window.row, 0), max(window.col, 0)
        bottom, right = (
            min(window.row + window.height, rows),
            min(window.col + window.width, columns),
        )
        here = slice(top, bottom), slice(left, right)
        if (bottom - top, right - left) == window.shape:
            return Pixels(self.values[here], self.valid[here])
        values, valid = np.zeros(window.shape, self.values.dtype), np.zeros(window.shape, bool)
        there = (
            slice(top - window.row, bottom - window.row),
            slice(left - window.col, right - window.col),
        )
        values[there], valid[there] = self.values[here], self.valid[here]
        return Pixels(values, valid)


def start(archive: Any) -> None:
    load()
    kernels.load()
    heap.keep()  # as the server does


def _given(ask: w.Ask, float_: bool) -> tuple[PlanNode, Window]:
    _, operation, shape = ask.task.split("_")
    values, valid = w.focal_input(ask.archive, ask.k)
    kind = FLOAT if float_ else PixelType("int", 0, 65535)
    leaf = Held(values.astype(kind.dtype), valid, kind)
    entry = REGISTRY.get(f"Kernel.{shape}")
    assert entry is not None and entry.function is not None
    kernel = entry.function(radius=float(w.RADIUS), units="pixels")
    node = Neighborhood(leaf, kernel, operation, None, (), 0, PixelType("double"))
    return node, Window(0, 0, values.shape[1], values.shape[0])


def blocks(node: PlanNode, window: Window) -> Iterator[tuple[Window, Pixels]]:
    executor = Executor()
    try:
        for block, found in executor.blocks([node], GRID, window, Context()):
            yield block, found[0]
    finally:
        executor.close()


def _focal(ask: w.Ask, given: tuple[PlanNode, Window]) -> Any:
    node, window = given
    out = np.empty(window.shape, np.float32)  # as the peer answers
    for block, pixels in blocks(node, window):
        out[block.row : block.row + block.height, block.col : block.col + block.width] = (
            pixels.values
        )
    return out


BOTH = {
    "Ecumene's engine, float32": Contestant(_focal, partial(_given, float_=True)),
    "Ecumene's engine, uint16": Contestant(_focal, partial(_given, float_=False)),
}
TASKS = dict.fromkeys(
    ("w5_mean_circle", "w5_mean_square", "w5_median_circle", "w5_median_square"), BOTH
)
