"""The algorithm listing against the one that the public Python client ships for its own tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecumene.algorithms import load, planned

ee = pytest.importorskip("ee")

PUBLISHED = {
    entry["name"]: entry
    for entry in json.loads((Path(ee.__file__).parent / "tests" / "algorithms.json").read_text())[
        "algorithms"
    ]
}
DIFFERENCES: dict[str, Any] = json.loads(
    (Path(__file__).parent / "listing_differences.json").read_text()
)
LISTED = {entry["name"]: entry for entry in (found.listing() for found in load())}
TABLE = {f"algorithms/{entry.name}": entry.listing() for entry in planned.entries()}


def fields(entry: dict[str, Any]) -> dict[str, Any]:
    """What must agree: everything but words."""
    arguments = [
        {key: argument.get(key) for key in ("argumentName", "type", "optional", "defaultValue")}
        for argument in entry.get("arguments", [])
    ]
    flags = {key: bool(entry.get(key)) for key in ("hidden", "deprecated")}
    return {"returnType": entry["returnType"], "arguments": arguments, **flags}


def test_every_published_algorithm_is_listed_and_no_other():
    assert LISTED.keys() - DIFFERENCES.keys() == PUBLISHED.keys()
    assert len(PUBLISHED) >= 991


@pytest.mark.parametrize("listing", [LISTED, TABLE], ids=["served", "table"])
def test_signatures_are_the_published_ones(listing):
    wrong = {
        name: (fields(listing[name]), fields(published))
        for name, published in PUBLISHED.items()
        if fields(listing[name]) != fields(published) and name not in DIFFERENCES
    }
    assert wrong == {}


def test_differences_are_still_true_and_have_a_reason():
    for name, difference in DIFFERENCES.items():
        assert difference["reason"]
        assert fields(LISTED[name]) != (fields(PUBLISHED[name]) if name in PUBLISHED else None)


def test_order_of_arguments_is_the_order_of_positional_calls():
    """Field comparison is by list, so this is only a guard of the comparison itself."""
    swapped = fields(PUBLISHED["algorithms/Image.addBands"])
    swapped["arguments"] = swapped["arguments"][::-1]
    assert swapped != fields(LISTED["algorithms/Image.addBands"])


@pytest.mark.parametrize("listing", [LISTED, TABLE], ids=["served", "table"])
def test_descriptions_are_there_and_our_own(listing):
    for name, published in PUBLISHED.items():
        ours = listing[name]["description"]
        assert ours.strip(), name
        if len(published["description"]) > 40:
            assert " ".join(ours.split()) != " ".join(published["description"].split()), name


def test_arguments_of_implemented_algorithms_have_words_of_our_own():
    for name, published in PUBLISHED.items():
        theirs = {
            a["argumentName"]: a.get("description", "") for a in published.get("arguments", [])
        }
        for argument in LISTED[name].get("arguments", []):
            words = theirs.get(argument["argumentName"], "")
            if len(words) > 40:
                assert argument["description"] != words, (name, argument["argumentName"])


def test_hidden_algorithms_are_listed_because_clients_call_them():
    assert LISTED["algorithms/Element.setMulti"]["hidden"] is True


def test_no_name_is_declared_twice_in_the_tables():
    names = [entry.name for entry in planned.entries()]
    assert len(names) == len(set(names)) == len(PUBLISHED)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            "X.y() -> Number # Nothing.", {"name": "X.y", "arguments": ()}, id="no-arguments"
        ),
        pytest.param("hidden X() -> Object # Inner.", {"hidden": True}, id="hidden"),
        pytest.param(
            'deprecated "Use Y (really)." X() -> Object # Old.',
            {"deprecated": "Use Y (really).", "name": "X"},
            id="deprecated-with-brackets",
        ),
    ],
)
def test_parse_reads_a_line(line, expected):
    entry = planned.parse(line)
    assert {key: getattr(entry, key) for key in expected} == expected


def test_parse_reads_types_and_defaults():
    entry = planned.parse(
        'A.b(x: Image<unknown bands>, y: Dictionary<List<Integer>> = {"a, b: C": [1, 2]}, z: String = null) -> List<Object> # Words: here.'
    )
    assert [(a.name, a.type, a.optional) for a in entry.arguments] == [
        ("x", "Image<unknown bands>", False),
        ("y", "Dictionary<List<Integer>>", True),
        ("z", "String", True),
    ]
    assert entry.arguments[1].default == {"a, b: C": [1, 2]}
    assert (entry.returns, entry.description) == ("List<Object>", "Words: here.")


@pytest.mark.parametrize("line", ["X", "X() ->", "X(a b) -> Number # Bad.", "X(a: ) -> Y"])
def test_parse_refuses_a_bad_line(line):
    with pytest.raises(ValueError, match="bad"):
        planned.parse(line)
