"""One pass over the pixels of zones: every block is computed once and reduced where it was computed.

A reducer becomes *leaves*: accumulators with their inputs and their rule at the edge of a zone. Simple
statistics of all zones of a block come from runs in one sweep (``Block``); others get the samples of each zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Image, Node
from ecumene.core.projection import Grid, Window
from ecumene.core.reducer import Reducer
from ecumene.numerics.reducers.wrappers import Cover, held
from ecumene.numerics.reducers.zonal import Block, placed, taken
from ecumene.numerics.runs import Runs
from ecumene.plan.parts import Boxes, part_of
from ecumene.raster.coverage import Zones

SMALLEST = 0.005
"""Coverage below which a weighted reducer ignores a pixel."""

STATES = 2**29
"""Bytes that the states of zones may take that are scanned together."""

Output = tuple[Any, Any]


class Shown(Protocol):
    """Pixels of a window (``plan.node.Pixels``)."""

    values: NDArray[Any]
    mask: Any
    lengths: Any


@dataclass(slots=True)
class Covered:
    """The runs of a window, made when first asked for."""

    zones: Zones
    window: Window
    _parts: Runs | None = None
    _centres: Runs | None = None

    def runs(self, weighted: bool) -> Runs:
        """Covered parts (of at least ``SMALLEST``), or pixels whose centre is inside."""
        if weighted:
            if self._parts is None:
                self._parts = self.zones.covered(self.window).at_least(SMALLEST)
            return self._parts
        if self._centres is None:
            self._centres = self.zones.inside(self.window)
        return self._centres


class Leaf:
    """An accumulator that takes some nodes' pixels; states by zone.

    Parameters
    ----------
    reducer : without parts.
    inputs : positions of its nodes.
    count : number of zones.
    """

    def __init__(self, reducer: Reducer, inputs: tuple[int, ...], count: int) -> None:
        self.accumulator, self.inputs, self.count = reducer.accumulator, inputs, count
        self.weighted, self.mixed = reducer.input_weighted, reducer.mixed
        self._states: dict[int, Any] = {}
        self._state: Any = None
        self._bulky: set[int] = set()  # zones whose samples are too many to be kept as they are

    def part(self, pixels: Sequence[Shown], covered: Covered) -> Any:
        """What a block adds; runs on any thread."""
        mine = [pixels[k] for k in self.inputs]
        zonal = getattr(self.accumulator, "zonal", None)
        if zonal is None or len(mine) > 1 or mine[0].values.ndim > 2 or self.mixed:
            return self._samples(mine, covered)
        runs = covered.runs(self.weighted[0])
        if not len(runs):
            return None
        zones, runs = runs.numbered()
        mask = mine[0].mask
        if mask is not None and not self.weighted[0] and mask.dtype != bool:
            mask = mask > 0
        return zones, zonal(Block(mine[0].values, mask, runs, zones.size))

    def _samples(self, pixels: list[Shown], covered: Covered) -> dict[int, Any] | None:
        found = _picked(pixels, covered, self.weighted, self.mixed)
        if found is None:
            return None
        zone, values, weights = found
        starts = np.flatnonzero(np.concatenate([[True], zone[1:] != zone[:-1]]))
        out = {}
        for start, stop in zip(starts, [*starts[1:], zone.size], strict=True):
            cut = slice(start, stop)
            number = int(zone[start])
            state = self.accumulator.add(
                self.accumulator.start(()), [v[cut] for v in values], [w[cut] for w in weights]
            )
            if number in self._bulky:
                state = self.accumulator.compact(state)  # type: ignore[attr-defined]
            out[number] = state
        return out

    def held(self, pixels: float) -> float:
        """Bytes at most of the state of a zone of so many pixels."""
        return held(self.accumulator, pixels)

    def merge(self, part: Any) -> None:
        """Takes what a block adds; in the order of the blocks."""
        if isinstance(part, dict):
            for zone, state in part.items():
                before = self._states.get(zone)
                merged = state if before is None else self.accumulator.merge(before, state)
                self._states[zone] = merged
                bulky = getattr(self.accumulator, "bulky", None)
                if bulky is not None and bulky(merged):
                    self._bulky.add(zone)
        elif part is not None:
            zones, state = part
            if self._state is not None:
                state = self.accumulator.merge(taken(self._state, zones), state)
            self._state = placed(self._state, zones, state, self.count)

    def outputs(self) -> Iterator[list[Output]]:
        """Finished outputs of every zone."""
        if self._state is not None:
            columns = self.accumulator.finish(self._state)
            for zone in range(self.count):
                yield [(v[zone], None if ok is None else ok[zone]) for v, ok in columns]
            return
        for zone in range(self.count):
            state = self._states.get(zone)
            yield self.accumulator.finish(self.accumulator.start(()) if state is None else state)


def _picked(
    pixels: Sequence[Shown], covered: Covered, weighted: Sequence[bool], mixed: bool
) -> tuple[NDArray[Any], list[NDArray[Any]], list[Any]] | None:
    """Zone, values and weights of the pixels that count; None if none does.

    A pixel that is masked in one input is absent from all.
    """
    width = covered.window.width
    rules = {True, False} if mixed else set(weighted)
    held = {rule: _expanded(covered.runs(rule), covered.window) for rule in rules}
    keys = next(iter(held.values()))[0]
    for other, _ in held.values():
        keys = keys if other is keys else np.union1d(keys, other)
    zone, place = np.divmod(keys, width * covered.window.height)
    here = np.ones(keys.size, bool)
    masks = [None if p.mask is None else p.mask.reshape(-1)[place] for p in pixels]
    for mask in masks:
        if mask is not None:
            here &= mask > 0
    of = {rule: _spread(*found, keys) for rule, found in held.items()}
    for rule in held:
        of[rule] = np.where(here, of[rule], 0)
    here &= np.logical_or.reduce([weight > 0 for weight in of.values()])
    if not here.any():
        return None
    place, zone = place[here], zone[here]
    of = {rule: weight[here] for rule, weight in of.items()}
    weights: list[Any] = []
    for mask, rule in zip(masks, weighted, strict=True):
        own = dict(of)
        if mask is not None and mask.dtype != bool and True in own:
            own[True] = np.minimum(own[True], mask[here])
        weights.append(Cover(own[True], own[False]) if mixed else own[rule])
    return zone, [values_at(p, place) for p in pixels], weights


def _expanded(runs: Runs, window: Window) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ascending numbers of all pixels of all zones, and their weights."""
    place, run = runs.pixels(window.width)
    return runs.zone[run] * np.int64(window.width * window.height) + place, runs.weight[run]


