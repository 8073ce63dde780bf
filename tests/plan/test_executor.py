"""Blocks: order, equality with the whole, bounded memory, cancellation, what is kept and for how long."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecumene.core.context import CancelToken, Context
from ecumene.core.errors import Cancelled
from ecumene.core.limits import OPEN
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Window, compose
from ecumene.plan.executor import Executor, _Run, evaluate
from ecumene.plan.nodes import Cast, Constant, Coordinates, Elementwise, Mosaic, Neighborhood
from ecumene.plan.optimise import prepare
from ecumene.storage.blocks import BlockStore
from ecumene.storage.gate import Gate
from tests.plan import archive
from tests.plan.leaves import FLOAT, Noise
from tests.plan.test_estimate import UTM, focal, noises

DOUBLE = PixelType("double")
WINDOW = Window(-40, 17, 1500, 700)


@pytest.fixture
def executor():
    made = Executor(None, threads=2)
    yield made
    made.close()


def place() -> Neighborhood:
    """A value that differs from pixel to pixel, under a kernel."""
    x, y = (Coordinates(kind, None, 0, DOUBLE) for kind in "xy")
    return focal(Elementwise("multiply", (x, y), (), DOUBLE), 9)


def assembled(executor, node, context=None):
    out = np.full(WINDOW.shape, np.nan)
    windows = []
    for block, (pixels,) in executor.blocks([node], UTM, WINDOW, context or Context()):
        rows = slice(block.row - WINDOW.row, block.row - WINDOW.row + block.height)
        cols = slice(block.col - WINDOW.col, block.col - WINDOW.col + block.width)
        assert np.isnan(out[rows, cols]).all(), "a pixel came twice"
        out[rows, cols] = pixels.values
        windows.append(block)
    return out, windows


@pytest.mark.parametrize("megabytes", [1024, 16, 4], ids=lambda m: f"{m}MB")
def test_blocks_are_the_whole_whatever_the_memory(executor, megabytes):
    context = Context(replace(OPEN, memory_bytes=megabytes * 2**20))
    out, windows = assembled(executor, place(), context)
    (whole,) = executor.read([place()], UTM, WINDOW, Context())
    np.testing.assert_array_equal(out.astype("float32"), whole.values)
    assert windows == sorted(windows, key=lambda w: (w.row, w.col))


def test_less_memory_means_smaller_blocks(executor):
    def largest(megabytes):
        context = Context(replace(OPEN, memory_bytes=megabytes * 2**20))
        _, windows = assembled(executor, place(), context)
        return max(w.width * w.height for w in windows)

    assert largest(4) < largest(16) <= largest(1024)


def test_small_windows_are_one_block(executor):
    window = Window(3, 4, 100, 100)
    found = list(executor.blocks([Constant(1, DOUBLE)], UTM, window, Context()))
    assert [w for w, _ in found] == [window]


def test_blocks_that_are_not_wanted_are_not_computed(executor):
    leaf = Noise()
    blocks = executor.blocks([leaf], UTM, WINDOW, Context(), lambda w: w.row < 100)
    windows = [w for w, _ in blocks]
    assert 0 < len(windows) == len(leaf.asked)
    assert all(w.row < 100 for w in windows)


def test_the_pace_is_the_consumers(executor):
    """At most two blocks a thread are in progress or wait."""
    leaf = Noise()
    window = Window(0, 0, 4096, 4096)
    blocks = executor.blocks([leaf], UTM, window, Context())
    next(blocks)
    blocks.close()
    assert len(leaf.asked) <= 5
    executor.scheduler.close()


@pytest.mark.parametrize("how", ["blocks", "small", "read"])
@pytest.mark.parametrize(
    ("token", "message"),
    [
        pytest.param(CancelToken(-1.0), "Computation timed out.", id="deadline"),
        pytest.param(CancelToken(), "The request was cancelled.", id="client-gone"),
    ],
)
def test_nothing_is_computed_for_nobody(executor, how, token, message):
    token.cancel() if token.deadline is None else None
    leaf = Noise()
    context = Context(OPEN, token)
    window = Window(0, 0, 100, 100) if how == "small" else WINDOW
    with pytest.raises(Cancelled, match=message):
        if how == "read":
            executor.read([Cast(leaf, DOUBLE)], UTM, window, context)
        else:
            list(executor.blocks([Cast(leaf, DOUBLE)], UTM, window, context))
    assert leaf.asked == []


def test_a_client_that_goes_stops_the_work(executor):
    leaf, context = Noise(), Context()
    blocks = executor.blocks([leaf], UTM, Window(0, 0, 4096, 4096), context)
    next(blocks)
    context.cancel.cancel()
    with pytest.raises(Cancelled):
        list(blocks)
    assert len(leaf.asked) <= 6


def test_a_wait_for_wanted_blocks_ends_too(executor):
    """Where no block is wanted, the search for one is still under the deadline."""
    context = Context()
    seen = []

    def wanted(window):
        seen.append(window)
        if len(seen) == 3:
            context.cancel.cancel()
        return False

    with pytest.raises(Cancelled):
        list(executor.blocks([Noise()], UTM, Window(0, 0, 8192, 8192), context, wanted))
    assert len(seen) == 3


def shared_layers():
    """Two mosaics of the same shared layers; the second one's top covers everything."""
    scenes = [Cast(leaf, DOUBLE) for leaf in noises(6, masked=0.5)]
    cover = Noise(99)
    return Mosaic(tuple(scenes), FLOAT), Mosaic((*scenes, cover), FLOAT)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["full-first", "covered-first"])
