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
from ecumene.numerics.labels import FOUR
from ecumene.plan.estimate import estimate
from ecumene.plan.executor import Executor, evaluate
from ecumene.plan.nodes import (
    Cast,
    ConnectedCount,
    Constant,
    Elementwise,
    Fold,
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