def _spread(
    keys: NDArray[np.int64], weights: NDArray[np.float32], wanted: NDArray[np.int64]
) -> NDArray[np.float32]:
    if keys.size == wanted.size:
        return weights
    out = np.zeros(wanted.size, np.float32)
    out[np.searchsorted(wanted, keys)] = weights
    return out


def values_at(pixels: Shown, place: NDArray[np.int64]) -> NDArray[Any]:
    """Values at flat positions ``(n, …)``; arrays of different shapes as ``(n,)`` objects."""
    values = pixels.values.reshape(-1, *pixels.values.shape[2:])[place]
    if pixels.lengths is None:
        return values
    out = np.empty(place.size, object)
    used = pixels.lengths.reshape(-1, pixels.lengths.shape[-1])[place]
    for k, (value, sizes) in enumerate(zip(values, used.tolist(), strict=True)):
        out[k] = value[tuple(slice(n) for n in sizes)]
    return out


@dataclass(slots=True)
class Run:
    """One run of a reducer: the band it is for (None = all), and its leaves, whose outputs follow each other."""

    band: str | None
    leaves: list[Leaf] = field(default_factory=list)

    def outputs(self) -> Iterator[list[Output]]:
        """Outputs of every zone."""
        for found in zip(*(leaf.outputs() for leaf in self.leaves), strict=True):
            yield [output for part in found for output in part]


def _leaves(reducer: Reducer, inputs: tuple[int, ...], count: int) -> Iterator[Leaf]:
    if not reducer.parts:
        yield Leaf(reducer, inputs, count)
    for part, own in reducer.parts:
        yield from _leaves(part, tuple(inputs[i] for i in own), count)


def runs_of(name: str, image: Image, reducer: Reducer, count: int) -> list[Run]:
    """One run per band for a reducer of one input, else one for all bands."""
    if reducer.inputs == 1:
        return [
            Run(band.name, list(_leaves(reducer, (k,), count)))
            for k, band in enumerate(image.bands)
        ]
    if reducer.inputs != len(image.bands):
        raise EvaluationError(
            f"{name}: The reducer has {reducer.inputs} inputs, but the image has {len(image.bands)} bands."
        )
    return [Run(None, list(_leaves(reducer, tuple(range(reducer.inputs)), count)))]


def passes(runs: Sequence[Run], boxes: Boxes) -> Iterator[slice]:
    """Zones (by the boxes of their pixels) that are scanned together, so that their states fit into memory."""
    start, total = 0, 0.0
    leaves = [leaf for run in runs for leaf in run.leaves]
    for number, (_, _, width, height) in enumerate(boxes.tolist()):
        more = sum(leaf.held(width * height) for leaf in leaves)
        if total + more > STATES and number > start:
            yield slice(start, number)
            start, total = number, 0.0
        total += more
    if start < len(boxes):
        yield slice(start, len(boxes))


def scan(
    runs: Sequence[Run], nodes: Sequence[Node], grid: Grid, zones: Zones, context: Context
) -> None:
    """Gives the pixels of all zones to the runs' leaves, block by block."""
    if context.pixels is None:
        raise EvaluationError("This server has no pixel engine.")
    leaves = [leaf for run in runs for leaf in run.leaves]

    def reduced(window: Window, pixels: list[Any]) -> list[Any]:
        covered = Covered(zones, window)
        return [leaf.part(pixels, covered) for leaf in leaves]

    part = part_of(zones.windows, zones.touches)
    for found in context.pixels.mapped(nodes, grid, part, context, reduced):
        for leaf, added in zip(leaves, found, strict=True):
            leaf.merge(added)
