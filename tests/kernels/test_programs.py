"""Programs: every instruction by strips and by machine code against NumPy; what the builder leaves out."""

from __future__ import annotations

import numpy as np
import pytest

from ecumene.kernels.programs import native, program, strips, worker
from ecumene.kernels.programs.program import Builder

INTEGERS = ("u1", "i1", "u2", "i2", "u4", "i4", "i8")
FLOATS = ("f4", "f8")
SHAPE = (37, 41)


def values(dtype: str, seed: int) -> np.ndarray:
    """Small numbers (equal ones are frequent), the ends of the type, for floats NaN and infinities."""
    random = np.random.default_rng(seed)
    if dtype == "b1":
        return random.random(SHAPE) > 0.5
    small = random.integers(-3 if dtype[0] != "u" else 0, 4, SHAPE).astype(dtype)
    if dtype[0] == "f":
        odd = random.choice(np.array([np.nan, np.inf, -np.inf, 0.5, -1.5, 1e30], dtype), SHAPE)
    else:
        info = np.iinfo(dtype)
        odd = random.integers(info.min, info.max, SHAPE, dtype, endpoint=True)
    return np.where(random.random(SHAPE) > 0.4, small, odd)


def both(code: program.Program, arrays, constants=()):
    """Results by strips (of few rows) and by machine code, which are the same."""
    found = [np.empty(SHAPE, dtype) for dtype in code.outputs]
    strips.scheduled(code).length = 5 * SHAPE[1]
    strips.run(code, arrays, constants, found)
    again = [np.empty(SHAPE, dtype) for dtype in code.outputs]
    native.loaded(code, worker.object_code(native.text(code)))(arrays, constants, again)
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(a, b)
    return found


ARITHMETIC = {
    **{name: (getattr(np, name), (*INTEGERS, *FLOATS)) for name in ("add", "subtract", "multiply", "minimum", "maximum")},
    "divide": (np.divide, FLOATS),
    "and": (np.bitwise_and, ("b1", *INTEGERS)), "or": (np.bitwise_or, ("b1", *INTEGERS)),
    "xor": (np.bitwise_xor, ("b1", *INTEGERS)),
    **{name: (getattr(np, name), (*INTEGERS, *FLOATS)) for name in program.COMPARE},
}  # fmt: skip
FUNCTIONS = {
    **{name: (getattr(np, name), FLOATS) for name in ("floor", "ceil", "trunc", "rint", "sqrt")},
    "absolute": (np.absolute, ("i1", "i2", "i4", "i8", *FLOATS)), "invert": (np.invert, ("b1", *INTEGERS)),
}  # fmt: skip


@pytest.mark.parametrize("name", ARITHMETIC)
def test_two_operands(name):
    function, dtypes = ARITHMETIC[name]
    b, arrays, expected, results = Builder(), [], [], []
    for dtype in dtypes:
        pair = values(dtype, 1), values(dtype, 2)
        left, right = (b.emit("input", dtype, len(arrays) + k) for k in range(2))
        arrays += pair
        write = b.compare if name in program.COMPARE else b.binary
        results.append(write(name, left, right))
        with np.errstate(all="ignore"):
            expected.append(function(*pair))
    found = both(b.finished([a.dtype.str[1:] for a in arrays], results, 0), arrays)
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, e)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_operand(name):
    function, dtypes = FUNCTIONS[name]
    b = Builder()
    arrays = [values(dtype, 3) for dtype in dtypes]
    results = [b.unary(name, b.emit("input", dtype, k)) for k, dtype in enumerate(dtypes)]
    with np.errstate(all="ignore"):
        expected = [function(array) for array in arrays]
    for a, e in zip(both(b.finished(dtypes, results, 0), arrays), expected, strict=True):
        np.testing.assert_array_equal(a, e)


@pytest.mark.parametrize("source", ["b1", *INTEGERS, *FLOATS])
def test_conversions(source):
    b = Builder()
    array = values(source, 4)
    targets = [dtype for dtype in (*INTEGERS, *FLOATS) if dtype != source]
    if source[0] == "f":  # what a conversion is asked for is in the target's range
        array = np.clip(np.nan_to_num(np.trunc(array)), 0, 100).astype(source)
    value = b.emit("input", source, 0)
    code = b.finished([source], [b.convert(value, dtype) for dtype in targets], 0)
    for found, dtype in zip(both(code, [array]), targets, strict=True):
        np.testing.assert_array_equal(found, array.astype(dtype))


@pytest.mark.parametrize("dtype", ["b1", *INTEGERS, *FLOATS])
def test_choices(dtype):
    """Between two arrays, an array and zero, and numbers."""
    b = Builder()
    arrays = [values("b1", 5), values(dtype, 6), values(dtype, 7)]
    test, yes, no = (b.emit("input", a.dtype.str[1:], k) for k, a in enumerate(arrays))
    zero, number = b.literal(dtype, 0), b.emit("constant", dtype, 0)
    pairs = [(yes, no), (yes, zero), (zero, no), (number, no), (yes, number), (zero, number)]
    flag = b.emit("constant", "b1", 1)
    results = [b.select(test, *pair) for pair in pairs] + [b.select(flag, yes, no)]
    constants = [np.dtype(dtype).type(1), np.bool_(False)]
    code = b.finished(["b1", dtype, dtype], results, 2)
    found = both(code, arrays, constants)
    known = {yes: arrays[1], no: arrays[2], zero: np.zeros((), dtype), number: constants[0]}
    for a, (p, q) in zip(found, pairs, strict=False):
        np.testing.assert_array_equal(a, np.where(arrays[0], known[p], known[q]))
    np.testing.assert_array_equal(found[-1], arrays[2])


