"""Dictionaries; keys are always in natural order."""

from __future__ import annotations

from typing import Any

from ecumene.algorithms import arrays
from ecumene.algorithms.elements import matching
from ecumene.algorithms.image.bands import constant_band
from ecumene.core.array import Array
from ecumene.core.element import Element
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.registry import algorithm
from ecumene.core.typename import type_name
from ecumene.core.wire import Algorithm as Function
from ecumene.core.wire import Boolean, Integer, Number, Object

Items = dict[str, Object]


@algorithm("Dictionary")
def dictionary(input: Object = None) -> Items:
    """A dictionary from another, from a list of keys and values in turn, or from an element's properties."""
    if input is None:
        return {}
    if isinstance(input, dict):
        return input
    if isinstance(input, Element):
        return {k: v for k, v in input.properties.items() if not k.startswith("system:")}
    if isinstance(input, list):
        if len(input) % 2:
            raise EvaluationError("Dictionary: A list must have an even number of elements.")
        if not all(isinstance(key, str) for key in input[::2]):
            raise EvaluationError("Dictionary: Keys must be strings.")
        return dict(zip(input[::2], input[1::2], strict=True))
    raise EvaluationError(
        f"Dictionary: Cannot make a dictionary of a value of type {type_name(input)}."
    )


@algorithm("Dictionary.combine")
def combine(first: Items, second: Items, overwrite: Boolean = True) -> Items:
    """All entries of two dictionaries, nulls left out; the second wins if it may overwrite."""
    a = {k: v for k, v in first.items() if v is not None}
    b = {k: v for k, v in second.items() if v is not None}
    return {**a, **b} if overwrite else {**b, **a}


@algorithm("Dictionary.contains")
def contains(dictionary: Items, key: str) -> Boolean:
    """Whether a key is there."""
    return key in dictionary


@algorithm("Dictionary.fromLists")
def from_lists(keys: list[str], values: list[Object]) -> Items:
    """A dictionary of keys and values in separate lists."""
    if len(keys) != len(values):
        raise EvaluationError(
            f"Dictionary.fromLists: Lists must have the same length. Got {len(keys)} and {len(values)}."
        )
    return dict(zip(keys, values, strict=True))


def _get(name: str, items: dict[str, Any], key: str) -> Any:
    if key not in items:
        raise EvaluationError(f"{name}: Dictionary does not contain key: '{key}'.")
    return items[key]


@algorithm("Dictionary.get")
def get(dictionary: Items, key: str, default_value: Object = None) -> Object:
    """The value of a key, or a default if it is missing."""
    if key not in dictionary and default_value is not None:
        return default_value
    return _get("Dictionary.get", dictionary, key)


def _typed(name: str, items: dict[str, Any], key: str, kinds: tuple[type, ...], word: str) -> Any:
    value = _get(name, items, key)
    if value is not None and not isinstance(value, kinds):
        raise EvaluationError(
            f"{name}: The value of '{key}' is not of type {word}, but of type {type_name(value)}."
        )
    return value


@algorithm("Dictionary.getNumber")
def get_number(dictionary: Items, key: str) -> Number:
    """The number of a key."""
    return _typed("Dictionary.getNumber", dictionary, key, (int, float), "Number")  # type: ignore[no-any-return]


@algorithm("Dictionary.getString")
def get_string(dictionary: Items, key: str) -> str:
    """The text of a key."""
    return _typed("Dictionary.getString", dictionary, key, (str,), "String")  # type: ignore[no-any-return]


@algorithm("Dictionary.getArray")
def get_array(dictionary: Items, key: str) -> Array:
    """The array of a key."""
    value = _typed("Dictionary.getArray", dictionary, key, (Array, list), "Array")
    return arrays.array(value) if isinstance(value, list) else value


@algorithm("Dictionary.getGeometry")
def get_geometry(dictionary: Items, key: str) -> Geometry:
    """The geometry of a key."""
    return _typed("Dictionary.getGeometry", dictionary, key, (Geometry,), "Geometry")  # type: ignore[no-any-return]


