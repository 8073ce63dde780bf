from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ecumene.storage.cache import BlockCache


def block(value: int, size: int = 100) -> np.ndarray:
    return np.full(size, value, "uint8")


def test_bytes_are_bounded_and_the_oldest_goes_first():
    cache = BlockCache(1000)
    for key in range(10):
        cache.get(key, lambda key=key: block(key))
    cache.get(0, lambda: pytest.fail("held"))
    cache.get(10, lambda: block(10))
    assert 1 not in cache
    assert 0 in cache
    assert cache.stats.bytes == 1000
    assert cache.stats.evictions == 1


def test_too_large_is_returned_but_not_kept():
    cache = BlockCache(1000)
    assert cache.get("a", lambda: block(1, 300)).size == 300
    assert cache.stats.entries == 0


def test_an_error_reaches_all_and_is_not_kept():
    cache = BlockCache(1000)
    gate = threading.Event()

    def fail():
        gate.wait(5)
        raise KeyError("no")

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(cache.get, "a", fail) for _ in range(3)]
        while cache.stats.waits < 2:
            pass
        gate.set()
        for one in waiting:
            with pytest.raises(KeyError):
                one.result()
    assert cache.get("a", lambda: block(5))[0] == 5


def test_clear():
    cache = BlockCache(1000)
    cache.get("a", lambda: block(1))
    cache.clear()
    assert cache.stats.entries == cache.stats.bytes == 0
    assert cache.get("a", lambda: block(2))[0] == 2


def test_what_passes_shares_a_quarter_and_pushes_nothing_out():
    cache = BlockCache(1600)
    for key in range(12):
        cache.get(key, lambda key=key: block(key))
    for key in range(100, 140):
        cache.get(key, lambda key=key: block(key), True)
    assert all(key in cache for key in range(12))
    assert [key for key in range(100, 140) if key in cache] == [136, 137, 138, 139]
    assert cache.stats.bytes == 1600


def test_what_passed_makes_room_first():
    cache = BlockCache(1600)
    for key in range(4):
        cache.get(key, lambda key=key: block(key), True)
    for key in range(10, 26):
        cache.get(key, lambda key=key: block(key))
    assert not any(key in cache for key in range(4))
    assert all(key in cache for key in range(10, 26))


def test_what_is_asked_for_again_stays():
    cache = BlockCache(1600)
    cache.get("a", lambda: block(1), True)
    cache.get("a", lambda: pytest.fail("held"))
    for key in range(100, 140):
        cache.get(key, lambda key=key: block(key), True)
    cache.get("a", lambda: pytest.fail("held"))
