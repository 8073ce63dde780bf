"""Regions without any pixel, and pixels that are arrays."""

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


def test_a_pixel_of_an_array_band_is_an_array() -> None:
    pair = call("Image.toArray", call("Image.constant", [3, 4]))
    place = call("GeometryConstructors.Point", [5, 6])
    found = call_json("Image.reduceRegion", pair, call("Reducer.first"), place, 1000.0)
    assert found == {"array": [3, 4]}
    histogram = call("Reducer.fixedHistogram", 0, 8, 2)
    found = call_json("Image.reduceRegion", call("Image.constant", 5), histogram, place, 1000.0)
    assert found == {"constant": [[0, 0], [4, 1]]}
