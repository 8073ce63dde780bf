"""What each kind of node needs besides its inputs and results, and how much work it is.

Bytes are upper bounds measured at the allocator, with some room; work is counted in elementary operations.
"""

from __future__ import annotations

import math
from functools import singledispatch

from ecumene.kernels.programs import strips
from ecumene.numerics import overlap, registration
from ecumene.numerics.focal.order import STACKED
from ecumene.numerics.folds import FOLDS, STREAMED
from ecumene.numerics.windows import LONG
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import (
    ArrayOp,
    Celled,
    ConnectedCount,
    ConnectedLabels,
    ConnectedReduce,
    Displaced,
    Fold,
    Fused,
    Mosaic,
    Neighborhood,
    Pick,
    QualityMosaic,
    ReduceResolution,
    Registered,
    Reproject,
    Resample,
    Source,
    Windowed,
)
from ecumene.plan.nodes.neighborhood import KEPT
from ecumene.plan.nodes.statistics import statistic

HOLDING = (Mosaic, QualityMosaic)
"""Nodes that hold one running result, whatever the number of their inputs."""


def held(node: PlanNode, number: int) -> int:
    """How many of its inputs a node holds at once."""
    if isinstance(node, HOLDING) or (isinstance(node, Fold) and node.reducer.name in STREAMED):
        return min(number, 3)
    return number


@singledispatch
def effort(node: PlanNode, inputs: int) -> float:
    """Elementary operations a pixel of the result, roughly."""
    return 1.0 + inputs


@effort.register
def _(node: Neighborhood, inputs: int) -> float:
    weights = node.kernel.weights
    used = weights[weights != 0]
    quick = node.op in ("mean", "min", "max", "convolve") and (used == used[:1]).all()
    return 16.0 + 4 * weights.shape[0] if quick else float(weights.size)


@effort.register
def _(node: Celled, inputs: int) -> float:
    return 300.0 * (1 + 2 * node.halo / node.cell) ** 2


@effort.register
def _(node: Windowed, inputs: int) -> float:
    if node.op in LONG:  # offsets, sums over windows by rows and columns
        gap, size = node.params[0], node.params[1]
        return float((2 * gap + 1) ** 2 * (5 * inputs + 10 * size))
    return 1.0 + inputs


@effort.register
def _(node: Registered, inputs: int) -> float:
    side = 2.0 * (node.half + node.reach)
    return 20 * inputs * (side / node.spacing) ** 2 * math.log2(side)


@effort.register
def _(node: Fold, inputs: int) -> float:
    streamed = node.reducer.name in STREAMED
    return float(inputs if streamed else inputs * (1 + math.log2(max(inputs, 2))))


@effort.register
def _(node: Fused, inputs: int) -> float:
    return sum(1.0 + len(step.operands) for step in node.shape.steps if step.operands)


@effort.register
def _(node: Source, inputs: int) -> float:
    return 4.0


@effort.register
def _(node: Pick, inputs: int) -> float:
    return 1.0


@singledispatch
def scratch(node: PlanNode, own: float, below: float, inputs: float) -> float:
    """Bytes that a node uses while it computes, besides what it was given and what it hands over.

    Parameters
    ----------
    own : numbers in the node's result.
    below : pixels of each input.
    inputs : bytes of all inputs together.
    """
    return 16 * own


@scratch.register
def _(node: Source, own: float, below: float, inputs: float) -> float:
    if node.method == "nearest":
        return 24 * own
    return (480 if node.method == "bicubic" else 220) * own


SOLVING = frozenset({"matrixSolve", "matrixInverse", "matrixPseudoInverse"})
"""Operators that decompose matrices: copies of them as doubles, and their parts."""


@scratch.register
def _(node: ArrayOp, own: float, below: float, inputs: float) -> float:
    doubles = inputs * 8 / min(operand.type.dtype.itemsize for operand in node.operands)
    return 16 * own + (5 if node.op in SOLVING else 2) * doubles


@scratch.register
def _(node: Fused, own: float, below: float, inputs: float) -> float:
    """Buffers of a strip; masks of ones; copies of inputs that are not contiguous."""
    buffers = min(strips.CACHED + 8 * strips.LONGEST, 8.0 * below * len(node.shape.steps) * 3)
    return buffers + inputs + len(node.asked) * below + 16 * own


@scratch.register
def _(node: Fold, own: float, below: float, inputs: float) -> float:
    if node.reducer.name in STREAMED:
        return 80 * own
    known = node.reducer.name in FOLDS or node.reducer.name == "Reducer.percentile"
    return 48 * own + inputs * (1 if known else 4)


@scratch.register
def _(node: Neighborhood, own: float, below: float, inputs: float) -> float:
    cells = float(node.kernel.weights.size)
    # Stacks of neighbours are taken by rows: at least one row, here as long as a block can be.
    stacked = min(cells * own, STACKED + cells * 8 * math.sqrt(own))
    kept = min(cells * own, KEPT + cells * 8 * math.sqrt(own))
    if node.op in ("median", "mode"):
        return 48 * (own + below) + 20 * stacked
    if node.op != "reduce" or node.reducer is None:
        return 48 * (own + below)
    return 48 * (own + below) + (100 * own if node.reducer.name in STREAMED else 80 * kept)


@scratch.register
def _(node: Registered, own: float, below: float, inputs: float) -> float:
    """Copies of the inputs as doubles, and search areas with their transforms."""
    return 9.0 * below * len(list(node.inputs())) + 80.0 * registration.CHUNK + 80 * own


@scratch.register
def _(node: Windowed, own: float, below: float, inputs: float) -> float:
    return 64 * below + 16 * own + 4 * inputs


@scratch.register
def _(node: Celled, own: float, below: float, inputs: float) -> float:
    """Of one cell: rows of numbers, heaps of neighbours; and the results of all."""
    results = 32 * own * max(len(node.operands), 1)
    if node.reach:  # cells are as large as the grid makes them
        return below * (32.0 * len(node.operands) + 60) + results
    cell = (node.cell + 2.0 * node.halo) ** 2
    return cell * (32.0 * len(node.operands) + 320) + results


@scratch.register(ConnectedCount)
@scratch.register(ConnectedLabels)
@scratch.register(ConnectedReduce)
def _(node: PlanNode, own: float, below: float, inputs: float) -> float:
    return 96 * below + 4 * inputs


@scratch.register
def _(node: Reproject, own: float, below: float, inputs: float) -> float:
    return 64 * own


@scratch.register
def _(node: Resample, own: float, below: float, inputs: float) -> float:
    return (480 if node.method == "bicubic" else 220) * own + 8 * below


@scratch.register
def _(node: Displaced, own: float, below: float, inputs: float) -> float:
    return 560 * own + 8 * below


@scratch.register
def _(node: ReduceResolution, own: float, below: float, inputs: float) -> float:
    # Boxes of input pixels, which are listed some rows of output pixels at a time.
    side = math.sqrt(max(own, 1.0))
    boxes = (math.sqrt(below) + 2 * side) ** 2
    listed = min(boxes, overlap.KEPT + 8 * boxes / side)
    known = statistic(node.reducer, node.output)
    pooled = known is not None and known.name in overlap.POOLED
    return 12 * below + 300 * own + (40 if pooled else 80) * listed
