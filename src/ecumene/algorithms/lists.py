"""Lists."""

from __future__ import annotations

import functools
import math
import random
from typing import Any

from ecumene.algorithms.reducers.apply import reduce_list
from ecumene.core.array import Array
from ecumene.core.collection import compare
from ecumene.core.context import Context
from ecumene.core.dates import Date
from ecumene.core.equality import equal, key, measured, position
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.filter import Filter
from ecumene.core.geometry import Geometry
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.typename import type_name
from ecumene.core.wire import Algorithm as Function
from ecumene.core.wire import Boolean, Integer, Number, Object
from ecumene.numerics import zones
from ecumene.numerics.formatter import java_text
from ecumene.numerics.regex import LONGEST_TEXT

Items = list[Object]


def _index(name: str, items: list[Any], index: int, *, end: bool = False) -> int:
    """A position counted from the start or (negative) the end; EvaluationError if it is outside."""
    size = len(items) + (1 if end else 0)
    if not -len(items) <= index < size:
        if not items:
            raise EvaluationError(
                f"{name}: List index must be between 0 and -1. Found {index}: the list is empty."
            )
        raise EvaluationError(
            f"{name}: List index must be between 0 and {size - 1}, or -{len(items)} and -1. Found {index}."
        )
    return index if index >= 0 else index + len(items)


def _bounded(name: str, count: float, context: Context) -> None:
    if count > context.limits.list_elements:
        raise LimitExceeded(
            f"{name}: The list would have {count:.0f} elements; at most {context.limits.list_elements} are allowed."
        )


@algorithm("List.add")
def add(list: Items, element: Object) -> Items:
    """The list with one more element."""
    return [*list, element]


@algorithm("List.cat")
def cat(list: Items, other: Items, *, context: Context) -> Items:
    """One list after the other."""
    _bounded("List.cat", len(list) + len(other), context)
    return [*list, *other]


@algorithm("List.contains")
def contains(list: Items, element: Object) -> Boolean:
    """Whether an element is in the list."""
    return position(list, element) >= 0


@algorithm("List.containsAll")
def contains_all(list: Items, other: Items) -> Boolean:
    """Whether all elements of another list are in the list."""
    known = {key(item) for item in list}
    return all(key(element) in known for element in other)


@algorithm("List.distinct")
def distinct(list: Items) -> Items:
    """The list without repetitions, in the order of first appearance."""
    found: dict[Any, Any] = {}
    for item in list:
        found.setdefault(key(item), item)
    return [*found.values()]


@algorithm("List.equals")
def equals(list: Items, other: Items) -> Boolean:
    """Whether both lists have equal elements in the same order."""
    return equal(list, other)


@algorithm("List.filter")
def filter_list(list: Items, filter: Filter) -> Items:
    """Elements that pass a filter; the field of an element itself is called ``item``."""
    return [item for item in list if filter.matches(item)]


@algorithm("List.flatten")
def flatten(list: Items, *, context: Context) -> Items:
    """All elements of nested lists in one list."""
    measured(list, 2 * context.limits.list_elements)
    out: Items = []
    stack = [iter(list)]
    while stack:
        for item in stack[-1]:
            if isinstance(item, type(out)):
                stack.append(iter(item))
                break
            out.append(item)
        else:
            stack.pop()
    return out


@algorithm("List.frequency")
def frequency(list: Items, element: Object) -> Integer:
    """How often an element occurs."""
    return sum(1 for item in list if equal(item, element))


@algorithm("List.get")
def get(list: Items, index: Integer) -> Object:
    """The element at a position; negative positions count from the end."""
    return list[_index("List.get", list, index)]


def _typed(name: str, items: Any, index: int, kinds: tuple[type, ...], word: str) -> Any:
    value = items[_index(name, items, index)]
    if not isinstance(value, kinds):
        raise EvaluationError(
            f"{name}: The element at {index} is not of type {word}, but of type {type_name(value)}."
        )
    return value


@algorithm("List.getNumber")
def get_number(list: Items, index: Integer) -> Number:
    """The number at a position."""
    return _typed("List.getNumber", list, index, (int, float), "Number")  # type: ignore[no-any-return]


@algorithm("List.getString")
def get_string(list: Items, index: Integer) -> str:
    """The text at a position."""
    return _typed("List.getString", list, index, (str,), "String")  # type: ignore[no-any-return]


@algorithm("List.getArray")
def get_array(list: Items, index: Integer) -> Array:
    """The array at a position."""
    return _typed("List.getArray", list, index, (Array,), "Array")  # type: ignore[no-any-return]


@algorithm("List.getGeometry")
def get_geometry(list: Items, index: Integer) -> Geometry:
    """The geometry at a position."""
    return _typed("List.getGeometry", list, index, (Geometry,), "Geometry")  # type: ignore[no-any-return]


