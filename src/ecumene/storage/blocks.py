"""Blocks of stored rasters: the one way to their pixels.

``BlockStore`` joins the gate, the headers, the two readers and the cache. Levels are overview
indexes (0 = full resolution), band indexes are 1-based, blocks and windows count from the upper
left of their level. Band 0 is the file's own mask (uint8: 0 hides, 255 shows). Arrays are
read-only, ``(height, width)``, in the file's own type.
"""

from __future__ import annotations

import contextlib
import copy
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecumene.core.caches import Counters, Report
from ecumene.core.errors import EcumeneError, Unavailable
from ecumene.storage import rasters, tiff, zarr
from ecumene.storage.ahead import Ahead
from ecumene.storage.cache import BlockCache, CacheStats
from ecumene.storage.gate import Gate
from ecumene.storage.header import REMOTE, Header, Level, Signature

__all__ = ["BlockKey", "BlockStore", "Header", "Level"]

_HEADERS = 20_000

STEP = 16
"""Blocks that are decoded in part have a multiple of so many rows, so that requests at one place share them."""


class BlockKey(NamedTuple):
    """One block of one band of one level of a file."""

    path: str
    band: int
    level: int
    bx: int
    by: int


@dataclass(slots=True)
class _Counts:
    """Of headers; hits are counted without a lock, so a few may be missed."""

    hits: int = 0
    parsed: int = 0
    dropped: int = 0


