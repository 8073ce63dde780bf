"""Per-pixel nodes that are evaluated together: the largest regions with a result of their own.

A node joins the region of its users if all of them are in it, so nothing is computed twice and nothing inside
is needed elsewhere. Results of the request that share such a node become one region with several results.
One pass against the order of dependence finds all regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ecumene.numerics.formulas import passes
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import (
    Constant,
    Coordinates,
    Masked,
    Source,
    Tabulated,
)
from ecumene.plan.steps import LAZY, Described, described

MOST_INPUTS = 12
"""Different inputs of a region: all are held at once."""

MOST_STEPS = 64
"""Steps of a region: what a compiler takes a tenth of a second for."""

MOST_MERGED = 8
"""Results that become one region at most."""

FEWEST_PASSES = 2
"""Passes over the pixels from which fusing pays."""

AT_HAND = (Constant, Coordinates, Masked, Source, Tabulated)
"""Inputs that are asked for even where a node would have seen that no pixel needs them."""


@dataclass(slots=True, eq=False)
class Region:
    """Nodes of one region against the order of dependence, and the inputs of those found so far."""

    results: list[PlanNode]
    last: bool
    members: list[PlanNode] = field(default_factory=list)
    border: set[int] = field(default_factory=set)
    merged: Region | None = None

    def current(self) -> Region:
        """This region, or the one that it became a part of."""
        found = self
        while found.merged is not None:
            found = found.merged
        return found


def _claim(claims: dict[int, list[Region | None]], node: int, region: Region | None) -> None:
    """Notes a user of a node; of many only that they are."""
    claimed = claims.setdefault(node, [])
    if region not in claimed:
        claimed.append(region)
        if len(claimed) > MOST_MERGED:
            claims[node] = [None]


class Regions:
    """Finds the regions of a plan.

    Parameters
    ----------
    order : every node after its inputs.
    children : inputs by ``id``.
    roots : the results of the request.
    """

    def __init__(
        self,
        order: Sequence[PlanNode],
        children: dict[int, tuple[PlanNode, ...]],
        roots: Sequence[PlanNode],
    ) -> None:
        self.children = children
        self.described: dict[int, Described] = {}
        self.at_hand: dict[int, frozenset[int] | None] = {}
        for node in order:
            self._describe(node)
        self.found: list[Region] = []
        if len(self.described) > 0:
            self._find(order, roots)

    def _describe(self, node: PlanNode) -> None:
        """Notes a node that can be fused, and of every node what is asked for if it is."""
        found = described(node)
        below = self.children[id(node)]
        if found is not None and not any(child.type.dimensions for child in below):
            lazy = LAZY.get(found.operator)
            if lazy is None or self._harmless(below, lazy):
                self.described[id(node)] = found
                self.at_hand[id(node)] = self._gathered(below)
                return
        self.at_hand[id(node)] = (
            frozenset() if isinstance(node, AT_HAND) else frozenset((id(node),))
        )

    def _gathered(self, below: Sequence[PlanNode]) -> frozenset[int] | None:
        """Inputs under some nodes that cost something; None for many."""
        found: frozenset[int] = frozenset()
        for child in below:
            more = self.at_hand[id(child)]
            if more is None:
                return None
            found = found | more if found else more
        return found if len(found) <= MOST_INPUTS else None

    def _harmless(self, below: Sequence[PlanNode], lazy: tuple[int, ...]) -> bool:
        """Whether asking for everything costs no more than what is asked for anyway."""
        spared = self._gathered([below[k] for k in lazy if k < len(below)])
        asked = self._gathered([child for k, child in enumerate(below) if k not in lazy])
        return spared is not None and (not spared or (asked is not None and spared <= asked))

    def _find(self, order: Sequence[PlanNode], roots: Sequence[PlanNode]) -> None:
        root_ids = {id(root) for root in roots}
        claims: dict[int, list[Region | None]] = {}
        for node in reversed(order):
            region: Region | None = None
            if id(node) in self.described and not isinstance(node, Constant):
                users = claims.pop(id(node), [])
                region = self._joined(node, users) if id(node) not in root_ids else None
                if region is None:
                    region = Region([node], last=not users)
                    self.found.append(region)
                region.members.append(node)
                region.border.discard(id(node))
                region.border.update(self._inputs(node))
            for child in self.children[id(node)]:
                if id(child) in self.described:
                    _claim(claims, id(child), region)

    def _inputs(self, node: PlanNode) -> list[int]:
        return [id(c) for c in self.children[id(node)] if not self.is_number(c)]

    def is_number(self, node: PlanNode) -> bool:
        """Whether a node is a number of the step that uses it, not an input."""
        return isinstance(node, Constant) and id(node) in self.described

    def _joined(self, node: PlanNode, users: list[Region | None]) -> Region | None:
        """The region that a node joins: that of all its users, if there is room."""
        regions: list[Region] = []
        for user in users:
            if user is None:
                return None
            current = user.current()
            if not any(current is known for known in regions):
                regions.append(current)
        if len(regions) > 1 and not all(region.last for region in regions):
            return None
        border = set().union(*(region.border for region in regions))
        border.discard(id(node))
        border.update(self._inputs(node))
        steps = sum(len(region.members) for region in regions)
        if len(border) > MOST_INPUTS or steps >= MOST_STEPS:
            return None
        return self._merged(regions)

    def _merged(self, regions: list[Region]) -> Region:
        first, *others = regions
        for other in others:
            first.results += other.results
            first.members += other.members
            first.border |= other.border
            other.merged = first
        return first

    def worthwhile(self) -> list[Region]:
        """Regions that are faster than their nodes one by one."""
        return [r for r in self.found if r.merged is None and self._passes(r) >= FEWEST_PASSES]

    def _passes(self, region: Region) -> int:
        return sum(passes(self.described[id(node)].operator) for node in region.members)
