"""Joins: elements of one collection with matching elements of another, found through indexes."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import shapely

from ecumene.algorithms.filter_logic import Logical, Measured
from ecumene.algorithms.filters import (
    ALL,
    GEO,
    Binary,
    field_value,
    geometry_of,
    number_of,
)
from ecumene.core.collection import Collection, sort_elements
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Feature
from ecumene.core.equality import key
from ecumene.core.errors import EvaluationError
from ecumene.core.filter import Filter
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean
from ecumene.vector.degrees import lonlat


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


Candidates = Callable[[Any], Iterator[int]]


def _hash_index(condition: Binary, others: list[Any]) -> Candidates:
    table: dict[Any, list[int]] = {}
    for i, other in enumerate(others):
        table.setdefault(key(number_of(field_value(other, condition.right_field))), []).append(i)
    return lambda left: iter(table.get(key(number_of(field_value(left, condition.left_field))), ()))


def _sorted_index(condition: Measured, others: list[Any]) -> Candidates:
    values = [
        (number_of(field_value(o, condition.sides.right_field)), i) for i, o in enumerate(others)
    ]
    values = sorted((v, i) for v, i in values if isinstance(v, int | float))
    keys = [v for v, _ in values]

    def find(left: Any) -> Iterator[int]:
        value = number_of(field_value(left, condition.sides.left_field))
        if not isinstance(value, int | float):
            return iter(())
        first = bisect.bisect_left(keys, value - condition.limit)
        last = bisect.bisect_right(keys, value + condition.limit)
        return iter(sorted(i for _, i in values[first:last]))

    return find


def _spatial_index(
    left_field: str | None, right_field: str | None, others: list[Any], margin: float
) -> Candidates:
    """Boxes in degrees, grown by a distance in metres; shapes near the antimeridian or poles match everything."""
    shapes, numbers, loose = [], [], []
    for i, other in enumerate(others):
        outline = geometry_of(field_value(other, right_field))
        if outline is None:
            continue
        shape = outline.shape if outline.unbounded else lonlat(outline)
        if shape.is_empty:
            continue
        if outline.unbounded or _awkward(shape.bounds):
            loose.append(i)
        else:
            shapes.append(shapely.box(*shape.bounds))
            numbers.append(i)
    tree = shapely.STRtree(shapes)
    degrees = margin / 110_000.0

    def find(left: Any) -> Iterator[int]:
        outline = geometry_of(field_value(left, left_field))
        if outline is None:
            return iter(())
        shape = outline.shape if outline.unbounded else lonlat(outline)
        if shape.is_empty:
            return iter(())
        west, south, east, north = shape.bounds
        if (
            outline.unbounded
            or _awkward(shape.bounds)
            or max(abs(south), abs(north)) + degrees > 85
        ):
            return iter(range(len(others)))
        wide = degrees / max(0.08, abs(_cosine(max(abs(south), abs(north)) + degrees)))
        box = shapely.box(west - wide, south - degrees, east + wide, north + degrees)
        return iter(sorted([*loose, *(numbers[i] for i in tree.query(box).tolist())]))

    return find


def _cosine(degrees: float) -> float:
    import math

    return math.cos(math.radians(min(degrees, 89.9)))


def _awkward(bounds: tuple[float, float, float, float]) -> bool:
    return bounds[0] < -179 or bounds[2] > 179 or bounds[1] < -85 or bounds[3] > 85


def candidates(condition: Filter, others: list[Any]) -> Candidates:
    """Positions of elements that may match, in order; from an index where the condition has one."""
    if isinstance(condition, Logical) and condition.kind == "and":
        for part in condition.filters:
            found = _indexed(part, others)
            if found is not None:
                return found
    return _indexed(condition, others) or (lambda left: iter(range(len(others))))


def _indexed(condition: Filter, others: list[Any]) -> Candidates | None:
    sides = condition.sides if isinstance(condition, Measured) else condition
    if not isinstance(sides, Binary) or sides.left_field is None or sides.right_field is None:
        return None
    places = (ALL, GEO)
    spatial = sides.left_field in places and sides.right_field in places
    if isinstance(condition, Measured):
        if condition.kind == "maxDifference":
            return _sorted_index(condition, others)
        return (
            _spatial_index(sides.left_field, sides.right_field, others, condition.limit)
            if spatial
            else None
        )
    if sides.kind == "equals" and not spatial:
        return _hash_index(sides, others)
    if sides.kind in ("intersects", "contains", "isContained") and spatial:
        return _spatial_index(sides.left_field, sides.right_field, others, 0.0)
    return None


def _measure(condition: Filter, left: Any, right: Any) -> float | None:
    return condition.measure(left, right) if isinstance(condition, Measured) else None


def _matches(
    condition: Filter, primary: Collection, secondary: Collection, context: Context
) -> Iterator[tuple[Any, list[Any]]]:
    others = list(secondary)
    find = candidates(condition, others)
    for left in primary:
        context.cancel.check()
        yield left, [others[i] for i in find(left) if condition.matches(left, others[i])]


def _with_measure(join: Join, condition: Filter, left: Any, found: list[Any]) -> list[Any]:
    name = join.settings.get("measureKey")
    return [other.set(name, _measure(condition, left, other)) for other in found] if name else found


def _saving(join: Join, condition: Filter, pairs: Iterator[tuple[Any, list[Any]]]) -> Iterator[Any]:
    settings = join.settings
    for left, matched in pairs:
        found = _with_measure(join, condition, left, matched)
        if not found:
            if settings["outer"]:
                yield left
            continue
        if join.kind == "saveBest":
            name = settings["measureKey"]
            found = sorted(found, key=lambda e: e.get(name))
        elif settings["ordering"] is not None:
            found = sort_elements(found, settings["ordering"], settings["ascending"])
        yield left.set(settings["matchKey"], found if join.kind == "saveAll" else found[0])


def _pairs(join: Join, condition: Filter, pairs: Iterator[tuple[Any, list[Any]]]) -> Iterator[Any]:
    settings = join.settings
    for left, matched in pairs:
        for other in matched:
            properties = {
                INDEX: f"{left.index}_{other.index}", settings["primaryKey"]: left, settings["secondaryKey"]: other,
            }  # fmt: skip
            if settings["measureKey"]:
                properties[settings["measureKey"]] = _measure(condition, left, other)
            yield Feature(properties)


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

    def produce() -> Iterator[Any]:
        pairs = _matches(condition, primary, secondary, context)
        if join.kind in ("simple", "inverted"):
            wanted = join.kind == "simple"
            return (left for left, found in pairs if bool(found) == wanted)
        return (
            _pairs(join, condition, pairs)
            if join.kind == "inner"
            else _saving(join, condition, pairs)
        )

    return Collection.lazy(produce, "Feature" if join.kind == "inner" else primary.kind)
