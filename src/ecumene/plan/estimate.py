"""An upper estimate of a plan's memory and work, before any pixel is read.

The plan is walked as the executor will walk it (shared results kept until their last use), with windows
in place of pixels, so a node costs one step however often it is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from ecumene.core.errors import LimitExceeded
from ecumene.core.limits import Limits
from ecumene.core.projection import Grid, Window
from ecumene.plan.costs import effort, held, scratch
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import Constant, Elementwise, Fused, Masked, Source
from ecumene.plan.optimise import Prepared
from ecumene.plan.reach import Demand, extent, inner
from ecumene.plan.sizes import Size, size
from ecumene.raster.source import LARGE

MEGABYTE = 2**20
Key = tuple[int, Grid, Window | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one block and the whole request cost at most.

    ``peak`` and ``results`` are bytes of one block (while it is computed, and of what it hands over),
    ``work`` elementary operations of the whole request, ``widest`` the node at which the peak is.
    """

    peak: int
    results: int
    work: float
    widest: str

    def memory(self, threads: int) -> int:
        """Bytes of ``threads`` blocks in progress and as many waiting to be taken."""
        return threads * (self.peak + self.results)


@dataclass(frozen=True, slots=True)
class _Result:
    """Size of a node's pixels over a block; ``there`` is False where the node has nothing."""

    bytes: float
    size: Size
    there: bool


@dataclass(slots=True)
class _Frame:
    """A node in progress."""

    node: PlanNode
    key: Key
    demand: Demand
    waiting: Iterator[PlanNode]
    below: Demand
    limit: int
    inputs: list[_Result] = field(default_factory=list)
    holding: float = 0.0


class _Walk:
    """Mirrors ``executor._Run``: what is alive at each step."""

    def __init__(self, plan: Prepared) -> None:
        self.plan = plan
        self.kept: dict[Key, tuple[int, _Result]] = {}
        self.live = self.peak = self.work = 0.0
        self.widest: tuple[PlanNode, int] | None = None

    def _note(self, node: PlanNode, extra: float) -> None:
        if self.live + extra > self.peak or self.widest is None:
            self.peak = self.live + extra
            self.widest = node, len(self.plan.children[id(node)])

    def _known(self, key: Key) -> _Result | None:
        entry = self.kept.get(key)
        if entry is None:
            return None
        left, result = entry
        if left > 1:
            self.kept[key] = left - 1, result
        else:
            del self.kept[key]
            self.live -= result.bytes
        return result

    def _finish(self, frame: _Frame) -> _Result:
        node, demand = frame.node, frame.demand
        result, extra = _result(frame)
        self._note(node, result.bytes + extra)
        self.live -= frame.holding
        if result.there:
            self.work += (
                demand.total * effort(node, len(frame.inputs)) * max(result.size.total, 1.0)
            )
        uses = self.plan.uses.get(id(node), 1)
        if uses > 1:
            self.kept[frame.key] = uses - 1, result
            self.live += result.bytes
        return result

    def _frame(self, node: PlanNode, demand: Demand) -> _Frame:
        children = self.plan.children[id(node)]
        key = id(node), demand.grid, demand.whole
        below = inner(node, demand) if children else demand
        return _Frame(node, key, demand, iter(children), below, held(node, len(children)))

    def _take(self, frame: _Frame, result: _Result) -> None:
        frame.inputs.append(result)
        if len(frame.inputs) <= frame.limit:
            frame.holding += result.bytes
            self.live += result.bytes
        else:
            self._note(frame.node, result.bytes)

    def value(self, root: PlanNode, demand: Demand) -> _Result:
        """The size of one root's pixels."""
        known = self._known((id(root), demand.grid, demand.whole))
        if known is not None:
            return known
        stack = [self._frame(root, demand)]
        while True:
            frame = stack[-1]
            child = next(frame.waiting, None)
            if child is not None:
                found = self._known((id(child), frame.below.grid, frame.below.whole))
                if found is None:
                    stack.append(self._frame(child, frame.below))
                else:
                    self._take(frame, found)
                continue
            stack.pop()
            result = self._finish(frame)
            if not stack:
                return result
            self._take(stack[-1], result)


