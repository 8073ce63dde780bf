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


class _Shelf:
    """Arrays in the order of their last use, and their bytes."""

    __slots__ = ("bytes", "items")

    def __init__(self) -> None:
        self.items: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self.bytes = 0

    def put(self, key: Hashable, value: NDArray[Any]) -> None:
        self.items[key] = value
        self.bytes += value.nbytes

    def take(self, key: Hashable) -> NDArray[Any] | None:
        found = self.items.pop(key, None)
        if found is not None:
            self.bytes -= found.nbytes
        return found

    def drop_oldest(self) -> None:
        _, dropped = self.items.popitem(last=False)
        self.bytes -= dropped.nbytes

    def clear(self) -> None:
        self.items.clear()
        self.bytes = 0


class BlockCache:
    """``get(key, load)``: the cached array, or the result of ``load``, which one thread runs.

    Arrays are made read-only. An array larger than a quarter of the capacity is not kept. Arrays that were only
    asked for in ``passing`` (by large jobs, which use every block once) share a quarter of the capacity, so
    that they push nobody else's out.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lock = threading.Lock()
        self._held, self._passing = _Shelf(), _Shelf()
        self._flights: dict[Hashable, _Flight] = {}
        self._hits = self._misses = self._waits = self._evictions = 0

    def get(
        self, key: Hashable, load: Callable[[], NDArray[Any]], passing: bool = False
    ) -> NDArray[Any]:
        """The array of this key. An error of ``load`` reaches everyone who waited for it."""
        with self._lock:
            found = self._found(key, passing)
            if found is not None:
                self._hits += 1
                return found
            flight = self._flights.get(key)
            if flight is None:
                mine = self._flights[key] = _Flight()
                self._misses += 1
            else:
                self._waits += 1
        if flight is not None:
            return _wait(flight)
        return self._lead(key, load, mine, passing)

    def _found(self, key: Hashable, passing: bool) -> NDArray[Any] | None:
        """The array if it is here, noted as used; one asked for again stays like others."""
        found = self._held.items.get(key)
        if found is not None:
            self._held.items.move_to_end(key)
            return found
        found = self._passing.items.get(key)
        if found is not None and not passing:
            self._passing.take(key)
            self._held.put(key, found)
        return found

    def _lead(
        self, key: Hashable, load: Callable[[], NDArray[Any]], flight: _Flight, passing: bool
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
                    self._keep(key, flight.value, passing)
            flight.done.set()
        return value

    def _keep(self, key: Hashable, value: NDArray[Any], passing: bool) -> None:
        share = self.capacity // 4
        if value.nbytes > share:
            return
        (self._passing if passing else self._held).put(key, value)
        while self._passing.bytes > share:
            self._passing.drop_oldest()
            self._evictions += 1
        while self._held.bytes + self._passing.bytes > self.capacity:
            spare = self._passing if self._passing.items and not passing else self._held
            spare.drop_oldest()
            self._evictions += 1

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held.items or key in self._passing.items

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._held.clear()
            self._passing.clear()

    @property
    def stats(self) -> CacheStats:
        """Counters."""
        with self._lock:
            return CacheStats(
                self._hits,
                self._misses,
                self._waits,
                self._evictions,
                self._held.bytes + self._passing.bytes,
                len(self._held.items) + len(self._passing.items),
                self.capacity,
            )


def _wait(flight: _Flight) -> NDArray[Any]:
    flight.done.wait()
    if flight.error is not None:
        raise flight.error
    if flight.value is None:
        raise RuntimeError("a decode ended without a result")
    return flight.value
