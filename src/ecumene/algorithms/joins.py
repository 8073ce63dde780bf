"""Joins: elements of one collection with matching elements of another, found through indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.algorithms.filter_logic import Measured
from ecumene.algorithms.indexes import matcher
from ecumene.algorithms.pairs import Matcher, Pairs, Side
from ecumene.core.collection import Collection, sort_elements
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Element, Feature
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.filter import Filter
from ecumene.core.query import Condition
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean


@dataclass(frozen=True)
class Join:
    """A kind of join with its settings."""

    kind: str
    settings: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Constructor and arguments."""
        return {
            "type": f"Join.{self.kind}",
            **{k: v for k, v in self.settings.items() if v is not None},
        }


@algorithm("Join.simple")
def simple() -> Join:
    """Elements of the first collection that match some of the second."""
    return Join("simple")


@algorithm("Join.inverted")
def inverted() -> Join:
    """Elements of the first collection that match none of the second."""
    return Join("inverted")


@algorithm("Join.inner")
def inner(
    primary_key: str = "primary", secondary_key: str = "secondary", measure_key: str | None = None
) -> Join:
    """Every matching pair as a feature that holds both elements."""
    return Join(
        "inner",
        {"primaryKey": primary_key, "secondaryKey": secondary_key, "measureKey": measure_key},
    )


def _saved(
    kind: str, match: str, ordering: str | None, ascending: bool, measure: str | None, outer: bool
) -> Join:
    return Join(
        kind,
        {
            "matchKey": match,
            "ordering": ordering,
            "ascending": ascending,
            "measureKey": measure,
            "outer": outer,
        },
    )


@algorithm("Join.saveFirst")
def save_first(
    match_key: str,
    ordering: str | None = None,
    ascending: Boolean = True,
    measure_key: str | None = None,
    outer: Boolean = False,
) -> Join:
    """Elements of the first collection with their first match as a property."""
    return _saved("saveFirst", match_key, ordering, ascending, measure_key, outer)


@algorithm("Join.saveAll")
def save_all(
    matches_key: str,
    ordering: str | None = None,
    ascending: Boolean = True,
    measure_key: str | None = None,
    outer: Boolean = False,
) -> Join:
    """Elements of the first collection with the list of their matches as a property."""
    return _saved("saveAll", matches_key, ordering, ascending, measure_key, outer)


@algorithm("Join.saveBest")
def save_best(match_key: str, measure_key: str, outer: Boolean = False) -> Join:
    """Elements of the first collection with the match of the smallest measure as a property."""
    return _saved("saveBest", match_key, None, True, measure_key, outer)


_MOST_PAIRS = 8_000_000
"""Pairs of one run of the first collection with the whole second one."""


@dataclass(frozen=True, slots=True)
class _Hint(Filter):
    """Leaves out elements that match nothing where a source can tell; passes everything else."""

    asks: Condition

    def matches(self, left: Any, right: Any = None) -> bool:
        """Always: the join tests."""
        return True

    def describe(self) -> dict[str, Any]:
        """It is never shown."""
        return {"type": "Filter.always"}

    def condition(self) -> Condition | None:
        """What the join knows of the elements that it needs."""
        return self.asks


