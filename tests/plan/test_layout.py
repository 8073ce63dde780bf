"""How windows are cut: at once where that is cheap, and reckoned once for all places of a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecumene.core.errors import LimitExceeded
from ecumene.core.limits import OPEN
from ecumene.core.projection import Window
from ecumene.plan import layout as module
from ecumene.plan.layout import (
    FAR,
    LIGHT_PIXELS,
    SMALL,
    Layout,
    Resources,
    lay_out,
    pieces,
    squared,
)
from ecumene.plan.nodes import Cast, Celled, Elementwise, Fold
from ecumene.plan.optimise import prepare
from tests.plan.leaves import FLOAT, Noise
from tests.plan.test_estimate import UTM, noises, reducer

TILE = Window(256, 512, 256, 256)
MANY = Resources(OPEN, 2, 2**30)


def light():
    return prepare([Cast(Noise(1), FLOAT)])


def heavy():
    return prepare([Fold(reducer("median"), (noises(60),), 0, FLOAT)])


@pytest.fixture
def reckoned(monkeypatch):
    """The windows whose costs were estimated."""
    found = []
    inner = module.estimate

    def counting(plan, grid, window, shape):
        found.append(window)
        return inner(plan, grid, window, shape)

    monkeypatch.setattr(module, "estimate", counting)
    return found


def test_little_work_is_not_shared_out():
    assert lay_out(light(), UTM, TILE, MANY) == Layout((256, 256), whole=True)


def test_much_work_is():
    found = lay_out(heavy(), UTM, TILE, MANY)
    assert not found.whole
    assert found.count(TILE) >= 4


def test_blocks_are_whole_cells_where_nodes_compute_these():
    plan = prepare([Celled("filled", (Noise(1),), 256, 50, (None,), FLOAT)])
    found = lay_out(plan, UTM, Window(100, -70, 3000, 2000), MANY)
    assert found.origin == (0, 0)
    assert found.shape[0] % 256 == found.shape[1] % 256 == 0
    assert pieces(light(), UTM, (300, 200)) == (squared((300, 200)), (0, 0))


@pytest.mark.parametrize("side", [100, 128])
def test_small_windows_never_are(side):
    assert side * side <= SMALL
    assert lay_out(heavy(), UTM, Window(0, 0, side, side), MANY).whole


def test_large_windows_always_are():
    side = 600
    assert side * side > LIGHT_PIXELS
    assert not lay_out(light(), UTM, Window(0, 0, side, side), MANY).whole


@pytest.mark.parametrize("plan", [light, heavy])
def test_the_next_tile_is_not_reckoned_again(reckoned, plan):
    made = plan()
    first = lay_out(made, UTM, TILE, MANY)
    before = len(reckoned)
    assert lay_out(made, UTM, TILE._replace(col=90_000), MANY) == first
    assert len(reckoned) == before
    lay_out(made, UTM, TILE._replace(width=200), MANY)
    assert len(reckoned) > before


def test_what_is_near_a_limit_is_reckoned_every_time(reckoned):
    made = light()
    peak = module.estimate(made, UTM, TILE, TILE.shape).memory(1)
    near = replace(MANY, limits=replace(OPEN, memory_bytes=peak * FAR // 2))
    for _ in range(2):
        before = len(reckoned)
        lay_out(made, UTM, TILE, near)
        assert len(reckoned) > before


def test_other_limits_are_other_layouts(reckoned):
    made = light()
    lay_out(made, UTM, TILE, MANY)
    with pytest.raises(LimitExceeded, match="User memory limit exceeded"):
        lay_out(made, UTM, TILE, replace(MANY, limits=replace(OPEN, memory_bytes=1000)))


def test_too_much_work_is_refused_every_time():
    node = Elementwise("add", (Noise(1), Noise(2)), (), FLOAT)
    tight = replace(MANY, limits=replace(OPEN, pixel_operations=1000.0))
    made = prepare([node])
    for _ in range(2):
        with pytest.raises(LimitExceeded, match="Computation timed out"):
            lay_out(made, UTM, TILE, tight)
