"""Typed lists hold no nulls; lists of anything may."""

from __future__ import annotations

import pytest

from ecumene.core.errors import BindingError
from tests.calls import call


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ImageCollection.fromImages", [[call("Image.constant", 1), None]]),
        ("Reducer.percentile", [[10, None]]),
    ],
    ids=["images", "numbers"],
)
def test_a_null_in_a_typed_list_is_a_mistake(name: str, arguments: list[object]) -> None:
    with pytest.raises(BindingError, match="Invalid type"):
        call(name, *arguments)


def test_a_list_of_anything_may_hold_null() -> None:
    assert call("List.length", [1, None]) == 2
