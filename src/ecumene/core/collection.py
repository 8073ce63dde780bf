"""Collections as values: a source and a chain of steps, run only when elements are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from ecumene.core.dates import Date
from ecumene.core.element import INDEX, Element
from ecumene.core.errors import LimitExceeded
from ecumene.core.filter import Filter
from ecumene.core.query import Column, Condition, ElementSource, Query


@dataclass(frozen=True, slots=True)
class FilterStep:
    """Keeps elements that match."""

    filter: Filter


@dataclass(frozen=True, slots=True)
class MapStep:
    """Replaces each element; None results are dropped or refused by the function itself."""

    function: Callable[[Element], Element | None]


@dataclass(frozen=True, slots=True)
class SortStep:
    """Stable sort by a property; elements without it come last."""

    name: str
    ascending: bool = True


@dataclass(frozen=True, slots=True)
class LimitStep:
    """The first ``count`` elements after ``offset``."""

    count: int
    offset: int = 0


Step = FilterStep | MapStep | SortStep | LimitStep

_ENDLESS = 2**40
MOST_SORTED = 2_000_000
"""Elements that are held to be sorted."""

RUN = 4096
"""Elements whose properties are handed on together."""


class Unindexed:
    """A source that tests nothing itself."""

    __slots__ = ()
    skips = False

    def can_order(self, name: str) -> bool:
        """Never."""
        return False

    def answers(self, condition: Condition) -> bool:
        """Never."""
        return False

    def columns(self, query: Query, names: Sequence[str]) -> Iterator[Sequence[Column]] | None:
        """None: its elements must be looked at."""
        return None


@dataclass(frozen=True, slots=True)
class ListSource(Unindexed):
    """Elements held in memory."""

    items: tuple[Any, ...]

    def elements(self, query: Query) -> Iterator[Any]:
        """All of them: filters are tested by the collection."""
        return iter(self.items)

    def count(self, query: Query) -> int | None:
        """Known only without conditions."""
        return len(self.items) if query == Query() else None


@dataclass(frozen=True, slots=True)
class LazySource(Unindexed):
    """Elements produced by a function when needed (merges, joins, flattened collections…)."""

    produce: Callable[[], Iterable[Any]]
    size: Callable[[], int] | None = None

    def elements(self, query: Query) -> Iterator[Any]:
        """All of them."""
        return iter(self.produce())

    def count(self, query: Query) -> int | None:
        """If the producer can tell."""
        return self.size() if self.size is not None and query == Query() else None


def _chunks(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Runs of element-wise steps, with each sort or limit on its own."""
    run: list[Step] = []
    for step in steps:
        if isinstance(step, FilterStep | MapStep):
            run.append(step)
        else:
            if run:
                yield run
            yield [step]
            run = []
    if run:
        yield run


def _apply(elements: Iterable[Any], run: Sequence[Step]) -> Iterator[Any]:
    for element in elements:
        current: Any = element
        for step in run:
            if isinstance(step, FilterStep):
                if not step.filter.matches(current):
                    break
            elif isinstance(step, MapStep):
                current = step.function(current)
                if current is None:
                    break
        else:
            yield current


def _rank(value: Any) -> tuple[int, Any]:
    """The group of a value in the natural order, and its place in the group."""
    if isinstance(value, int | float):
        return (0, value) if value == value else (1, 0)
    if isinstance(value, str):
        return 2, value
    return (3, value.millis) if isinstance(value, Date) else (5 if value is None else 4, 0)


def compare(left: Any, right: Any) -> int:
    """Natural order of values: numbers, NaN, strings, dates, everything else as it comes, null."""
    a, b = _rank(left), _rank(right)
    return int(a > b) - int(a < b)


def sort_elements(
    elements: Iterable[Any], name: str, ascending: bool = True, most: int | None = None
) -> list[Any]:
    """Stable; elements without the property last whatever the direction. Of ``most`` no more are kept."""
    groups: tuple[list[Any], list[Any]] = ([], [])
    for element in elements:
        value = element.get(name)
        place = _rank(value)
        groups[value is None].append((place, element))
        held = len(groups[0]) + len(groups[1])
        if most is not None and held > max(2 * most, RUN):
            _shorten(groups, ascending, most)
        elif held > MOST_SORTED:
            raise LimitExceeded(
                f"Collection.sort: At most {MOST_SORTED} elements can be sorted at once; filter or limit them."
            )
    groups[0].sort(key=_place, reverse=not ascending)
    return [element for _, element in (*groups[0], *groups[1])][:most]


def _place(ranked: tuple[tuple[int, Any], Any]) -> tuple[int, Any]:
    return ranked[0]


def _shorten(groups: tuple[list[Any], list[Any]], ascending: bool, most: int) -> None:
    present, missing = groups
    present.sort(key=_place, reverse=not ascending)
    del present[most:]
    del missing[max(most - len(present), 0) :]


def column_of(values: Sequence[Any]) -> Column:
    """Values as they are, those that are None not present."""
    held = np.empty(len(values), object)
    held[:] = values
    missing = np.fromiter((v is None for v in values), bool, len(values))
    return Column(held, ~missing if missing.any() else None)