def _result(frame: _Frame) -> tuple[_Result, float]:
    """Size of a node's result and of what it needs besides while it computes."""
    node, demand, inputs = frame.node, frame.demand, frame.inputs
    deep = size(node, [part.size for part in inputs])
    if isinstance(node, Constant | Masked):
        return _Result(0.0, deep, isinstance(node, Constant)), 0.0
    there, stored = demand.whole is not None, 0.0
    if isinstance(node, Source):
        window = _source_pixels(node, demand)
        there, stored = window > 0, window * node.band.type.dtype.itemsize
    elif inputs:
        there = there and _something(node, [part.there for part in inputs])
    if not there:
        return _Result(0.0, deep, False), 0.0
    own = demand.area * deep.total
    extra = scratch(node, own, frame.below.area, sum(part.bytes for part in inputs))
    return _Result(own * node.type.dtype.itemsize + demand.area, deep, True), stored + extra


def _something(node: PlanNode, inputs: list[bool]) -> bool:
    """Whether there is something to compute from inputs of which some have nothing."""
    if isinstance(node, Fused):
        nothing = {k for k, there in enumerate(inputs) if not there}
        return not all(nothing & needed for needed in node.shape.needed)
    return all(inputs) if isinstance(node, Elementwise) else any(inputs)


def _source_pixels(node: Source, demand: Demand) -> float:
    """Stored pixels that a block reads at once; 0 where the band has none in the request."""
    band, whole = node.band, demand.whole
    if whole is None:
        return 0.0
    there = extent(band.grid, demand.grid, whole)
    if there is None or not (
        there.col < band.width + 2
        and there.row < band.height + 2
        and there.col + there.width > -2
        and there.row + there.height > -2
    ):
        return 0.0
    stored = there.width * there.height / max(demand.total, 1.0) * demand.area
    # Coarser levels are chosen and far-apart pixels are taken block by block: see raster.source.
    return min(stored, max(LARGE, 16 * demand.area), band.width * band.height)


def estimate(plan: Prepared, grid: Grid, window: Window, shape: tuple[int, int]) -> Estimate:
    """What blocks of ``shape`` (height, width) of a window cost.

    Parameters
    ----------
    plan : prepared nodes.
    grid : the grid of the request.
    window : all of the request's pixels.
    shape : of one block.
    """
    walk = _Walk(plan)
    demand = Demand(grid, window, (float(shape[0]), float(shape[1])))
    results = 0.0
    for root in plan.roots:
        found = walk.value(root, demand)
        results += found.bytes
        walk.live += found.bytes
    walk.peak = max(walk.peak, walk.live)
    node, inputs = walk.widest or (None, 0)
    name = type(node).__name__ if node is not None else "plan"
    return Estimate(
        math.ceil(walk.peak), math.ceil(results), walk.work, f"{name} of {inputs} inputs"
    )


def check_work(found: Estimate, limits: Limits) -> None:
    """Raises LimitExceeded for more work than can end in time."""
    if found.work > limits.pixel_operations:
        raise LimitExceeded(
            f"Computation timed out. It needs about {found.work:.1e} operations on pixels; "
            f"{limits.pixel_operations:.1e} are allowed."
        )


def check_memory(found: Estimate, shape: tuple[int, int], threads: int, limits: Limits) -> None:
    """Raises LimitExceeded where blocks of ``shape`` do not fit into the budget."""
    need = found.memory(threads)
    if need > limits.memory_bytes:
        raise LimitExceeded(
            f"User memory limit exceeded. A block of {shape[1]} x {shape[0]} pixels needs about "
            f"{need // MEGABYTE} MB, most of it at a {found.widest}; {limits.memory_bytes // MEGABYTE} MB are allowed."
        )
