"""Pairs of elements that match: what conditions of joins share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.algorithms.filter_logic import Measured
from ecumene.algorithms.filters import field_value, geometry_of, number_of
from ecumene.core.filter import Filter
from ecumene.core.query import Condition, Every, Some
from ecumene.vector.many import Many

Mask = NDArray[np.bool_]
Places = NDArray[np.intp]
Check = Callable[[], None]

_RUN = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Places of matching elements in the left and the right side, in order of left and then right."""

    i: Places
    j: Places

    def __len__(self) -> int:
        return len(self.i)

    def where(self, mask: Mask) -> Pairs:
        """Some of them."""
        return Pairs(self.i[mask], self.j[mask])


def ordered(i: Places, j: Places, count: int, unique: bool = False) -> Pairs:
    """Pairs brought into order; ``count`` is the number of elements on the right."""
    keys = np.asarray(i, np.int64) * max(count, 1) + j
    keys = np.unique(keys) if unique else np.sort(keys)
    return Pairs(keys // max(count, 1), keys % max(count, 1))


def every(left: int, right: int) -> Pairs:
    """All pairs."""
    return Pairs(np.repeat(np.arange(left), right), np.tile(np.arange(right), left))


def of_ranges(first: Places, last: Places, places: Places, count: int) -> Pairs:
    """For every left element, the right ones at ``places[first:last]``."""
    lengths = np.maximum(last - first, 0)
    i = np.repeat(np.arange(len(first)), lengths)
    within = np.arange(len(i)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return ordered(i, places[np.repeat(first, lengths) + within], count)


class Side:
    """Elements on one side of a join, with what conditions look at found once."""

    def __init__(self, elements: Sequence[Any]) -> None:
        self.elements = elements
        self._values: dict[str, list[Any]] = {}
        self._many: dict[str, Many] = {}

    def __len__(self) -> int:
        return len(self.elements)

    def values(self, field: str) -> list[Any]:
        """A field of all elements, dates as numbers."""
        if field not in self._values:
            self._values[field] = [number_of(field_value(e, field)) for e in self.elements]
        return self._values[field]

    def many(self, field: str) -> Many:
        """The geometries of a field."""
        if field not in self._many:
            self._many[field] = Many.of([geometry_of(field_value(e, field)) for e in self.elements])
        return self._many[field]

    def some(self, most: int) -> Side:
        """A sample of the elements, spread evenly."""
        step = max(len(self) // most, 1)
        return Side(self.elements[::step][:most])


class Matcher:
    """A condition made ready for one right side. This one has no index and asks pair by pair."""

    def __init__(self, condition: Filter, right: Side, check: Check) -> None:
        self.condition, self.right, self.check = condition, right, check

    def pairs(self, left: Side) -> Pairs | None:
        """All pairs that match, found by an index; None if there is none."""
        return None

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """Which of some pairs match."""
        a, b, test = left.elements, self.right.elements, self.condition.matches
        found = np.zeros(len(pairs), bool)
        for start in range(0, len(pairs), _RUN):
            self.check()
            part = slice(start, start + _RUN)
            places = zip(pairs.i[part].tolist(), pairs.j[part].tolist(), strict=True)
            found[part] = [test(a[i], b[j]) for i, j in places]
        return found

    def hint(self) -> Condition | None:
        """What an element on the left must satisfy to match anything; None if that is not known."""
        return None

    def measures(self, left: Side, pairs: Pairs) -> list[Any]:
        """Measures of matching pairs; None for conditions that do not measure."""
        if not isinstance(self.condition, Measured):
            return [None] * len(pairs)
        a, b, measure = left.elements, self.right.elements, self.condition.measure
        places = zip(pairs.i.tolist(), pairs.j.tolist(), strict=True)
        return [measure(a[i], b[j]) for i, j in places]

    def found(self, left: Side) -> Pairs:
        """All pairs that match."""
        indexed = self.pairs(left)
        if indexed is not None:
            return indexed
        all_of = every(len(left), len(self.right))
        return all_of.where(self.holds(left, all_of))


class OneSided(Matcher):
    """A condition on the left or on the right elements alone."""

    def __init__(self, condition: Filter, right: Side, check: Check, on_left: bool) -> None:
        super().__init__(condition, right, check)
        self._on_left = on_left
        self._right = None if on_left else self._told(right)

    def hint(self) -> Condition | None:
        """The condition itself, if it is on the left."""
        return self.condition.condition() if self._right is None else None

    def _told(self, side: Side) -> Mask:
        return np.fromiter((self.condition.matches(e) for e in side.elements), bool, len(side))

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """What each element says, for all of its pairs."""
        return self._told(left)[pairs.i] if self._right is None else self._right[pairs.j]


class Conjunction(Matcher):
    """``and``: pairs from the part whose index finds the fewest, tested by the others."""

    def __init__(
        self, condition: Filter, right: Side, check: Check, parts: Sequence[Matcher]
    ) -> None:
        super().__init__(condition, right, check)
        self._parts = list(parts)
        self._chosen: int | None = None
        self._told = False

    def pairs(self, left: Side) -> Pairs | None:
        """Those of the best index that pass the rest."""
        if not self._told:
            self._chosen, self._told = self._best(left.some(32)), True
        if self._chosen is None:
            return None
        found = self._parts[self._chosen].pairs(left)
        assert found is not None
        rest = [part for k, part in enumerate(self._parts) if k != self._chosen]
        return found.where(_all_hold(rest, left, found))

    def _best(self, sample: Side) -> int | None:
        found = [part.pairs(sample) for part in self._parts]
        counts = [(len(pairs), k) for k, pairs in enumerate(found) if pairs is not None]
        return min(counts)[1] if counts else None

    def hint(self) -> Condition | None:
        """Those of the parts that know one."""
        known = tuple(one for one in (part.hint() for part in self._parts) if one is not None)
        return Every(known) if known else None

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """Those that pass every part."""
        return _all_hold(self._parts, left, pairs)


def _all_hold(parts: Sequence[Matcher], left: Side, pairs: Pairs) -> Mask:
    keep = np.ones(len(pairs), bool)
    for part in sorted(parts, key=lambda one: type(one) is Matcher):
        open_ = np.flatnonzero(keep)
        keep[open_] = part.holds(left, Pairs(pairs.i[open_], pairs.j[open_]))
    return keep


class Disjunction(Matcher):
    """``or``: what any part finds."""

    def __init__(
        self, condition: Filter, right: Side, check: Check, parts: Sequence[Matcher]
    ) -> None:
        super().__init__(condition, right, check)
        self._parts = sorted(parts, key=lambda one: type(one) is Matcher)

    def pairs(self, left: Side) -> Pairs | None:
        """The pairs of all parts, if each has an index."""
        found = [part.pairs(left) for part in self._parts]
        known = [pairs for pairs in found if pairs is not None]
        if len(known) < len(found):
            return None
        nothing = np.zeros(0, np.intp)
        i = np.concatenate([nothing, *(pairs.i for pairs in known)])
        j = np.concatenate([nothing, *(pairs.j for pairs in known)])
        return ordered(i, j, len(self.right), unique=True)

    def hint(self) -> Condition | None:
        """Any of those of the parts, if all know one."""
        found = [part.hint() for part in self._parts]
        known = tuple(one for one in found if one is not None)
        return Some(known) if len(known) == len(found) else None

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """Those that pass some part."""
        found = np.zeros(len(pairs), bool)
        for part in self._parts:
            open_ = np.flatnonzero(~found)
            found[open_] = part.holds(left, Pairs(pairs.i[open_], pairs.j[open_]))
        return found


class Complement(Matcher):
    """``not``: the pairs that another condition leaves."""

    def __init__(self, condition: Filter, right: Side, check: Check, part: Matcher) -> None:
        super().__init__(condition, right, check)
        self._part = part

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """The opposite."""
        return ~self._part.holds(left, pairs)
