"""Collections as values: a source and a chain of steps, run only when elements are needed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from ecumene.core.dates import Date
from ecumene.core.element import INDEX, Element
from ecumene.core.filter import Filter
from ecumene.core.query import ElementSource, Query


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


@dataclass(frozen=True, slots=True)
class ListSource:
    """Elements held in memory."""

    items: tuple[Any, ...]

    def elements(self, query: Query) -> Iterator[Any]:
        """All of them: filters are tested by the collection."""
        return iter(self.items)

    def count(self, query: Query) -> int | None:
        """Known only without conditions."""
        return len(self.items) if query == Query() else None

    def can_order(self, name: str) -> bool:
        """Never."""
        return False


@dataclass(frozen=True, slots=True)
class LazySource:
    """Elements produced by a function when needed (merges, joins, flattened collections…)."""

    produce: Callable[[], Iterable[Any]]
    size: Callable[[], int] | None = None

    def elements(self, query: Query) -> Iterator[Any]:
        """All of them."""
        return iter(self.produce())

    def count(self, query: Query) -> int | None:
        """If the producer can tell."""
        return self.size() if self.size is not None and query == Query() else None

    def can_order(self, name: str) -> bool:
        """Never."""
        return False


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


def _compare_pairs(left: tuple[Any, Any], right: tuple[Any, Any]) -> int:
    return compare(left[0], right[0])


def sort_elements(elements: Iterable[Any], name: str, ascending: bool = True) -> list[Any]:
    """Stable; elements without the property last whatever the direction."""
    present: list[tuple[Any, Any]] = []
    missing: list[tuple[Any, Any]] = []
    for element in elements:
        value = element.get(name)
        (missing if value is None else present).append((value, element))
    present.sort(key=functools.cmp_to_key(_compare_pairs), reverse=not ascending)
    return [element for _, element in present + missing]


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
        return self.step(LimitStep(count, offset))

    def _pushed(self) -> tuple[Query, tuple[Step, ...]]:
        """The query for the source, and the steps that remain to be run."""
        query = Query()
        rest: list[Step] = []
        exact_so_far = True
        steps = list(self.steps)
        while steps:
            head = steps[0]
            if isinstance(head, FilterStep):
                part, exact = head.filter.query()
                if part is not None:
                    query = query.joined(part)
                if part is None or not exact:
                    rest.append(head)
                    exact_so_far = False
                steps.pop(0)
            elif (
                isinstance(head, SortStep)
                and query.order is None
                and self.source.can_order(head.name)
            ):
                query = replace(query, order=(head.name, head.ascending))
                steps.pop(0)
            elif isinstance(head, LimitStep) and exact_so_far and not rest and head.offset == 0:
                query = replace(query, limit=head.count)
                steps.pop(0)
                break
            else:
                break
        return query, (*rest, *steps)

    def __iter__(self) -> Iterator[Any]:
        query, steps = self._pushed()
        elements: Iterator[Any] = self.source.elements(query)
        if query.limit is not None:
            elements = islice(elements, query.limit)
        for run in _chunks(steps):
            head = run[0]
            if isinstance(head, SortStep):
                elements = iter(sort_elements(elements, head.name, head.ascending))
            elif isinstance(head, LimitStep):
                elements = islice(elements, head.offset, head.offset + head.count)
            else:
                elements = _apply(elements, run)
        return elements

    def size(self) -> int:
        """Number of elements; answered by the source's index where it can be."""
        query, steps = self._pushed()
        if all(isinstance(step, SortStep) for step in steps):
            found = self.source.count(replace(query, limit=None))
            if found is not None:
                return found if query.limit is None else min(found, query.limit)
        return sum(1 for _ in self)

    def first(self) -> Any:
        """The first element, None if empty."""
        return next(iter(self.limit(1)), None)
