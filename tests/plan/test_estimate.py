"""Estimates are upper bounds, cost no pixel, and refuse what cannot fit."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.kernel import Kernel
from ecumene.core.limits import OPEN
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window
from ecumene.core.reducer import Reducer
from ecumene.numerics.arrays import ARRAY_OPS
from ecumene.numerics.labels import FOUR
from ecumene.plan.estimate import estimate
from ecumene.plan.executor import Executor, evaluate
from ecumene.plan.nodes import (
    ArrayOp,
    Cast,
    ConnectedCount,
    Constant,
    Elementwise,
    Fold,
    Gather,
    Mosaic,
    Moved,
    Neighborhood,
    Pick,
    ReduceResolution,
    Reproject,
    Resample,
    Stack,
    UpdateMask,
    Windowed,
)
from ecumene.plan.nodes.terrain import Terrain
from ecumene.plan.optimise import prepare
from ecumene.plan.reach import Demand, extent, inner
from ecumene.plan.sizes import Size, size
from tests.calls import run_graph
from tests.engine.graphs import const, graph, invoke
from tests.plan.leaves import FLOAT, Noise

UTM = Grid("EPSG:32610", (10.0, 0.0, 600_000.0, 0.0, -10.0, 4_300_020.0))
FINE = Grid("EPSG:32610", (2.5, 0.0, 600_000.0, 0.0, -2.5, 4_300_020.0))
DEGREES = Grid("EPSG:4326", (9e-5, 0.0, -121.85, 0.0, -9e-5, 38.84))
SINUSOIDAL = Grid("SR-ORG:6974", (463.3, 0.0, 0.0, 0.0, -463.3, 0.0))
ARRAY = PixelType("float", dimensions=1)
BYTE = PixelType("int", 0, 255)
DOUBLE = PixelType("double")


def reducer(name: str, **arguments) -> Reducer:
    values = {key: const(value) for key, value in arguments.items()}
    return run_graph(graph(invoke(f"Reducer.{name}", **values)))


def kernel(side: int) -> Kernel:
    return Kernel("Kernel.fixed", np.ones((side, side)), (side // 2, side // 2))


def focal(node, side: int, op: str = "mean") -> Neighborhood:
    return Neighborhood(node, kernel(side), op, None, (), 0, FLOAT)


def noises(number: int, **options) -> tuple[Noise, ...]:
    return tuple(Noise(seed, **options) for seed in range(number))


NODES = {
    "pixelwise": lambda leaf: Elementwise("add", (leaf, Constant(1, FLOAT)), (), FLOAT),
    "kernel": lambda leaf: focal(leaf, 21),
    "kernels-in-a-row": lambda leaf: focal(focal(leaf, 21), 7),
    "groups": lambda leaf: ConnectedCount(leaf, 30, FOUR, BYTE),
    "terrain": lambda leaf: Terrain(leaf, "slope", (), FLOAT),
    "pinned-to-finer": lambda leaf: Reproject(leaf, FINE, FLOAT),
    "pinned-to-degrees": lambda leaf: Reproject(leaf, DEGREES, FLOAT),
    "pinned-to-sinusoidal": lambda leaf: Reproject(leaf, SINUSOIDAL, FLOAT),
    "bilinear": lambda leaf: Resample(leaf, "bilinear", DEGREES, FLOAT),
    "bicubic-finer": lambda leaf: Resample(leaf, "bicubic", FINE, FLOAT),
    "reduced": lambda leaf: ReduceResolution(leaf, reducer("mean"), FINE, 64, False, 0, FLOAT),
    "moved": lambda leaf: Moved(leaf, DEGREES, DEGREES, FLOAT),
}


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("place", [(0, 0), (700, 350)], ids=["corner", "middle"])
def test_no_node_asks_for_more_than_was_estimated(name, place):
    """What a leaf is asked for by a block, against what the walk says that it is asked for."""
    leaf = Noise(1)
    node = NODES[name](leaf)
    whole, block = Window(0, 0, 1000, 500), Window(*place, 200, 100)
    evaluate(prepare([node]), UTM, block, Context())
    demand = Demand(UTM, whole, block.shape)
    while node is not leaf:
        demand = inner(node, demand)
        node = next(iter(node.inputs()))
    for grid, window in leaf.asked:
        assert grid == demand.grid
        assert window.width * window.height <= demand.area


@pytest.mark.parametrize(
    ("source", "window"),
    [
        pytest.param(DEGREES, Window(0, 0, 640, 640), id="degrees"),
        pytest.param(DEGREES, Window(-300, 2000, 3000, 64), id="flat"),
        pytest.param(SINUSOIDAL, Window(0, 0, 1024, 1024), id="sinusoidal"),
        pytest.param(FINE, Window(5, 7, 100, 50), id="aligned"),
    ],
)
def test_the_extent_on_another_grid_holds_every_pixel(source, window):
    from pyproj import Transformer

    from ecumene.core import crs
    from ecumene.core.projection import apply, invert

    x, y = window.centres(UTM)
    if source.crs != UTM.crs:
        x, y = Transformer.from_crs(UTM.crs, crs.wkt(source.crs), always_xy=True).transform(x, y)
    cols, rows = apply(invert(source.transform), np.asarray(x), np.asarray(y))
    found = extent(source, UTM, window)
    assert found.col <= cols.min()
    assert found.row <= rows.min()
    assert cols.max() <= found.col + found.width
    assert rows.max() <= found.row + found.height


def shared_masks():
    """Two reductions that share scenes: what is shared is kept until its last use."""
    masks = [Elementwise("gt", (leaf, Constant(3, FLOAT)), (), BYTE) for leaf in noises(12)]
    bands = [Elementwise("multiply", (mask, Constant(2, BYTE)), (), FLOAT) for mask in masks]
    return [
        Fold(reducer("median"), (tuple(bands),), 0, FLOAT),
        Fold(reducer("max"), (tuple(masks),), 0, FLOAT),
    ]


def many_steps(*leaves):
    """A formula that is one region."""
    node = leaves[0]
    for k, leaf in enumerate(leaves):
        both = Elementwise("divide", (node, leaf), (), FLOAT)
        less = Elementwise("lt", (leaf, Constant(150, FLOAT)), (), BYTE)
        node = UpdateMask(Elementwise("add", (both, Constant(k, FLOAT)), (), DOUBLE), less, DOUBLE)
    return node


MATRIX = PixelType("double", dimensions=2)


def equations(kind: PixelType) -> tuple[Gather, ArrayOp, ArrayOp]:
    """Rows of three numbers of twelve images at every pixel, the first two columns and the last."""
    every = Gather(tuple(noises(3, masked=0.0) for _ in range(12)), kind)
    return (
        every,
        ArrayOp("slice", (every,), (1, 0, 2, 1), kind),
        ArrayOp("slice", (every,), (1, 2, 3, 1), kind),
    )


def solved(kind: PixelType) -> ArrayOp:
    _, left, right = equations(kind)
    return ArrayOp("matrixSolve", (left, right), (), kind)


def fitted(kind: PixelType) -> ArrayOp:
    _, left, _ = equations(kind)
    return ArrayOp("matrixMultiply", (left, solved(kind)), (), kind)


def joined(kind: PixelType) -> ArrayOp:
    stacks = [Stack(noises(20), kind) for _ in range(2)]
    return ArrayOp("sort", (ArrayOp("cat", tuple(stacks), (0,), kind),), (), kind)


COSTS = {
    "one-leaf": lambda: [Noise()],
    "chain": lambda: [Cast(Cast(Cast(Noise(), BYTE), FLOAT), BYTE)],
    "median-of-30": lambda: [Fold(reducer("median"), (noises(30, masked=0.3),), 0, FLOAT)],
    "mode-of-30": lambda: [Fold(reducer("mode"), (noises(30, masked=0.3),), 0, FLOAT)],
    "mean-of-30": lambda: [Fold(reducer("mean"), (noises(30, masked=0.3),), 0, FLOAT)],
    "deviation-of-30": lambda: [Fold(reducer("stdDev"), (noises(30, masked=0.3),), 0, FLOAT)],
    "percentile-of-20": lambda: [
        Fold(reducer("percentile", percentiles=[90]), (noises(20),), 0, FLOAT)
    ],
    "mosaic-of-20": lambda: [Mosaic(noises(20, masked=0.9), FLOAT)],
    "skew-of-30": lambda: [Fold(reducer("skew"), (noises(30, masked=0.3),), 0, FLOAT)],
    "groups": lambda: [ConnectedCount(Noise(), 30, FOUR, BYTE)],
    "kernel-median": lambda: [focal(Noise(), 5, "median")],
    "stack-of-40": lambda: [Stack(noises(40), ARRAY)],
    "plane-of-a-stack": lambda: [Pick(Stack(noises(40), ARRAY), 3, FLOAT)],
    "solved-by-least-squares": lambda: [solved(MATRIX)],
    "fitted-by-least-squares": lambda: [fitted(MATRIX)],
    "sorted-and-joined": lambda: [joined(ARRAY)],
    "kernel": lambda: [focal(Noise(), 31)],
    "resolution": lambda: [ReduceResolution(Noise(), reducer("mean"), FINE, 64, False, 0, FLOAT)],
    "bilinear": lambda: [Resample(Noise(masked=0.2), "bilinear", DEGREES, FLOAT)],
    "shared": shared_masks,
    "fused": lambda: [many_steps(*noises(4, masked=0.3))],
    "fused-of-many": lambda: [many_steps(*noises(12, masked=0.3))],
    "fused-of-whole-numbers": lambda: [many_steps(*noises(3, type=BYTE))],
    "several-results": lambda: [
        Elementwise(op, (node, Constant(3, FLOAT)), (), DOUBLE)
        for node in [many_steps(*noises(5, masked=0.3))]
        for op in ("divide", "max", "multiply")
    ],
}


@pytest.mark.parametrize("name", COSTS)
def test_a_block_needs_no_more_memory_than_estimated(name):
    """Against the allocator's own count of what was alive at once."""
    plan = prepare(COSTS[name]())
    window = Window(0, 0, 256, 256)
    evaluate(plan, UTM, window, Context())  # lookups and tables that stay
    tracemalloc.start()
    try:
        evaluate(plan, UTM, window, Context())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    found = estimate(plan, UTM, window, window.shape)
    small = 64 * 2**10
    assert peak <= found.peak + small
    assert found.peak <= 25 * peak, "a bound that says nothing"


