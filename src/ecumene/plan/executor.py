"""Runs plans by blocks on threads, iteratively, within a memory budget."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from ecumene.core.caches import Report
from ecumene.core.context import Context
from ecumene.core.projection import Grid, Window
from ecumene.plan.early import announced
from ecumene.plan.layout import (
    SMALL,
    Layout,
    Resources,
    block_shape,
    check,
    fills_cache,
    lay_out,
    split,
)
from ecumene.plan.layout import pieces as pieces_of
from ecumene.plan.node import Evaluation, Need, Pixels, PlanNode
from ecumene.plan.nodes import Fused
from ecumene.plan.optimise import Prepared
from ecumene.plan.parts import Part
from ecumene.plan.planner import Planner
from ecumene.plan.scheduling import Lane, Scheduler
from ecumene.plan.shared import noted
from ecumene.plan.watch import watched
from ecumene.storage import heap
from ecumene.storage.blocks import BlockStore

Key = tuple[int, Grid, Window]
Result = TypeVar("Result")


class Executor:
    """The pixel engine (``core.context.PixelEngine``): one per process.

    Parameters
    ----------
    store : blocks of stored rasters; None for plans without sources.
    threads : workers for blocks; the number of cores by default.
    """

    def __init__(self, store: BlockStore | None = None, threads: int | None = None) -> None:
        self.store: Any = store
        self.threads = threads or os.cpu_count() or 1
        self.scheduler = Scheduler(self.threads)
        self.planner = Planner()

    def read(
        self, nodes: Sequence[Any], grid: Grid, window: Window, context: Context
    ) -> list[Pixels]:
        """One Pixels per node for a whole (small) window.

        Raises LimitExceeded as ``blocks`` does.
        """
        plan = self.plan(nodes, grid, window, context)
        _note(plan, window.width * window.height)
        check(plan, grid, window, context.limits)
        return evaluate(plan, grid, window, self._reading(context))

    def blocks(
        self,
        nodes: Sequence[Any],
        grid: Grid,
        window: Window,
        context: Context,
        wanted: Callable[[Window], bool] | None = None,
    ) -> Iterator[tuple[Window, list[Pixels]]]:
        """Blocks of a window from the upper left by rows, each with one Pixels per node.

        Blocks that ``wanted`` refuses are left out.
        At most two blocks a thread are in progress; the consumer's pace is the pace of the work.
        Raises Cancelled soon after the context's token is set, LimitExceeded before any
        pixel is read where the plan cannot fit in the memory budget or is too much work.
        """
        plan = self.plan(nodes, grid, window, context)
        _note(plan, window.width * window.height)
        layout = self.layout(plan, grid, window, context)
        if layout.passing:
            heap.give_back()
        context = self._reading(context, layout.passing)
        first = [] if self.store is None else announced(plan, grid, window, context)
        if layout.whole:
            with self.scheduler.lane(window.width * window.height) as lane:
                for work in first:
                    lane.submit(work)
                found = evaluate(plan, grid, window, context)
            yield window, found
            return
        pieces = split(window, layout.shape, layout.origin)
        if wanted is not None:
            pieces = _chosen(pieces, wanted, context)
        with self.scheduler.lane(window.width * window.height) as lane:
            for work in first:
                lane.submit(work)
            yield from self._ahead(
                pieces, lambda piece: evaluate(plan, grid, piece, context, lane), context, lane
            )

    def mapped(
        self,
        nodes: Sequence[Any],
        grid: Grid,
        part: Part,
        context: Context,
        finish: Callable[[Window, list[Pixels]], Result],
    ) -> Iterator[Result]:
        """What ``finish`` makes of the pixels of each piece, in order; it runs where the pixels are computed.

        Pieces are as ``part`` cuts them; the rest is as for ``blocks``.
        """
        if part.pixels == 0:
            return
        plan = self.plan(nodes, grid, part.window, context)
        _note(plan, part.pixels)
        resources = self._resources(context)
        shape, _ = block_shape(plan, grid, part.window, resources, part.pixels)
        pieces = part.cut(*pieces_of(plan, grid, shape))
        context = self._reading(context, fills_cache(plan, part.pixels, resources))
        if context.profile is not None:
            finish = context.profile.charged(finish)

        def work(piece: Window, lane: Lane | None = None) -> Result:
            return finish(piece, evaluate(plan, grid, piece, context, lane))

        if part.pixels <= SMALL:
            for piece in pieces:
                context.cancel.check()
                yield work(piece)
            return
        with self.scheduler.lane(part.pixels) as lane:
            for _, found in self._ahead(pieces, lambda piece: work(piece, lane), context, lane):
                yield found

    def _ahead(
        self,
        pieces: Iterator[Window],
        work: Callable[[Window], Result],
        context: Context,
        lane: Lane,
    ) -> Iterator[tuple[Window, Result]]:
        """Results in the order of the pieces, at most two a thread in progress."""
        waiting: deque[tuple[Window, Future[Result]]] = deque()
        while True:
            for piece in islice(pieces, 2 * self.threads - len(waiting)):
                waiting.append((piece, lane.submit(partial(work, piece))))
            if not waiting:
                return
            piece, future = waiting.popleft()
            found = future.result()
            context.cancel.check()
            yield piece, found

    def plan(self, nodes: Sequence[Any], grid: Grid, window: Window, context: Context) -> Prepared:
        """The plan of some nodes for a window, as ``read`` and ``blocks`` run it."""
        return self.planner.plan(nodes, grid, window, context.profile)

    def layout(self, plan: Prepared, grid: Grid, window: Window, context: Context) -> Layout:
        """How ``blocks`` cuts a window. Raises LimitExceeded as it does."""
        return lay_out(plan, grid, window, self._resources(context))

    def _resources(self, context: Context) -> Resources:
        cached = 0 if self.store is None else self.store.cache.capacity
        return Resources(context.limits, self.threads, cached)

    def _reading(self, context: Context, passing: bool = False) -> Context:
        """The context of a request's nodes."""
        return replace(context, pixels=_Reading(self, passing))

    def caches(self) -> dict[str, Report]:
        """Counters of what is kept between requests."""
        stored = {} if self.store is None else self.store.caches()
        return self.planner.caches() | stored

    def close(self) -> None:
        """Stops the workers."""
        self.scheduler.close()


