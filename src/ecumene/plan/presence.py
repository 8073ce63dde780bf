"""Leaves out of a plan the images of a collection that cannot meet a request.

A composite of a thousand scenes is planned for a tile from the few that meet it: the others cost a
comparison of boxes. Only inputs whose pixels are certainly all missing go, and only where the node says that
it skips such inputs (``ROWS``), so the pixels are those of the whole plan.

The part that does not depend on the request is an ``Outline``: the collections in the plan, and for each of
their images the stored bands without which it has no pixels. It is made once for the nodes of an image.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.lru import Lru
from ecumene.core.projection import Grid, Window
from ecumene.plan import places
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import (
    Cast,
    Choice,
    Displaced,
    Elementwise,
    Fold,
    Gather,
    Mosaic,
    Pick,
    Predict,
    QualityMosaic,
    Remap,
    Source,
    Stack,
    UpdateMask,
    Where,
)
from ecumene.plan.places import Place
from ecumene.plan.reach import Demand, inner

Nodes = tuple[PlanNode, ...]
Rows = tuple[Nodes, ...]
Box = tuple[float, float, float, float]

ROWS: dict[type[PlanNode], Callable[[Any], Rows]] = {
    Fold: lambda node: tuple(zip(*node.stacks, strict=True)),
    Gather: lambda node: node.rows,
    Mosaic: lambda node: tuple((layer,) for layer in node.layers),
    QualityMosaic: lambda node: tuple(
        (quality, layer) for quality, layer in zip(node.qualities, node.layers, strict=True)
    ),
}
"""Nodes that skip an image if one of its inputs has no pixels, and the inputs of each image."""

_DECIDING: dict[type[PlanNode], Callable[[Any], Nodes]] = {
    Cast: lambda node: (node.input,),
    Choice: lambda node: (node.test,),
    Elementwise: lambda node: node.inputs_,
    Pick: lambda node: (node.input,),
    Predict: lambda node: node.features,
    Remap: lambda node: (node.input,),
    Stack: lambda node: node.layers,
    UpdateMask: lambda node: (node.input,),
    Where: lambda node: (node.input,),
}
"""Nodes that have no pixels as soon as one of these inputs has none."""

_NOWHERE: frozenset[Place] = frozenset()
MOST_WAYS = 16
"""Ways from the request to a collection (through nodes that look elsewhere) that are followed."""

VARIANTS = 64
"""Selections of images of one plan that are kept."""

_SMALL = 8
"""Collections of fewer images are left as they are: tests of so few cost as much as they save."""


@dataclass(frozen=True, slots=True, eq=False)
class Stacked:
    """A node over images: where each image's deciding bands are, and how the request gets to it.

    ``boxes[k]`` belongs to image ``owner[k]``; images of one ``kind`` have the same types. ``ways`` are the nodes passed on the way that look at other
    pixels than they are asked for; None where it cannot be told what is asked of the node.
    """

    node: PlanNode
    rows: Rows
    boxes: places.Boxes
    owner: NDArray[np.intp]
    kinds: NDArray[np.intp]
    ways: tuple[Nodes, ...] | None

    def wanted(self, boxes_at: Callable[[Nodes], Box | None]) -> NDArray[np.bool_]:
        """Which images may have pixels; ``boxes_at`` tells what is asked for at the end of a way."""
        keep = np.zeros(len(self.rows), bool)
        if self.ways is None:
            return ~keep
        for way in self.ways:
            seen = boxes_at(way)
            here = np.ones(len(self.rows), bool)
            if seen is not None:
                here[self.owner[~places.meet(self.boxes, seen)]] = False
            keep |= here
        if keep.all():
            return keep
        # The node computes in the common type of its images: one at least of each kind stays.
        for kind in np.setdiff1d(self.kinds, self.kinds[keep]):
            keep[np.flatnonzero(self.kinds == kind)[0]] = True
        return keep


def _boxes_at(grid: Grid, window: Window) -> Callable[[Nodes], Box | None]:
    """What a request asks for at the end of a way, as a box; None where nothing can be said."""
    start = Demand(grid, window, (float(window.height), float(window.width)))

    @cache
    def at(way: Nodes) -> Box | None:
        demand = start
        for node in way:
            demand = inner(node, demand)
        return None if demand.whole is None else places.box(demand.grid, demand.whole)

    return at


@dataclass(slots=True, eq=False)
class Outline:
    """The collections of a plan, inner ones first."""

    roots: Nodes
    stacked: tuple[Stacked, ...]
    size: int
    variants: Lru[Nodes] = field(default_factory=lambda: Lru(VARIANTS))

    def roots_for(self, grid: Grid, window: Window) -> Nodes:
        """The roots with the images that may meet the request; the same objects for the same images."""
        boxes_at = _boxes_at(grid, window)
        known: dict[tuple[int, Any], NDArray[np.bool_]] = {}
        keeps = []
        for one in self.stacked:  # bands of one collection share their boxes
            key = id(one.boxes), one.ways
            if key not in known:
                known[key] = one.wanted(boxes_at)
            keeps.append(known[key])
        if all(keep.all() for keep in keeps):
            return self.roots
        selection = b"".join(np.packbits(keep).tobytes() for keep in keeps)
        found = self.variants.get(selection)
        if found is None:
            chosen = {
                id(one.node): keep
                for one, keep in zip(self.stacked, keeps, strict=True)
                if not keep.all()
            }
            found = _rebuilt(self.roots, chosen)
            self.variants.put(selection, found)
        return found


def outline(roots: Sequence[PlanNode]) -> Outline:
    """The outline of a plan; no recursion, whatever its depth."""
    order, children = _ordered(roots)
    large = [n for n in order if type(n) in ROWS and len(ROWS[type(n)](n)) >= _SMALL]
    if not large:
        return Outline(tuple(roots), (), len(order))
    needs = _needs(order)
    ways = _ways(order, children, roots)
    shared: _Shared = {}
    found = tuple(_stacked(node, needs, ways[id(node)], shared) for node in large)
    return Outline(tuple(roots), tuple(one for one in found if one.owner.size), len(order))


def _ordered(roots: Sequence[PlanNode]) -> tuple[list[PlanNode], dict[int, Nodes]]:
    """Every node once, inputs first, and the inputs of each."""
    order: list[PlanNode] = []
    children: dict[int, Nodes] = {}
    stack: list[tuple[PlanNode, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif id(node) not in children:
            below = children[id(node)] = tuple(node.inputs())
            stack.append((node, True))
            stack.extend((child, False) for child in below if id(child) not in children)
    return order, children


def _needs(order: Sequence[PlanNode]) -> dict[int, frozenset[Place]]:
    """By node: the stored bands of which each must be there for the node to have pixels."""
    found: dict[int, frozenset[Place]] = {}
    for node in order:
        if isinstance(node, Source):
            band = node.band
            whole = Window(0, 0, band.width, band.height)
            found[id(node)] = frozenset((Place(band.grid, whole),))
            continue
        deciding = _DECIDING.get(type(node))
        need = _NOWHERE
        for child in deciding(node) if deciding is not None else ():
            part = found[id(child)]
            need = need | part if need and part is not need else need or part
        found[id(node)] = need
    return found


_Shared = dict[tuple[frozenset[Place], ...], tuple[places.Boxes, NDArray[np.intp]]]


def _stacked(
    node: PlanNode,
    needs: dict[int, frozenset[Place]],
    ways: tuple[Nodes, ...] | None,
    shared: _Shared,
) -> Stacked:
    rows = ROWS[type(node)](node)
    deciding = [row[:1] if isinstance(node, QualityMosaic) else row for row in rows]
    needed = tuple(_NOWHERE.union(*(needs[id(child)] for child in row)) for row in deciding)
    if needed not in shared:
        shared[needed] = _boxes(needed)
    kinds: dict[tuple[Any, ...], int] = {}
    of_row = [kinds.setdefault(tuple(n.type.dtype for n in row), len(kinds)) for row in rows]
    return Stacked(node, rows, *shared[needed], np.asarray(of_row, np.intp), ways)


def _boxes(needed: Sequence[frozenset[Place]]) -> tuple[places.Boxes, NDArray[np.intp]]:
    """All boxes that images need, and whose each is."""
    pairs = [(owner, place) for owner, those in enumerate(needed) for place in those]
    if not pairs:
        return np.empty((0, 4)), np.empty(0, np.intp)
    numbers = {place: k for k, place in enumerate(dict.fromkeys(place for _, place in pairs))}
    found = places.boxes(list(numbers))[[numbers[place] for _, place in pairs]]
    return found, np.asarray([owner for owner, _ in pairs], np.intp)


def _elsewhere(node: PlanNode) -> bool:
    """Whether a node asks its inputs for other pixels than it is asked for."""
    return inner.dispatch(type(node)) is not inner.dispatch(object)


def _ways(
    order: Sequence[PlanNode], children: dict[int, Nodes], roots: Sequence[PlanNode]
) -> dict[int, tuple[Nodes, ...] | None]:
    """By node: how a request gets there; None where too many ways lead there or one is not known."""
    straight: frozenset[Nodes] = frozenset(((),))
    found: dict[int, frozenset[Nodes] | None] = {id(node): frozenset() for node in order}
    found.update((id(root), straight) for root in roots)
    for node in reversed(order):
        below = found[id(node)]
        if isinstance(node, Displaced):
            below = None
        elif below is not None and _elsewhere(node):
            below = frozenset((*way, node) for way in below)
        for child in children[id(node)]:
            known = found[id(child)]
            if known is not below and known is not None:
                joined = None if below is None else known | below
                too_many = joined is not None and len(joined) > MOST_WAYS
                found[id(child)] = None if too_many else joined
    return {key: None if ways is None else tuple(ways) for key, ways in found.items()}


def _rebuilt(roots: Nodes, chosen: dict[int, NDArray[np.bool_]]) -> Nodes:
    """The roots with some images only in some of their nodes."""
    done: dict[int, PlanNode] = {}
    stack: list[PlanNode] = list(reversed(roots))
    while stack:
        node = stack[-1]
        if id(node) in done:
            stack.pop()
            continue
        keep = chosen.get(id(node))
        kept = node if keep is None else _selected(node, keep)
        waiting = [child for child in kept.inputs() if id(child) not in done]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        done[id(node)] = _with(kept, done)
    return tuple(done[id(root)] for root in roots)


def _with(node: PlanNode, done: dict[int, PlanNode]) -> PlanNode:
    """A node over rebuilt inputs; itself if none was."""
    if all(done[id(child)] is child for child in node.inputs()):
        return node
    changed = {f.name: _mapped(getattr(node, f.name), done) for f in _fields(node)}
    return dataclasses.replace(node, **changed)  # type: ignore[type-var]


def _fields(node: PlanNode) -> Iterator[dataclasses.Field[Any]]:
    return (f for f in dataclasses.fields(node) if f.init)  # type: ignore[arg-type]


def _mapped(value: Any, done: dict[int, PlanNode]) -> Any:
    if isinstance(value, PlanNode):
        return done.get(id(value), value)
    if isinstance(value, tuple) and any(isinstance(item, PlanNode | tuple) for item in value):
        return tuple(_mapped(item, done) for item in value)
    return value


def _selected(node: PlanNode, keep: NDArray[np.bool_]) -> PlanNode:
    """The node with some of its images; their order stays."""

    def of(column: Nodes) -> Nodes:
        return tuple(item for item, kept in zip(column, keep, strict=True) if kept)

    if isinstance(node, Fold):
        return dataclasses.replace(node, stacks=tuple(of(stack) for stack in node.stacks))
    if isinstance(node, Gather):
        rows = tuple(row for row, kept in zip(node.rows, keep, strict=True) if kept)
        return dataclasses.replace(node, rows=rows)
    if isinstance(node, Mosaic):
        return dataclasses.replace(node, layers=of(node.layers))
    assert isinstance(node, QualityMosaic)
    return dataclasses.replace(node, qualities=of(node.qualities), layers=of(node.layers))