def test_solving_for_four_unknowns_leaves_four_numbers():
    """137 dates: the fit of a series at every pixel stays as large as the series."""
    kind = MATRIX
    rows = tuple(tuple(Noise(k) for k in range(5)) for _ in range(137))
    every = Gather(rows, kind)
    left, right = (ArrayOp("slice", (every,), part, kind) for part in ((1, 0, 4, 1), (1, 4, 5, 1)))
    answer = ArrayOp("matrixSolve", (left, right), (), kind)
    fit = ArrayOp("matrixMultiply", (left, answer), (), kind)
    off = Elementwise("subtract", (fit, right), (), kind)
    window = Window(0, 0, 64, 64)
    found = [
        estimate(prepare([node]), UTM, window, window.shape).results
        for node in (every, answer, fit, off)
    ]
    numbers = [(size - 64 * 64) / (64 * 64 * 8) for size in found]
    assert numbers == [137 * 5, 4, 137, 137]


@pytest.mark.parametrize(
    ("op", "params", "inputs", "axes"),
    [
        ("project", ((1,),), [Size.of(7, 3)], (3,)), ("transpose", (0, 1), [Size.of(7, 3)], (3, 7)), ("unsqueeze", (1,), [Size.of(7, 3)], (7, 1, 3)),
        ("reduce", (None, (0,)), [Size.of(7, 3)], (1, 3)), ("cat", (0,), [Size.of(7, 3), Size.of(5, 4)], (12, 4)), ("cat", (2,), [Size.of(7, 3), Size.of(7, 3)], (7, 3, 2)),
        ("matrixSolve", (), [Size.of(7, 3), Size.of(7, 2)], (3, 2)), ("matrixMultiply", (), [Size.of(7, 3), Size.of(3, 2)], (7, 2)),
        ("matrixPseudoInverse", (), [Size.of(7, 3)], (3, 7)), ("matrixDiagonal", (), [Size.of(7, 3)], (3, 1)), ("mask", (), [Size.of(7, 3), Size.of(7, 1)], (7, 3)),
        ("reshape", ((21,),), [Size.of(7, 3)], (21,)), ("slice", (0, 1, 6, 2), [Size.of(7, 3)], (3, 3)), ("slice", (1, 0, None, 1), [Size.of(7, 3)], (7, 3)), ("repeat", (0, 4), [Size.of(7)], (28,)),
    ],
)  # fmt: skip
def test_shapes_of_arrays_are_bounded_axis_by_axis(op, params, inputs, axes):
    """Against the shapes that NumPy makes of arrays of ones."""
    kind = PixelType("double", dimensions=len(axes))
    found = size(ArrayOp(op, tuple(Noise() for _ in inputs), params, kind), inputs)
    assert found.axes == axes
    if op != "reduce":
        held = [np.ones((1, 1, *map(int, part.axes))) for part in inputs]
        if op != "cat":
            assert ARRAY_OPS[op](*held, *params)[0].shape[2:] == axes


