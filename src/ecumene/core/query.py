"""What a collection may ask of its source: the part of filters and sorts that an index answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ecumene.core.element import Element


@dataclass(frozen=True, slots=True)
class Comparison:
    """``properties[name] op value``; op in ``== != < <= > >= in``. Missing properties fail."""

    name: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions joined by AND. All parts are *conservative*: the collection tests again unless
    the filter says that its part is exact.

    ``bounds`` is ``(west, south, east, north)`` degrees and may exceed 180 across the antimeridian.
    ``time`` is ``(start_ms, end_ms)``: ``start <= system:time_start < end``.
    """

    bounds: tuple[float, float, float, float] | None = None
    time: tuple[int, int] | None = None
    comparisons: tuple[Comparison, ...] = ()
    order: tuple[str, bool] | None = None
    limit: int | None = None

    def joined(self, other: Query) -> Query:
        """Both conditions (bounds and times intersect)."""
        time = self.time
        if other.time is not None:
            time = (
                other.time
                if time is None
                else (max(time[0], other.time[0]), min(time[1], other.time[1]))
            )
        bounds = self.bounds
        if other.bounds is not None:
            if bounds is None:
                bounds = other.bounds
            else:
                a, b = bounds, other.bounds
                bounds = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
                if bounds[0] > bounds[2] or bounds[1] > bounds[3]:
                    bounds = (
                        self.bounds
                    )  # may still meet across the antimeridian: stay conservative
        return replace(
            self, bounds=bounds, time=time, comparisons=self.comparisons + other.comparisons
        )


class ElementSource(Protocol):
    """A place elements come from: a catalogue collection, a table file, a list."""

    def elements(self, query: Query) -> Iterator[Element]:
        """Elements that may satisfy the query, in ``query.order`` if given, else natural order.

        ``limit`` must be honoured only if the source answers the whole query exactly.
        """

    def count(self, query: Query) -> int | None:
        """The exact number, or None if it cannot be told without reading elements."""

    def can_order(self, name: str) -> bool:
        """Whether ``query.order`` by this property is answered by the source."""
