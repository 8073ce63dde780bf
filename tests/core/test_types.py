"""Pixel types, their union, colours, equality, limits, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.api.errors import response
from ecumene.core import errors
from ecumene.core.colours import rgba
from ecumene.core.context import CancelToken
from ecumene.core.equality import equal, key
from ecumene.core.limits import GEE, OPEN
from ecumene.core.pixel_type import (
    DOUBLE,
    FLOAT,
    INT16,
    INT32,
    UINT8,
    UINT16,
    PixelType,
    of_dtype,
    of_range,
    of_value,
    union,
)  # fmt: skip

NAMES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64"]


@pytest.mark.parametrize("name", NAMES)
def test_ranges_of_numpy_types(name):
    kind, info = of_dtype(name), np.iinfo(name)
    assert (kind.min, kind.max) == (info.min, info.max)
    assert kind.dtype == np.dtype(name)


@given(st.integers(-(2**62), 2**62), st.integers(0, 2**62 - 1))
def test_the_smallest_type_holds_its_range(low, span):
    kind = of_range(low, low + span)
    info = np.iinfo(kind.dtype)
    assert info.min <= low
    assert low + span <= info.max
    smaller = [n for n in NAMES if np.dtype(n).itemsize < kind.dtype.itemsize]
    assert not any(np.iinfo(n).min <= low and low + span <= np.iinfo(n).max for n in smaller)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ((UINT8, UINT16), UINT16),
        ((UINT8, of_range(-1, 1)), of_range(-1, 255)),
        ((UINT16, FLOAT), FLOAT),
        ((INT16, PixelType("float", 0, 1)), PixelType("float", -32768, 32767)),
        ((INT32, FLOAT), DOUBLE),
        ((FLOAT, DOUBLE), DOUBLE),
    ],
)
def test_union(types, expected):
    found = union(*types)
    assert found.precision == expected.precision
    assert found.bounds == expected.bounds or expected in (FLOAT, DOUBLE)
    assert union(*reversed(types)) == found


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, of_range(3, 3)), (2.0, of_range(2, 2)), (0.5, PixelType("double", 0.5, 0.5)), (float("nan"), DOUBLE)],
)  # fmt: skip
def test_types_of_constants(value, expected):
    assert of_value(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("red", (255, 0, 0, 255)),
        ("FF8000", (255, 128, 0, 255)),
        ("#ff8000", (255, 128, 0, 255)),
        ("00FF0080", (0, 255, 0, 128)),
        ("f80", (255, 136, 0, 255)),
    ],
)
def test_colours(text, expected):
    assert rgba(text) == expected


@pytest.mark.parametrize("text", ["", "notacolour", "12345", "GGGGGG", "#"])
def test_what_is_no_colour(text):
    with pytest.raises(errors.EcumeneError):
        rgba(text)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True), (1, 2, False), ("1", 1, False), ([1, [2]], [1.0, [2]], True), ([1], [1, 1], False),
        ({"a": 1}, {"a": 1.0}, True), ({"a": 1}, {"b": 1}, False), (None, None, True), (None, 0, False),
    ],
)  # fmt: skip
def test_equality(left, right, same):
    assert equal(left, right) is same
    if same:
        assert key(left) == key(right)


def test_profiles_of_limits():
    assert GEE.request_pixels_bytes == 48 * 2**20
    assert GEE.elements == 5000
    assert GEE.body_bytes == 10 * 2**20
    assert OPEN.request_pixels_bytes > GEE.request_pixels_bytes


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.RequestError("m"), 400, "INVALID_ARGUMENT"),
        (errors.EvaluationError("m"), 400, "INVALID_ARGUMENT"),
        (errors.LimitExceeded("m"), 400, "INVALID_ARGUMENT"),
        (errors.Unauthenticated("m"), 401, "UNAUTHENTICATED"),
        (errors.PermissionDenied("m"), 403, "PERMISSION_DENIED"),
        (errors.NotFound("m"), 404, "NOT_FOUND"),
        (errors.AlreadyExists("m"), 409, "ALREADY_EXISTS"),
        (errors.RateLimited("m"), 429, "RESOURCE_EXHAUSTED"),
        (errors.Unavailable("m"), 503, "UNAVAILABLE"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_and_their_status(error, code, status):
    assert (error.http, error.status, error.message) == (code, status, "m")


@pytest.mark.parametrize("code", [400, 404, 405, 413, 500])
def test_bodies_of_bare_errors(code):
    assert response(code, "text").status_code == code


def test_a_token_is_set_once_and_for_all():
    token = CancelToken()
    token.check()
    token.cancel()
    with pytest.raises(errors.Cancelled, match="cancelled"):
        token.check()


def test_a_deadline_passes():
    with pytest.raises(errors.Cancelled, match="Computation timed out"):
        CancelToken(-1).check()