def test_a_shared_node_costs_one_step():
    """Sixty doublings: 2^60 steps without sharing."""
    node = Noise()
    for _ in range(60):
        node = Elementwise("add", (node, node), (), FLOAT)
    found = estimate(prepare([node]), UTM, Window(0, 0, 512, 512), (512, 512))
    assert found.work == pytest.approx(512 * 512 * (1 + 60 * 3))
    assert found.peak < 64 * 2**20


def test_a_deep_graph_is_estimated():
    node = Noise()
    for _ in range(5000):
        node = Cast(node, FLOAT)
    found = estimate(prepare([node]), UTM, Window(0, 0, 512, 512), (512, 512))
    assert found.peak < 64 * 2**20, "a chain holds one result at a time"


def test_what_lies_elsewhere_costs_nothing(demo_band):
    here = estimate(prepare([demo_band(0)]), UTM, Window(0, 0, 512, 512), (512, 512))
    away = estimate(prepare([demo_band(9_000_000)]), UTM, Window(0, 0, 512, 512), (512, 512))
    assert here.results == 512 * 512 * 3
    assert away.results == 0


@pytest.fixture
def demo_band():
    """A described band of 1000 x 1000 pixels shifted east by some metres; its file is never opened."""
    from ecumene.core.raster import RasterBand
    from ecumene.plan.nodes import Source

    def make(shift: float) -> Source:
        grid = Grid("EPSG:32610", (10.0, 0.0, 600_000.0 + shift, 0.0, -10.0, 4_300_020.0))
        type_ = PixelType("int", 0, 65535)
        return Source(RasterBand("nowhere.tif", 1, type_, grid, 1000, 1000), "nearest", type_)

    return make


