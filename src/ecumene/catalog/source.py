"""A stored image collection as a source of elements: queries are answered by the index."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

from ecumene.catalog.conditions import speakable
from ecumene.catalog.images import NodeFactory, image_of
from ecumene.catalog.index import Index
from ecumene.catalog.records import IMAGE
from ecumene.core.caches import Counters
from ecumene.core.collection import Unindexed
from ecumene.core.image import Image
from ecumene.core.query import Query

_FIRST, _MORE = 16, 400


class ImageCache:
    """Images already built, by id and version; bounded in number."""

    def __init__(self, index: Index, node: NodeFactory, capacity: int = 10_000) -> None:
        self._index, self._node, self._capacity = index, node, capacity
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, int, bool], Image] = OrderedDict()
        self._hits = self._misses = self._evictions = 0

    def images(self, found: Sequence[tuple[str, int]], *, member: bool) -> list[Image]:
        """The images of ``(id, version)`` pairs, in order; those removed meanwhile are left out."""
        keys = [(*pair, member) for pair in found]
        with self._lock:
            held = {key: self._held[key] for key in keys if key in self._held}
            self._hits += len(held)
            self._misses += len(keys) - len(held)
        missing = [key for key in keys if key not in held]
        if missing:
            records = self._index.many([key[0] for key in missing])
            for key in missing:
                record = records.get(key[0])
                if record is not None:
                    held[key] = image_of(record, self._node, member=member)
            with self._lock:
                for key in missing:
                    if key in held:
                        self._held[key] = held[key]
                while len(self._held) > self._capacity:
                    self._held.popitem(last=False)
                    self._evictions += 1
        return [held[key] for key in keys if key in held]

    def counters(self) -> Counters:
        """Of this cache."""
        with self._lock:
            size = len(self._held)
            return Counters(self._hits, self._misses, self._evictions, size, size, self._capacity)


class CollectionSource(Unindexed):
    """The images of one collection. Bounds, times, comparisons, orders and limits go to SQL."""

    def __init__(self, index: Index, cache: ImageCache, collection: str) -> None:
        self._index, self._cache, self._collection = index, cache, collection

    def elements(self, query: Query) -> Iterator[Any]:
        """The images that answer the query; described a few at first, then by hundreds."""
        found = self._index.search(self._collection, query, kind=IMAGE)
        start, step = 0, _FIRST
        while start < len(found):
            yield from self._cache.images(found[start : start + step], member=True)
            start, step = start + step, _MORE

    def count(self, query: Query) -> int | None:
        """From the index."""
        return self._index.count(self._collection, query, kind=IMAGE)

    def can_order(self, name: str) -> bool:
        """By any property that SQL can name, except those computed from geometry."""
        return speakable(name) and name not in (".geo", "system:footprint", "system:band_names")
