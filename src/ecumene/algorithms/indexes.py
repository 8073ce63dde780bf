"""Indexes for the conditions of joins: by place, by equal values, by order.

Values compare as filters compare them: numbers with numbers, texts with texts, nothing with null or NaN. The few
values of other kinds are compared one by one.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ecumene.algorithms.filter_logic import Logical, Measured, Negation, Tested
from ecumene.algorithms.filters import ALL, GEO, SPATIAL, Binary, number_of
from ecumene.algorithms.pairs import (
    Check,
    Complement,
    Conjunction,
    Disjunction,
    Mask,
    Matcher,
    OneSided,
    Pairs,
    Places,
    Side,
    of_ranges,
    ordered,
)
from ecumene.core.filter import Filter
from ecumene.core.geometry import Geometry
from ecumene.core.query import Comparison, Condition, Every, Placed
from ecumene.vector import many

_EXACT = 2**53


def matcher(condition: Filter, right: Side, check: Check) -> Matcher:
    """A condition made ready for a right side."""
    if isinstance(condition, Logical):
        parts = [matcher(part, right, check) for part in condition.filters]
        kind = Conjunction if condition.kind == "and" else Disjunction
        return kind(condition, right, check, parts)
    if isinstance(condition, Negation):
        return Complement(condition, right, check, matcher(condition.filter, right, check))
    if isinstance(condition, Tested):
        return OneSided(condition, right, check, on_left=True)
    sides = condition.sides if isinstance(condition, Measured) else condition
    if not isinstance(sides, Binary):
        return Matcher(condition, right, check)
    if sides.left_field is None or sides.right_field is None:
        return OneSided(condition, right, check, on_left=sides.right_field is None)
    if isinstance(condition, Measured):
        kinds = {"maxDifference": Difference, "withinDistance": Distance}
        return kinds[condition.kind](condition, sides, right, check)
    return _related(sides, right, check)


def _related(sides: Binary, right: Side, check: Check) -> Matcher:
    if sides.kind in SPATIAL:
        return Spatial(sides, sides, right, check)
    if sides.kind in _KEYED:
        return Keyed(sides, sides, right, check)
    if sides.kind in _RANGES:
        return Sorted(sides, sides, right, check)
    return Matcher(sides, right, check)


class Between(Matcher):
    """A relation of a field on the left and one on the right."""

    def __init__(self, condition: Filter, sides: Binary, right: Side, check: Check) -> None:
        super().__init__(condition, right, check)
        assert sides.left_field is not None
        assert sides.right_field is not None
        self.kind, self.left_field, self.right_field = (
            sides.kind,
            sides.left_field,
            sides.right_field,
        )

    def one_by_one(self, left: Side, pairs: Pairs, where: Mask, found: Mask) -> Mask:
        """``found`` with the answers of some pairs asked one by one."""
        places = np.flatnonzero(where)
        if len(places):
            found[places] = Matcher.holds(self, left, pairs.where(where))
        return found


# -- by place --------------------------------------------------------------------------------------


class Spatial(Between):
    """``intersects``, ``contains``, ``isContained``: by a tree of boxes; ``disjoint`` only tests."""

    def __init__(self, condition: Filter, sides: Binary, right: Side, check: Check) -> None:
        super().__init__(condition, sides, right, check)
        self._many = right.many(self.right_field)
        self._index = many.Boxes(self._many)
        self.reach = 0.0

    def _candidates(self, left: many.Many) -> Pairs:
        i, j = self._index.meeting(many.grown(left.boxes, self.reach))
        unbounded = np.flatnonzero(left.loose)
        if len(unbounded):
            count = len(self.right)
            i = np.concatenate([i, np.repeat(unbounded, count)])
            j = np.concatenate([j, np.tile(np.arange(count), len(unbounded))])
            return ordered(i, j, count, unique=True)
        return Pairs(i, j)

    def hint(self) -> Condition | None:
        """A box that meets some box on the right."""
        if self.kind == "disjoint" or self.left_field not in (ALL, GEO):
            return None
        return Placed(self._index.around(self.reach), self._meets)

    def _meets(self, shapes: Any, geodesic: bool) -> Mask:
        boxes = many.grown(many.Many.of_shapes(shapes, geodesic).boxes, self.reach)
        found = np.zeros(len(shapes), bool)
        found[self._index.meeting(boxes)[0]] = True
        return found

    def pairs(self, left: Side) -> Pairs | None:
        """Those of candidates that are related."""
        if self.kind == "disjoint":
            return None
        self.check()
        found = self._candidates(left.many(self.left_field))
        return found.where(self.holds(left, found))

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """All at once."""
        relation = many.RELATIONS[self.kind]
        return relation(left.many(self.left_field), self._many, pairs.i, pairs.j)


class Distance(Spatial):
    """``withinDistance``: by a tree of boxes grown by the distance."""

    def __init__(self, condition: Measured, sides: Binary, right: Side, check: Check) -> None:
        super().__init__(condition, sides, right, check)
        self.reach = condition.limit

    def pairs(self, left: Side) -> Pairs | None:
        """Those of candidates that are near."""
        return super().pairs(left) if self.reach >= 0 else Pairs(*np.zeros((2, 0), np.intp))

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """All at once."""
        places = left.many(self.left_field)
        return many.within(places, self._many, pairs.i, pairs.j, self.reach)

    def measures(self, left: Side, pairs: Pairs) -> list[Any]:
        """Distances in metres."""
        places = left.many(self.left_field)
        found: list[Any] = many.distances(places, self._many, pairs.i, pairs.j).tolist()
        return found


# -- by value --------------------------------------------------------------------------------------

_KEYED = ("equals", "notEquals", "inList", "listContains")
_RANGES = ("lessThan", "lessThanOrEquals", "greaterThan", "greaterThanOrEquals")
_NOTHING, _OTHER = -1, -2
_FEW = 2000
"""Values that a table is asked for by name."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and value == value


