"""Operators as code for a pixel are the operators on arrays, for every pair of types."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ecumene.core import pixel_type as pt
from ecumene.core.pixel_type import DOUBLE, FLOAT, PixelType, of_range
from ecumene.kernels.programs import native, strips, worker
from ecumene.numerics.elementwise import CASTS, OPS, saturate
from ecumene.numerics.formulas import FORMULAS, Writer, kind_of, saturated, value_of, writable
from tests.plan.graphs import Given, H, W

TYPES = {
    "uint8": pt.UINT8, "int8": pt.INT8, "uint16": pt.UINT16, "int16": pt.INT16, "uint32": pt.UINT32, "int32": pt.INT32,
    "int64": pt.INT64, "float": FLOAT, "double": DOUBLE, "bool": pt.BOOLEAN, "reflectance": of_range(0, 10_000),
    "signed": of_range(-100, 1000),
}  # fmt: skip
PLAIN = sorted(set(FORMULAS) - set(CASTS) - {"unitScale", "clampTo", "stretch", "palette"})


def ran(w: Writer, results, arrays, numbers, machine=True):
    """Results by strips; those of machine code are the same."""
    code = w.finished([a.dtype.str[1:] for a in arrays], results, len(w.slots))
    constants = [value_of(numbers[index], dtype) for _, index, dtype in w.slots]
    found = [np.empty((H, W), dtype) for dtype in code.outputs]
    strips.run(code, arrays, constants, found)
    if machine:
        again = [np.empty((H, W), dtype) for dtype in code.outputs]
        native.loaded(code, worker.object_code(native.text(code)))(arrays, constants, again)
        for a, b in zip(found, again, strict=True):
            np.testing.assert_array_equal(a, b)
    return found


@pytest.mark.parametrize("op", PLAIN)
def test_operators(op):
    """Machine code for every 23rd pair of types: its instructions are tested one by one elsewhere."""
    entry = OPS[op]
    kinds = list(TYPES.values())
    first, second = (
        [Given(seed + k, kind).pixels().values for k, kind in enumerate(kinds)] for seed in (0, 99)
    )
    compared = 0
    for places in itertools.product(range(len(kinds)), repeat=entry.arity):
        result = entry.result_type(*(kinds[k] for k in places))
        dtypes = tuple(kind_of(kinds[k]).dtype for k in places)
        if not writable(op, dtypes, kind_of(result).dtype):
            continue
        given = [first[places[0]], *(second[k] for k in places[1:])]
        w = Writer()
        inputs = [w.emit("input", dtype, k) for k, dtype in enumerate(dtypes)]
        value, domain = FORMULAS[op](w, 0, inputs, kind_of(result))
        results = [value] if domain is None else [value, domain]
        found = ran(w, results, given, result.bounds, machine=compared % 23 == 0)
        expected = entry.apply(given, (), result)
        assert found[0].dtype == expected.dtype == result.dtype
        np.testing.assert_array_equal(found[0], expected, str(places))
        if entry.valid is not None and (valid := entry.valid(*given)) is not None:
            shown = np.ones((H, W), bool) if domain is None else found[1]
            np.testing.assert_array_equal(shown, np.broadcast_to(valid, (H, W)))
        compared += 1
    assert compared >= (len(kinds) if entry.arity == 1 else 40) - 2


@pytest.mark.parametrize("source", TYPES)
def test_saturation(source):
    array = Given(5, TYPES[source]).pixels().values
    for target in TYPES.values():
        w = Writer()
        value = saturated(w, 0, w.emit("input", array.dtype.str[1:], 0), kind_of(target))
        expected = saturate(array, target)
        if w.code[value][0] == "input":
            np.testing.assert_array_equal(array, expected)
        else:
            np.testing.assert_array_equal(ran(w, [value], [array], target.bounds)[0], expected)


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        pytest.param(3e9, pt.INT32, 2**31 - 1, id="above int32"),
        pytest.param(-3e9, pt.INT32, -(2**31), id="below int32"),
        pytest.param(5e9, pt.UINT32, 2**32 - 1, id="above uint32"),
        pytest.param(2.0**31, pt.INT32, 2**31 - 1, id="the first float above int32"),
        pytest.param(1e30, pt.INT64, 2**63 - 1, id="above int64"),
        pytest.param(np.nan, pt.UINT8, 0, id="no number"),
        pytest.param(-0.9, pt.INT8, 0, id="fractions are cut off"),
        pytest.param(np.inf, of_range(-5, 10), 10, id="infinite"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ends_of_types(value, type_, expected, dtype):
    """The largest int32 is no float32: the end of the range must not come out as the other one."""
    assert saturate(np.array([value], dtype), type_).tolist() == [expected]


SCALED = [
    pytest.param("stretch", (0.0, 3000.0, 1.0), pt.UINT8, id="stretch"),
    pytest.param("stretch", (-2.5, 4.0, 1.0), pt.UINT8, id="stretch-around-0"),
    pytest.param("palette", (0.0, 3000.0, 1.0, (255.0, 0.0)), pt.UINT8, id="two-colours"),
    pytest.param("palette", (-1.0, 2.0, 1.0, (0.0, 31.0, 255.0, 7.0)), pt.UINT8, id="four-colours"),
    pytest.param("unitScale", (0.25, 100.0), DOUBLE, id="unitScale"),
    pytest.param("clampTo", (-3.0, 4.5), PixelType("double", -3.0, 4.5), id="clamp"),
]


@pytest.mark.parametrize(("op", "params", "type_"), SCALED)
def test_operators_with_parameters(op, params, type_):
    from ecumene.plan.steps import described
    from tests.plan.graphs import Elementwise

    for source in TYPES.values():
        leaf = Given(7, source)
        kind = (
            PixelType(source.precision, -3.0, 4.5)
            if op == "clampTo" and not source.is_int
            else type_
        )
        node = described(Elementwise(op, (leaf,), params, kind))
        w = Writer()
        array = leaf.pixels().values
        value, _ = FORMULAS[op](w, 0, [w.emit("input", array.dtype.str[1:], 0)], kind_of(kind))
        expected = OPS[op].apply([array], params, kind)
        np.testing.assert_array_equal(ran(w, [value], [array], node.numbers)[0], expected)


def test_colours_are_interpolated():
    """Against numpy.interp, away from where rounding to a byte may go either way."""
    channel = (0.0, 200.0, 31.0, 255.0)
    values = np.linspace(-20, 120, 1013)
    shown = np.interp(values / 100, np.linspace(0, 1, 4), channel)
    found = OPS["palette"].apply([values], (0.0, 100.0, 1.0, channel), pt.UINT8)
    clear = np.abs(shown % 1 - 0.5) > 1e-6
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(found[clear], np.rint(shown)[clear])


def test_squares_are_powers():
    values = np.linspace(-50, 1000, 999)
    squares = OPS["square"].apply([values], (), DOUBLE)
    powers = OPS["pow"].apply([values, np.full(999, 2)], (), DOUBLE)
    np.testing.assert_array_max_ulp(squares, powers, 1)


def test_what_is_inexact_is_left_to_numpy():
    assert not writable("pow", ("f8", "f8"), "f8")
    assert not writable("multiply", ("i8", "i8"), "u1"), "products beyond 64 bits saturate"
    assert not writable("bitwiseAnd", ("f8", "u1"), "i8")
    assert not writable("add", ("u1",), "u1"), "operands missing"
