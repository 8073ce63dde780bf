"""Blocks of local files are decoded first, once, by the request's workers; a small cache is not flooded."""

from __future__ import annotations

import numpy as np
import pytest

from ecumene.core.context import CancelToken, Context
from ecumene.core.errors import Cancelled
from ecumene.core.projection import Grid, Window, compose
from ecumene.plan import early
from ecumene.plan.executor import Executor
from ecumene.storage.blocks import BlockStore
from ecumene.storage.gate import Gate
from tests.plan import archive

FINE = Grid(archive.GRID.crs, compose(archive.GRID.transform, (0.5, 0, 0, 0, 0.5, 0)))
WINDOW = Window(0, 0, 256, 256)


def opened(tmp_path, megabytes=16):
    scenes = [archive.scene(tmp_path, number).values for number in range(3)]
    return Executor(BlockStore(megabytes * 2**20, Gate([tmp_path])), 2), scenes


def announced(executor, nodes, context):
    plan = executor.plan(nodes, FINE, WINDOW, context)
    return early.announced(plan, FINE, WINDOW, executor._reading(context))


def test_every_block_once(tmp_path):
    executor, scenes = opened(tmp_path)
    works = announced(executor, scenes, Context())
    for work in works:
        work()
    cache = executor.store.cache
    assert executor.store.stats.misses == 3 * 4 == len(cache._held.items)
    assert not announced(executor, scenes, Context()), "all are ready"
    found = list(executor.blocks(scenes, FINE, WINDOW, Context()))
    assert executor.store.stats.misses == 12
    plain = Executor(BlockStore(2**24, Gate([tmp_path])), 1)
    whole = plain.read(scenes, FINE, WINDOW, Context())
    for window, parts in found:
        rows = slice(window.row, window.row + window.height)
        cols = slice(window.col, window.col + window.width)
        for part, expected in zip(parts, whole, strict=True):
            np.testing.assert_array_equal(part.values, expected.values[rows, cols])


def test_a_small_cache_is_not_flooded(tmp_path):
    executor, scenes = opened(tmp_path)
    executor.store.cache.capacity = 2 * early.SIDE * early.SIDE
    assert not announced(executor, scenes, Context())


def test_nobody_decodes_for_who_has_gone(tmp_path):
    executor, scenes = opened(tmp_path)
    token = CancelToken()
    works = announced(executor, scenes, Context(cancel=token))
    token.cancel()
    with pytest.raises(Cancelled):
        works[0]()
    assert executor.store.stats.misses == 0
