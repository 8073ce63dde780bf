"""Binding of arguments: what is missing, surplus or of the wrong type, in the service's words."""

from __future__ import annotations

import pytest

from ecumene.algorithms import load
from ecumene.core.errors import BindingError, EvaluationError, NotImplementedYet, RequestError
from ecumene.core.image import Image
from ecumene.core.registry import Algorithm, Argument
from ecumene.engine.bind import AlgorithmFunction, find, invoke, prefixed
from ecumene.engine.types import shown, type_name, type_text
from tests.calls import call, context, engine


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        pytest.param(
            "Number.add", {"left": 1}, "Number.add: Parameter 'right' is required.", id="missing"
        ),
        pytest.param(
            "Number.divide",
            {"left": None, "right": 2},
            "Number.divide: Parameter 'left' is required.",
            id="null",
        ),
        pytest.param(
            "Image.select",
            {"bandSelectors": ["a"]},
            "Image.select: Parameter 'input' is required.",
            id="image",
        ),
        pytest.param(
            "List.map",
            {"list": -110.438, "baseAlgorithm": "Number.sqrt"},
            "List.map, argument 'list': Invalid type.\nExpected type: List<Object>.\nActual type: Float.\nActual value: -110.438",
            id="number-for-list",  # as published in a bug report of a public project
        ),
        pytest.param(
            "Number.add",
            {"left": 1, "right": "x"},
            "Number.add, argument 'right': Invalid type.\nExpected type: Number.\nActual type: String.\nActual value: x",
            id="text-for-number",
        ),
        pytest.param(
            "List.get",
            {"list": [1, 2], "index": 0.5},
            "List.get, argument 'index': Invalid type.\nExpected type: Integer.\nActual type: Float.\nActual value: 0.5",
            id="fraction-for-integer",
        ),
        pytest.param(
            "String.cat",
            {"string1": "a", "string2": 5},
            "String.cat, argument 'string2': Invalid type.\nExpected type: String.\nActual type: Integer.\nActual value: 5",
            id="number-for-text",
        ),
        pytest.param(
            "Array.get",
            {"array": [1, 2], "position": 0},
            "Array.get, argument 'position': Invalid type.\nExpected type: List<Integer>.\nActual type: Integer.\nActual value: 0",
            id="number-for-list-of-integers",
        ),
        pytest.param(
            "Dictionary.fromLists",
            {"keys": ["a", 1], "values": [1, 2]},
            "Dictionary.fromLists, argument 'keys': Invalid type.\nExpected type: List<String>.\nActual type: List<Object>.\nActual value: [a, 1]",
            id="one-item-of-a-list",
        ),
        pytest.param(
            "Dictionary.keys",
            {"dictionary": [1]},
            "Dictionary.keys, argument 'dictionary': Invalid type.\nExpected type: Dictionary<Object>.\nActual type: List<Integer>.\nActual value: [1]",
            id="list-for-dictionary",
        ),
        pytest.param(
            "Image.bandNames",
            {"image": {"a": [1, None, True]}},
            "Image.bandNames, argument 'image': Invalid type.\nExpected type: Image<unknown bands>.\nActual type: Dictionary<Object>.\nActual value: {a=[1, null, true]}",
            id="dictionary-for-image",
        ),
        pytest.param(
            "Number.add",
            {"left": 1, "right": 2, "third": 3},
            "Number.add: Unknown argument 'third'. It takes: left, right.",
            id="surplus",
        ),
    ],
)
def test_bad_arguments(name, arguments, message):
    entry = find(engine().registry, name)
    with pytest.raises(BindingError) as caught:
        invoke(entry, arguments, context(), engine().registry)
    assert caught.value.message == message


def test_images_in_messages_show_their_bands():
    image = call("Image.rename", call("Image.constant", [1, 2]), ["NDVI", "EVI"])
    with pytest.raises(BindingError) as caught:
        call("List.get", image, 0)
    assert caught.value.message.splitlines()[1:] == [
        "Expected type: List<Object>.",
        "Actual type: Image<[NDVI, EVI]>.",
        "Actual value: <Image>",
    ]


