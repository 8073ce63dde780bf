"""Counters of caches that are functions."""

from __future__ import annotations

from functools import lru_cache

from ecumene.core import caches
from ecumene.core.caches import Counters
from ecumene.core.lru import Lru


def test_a_function_under_lru_cache_counts():
    @lru_cache(maxsize=2)
    def double(x):
        return 2 * x

    report = caches.of_function(double)
    assert report() == Counters(0, 0, 0, 0, 0, 2)
    for x in (1, 1, 2, 3, 1):
        double(x)
    assert report() == Counters(hits=1, misses=4, evictions=2, entries=2, size=2, capacity=2)


def test_a_weighing_cache_counts_what_it_weighs():
    cache: Lru[bytes] = Lru(10, len)
    report = caches.of_lru(cache, in_bytes=True)
    for key in (1, 2, 3):
        cache.put(key, b"1234")
    assert cache.get(1) is None
    assert cache.get(3) == b"1234"
    assert report() == Counters(1, 1, 1, 2, 8, 10, in_bytes=True)


def test_caches_are_shared_by_name(monkeypatch):
    monkeypatch.setattr(caches, "_shared", {})
    caches.share("a", lambda: Counters(1, 0, 0, 0, 0, 0))
    caches.share("a", lambda: Counters(2, 0, 0, 0, 0, 0))
    assert {name: report().hits for name, report in caches.shared().items()} == {"a": 2}
