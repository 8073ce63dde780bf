"""Regions without any pixel."""

from __future__ import annotations

from tests.calls import call, call_json


def test_statistics_of_an_empty_geometry_are_null() -> None:
    image = call("Image.constant", 5)
    nowhere = call("GeometryConstructors.MultiPoint", [])
    assert call_json("Image.reduceRegion", image, call("Reducer.mean"), nowhere, 1000.0) == {
        "constant": None
    }
    assert call_json("Image.reduceRegion", image, call("Reducer.count"), nowhere, 1000.0) == {
        "constant": 0
    }
