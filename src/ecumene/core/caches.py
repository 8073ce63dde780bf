"""Counters of every cache, for operators.

Caches that belong to an object (blocks, headers, tables) are reported by it; those of a module share
themselves here when the module is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ecumene.core.lru import Lru


class Counters(NamedTuple):
    """Of one cache: what happened since the start, what is held now, and the most that may be.

    ``size`` and ``capacity`` are bytes for caches that count them (``in_bytes``), else what the cache weighs.
    """

    hits: int
    misses: int
    evictions: int
    entries: int
    size: int
    capacity: int
    in_bytes: bool = False


Report = Callable[[], Counters]

_shared: dict[str, Report] = {}


def share(name: str, report: Report) -> None:
    """Adds a module's cache; a name that is there already is replaced."""
    _shared[name] = report


def shared() -> Mapping[str, Report]:
    """All that were shared."""
    return dict(_shared)


def of_lru(cache: Lru[Any], *, in_bytes: bool = False) -> Report:
    """The counters of a cache whose weights are entries, or bytes."""

    def report() -> Counters:
        s = cache.stats
        return Counters(s.hits, s.misses, s.evictions, s.entries, s.weight, s.capacity, in_bytes)

    return report


def of_function(cached: Any) -> Report:
    """The counters of a function under ``functools.lru_cache``."""

    def report() -> Counters:
        info = cached.cache_info()
        gone = max(info.misses - info.currsize, 0)  # calls that failed count as gone, too
        return Counters(
            info.hits, info.misses, gone, info.currsize, info.currsize, info.maxsize or 0
        )

    return report
