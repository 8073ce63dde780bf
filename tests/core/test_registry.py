"""One declaration is the whole algorithm: signature and docstring become the entry."""

from __future__ import annotations

from typing import Annotated

import pytest

from ecumene.core.context import Context
from ecumene.core.image import Image
from ecumene.core.registry import Registry, camel, describe, parse_docstring
from ecumene.core.wire import Float, Integer, Object, Wire, wire_text


def tilt(
    input: Image,
    to_: list[Integer],
    max_angle: Float = 30.0,
    kind: Annotated[str, Wire("<any>")] | None = None,
    *,
    context: Context,
) -> dict[str, Object]:
    """How far a surface
    leans.

    Flat surfaces do not lean.

    Parameters
    ----------
    input : height in metres,
        of the first band.
    to_, max_angle : degrees.

    Never more than a right angle.
    """
    return {}


def test_a_function_becomes_an_entry():
    entry = describe("Terrain.tilt", tilt)
    assert entry.description == "How far a surface leans."
    assert entry.returns == "Dictionary<Object>"
    assert entry.inject == "context"
    assert [(a.name, a.type, a.description, a.optional) for a in entry.arguments] == [
        ("input", "Image<unknown bands>", "height in metres, of the first band.", False),
        ("to", "List<Integer>", "degrees.", False),
        ("maxAngle", "Float", "degrees.", True),
        ("kind", "<any>", "", True),
    ]
    assert "Flat surfaces do not lean." in entry.details
    assert "Never more than a right angle." in entry.details


def test_the_listing_is_that_of_the_service():
    listing = describe("Terrain.tilt", tilt, hidden=True, deprecated="use slope").listing()
    assert listing["name"] == "algorithms/Terrain.tilt"
    assert listing["hidden"] is True
    assert listing["deprecated"] is True
    assert listing["arguments"][2] == {
        "argumentName": "maxAngle", "type": "Float", "description": "degrees.", "optional": True, "defaultValue": 30.0,
    }  # fmt: skip
    assert "optional" not in listing["arguments"][0]


def test_a_name_is_implemented_once_and_a_plan_gives_way():
    registry, entry = Registry(), describe("A.b", tilt)
    from dataclasses import replace

    registry.add(replace(entry, function=None))
    registry.add(entry)
    registry.add(replace(entry, function=None))
    assert registry.get("A.b") is entry
    with pytest.raises(RuntimeError, match="twice"):
        registry.add(entry)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a", "a"), ("max_pixels", "maxPixels"), ("lambda_", "lambda"), ("num_x", "numX")],
)
def test_camel(name, expected):
    assert camel(name) == expected


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (Integer, "Integer"), (Float | None, "Float"), (str, "String"), (bool, "Boolean"),
        (list[Image], "List<Image<unknown bands>>"), (dict[str, Float], "Dictionary<Float>"),
        (list[list[Integer]], "List<List<Integer>>"),
    ],
)  # fmt: skip
def test_wire_text(annotation, text):
    assert wire_text(annotation) == text


def test_a_docstring_without_parameters():
    assert parse_docstring("One line.") == ("One line.", {}, "")
    assert parse_docstring(None) == ("", {}, "")