def test_unknown_names_get_the_nearest_ones():
    with pytest.raises(
        BindingError, match=r"Unknown function 'Image\.ad'\. Did you mean .*'Image\.add'"
    ):
        find(engine().registry, "Image.ad")
    with pytest.raises(BindingError, match=r"Unknown function 'Zzzzqqqq'\.$"):
        find(engine().registry, "Zzzzqqqq")


def test_planned_algorithms_say_their_name():
    registry = load()
    planned = next(entry for entry in registry if not entry.implemented)
    with pytest.raises(NotImplementedYet) as caught:
        find(registry, planned.name)
    assert caught.value.message.startswith(f"{planned.name}: ")
    assert caught.value.http == 400


def test_null_for_an_optional_argument_is_its_default():
    assert call("List.sequence", 1, 5, None, None) == call("List.sequence", 1, 5)


def test_selectors_may_be_one_name_or_one_number():
    image = call("Image.rename", call("Image.constant", [1, 2]), ["a", "b"])
    for selector in ("b", ["b"], 1, [1]):
        found = call("Image.select", image, selector)
        assert isinstance(found, Image)
        assert found.band_names == ["b"]


def test_errors_of_computations_name_the_algorithm_once():
    with pytest.raises(
        EvaluationError, match=r"^Dictionary\.get: Dictionary does not contain key: 'b'\.$"
    ):
        call("Dictionary.get", {"a": 1}, "b")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param("No such band.", "X.y: No such band.", id="bare"),
        pytest.param("X.y: No such band.", "X.y: No such band.", id="named"),
        pytest.param("Z.w: No such band.", "Z.w: No such band.", id="named-by-another"),
        pytest.param("X.y, argument 'a': Bad.", "X.y, argument 'a': Bad.", id="argument"),
        pytest.param("Not so: it is bad.", "X.y: Not so: it is bad.", id="colon-in-words"),
        pytest.param(
            "Error in map(ID=3):\nZ.w: Bad.", "X.y: Error in map(ID=3):\nZ.w: Bad.", id="in-a-map"
        ),
        pytest.param(
            "User memory limit exceeded.", "User memory limit exceeded.", id="stands-alone"
        ),
    ],
)
def test_prefixed(message, expected):
    assert prefixed("X.y", message) == expected


def test_arithmetic_that_has_no_result_is_an_error_for_the_caller():
    entry = Algorithm(
        "X.y", (Argument("a", "Number", parameter="a"),), "Number", "", lambda a: 1 // a
    )
    with pytest.raises(EvaluationError, match=r"^X\.y: Arithmetic error"):
        invoke(entry, {"a": 0}, context(), engine().registry)


def test_algorithms_as_values():
    function = AlgorithmFunction(find(load(), "Number.subtract"), context(), load())
    assert function.argument_names == ("left", "right")
    assert function(5, 3) == function.call_named({"right": 3, "left": 5}) == 2
    with pytest.raises(RequestError, match="takes 2 arguments, got 3"):
        function(1, 2, 3)
    with pytest.raises(RequestError, match="Parameter 'right' is required"):
        function(1)


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (None, "Null", "Null"),
        (True, "Boolean", "Boolean"),
        (2**31 - 1, "Integer", "Integer"),
        (2**31, "Long", "Long"),
        (0.5, "Float", "Float"),
        ("a", "String", "String"),
        ([], "List", "List<Object>"),
        (["a", "b"], "List", "List<String>"),
        ([1, "b"], "List", "List<Object>"),
        ({"a": 1}, "Dictionary", "Dictionary<Object>"),
    ],
    ids=repr,
)
def test_type_names(value, name, text):
    assert (type_name(value), type_text(value)) == (name, text)


def test_shown_values_are_short_however_large_they_are():
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    assert len(shown(deep)) <= 200
    assert len(shown("x" * 10**6)) == 200
    assert len(shown(list(range(10**6)))) == 200
    assert len(shown({str(i): [i] * 1000 for i in range(1000)})) == 200
