"""Per-pixel nodes as steps of a program: what each computes, and where its result is masked.

A *step* is what of a node decides the code (operator, types, operands); its numbers (constants, parameters,
ends of ranges) are apart, so that graphs that differ in numbers only share their code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ecumene.numerics.formulas import (
    FORMULAS,
    Kind,
    Writer,
    is_set,
    kind_of,
    saturated,
    writable,
)
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes.basic import (
    Cast,
    Constant,
    Elementwise,
    MaskOf,
    Remap,
    ReplaceMask,
    Unmask,
    UpdateMask,
    Where,
)
from ecumene.plan.nodes.choice import Choice

MOST_KEYS = 16
"""Entries of a look-up that is made by comparing with each."""


class Step(NamedTuple):
    """``operator`` on ``operands`` (positions of inputs, then of earlier steps) with a result of ``kind``."""

    operator: str
    kind: Kind
    operands: tuple[int, ...]
    details: tuple[int, ...] = ()


class Described(NamedTuple):
    """A node as a step: its operator, its numbers, and details of structure."""

    operator: str
    numbers: tuple[object, ...]
    details: tuple[int, ...] = ()


def described(node: PlanNode) -> Described | None:
    """What a node does at each pixel; None where it has no exact code."""
    describe = DESCRIBED.get(type(node))
    if describe is None or node.type.dimensions:
        return None
    found = describe(node)
    if found is None or not node.type.is_int:
        return found
    operator, numbers, details = found
    return Described(operator, numbers + node.type.bounds, details)


def kind(node: PlanNode) -> Kind:
    """The kind of a node's pixels; kept with it."""
    known: Kind | None = node.__dict__.get("_kind")
    if known is None:
        known = node.__dict__["_kind"] = kind_of(node.type)
    return known


def _constant(node: Constant) -> Described | None:
    return Described("Constant", (node.value,)) if np.ndim(node.value) == 0 else None


def _elementwise(node: Elementwise) -> Described | None:
    dtypes = tuple([kind(child).dtype for child in node.inputs_])
    if not writable(node.op, dtypes, kind(node).dtype):
        return None
    describe = PARAMETERS.get(node.op)
    numbers = node.params if describe is None else describe(*node.params)
    return None if numbers is None else Described(node.op, numbers)


def _scaled(low: float, high: float) -> tuple[float, float] | None:
    return (low, high - low) if high - low else None


def _stretched(low: float, high: float, gamma: float) -> tuple[float, float] | None:
    return _scaled(low, high) if gamma == 1 else None


def _coloured(
    low: float, high: float, gamma: float, channel: tuple[float, ...]
) -> tuple[object, ...] | None:
    span = _stretched(low, high, gamma)
    return None if span is None else (*span, len(channel) - 1, len(channel) - 2, channel)


def _clamped(low: float, high: float) -> tuple[float, float] | None:
    return (low, high) if isinstance(low, float) and isinstance(high, float) else None


PARAMETERS: dict[str, Callable[..., tuple[object, ...] | None]] = {
    "unitScale": _scaled, "stretch": _stretched, "palette": _coloured, "clampTo": _clamped,
}  # fmt: skip
"""The numbers of an operator with parameters, or None for those that ask for another formula."""


def _remap(node: Remap) -> Described | None:
    known: dict[float, float] = {}
    for key, value in zip(node.from_, node.to, strict=True):
        known.setdefault(key, value)
    if len(known) > MOST_KEYS or not all(math.isfinite(key) for key in known):
        return None
    default = () if node.default is None else (node.default,)
    return Described("Remap", (*known, *known.values(), *default), (len(known), len(default)))


def _same_type(node: UpdateMask | ReplaceMask) -> bool:
    return node.type.dtype == node.input.type.dtype


def _replace_mask(node: ReplaceMask) -> Described | None:
    low, high = node.type.bounds
    return Described("ReplaceMask", (min(max(0, low), high),)) if _same_type(node) else None


def _unmask(node: Unmask) -> Described:
    return Described("Unmask", (), (int(node.footprint is not None),))


DESCRIBED: dict[type[PlanNode], Callable[..., Described | None]] = {
    Constant: _constant, Elementwise: _elementwise, Remap: _remap, ReplaceMask: _replace_mask, Unmask: _unmask,
    Cast: lambda node: Described("Cast", ()), MaskOf: lambda node: Described("MaskOf", ()),
    UpdateMask: lambda node: Described("UpdateMask", ()) if _same_type(node) else None,
    Where: lambda node: Described("Where", ()), Choice: lambda node: Described("Choice", ()),
}  # fmt: skip


# -- where results are masked ---------------------------------------------------------------------


class Operand(NamedTuple):
    """Positions of a value and of its mask: a bool, a float32 from 0 to 1, or None (all valid)."""

    value: int
    mask: int | None


