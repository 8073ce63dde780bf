"""Arrays: values worked by hand or numpy's, types and errors of the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ecumene.core.array import Array
from ecumene.core.errors import EcumeneError, LimitExceeded
from ecumene.core.pixel_type import DOUBLE, FLOAT, INT8, INT16, UINT8, UINT16
from tests.calls import call, call_json

A23 = [[1, 2, 3], [4, 5, 6]]
EMPTY = call("Array", [], "int8")
FLAT = call("Array", [[], []], "double")
NAN, INF = math.nan, math.inf

TABLE = [
    ("Array.length", (A23,), [2, 3]),
    ("Array.length", (5,), []),
    ("Array.length", (FLAT,), [2, 0]),
    ("Array.get", (A23, [1, 2]), 6),
    ("Array.get", (7, []), 7),
    ("Array.argmax", ([[1, 5], [5, 2]],), [0, 1]),
    ("Array.argmax", ([NAN, 1, -INF],), [1]),
    ("Array.argmax", (EMPTY,), None),
    ("Array.argmax", (5,), []),
    ("Array.accum", (A23, 1, "max"), A23),
    ("Array.accum", ([3, 1, 2], 0, "median"), [3, 2, 2]),
    ("Array.accum", ([1, 2, 3], 0, "count"), [1, 2, 3]),
    ("Array.accum", ([200, 200], 0), [200, 400]),
    ("Array.accum", (EMPTY, 0, "mean"), []),
    ("Array.bitsToArray", (6.9,), [0, 1, 1]),
    ("Array.bitsToArray", (NAN,), [0]),
    ("Array.cat", ([[1], [2, 3]],), [1, 2, 3]),
    ("Array.cat", ([[1, 2], [3, 4]], 1), [[1, 3], [2, 4]]),
    ("Array.cat", ([[1, 2], [3, 4]], 2), [[[1, 3]], [[2, 4]]]),
    ("Array.cat", ([1, 2],), [1, 2]),
    ("Array.cat", ([EMPTY, [5]],), [5]),
    ("Array.cut", (A23, [-1, 1]), [[2], [5]]),
    ("Array.cut", (A23, [0, -1]), [[1, 2, 3]]),
    ("Array.dotProduct", ([1, 2], [3, 4]), 11),
    ("Array.dotProduct", ([], EMPTY), "error"),
    ("Array.dotProduct", (EMPTY, EMPTY), 0),
    ("Array.mask", ([1, 2, 3], [1, 0, -2]), [1, 3]),
    ("Array.mask", (A23, [[0, 1, 1]]), [[2, 3], [5, 6]]),
    ("Array.mask", (A23, [0, 1]), [[4, 5, 6]]),
    ("Array.mask", ([1, 2], [0, 0]), []),
    ("Array.pad", ([1, 2], [4]), [1, 2, 0, 0]),
    ("Array.pad", ([1, 2], [1]), [1, 2]),
    ("Array.pad", ([1], [2, 2], 9), [[1, 9], [9, 9]]),
    ("Array.pad", (A23, [3]), [*A23, [0, 0, 0]]),
    ("Array.pad", ([1], [2], 0.5), [1, 0.5]),
    ("Array.project", ([[1, 2]], [1]), [1, 2]),
    ("Array.project", ([[1, 2]], [1, 0]), [[1], [2]]),
    ("Array.project", ([[5]], []), 5),
    ("Array.project", (FLAT, [0]), []),
    ("Array.reduce", (A23, "sum", [0]), [[5, 7, 9]]),
    ("Array.reduce", (A23, "sum", [0, 1]), [[21]]),
    ("Array.repeat", ([1, 2],), [1, 2, 1, 2]),
    ("Array.repeat", ([1, 2], 1, 2), [[1, 1], [2, 2]]),
    ("Array.repeat", ([1, 2], 0, 0), []),
    ("Array.reshape", (A23, [3, 2]), [[1, 2], [3, 4], [5, 6]]),
    ("Array.reshape", (A23, [-1]), [1, 2, 3, 4, 5, 6]),
    ("Array.reshape", (5, [1, 1]), [[5]]),
    ("Array.slice", (A23, 1, -2), [[2, 3], [5, 6]]),
    ("Array.slice", (A23, 1, 5), [[], []]),
    ("Array.slice", ([1, 2, 3, 4, 5], 0, -100, 100, 2), [1, 3, 5]),
    ("Array.sort", ([3, 1, 2],), [1, 2, 3]),
    ("Array.sort", ([[3, 1, 2]],), [[1, 2, 3]]),
    ("Array.sort", (A23, [2, 1]), [[4, 5, 6], [1, 2, 3]]),
    ("Array.sort", (A23, [[3, 1, 2]]), [[2, 3, 1], [5, 6, 4]]),
    ("Array.sort", (EMPTY,), []),
    ("Array.sort", (5,), 5),
    ("Array.transpose", (A23,), [[1, 4], [2, 5], [3, 6]]),
    ("Array.transpose", ([1, 2],), [[1, 2]]),
    ("Array.transpose", ([1, 2], 0, 2), [[[1, 2]]]),
    ("Array.toList", (A23,), A23),
    ("Array.toList", (EMPTY,), []),
    ("Array.identity", (0,), []),
    ("Array.mod", ([-12, 12, 5], [5, -5, 0]), [-2, 2, 0]),
    ("Array.divide", ([1, 0, -1], 0), [0, 0, 0]),
    ("Array.add", ([255], [1]), [256]),
    ("Array.subtract", ([0], [255]), [-255]),
    ("Array.multiply", ([2**40], [2**40]), [2**63 - 1]),
    ("Array.byte", ([0.5, 127.1, 255.9, -0.1, NAN, INF],), [1, 127, 255, 0, 0, 255]),
    ("Array.round", ([0.5, -0.5, 2.5, -2.5, 0.49999999999999994],), [1, 0, 3, -2, 0]),
    ("Array.leftShift", ([1, -1], [3, 70]), [8, -64]),
    ("Array.rightShift", ([-8, 8.9], [1, 1]), [-4, 4]),
    ("Array.bitwiseXor", ([5], [-1]), [-6]),
    ("Array.sqrt", ([-1, 4],), ["NaN", 2]),
    ("Array.log", ([0, -1, 1],), ["-Infinity", "NaN", 0]),
    ("Array.min", ([1, NAN], [2, 1]), [1, "NaN"]),
    ("Array.pow", ([10], [-2]), [0.009999999776482582]),
    ("Array.signum", ([-3, 0, 2.5],), [-1, 0, 1]),
    ("Array.not", ([0, 0.5, NAN],), [1, 0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "expected"), TABLE, ids=[f"{n}{a}" for n, a, _ in TABLE]
)
def test_arrays(name, arguments, expected):
    if expected == "error":
        with pytest.raises(EcumeneError):
            call(name, *arguments)
    else:
        assert call_json(name, *arguments) == expected


@pytest.mark.parametrize(
    ("values", "kind", "dimensions"),
    [
        ([0, 255], UINT8, 1), ([0, 256], UINT16, 1), ([-1], INT8, 1), ([-129], INT16, 1), ([0.5], DOUBLE, 1), (5, UINT8, 0),
        ([1.0, 2.0], UINT8, 1), ([NAN], DOUBLE, 1), ([True], UINT8, 1), (A23, UINT8, 2),
    ],
)  # fmt: skip
def test_types_are_inferred(values, kind, dimensions):
    assert call("Array", values).type == kind.with_dimensions(dimensions)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [([1.5, -1.5, 300], "uint8", [2, 0, 255]), ([0.1], "float", [0.10000000149011612]), ([NAN, INF], "int16", [0, 32767]), ([[], []], "int8", [[], []]), (EMPTY, "double", [])],
)  # fmt: skip
def test_types_are_given(values, kind, expected):
    found = call("Array", values, kind)
    assert call_json("Array", values, kind) == expected
    assert found.type.precision == ("int" if "int" in kind else kind)


def test_element_types_of_results():
    assert call("Array.divide", [1], [2]).type.precision == "double"
    assert call("Array.toFloat", [1]).type == FLOAT.with_dimensions(1)
    assert call("Array.cat", [[1], [0.5]]).type.precision == "double"
    assert call("Array.eq", [1], [1]).type.is_int


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("Array", ([],), "Array: No numbers in 'values', must provide a type."),
        ("Array", ([[1], [1, 2]],), "Array: All inner lists must have the same length."),
        ("Array", ([1, [2]],), "Array: All inner lists must have the same length."),
        ("Array", (["a"],), "Array: All values must be numbers."),
        ("Array", ([1, None],), "Array: All values must be numbers."),
        ("Array", ("a",), "Array: Cannot make an array of a value of type String."),
        ("Array.add", ([1, 2], [1, 2, 3]), "Array.add: Array dimensions must match, or one must be a scalar. Got [2] and [3]."),
        ("Array.get", (A23, [2, 0]), "Array.get: Position 2 is out of range for axis 0 of length 2."),
        ("Array.get", (A23, [0]), "Array.get: The position must have 2 elements, got 1."),
        ("Array.slice", (A23, 2), "Array.slice: Axis 2 is out of range for an array of 2 dimensions."),
        ("Array.slice", (A23, -1), "Array.slice: Axis -1 is out of range for an array of 2 dimensions."),
        ("Array.slice", (A23, 0, 0, 1, 0), "Array.slice: 'step' must be positive, got 0."),
        ("Array.accum", (5, 0), "Array.accum: Axis 0 is out of range for an array of 0 dimensions."),
        ("Array.accum", ([1], 0, "minMax"), "Array.accum: The reducer must have one input and one output."),
        ("Array.cat", ([],), "Array.cat: At least one array is needed."),
        ("Array.cat", ([[1]], -1), "Array.cat: Invalid axis -1."),
        ("Array.cat", ([[1]], 10**9), "Array.cat: An array has at most 32 dimensions, not 1000000001."),
        ("Array.cat", ([[[1, 2]], [[1]]],), "Array.cat: Arrays must have the same lengths along all axes but 0."),
        ("Array.cut", (A23, [0, 3]), "Array.cut: Position 3 is out of range for axis 1 of length 3."),
        ("Array.identity", (-1,), "Array.identity: The size must not be negative, got -1."),
        ("Array.mask", (A23, [[1, 0], [0, 1]]), "Array.mask: The mask must have at most one axis longer than 1."),
        ("Array.mask", ([1, 2], [[1]]), "Array.mask: The mask has more dimensions than the array."),
        ("Array.project", (A23, [0]), "Array.project: Axes that are left out must have a length of at most 1."),
        ("Array.project", ([1, 2], []), "Array.project: An axis must be given."),
        ("Array.project", ([[1]], [0, 0]), "Array.project: Each axis may be given only once."),
        ("Array.repeat", ([1], 99), "Array.repeat: An array has at most 32 dimensions, not 100."),
        ("Array.reshape", ([1, 2], [3]), "Array.reshape: Cannot reshape an array of 2 elements to [3]."),
        ("Array.reshape", ([1, 2], [-1, -1]), "Array.reshape: Cannot reshape an array of 2 elements to [-1, -1]."),
        ("Array.sort", (A23,), "Array.sort: Only one axis may be longer than 1 without keys."),
        ("Array.sort", ([1, 2], [1]), "Array.sort: The keys must be as long as the array along their axis."),
        ("Array.reduce", (A23, "sum", [5]), "Array.reduce: Axis 5 is out of range for an array of 2 dimensions."),
        ("Array.transpose", (A23, -1, 0), "Array.transpose: Axes must not be negative."),
        ("Array.dotProduct", ([1], [[1]]), "Array.dotProduct: Two 1-D arrays of equal length are needed."),
    ],
)  # fmt: skip
def test_errors(name, arguments, words):
    with pytest.raises(EcumeneError) as caught:
        call(name, *arguments)
    assert caught.value.message == words


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Array.identity", (10**6,)), ("Array.repeat", ([1], 0, 10**9)), ("Array.pad", ([1], [10**9])),
        ("Array.pad", ([1], [10**9] * 20)),
    ],
)  # fmt: skip
def test_arrays_have_a_largest_size(name, arguments):
    with pytest.raises(LimitExceeded):
        call(name, *arguments)


arrays = hnp.arrays("int32", hnp.array_shapes(max_dims=3, max_side=4), elements=st.integers(-99, 99))  # fmt: skip


@given(arrays)
def test_lists_make_the_array_again(values):
    array = call("Array", values.tolist())
    np.testing.assert_array_equal(array.values, values)
    assert call("Array", call("Array.toList", array)) == array


@given(arrays, st.data())
def test_axes_agree_with_numpy(values, data):
    axis = data.draw(st.integers(0, values.ndim - 1))
    array = Array.of(values)
    np.testing.assert_array_equal(
        call("Array.accum", array, axis).values, np.cumsum(values, axis, dtype="int64")
    )
    np.testing.assert_array_equal(
        call("Array.reduce", array, "max", [axis]).values, values.max(axis, keepdims=True)
    )
    np.testing.assert_array_equal(
        call("Array.cat", [array, array], axis).values, np.concatenate([values, values], axis)
    )
    start, end = data.draw(st.integers(-5, 5)), data.draw(st.integers(-5, 5))
    step = data.draw(st.integers(1, 3))
    index = [slice(None)] * values.ndim
    index[axis] = slice(start, end, step)
    np.testing.assert_array_equal(
        call("Array.slice", array, axis, start, end, step).values, values[tuple(index)]
    )


PAIRS = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "min": np.minimum, "max": np.maximum,
    "bitwiseAnd": np.bitwise_and, "bitwiseOr": np.bitwise_or, "bitwiseXor": np.bitwise_xor, "lt": np.less, "gte": np.greater_equal,
    "hypot": np.hypot, "mod": lambda a, b: np.where(b == 0, 0, np.fmod(a, np.where(b == 0, 1, b))),
    "atan2": lambda x, y: np.arctan2(y, x), "and": np.logical_and, "or": np.logical_or,
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
@given(
    st.lists(st.tuples(st.integers(-(2**31), 2**31), st.integers(-9, 9)), min_size=1, max_size=6)
)
def test_operators_agree_with_numpy(name, pairs):
    left, right = (np.asarray(v, "int64") for v in zip(*pairs, strict=True))
    found = call(f"Array.{name}", left.tolist(), right.tolist())
    np.testing.assert_allclose(found.values, PAIRS[name](left, right), rtol=1e-15)
