"""Random graphs of per-pixel nodes over random typed, masked pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ecumene.core import pixel_type as pt
from ecumene.core.pixel_type import DOUBLE, FLOAT, PixelType, of_range, of_value, union
from ecumene.numerics.elementwise import CASTS, OPS
from ecumene.numerics.formulas import FORMULAS
from ecumene.plan.node import Pixels, PlanNode, empty
from ecumene.plan.nodes import (
    Cast,
    Choice,
    Constant,
    Elementwise,
    MaskOf,
    Remap,
    ReplaceMask,
    Unmask,
    UpdateMask,
    Where,
)

H, W = 23, 31
TYPES = [
    pt.UINT8, pt.INT8, pt.UINT16, pt.INT16, pt.UINT32, pt.INT32, pt.INT64, FLOAT, DOUBLE, pt.BOOLEAN,
    of_range(-3, 10_000), PixelType("float", -1.0, 1.0),
]  # fmt: skip
MASKS = ["none", "some", "partial", "nothing", "outside"]
NUMBERS = [0, 1, 2, 3, 7, -1, -4, 255, 1000, 70_000, 0.5, -0.25, 1e-3, 12.75, 3e9, 1e300]


@dataclass(frozen=True, eq=False)
class Given(PlanNode):
    """Pixels of its own; a window is a part of them."""

    seed: int
    type: PixelType
    hidden: str = "none"
    asked: list = field(default_factory=list, compare=False)

    @property
    def digest(self) -> bytes:
        return f"given {self.seed} {self.type} {self.hidden}".encode()

    def pixels(self) -> Pixels:
        random = np.random.default_rng(self.seed)
        values = _values(random, self.type)
        if self.hidden == "none":
            return Pixels(values)
        mask: Any = random.random((H, W)) > 0.4
        if self.hidden == "partial":
            mask = (random.integers(0, 5, (H, W)) / 4).astype("float32")
        if self.hidden == "nothing":
            mask = np.zeros((H, W), bool)
        return Pixels(values, mask)

    def evaluate(self, grid, window, context):
        self.asked.append(window)
        if self.hidden == "outside":
            return empty(window, self.type.dtype)
        whole = self.pixels()
        place = np.s_[
            window.row : window.row + window.height, window.col : window.col + window.width
        ]
        return Pixels(whole.values[place], None if whole.mask is None else whole.mask[place])


def _values(random: np.random.Generator, type_: PixelType) -> np.ndarray:
    """Of the whole range, small ones often, ends and strange ones now and then."""
    low, high = type_.bounds
    shape = H, W
    small = random.integers(max(low, -6) if low > -6 else -6, min(high, 6) + 1, shape)
    if type_.is_int:
        large = random.integers(int(low), int(high), shape, endpoint=True)
        ends = random.choice(np.array([int(low), int(high)], "int64"), shape)
        return np.choose(
            random.integers(0, 3, shape), [np.clip(small, low, high), large, ends]
        ).astype(type_.dtype)
    real = random.normal(0, 10.0, shape) * 10.0 ** random.integers(-6, 9, shape)
    odd = random.choice(
        [np.nan, np.inf, -np.inf, 0.0, -0.0, 0.5, -0.5, 2.0**31, 2.0**63, 1e30], shape
    )
    with np.errstate(over="ignore"):
        return np.choose(random.integers(0, 4, shape), [small, real, odd, small * 0.25]).astype(
            type_.dtype
        )


def constant(value: Any) -> Constant:
    return Constant(value, of_value(value))


PLAIN = ["exp", "pow", "mod", "atan"]
"""Operators without code: regions end at them."""

OPERATORS = (
    sorted(set(FORMULAS) - set(CASTS) - {"unitScale", "clampTo", "stretch", "palette"}) + PLAIN
)


def elementwise(op: str, *inputs: PlanNode) -> Elementwise:
    return Elementwise(op, inputs, (), OPS[op].result_type(*(node.type for node in inputs)))


@st.composite
def nodes(draw: st.DrawFn, pool: list[PlanNode]) -> PlanNode:
    """A node on some of those that are there."""

    def any_of() -> PlanNode:
        if draw(st.integers(0, 3)) == 0:
            return constant(draw(st.sampled_from(NUMBERS)))
        # Later ones more often: graphs become deep.
        return pool[max(draw(st.integers(0, len(pool) - 1)), draw(st.integers(0, len(pool) - 1)))]

    def whole_of() -> PlanNode:
        found = any_of()
        return found if found.type.is_int else elementwise("gt", found, constant(0.5))

    a = any_of()
    kind = draw(st.sampled_from([*["op"] * 10, *KINDS]))
    if kind == "op":
        op = draw(st.sampled_from(OPERATORS))
        return elementwise(op, *[a, any_of()][: OPS[op].arity])
    return KINDS[kind](draw, a, any_of, whole_of)


def _remap(draw: st.DrawFn, a: PlanNode) -> Remap:
    keys = draw(st.lists(st.sampled_from([-3, -1, 0, 0.5, 1, 2, 3, 255]), min_size=1, max_size=5))
    to = draw(st.lists(st.sampled_from([0, 1, 5, -2, 0.5]), min_size=len(keys), max_size=len(keys)))
    default = draw(st.sampled_from([None, 0, 9]))
    kind = union(*map(of_value, to if default is None else [*to, default]))
    default = None if default is None else float(default)
    return Remap(a, tuple(map(float, keys)), tuple(map(float, to)), default, kind)


def _scaled(draw: st.DrawFn, op: str, a: PlanNode) -> Elementwise:
    low = draw(st.sampled_from([0.0, -3.0, 0.25, 100.0]))
    high = low + draw(st.sampled_from([0.0, 0.5, 3.0, 3000.0]))
    if op == "unitScale":
        return Elementwise(op, (a,), (low, high), DOUBLE)
    if op == "clampTo":
        return Elementwise(
            op,
            (a,),
            (low, high),
            PixelType("double" if a.type.is_int else a.type.precision, low, high),
        )
    gamma = draw(st.sampled_from([1.0, 1.0, 1.4]))
    if op == "stretch":
        return Elementwise(op, (a,), (low, high, gamma), pt.UINT8)
    return Elementwise(op, (a,), (low, high, gamma, (0.0, 200.0, 31.0, 255.0)), pt.UINT8)


KINDS = {
    "cast": lambda draw, a, any_of, whole_of: Cast(a, draw(st.sampled_from(TYPES))),
    "mask": lambda draw, a, any_of, whole_of: MaskOf(a, PixelType("float", 0.0, 1.0)),
    "updateMask": lambda draw, a, any_of, whole_of: UpdateMask(a, whole_of(), a.type),
    "updateMaskByFloat": lambda draw, a, any_of, whole_of: UpdateMask(a, any_of(), a.type),
    "replaceMask": lambda draw, a, any_of, whole_of: ReplaceMask(a, whole_of(), a.type),
    "unmask": lambda draw, a, any_of, whole_of: _unmask(draw, a, any_of),
    "where": lambda draw, a, any_of, whole_of: _where(a, any_of(), any_of()),
    "choice": lambda draw, a, any_of, whole_of: _choice(a, any_of(), any_of()),
    "remap": lambda draw, a, any_of, whole_of: _remap(draw, a),
    "unitScale": lambda draw, a, any_of, whole_of: _scaled(draw, "unitScale", a),
    "clamp": lambda draw, a, any_of, whole_of: _scaled(draw, "clampTo", a),
    "stretch": lambda draw, a, any_of, whole_of: _scaled(draw, "stretch", a),
    "palette": lambda draw, a, any_of, whole_of: _scaled(draw, "palette", a),
}


def _unmask(draw, a, any_of) -> Unmask:
    value = any_of()
    footprint = draw(
        st.sampled_from([None, Given(77, pt.UINT8, "some"), Given(78, pt.UINT8, "partial")])
    )
    return Unmask(a, value, footprint, union(a.type, value.type))


def _where(a: PlanNode, test: PlanNode, value: PlanNode) -> Where:
    return Where(a, test, value, union(a.type, value.type))


def _choice(test: PlanNode, yes: PlanNode, no: PlanNode) -> Choice:
    return Choice(test, yes, no, union(yes.type, no.type))


@st.composite
def graphs(draw: st.DrawFn, most: int = 24) -> list[PlanNode]:
    """One to three results of a graph of up to ``most`` nodes."""
    pool: list[PlanNode] = [
        Given(k, draw(st.sampled_from(TYPES)), draw(st.sampled_from(MASKS)))
        for k in range(draw(st.integers(1, 3)))
    ]
    for _ in range(draw(st.integers(1, most))):
        pool.append(draw(nodes(pool)))
    return pool[-draw(st.integers(1, 3)) :]


def compiled_here(programs):
    """Machine code without another process."""
    from ecumene.kernels.programs import native, worker

    return [
        native.loaded(program, worker.object_code(native.text(program))) for program in programs
    ]
