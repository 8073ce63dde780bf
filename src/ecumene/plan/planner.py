"""Plans of requests, kept: the same image is planned once for all of its tiles."""

from __future__ import annotations

from collections.abc import Sequence

from ecumene.core import caches
from ecumene.core.caches import Report
from ecumene.core.lru import Lru, LruStats
from ecumene.core.profile import Profile
from ecumene.core.projection import Grid, Window
from ecumene.plan.node import PlanNode
from ecumene.plan.optimise import Prepared, prepare
from ecumene.plan.presence import Outline, outline

MOST_NODES = 500_000
"""Nodes of all outlines that are kept, and of all plans: about 400 bytes each."""


class Planner:
    """Prepared plans by the content of their roots. Thread-safe; one per executor.

    Nothing of an account is in a plan: it holds what its nodes say, and only who can make the same nodes
    finds it. Files are opened when blocks are read, so a plan does not age.
    """

    def __init__(self, most_nodes: int = MOST_NODES) -> None:
        self._outlines: Lru[Outline] = Lru(most_nodes, lambda made: made.size)
        self._plans: Lru[Prepared] = Lru(most_nodes, lambda made: len(made.nodes))

    def plan(
        self,
        roots: Sequence[PlanNode],
        grid: Grid,
        window: Window,
        profile: Profile | None = None,
    ) -> Prepared:
        """The plan of some nodes for a request: without the images that cannot meet it."""
        given = tuple(roots)
        made = self._outlines.get(given)
        if made is None:
            made = outline(given)
            self._outlines.put(given, made)
        chosen = made.roots_for(grid, window)
        if profile is not None:
            inherited(profile.origins, given, chosen)
        key = tuple(root.digest for root in chosen)
        found = self._plans.get(key)
        if found is None:
            found = prepare(chosen)
            self._plans.put(key, found)
        return found

    def caches(self) -> dict[str, Report]:
        """Counters of both caches; their sizes are nodes."""
        return {
            "plan_outlines": caches.of_lru(self._outlines), "plans": caches.of_lru(self._plans),
        }  # fmt: skip

    @property
    def stats(self) -> LruStats:
        """Counters of the prepared plans; the weight is their nodes."""
        return self._plans.stats


def inherited(
    origins: dict[bytes, str], given: Sequence[PlanNode], chosen: Sequence[PlanNode]
) -> None:
    """Notes that nodes of a plan were made by whoever made those that they stand for.

    Parameters
    ----------
    origins : who made a node, by digest; gets what is missing.
    given : nodes of a request.
    chosen : what ``plan`` made of them.
    """
    pairs = list(zip(given, chosen, strict=True))
    seen: set[int] = set()
    while pairs:
        old, new = pairs.pop()
        if old is new or id(new) in seen:
            continue
        seen.add(id(new))
        label = origins.get(old.digest)
        if label is not None:
            origins.setdefault(new.digest, label)
        below, kept = list(old.inputs()), list(new.inputs())
        if len(below) == len(kept):
            pairs.extend(zip(below, kept, strict=True))
