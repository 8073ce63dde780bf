"""Profiles of plans: every node's work is charged to who made it, and nothing else changes."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ecumene.core import profile as module
from ecumene.core.context import Context
from ecumene.core.profile import Profile
from ecumene.core.projection import Window
from ecumene.plan.executor import Executor
from ecumene.plan.nodes import Elementwise, Fused, Tabulated
from ecumene.plan.optimise import prepare
from ecumene.plan.parts import part_of
from ecumene.plan.watch import absorbed, watched
from tests.plan.archive import BLOCK, GRID, SIDE, clear, composite, scene, store
from tests.plan.leaves import FLOAT, Noise
from tests.plan.test_estimate import UTM, reducer

WINDOW = Window(0, 0, SIDE, SIDE)
MASKED, EQUALS, FOLDED = "Algorithm Image.updateMask", "Algorithm Image.neq", "Algorithm reduce"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    return folder, [scene(folder, number) for number in range(3)]


def profiled(engine: Executor, node, marks, grid=GRID, window=WINDOW):
    profile = Profile("id", "me")
    for label, nodes in marks.items():
        profile.mark([each.digest for each in nodes], label)
    context = Context(pixels=engine, profile=profile)
    found = profile.around(lambda: list(engine.blocks([node], grid, window, context)))()
    return {entry.description: entry for entry in profile.finished}, found


def marks_of(scenes, fold):
    masked, masks = zip(*map(clear, scenes), strict=True)
    return {EQUALS: masks, MASKED: masked, FOLDED: [fold]}


def test_assets_are_charged_with_their_bytes(scenes):
    folder, made = scenes
    fold = composite(made, reducer("median"))
    engine = Executor(store(folder), threads=2)
    entries, _ = profiled(engine, fold, marks_of(made, fold))
    plane = SIDE * SIDE
    for each in made:
        loaded = entries[f"Loading assets: {each.asset}"]
        assert loaded.decoded == 2 * plane + plane
        assert 0 < loaded.read < loaded.decoded
    assert sum(entry.decoded for entry in entries.values()) == 3 * 3 * plane
    again, _ = profiled(engine, fold, marks_of(made, fold))
    assert sum(entry.decoded for entry in again.values()) == 0, "blocks of the cache are not read"
    engine.close()


def test_rewritten_nodes_name_who_does_their_work(scenes):
    folder, made = scenes
    fold = composite(made, reducer("median"))
    engine = Executor(store(folder), threads=1)
    entries, _ = profiled(engine, fold, marks_of(made, fold))
    assert entries[FOLDED].count == 1
    plan = prepare([fold])
    assert any(isinstance(node, Tabulated) for node in plan.nodes)
    gone = absorbed(plan)
    assert {clear(each)[0].digest for each in made} <= gone.keys()
    assert all(
        whole == {plan.roots[0]} for part, whole in gone.items() if part == clear(made[0])[0].digest
    )
    engine.close()


def test_fused_formulas_belong_to_the_last_algorithm_and_name_the_others(scenes):
    folder, made = scenes
    inner = Elementwise("multiply", (made[0].values, made[1].values), (), FLOAT)
    outer = Elementwise("add", (inner, made[2].values), (), FLOAT)
    assert [type(node) for node in prepare([outer]).nodes[-1:]] == [Fused]
    engine = Executor(store(folder), threads=1)
    entries, _ = profiled(engine, outer, {"inner": [inner], "outer": [outer]})
    assert entries["outer"].count == 1
    profile = Profile("id", "me")
    profile.mark([inner.digest], "inner")
    profile.mark([outer.digest], "outer")
    watched(prepare([outer]), profile)
    assert profile.within == {"inner": {"outer"}}
    engine.close()


@pytest.mark.parametrize("name", ["median", "mean", "mode", "stdDev", "first"])
def test_watched_results_are_the_same(scenes, name):
    folder, made = scenes
    fold = composite(made, reducer({"first": "firstNonNull"}.get(name, name)))
    engine = Executor(store(folder), threads=2)
    window = Window(-7, 5, SIDE, 77)
    plain = list(engine.blocks([fold], GRID, window, Context(pixels=engine)))
    _, watched = profiled(engine, fold, marks_of(made, fold), GRID, window)
    for (block, (left,)), (other, (right,)) in zip(plain, watched, strict=True):
        assert block == other
        np.testing.assert_array_equal(left.valid(), right.valid())
        np.testing.assert_array_equal(left.values[left.valid()], right.values[right.valid()])
    engine.close()


def test_blocks_of_many_threads_are_all_counted():
    first = Noise(1)
    node = Elementwise("add", (first, Noise(2)), (), FLOAT)
    engine = Executor(None, threads=2)
    window = Window(0, 0, 700, 600)
    marks = {"sum": [node], "first": [first]}
    entries, blocks = profiled(engine, node, marks, UTM, window)
    assert len(blocks) > 1
    assert entries["sum"].count == entries["first"].count == len(blocks)
    pixels = max(block.width * block.height for block, _ in blocks)
    assert entries["first"].peak >= 4 * pixels
    assert entries["first"].decoded == 0
    engine.close()


def test_nodes_that_nobody_marked_belong_to_what_runs():
    engine = Executor(None, threads=2)
    profile = Profile("id", "me")
    context = Context(pixels=engine, profile=profile)

    def work():
        with profile.clock().inside("Algorithm Image.reduceRegion"):
            return engine.read([Noise(3)], UTM, Window(0, 0, 50, 50), context)

    profile.around(work)()
    counted = {entry.description: entry.count for entry in profile.finished}
    assert counted == {"(plumbing)": 1, "Algorithm Image.reduceRegion": 1}
    engine.close()


class Ticks(threading.local):
    """A clock for each thread that moves only when told to."""

    now = 0.0

    def thread_time(self) -> float:
        return self.now

    perf_counter = thread_time


def test_work_with_the_pixels_of_blocks_belongs_to_what_runs(monkeypatch):
    """What regions make of blocks is done where the blocks are computed."""
    ticks = Ticks()
    monkeypatch.setattr(module, "time", ticks)
    engine = Executor(None, threads=2)
    profile = Profile("id", "me")
    context = Context(pixels=engine, profile=profile)
    part = part_of(np.array([[0, 0, 600, 600]]))

    def finish(piece, pixels):
        ticks.now += 1
        return piece

    def work():
        with profile.clock().inside("Algorithm Image.reduceRegion"):
            return list(engine.mapped([Noise(3)], UTM, part, context, finish))

    blocks = profile.around(work)()
    seconds = {entry.description: entry.seconds for entry in profile.finished}
    assert seconds["Algorithm Image.reduceRegion"] == len(blocks) > 1
    engine.close()


def test_a_failure_is_still_charged():
    class Broken(Noise):
        def evaluate(self, grid, window, context):
            raise ZeroDivisionError

    node = Broken(4)
    engine = Executor(None, threads=2)
    profile = Profile("id", "me")
    profile.mark([node.digest], "broken")
    context = Context(pixels=engine, profile=profile)
    with pytest.raises(ZeroDivisionError):
        profile.around(lambda: engine.read([node], UTM, Window(0, 0, 5, 5), context))()
    assert "broken" in {entry.description for entry in profile.finished}
    engine.close()


def test_a_finished_profile_holds_no_nodes(scenes):
    folder, made = scenes
    fold = composite(made, reducer("mean"))
    engine = Executor(store(folder), threads=1)
    profile = Profile("id", "me")
    profile.mark([fold.digest], FOLDED)
    context = Context(pixels=engine, profile=profile)
    profile.around(lambda: engine.read([fold], GRID, Window(0, 0, BLOCK, BLOCK), context))()
    assert profile.watches == {}
    assert profile.origins == {}
    engine.close()