@dataclass(frozen=True)
class Collection:
    """A lazy sequence of elements. ``kind`` is ``Image``, ``Feature`` or ``Element`` (unknown).

    Filters at the head of the chain are offered to the source's index; nothing runs before
    iteration, and ``size``/``first`` read as little as the source allows.
    """

    source: ElementSource
    steps: tuple[Step, ...] = ()
    kind: str = "Element"
    id: str | None = None
    version: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(items: Iterable[Any], kind: str = "Element", *, number: bool = False) -> Collection:
        """A collection of elements in memory; ``number`` gives those without index 0, 1, …."""
        elements = list(items)
        if number:
            elements = [
                e.set(INDEX, str(i)) if isinstance(e, Element) and e.index is None else e
                for i, e in enumerate(elements)
            ]
        return Collection(ListSource(tuple(elements)), kind=kind)

    @staticmethod
    def lazy(
        produce: Callable[[], Iterable[Any]],
        kind: str = "Element",
        size: Callable[[], int] | None = None,
    ) -> Collection:
        """A collection whose elements are produced when needed."""
        return Collection(LazySource(produce, size), kind=kind)

    def step(self, step: Step) -> Collection:
        """With one more step; identity of the asset is dropped."""
        return replace(self, steps=(*self.steps, step), version=None)

    def filter(self, condition: Filter) -> Collection:
        """Only elements that match."""
        return self.step(FilterStep(condition))

    def map(
        self, function: Callable[[Element], Element | None], kind: str = "Element"
    ) -> Collection:
        """Each element replaced by the function's result (None drops it)."""
        return replace(self.step(MapStep(function)), kind=kind)

    def sort(self, name: str, ascending: bool = True) -> Collection:
        """Sorted by a property."""
        return self.step(SortStep(name, ascending))

    def limit(self, count: int, offset: int = 0) -> Collection:
        """The first elements."""
        return self.step(LimitStep(min(count, _ENDLESS), min(offset, _ENDLESS)))

    def _pushed(self) -> tuple[Query, tuple[Step, ...]]:
        """The query for the source, and the steps that remain to be run."""
        query = Query()
        rest: list[Step] = []
        steps = list(self.steps)
        while steps:
            head = steps[0]
            if isinstance(head, FilterStep):
                query = self._asked(query, head.filter, rest)
            elif (
                isinstance(head, SortStep)
                and query.order is None
                and self.source.can_order(head.name)
            ):
                query = replace(query, order=(head.name, head.ascending))
            elif isinstance(head, LimitStep) and not rest and self._limits(head):
                query = replace(query, offset=head.offset, limit=head.count)
                steps.pop(0)
                break
            else:
                break
            steps.pop(0)
        return query, (*rest, *steps)

    def _limits(self, step: LimitStep) -> bool:
        return step.offset == 0 or self.source.skips

    def _asked(self, query: Query, wanted: Filter, rest: list[Step]) -> Query:
        """The query with what the source can answer of a filter; the remainder is added to ``rest``."""
        for part in wanted.parts():
            condition = part.condition()
            if condition is not None and self.source.answers(condition):
                query = replace(query, conditions=(*query.conditions, condition))
                continue
            conservative, exact = part.query()
            if conservative is not None:
                query = query.joined(conservative)
            if conservative is None or not exact:
                rest.append(FilterStep(part))
        return query

    def __iter__(self) -> Iterator[Any]:
        query, steps = self._pushed()
        elements: Iterator[Any] = self.source.elements(query)
        if query.limit is not None:
            elements = islice(elements, query.limit)
        runs = list(_chunks(steps))
        for place, run in enumerate(runs):
            head = run[0]
            if isinstance(head, SortStep):
                after = runs[place + 1][0] if place + 1 < len(runs) else None
                most = after.offset + after.count if isinstance(after, LimitStep) else None
                elements = iter(sort_elements(elements, head.name, head.ascending, most))
            elif isinstance(head, LimitStep):
                elements = islice(elements, head.offset, head.offset + head.count)
            else:
                elements = _apply(elements, run)
        return elements

    def columns(self, names: Sequence[str]) -> Iterator[Sequence[Column]]:
        """Values of properties in runs of elements, one column a name; no element is made where the source can tell."""
        query, steps = self._pushed()
        if not steps:
            found = self.source.columns(query, names)
            if found is not None:
                return found
        return self._gathered(names)

    def _gathered(self, names: Sequence[str]) -> Iterator[Sequence[Column]]:
        elements = iter(self)
        while run := list(islice(elements, RUN)):
            yield [
                column_of([e.outline if name == ".geo" else e.get(name) for e in run])
                for name in names
            ]

    def size(self) -> int:
        """Number of elements; answered by the source's index where it can be."""
        query, steps = self._pushed()
        if all(isinstance(step, SortStep) for step in steps):
            found = self.source.count(replace(query, limit=None, offset=0))
            if found is not None:
                found = max(found - query.offset, 0)
                return found if query.limit is None else min(found, query.limit)
        return sum(1 for _ in self)

    def first(self) -> Any:
        """The first element, None if empty."""
        return next(iter(self.limit(1)), None)
