"""What a collection may ask of its source: the part of filters and sorts that an index answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from numpy.typing import NDArray

from ecumene.core.element import Element

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """``properties[name] op value``. Missing properties fail, whatever the operator.

    Indexes of every kind know ``== != < <= > >= in``; tables also ``contains startsWith endsWith`` of
    texts and ``present``, which asks for any value.
    """

    name: str
    op: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Placed:
    """The geometry passes ``test(shapes, geodesic)``, which is asked about many at once.

    Shapes are in degrees, None where a row has none; ``geodesic`` says how their edges run. Those whose
    box does not meet ``bounds`` (None = anywhere) fail and are not asked about.
    """

    bounds: Bounds | None
    test: Callable[[NDArray[Any], bool], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Rowwise:
    """A test of some properties of one row, those without value left out."""

    names: tuple[str, ...]
    test: Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold; everything if there are none."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Some part holds; nothing if there are none."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    """The part does not hold."""

    part: Condition


Condition = Comparison | Placed | Rowwise | Every | Some | Opposite


@dataclass(frozen=True, slots=True)
class Column:
    """A property of a run of elements: values (any where not ``present``); all present if None."""

    values: NDArray[Any]
    present: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions joined by AND. All parts are *conservative*: the collection tests again unless
    the filter says that its part is exact.

    ``bounds`` is ``(west, south, east, north)`` degrees and may exceed 180 across the antimeridian.
    ``time`` is ``(start_ms, end_ms)``: ``start <= system:time_start < end``. Of each group of ``any_of`` one
    query must be met; sources may leave them out. ``conditions`` are exact, and only asked of sources that answer them. ``limit`` counts what is left after ``offset``.
    """

    bounds: Bounds | None = None
    time: tuple[int, int] | None = None
    comparisons: tuple[Comparison, ...] = ()
    any_of: tuple[tuple[Query, ...], ...] = ()
    conditions: tuple[Condition, ...] = ()
    order: tuple[str, bool] | None = None
    offset: int = 0
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
            self,
            bounds=bounds,
            time=time,
            comparisons=self.comparisons + other.comparisons,
            any_of=self.any_of + other.any_of,
        )


class ElementSource(Protocol):
    """A place elements come from: a catalogue collection, a table file, a list.

    One that ``skips`` honours ``query.offset``; others are never given any.
    """

    skips: bool

    def elements(self, query: Query) -> Iterator[Element]:
        """Elements that may satisfy the query, in ``query.order`` if given, else natural order.

        ``limit`` must be honoured only if the source answers the whole query exactly.
        """

    def count(self, query: Query) -> int | None:
        """The exact number, or None if it cannot be told without reading elements."""

    def can_order(self, name: str) -> bool:
        """Whether ``query.order`` by this property is answered by the source."""

    def answers(self, condition: Condition) -> bool:
        """Whether ``query.conditions`` may hold this one: the source decides it exactly."""

    def columns(self, query: Query, names: Sequence[str]) -> Iterator[Sequence[Column]] | None:
        """Values of properties in runs of elements, one column a name; None if elements must be made for that."""
