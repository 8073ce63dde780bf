"""How many numbers a pixel of each kind of node holds at most: in all, and along each axis of its arrays.

Bounds axis by axis tell that solving 137 equations for four unknowns leaves four numbers; products of sizes would
not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import (
    ArrayOp,
    Celled,
    Constant,
    Elementwise,
    Fold,
    Fused,
    Gather,
    Predict,
    Registered,
    Stack,
    Windowed,
)

MOST_BITS, MOST_COPIES = 64, 10_000
"""Of an integer; of arrays that are repeated as often as a pixel says (see ``numerics.arrays``)."""


@dataclass(frozen=True, slots=True)
class Size:
    """Upper bounds: numbers in all, and the length of each axis."""

    total: float
    axes: tuple[float, ...] = ()

    @classmethod
    def of(cls, *axes: float) -> Size:
        """Arrays of this shape."""
        return cls(max(math.prod(axes), 1.0), axes)

    @classmethod
    def up_to(cls, total: float, dimensions: int) -> Size:
        """Arrays of any shape of so many numbers."""
        return cls(total, (total,) * dimensions)

    def shaped(self, *axes: float) -> Size:
        """As many numbers at most, in this shape."""
        return Size(max(min(self.total, math.prod(axes)), 1.0), axes)


ONE = Size(1.0)


def _largest(inputs: list[Size]) -> float:
    return max((part.total for part in inputs), default=1.0)


@singledispatch
def size(node: PlanNode, inputs: list[Size]) -> Size:
    """What one pixel of a node's result may hold, given what those of its inputs may."""
    return Size.up_to(_largest(inputs), node.type.dimensions) if node.type.dimensions else ONE


@size.register
def _(node: Constant, inputs: list[Size]) -> Size:
    return Size.of(*map(float, np.shape(np.asarray(node.value))))


@size.register
def _(node: Stack, inputs: list[Size]) -> Size:
    return Size.of(float(len(inputs)))


@size.register
def _(node: Gather, inputs: list[Size]) -> Size:
    rows = float(len(node.rows))
    if node.type.dimensions == 1:
        return Size.of(rows)
    return Size.of(rows, float(max(map(len, node.rows), default=1)))


@size.register
def _(node: Elementwise, inputs: list[Size]) -> Size:
    count = node.type.dimensions
    if not count:
        return ONE
    shapes = [part.axes for part in inputs if len(part.axes) == count]
    if not shapes:
        return Size.up_to(_largest(inputs), count)
    return Size(_largest(inputs), tuple(map(max, zip(*shapes, strict=True))))


@size.register
def _(node: Windowed, inputs: list[Size]) -> Size:
    if not node.type.dimensions:
        return ONE
    total = sum(part.total for part in inputs) * (2 * node.halo + 1) ** 2
    return Size.up_to(total, node.type.dimensions)


@size.register
def _(node: Celled, inputs: list[Size]) -> Size:
    return Size.up_to(len(inputs) + 2.0, node.type.dimensions) if node.type.dimensions else ONE


@size.register
def _(node: Predict, inputs: list[Size]) -> Size:
    width = float(getattr(node.model, "width", 1))
    return Size.up_to(width, 1) if node.type.dimensions else ONE


@size.register
def _(node: Registered, inputs: list[Size]) -> Size:
    """Two displacements and how sure they are."""
    return Size.up_to(3.0, node.type.dimensions)


@size.register
def _(node: Fold, inputs: list[Size]) -> Size:
    if not node.type.dimensions:
        return ONE
    return Size.up_to(sum(part.total for part in inputs), node.type.dimensions)


@size.register
def _(node: Fused, inputs: list[Size]) -> Size:
    """All of its results, in numbers of its type."""
    if len(node.bodies) == 1:
        return ONE
    wide = node.type.dtype.itemsize
    return Size(sum((body.type.dtype.itemsize + 1) / wide for body in node.bodies))


@size.register
def _(node: ArrayOp, inputs: list[Size]) -> Size:
    """By operator where its shape follows from those of its operands, else as much as the operands hold."""
    count = node.type.dimensions
    if not count:
        return ONE
    found = _shaped(node, inputs)
    if found is not None and len(found.axes) == count:
        return found
    return Size.up_to(_unshaped(node, inputs), count)


def _unshaped(node: ArrayOp, inputs: list[Size]) -> float:
    largest = _largest(inputs)
    counts = [float(p) for p in node.params if isinstance(p, int)]
    match node.op:
        case "matrixMultiply" | "matrixSolve":
            return max(sum(part.total for part in inputs), math.prod(p.total for p in inputs))
        case "matrixToDiag" | "matrixPseudoInverse":
            return largest * largest
        case "repeat":
            return largest * max(counts, default=1.0)
        case "repeatTimes":
            return largest * _copies(node)
        case "bits":
            return largest * MOST_BITS
        case "cat":
            return sum(part.total for part in inputs)
        case "lengths" | "argmax":
            return max((float(len(part.axes)) for part in inputs), default=1.0)
    return largest


def _copies(node: ArrayOp) -> float:
    """How often an array may be repeated: as the type of the second operand says."""
    most = float(node.operands[1].type.bounds[1])
    return min(max(most, 1.0), float(MOST_COPIES))


def _shaped(node: ArrayOp, inputs: list[Size]) -> Size | None:
    """The shape that an operator makes of known ones; None where it is not told here."""
    first, axes, params = inputs[0], inputs[0].axes, node.params
    match node.op, len(axes):
        case (("matrixMultiply" | "matrixSolve"), 2) if len(inputs[1].axes) == 2:
            rows = axes[0] if node.op == "matrixMultiply" else axes[1]
            return Size.of(rows, inputs[1].axes[1])
        case "matrixPseudoInverse", 2:
            return first.shaped(*axes[::-1])
        case (("matrixInverse" | "sort" | "sortBy" | "mask" | "accum" | "sliceFrom"), _):
            return first
        case "slice", _ if params[0] < len(axes):
            return first.shaped(*_cut(axes, *params))
        case "matrixDiagonal", 2:
            return Size.of(min(axes), 1.0)
        case "project", _:
            return first.shaped(*(axes[k] for k in params[0] if 0 <= k < len(axes)))
        case "unsqueeze", _:
            return first.shaped(*axes[: params[0]], 1.0, *axes[params[0] :])
        case (("transpose" | "matrixTranspose"), _) if max(params) < len(axes):
            return first.shaped(*_exchanged(axes, *params))
        case "reduce", _:
            return first.shaped(*(1.0 if k in params[1] else n for k, n in enumerate(axes)))
        case "cat", _:
            return _joined(inputs[0], inputs[1], params[0])
    return None


def _exchanged(axes: tuple[float, ...], first: int, second: int) -> list[float]:
    out = list(axes)
    out[first], out[second] = axes[second], axes[first]
    return out


def _cut(axes: tuple[float, ...], axis: int, start: int, end: int | None, step: int) -> list[float]:
    """Ends counted from the last element tell nothing: lengths differ between pixels."""
    out = list(axes)
    if end is not None and start >= 0 and end >= 0 and step > 0:
        out[axis] = min(axes[axis], float(max(-(-(end - start) // step), 0)))
    return out


def _joined(left: Size, right: Size, axis: int) -> Size | None:
    """Arrays one after the other; shorter shapes have axes of length one."""
    count = max(len(left.axes), len(right.axes), axis + 1)
    a, b = (part.axes + (1.0,) * (count - len(part.axes)) for part in (left, right))
    axes = [x + y if k == axis else max(x, y) for k, (x, y) in enumerate(zip(a, b, strict=True))]
    return Size(left.total + right.total, tuple(axes))
