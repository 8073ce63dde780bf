"""Fused regions: the bits of their nodes one by one, by strips and by machine code, in parts and whole."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings

from ecumene.core import pixel_type as pt
from ecumene.core.context import Context
from ecumene.core.pixel_type import DOUBLE, FLOAT, PixelType
from ecumene.core.projection import Window
from ecumene.kernels.programs.tiers import COMPILER, Compiler
from ecumene.plan import regions, shared
from ecumene.plan.executor import Executor, evaluate
from ecumene.plan.nodes import (
    Choice,
    Constant,
    Elementwise,
    Fused,
    Mosaic,
    Output,
    Unmask,
    UpdateMask,
)
from ecumene.plan.optimise import prepare
from tests.plan.graphs import Given, H, W, compiled_here, constant, elementwise, graphs
from tests.plan.test_estimate import UTM

WHOLE = Window(0, 0, W, H)
PARTS = [Window(0, 0, 7, 5), Window(3, 4, W - 3, 1), Window(W - 2, 2, 2, H - 2), Window(5, 6, 1, 1)]


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    """Machine code is made in this process: faster; and nothing is known from other tests."""
    monkeypatch.setattr(COMPILER, "compile", compiled_here)
    shared.SHAPES.clear()


def plain(roots, window=WHOLE):
    return evaluate(prepare(roots, lower=False), UTM, window, Context())


def shown(pixels, shape):
    """Values, 0 where hidden, and how much they show."""
    mask = np.ones(shape, "float32") if pixels.mask is None else pixels.mask.astype("float32")
    return np.where(mask > 0, np.broadcast_to(pixels.values, shape), 0), mask


def same(found, expected, place=np.s_[:, :]):
    """Bit for bit, with ``place`` of what is expected."""
    for a, b in zip(found, expected, strict=True):
        assert a.values.dtype == b.values.dtype
        values, mask = shown(a, a.values.shape)
        other, other_mask = (array[place] for array in shown(b, WHOLE.shape))
        np.testing.assert_array_equal(mask, other_mask)
        np.testing.assert_array_equal(values, other)


def fused(plan) -> list[Fused]:
    return [node for node in plan.nodes if isinstance(node, Fused)]


def compiled(plan, window=WHOLE):
    for node in fused(plan):
        node.shape.large = True
    evaluate(plan, UTM, window, Context())
    COMPILER.join()
    return evaluate(plan, UTM, window, Context())


@settings(deadline=None, max_examples=80)
@given(graphs())
def test_strips_are_the_nodes_one_by_one(roots):
    same(evaluate(prepare(roots), UTM, WHOLE, Context()), plain(roots))


@settings(deadline=None, max_examples=25)
@given(graphs())
def test_machine_code_is_the_nodes_one_by_one(roots):
    same(compiled(prepare(roots)), plain(roots))


@settings(deadline=None, max_examples=25)
@given(graphs())
def test_parts_are_parts_of_the_whole(roots):
    plan = prepare(roots)
    whole = evaluate(plan, UTM, WHOLE, Context())
    for part in PARTS:
        place = np.s_[part.row : part.row + part.height, part.col : part.col + part.width]
        same(evaluate(plan, UTM, part, Context()), whole, place)


BANDS = [Given(k, pt.UINT16, "some" if k else "none") for k in range(4)]


def index(gain: float = 2.5, least: float = 0.25) -> list:
    """Two bands, one mask: what scripts do all day."""
    blue, red, near, quality = BANDS
    ratio = Elementwise("normalizedDifference", (near, red), (), PixelType("float", -1.0, 1.0))
    rest = elementwise("subtract", near, elementwise("multiply", blue, constant(gain)))
    scaled = elementwise("divide", elementwise("subtract", near, red), rest)
    clear = elementwise(
        "and", elementwise("gt", ratio, constant(least)), elementwise("lt", quality, constant(3000))
    )
    return [UpdateMask(node, clear, node.type) for node in (ratio, scaled)]


def test_results_that_share_work_are_one_region():
    plan = prepare(index())
    assert len(fused(plan)) == 1
    assert [type(root) for root in plan.roots] == [Output, Output]
    assert [root.digest for root in plan.roots] == [node.digest for node in index()]
    same(evaluate(plan, UTM, WHOLE, Context()), plain(index()))


def test_results_that_share_inputs_only_stay_apart():
    """Each holds its own inputs, and is done before the next begins."""
    blue, red, near, _ = BANDS
    roots = [elementwise("divide", near, red), elementwise("divide", near, blue)]
    assert [type(root) for root in prepare(roots).roots] == [Fused, Fused]


def test_what_others_need_too_is_computed_once():
    """A node with users in and outside a region is a result of its own."""
    inner = elementwise("divide", elementwise("add", BANDS[0], BANDS[1]), BANDS[2])
    outer = elementwise("sqrt", elementwise("multiply", inner, constant(0.5)))
    plan = prepare([Mosaic((elementwise("pow", inner, BANDS[3]), outer), DOUBLE)])
    (below,) = [node for node in fused(plan) if node.digest == inner.digest]
    assert plan.uses[id(below)] == 2
    same(evaluate(plan, UTM, WHOLE, Context()), plain(plan.given))


def test_other_numbers_are_the_same_code(monkeypatch):
    made = []
    monkeypatch.setattr(
        COMPILER, "compile", lambda programs: made.extend(programs) or compiled_here(programs)
    )
    compiled(prepare(index()))
    other = index(gain=7.5, least=-0.75)
    plan = prepare(other)
    same(evaluate(plan, UTM, WHOLE, Context()), plain(other))
    COMPILER.join()
    assert len(made) == 1
    assert fused(plan)[0].shape.variants, "no code of its own"


def test_masks_that_are_missing_need_no_code_of_their_own(monkeypatch):
    made = []
    monkeypatch.setattr(
        COMPILER, "compile", lambda programs: made.extend(programs) or compiled_here(programs)
    )
    clear = [Given(k, pt.UINT16) for k in range(4)]
    for hidden in ((), (0,), (1, 2), (0, 1, 2, 3)):
        red, near, blue, dark = (
            Given(k, pt.UINT16, "some") if k in hidden else clear[k] for k in range(4)
        )
        roots = [
            elementwise("divide", elementwise("add", red, near), elementwise("max", blue, dark))
        ]
        same(compiled(prepare(roots)), plain(roots))
    assert len(made) == 2, "without masks and with all"


class _Slow:
    """A compiler that has not finished."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.threads: list[str] = []

    def __call__(self, programs):
        self.threads.append(threading.current_thread().name)
        assert self.go.wait(20)
        return compiled_here(programs)


