"""Puts one node in the place of every region of per-pixel nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ecumene.plan.lower import with_inputs
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import Fused, Output
from ecumene.plan.regions import Regions
from ecumene.plan.shared import shape_of
from ecumene.plan.steps import Step, kind

Replacement = Callable[[PlanNode], PlanNode]


def fused(
    order: Sequence[PlanNode],
    children: dict[int, tuple[PlanNode, ...]],
    roots: tuple[PlanNode, ...],
) -> tuple[PlanNode, ...]:
    """The roots of an equivalent plan with fused regions; the same ones where there are none.

    Parameters
    ----------
    order : every node after its inputs.
    children : inputs by ``id``.
    """
    regions = Regions(order, children, roots)
    chosen = regions.worthwhile()
    if not chosen:
        return roots
    made: dict[int, PlanNode] = {}
    inner = {id(node) for region in chosen for node in region.members}
    ends = {id(node): region for region in chosen for node in region.results}
    waiting = {id(region): len(region.results) for region in chosen}
    position = {id(node): k for k, node in enumerate(order)}

    def replacement(node: PlanNode) -> PlanNode:
        return made.get(id(node), node)

    for node in order:
        region = ends.get(id(node))
        if region is not None:
            waiting[id(region)] -= 1
            if waiting[id(region)] == 0:
                members = sorted(region.members, key=lambda node: position[id(node)])
                made.update(_assembled(regions, members, region.results, replacement))
        elif id(node) not in inner and any(id(child) in made for child in children[id(node)]):
            made[id(node)] = fresh = with_inputs(node, replacement)
            object.__setattr__(fresh, "_digest", node.digest)
    return tuple(replacement(root) for root in roots)


def _assembled(
    regions: Regions,
    members: Sequence[PlanNode],
    results: Sequence[PlanNode],
    replacement: Replacement,
) -> dict[int, PlanNode]:
    """What takes the place of a region's results."""
    assembly = _Assembly(regions)
    assembly.add(members)
    region = assembly.node(results, replacement)
    if len(results) == 1:
        return {id(results[0]): region}
    parts: dict[int, PlanNode] = {}
    for k, node in enumerate(results):
        parts[id(node)] = part = Output(region, k, node.type)
        object.__setattr__(part, "_digest", node.digest)
    return parts


@dataclass(slots=True)
class _Assembly:
    """A region's inputs and steps as they are put in order.

    Leaves are at ``-1, -2, …`` and steps at ``0, 1, …`` until all are known.
    """

    regions: Regions
    leaves: list[PlanNode] = field(default_factory=list)
    steps: list[tuple[PlanNode, tuple[int, ...]]] = field(default_factory=list)
    place: dict[int, int] = field(default_factory=dict)

    def add(self, members: Sequence[PlanNode]) -> None:
        """Members, each after its inputs; numbers among those become steps too."""
        inside = {id(node) for node in members}
        for node in members:
            for child in self.regions.children[id(node)]:
                if id(child) in self.place or id(child) in inside:
                    continue
                if self.regions.is_number(child):
                    self._step(child)
                else:
                    self.leaves.append(child)
                    self.place[id(child)] = -len(self.leaves)
            self._step(node)

    def _step(self, node: PlanNode) -> None:
        operands = tuple([self.place[id(child)] for child in self.regions.children[id(node)]])
        self.place[id(node)] = len(self.steps)
        self.steps.append((node, operands))

    def _position(self, place: int) -> int:
        return -1 - place if place < 0 else len(self.leaves) + place

    def node(self, results: Sequence[PlanNode], replacement: Replacement) -> Fused:
        """The region as a node; its digest is that of its first result."""
        steps, numbers = [], []
        for node, operands in self.steps:
            found = self.regions.described[id(node)]
            places = tuple(map(self._position, operands))
            steps.append(Step(found.operator, kind(node), places, found.details))
            numbers.append(found.numbers)
        outputs = tuple(self._position(self.place[id(node)]) for node in results)
        inputs = tuple(kind(leaf).dtype for leaf in self.leaves)
        made = Fused(
            tuple(replacement(leaf) for leaf in self.leaves),
            tuple(self.leaves),
            tuple(results),
            shape_of(tuple(steps), inputs, outputs),
            tuple(numbers),
            results[0].type,
        )
        object.__setattr__(made, "_digest", results[0].digest)
        return made
