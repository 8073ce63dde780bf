"""A bounded memory of results: least recently used out first, counted, safe between threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class LruStats:
    """Counters since the start, and what is held now."""

    hits: int
    misses: int
    evictions: int
    entries: int
    weight: int
    capacity: int


class Lru(Generic[V]):
    """Values by key, at most ``capacity`` of weight together.

    Parameters
    ----------
    capacity : the most that all values may weigh.
    weigh : the weight of a value; 1 by default, so that the capacity is a number of entries.

    With weights, a value of more than half of the capacity is not kept.
    """

    def __init__(self, capacity: int, weigh: Callable[[V], int] | None = None) -> None:
        self.capacity = capacity
        self._weigh = weigh
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._weight = self._hits = self._misses = self._evictions = 0

    def get(self, key: Hashable) -> V | None:
        """The value of a key, now the last to be dropped; None if there is none."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                self._misses += 1
                return None
            self._hits += 1
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: V) -> None:
        """Keeps a value; older ones go until it fits."""
        weight = 1 if self._weigh is None else self._weigh(value)
        with self._lock:
            self._drop(key)
            if self._weigh is not None and weight * 2 > self.capacity:
                return
            self._held[key] = value, weight
            self._weight += weight
            while self._weight > self.capacity:
                self._drop(next(iter(self._held)))
                self._evictions += 1

    def _drop(self, key: Hashable) -> None:
        gone = self._held.pop(key, None)
        if gone is not None:
            self._weight -= gone[1]

    def discard(self, key: Hashable) -> None:
        """Forgets a key."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Forgets everything; the counters stay."""
        with self._lock:
            self._held.clear()
            self._weight = 0

    @property
    def stats(self) -> LruStats:
        """Counters."""
        with self._lock:
            return LruStats(
                self._hits,
                self._misses,
                self._evictions,
                len(self._held),
                self._weight,
                self.capacity,
            )