def requested(executor, roots):
    return executor.read(roots, UTM, WHOLE, Context())


def test_no_request_waits_for_a_compiler(monkeypatch):
    """The first does not even ask; the second and third, with other numbers, are done while it is at work."""
    slow = _Slow()
    monkeypatch.setattr(shared, "COMPILER", Compiler(slow))
    executor = Executor(None, threads=1)
    requested(executor, index())
    assert slow.threads == []
    for gain in (1.5, 3.5):
        same(requested(executor, index(gain)), plain(index(gain)))
    slow.go.set()
    shared.COMPILER.join()
    assert slow.threads == ["ecumene-compiler"]
    assert shared.COMPILER.stats().entries == 1
    same(requested(executor, index()), plain(index()))
    executor.close()


def test_a_large_request_asks_at_once(monkeypatch):
    asked = []
    monkeypatch.setattr(
        shared,
        "COMPILER",
        Compiler(lambda programs: asked.extend(programs) or [None] * len(programs)),
    )
    monkeypatch.setattr(shared, "LARGE", H * W)
    executor = Executor(None, threads=1)
    same(requested(executor, index()), plain(index()))
    shared.COMPILER.join()
    assert len(asked) == 1
    executor.close()


def test_structures_are_forgotten(monkeypatch):
    monkeypatch.setattr(shared.SHAPES, "capacity", 5)
    node = elementwise("divide", BANDS[0], BANDS[1])
    for _ in range(12):
        node = elementwise("divide", node, BANDS[2])
        prepare([node])
    assert shared.SHAPES.stats.entries == 5