class Keyed(Between):
    """``equals``, ``inList`` and ``listContains`` by a table of values; ``notEquals`` only tests."""

    def __init__(self, condition: Filter, sides: Binary, right: Side, check: Check) -> None:
        super().__init__(condition, sides, right, check)
        self._codes: dict[Any, int] = {}
        held = right.values(self.right_field)
        codes, owner = self._coded(held, self.kind == "inList", learn=True)
        order = np.argsort(codes, kind="stable")
        self._sorted, self._places = codes[order], owner[order]
        self._present = np.fromiter((v is not None for v in held), bool, len(held))
        self._plain = None if self.kind in ("inList", "listContains") else codes

    def hint(self) -> Condition | None:
        """One of the values on the right, if they are few."""
        plain = tuple(code for code in self._codes if isinstance(code, int | float | str))
        others = len(plain) < len(self._codes) or bool((self._sorted == _OTHER).any())
        if self.kind != "equals" or self.left_field.startswith(".") or others:
            return None
        return Comparison(self.left_field, "in", plain) if len(plain) <= _FEW else None

    def _coded(self, values: Sequence[Any], listed: bool, learn: bool) -> tuple[Places, Places]:
        """Numbers that stand for values, and whose they are; a list has one for each item."""
        codes: list[int] = []
        owner: list[int] = []
        for place, value in enumerate(values):
            items = (value if isinstance(value, list) else ()) if listed else (value,)
            found = {self._code(item, learn) for item in items}
            codes += found
            owner += [place] * len(found)
        return np.array(codes, np.intp), np.array(owner, np.intp)

    def _code(self, value: Any, learn: bool) -> int:
        value = number_of(value)
        if value is None or (isinstance(value, float) and value != value):
            return _NOTHING
        if not isinstance(value, int | float | str | Geometry):
            return _OTHER
        if learn:
            return self._codes.setdefault(value, len(self._codes))
        return self._codes.get(value, _NOTHING)

    def pairs(self, left: Side) -> Pairs | None:
        """Elements with the same value."""
        if self.kind == "notEquals":
            return None
        values = left.values(self.left_field)
        codes, owner = self._coded(values, self.kind == "listContains", learn=False)
        keep = codes != _NOTHING
        codes, owner = codes[keep], owner[keep]
        first = np.searchsorted(self._sorted, codes, "left")
        last = np.searchsorted(self._sorted, codes, "right")
        count = len(self.right)
        found = of_ranges(first, last, self._places, count)
        other = (codes == _OTHER)[found.i]
        whole = ordered(owner[found.i], found.j, count, unique=True)
        if not other.any():
            return whole
        return whole.where(self.holds(left, whole))

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """By the numbers that stand for the values."""
        if self._plain is None:
            return super().holds(left, pairs)
        values = left.values(self.left_field)
        codes, _ = self._coded(values, False, learn=False)
        a, b = codes[pairs.i], self._plain[pairs.j]
        same = (a == b) & (a >= 0)
        other = (a == _OTHER) & (b == _OTHER)
        if self.kind == "notEquals":
            known = np.fromiter((v is not None for v in values), bool, len(values))
            same = ~same & known[pairs.i] & self._present[pairs.j]
            same |= known[pairs.i] & ~self._present[pairs.j]
        return self.one_by_one(left, pairs, other, same)


