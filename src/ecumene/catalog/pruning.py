"""Parts of a table that cannot hold what is asked, told by the extremes of their columns and by their boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecumene.catalog.conditions import plain
from ecumene.catalog.tablerows import boxes_meet
from ecumene.core.query import Bounds, Comparison, Condition, Every, Opposite, Placed, Some


@dataclass(frozen=True, slots=True)
class Extremes:
    """The least and the largest value of a column in a part of the table, and whether all are missing."""

    least: Any
    largest: Any
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of a part of a table without reading it; ``missing`` are names of no column.

    ``box`` is None where it is not known, NaN where no row has a shape.
    """

    extremes: Mapping[str, Extremes]
    missing: frozenset[str] = frozenset()
    box: Bounds | None = None


def possible(condition: Condition | None, part: Part) -> bool:
    """Whether some row of the part may satisfy a condition."""
    if isinstance(condition, Every):
        return all(possible(one, part) for one in condition.parts)
    if isinstance(condition, Some):
        return any(possible(one, part) for one in condition.parts)
    if isinstance(condition, Comparison):
        return _comparable(condition, part)
    if isinstance(condition, Placed) and condition.bounds is not None and part.box is not None:
        return bool(boxes_meet(np.array([part.box]), condition.bounds)[0])
    if isinstance(condition, Opposite) and isinstance(condition.part, Every | Some):
        kind = Some if isinstance(condition.part, Every) else Every
        return possible(kind(tuple(Opposite(one) for one in condition.part.parts)), part)
    if isinstance(condition, Opposite) and isinstance(condition.part, Opposite):
        return possible(condition.part.part, part)
    return True


def _comparable(wanted: Comparison, part: Part) -> bool:
    if wanted.name in part.missing:
        return False
    found = part.extremes.get(wanted.name)
    if found is None:
        return True
    if found.empty:
        return False
    if wanted.op == "in":
        return any(_meets(found, "==", plain(value)) for value in wanted.value)
    return _meets(found, wanted.op, plain(wanted.value))


def _meets(found: Extremes, op: str, value: Any) -> bool:
    text = isinstance(found.least, str)
    if op == "present" or (op == "!=" and text != isinstance(value, str)):
        return True
    if text != isinstance(value, str) or (isinstance(value, float) and math.isnan(value)):
        return op == "!="
    if op == "!=":
        return not (found.least == found.largest == value)
    if op == "startsWith":
        return bool(found.least[: len(value)] <= value <= found.largest[: len(value)])
    tests = {
        "==": found.least <= value <= found.largest,
        "<": found.least < value,
        "<=": found.least <= value,
        ">": found.largest > value,
        ">=": found.largest >= value,
    }
    return bool(tests.get(op, True))