def written(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    """The code of step ``at``; the same as the node's ``evaluate``."""
    write = WRITTEN.get(step.operator)
    if write is not None:
        return write(w, at, step, operands)
    values = [operand.value for operand in operands]
    value, domain = FORMULAS[step.operator](w, at, values, step.kind)
    return Operand(value, _joined(w, *(operand.mask for operand in operands), domain))


def _fraction(w: Writer, mask: int | None) -> int:
    return w.literal("f4", 1) if mask is None else w.convert(mask, "f4")


def _joined(w: Writer, *masks: int | None) -> int | None:
    """As ``node.joined``."""
    found: int | None = None
    for mask in masks:
        if mask is None:
            continue
        if found is None:
            found = mask
        elif w.dtype(found) == w.dtype(mask) == "b1":
            found = w.binary("and", found, mask)
        else:
            found = w.binary("minimum", _fraction(w, found), _fraction(w, mask))
    return found


def _shown(w: Writer, mask: int | None) -> int | None:
    """A bool: where a mask is not 0."""
    if mask is None or w.dtype(mask) == "b1":
        return mask
    return w.compare("greater", mask, w.literal("f4", 0))


def _every(w: Writer, *tests: int | None) -> int:
    found: int | None = _joined(w, *tests)
    return w.literal("b1", 1) if found is None else found


def _as_mask(w: Writer, image: Operand) -> int | None:
    """As ``basic.as_mask``: a bool of integers, fractions of floats."""
    dtype = w.dtype(image.value)
    if dtype[0] != "f":
        shown = w.compare("greater", image.value, w.literal(dtype, 0))
    else:
        value = w.binary("fmax", image.value, w.literal(dtype, 0))
        shown = w.convert(w.binary("minimum", value, w.literal(dtype, 1)), "f4")
    return _joined(w, shown, image.mask)


def _write_constant(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    return Operand(w.number(at, 0, step.kind.dtype), None)


def _write_cast(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    (image,) = operands
    return Operand(saturated(w, at, image.value, step.kind), image.mask)


def _write_mask_of(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    (image,) = operands
    if image.mask is None:
        return Operand(w.literal(step.kind.dtype, 1), None)
    return Operand(w.convert(image.mask, step.kind.dtype), None)


def _write_update_mask(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    image, other = operands[0], _as_mask(w, operands[1])
    if image.mask is None or other is None or w.dtype(image.mask) == w.dtype(other) == "b1":
        return Operand(image.value, _joined(w, image.mask, other))
    product = w.binary("multiply", _fraction(w, image.mask), _fraction(w, other))
    return Operand(image.value, product)


def _write_replace_mask(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    image, value = operands[0], operands[0].value
    valid = _shown(w, image.mask)
    if valid is not None:
        value = w.select(valid, value, w.number(at, 0, w.dtype(value)))
    return Operand(value, _as_mask(w, operands[1]))


def _write_unmask(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    image, other = operands[0], operands[1]
    value = saturated(w, at, image.value, step.kind)
    valid = _shown(w, image.mask)
    if image.mask is None or valid is None:
        return Operand(value, None)
    value = w.select(valid, value, saturated(w, at, other.value, step.kind))
    filled: int | None
    if other.mask is not None and w.dtype(image.mask) == w.dtype(other.mask) == "b1":
        filled = w.binary("or", valid, other.mask)
    elif other.mask is None and w.dtype(image.mask) == "b1":
        filled = None
    else:
        filled = w.select(valid, _fraction(w, image.mask), _fraction(w, other.mask))
    inside = _shown(w, operands[2].mask) if step.details[0] else None
    if inside is not None:
        filled = _joined(w, filled, w.binary("or", inside, valid))
    return Operand(value, filled)


def _write_where(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    image, test, value = operands
    shown = (_shown(w, operand.mask) for operand in (test, value, image))
    chosen = _every(w, is_set(w, test.value), *shown)
    yes, no = (saturated(w, at, operand.value, step.kind) for operand in (value, image))
    return Operand(w.select(chosen, yes, no), image.mask)


def _write_choice(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    test, yes, no = operands
    chosen = is_set(w, test.value)
    a, b = (saturated(w, at, operand.value, step.kind) for operand in (yes, no))
    value = w.select(chosen, a, b)
    masks = yes.mask, no.mask
    if masks == (None, None):
        return Operand(value, test.mask)
    if all(mask is None or w.dtype(mask) == "b1" for mask in masks):
        full = w.literal("b1", 1)
        a, b = (full if mask is None else mask for mask in masks)
    else:
        a, b = (_fraction(w, mask) for mask in masks)
    return Operand(value, _joined(w, test.mask, w.select(chosen, a, b)))


def _write_remap(w: Writer, at: int, step: Step, operands: Sequence[Operand]) -> Operand:
    (image,) = operands
    count, has_default = step.details
    value = w.convert(image.value, "f8")
    found = w.number(at, 2 * count, "f8") if has_default else w.literal("f8", 0)
    known: int | None = None
    for k in range(count):
        same = w.compare("equal", value, w.number(at, k, "f8"))
        found = w.select(same, w.number(at, count + k, "f8"), found)
        known = same if known is None else w.binary("or", known, same)
    mask = image.mask if has_default else _joined(w, image.mask, known)
    return Operand(saturated(w, at, found, step.kind), mask)


WRITTEN: dict[str, Callable[[Writer, int, Step, Sequence[Operand]], Operand]] = {
    "Constant": _write_constant, "Cast": _write_cast, "MaskOf": _write_mask_of, "UpdateMask": _write_update_mask,
    "ReplaceMask": _write_replace_mask, "Unmask": _write_unmask, "Where": _write_where, "Choice": _write_choice,
    "Remap": _write_remap,
}  # fmt: skip


def emptying(step: Step, operands: Sequence[frozenset[int]]) -> frozenset[int]:
    """Inputs of which each, if it has nothing, leaves the step with nothing; given those of the operands."""
    strict = STRICT.get(step.operator)
    if strict is None:
        strict = tuple(range(len(operands)))
    return frozenset().union(*(operands[k] for k in strict))


STRICT: dict[str, tuple[int, ...]] = {
    "Constant": (), "MaskOf": (), "Unmask": (), "ReplaceMask": (1,), "Where": (0,), "Choice": (0,),
}  # fmt: skip
"""Operands that must have something; all of them for the other steps."""

LAZY: dict[str, tuple[int, ...]] = {"Unmask": (1, 2), "Choice": (1, 2)}
"""Operands that a node alone does not ask for where no pixel needs them."""
