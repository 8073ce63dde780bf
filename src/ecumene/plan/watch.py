"""Watches a plan's nodes at work for a profile: whose they are, how long they take, what they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecumene.core.context import Context
from ecumene.core.profile import Clock, Profile, loading_label
from ecumene.core.projection import Grid, Window
from ecumene.plan.costs import scratch
from ecumene.plan.node import Evaluation, Pixels, PlanNode
from ecumene.plan.nodes import Source
from ecumene.plan.optimise import Prepared

Start = Callable[[Grid, Window, Context], Evaluation | Pixels]

KEPT_PLANS = 8
"""Watches that a profile keeps: blocks of a request share their plan."""

MOST_ABOVE = 4
"""Nodes of the plan that are named for one that it does not have."""


def watched(plan: Prepared, profile: Profile) -> Watch:
    """The watch of a plan."""
    found: Watch | None = profile.watches.get(id(plan))
    if found is None:
        found = Watch(plan, profile)
        profile.watches[id(plan)] = found  # the watch holds the plan, so its id stays its own
        while len(profile.watches) > KEPT_PLANS:
            profile.watches.pop(next(iter(profile.watches)), None)
    return found


class Watch:
    """Runs nodes on a profile's clocks.

    Nodes belong to the algorithm that made them; those that nobody marked (work of an algorithm while it
    runs, images described by another request) to what the request is doing.
    """

    def __init__(self, plan: Prepared, profile: Profile) -> None:
        self.plan, self.profile = plan, profile
        self.labels = {id(node): self._label(node) for node in plan.nodes}
        for part, whole in absorbed(plan).items():
            label = profile.origins.get(part)
            if label is not None:
                profile.within.setdefault(label, set()).update(
                    self.labels[id(node)] for node in whole
                )

    def _label(self, node: PlanNode) -> str:
        if isinstance(node, Source):
            return loading_label(node.band)
        return self.profile.origins.get(node.digest) or self.profile.running()

    def starter(self, node: PlanNode) -> Start:
        """``node.evaluate``, watched."""
        label = self.labels.get(id(node)) or self._label(node)

        def start(grid: Grid, window: Window, context: Context) -> Evaluation | Pixels:
            clock = self.profile.clock()
            with clock.inside(label):
                started = node.evaluate(grid, window, context)
            if not isinstance(started, Pixels):
                return self._steps(node, label, clock, started)
            self._made(node, label, started, [])
            return started

        return start

    def _steps(
        self, node: PlanNode, label: str, clock: Clock, evaluation: Evaluation
    ) -> Evaluation:
        """The evaluation, timed step by step; what it waits for is not its time."""
        given: list[tuple[int, int]] = []
        answer: Pixels | None = None
        while True:
            try:
                with clock.inside(label, 0):
                    wanted = next(evaluation) if answer is None else evaluation.send(answer)
            except StopIteration as stop:
                self._made(node, label, stop.value, given)
                return stop.value  # type: ignore[no-any-return]
            answer = yield wanted
            given.append(_size(answer))

    def _made(
        self, node: PlanNode, label: str, pixels: Pixels, given: list[tuple[int, int]]
    ) -> None:
        """Notes a result and about what was needed to make it."""
        values = pixels.values
        own = values.size if any(values.strides) else 0
        below = max((area for area, _ in given), default=own)
        extra = scratch(node, own, below, sum(size for _, size in given)) if own else 0
        arrays: tuple[Any, ...] = (values, pixels.mask, pixels.lengths)
        self.profile.live.note(label, arrays, int(extra))


def _size(pixels: Pixels) -> tuple[int, int]:
    """Pixels and bytes; nothing where every pixel is the same number in memory."""
    values, mask = pixels.values, pixels.mask
    if not any(values.strides):
        return 0, 0
    return values.shape[0] * values.shape[1], values.nbytes + (0 if mask is None else mask.nbytes)


def absorbed(plan: Prepared) -> dict[bytes, set[PlanNode]]:
    """Nodes of the graph as it was made that the plan does not have, with nodes of the plan that do their work.

    These are the nearest above them; of many, some.
    """
    kept = {node.digest: node for node in plan.nodes}
    found: dict[bytes, set[PlanNode]] = {}
    stack = [(root, kept[root.digest]) for root in plan.given if root.digest in kept]
    visits: dict[bytes, int] = {}
    while stack:
        node, above = stack.pop()
        own = kept.get(node.digest)
        if own is None:
            found.setdefault(node.digest, set()).add(above)
        most = MOST_ABOVE if own is None else 1
        seen = visits[node.digest] = visits.get(node.digest, 0) + 1
        if seen <= most:
            stack.extend((child, own or above) for child in node.inputs())
    return found
