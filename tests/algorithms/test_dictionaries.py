"""Dictionaries: values worked by hand from the descriptions of the functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core.array import Array
from ecumene.core.errors import EcumeneError
from ecumene.core.geometry import Geometry
from tests.calls import call, call_json

D = {"b": 2, "a": 1, "c": None}
TABLE = [
    ("Dictionary", (), {}),
    ("Dictionary", (["a", 1, "b", [2]],), {"a": 1, "b": [2]}),
    ("Dictionary", ([],), {}),
    ("Dictionary.combine", (D, {"a": 9, "d": 4}), {"a": 9, "b": 2, "d": 4}),
    ("Dictionary.combine", (D, {"a": 9, "d": None}, False), {"a": 1, "b": 2}),
    ("Dictionary.combine", ({"a": 1}, {"a": None}), {"a": 1}),
    ("Dictionary.contains", (D, "c"), True),
    ("Dictionary.contains", (D, "d"), False),
    ("Dictionary.fromLists", (["x", "y"], [1, None]), {"x": 1, "y": None}),
    ("Dictionary.fromLists", (["x", "x"], [1, 2]), {"x": 2}),
    ("Dictionary.get", (D, "a"), 1),
    ("Dictionary.get", (D, "z", "default"), "default"),
    ("Dictionary.get", (D, "c", 5), None),
    ("Dictionary.keys", ({"b": 1, "B": 2, "a10": 3, "a9": 4, "": 5},), ["", "B", "a10", "a9", "b"]),
    ("Dictionary.remove", (D, ["a"]), {"b": 2, "c": None}),
    ("Dictionary.remove", (D, ["[ab]", "zz"], True), {"c": None}),
    ("Dictionary.remove", (D, "a"), {"b": 2, "c": None}),
    ("Dictionary.rename", (D, ["a", "b"], ["b", "a"]), {"a": 2, "b": 1, "c": None}),
    ("Dictionary.rename", (D, ["a"], ["b"], True), {"b": 1, "c": None}),
    ("Dictionary.select", (D, ["b", "a"]), {"a": 1, "b": 2}),
    ("Dictionary.select", (D, [".*"]), D),
    ("Dictionary.select", ({"a.b": 1, "axb": 2}, ["a.b"]), {"a.b": 1}),
    ("Dictionary.select", (D, ["x", "a"], True), {"a": 1}),
    ("Dictionary.set", (D, "z", []), {**D, "z": []}),
    ("Dictionary.size", (D,), 3),
    ("Dictionary.values", (D,), [1, 2, None]),
    ("Dictionary.values", (D, ["b", "a"]), [2, 1]),
    ("Dictionary.getNumber", (D, "a"), 1),
    ("Dictionary.getString", ({"a": "x"}, "a"), "x"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "expected"), TABLE, ids=[f"{n}{a}" for n, a, _ in TABLE]
)
def test_dictionaries(name, arguments, expected):
    assert call(name, *arguments) == expected


@pytest.mark.parametrize(
    ("value", "axis", "expected"),
    [
        ({"b": 2.5, "a": 1}, 0, [1, 2.5]), ({"a": 1, "b": 2}, 1, [[1, 2]]), ({"a": [1, 2], "b": [3]}, 0, [1, 2, 3]),
        ({"a": [1, 2], "b": [3, 4]}, 1, [[1, 3], [2, 4]]), ({"a": Array.of([[1], [2]]), "b": [3, 4]}, 1, [[1, 3], [2, 4]]),
    ],
)  # fmt: skip
def test_to_array(value, axis, expected):
    assert call_json("Dictionary.toArray", value, axis=axis) == expected


def test_types_of_values():
    array = call("Dictionary.getArray", {"a": [[1, 2]]}, "a")
    assert array.values.tolist() == [[1, 2]] and array.type.dimensions == 2
    point = call("GeometryConstructors.Point", [1, 2])
    assert isinstance(call("Dictionary.getGeometry", {"g": point}, "g"), Geometry)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("Dictionary", ([1],), "Dictionary: A list must have an even number of elements."),
        ("Dictionary", ([1, 2],), "Dictionary: Keys must be strings."),
        ("Dictionary", (5,), "Dictionary: Cannot make a dictionary of a value of type Integer."),
        ("Dictionary.get", (D, "x"), "Dictionary.get: Dictionary does not contain key: 'x'."),
        ("Dictionary.getNumber", (D, "x"), "Dictionary.getNumber: Dictionary does not contain key: 'x'."),
        ("Dictionary.getNumber", ({"a": "x"}, "a"), "Dictionary.getNumber: The value of 'a' is not of type Number, but of type String."),
        ("Dictionary.fromLists", (["a"], []), "Dictionary.fromLists: Lists must have the same length. Got 1 and 0."),
        ("Dictionary.rename", (D, ["a"], ["b"]), "Dictionary.rename: The key 'b' exists already; use 'overwrite'."),
        ("Dictionary.rename", (D, ["x"], ["y"]), "Dictionary.rename: Dictionary does not contain key: 'x'."),
        ("Dictionary.select", (D, ["x"]), "Dictionary.select: Dictionary does not contain key: 'x'."),
        ("Dictionary.remove", (D, ["x"]), "Dictionary.remove: Dictionary does not contain key: 'x'."),
        ("Dictionary.values", (D, ["x"]), "Dictionary.values: Dictionary does not contain key: 'x'."),
        ("Dictionary.toArray", ({"a": "x"},), "Dictionary.toArray: Cannot make an array of a value of type String."),
        ("Dictionary.toArray", ({"a": [[1, 2]], "b": [[1]]},), "Dictionary.toArray: Arrays must have the same lengths along all axes but 0."),
        ("Dictionary.contains", ([], "a"), "Dictionary.contains, argument 'dictionary': Invalid type.\nExpected type: Dictionary<Object>.\nActual type: List<Object>.\nActual value: []"),
    ],
)  # fmt: skip
def test_errors(name, arguments, words):
    with pytest.raises(EcumeneError) as caught:
        call(name, *arguments)
    assert caught.value.message == words


items = st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.integers()), max_size=5)


@given(items, items)
def test_combining(first, second):
    both = call("Dictionary.combine", first, second)
    assert both == {k: v for k, v in {**first, **{k: v for k, v in second.items() if v is not None}}.items() if v is not None}  # fmt: skip
    assert call("Dictionary.combine", second, first, False) == both


@given(items)
def test_keys_and_values_make_the_dictionary_again(value):
    keys, values = call("Dictionary.keys", value), call("Dictionary.values", value)
    assert call("Dictionary.fromLists", keys, values) == value
    assert keys == sorted(keys)