def test_shifts_tables_and_nan():
    b = Builder()
    bits, by, real = values("i8", 8), np.abs(values("i8", 9)) % 64, values("f8", 10)
    index = by % 5
    table = np.array([3.0, 1.0, 4.0, 1.5, 9.0])
    inputs = [b.emit("input", "i8", 0), b.emit("input", "i8", 1), b.emit("input", "i8", 2)]
    number = b.emit("input", "f8", 3)
    results = [
        b.binary("left_shift", inputs[0], inputs[1]),
        b.binary("right_shift", inputs[0], inputs[1]),
        b.emit("lookup", "f8", b.emit("table", "f8", 0), inputs[2]),
        b.binary("fmax", number, b.literal("f8", 0)),
    ]
    code = b.finished(["i8", "i8", "i8", "f8"], results, 1)
    found = both(code, [bits, by, index, real], [table])
    np.testing.assert_array_equal(found[0], np.left_shift(bits, by))
    np.testing.assert_array_equal(found[1], np.right_shift(bits, by))
    np.testing.assert_array_equal(found[2], table[index])
    np.testing.assert_array_equal(found[3], np.fmax(real, 0))


def test_results_that_are_numbers_fill_their_array():
    b = Builder()
    number = b.emit("constant", "f4", 0)
    double = b.binary("add", number, number)
    large = b.compare("greater", double, b.literal("f4", 5))
    chosen = b.select(large, b.convert(double, "f8"), b.literal("f8", 1))
    found = both(b.finished([], [double, large, chosen], 1), [], [np.float32(3)])
    assert [a.dtype.str[1:] for a in found] == ["f4", "b1", "f8"]
    assert [set(a.ravel().tolist()) for a in found] == [{6.0}, {True}, {6.0}]


def test_inputs_need_not_be_contiguous():
    b = Builder()
    x, y = b.emit("input", "f8", 0), b.emit("input", "f8", 1)
    code = b.finished(["f8", "f8"], [b.binary("subtract", x, y)], 0)
    wide = np.random.default_rng(1).random((SHAPE[0], 2 * SHAPE[1]))
    same = np.broadcast_to(np.float64(4), SHAPE)
    np.testing.assert_array_equal(both(code, [wide[:, ::2], same])[0], wide[:, ::2] - 4)


def test_long_code_keeps_few_results_alive():
    """Buffers are used again: a chain of a hundred steps has two."""
    b = Builder()
    value = first = b.emit("input", "f8", 0)
    for k in range(100):
        value = b.binary("add", b.binary("multiply", value, b.literal("f8", k)), first)
    code = b.finished(["f8"], [value, b.compare("less", value, first)], 0)
    assert len(strips.scheduled(code).buffers) <= 2
    array = np.random.default_rng(2).random(SHAPE)
    expected = array
    for k in range(100):
        expected = expected * k + array
    np.testing.assert_array_equal(both(code, [array])[0], expected)


def test_what_changes_nothing_is_left_out():
    b = Builder()
    value, flag = b.emit("input", "f4", 0), b.emit("input", "b1", 1)
    assert b.convert(value, "f4") == value
    assert b.binary("and", flag, flag) == flag
    assert b.select(flag, value, value) == value
    assert b.unary("invert", b.unary("invert", flag)) == flag
    rounded = b.unary("rint", value)
    assert b.unary("trunc", rounded) == rounded
    byte = b.convert(flag, "u1")
    assert b.compare("not_equal", byte, b.literal("u1", 0)) == flag
    assert b.compare("equal", byte, b.literal("u1", 0)) == b.unary("invert", flag)
    assert b.binary("add", value, value) == b.binary("add", value, value)
    unused = len(b.code)
    assert len(b.finished(["f4", "b1"], [rounded], 0).code) == 2 < unused


def test_the_text_holds_structure_only():
    """Numbers of a run are read from memory: the text of two programs that differ in them is one."""
    b = Builder()
    code = b.finished(
        ["f4"], [b.binary("add", b.emit("input", "f4", 0), b.emit("constant", "f4", 0))], 1
    )
    words = set(native.text(code).replace(",", " ").split())
    assert "fadd" in words
    assert not any(flag in words for flag in ("fast", "contract", "reassoc", "nnan"))
    array = values("f4", 1)
    run = native.loaded(code, worker.object_code(native.text(code)))
    for number in (np.float32(2.5), np.float32(-7)):
        out = np.empty(SHAPE, "f4")
        run([array], [number], [out])
        np.testing.assert_array_equal(out, array + number)