def test_a_covered_mosaic_frees_what_waited_for_it(order):
    roots = [shared_layers()[i] for i in order]
    plan = prepare(roots)
    run = _Run(plan, Context())
    for root in plan.roots:
        run.value((root, UTM, Window(0, 0, 50, 50)))
    assert run.kept == {}
    assert run.spared == {}


def test_nothing_that_the_covered_mosaic_does_not_need_is_computed():
    leaves = noises(6, masked=0.5)
    cover = Noise(99)
    evaluate(prepare([Mosaic((*leaves, cover), FLOAT)]), UTM, Window(0, 0, 50, 50), Context())
    assert [len(leaf.asked) for leaf in leaves] == [0] * 6
    assert len(cover.asked) == 1


def test_a_shared_node_is_computed_once_and_let_go():
    leaf = Noise(5)
    half = Cast(leaf, DOUBLE)
    total = Elementwise("add", (half, half), (), DOUBLE)
    plan = prepare([total, Elementwise("multiply", (total, half), (), DOUBLE), half])
    run = _Run(plan, Context())
    found = [run.value((root, UTM, Window(0, 0, 20, 20))).values for root in plan.roots]
    assert len(leaf.asked) == 1
    np.testing.assert_array_equal(found[0], found[2] * 2)
    np.testing.assert_array_equal(found[1], found[2] * 2 * found[2])
    assert run.kept == {}


def test_a_deep_tower_of_kernels_over_shared_nodes_is_not_exponential():
    """Each level is asked for its own window and for a grown one: 2^24 evaluations without sharing."""
    leaf = Noise(1)
    node = leaf
    for _ in range(24):
        node = Elementwise("add", (focal(node, 3), node), (), FLOAT)
    evaluate(prepare([node]), UTM, Window(0, 0, 8, 8), Context())
    assert len(leaf.asked) <= 25


@pytest.mark.parametrize(
    ("around", "rows"),
    [pytest.param(False, 48, id="pixelwise"), pytest.param(True, 64, id="kernel")],
)
def test_blocks_are_decoded_as_far_as_the_request_goes(tmp_path, around, rows):
    """At twice the resolution, 72 rows need 36 of the 64 of a block; a kernel may need any."""
    scene = archive.scene(tmp_path, 1)
    store = BlockStore(2**24, Gate([tmp_path]))
    node = scene.values
    if around:
        node = focal(node, 3)
    grid = Grid(archive.GRID.crs, compose(archive.GRID.transform, (0.5, 0, 0, 0, 0.5, 0)))
    executor = Executor(store, 2)
    found = list(executor.blocks([node], grid, Window(0, 0, 256, 72), Context()))
    assert sum(window.width * window.height for window, _ in found) == 256 * 72
    assert store.stats.bytes == 2 * rows * 64 * 2
