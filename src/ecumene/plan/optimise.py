"""Prepares a plan: identical nodes become one object, uses are counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ecumene.core.lru import Lru
from ecumene.plan.fuse import fused
from ecumene.plan.lower import lowered, with_inputs
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import Source

LAYOUTS = 16
"""Sizes of requests whose blocks are remembered with a plan."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Roots after sharing, every node once in order of dependence, how often each is an input, its own inputs.

    ``uses`` and ``children`` are keyed by the ``id`` of nodes in ``nodes``. ``given`` are the roots as the
    algorithms made them. ``layouts`` are the executor's: how requests of a size were cut.
    """

    roots: tuple[PlanNode, ...]
    nodes: tuple[PlanNode, ...]
    uses: dict[int, int]
    children: dict[int, tuple[PlanNode, ...]]
    given: tuple[PlanNode, ...] = ()
    layouts: Lru[Any] = field(default_factory=lambda: Lru(LAYOUTS), compare=False)

    @property
    def sources(self) -> list[Source]:
        """The stored bands that the plan may read."""
        return [node for node in self.nodes if isinstance(node, Source)]


def prepare(roots: Sequence[PlanNode], lower: bool = True) -> Prepared:
    """Hash-conses and lowers a graph of nodes; no recursion, whatever its depth.

    ``lower`` False keeps the nodes as the algorithms made them (for comparing the two).
    """
    order, shared_roots = _shared(roots)
    for node in order:
        node.check()
    if not lower:
        plan = collected(shared_roots)
    else:
        plan = collected(lowered(order, shared_roots))
        together = fused(plan.nodes, plan.children, plan.roots)
        plan = plan if together is plan.roots else collected(together)
    return dataclasses.replace(plan, given=tuple(roots))


def _shared(roots: Sequence[PlanNode]) -> tuple[list[PlanNode], tuple[PlanNode, ...]]:
    """Every different node once, in order of dependence, and the roots among them."""
    canonical: dict[bytes, PlanNode] = {}
    order: list[PlanNode] = []
    stack: list[PlanNode] = list(reversed(roots))
    while stack:
        node = stack[-1]
        digest = node.digest
        if digest in canonical:
            stack.pop()
            continue
        below = tuple(node.inputs())
        waiting = [child for child in below if child.digest not in canonical]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        shared = node
        if any(canonical[child.digest] is not child for child in below):
            shared = with_inputs(node, lambda child: canonical[child.digest])
            object.__setattr__(shared, "_digest", digest)
        canonical[digest] = shared
        order.append(shared)
    return order, tuple(canonical[root.digest] for root in roots)


def collected(roots: tuple[PlanNode, ...]) -> Prepared:
    """The plan of roots whose nodes are shared already."""
    order: list[PlanNode] = []
    uses: dict[int, int] = {}
    children: dict[int, tuple[PlanNode, ...]] = {}
    stack: list[tuple[PlanNode, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
            continue
        if id(node) in children:
            continue
        below = children[id(node)] = tuple(node.inputs())
        stack.append((node, True))
        for child in below:
            uses[id(child)] = uses.get(id(child), 0) + 1
        stack.extend((child, False) for child in reversed(below) if id(child) not in children)
    for root in roots:
        uses[id(root)] = uses.get(id(root), 0) + 1
    return Prepared(roots, tuple(order), uses, children)
