"""Lists: values worked by hand from the descriptions of the functions, java.util for moving elements."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core.array import Array
from ecumene.core.dates import Date
from ecumene.core.errors import EvaluationError, LimitExceeded
from tests.calls import call, json_graph
from tests.engine.graphs import const, graph, invoke

NAN = math.nan
TABLE = [
    ("List.add", ([None], []), [None, []]),
    ("List.cat", ([1], []), [1]),
    ("List.contains", ([1, "a"], 1.0), True),
    ("List.contains", ([1, "1"], "2"), False),
    ("List.containsAll", ([1, 2, 3], [3, 3, 1]), True),
    ("List.containsAll", ([1], []), True),
    ("List.containsAll", ([], [1]), False),
    ("List.distinct", ([3, 1, 3.0, "3", None, None, [1], [1.0], NAN, NAN],), [3, 1, "3", None, [1], NAN]),
    ("List.equals", ([1, [2]], [1.0, [2]]), True),
    ("List.equals", ([1, 2], [2, 1]), False),
    ("List.flatten", ([1, [2, [3, [], [4]]], "ab", None],), [1, 2, 3, 4, "ab", None]),
    ("List.frequency", ([1, "1", 1.0, [1]], 1), 2),
    ("List.get", ([1, 2, 3], -3), 1),
    ("List.indexOf", ([1, 2, 1], 1), 0),
    ("List.indexOf", ([], 1), -1),
    ("List.indexOfSublist", ([1, 2, 3, 1, 2, 3], [3, 1]), 2),
    ("List.indexOfSublist", ([1, 2], []), 0),
    ("List.indexOfSublist", ([1, 1, 2], [1, 2]), 1),
    ("List.indexOfSublist", ([1], [1, 1]), -1),
    ("List.lastIndexOfSubList", ([1, 2, 3, 1, 2, 3], [2, 3]), 4),
    ("List.lastIndexOfSubList", ([1, 2], []), 2),
    ("List.lastIndexOfSubList", ([1, 2], [3]), -1),
    ("List.insert", ([1, 2], 2, 9), [1, 2, 9]),
    ("List.insert", ([1, 2], -1, 9), [1, 9, 2]),
    ("List.insert", ([], 0, 9), [9]),
    ("List.join", ([1, "a", 2.5, None, True, [1, 2], 1e-7, {"k": 1}], ", "), "1, a, 2.5, null, true, [1, 2], 1.0E-7, {k=1}"),
    ("List.join", ([], "-"), ""),
    ("List.join", ([Date(0), Array.of([[1, 2]])],), "1970-01-01T00:00:00[[1, 2]]"),
    ("List.length", ([],), 0),
    ("List.size", ([1, [2, 3]],), 2),
    ("List.remove", ([1, 2, 1], 1), [2, 1]),
    ("List.remove", ([1], 5), [1]),
    ("List.removeAll", ([1, 2, 1, "1"], [1]), [2, "1"]),
    ("List.repeat", ("a", 0), []),
    ("List.repeat", ([1], 2), [[1], [1]]),
    ("List.replace", ([1, 2, 1], 1, 9), [9, 2, 1]),
    ("List.replaceAll", ([1, 2, 1.0, "1"], 1, 0), [0, 2, 0, "1"]),
    ("List.reverse", ([1, "a"],), ["a", 1]),
    ("List.rotate", ([1, 2, 3, 4], 1), [4, 1, 2, 3]),
    ("List.rotate", ([1, 2, 3, 4], -5), [2, 3, 4, 1]),
    ("List.rotate", ([], 3), []),
    ("List.sequence", (0, 10, 3), [0, 3, 6, 9]),
    ("List.sequence", (10, 0, -5), [10, 5, 0]),
    ("List.sequence", (0, -1), []),
    ("List.sequence", (1, None, 1, 0), []),
    ("List.sequence", (1, 1), [1]),
    ("List.sequence", (0, 1, 0.25), [0, 0.25, 0.5, 0.75, 1]),
    ("List.sequence", (0, 0.3, 0.1), [0, 0.1, 0.2, pytest.approx(0.3)]),
    ("List.sequence", (5, 7, None, 1), [5]),
    ("List.sequence", (0, 1, None, 3), [0, 0.5, 1]),
    ("List.set", ([1, 2], -1, 9), [1, 9]),
    ("List.slice", ([1, 2, 3, 4, 5], 1, -1), [2, 3, 4]),
    ("List.slice", ([1, 2, 3], -100, 100), [1, 2, 3]),
    ("List.slice", ([1, 2, 3], 2, 1), []),
    ("List.slice", ([1, 2, 3, 4, 5], 0, None, 2), [1, 3, 5]),
    ("List.sort", ([3, 1, 2.5],), [1, 2.5, 3]),
    ("List.sort", (["b", 2, "a", 1, None, NAN],), [1, 2, NAN, "a", "b", None]),
    ("List.sort", ([Date(2), Date(1)],), [Date(1), Date(2)]),
    ("List.sort", (["a", "b", "c"], [3, 1, 2]), ["b", "c", "a"]),
    ("List.sort", (["a", "b", "c"], [1, 1, 0]), ["c", "a", "b"]),
    ("List.splice", ([0, 1, 2, 3, 4], -2, 1), [0, 1, 2, 4]),
    ("List.splice", ([0, 1, 2, 3, 4], 2, 0, ["X"]), [0, 1, "X", 2, 3, 4]),
    ("List.splice", ([0, 1], 5, 9, ["X"]), [0, 1, "X"]),
    ("List.swap", ([1, 2, 3], 0, -1), [3, 2, 1]),
    ("List.zip", ([1, 2, 3], ["a", "b"]), [[1, "a"], [2, "b"]]),
    ("List.unzip", ([[1, 2], [3, 4, 5]],), [[1, 3], [2, 4]]),
    ("List.unzip", ([],), []),
    ("List.getNumber", ([1.5], 0), 1.5),
    ("List.getString", (["a"], -1), "a"),
]  # fmt: skip


def same(found, expected):
    return repr(found) == repr(expected) or found == expected


@pytest.mark.parametrize(
    ("name", "arguments", "expected"), TABLE, ids=[f"{n}{a}" for n, a, _ in TABLE]
)
def test_lists(name, arguments, expected):
    assert same(call(name, *arguments), expected)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("List.get", ([1, 2, 3], 5), "List.get: List index must be between 0 and 2, or -3 and -1. Found 5."),
        ("List.get", ([1, 2, 3], -4), "List.get: List index must be between 0 and 2, or -3 and -1. Found -4."),
        ("List.get", ([], 0), "List.get: List index must be between 0 and -1. Found 0: the list is empty."),
        ("List.get", ([1], 0.5), "List.get, argument 'index': Invalid type.\nExpected type: Integer.\nActual type: Float.\nActual value: 0.5"),
        ("List.add", ([], None), "List.add: Parameter 'element' is required."),
        ("List.get", (None, 0), "List.get: Parameter 'list' is required."),
        ("List.get", ("ab", 0), "List.get, argument 'list': Invalid type.\nExpected type: List<Object>.\nActual type: String.\nActual value: ab"),
        ("List.swap", ([1], 0, 1), "List.swap: List index must be between 0 and 0, or -1 and -1. Found 1."),
        ("List.set", ([], 0, 1), "List.set: List index must be between 0 and -1. Found 0: the list is empty."),
        ("List.insert", ([1], 3, 0), "List.insert: List index must be between 0 and 1, or -1 and -1. Found 3."),
        ("List.sort", ([1, 2], [1]), "List.sort: The list and the keys must have the same length. Got 2 and 1."),
        ("List.sequence", (0,), "List.sequence: Either 'end' or 'count' must be given."),
        ("List.sequence", (0, 1, 0), "List.sequence: 'step' must not be 0."),
        ("List.sequence", (0, math.inf), "List.sequence: 'step' must not be 0."),
        ("List.sequence", (0, 1, 1, -1), "List.sequence: 'count' must not be negative, got -1."),
        ("List.unzip", ([[1], 2],), "List.unzip: All elements must be lists."),
        ("List.getNumber", (["a"], 0), "List.getNumber: The element at 0 is not of type Number, but of type String."),
        ("List.shuffle", ([1], "x"), "List.shuffle: 'seed' must be an integer or false."),
        ("List.slice", ([1], 0, 1, 0), "List.slice: 'step' must be positive, got 0."),
        ("List.repeat", (1, 10**9), "List.repeat: The list would have 1000000000 elements; at most 10000000 are allowed."),
    ],
)  # fmt: skip
def test_errors(name, arguments, words):
    with pytest.raises((EvaluationError, LimitExceeded, Exception)) as caught:
        call(name, *arguments)
    assert caught.value.message == words


def test_map_drops_nulls_only_when_asked():
    body = invoke("If", condition={"argumentReference": "x"}, trueCase={"argumentReference": "x"})
    for drop, expected in ((True, [1, 2]), (False, [None, 1, None, 2])):
        found = json_graph(
            {
                "result": "r",
                "values": {
                    "f": {"functionDefinitionValue": {"argumentNames": ["x"], "body": "b"}},
                    "b": body,
                    "r": invoke("List.map", list=const([0, 1, None, 2]), baseAlgorithm={"valueReference": "f"}, dropNulls=const(drop)),
                },
            }
        )  # fmt: skip
        assert found == (expected if drop else [None, 1, None, 2])


def test_iterate_passes_the_state():
    found = json_graph(
        {
            "result": "r",
            "values": {
                "f": {"functionDefinitionValue": {"argumentNames": ["x", "s"], "body": "b"}},
                "b": invoke("Number.add", left={"argumentReference": "x"}, right={"argumentReference": "s"}),
                "r": invoke("List.iterate", list=const([1, 2, 3]), function={"valueReference": "f"}, first=const(10)),
            },
        }
    )  # fmt: skip
    assert found == 16


def test_filter_calls_elements_item():
    filter_ = invoke("Filter.greaterThan", leftField=const("item"), rightValue=const(1))
    assert json_graph(graph(invoke("List.filter", list=const([0, 1, 2, 3]), filter=filter_))) == [2, 3]  # fmt: skip


@given(st.lists(st.integers(), max_size=20), st.integers(0, 1000))
def test_shuffles_are_permutations_and_repeat_with_their_seed(items, seed):
    found = call("List.shuffle", items, seed)
    assert sorted(found) == sorted(items)
    assert call("List.shuffle", items, seed) == found
    assert sorted(call("List.shuffle", items, False)) == sorted(items)


@given(st.lists(st.integers(0, 1), max_size=12), st.lists(st.integers(0, 1), max_size=4))
def test_sublists_are_found_as_by_trying(items, target):
    n = len(target)
    places = [i for i in range(len(items) - n + 1) if items[i : i + n] == target]
    assert call("List.indexOfSublist", items, target) == (places[0] if places else -1)
    assert call("List.lastIndexOfSubList", items, target) == (places[-1] if places else -1)


@given(st.lists(st.integers(), max_size=9), st.integers(-20, 20))
def test_rotating_back_restores(items, distance):
    assert call("List.rotate", call("List.rotate", items, distance), -distance) == items


@given(st.lists(st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.none())))
def test_sorting_is_a_permutation_that_sorting_leaves(items):
    random.shuffle(items)
    once = call("List.sort", items)
    assert sorted(map(repr, once)) == sorted(map(repr, items))
    assert repr(call("List.sort", once)) == repr(once)


def nested(levels, width=1000):
    value = 1
    for _ in range(levels):
        value = [value] * width
    return value


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("List.flatten", ()), ("List.join", ()), ("List.distinct", ()), ("IsEqual", (nested(4),)), ("Array", ()),
        ("String.encodeJSON", ()), ("List.indexOf", (nested(3),)),
    ],
)  # fmt: skip
def test_what_shares_its_parts_a_trillion_times_is_refused(name, arguments):
    with pytest.raises(LimitExceeded):
        call(name, nested(4), *arguments)


def test_doubling_lists_ends():
    items = [0] * 6_000_000
    with pytest.raises(LimitExceeded, match=r"List\.cat"):
        call("List.cat", items, items)