TOO_LARGE = {
    "wide-kernel": lambda leaf: Windowed("distance", (leaf,), 1500, (), FLOAT),
    "fine-reprojection": lambda leaf: Reproject(
        leaf, Grid(UTM.crs, (0.01, 0.0, 6e5, 0.0, -0.01, 4_300_020.0)), FLOAT
    ),
    "many-layers": lambda leaf: Stack((leaf, *noises(4000)), ARRAY),
}  # fmt: skip


@pytest.mark.parametrize("name", ["wide-kernel", "fine-reprojection", "many-layers"])
@pytest.mark.parametrize("how", ["read", "blocks"])
def test_what_does_not_fit_is_refused_before_a_pixel_is_read(name, how):
    leaf = Noise(7)
    node = TOO_LARGE[name](leaf)
    context = Context(replace(OPEN, memory_bytes=64 * 2**20))
    executor = Executor(None, threads=2)
    window = Window(0, 0, 2000, 2000)
    with pytest.raises(LimitExceeded, match=r"^User memory limit exceeded\. .* MB are allowed\.$"):
        if how == "read":
            executor.read([node], UTM, window, context)
        else:
            list(executor.blocks([node], UTM, window, context))
    assert leaf.asked == []
    executor.close()


def test_too_much_work_is_refused_before_a_pixel_is_read():
    leaf = Noise()
    context = Context(replace(OPEN, pixel_operations=1e6))
    with pytest.raises(LimitExceeded, match=r"^Computation timed out\."):
        Executor(None, threads=1).read([focal(leaf, 51)], UTM, Window(0, 0, 100, 100), context)
    assert leaf.asked == []


def test_the_message_names_the_node():
    node = Cast(Stack(noises(500), ARRAY), ARRAY)
    context = Context(replace(OPEN, memory_bytes=2**20))
    with pytest.raises(LimitExceeded, match="most of it at a Stack of 500 inputs"):
        Executor(None, threads=1).read([node], UTM, Window(0, 0, 300, 300), context)


@pytest.mark.parametrize(
    ("copies", "expected"),
    [
        pytest.param(PixelType("int", 3, 3), 21, id="a constant"),
        pytest.param(PixelType("int", 0, 255), 7 * 255, id="a byte"),
        pytest.param(PixelType("int"), 7 * 10_000, id="anything"),
        pytest.param(PixelType("int", -5, -5), 7, id="none"),
    ],
)
def test_arrays_are_repeated_as_often_as_the_type_says(copies, expected):
    kind = PixelType("double", dimensions=1)
    node = ArrayOp("repeatTimes", (Constant(np.zeros(7), kind), Constant(3, copies)), (0,), kind, 1)
    assert size(node, [Size.of(7.0), Size.of()]).total == expected
