"""Bounded memories: what goes first, what is not kept, what is counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.core.lru import Lru


def test_the_least_recently_used_goes_first():
    kept: Lru[str] = Lru(2)
    kept.put("a", "A")
    kept.put("b", "B")
    assert kept.get("a") == "A"
    kept.put("c", "C")
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ("A", None, "C")


def test_counters():
    kept: Lru[bytes] = Lru(40, len)
    kept.put("a", b"x" * 10)
    kept.put("b", b"x" * 10)
    kept.put("b", b"x" * 6)  # replaces
    kept.get("a"), kept.get("a"), kept.get("none")
    stats = kept.stats
    assert (stats.hits, stats.misses, stats.evictions) == (2, 1, 0)
    assert (stats.entries, stats.weight, stats.capacity) == (2, 16, 40)
    kept.discard("a")
    kept.discard("a")
    assert kept.stats.weight == 6
    kept.clear()
    assert (kept.stats.entries, kept.stats.weight, kept.stats.hits) == (0, 0, 2)


def test_what_would_push_out_most_of_the_others_is_not_kept():
    kept: Lru[bytes] = Lru(40, len)
    kept.put("a", b"x" * 10)
    kept.put("b", b"x" * 21)
    assert kept.get("a") is not None
    assert kept.get("b") is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 24)), max_size=80))
def test_never_more_than_the_capacity(moves):
    kept: Lru[int] = Lru(40, lambda v: v)
    held: dict[int, int] = {}
    for key, weight in moves:
        kept.put(key, weight)
        held[key] = weight
        stats = kept.stats
        assert stats.weight <= 40
        assert stats.entries <= len(held)
        found = kept.get(key)
        assert found is None if weight > 20 else found == weight


def test_threads():
    kept: Lru[int] = Lru(50)

    def work(seed: int) -> None:
        for k in range(500):
            kept.put((k * seed) % 70, k)
            kept.get((k + seed) % 70)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(1, 5)))
    assert kept.stats.entries <= 50
    assert kept.stats.hits + kept.stats.misses == 2000