@pytest.mark.parametrize(
    ("make", "asked"),
    [
        pytest.param(lambda a, b: Unmask(a, b, None, FLOAT), False, id="nothing-to-fill"),
        pytest.param(
            lambda a, b: Choice(elementwise("gt", a, constant(-1e30)), a, b, FLOAT),
            False,
            id="always-yes",
        ),
        pytest.param(
            lambda a, b: Choice(elementwise("gt", a, b), a, b, FLOAT), True, id="needed-anyway"
        ),
    ],
)
def test_branches_that_no_pixel_takes_are_not_computed(make, asked):
    """Composites beneath ``unmask`` and ``? :`` are as lazy as without fusing."""
    top = Mosaic((Given(1, pt.UINT8),), FLOAT)
    leaf = Given(2, FLOAT, "some")
    other = Mosaic((leaf,), FLOAT)
    roots = [
        elementwise("divide", elementwise("add", make(top, other), constant(1.5)), constant(3))
    ]
    plan = prepare(roots)
    assert fused(plan)
    same(evaluate(plan, UTM, WHOLE, Context()), plain(roots))
    leaf.asked.clear()
    evaluate(plan, UTM, WHOLE, Context())
    assert bool(leaf.asked) == asked


def test_where_there_is_nothing_the_rest_is_not_read():
    outside, near = Given(1, FLOAT, "outside"), Given(2, FLOAT)
    near.asked.clear()
    roots = [elementwise("divide", elementwise("add", outside, constant(1)), near)]
    (found,) = evaluate(prepare(roots), UTM, WHOLE, Context())
    assert not found.valid().any()
    assert near.asked == []


def test_pixels_of_another_type_than_announced_are_computed_one_by_one():
    class Wrong(Given):
        def pixels(self):
            found = super().pixels()
            found.values = found.values.astype("float64")
            return found

    roots = [elementwise("sqrt", elementwise("add", Wrong(1, pt.UINT8, "some"), constant(0.5)))]
    assert fused(prepare(roots))
    same(evaluate(prepare(roots), UTM, WHOLE, Context()), plain(roots))


def chain(length: int):
    node = elementwise("divide", BANDS[0], BANDS[1])
    for k in range(length):
        node = Elementwise("max" if k % 2 else "add", (node, BANDS[k % 3]), (), FLOAT)
    return node


def test_deep_graphs_are_cut_into_regions():
    plan = prepare([chain(10_000)])
    assert len(fused(plan)) == -(-10_001 // regions.MOST_STEPS)
    assert all(len(node.shape.steps) <= regions.MOST_STEPS for node in fused(plan))
    assert len({node.shape for node in fused(plan)}) <= 8
    same(evaluate(plan, UTM, WHOLE, Context()), plain([chain(10_000)]))


def test_wide_graphs_hold_few_inputs():
    leaves = [Given(k, pt.UINT8) for k in range(100)]
    node = elementwise("add", leaves[0], leaves[1])
    for leaf in leaves[2:]:
        node = Elementwise("add", (node, leaf), (), DOUBLE)
    plan = prepare([node])
    assert max(len(region.asked) for region in fused(plan)) <= regions.MOST_INPUTS
    same(evaluate(plan, UTM, WHOLE, Context()), plain([node]))


def test_a_graph_twice_as_deep_takes_twice_the_steps():
    """Function calls while a plan is prepared, counted."""

    def calls(length: int) -> int:
        root, count = chain(length), 0

        def note(frame, event, argument):
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            prepare([root])
        finally:
            sys.setprofile(None)
        return count

    few, many = calls(2000), calls(4000)
    assert many < 2.2 * few


def test_a_shared_tower_is_not_unfolded():
    node = BANDS[0]
    for _ in range(60):
        node = Elementwise("add", (node, node), (), FLOAT)
    plan = prepare([node])
    assert sum(len(region.shape.steps) for region in fused(plan)) == 60
    same(evaluate(plan, UTM, WHOLE, Context()), plain([node]))


def test_one_light_step_stays_as_it_is():
    plan = prepare([elementwise("add", BANDS[0], constant(1))])
    assert fused(plan) == []
    assert fused(prepare([elementwise("divide", BANDS[0], BANDS[1])])) != []


def test_numbers_alone_are_no_region():
    roots = [elementwise("divide", constant(3), constant(7)), Constant(5, DOUBLE)]
    same(evaluate(prepare(roots), UTM, WHOLE, Context()), plain(roots))