class BlockStore:
    """Decoded blocks of files under the gate. Thread-safe; share one per process.

    Parameters
    ----------
    cache_bytes
        How much the decoded blocks may occupy.
    gate
        What may be read.
    threads
        Threads that ``prefetch`` decodes on.
    """

    def __init__(self, cache_bytes: int, gate: Gate, threads: int | None = None) -> None:
        self.gate = gate
        self.cache = BlockCache(cache_bytes)
        self._headers: OrderedDict[str, tuple[str, Header]] = OrderedDict()
        self._lock = threading.Lock()
        self._ahead = Ahead(threads or os.cpu_count() or 1)
        self._counts = _Counts()
        self._in_passing = False
        self._seen: dict[str, Header] | None = None
        self._reach: Mapping[tuple[str, int], int] = {}

    def reading(self, *, passing: bool = False) -> BlockStore:
        """The same store for one request: it looks once at every file whether it has changed.

        ``passing``: for a job that uses every block once; it pushes nobody else's blocks out.
        """
        view = copy.copy(self)
        view._seen = {}
        view._in_passing = passing
        return view

    def reaching(self, reach: Mapping[tuple[str, int], int]) -> None:
        """Tells the store of one request the end of the rows that it will ask for, by file and level.

        Blocks that the end runs through are decoded no further, where the format allows it. It is only a
        hint: whoever asks for more gets whole blocks.
        """
        self._reach = reach

    def header(self, path: str) -> Header:
        """The layout of a file, parsed once for as long as the file does not change.

        Raises PermissionDenied if the gate refuses it, Unavailable if it cannot be read.
        """
        if self._seen is None:
            return self._checked(path)
        header = self._seen.get(path)
        if header is None:
            header = self._seen[path] = self._checked(path)
        else:
            self._counts.hits += 1
        return header

    def _checked(self, path: str) -> Header:
        """The layout of a file as it is now."""
        known = self._headers.get(path)
        if known is not None:
            real, header = known
            if _signature(real) == header.signature:
                self._counts.hits += 1
                return header
        real = self.gate.check(path)
        header = _parse(real)
        with self._lock:
            self._headers[path] = (real, header)
            self._headers.move_to_end(path)
            self._counts.parsed += 1
            while len(self._headers) > _HEADERS:
                self._headers.popitem(last=False)
                self._counts.dropped += 1
        return header

    def known(self, path: str) -> Header | None:
        """The layout of a file if it was parsed already, perhaps before the file changed."""
        found = self._headers.get(path)
        return None if found is None else found[1]

    def holds(self, header: Header, index: int, level: int, bx: int, by: int) -> bool:
        """Whether a whole block is in the cache."""
        return _key(header, index, level, bx, by) in self.cache

    def block(self, path: str, index: int, level: int, bx: int, by: int) -> NDArray[Any]:
        """One block; those at the right and lower edge are smaller."""
        return self._block(self.header(path), index, level, bx, by)

    def _block(
        self, header: Header, index: int, level: int, bx: int, by: int, rows: int | None = None
    ) -> NDArray[Any]:
        """A block, or at least its first ``rows`` rows."""
        if not 0 <= index <= header.count:
            raise ValueError(f"band {index} of {header.count}")
        size = header.levels[level]
        if not (0 <= bx < size.across and 0 <= by < size.down):
            raise ValueError(f"block {bx}, {by} is outside level {level}")
        key, plain = _key(header, index, level, bx, by), header.layout
        if header.chunks is not None and index > 0:
            numbers, place = header.chunks.place(index - 1)
            load = partial(zarr.read_chunk, header, numbers, bx, by)
            found: NDArray[Any] = self.cache.get(key, load, self._in_passing)[place]
            return found
        if plain is None or index == 0:
            load = partial(rasters.read_block, header, index, level, bx, by)
            return self.cache.get(key, load, self._in_passing)
        some = None if rows is None else self._enough(header, level, by, rows)
        if some is not None:
            if key in self.cache:
                some = None
            else:
                key = (*key, some)
        load = partial(tiff.read_tile, header, -1 - key[5], level, bx, by, some)
        bands = self.cache.get(key, load, self._in_passing)
        band: NDArray[Any] = bands[index - 1 if plain.interleaved else 0]
        return band

    def _enough(self, header: Header, level: int, by: int, rows: int) -> int | None:
        """How many of a block's rows the request will want; None = decode them all."""
        end = self._reach.get((header.path, level))
        if end is None or not tiff.partly(header.layout):
            return None
        height = header.levels[level].block_height
        some = -(-(end - by * height) // STEP) * STEP
        return some if rows <= some <= height - STEP else None

    def window(
        self, path: str, index: int, level: int, col: int, row: int, width: int, height: int
    ) -> NDArray[Any]:
        """A window of a level, put together from blocks. It must lie inside the level."""
        header = self.header(path)
        size = header.levels[level]
        if col < 0 or row < 0 or col + width > size.width or row + height > size.height:
            raise ValueError("the window is outside the raster")
        if width <= 0 or height <= 0:
            return np.empty((max(height, 0), max(width, 0)), _dtype(header, index))
        bw, bh = size.block_width, size.block_height
        columns = range(col // bw, (col + width - 1) // bw + 1)
        rows = range(row // bh, (row + height - 1) // bh + 1)
        if len(columns) == len(rows) == 1:
            block = self._block(
                header, index, level, columns[0], rows[0], row + height - rows[0] * bh
            )
            top, left = row - rows[0] * bh, col - columns[0] * bw
            return block[top : top + height, left : left + width]
        out = np.empty((height, width), _dtype(header, index))
        for by in rows:
            for bx in columns:
                block = self._block(header, index, level, bx, by, row + height - by * bh)
                _paste(out, block, col, row, bx * bw, by * bh)
        return out

    def prefetch(self, keys: Iterable[BlockKey | tuple[str, int, int, int, int]]) -> None:
        """Starts decoding blocks that will soon be asked for. Best effort: errors are dropped,

        as are keys beyond a bounded queue; whoever needs the block will meet its error.
        """
        for key in keys:
            known = self._headers.get(key[0])
            if known is not None and _key(known[1], *key[1:]) in self.cache:
                continue
            if not self._ahead.submit(partial(self.early, BlockKey(*key))):
                return

    def early(self, key: BlockKey) -> None:
        """Decodes a block as far as this request will want it; whoever needs it will meet its error."""
        with contextlib.suppress(EcumeneError, ValueError):
            self._block(self.header(key.path), *key[1:], 1)

    def ready(self, key: BlockKey) -> bool:
        """Whether a block is in the cache as far as this request will want it."""
        header = self.header(key.path)
        whole = _key(header, *key[1:])
        some = None if header.layout is None else self._enough(header, key.level, key.by, 1)
        return whole in self.cache or (some is not None and (*whole, some) in self.cache)

    @property
    def stats(self) -> CacheStats:
        """Counters of the block cache."""
        return self.cache.stats

    @property
    def queued(self) -> int:
        """Blocks that wait to be decoded early."""
        return self._ahead.queued

    def caches(self) -> dict[str, Report]:
        """Counters of decoded blocks and parsed headers."""
        return {"blocks": self._blocks_report, "headers": self._headers_report}

    def _blocks_report(self) -> Counters:
        s = self.stats
        return Counters(
            s.hits + s.waits, s.misses, s.evictions, s.entries, s.bytes, s.capacity, True
        )

    def _headers_report(self) -> Counters:
        held, counts = len(self._headers), self._counts
        return Counters(counts.hits, counts.parsed, counts.dropped, held, held, _HEADERS)

    def close(self) -> None:
        """Ends the prefetching threads."""
        self._ahead.close()


def _key(header: Header, index: int, level: int, bx: int, by: int) -> tuple[Any, ...]:
    """What a block is cached under; plain files decode all interleaved bands of a tile at once."""
    base = (header.path, header.signature, level, bx, by)
    if header.chunks is not None and index > 0:
        return (*base, header.chunks.place(index - 1)[0])
    if header.layout is None or index == 0:
        return (*base, index)
    return (*base, -1 if header.layout.interleaved else -index)


def _dtype(header: Header, index: int) -> np.dtype[Any]:
    return header.dtypes[index - 1] if index else np.dtype("uint8")


def _paste(out: NDArray[Any], block: NDArray[Any], col: int, row: int, left: int, top: int) -> None:
    """Copies the part of a block that lies in the window whose upper left is ``(col, row)``."""
    y0, x0 = max(top - row, 0), max(left - col, 0)
    y1 = min(top + block.shape[0] - row, out.shape[0])
    x1 = min(left + block.shape[1] - col, out.shape[1])
    out[y0:y1, x0:x1] = block[
        y0 + row - top : y1 + row - top,
        x0 + col - left : x1 + col - left,
    ]


def _signature(real: str) -> Signature | None:
    if real.startswith("/vsi"):
        return REMOTE
    try:
        return tiff.signature_of(os.stat(real))
    except OSError:
        return None


def _parse(real: str) -> Header:
    signature = _signature(real)
    if signature is None:
        raise Unavailable(f"The file '{os.path.basename(real)}' does not exist.")
    if os.path.basename(real) == zarr.FILE and signature is not REMOTE:
        return zarr.parse(real, signature)
    plain = None if signature is REMOTE else tiff.parse(real, signature)
    return plain if plain is not None else rasters.parse(real, signature)
