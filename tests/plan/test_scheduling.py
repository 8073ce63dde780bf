"""Whose block is next: decided by a clock that tests move, in a pool that tests run by hand."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import CancelledError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.plan.scheduling import SHORT, Scheduler

LONG = 50 * SHORT


class Hand:
    """A pool whose workers do one task when told, and a clock that tasks move."""

    def __init__(self):
        self.calls = []
        self.now = 0.0
        self.done = []

    def submit(self, function):
        self.calls.append(function)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.calls.clear()

    def clock(self):
        return self.now

    def step(self):
        self.calls.pop(0)()

    def drain(self):
        while self.calls:
            self.step()

    def work(self, name, seconds=1.0, inside=None):
        """A task that takes some time, with a call in its middle."""

        def run():
            self.now += seconds / 2
            if inside is not None:
                inside()
            self.now += seconds / 2
            self.done.append(name)
            return name

        return run


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def scheduler(hand):
    return Scheduler(1, hand, hand.clock)


def test_one_request_is_first_come_first_served(hand, scheduler):
    with scheduler.lane(LONG) as lane:
        futures = [lane.submit(hand.work(k)) for k in range(5)]
        hand.drain()
    assert hand.done == list(range(5))
    assert [future.result() for future in futures] == list(range(5))


def test_a_new_request_is_served_next(hand, scheduler):
    """Not after everything that was queued before it came."""
    with scheduler.lane(LONG) as export, scheduler.lane(LONG):
        for k in range(10):
            export.submit(hand.work(f"export {k}"))
        hand.step()
        hand.step()
        with scheduler.lane(1) as tile:
            tile.submit(hand.work("tile", 0.1))
            hand.step()
    assert hand.done == ["export 0", "export 1", "tile"]


def test_requests_take_turns(hand, scheduler):
    with scheduler.lane(LONG) as a, scheduler.lane(LONG) as b:
        for k in range(4):
            a.submit(hand.work(f"a{k}"))
        for k in range(4):
            b.submit(hand.work(f"b{k}"))
        hand.drain()
    assert [name[0] for name in hand.done] == list("abababab")


def test_shares_are_of_time_not_of_blocks(hand, scheduler):
    """Blocks of one take four times as long: it gets a quarter as many."""
    with scheduler.lane(LONG) as slow, scheduler.lane(LONG) as quick:
        for _ in range(40):
            slow.submit(hand.work("slow", 4.0))
            quick.submit(hand.work("quick", 1.0))
        for _ in range(40):
            hand.step()
        assert 7 <= Counter(hand.done)["slow"] <= 9


def test_equal_claims_are_settled_for_the_short(hand, scheduler):
    with scheduler.lane(LONG) as long, scheduler.lane(100) as short:
        long.submit(hand.work("long"))
        short.submit(hand.work("short"))
        hand.drain()
    assert hand.done == ["short", "long"]


def test_an_export_gets_its_share_among_tiles_without_end(hand, scheduler):
    with scheduler.lane(LONG) as export:
        for _ in range(60):
            export.submit(hand.work("export"))
        hand.step()
        for _ in range(100):
            with scheduler.lane(1) as tile:
                tile.submit(hand.work("tile"))
                before = hand.done.count("tile")
                while hand.done.count("tile") == before:
                    hand.step()
    counts = Counter(hand.done)
    assert counts["tile"] == 100
    assert 40 <= counts["export"] - 1 <= 60


def test_who_pauses_saves_nothing_up(hand, scheduler):
    """An export whose reader was slow is not served alone for all the time that it did not ask."""
    with scheduler.lane(LONG) as slow, scheduler.lane(LONG) as other:
        slow.submit(hand.work("slow"))
        for _ in range(20):
            other.submit(hand.work("other"))
        for _ in range(11):
            hand.step()
        for _ in range(5):
            slow.submit(hand.work("slow"))
        hand.drain()
    assert Counter(hand.done[11:17]) == {"slow": 3, "other": 3}


def test_a_long_block_gives_way_between_its_nodes(hand, scheduler):
    with scheduler.lane(LONG) as export, scheduler.lane(1) as tile:

        def arrives():
            futures = [tile.submit(hand.work(f"tile {k}", 0.1)) for k in range(2)]
            export.give_way()
            export.give_way()
            assert [future.result(0) for future in futures] == ["tile 0", "tile 1"]

        export.submit(hand.work("export", 10.0, arrives))
        hand.drain()
        assert hand.done == ["tile 0", "tile 1", "export"]
        assert export.used == pytest.approx(10.0), "what gave way is charged to whom it was for"
        assert tile.used == pytest.approx(0.2)


@pytest.mark.parametrize(("running", "waiting"), [(1, 1), (LONG, LONG), (1, LONG)])
def test_only_the_long_give_way_and_only_to_the_short(hand, scheduler, running, waiting):
    with scheduler.lane(running) as one, scheduler.lane(waiting) as other:

        def arrives():
            other.submit(hand.work("other"))
            one.give_way()

        one.submit(hand.work("before"))
        one.submit(hand.work("one", 1.0, arrives))
        hand.drain()
    assert hand.done == ["before", "one", "other"]


def test_who_has_had_more_is_not_given_way_to(hand, scheduler):
    with scheduler.lane(LONG) as export, scheduler.lane(1) as tiles:
        tiles.submit(hand.work("tile", 9.0))
        hand.step()

        def arrives():
            tiles.submit(hand.work("tile 2"))
            export.give_way()

        export.used = 3.0
        export.submit(hand.work("export", 1.0, arrives))
        export.used = 3.0
        tiles.used = 9.0
        hand.drain()
    assert hand.done == ["tile", "export", "tile 2"]


def test_nothing_gives_way_within_what_was_given_way_to(hand, scheduler):
    """A short task that asks in turn is served by nobody: one block on top of another at most."""
    with scheduler.lane(LONG) as export, scheduler.lane(1) as a, scheduler.lane(1) as b:

        def second():
            b.submit(hand.work("b", 0.1))
            a.give_way()

        def first():
            a.submit(hand.work("a", 0.1, second))
            export.give_way()
            assert hand.done[-1] == "a"

        export.submit(hand.work("before"))
        export.submit(hand.work("export", 1.0, first))
        hand.drain()
    assert hand.done == ["before", "a", "export", "b"]


def test_giving_way_outside_of_tasks_does_nothing(hand, scheduler):
    with scheduler.lane(LONG) as export, scheduler.lane(1) as tile:
        tile.submit(hand.work("tile"))
        export.used += 5
        export.give_way()
        assert hand.done == []


def test_errors_reach_whoever_waits(hand, scheduler):
    def fails():
        raise ZeroDivisionError("here")

    with scheduler.lane(1) as lane:
        bad, good = lane.submit(fails), lane.submit(hand.work("good"))
        hand.drain()
        with pytest.raises(ZeroDivisionError, match="here"):
            bad.result(0)
        assert good.result(0) == "good"


def test_what_is_left_when_a_request_ends_is_dropped(hand, scheduler):
    with scheduler.lane(LONG) as lane:
        futures = [lane.submit(hand.work(k)) for k in range(3)]
        hand.step()
    hand.drain()
    assert hand.done == [0]
    assert (scheduler.waiting, scheduler.lanes()) == (0, 0)
    with pytest.raises(CancelledError):
        futures[2].result(0)


def test_cancelled_tasks_cost_nothing(hand, scheduler):
    with scheduler.lane(LONG) as lane:
        lane.submit(hand.work("one"))
        two = lane.submit(hand.work("two"))
        assert two.cancel()
        hand.drain()
        assert hand.done == ["one"]
        assert lane.used == pytest.approx(1.0)


def test_closing_drops_everything(hand, scheduler):
    with scheduler.lane(1) as lane:
        future = lane.submit(hand.work("never"))
        scheduler.close()
        assert future.cancelled()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=60))
def test_every_task_is_run_once_whatever_the_order(moves):
    hand = Hand()
    scheduler = Scheduler(1, hand, hand.clock)
    lanes = [scheduler.lane(size) for size in (1, LONG, 1, LONG)]
    futures = []
    for number, (lane, seconds) in enumerate(moves):
        inside = lanes[lane].give_way
        futures.append(lanes[lane].submit(hand.work(number, float(seconds), inside)))
        if seconds % 2:
            hand.step()
    hand.drain()
    assert sorted(hand.done) == list(range(len(moves)))
    assert [future.result(0) for future in futures] == list(range(len(moves)))
    assert hand.now == pytest.approx(sum(seconds for _, seconds in moves))
    assert (scheduler.waiting, sum(lane.running for lane in lanes)) == (0, 0)


def test_with_threads():
    scheduler = Scheduler(2)
    barrier = threading.Barrier(2, timeout=30)
    with scheduler.lane(1) as one, scheduler.lane(LONG) as two:
        found = [one.submit(barrier.wait), two.submit(barrier.wait)]
        assert sorted(future.result(30) for future in found) == [0, 1]
        many = [two.submit(lambda k=k: k * k) for k in range(50)]
        assert [future.result(30) for future in many] == [k * k for k in range(50)]
    scheduler.close()
