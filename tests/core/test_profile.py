"""Clocks of a profile: exclusive shares, bounded labels, live memory."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ecumene.core import profile as module
from ecumene.core.live import Live
from ecumene.core.profile import (
    MOST_LABELS,
    PLUMBING,
    Profile,
    block_read,
    coarser,
    current,
    joined,
)


class Ticks:
    """A clock that moves only when told to."""

    now = 0.0

    def thread_time(self) -> float:
        return self.now

    perf_counter = thread_time


@pytest.fixture
def ticks(monkeypatch):
    made = Ticks()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def profile() -> Profile:
    return Profile("id", "me")


def seconds(profile: Profile) -> dict[str, float]:
    profile.finish()
    return {entry.description: entry.seconds for entry in profile.finished}


def test_time_goes_to_the_innermost_label_alone(profile, ticks):
    clock = profile.clock()
    with clock.inside(PLUMBING):
        ticks.now += 1
        with clock.inside("outer"):
            ticks.now += 10
            with clock.inside("inner"):
                ticks.now += 100
            ticks.now += 1000
        ticks.now += 2
    ticks.now += 5000
    assert seconds(profile) == {PLUMBING: 3, "outer": 1010, "inner": 100}


def test_an_error_leaves_the_clock_as_it_was(profile, ticks):
    clock = profile.clock()
    with clock.inside("outer"):
        with pytest.raises(KeyError), clock.inside("inner"):
            raise KeyError
        ticks.now += 7
    assert seconds(profile)["outer"] == 7
    assert current() is None


def test_work_within_the_same_label_counts_once(profile):
    clock = profile.clock()
    for _ in range(3):
        with clock.inside("twice"), clock.inside("twice"):
            pass
    profile.finish()
    assert [entry.count for entry in profile.finished] == [3]


def test_threads_add_up(profile, ticks):
    barrier = threading.Barrier(2, timeout=30)

    def work():
        with profile.clock().inside("shared"):
            barrier.wait()
            block_read(10, 40)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    profile.finish()
    (entry,) = profile.finished
    assert (entry.count, entry.read, entry.decoded) == (2, 20, 80)


def test_blocks_read_outside_of_a_profile_are_nobodys(profile):
    block_read(10, 40)
    profile.finish()
    assert profile.finished == ()


def test_labels_are_bounded(profile):
    clock = profile.clock()
    for number in range(3 * MOST_LABELS):
        with clock.inside(f"Loading assets: A/{number % 7}/{number}"):
            pass
    profile.finish()
    names = {entry.description for entry in profile.finished}
    assert len(names) <= MOST_LABELS + 7
    assert sum(entry.count for entry in profile.finished) == 3 * MOST_LABELS
    assert names >= {f"Loading assets: A/{k}/(...)" for k in range(7)}


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Loading assets: A/B/c", "Loading assets: A/B/(...)"),
        ("Loading assets: A/B/(...)", "(...)"),
        ("Loading assets: alone", "(...)"),
        ("Algorithm Image.add", "(...)"),
        ("Algorithm BACCINI/ModisComposite", "(...)"),
    ],
)
def test_coarser_labels(label, expected):
    assert coarser(label) == expected


def test_the_first_to_make_a_node_is_its_maker(profile):
    profile.mark([b"1", b"2"], "inner")
    profile.mark([b"2", b"3"], "outer")
    assert profile.origins == {b"1": "inner", b"2": "inner", b"3": "outer"}


def test_joined_entries_add_up_but_for_the_peak():
    first = module.Entry("a", 1, 2, 30, 4, 5, 6, ("x",))
    second = module.Entry("b", 10, 20, 3, 40, 50, 60, ("y", "x"))
    assert joined("c", first, second) == module.Entry("c", 11, 22, 30, 44, 55, 66, ("x", "y"))


def test_arrays_count_while_they_live():
    live = Live()
    first = np.zeros(1000, "uint8")
    live.note("a", (first, None))
    live.note("a", (first[10:20],))  # a view of what is counted already
    second = np.zeros(500, "uint8")
    live.note("a", (second,))
    assert live.peaks() == {"a": 1500}
    del first, second
    live.note("a", (np.zeros(700, "uint8"),), extra=100)
    live.note("b", (np.zeros(50, "uint8").reshape(5, 10),))
    assert live.peaks() == {"a": 1500, "b": 50}


def test_memory_of_caches_and_of_constants_is_not_a_results():
    live = Live()
    cached = np.zeros(1000, "uint8")
    cached.flags.writeable = False
    live.note("a", (cached, cached[5:10], np.broadcast_to(np.zeros(1, "uint8"), 9000)))
    assert live.peaks()["a"] <= 1
