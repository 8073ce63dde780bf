"""Small graphs over pixels that are there already."""

from __future__ import annotations

from ecumene.core.context import Context
from ecumene.core.projection import Grid, Window
from ecumene.plan.node import Pixels, PlanNode


def evaluated(
    body: PlanNode, known: dict[int, Pixels], grid: Grid, window: Window, context: Context
) -> Pixels:
    """Pixels of a node from those of its leaves (by ``id``), without recursion; ``known`` gains the nodes between."""
    stack = [body]
    while stack:
        node = stack[-1]
        waiting = [child for child in node.inputs() if id(child) not in known]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if id(node) not in known:
            known[id(node)] = _driven(node, known, grid, window, context)
    return known[id(body)]


def _driven(
    node: PlanNode, known: dict[int, Pixels], grid: Grid, window: Window, context: Context
) -> Pixels:
    started = node.evaluate(grid, window, context)
    if isinstance(started, Pixels):
        return started
    try:
        wanted = next(started)
        while True:
            wanted = started.send(known[id(wanted[0])])
    except StopIteration as stop:
        done: Pixels = stop.value
        return done
