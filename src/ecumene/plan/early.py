"""What a request's store is told before pixels are computed: how far it reads, which blocks come first.

Blocks of local files are decoded by the workers of the request itself, before its pieces: pieces that lie in the
same stored blocks would only wait for each other. More threads than cores would fight for the interpreter's lock.
What lies behind a network is fetched by threads of its own, which wait and do not compute.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ecumene.core.context import Context
from ecumene.core.projection import Grid, Window
from ecumene.plan.layout import SIDE, SMALL
from ecumene.plan.nodes.sources import store_of
from ecumene.plan.optimise import Prepared
from ecumene.plan.reach import pixelwise
from ecumene.raster.source import needed
from ecumene.storage.blocks import BlockKey, BlockStore

BYTES = 256 * 2**20
"""Of blocks that are decoded early, at most; and at most half of the cache."""

MARGIN = 3
"""Rows beyond the outline of a request that its blocks are decoded to."""

TOGETHER = 4
"""Blocks that a worker decodes at a turn."""


def announced(
    plan: Prepared, grid: Grid, window: Window, context: Context
) -> list[Callable[[], None]]:
    """Tells the store of a request (no tile, and no job that its blocks are few beside) what it will read.

    The answer is work to be done first: local blocks that are not decoded yet, in the order of the rows. There is
    none for profiled requests, where each block is decoded for whom it is charged to.
    """
    if not SMALL < window.width * window.height <= 4 * SIDE * SIDE:
        return []
    store = store_of(context)
    local, remote = _blocks(plan, grid, window, store)
    if context.profile is not None:
        return []
    store.prefetch(remote)
    missing = [key for key in local if not store.ready(key)]
    groups = [missing[k : k + TOGETHER] for k in range(0, len(missing), TOGETHER)]
    return [partial(_decode, store, group, context) for group in groups]


def _decode(store: BlockStore, keys: list[BlockKey], context: Context) -> None:
    for key in keys:
        context.cancel.check()
        store.early(key)


def _blocks(
    plan: Prepared, grid: Grid, window: Window, store: BlockStore
) -> tuple[list[BlockKey], list[BlockKey]]:
    """The first blocks of local and of other files by rows; the store is told how far the local ones are read."""
    local: list[BlockKey] = []
    remote: list[BlockKey] = []
    reach: dict[tuple[str, int], int] = {}
    budget = min(BYTES, store.cache.capacity // 2)
    for source in plan.sources:
        if source.band.grid.nominal_scale * 2 <= grid.nominal_scale:
            continue  # overviews: headers would be opened here one by one
        found = needed(store, source.band, grid, window)
        if found is None:
            continue
        header = store.header(source.band.path)
        blocks = found.blocks(store, source.band)
        budget -= len(blocks) * SIDE * SIDE * source.band.type.dtype.itemsize
        if budget > 0:
            (remote if header.layout is None else local).extend(blocks)
        place = header.path, found.level
        reach[place] = max(reach.get(place, 0), found.bottom + MARGIN)
    if all(map(pixelwise, plan.nodes)):
        store.reaching(reach)
    for keys in (local, remote):
        keys.sort(key=lambda key: key.by)
    return local, remote