class _Reading:
    """The engine as the nodes of one request see it.

    Its store looks at every file once; blocks of large jobs pass through the cache (``BlockCache``).
    """

    def __init__(self, engine: Executor, passing: bool) -> None:
        self.store = None if engine.store is None else engine.store.reading(passing=passing)
        self.read, self.blocks, self.mapped = engine.read, engine.blocks, engine.mapped


def _note(plan: Prepared, pixels: int) -> None:
    """Notes which fused regions a job runs, and how large it is: what is met often is compiled."""
    noted((node.shape for node in plan.nodes if isinstance(node, Fused)), pixels)


def _chosen(
    pieces: Iterator[Window], wanted: Callable[[Window], bool], context: Context
) -> Iterator[Window]:
    for piece in pieces:
        context.cancel.check()
        if wanted(piece):
            yield piece


class _Run:
    """One evaluation of a plan over one window: generators on an explicit stack, shared results kept.

    A shared result is dropped at its last use. A node that ends without asking for all of its inputs (a
    covered mosaic) counts as having used them, so nothing waits for uses that never come.
    """

    def __init__(self, plan: Prepared, context: Context, lane: Lane | None = None) -> None:
        self.plan = plan
        self.context = context
        self.lane = lane if context.profile is None else None  # one thread's clock is one request's
        self.watch = None if context.profile is None else watched(plan, context.profile)
        self.kept: dict[Key, list[Any]] = {}
        self.spared: dict[Key, int] = {}

    def _known(self, key: Key) -> Pixels | None:
        entry = self.kept.get(key)
        if entry is None:
            return None
        entry[1] -= 1
        if entry[1] <= 0:
            del self.kept[key]
        found: Pixels = entry[0]
        return found

    def _keep(self, key: Key, pixels: Pixels) -> None:
        uses = self.plan.uses.get(key[0], 1) - 1
        if self.spared:
            uses -= self.spared.pop(key, 0)
        if uses > 0:
            self.kept[key] = [pixels, uses]

    def _spare(self, node: PlanNode, asked: list[int], grid: Grid, window: Window) -> None:
        """The inputs that a node did not ask for will not be asked for by it."""
        left = Counter(asked)
        stack: list[PlanNode] = []
        for child in self.plan.children[id(node)]:
            if left[id(child)] > 0:
                left[id(child)] -= 1
            else:
                stack.append(child)
        while stack:
            child = stack.pop()
            key = (id(child), grid, window)
            if key in self.kept:
                self._known(key)
                continue
            self.spared[key] = self.spared.get(key, 0) + 1
            if self.spared[key] == self.plan.uses[id(child)]:
                del self.spared[key]
                stack.extend(self.plan.children[id(child)])

    def value(self, need: Need) -> Pixels:
        """Pixels of a node over a window."""
        stack: list[tuple[Need, Evaluation, list[int]]] = []
        answer = self._begin(need, stack)
        while stack:
            (node, grid, window), generator, asked = stack[-1]
            try:
                wanted = next(generator) if answer is None else generator.send(answer)
            except StopIteration as stop:
                stack.pop()
                answer = stop.value
                if len(asked) < len(self.plan.children.get(id(node), ())):
                    self._spare(node, asked, grid, window)
                self._keep((id(node), grid, window), stop.value)
            else:
                asked.append(id(wanted[0]))
                answer = self._begin(wanted, stack)
        assert answer is not None
        return answer

    def _begin(self, need: Need, stack: list[tuple[Need, Evaluation, list[int]]]) -> Pixels | None:
        """The result if it is known or needs no input; else a generator is pushed and None returned."""
        node, grid, window = need
        key = (id(node), grid, window)
        answer = self._known(key)
        if answer is not None:
            return answer
        self.context.cancel.check()
        if self.lane is not None:
            self.lane.give_way()
        start = node.evaluate if self.watch is None else self.watch.starter(node)
        started = start(grid, window, self.context)
        if isinstance(started, Pixels):
            self._keep(key, started)
            return started
        stack.append((need, started, []))
        return None


def evaluate(
    plan: Prepared, grid: Grid, window: Window, context: Context, lane: Lane | None = None
) -> list[Pixels]:
    """Pixels of the plan's roots over a window, in the calling thread.

    Between nodes, a ``lane`` lets others pass.
    """
    run = _Run(plan, context, lane)
    return [run.value((root, grid, window)) for root in plan.roots]