@algorithm("Dictionary.keys")
def keys(dictionary: Items) -> list[str]:
    """The keys in natural order."""
    return sorted(dictionary)


@algorithm("Dictionary.map")
def map_dictionary(dictionary: Items, base_algorithm: Function) -> Items:
    """A function of key and value applied to every entry; entries whose result is null are dropped."""
    found = {key: base_algorithm(key, dictionary[key]) for key in sorted(dictionary)}
    return {key: value for key, value in found.items() if value is not None}


def _chosen(
    name: str, items: dict[str, Any], selectors: list[str], ignore_missing: bool
) -> list[str]:
    names = sorted(items)
    out: list[str] = []
    for selector in selectors:
        found = matching(names, [selector], name)
        if not found and not ignore_missing:
            raise EvaluationError(f"{name}: Dictionary does not contain key: '{selector}'.")
        out += [n for n in found if n not in out]
    return out


@algorithm("Dictionary.remove")
def remove(dictionary: Items, selectors: list[str], ignore_missing: Boolean = False) -> Items:
    """The dictionary without some keys (names or regular expressions of whole names)."""
    gone = _chosen("Dictionary.remove", dictionary, selectors, ignore_missing)
    return {k: v for k, v in dictionary.items() if k not in gone}


@algorithm("Dictionary.select")
def select(dictionary: Items, selectors: list[str], ignore_missing: Boolean = False) -> Items:
    """The dictionary with only some keys (names or regular expressions of whole names)."""
    kept = _chosen("Dictionary.select", dictionary, selectors, ignore_missing)
    return {k: dictionary[k] for k in kept}


@algorithm("Dictionary.rename", wire_names={"from_": "from"})
def rename(dictionary: Items, from_: list[str], to: list[str], overwrite: Boolean = False) -> Items:
    """Entries under new keys."""
    if len(from_) != len(to):
        raise EvaluationError(
            f"Dictionary.rename: Lists must have the same length. Got {len(from_)} and {len(to)}."
        )
    for name in from_:
        _get("Dictionary.rename", dictionary, name)
    rest = {k: v for k, v in dictionary.items() if k not in from_}
    for name in to:
        if name in rest and not overwrite:
            raise EvaluationError(
                f"Dictionary.rename: The key '{name}' exists already; use 'overwrite'."
            )
    return {**rest, **{new: dictionary[old] for old, new in zip(from_, to, strict=True)}}


@algorithm("Dictionary.set")
def set_value(dictionary: Items, key: str, value: Object) -> Items:
    """The dictionary with one entry set."""
    return {**dictionary, key: value}


@algorithm("Dictionary.size")
def size(dictionary: Items) -> Integer:
    """The number of entries."""
    return len(dictionary)


@algorithm("Dictionary.values")
def values(dictionary: Items, keys: list[str] | None = None) -> list[Object]:
    """Values in the order of the given keys, else in natural order of the keys."""
    return [
        _get("Dictionary.values", dictionary, key)
        for key in (sorted(dictionary) if keys is None else keys)
    ]


@algorithm("Dictionary.toArray")
def to_array(dictionary: Items, keys: list[str] | None = None, axis: Integer = 0) -> Array:
    """Numeric values as an array; arrays are joined along an axis."""
    name = "Dictionary.toArray"
    found = [_get(name, dictionary, key) for key in (sorted(dictionary) if keys is None else keys)]
    try:
        parts = [value if isinstance(value, Array) else arrays.array(value) for value in found]
        return arrays.joined(parts, axis)
    except EvaluationError as error:
        raise EvaluationError(f"{name}: {error.message.partition(': ')[2]}") from None


@algorithm("Dictionary.toImage")
def to_image(dictionary: Items, names: list[str] | None = None) -> Image:
    """A constant image with one band for each entry."""
    chosen = sorted(dictionary) if names is None else names
    return Image(
        bands=tuple(constant_band(n, _get("Dictionary.toImage", dictionary, n)) for n in chosen)
    )
