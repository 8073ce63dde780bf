"""A cache of decoded blocks: bounded in bytes, least recently used out first, one decode per key."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Counters since the start, and the bytes held now."""

    hits: int
    misses: int
    waits: int
    evictions: int
    bytes: int
    entries: int
    capacity: int


class _Flight:
    """A decode under way; others wait for ``done``."""

    __slots__ = ("done", "error", "value")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: NDArray[Any] | None = None
        self.error: BaseException | None = None


class BlockCache:
    """``get(key, load)``: the cached array, or the result of ``load``, which one thread runs.

    Arrays are made read-only. An array larger than a quarter of the capacity is not kept.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._flights: dict[Hashable, _Flight] = {}
        self._bytes = self._hits = self._misses = self._waits = self._evictions = 0

    def get(self, key: Hashable, load: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The array of this key. An error of ``load`` reaches everyone who waited for it."""
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._hits += 1
                self._held.move_to_end(key)
                return found
            flight = self._flights.get(key)
            if flight is None:
                mine = self._flights[key] = _Flight()
                self._misses += 1
            else:
                self._waits += 1
        if flight is not None:
            return _wait(flight)
        return self._lead(key, load, mine)

    def _lead(
        self, key: Hashable, load: Callable[[], NDArray[Any]], flight: _Flight
    ) -> NDArray[Any]:
        try:
            value = load()
            value.flags.writeable = False
            flight.value = value
        except BaseException as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                del self._flights[key]
                if flight.value is not None:
                    self._keep(key, flight.value)
            flight.done.set()
        return value

    def _keep(self, key: Hashable, value: NDArray[Any]) -> None:
        if value.nbytes * 4 > self.capacity:
            return
        self._held[key] = value
        self._bytes += value.nbytes
        while self._bytes > self.capacity:
            _, dropped = self._held.popitem(last=False)
            self._bytes -= dropped.nbytes
            self._evictions += 1

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._held.clear()
            self._bytes = 0

    @property
    def stats(self) -> CacheStats:
        """Counters."""
        with self._lock:
            return CacheStats(
                self._hits,
                self._misses,
                self._waits,
                self._evictions,
                self._bytes,
                len(self._held),
                self.capacity,
            )


def _wait(flight: _Flight) -> NDArray[Any]:
    flight.done.wait()
    if flight.error is not None:
        raise flight.error
    if flight.value is None:
        raise RuntimeError("a decode ended without a result")
    return flight.value
