"""Prepares a plan: identical nodes become one object, uses are counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ecumene.plan.lower import lowered
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import Source


@dataclass(frozen=True, slots=True)
class Prepared:
    """Roots after sharing, every node once in order of dependence, how often each is an input, its own inputs.

    ``uses`` and ``children`` are keyed by the ``id`` of nodes in ``nodes``. ``given`` are the roots as the
    algorithms made them.
    """

    roots: tuple[PlanNode, ...]
    nodes: tuple[PlanNode, ...]
    uses: dict[int, int]
    children: dict[int, tuple[PlanNode, ...]]
    given: tuple[PlanNode, ...] = ()

    @property
    def sources(self) -> list[Source]:
        """The stored bands that the plan may read."""
        return [node for node in self.nodes if isinstance(node, Source)]


def _rebuilt(value: Any, canonical: dict[bytes, PlanNode]) -> Any:
    if isinstance(value, PlanNode):
        return canonical[value.digest]
    if isinstance(value, tuple) and any(isinstance(item, PlanNode | tuple) for item in value):
        return tuple(_rebuilt(item, canonical) for item in value)
    return value


def prepare(roots: Sequence[PlanNode], lower: bool = True) -> Prepared:
    """Hash-conses and lowers a graph of nodes; no recursion, whatever its depth.

    ``lower`` False keeps the nodes as the algorithms made them (for comparing the two).
    """
    order, shared_roots = _shared(roots)
    plan = collected(lowered(order, shared_roots) if lower else shared_roots)
    return dataclasses.replace(plan, given=tuple(roots))


def _shared(roots: Sequence[PlanNode]) -> tuple[list[PlanNode], tuple[PlanNode, ...]]:
    """Every different node once, in order of dependence, and the roots among them."""
    canonical: dict[bytes, PlanNode] = {}
    order: list[PlanNode] = []
    stack: list[PlanNode] = list(reversed(roots))
    while stack:
        node = stack[-1]
        if node.digest in canonical:
            stack.pop()
            continue
        waiting = [child for child in node.inputs() if child.digest not in canonical]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        changed = {}
        for field in dataclasses.fields(node):  # type: ignore[arg-type]
            value = getattr(node, field.name)
            fresh = _rebuilt(value, canonical)
            if fresh is not value and not _same(fresh, value):
                changed[field.name] = fresh
        shared = node
        if changed:
            digest = node.digest
            shared = dataclasses.replace(node, **changed)  # type: ignore[type-var]
            object.__setattr__(shared, "_digest", digest)
        canonical[node.digest] = shared
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


def _same(left: Any, right: Any) -> bool:
    """Whether two field values hold the very same nodes."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(
            _same(a, b) for a, b in zip(left, right, strict=True)
        )
    return left is right