@algorithm("List.indexOf")
def index_of(list: Items, element: Object) -> Integer:
    """Position of the first equal element, -1 if there is none."""
    return position(list, element)


def _found(items: Items, target: Items) -> int:
    """Where a list first occurs within another, -1 if it does not (Knuth, Morris and Pratt)."""
    wanted = [key(item) for item in target]
    back = [0] * len(wanted)
    k = 0
    for i in range(1, len(wanted)):
        while k and wanted[i] != wanted[k]:
            k = back[k - 1]
        k += int(wanted[i] == wanted[k])
        back[i] = k
    if not wanted:
        return 0
    k = 0
    for i, item in enumerate(items):
        here = key(item)
        while k and here != wanted[k]:
            k = back[k - 1]
        k += int(here == wanted[k])
        if k == len(wanted):
            return i + 1 - k
    return -1


@algorithm("List.indexOfSublist")
def index_of_sublist(list: Items, target: Items) -> Integer:
    """Position of the first occurrence of a list within the list, -1 if there is none."""
    return _found(list, target)


@algorithm("List.lastIndexOfSubList")
def last_index_of_sublist(list: Items, target: Items) -> Integer:
    """Position of the last occurrence of a list within the list, -1 if there is none."""
    found = _found(list[::-1], target[::-1])
    return -1 if found < 0 else len(list) - found - len(target)


@algorithm("List.insert")
def insert(list: Items, index: Integer, element: Object) -> Items:
    """The list with an element put in at a position."""
    place = _index("List.insert", list, index, end=True)
    return [*list[:place], element, *list[place:]]


@algorithm("List.iterate")
def iterate(list: Items, function: Function, first: Object, *, context: Context) -> Object:
    """The result of a function applied to each element and the result before it."""
    state = first
    for item in list:
        context.cancel.check()
        state = function(item, state)
    return state


