"""Filters: conditions on elements, and on pairs in joins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ecumene.core.dates import Date, DateRange
from ecumene.core.element import Element
from ecumene.core.errors import EvaluationError
from ecumene.core.filter import Filter
from ecumene.core.geometry import Geometry
from ecumene.core.query import Comparison, Condition, Every, Placed, Query, Rowwise, Some
from ecumene.core.registry import REGISTRY, Algorithm, Argument
from ecumene.vector import many, predicates
from ecumene.vector.features import merged
from ecumene.vector.geojson import TYPES, decode
from ecumene.vector.transform import lonlat_bounds

ALL = ".all"
GEO = ".geo"
TIME = "system:time_start"
SPATIAL = ("intersects", "disjoint", "contains", "isContained")


def field_value(element: Any, name: str | None) -> Any:
    """The value of a field of an element; of anything else (lists being filtered) the thing itself."""
    if isinstance(element, Element):
        return (
            element if name == ALL else element.outline if name == GEO else element.get(name or "")
        )
    if isinstance(element, dict) and name in element:
        return element[name]
    return element


def geometry_of(value: Any) -> Geometry | None:
    """The geometry of a value, if it has one."""
    if isinstance(value, Geometry):
        return value
    if isinstance(value, Element):
        return value.outline
    if isinstance(value, dict) and value.get("type") in TYPES:
        return decode(value)
    if hasattr(value, "source"):
        return merged(value)
    return None


def number_of(value: Any) -> Any:
    """Dates as numbers, for comparisons."""
    return value.millis if isinstance(value, Date) else value


def _comparable(left: Any, right: Any) -> bool:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return numbers or (isinstance(left, str) and isinstance(right, str))


def equal(left: Any, right: Any) -> bool:
    """Equality by value."""
    left, right = number_of(left), number_of(right)
    return bool(left == right) if type(left) is type(right) or _comparable(left, right) else False


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        left, right = number_of(left), number_of(right)
        return _comparable(left, right) and test(left, right)

    return compare


def _in_list(left: Any, right: Any) -> bool:
    return isinstance(right, list) and any(equal(left, item) for item in right)


def _date_contains(left: Any, right: Any) -> bool:
    when = number_of(right)
    if isinstance(left, DateRange) and isinstance(when, int | float):
        return left.contains(when)
    return (
        isinstance(left, DateRange)
        and isinstance(right, DateRange)
        and left.start <= right.start
        and right.end <= left.end
    )


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: (
        isinstance(left, str) and isinstance(right, str) and test(left, right)
    )


_TYPES: dict[str, tuple[type, ...]] = {
    "Number": (int, float), "String": (str,), "List": (list,), "Dictionary": (dict,), "Geometry": (Geometry,),
    "Date": (Date,), "Boolean": (bool,), "Element": (Element,), "Integer": (int,), "Long": (int,), "Float": (float,),
}  # fmt: skip


def _has_type(left: Any, right: Any) -> bool:
    if isinstance(left, Element):
        left = left.outline if left.outline is not None else left
    if isinstance(left, Geometry):
        return right in ("Geometry", left.shape.geom_type)
    return isinstance(left, _TYPES.get(str(right), ()))


def _spatial(test: Callable[[Geometry, Geometry], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        a, b = geometry_of(left), geometry_of(right)
        return a is not None and b is not None and test(a, b)

    return compare


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": equal,
    "notEquals": lambda a, b: not equal(a, b),
    "lessThan": _ordered(lambda a, b: a < b),
    "greaterThan": _ordered(lambda a, b: a > b),
    "lessThanOrEquals": _ordered(lambda a, b: a <= b),
    "greaterThanOrEquals": _ordered(lambda a, b: a >= b),
    "stringContains": _text(lambda a, b: b in a),
    "stringStartsWith": _text(str.startswith),
    "stringEndsWith": _text(str.endswith),
    "inList": _in_list,
    "listContains": lambda a, b: _in_list(b, a),
    "dateRangeContains": _date_contains,
    "hasType": _has_type,
    "intersects": _spatial(predicates.intersects),
    "disjoint": _spatial(predicates.disjoint),
    "contains": _spatial(predicates.contains),
    "isContained": _spatial(lambda a, b: predicates.contains(b, a)),
}
_ALIASES = {
    "equals": "eq", "notEquals": "neq", "lessThan": "lt", "lessThanOrEquals": "lte", "greaterThan": "gt",
    "greaterThanOrEquals": "gte",
}  # fmt: skip
_SQL = {
    "equals": "==", "notEquals": "!=", "lessThan": "<", "lessThanOrEquals": "<=", "greaterThan": ">",
    "greaterThanOrEquals": ">=", "inList": "in",
}  # fmt: skip
_TEXTS = {
    "stringContains": "contains", "stringStartsWith": "startsWith", "stringEndsWith": "endsWith",
}  # fmt: skip
_MIRROR = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Binary(Filter):
    """A relation between a field (or value) on the left and one on the right.

    A null on either side fails, except that ``notEquals`` with a null value tells what is not null.
    """

    kind: str
    left_field: str | None = None
    right_value: Any = None
    right_field: str | None = None
    left_value: Any = None

    def operands(self, left: Any, right: Any) -> tuple[Any, Any]:
        """Both values: fields on the left belong to the left element, on the right to the right one (if any)."""
        other = left if right is None else right
        a = field_value(left, self.left_field) if self.left_field is not None else self.left_value
        b = (
            field_value(other, self.right_field)
            if self.right_field is not None
            else self.right_value
        )
        return a, b

    def matches(self, left: Any, right: Any = None) -> bool:
        """Whether the relation holds."""
        a, b = self.operands(left, right)
        if self.kind == "notEquals" and b is None:
            return a is not None
        if a is None or b is None:
            return False
        return TESTS[self.kind](a, b)

    def describe(self) -> dict[str, Any]:
        """Constructor and arguments."""
        out: dict[str, Any] = {"type": f"Filter.{_ALIASES.get(self.kind, self.kind)}"}
        pairs = (
            ("leftField", self.left_field),
            ("leftValue", self.left_value),
            ("rightField", self.right_field),
        )
        out |= {
            name: value
            for name, value in (*pairs, ("rightValue", self.right_value))
            if value is not None
        }
        return out

    def query(self) -> tuple[Query | None, bool]:
        """Time, bounds and comparisons with constants."""
        if (
            self.kind == "dateRangeContains"
            and self.right_field == TIME
            and isinstance(self.left_value, DateRange)
        ):
            return Query(time=(self.left_value.start, self.left_value.end)), True
        if self.kind in ("intersects", "contains", "isContained"):
            return self._bounds(), False
        if self.kind == "listContains" and self.right_field and isinstance(self.left_value, list):
            return self._comparison(self.right_field, "in", self.left_value)
        operator = _SQL.get(self.kind)
        if operator is None:
            return None, False
        if self.left_field is not None and self.right_field is None:
            return self._comparison(self.left_field, operator, self.right_value)
        if self.right_field is not None and self.left_field is None and operator in _MIRROR:
            return self._comparison(self.right_field, _MIRROR[operator], self.left_value)
        return None, False

    @staticmethod
    def _comparison(name: str, operator: str, value: Any) -> tuple[Query | None, bool]:
        if name.startswith("."):
            return None, False
        values = value if operator == "in" else [value]
        plain = [number_of(v) for v in values]
        if not all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in plain):
            return None, False
        return Query(
            comparisons=(Comparison(name, operator, plain if operator == "in" else plain[0]),)
        ), False

    def condition(self) -> Condition | None:
        """The relation of a property, or of the geometry, with a constant; of two properties row by row."""
        left, right = self.left_field, self.right_field
        if left is not None and right is not None:
            return self._rowwise(left, right)
        name = left if right is None else right
        value = self.right_value if right is None else self.left_value
        if name is None:
            return None
        if name.startswith("."):
            return self._placed(name, value)
        if self.kind == "notEquals" and self.right_value is None and right is None:
            return Comparison(name, "present")
        if value is None:
            return Some(())
        return self._compared(name, value) or self._rowwise(name)

    def _compared(self, name: str, value: Any) -> Condition | None:
        if self.kind == "dateRangeContains" and self.right_field and isinstance(value, DateRange):
            return Every((Comparison(name, ">=", value.start), Comparison(name, "<", value.end)))
        if self.kind in _TEXTS and self.left_field and isinstance(value, str):
            return Comparison(name, _TEXTS[self.kind], value)
        asked, _ = self.query()
        return asked.comparisons[0] if asked is not None and asked.comparisons else None

    def _rowwise(self, *names: str) -> Condition | None:
        if any(name.startswith(".") for name in names):
            return None
        return Rowwise(names, lambda values: self.matches(Element(values)))

    def _placed(self, name: str, value: Any) -> Condition | None:
        fixed = geometry_of(value) if value is not None and name in (ALL, GEO) else None
        if fixed is None or self.kind not in SPATIAL:
            return None
        bounds = many.reach(fixed, 0.0) if self.kind != "disjoint" else None
        return Placed(bounds, many.tester(self.kind, fixed, fixed_is_left=self.left_field is None))

    def _bounds(self) -> Query | None:
        mine = self.left_field or self.right_field
        value = self.right_value if self.left_field else self.left_value
        geometry = geometry_of(value) if mine in (ALL, GEO) and value is not None else None
        if geometry is None or geometry.unbounded or geometry.shape.is_empty:
            return None
        try:
            return Query(bounds=lonlat_bounds(geometry))
        except EvaluationError:
            return None


def _binary_maker(kind: str) -> Callable[..., Filter]:
    def make(
        left_field: Any = None, right_value: Any = None, right_field: Any = None, left_value: Any = None,
        max_error: Any = None,
    ) -> Filter:  # fmt: skip
        if left_field is None and left_value is None:
            raise EvaluationError(f"Filter.{kind}: Either 'leftField' or 'leftValue' is needed.")
        return Binary(kind, left_field, right_value, right_field, left_value)

    return make


_WORDS = {
    "equals": "Passes where both sides are equal.",
    "notEquals": "Passes where the sides differ.",
    "lessThan": "Passes where the left side is smaller.",
    "greaterThan": "Passes where the left side is larger.",
    "lessThanOrEquals": "Passes where the left side is not larger.",
    "greaterThanOrEquals": "Passes where the left side is not smaller.",
    "stringContains": "Passes where the left text contains the right one.",
    "stringStartsWith": "Passes where the left text starts with the right one.",
    "stringEndsWith": "Passes where the left text ends with the right one.",
    "inList": "Passes where the right list contains the left value.",
    "listContains": "Passes where the left list contains the right value.",
    "dateRangeContains": "Passes where the left range of dates contains the right date.",
    "hasType": "Passes where the left value is of the type that the right side names.",
    "intersects": "Passes where the geometries meet.",
    "disjoint": "Passes where the geometries do not meet.",
    "contains": "Passes where the left geometry contains the right one.",
    "isContained": "Passes where the right geometry contains the left one.",
}
MARGIN = {"type": "ErrorMargin", "unit": "meters", "value": 0.1}


def _sides() -> tuple[Argument, ...]:
    return (
        Argument("leftField", "String", "field of the left element", None, "left_field"),
        Argument("rightValue", "Object", "value on the right", None, "right_value"),
        Argument("rightField", "String", "field of the right element", None, "right_field"),
        Argument("leftValue", "Object", "value on the left", None, "left_value"),
    )


def _declare() -> None:
    for kind, words in _WORDS.items():
        arguments = _sides()
        if kind in SPATIAL:
            arguments = (
                *arguments,
                Argument(
                    "maxError", "ErrorMargin", "accepted for compatibility", MARGIN, "max_error"
                ),
            )
        for name in (kind, _ALIASES.get(kind)):
            if name:
                REGISTRY.add(
                    Algorithm(f"Filter.{name}", arguments, "Filter", words, _binary_maker(kind))
                )


_declare()
