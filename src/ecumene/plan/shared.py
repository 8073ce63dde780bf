"""What fused regions of one structure have in common, whatever their numbers: code, and how often they are met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecumene.core import caches
from ecumene.core.lru import Lru
from ecumene.kernels.programs.program import Program
from ecumene.kernels.programs.tiers import COMPILER
from ecumene.numerics.formulas import Writer
from ecumene.plan.steps import Operand, Step, emptying, written

KEPT = 1024
"""Structures that are remembered, the oldest out first."""

MOST_VARIANTS = 64
"""Combinations of masks of one structure whose code is kept."""

AGAIN = 2
"""Requests from which a structure's code is compiled: the tiles of a map ask for the same again."""

LARGE = 16 * 2**20
"""Pixels of one request from which it is compiled at once, in the background."""

Place = tuple[str, int] | None
"""Where a result is found: among the ``given`` arrays or the ``made`` ones; None: all valid."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Code for one combination of masks.

    Parameters
    ----------
    program : None if every result is an input as it is.
    slots : its constants as (step, number of the step, type).
    given : for each array that it reads, (input, whether it is its mask).
    results : for each output, where its values and its mask are.
    """

    program: Program | None
    slots: tuple[tuple[int, int, str], ...]
    given: tuple[tuple[int, bool], ...]
    results: tuple[tuple[Place, Place], ...]


@dataclass(eq=False, slots=True)
class Shape:
    """The structure of a region: steps on inputs of given types, and which results leave it."""

    steps: tuple[Step, ...]
    inputs: tuple[str, ...]
    outputs: tuple[int, ...]
    variants: dict[tuple[str, ...], Variant] = field(default_factory=dict)
    requests: int = 0
    large: bool = False
    needed: tuple[frozenset[int], ...] = ()

    def __post_init__(self) -> None:
        known = [frozenset((k,)) for k in range(len(self.inputs))]
        for step in self.steps:
            known.append(emptying(step, [known[k] for k in step.operands]))
        self.needed = tuple(known[k] for k in self.outputs)

    @property
    def wanted(self) -> bool:
        """Whether machine code pays."""
        return self.large or self.requests >= AGAIN

    def variant(self, masks: tuple[str, ...]) -> Variant:
        """The code for inputs with these masks (``b1``, ``f4``, or empty for none)."""
        found = self.variants.get(masks)
        if found is None:
            if len(self.variants) >= MOST_VARIANTS:
                self.variants = {}
            found = self.variants.setdefault(masks, _variant(self, masks))
        return found


def _variant(shape: Shape, masks: Sequence[str]) -> Variant:
    w = Writer()
    given: list[tuple[int, bool]] = []
    types: list[str] = []

    def array(dtype: str, of: int, is_mask: bool) -> int:
        given.append((of, is_mask))
        types.append(dtype)
        return w.emit("input", dtype, len(given) - 1)

    known: list[Operand] = []
    for k, (dtype, mask) in enumerate(zip(shape.inputs, masks, strict=True)):
        value = array(dtype, k, False)
        known.append(Operand(value, array(mask, k, True) if mask else None))
    for at, step in enumerate(shape.steps):
        known.append(written(w, at, step, [known[k] for k in step.operands]))
    made: dict[int, int] = {}

    def place(value: int | None) -> Place:
        if value is None:
            return None
        if w.code[value][0] == "input":
            return "given", w.code[value][2]
        return "made", made.setdefault(value, len(made))

    results = tuple((place(known[k].value), place(known[k].mask)) for k in shape.outputs)
    program = w.finished(types, tuple(made), len(w.slots)) if made else None
    return Variant(program, tuple(w.slots), tuple(given), results)


SHAPES: Lru[Shape] = Lru(KEPT)
"""The structures met lately."""


def shape_of(steps: tuple[Step, ...], inputs: tuple[str, ...], outputs: tuple[int, ...]) -> Shape:
    """The structure, the same object for all regions that have it."""
    key = steps, inputs, outputs
    found = SHAPES.get(key)
    if found is None:
        found = Shape(steps, inputs, outputs)
        SHAPES.put(key, found)
    return found


def _machine_code_counters() -> caches.Counters:
    found = COMPILER.stats()
    return caches.Counters(
        found.hits, found.misses, found.evictions, found.entries, found.entries, found.capacity
    )


caches.share("formulas", caches.of_lru(SHAPES))
caches.share("machine_code", _machine_code_counters)


def noted(shapes: Iterable[Shape], pixels: int) -> None:
    """A request will compute regions of these structures, each over so many pixels."""
    counted: dict[Shape, int] = {}
    for shape in shapes:
        counted[shape] = counted.get(shape, 0) + pixels
    for shape, total in counted.items():
        shape.requests += 1
        shape.large = shape.large or total >= LARGE


def machine_code(shape: Shape, masks: tuple[str, ...]) -> tuple[Variant, Any] | None:
    """Code for inputs with at least these masks, compiled; None: not there (asked for if it pays).

    Two variants are compiled of a structure, without masks and with all: a window here and there without
    hidden pixels does not ask for a compilation of its own.
    """
    if not shape.wanted or not COMPILER.available:
        return None
    if any(masks):
        masks = tuple(mask or "b1" for mask in masks)
    variant = shape.variant(masks)
    if variant.program is None:
        return None
    code = COMPILER.ready(variant.program)
    if code is None:
        COMPILER.want(variant.program)
        return None
    return variant, code
