"""Rewrites a plan into nodes that read and compute less; results stay the same.

* Per-pixel work that depends on one stored band of 8 or 16 bits becomes a table (``Tabulated``): a cloud
  mask from a scene classification costs one lookup per stored pixel, however long its formula is.
* Masks of a fold's images become the fold's own (``Fold.hides``): stored bands reach it ungathered.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ecumene.numerics.formulas import passes
from ecumene.plan.node import PlanNode, field_names, own_token
from ecumene.plan.nodes import Constant, Elementwise, Fold, Source, Tabulated, UpdateMask
from ecumene.plan.steps import DESCRIBED

PER_PIXEL = tuple(DESCRIBED)
"""Nodes whose pixel depends on the same pixel of their inputs only."""

FEWEST_WIDE = 4
"""Passes over the pixels from which a table of 65,536 entries pays."""

MOST = 1 << 20
"""Passes are counted up to here: of shared nodes there are exponentially many."""


@dataclass(frozen=True, slots=True)
class Support:
    """What a per-pixel node depends on: at most one stored band; how many steps; a hash of their shape."""

    source: Source | None
    steps: int
    shape: bytes


def lowered(order: Iterable[PlanNode], roots: tuple[PlanNode, ...]) -> tuple[PlanNode, ...]:
    """The roots of an equivalent plan. ``order`` has every node after its inputs."""
    supports: dict[int, Support] = {}
    made: dict[int, PlanNode] = {}
    shows: dict[int, PlanNode] = {}

    def replacement(node: PlanNode) -> PlanNode:
        done = made.get(id(node), node)
        support = supports.get(id(node))
        if support is not None and worthwhile(support):
            assert support.source is not None
            done = Tabulated(support.source, node, support.shape, node.type)
            object.__setattr__(done, "_digest", node.digest)
            made[id(node)] = done
            del supports[id(node)]
        return done

    for node in order:
        support = _support(node, supports)
        if support is not None:
            supports[id(node)] = support
            continue
        fresh = node
        if any(id(child) in made or id(child) in supports for child in node.inputs()):
            fresh = with_inputs(node, replacement)
        if isinstance(fresh, Fold):
            fresh = _hiding(fresh, shows)
        if fresh is not node:
            object.__setattr__(fresh, "_digest", node.digest)
            made[id(node)] = fresh
    return tuple(replacement(root) for root in roots)


def worthwhile(support: Support) -> bool:
    """Whether a table is less work than the formula."""
    if support.source is None or support.steps == 0:
        return False
    size = support.source.band.type.dtype.itemsize
    return size == 1 or support.steps >= FEWEST_WIDE


def _support(node: PlanNode, known: dict[int, Support]) -> Support | None:
    """What a node depends on, or None if it cannot be tabulated."""
    if node.type.dimensions:
        return None
    if isinstance(node, Source):
        dtype = node.band.type.dtype
        small = dtype.kind in "iu" and dtype.itemsize <= 2 and node.method == "nearest"
        return Support(node, 0, b"source") if small else None
    if isinstance(node, Constant):
        return Support(None, 0, own_token(node))
    if not isinstance(node, PER_PIXEL):
        return None
    source, steps, shapes = None, _passes(node), []
    for child in node.inputs():
        part = known.get(id(child))
        if part is None or (
            part.source is not None and source is not None and part.source is not source
        ):
            return None
        source = source or part.source
        steps += part.steps
        shapes.append(part.shape)
    digest = hashlib.blake2b(b"i".join((own_token(node), *shapes)), digest_size=16)
    return Support(source, min(steps, MOST), digest.digest())


def _passes(node: PlanNode) -> int:
    return passes(node.op) if isinstance(node, Elementwise) else 1


def with_inputs(node: PlanNode, replacement: Callable[[PlanNode], PlanNode]) -> PlanNode:
    """The node with replaced inputs; itself if none is."""
    if isinstance(node, Source | Constant | Tabulated):
        return node
    changed = {}
    for name in field_names(node):
        value = getattr(node, name)
        fresh = _mapped(value, replacement)
        if fresh is not value:
            changed[name] = fresh
    return dataclasses.replace(node, **changed) if changed else node  # type: ignore[type-var]


def _mapped(value: Any, replacement: Callable[[PlanNode], PlanNode]) -> Any:
    if isinstance(value, PlanNode):
        return replacement(value)
    if type(value) is tuple and any(isinstance(item, PlanNode | tuple) for item in value):
        fresh = tuple([_mapped(item, replacement) for item in value])
        if any(a is not b for a, b in zip(fresh, value, strict=True)):
            return fresh
    return value


def _hiding(fold: Fold, shows: dict[int, PlanNode]) -> Fold:
    """A fold that applies its images' masks itself; ``shows`` shares tables between folds."""
    if len(fold.stacks) != 1 or fold.hides:
        return fold
    images: list[PlanNode] = []
    hides: list[tuple[PlanNode, ...]] = []
    for image in fold.stacks[0]:
        masks: list[PlanNode] = []
        while isinstance(image, UpdateMask) and image.type == image.input.type:
            masks.append(_as_mask(image.mask_image, shows))
            image = image.input
        if masks and not (isinstance(image, Source) and image.direct):
            return fold
        images.append(image)
        hides.append(tuple(reversed(masks)))
    if not any(hides):
        return fold
    return dataclasses.replace(fold, stacks=(tuple(images),), hides=tuple(hides))


def _as_mask(mask: PlanNode, shows: dict[int, PlanNode]) -> PlanNode:
    """A mask image whose table, if it has one, holds masks."""
    if not isinstance(mask, Tabulated):
        return mask
    found = shows.get(id(mask))
    if found is None:
        found = shows[id(mask)] = dataclasses.replace(mask, shows=True)
        object.__setattr__(found, "_digest", mask.digest + b"shows")
    return found