class Sorted(Between):
    """``lessThan`` and its kin by sorted numbers and sorted texts."""

    def __init__(self, condition: Filter, sides: Binary, right: Side, check: Check) -> None:
        super().__init__(condition, sides, right, check)
        values = right.values(self.right_field)
        numbers = sorted((v, i) for i, v in enumerate(values) if _is_number(v))
        texts = sorted((v, i) for i, v in enumerate(values) if isinstance(v, str))
        self._numbers, self._texts = [v for v, _ in numbers], [v for v, _ in texts]
        self._places = np.array([i for _, i in (*numbers, *texts)], np.intp)
        self._values = _numeric(values)

    def pairs(self, left: Side) -> Pairs | None:
        """All elements on one side of the value."""
        ranges = [self._range(value) for value in left.values(self.left_field)]
        first, last = np.array(ranges, np.intp).reshape(-1, 2).T
        return of_ranges(first, last, self._places, len(self.right))

    def _range(self, value: Any) -> tuple[int, int]:
        if isinstance(value, str):
            held, offset = self._texts, len(self._numbers)
        elif _is_number(value):
            held, offset = self._numbers, 0
        else:
            return 0, 0
        if self.kind == "lessThan":
            return offset + bisect.bisect_right(held, value), offset + len(held)
        if self.kind == "lessThanOrEquals":
            return offset + bisect.bisect_left(held, value), offset + len(held)
        if self.kind == "greaterThan":
            return offset, offset + bisect.bisect_left(held, value)
        return offset, offset + bisect.bisect_right(held, value)

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """Numbers all at once."""
        mine = _numeric(left.values(self.left_field))
        if mine is None or self._values is None:
            return super().holds(left, pairs)
        a, b = mine[pairs.i], self._values[pairs.j]
        with np.errstate(invalid="ignore"):
            return np.asarray(_COMPARE[self.kind](a, b), bool)


_COMPARE = {
    "lessThan": np.less, "lessThanOrEquals": np.less_equal, "greaterThan": np.greater,
    "greaterThanOrEquals": np.greater_equal,
}  # fmt: skip


def _numeric(values: Sequence[Any]) -> Any:
    """Values as doubles, NaN where there is none; None if some is a text or would be rounded."""
    if any(isinstance(v, str) or (isinstance(v, int) and abs(v) > _EXACT) for v in values):
        return None
    return np.array([v if isinstance(v, int | float) else math.nan for v in values], float)


class Difference(Sorted):
    """``maxDifference`` by sorted numbers."""

    def __init__(self, condition: Measured, sides: Binary, right: Side, check: Check) -> None:
        super().__init__(condition, sides, right, check)
        self._limit = condition.limit

    def _range(self, value: Any) -> tuple[int, int]:
        if not _is_number(value):
            return 0, 0
        low, high = self._range_of(value)
        return bisect.bisect_left(self._numbers, low), bisect.bisect_right(self._numbers, high)

    def _range_of(self, value: float) -> tuple[float, float]:
        """Numbers within the difference, and a little more."""
        low, high = value - self._limit, value + self._limit
        return math.nextafter(low, -math.inf), math.nextafter(high, math.inf)

    def pairs(self, left: Side) -> Pairs | None:
        """Elements within the difference."""
        found = super().pairs(left)
        return None if found is None else found.where(self.holds(left, found))

    def hint(self) -> Condition | None:
        """Between the least and the largest number on the right, and the difference more."""
        if self.left_field.startswith(".") or not self._numbers:
            return None
        low, high = self._range_of(self._numbers[0])[0], self._range_of(self._numbers[-1])[1]
        return Every(
            (Comparison(self.left_field, ">=", low), Comparison(self.left_field, "<=", high))
        )

    def _apart(self, left: Side, pairs: Pairs) -> Any:
        mine = _numeric(left.values(self.left_field))
        if mine is None or self._values is None:
            return None
        with np.errstate(invalid="ignore"):
            return np.abs(mine[pairs.i] - self._values[pairs.j])

    def holds(self, left: Side, pairs: Pairs) -> Mask:
        """All at once, unless numbers are too large for doubles."""
        apart = self._apart(left, pairs)
        return Matcher.holds(self, left, pairs) if apart is None else apart <= self._limit

    def measures(self, left: Side, pairs: Pairs) -> list[Any]:
        """The differences."""
        apart = self._apart(left, pairs)
        if apart is not None:
            found: list[Any] = apart.tolist()
            return found
        places = zip(pairs.i.tolist(), pairs.j.tolist(), strict=True)
        a, b = left.values(self.left_field), self.right.values(self.right_field)
        return [float(abs(a[i] - b[j])) for i, j in places]