def _runs(
    join: Join, condition: Filter, primary: Collection, secondary: Collection, context: Context
) -> Iterator[tuple[Side, Matcher, Pairs]]:
    """Elements of the first collection, some at a time, with their matches in the second."""
    most = context.limits.list_elements // 10
    others = list(islice(context.cancel.each(secondary), most + 1))
    if len(others) > most:
        raise LimitExceeded(f"Join.apply: The second collection may have at most {most} elements.")
    ready = matcher(condition, Side(others), context.cancel.check)
    hint = None if join.kind == "inverted" or join.settings.get("outer") else ready.hint()
    if hint is not None:
        primary = primary.filter(_Hint(hint))
    size = min(max(_MOST_PAIRS // max(len(others), 1), 1), 4096)
    elements = iter(primary)
    while run := list(islice(elements, size)):
        context.cancel.check()
        left = Side(run)
        yield left, ready, ready.found(left)


def _kept(join: Join, left: Side, pairs: Pairs) -> NDArray[np.bool_]:
    """Which elements of the first collection are in the result of a join that is not inner."""
    matched = np.zeros(len(left), bool)
    matched[pairs.i] = True
    if join.kind == "inverted":
        return ~matched
    return np.ones(len(left), bool) if join.settings.get("outer") else matched


def _inner(join: Join, left: Side, ready: Matcher, pairs: Pairs) -> Iterator[Any]:
    settings = join.settings
    primary, secondary, measure = (
        settings[key] for key in ("primaryKey", "secondaryKey", "measureKey")
    )
    measures = ready.measures(left, pairs) if measure else [None] * len(pairs)
    places = zip(pairs.i.tolist(), pairs.j.tolist(), measures, strict=True)
    for i, j, measured in places:
        mine, other = left.elements[i], ready.right.elements[j]
        properties = {INDEX: f"{mine.index}_{other.index}", primary: mine, secondary: other}
        if measure:
            properties[measure] = measured
        yield Feature(properties)


class _Saver:
    """Elements of the first collection with their matches as a property."""

    def __init__(self, join: Join) -> None:
        self._join, self._settings = join, join.settings
        self._ranks: NDArray[np.intp] | None = None

    def __call__(self, left: Side, ready: Matcher, pairs: Pairs) -> Iterator[Any]:
        measure, name = self._settings.get("measureKey"), self._settings["matchKey"]
        measures = ready.measures(left, pairs) if measure else []
        order = self._order(ready.right.elements, pairs, measures)
        starts = np.searchsorted(pairs.i, np.arange(len(left) + 1)).tolist()
        kept = _kept(self._join, left, pairs).tolist()
        for place, element in enumerate(left.elements):
            chosen = order[starts[place] : starts[place + 1]].tolist()
            if not chosen:
                if kept[place]:
                    yield element
                continue
            if self._join.kind != "saveAll":
                chosen = chosen[:1]
            found = [ready.right.elements[int(pairs.j[k])] for k in chosen]
            if measure:
                found = [e.set(measure, measures[k]) for e, k in zip(found, chosen, strict=True)]
            yield element.set(name, found if self._join.kind == "saveAll" else found[0])

    def _order(self, others: Sequence[Any], pairs: Pairs, measures: list[Any]) -> NDArray[np.intp]:
        """Places of the pairs by element of the first collection, then as the join wants the matches."""
        name, ascending = self._settings["ordering"], self._settings["ascending"]
        if self._join.kind == "saveBest":
            name, ascending = self._settings["measureKey"], True
        if name is None:
            return np.arange(len(pairs))
        if measures and name == self._settings["measureKey"]:
            sign = 1.0 if ascending else -1.0
            return np.lexsort((pairs.j, sign * np.array(measures, float), pairs.i))
        if self._ranks is None:
            self._ranks = _ranks(others, name, ascending)
        return np.lexsort((self._ranks[pairs.j], pairs.i))


def _ranks(elements: Sequence[Any], name: str, ascending: bool) -> NDArray[np.intp]:
    """The place of each element in the order of a property."""
    numbered = [Element({name: e.get(name), INDEX: i}) for i, e in enumerate(elements)]
    order = sort_elements(numbered, name, ascending)
    ranks = np.empty(len(elements), np.intp)
    ranks[[e.properties[INDEX] for e in order]] = np.arange(len(elements))
    return ranks


@algorithm("Join.apply")
def apply(
    join: Join, primary: Collection, secondary: Collection, condition: Filter, *, context: Context
) -> Collection:
    """The result of a join of two collections by a condition on pairs.

    Left fields of the condition belong to the primary collection, right ones to the secondary.
    """
    if join.kind == "saveBest" and not isinstance(condition, Measured):
        raise EvaluationError(
            "Join.apply: saveBest needs a condition that measures: maxDifference or withinDistance."
        )

    def runs() -> Iterator[tuple[Side, Matcher, Pairs]]:
        return _runs(join, condition, primary, secondary, context)

    def produce() -> Iterator[Any]:
        saver = _Saver(join) if join.kind.startswith("save") else None
        for left, ready, pairs in runs():
            if saver is not None:
                yield from saver(left, ready, pairs)
            elif join.kind == "inner":
                yield from _inner(join, left, ready, pairs)
            else:
                yield from compress(left.elements, _kept(join, left, pairs).tolist())

    def total() -> int:
        if join.kind == "inner":
            return sum(len(pairs) for _, _, pairs in runs())
        return sum(int(_kept(join, left, pairs).sum()) for left, _, pairs in runs())

    return Collection.lazy(produce, "Feature" if join.kind == "inner" else primary.kind, total)