def text_of(value: Any) -> str:
    """A value as text, as Java prints it: integral numbers without fraction, ``[a, b]``, ``{k=v}``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return java_text(value)
    if isinstance(value, list):
        return f"[{', '.join(text_of(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}={text_of(value[k])}' for k in sorted(value))}}}"
    if isinstance(value, Array):
        return text_of(value.values.tolist())
    if value is None or isinstance(value, str):
        return "null" if value is None else value
    return (
        zones.at(value.millis).strftime("%Y-%m-%dT%H:%M:%S")
        if isinstance(value, Date)
        else type_name(value)
    )


@algorithm("List.join")
def join(list: Items, separator: str = "") -> str:
    """All elements as one text."""
    name = "List.join"
    measured(list, LONGEST_TEXT)
    total = len(separator) * max(len(list) - 1, 0)
    parts = []
    for item in list:
        parts.append(text_of(item))
        total += len(parts[-1])
        if total > LONGEST_TEXT:
            raise LimitExceeded(f"{name}: The text would be longer than {LONGEST_TEXT} characters.")
    return separator.join(parts)


@algorithm("List.length", "List.size")
def length(list: Items) -> Integer:
    """The number of elements."""
    return len(list)


@algorithm("List.map")
def map_list(
    list: Items, base_algorithm: Function, drop_nulls: Boolean = False, *, context: Context
) -> Items:
    """A function applied to every element."""
    out = []
    for item in list:
        context.cancel.check()
        value = base_algorithm(item)
        if value is not None or not drop_nulls:
            out.append(value)
    return out


@algorithm("List.reduce")
def reduce(list: Items, reducer: Reducer) -> Object:
    """A reducer over the elements; reducers of several inputs take lists as elements."""
    return reduce_list(reducer, list)


@algorithm("List.remove")
def remove(list: Items, element: Object) -> Items:
    """The list without the first element that is equal."""
    place = position(list, element)
    return list if place < 0 else [*list[:place], *list[place + 1 :]]


@algorithm("List.removeAll")
def remove_all(list: Items, other: Items) -> Items:
    """The list without all elements that are in another."""
    gone = {key(item) for item in other}
    return [item for item in list if key(item) not in gone]


@algorithm("List.repeat")
def repeat(value: Object, count: Integer, *, context: Context) -> Items:
    """A list of one value several times."""
    _bounded("List.repeat", count, context)
    return [value] * max(count, 0)


@algorithm("List.replace")
def replace(list: Items, oldval: Object, newval: Object) -> Items:
    """The list with the first equal element replaced."""
    place = position(list, oldval)
    return list if place < 0 else [*list[:place], newval, *list[place + 1 :]]


@algorithm("List.replaceAll")
def replace_all(list: Items, oldval: Object, newval: Object) -> Items:
    """The list with all equal elements replaced."""
    return [newval if equal(item, oldval) else item for item in list]


@algorithm("List.reverse")
def reverse(list: Items) -> Items:
    """The list from the end to the start."""
    return list[::-1]


@algorithm("List.rotate")
def rotate(list: Items, distance: Integer) -> Items:
    """The elements moved towards the end, those at the end coming in at the start."""
    if not list:
        return list
    k = distance % len(list)
    return list[-k:] + list[:-k] if k else list


@algorithm("List.sequence")
def sequence(
    start: Number,
    end: Number | None = None,
    step: Number = 1,
    count: Integer | None = None,
    *,
    context: Context,
) -> Items:
    """Numbers from a start to an end inclusive, by a step or by their count."""
    name = "List.sequence"
    if count is not None:
        if count < 0:
            raise EvaluationError(f"{name}: 'count' must not be negative, got {count}.")
        _bounded(name, count, context)
        if end is not None:
            step = (end - start) / (count - 1) if count > 1 else 0
        return [_whole(start + k * step) for k in range(count)]
    if end is None:
        raise EvaluationError(f"{name}: Either 'end' or 'count' must be given.")
    if step == 0 or not all(math.isfinite(v) for v in (start, end, step)):
        raise EvaluationError(f"{name}: 'step' must not be 0.")
    total = math.floor((end - start) / step + 1e-9) + 1
    _bounded(name, total, context)
    return [_whole(start + k * step) for k in range(max(total, 0))]


def _whole(value: float) -> float | int:
    return (
        int(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53
        else value
    )


@algorithm("List.set")
def set_element(list: Items, index: Integer, element: Object) -> Items:
    """The list with the element at a position replaced."""
    place = _index("List.set", list, index)
    return [*list[:place], element, *list[place + 1 :]]


@algorithm("List.shuffle")
def shuffle(list: Items, seed: Object = None) -> Items:
    """The elements in random order; the same for the same seed (``false``: another each time)."""
    out = [*list]
    if seed is None or seed is True or (isinstance(seed, int | float) and math.isfinite(seed)):
        source = random.SystemRandom() if seed is False else random.Random(int(seed or 0))
    else:
        raise EvaluationError("List.shuffle: 'seed' must be an integer or false.")
    source.shuffle(out)
    return out


def _clamped(index: int, size: int) -> int:
    return max(0, min(index + size if index < 0 else index, size))


@algorithm("List.slice")
def take_slice(
    list: Items, start: Integer, end: Integer | None = None, step: Integer | None = None
) -> Items:
    """Elements from one position to (but not including) another; positions outside are cut."""
    if step is not None and step <= 0:
        raise EvaluationError(f"List.slice: 'step' must be positive, got {step}.")
    n = len(list)
    return list[_clamped(start, n) : n if end is None else _clamped(end, n) : step or 1]


@algorithm("List.sort")
def sort(list: Items, keys: Items | None = None) -> Items:
    """The elements in ascending order, of the keys if some are given."""
    ordered = functools.cmp_to_key(compare)
    if keys is None:
        return sorted(list, key=ordered)
    if len(keys) != len(list):
        raise EvaluationError(
            f"List.sort: The list and the keys must have the same length. Got {len(list)} and {len(keys)}."
        )
    order = sorted(range(len(list)), key=lambda i: ordered(keys[i]))
    return [list[i] for i in order]


@algorithm("List.splice")
def splice(
    list: Items, start: Integer, count: Integer, other: Items | None = None, *, context: Context
) -> Items:
    """The list with some elements replaced by those of another."""
    _bounded("List.splice", len(list) + len(other or []), context)
    place = _clamped(start, len(list))
    return [*list[:place], *(other or []), *list[place + max(count, 0) :]]


@algorithm("List.swap")
def swap(list: Items, pos1: Integer, pos2: Integer) -> Items:
    """The list with two elements exchanged."""
    a, b = _index("List.swap", list, pos1), _index("List.swap", list, pos2)
    out = [*list]
    out[a], out[b] = out[b], out[a]
    return out


@algorithm("List.zip")
def zip_lists(list: Items, other: Items) -> "list[Items]":  # noqa: UP037 - the parameter hides the builtin
    """Pairs of elements, as many as the shorter list has."""
    return [[a, b] for a, b in zip(list, other, strict=False)]


@algorithm("List.unzip")
def unzip(list: Items) -> "list[Items]":  # noqa: UP037 - the parameter hides the builtin
    """The first elements of all inner lists, the second ones, and so on."""
    if not all(isinstance(item, type(list)) for item in list):
        raise EvaluationError("List.unzip: All elements must be lists.")
    return [[*part] for part in zip(*list, strict=False)]
