"""Arrays of any shape against NumPy: laws of the algebra of matrices, of shapes, and of arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ecumene.core.array import Array
from tests.calls import call, call_json

few = settings(max_examples=25, deadline=None)
sizes = st.integers(1, 5)


def of(name: str, *arguments: Any) -> np.ndarray:
    """The values of an algorithm of arrays."""
    given_ = [Array.of(a) if isinstance(a, np.ndarray) else a for a in arguments]
    return np.asarray(call(f"Array.{name}", *given_).values)


def close(found: Any, expected: Any, tolerance: float = 1e-8) -> None:
    expected = np.asarray(expected)
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)


@st.composite
def squares(draw: st.DrawFn, count: int = 1) -> list[np.ndarray]:
    """Square matrices of one size that are far from singular."""
    size, seed = draw(sizes), draw(st.integers(0, 2**32 - 1))
    source = np.random.default_rng(seed)
    return [source.normal(0, 1, (size, size)) + 3 * np.eye(size) for _ in range(count)]


@few
@given(pair=squares(3))
def test_rings_of_matrices(pair: list[np.ndarray]) -> None:
    a, b, c = pair
    close(of("matrixMultiply", a, b), a @ b)
    left = of("matrixMultiply", of("matrixMultiply", a, b), c)
    close(left, of("matrixMultiply", a, of("matrixMultiply", b, c)))
    close(
        of("matrixMultiply", a, of("add", b, c)),
        of("add", of("matrixMultiply", a, b), of("matrixMultiply", a, c)),
    )
    close(of("matrixTranspose", of("matrixMultiply", a, b)), b.T @ a.T)
    close(of("matrixMultiply", a, of("identity", len(a))), a)


@few
@given(pair=squares(2))
def test_inverses_and_determinants(pair: list[np.ndarray]) -> None:
    a, b = pair
    close(of("matrixInverse", a), np.linalg.inv(a))
    close(of("matrixMultiply", a, of("matrixInverse", a)), np.eye(len(a)))
    close(of("matrixSolve", a, b), np.linalg.solve(a, b))
    close(call("Array.matrixDeterminant", Array.of(a)), np.linalg.det(a))
    product = call("Array.matrixDeterminant", Array.of(a @ b))
    close(product, np.linalg.det(a) * np.linalg.det(b))
    close(call("Array.matrixTrace", Array.of(a @ b)), np.trace(b @ a))
    close(call("Array.matrixFnorm", Array.of(a)), np.linalg.norm(a))


@few
@given(rows=st.integers(1, 6), columns=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_pseudo_inverses_and_least_squares(rows: int, columns: int, seed: int) -> None:
    source = np.random.default_rng(seed)
    a = source.normal(0, 1, (rows, columns))
    close(of("matrixPseudoInverse", a), np.linalg.pinv(a), 1e-7)
    if rows >= columns:
        b = source.normal(0, 1, (rows, 2))
        close(of("matrixSolve", a, b), np.linalg.lstsq(a, b, rcond=None)[0], 1e-6)


@few
@given(pair=squares())
def test_eigenvectors_of_symmetric_matrices(pair: list[np.ndarray]) -> None:
    (a,) = pair
    a = a + a.T
    found = of("eigen", a)
    close(found[:, 0], np.linalg.eigvalsh(a)[::-1])
    for value, *vector in found:
        close(a @ np.array(vector), value * np.array(vector), 1e-7)
        assert np.linalg.norm(vector) == pytest.approx(1)


shapes = hnp.array_shapes(min_dims=1, max_dims=3, max_side=4)
wholes = shapes.flatmap(
    lambda shape: hnp.arrays(np.int64, shape, elements=st.integers(-(2**31), 2**31))
)
doubles = shapes.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=st.floats(-1e6, 1e6)))
either = st.one_of(wholes, doubles)


@few
@given(a=either)
def test_shapes_as_numpys(a: np.ndarray) -> None:
    array = Array.of(a)
    assert call_json("Array.length", array) == list(a.shape)
    assert call_json("Array.toList", array) == a.tolist()
    flat = of("reshape", a, [-1])
    assert flat.tolist() == a.ravel().tolist()
    assert of("reshape", flat, list(a.shape)).tolist() == a.tolist()
    for axis in range(a.ndim):
        last = a.ndim - 1
        assert of("transpose", a, axis, last).tolist() == np.swapaxes(a, axis, last).tolist()
        assert of("repeat", a, axis, 2).shape == np.concatenate([a, a], axis).shape
        assert (
            of("slice", a, axis, 0, None, 2).tolist()
            == np.take(a, range(0, a.shape[axis], 2), axis).tolist()
        )
        assert of("slice", a, axis, -1).tolist() == np.take(a, [a.shape[axis] - 1], axis).tolist()
        joined = call("Array.cat", [array, array], axis).values
        assert joined.tolist() == np.concatenate([a, a], axis).tolist()
        assert of("slice", joined, axis, 0, a.shape[axis]).tolist() == a.tolist()
        close(of("accum", a, axis), np.cumsum(a.astype(float), axis))
        close(of("reduce", a, call("Reducer.max"), [axis]), a.max(axis, keepdims=True))
        close(of("reduce", a, call("Reducer.mean"), [axis]), a.mean(axis, keepdims=True))
    place = [n - 1 for n in a.shape]
    assert call_json("Array.get", array, place) == a[tuple(place)]
    assert call_json("Array.argmax", array) == [
        int(k) for k in np.unravel_index(a.argmax(), a.shape)
    ]


@few
@given(a=either, b=either, number=st.integers(-9, 9))
def test_arithmetic_as_numpys(a: np.ndarray, b: np.ndarray, number: int) -> None:
    b = np.resize(b, a.shape)
    for name, operation in (
        ("add", np.add), ("subtract", np.subtract), ("multiply", np.multiply), ("max", np.maximum), ("min", np.minimum),
        ("lt", np.less), ("lte", np.less_equal), ("eq", np.equal), ("neq", np.not_equal), ("gt", np.greater), ("gte", np.greater_equal),
        ("hypot", np.hypot),
    ):  # fmt: skip
        close(of(name, a, b), operation(a, b), 1e-12)
        close(of(name, a, np.array(number)), operation(a, number), 1e-12)
    quotient = np.divide(a, b, out=np.zeros(a.shape), where=b != 0)
    close(of("divide", a, b), quotient, 1e-6)
    for name, operation in (("abs", np.abs), ("floor", np.floor), ("ceil", np.ceil), ("signum", np.sign), ("cos", np.cos), ("cbrt", np.cbrt)):  # fmt: skip
        close(of(name, a), operation(a.astype(float)), 1e-6)
    assert (of("add", a, b) == of("add", b, a)).all()
    assert (of("multiply", a, b) == of("multiply", b, a)).all()
    assert (of("subtract", a, a) == 0).all()


@few
@given(
    a=hnp.arrays(np.float64, st.integers(1, 9), elements=st.floats(-99, 99)),
    seed=st.integers(0, 99),
)
def test_sorting_and_masking_as_numpys(a: np.ndarray, seed: int) -> None:
    keys = np.random.default_rng(seed).permutation(len(a)).astype(float)
    assert of("sort", a).tolist() == np.sort(a).tolist()
    assert of("sort", a, keys).tolist() == a[np.argsort(keys, kind="stable")].tolist()
    mask = (keys % 2).astype(int)
    if mask.any():
        assert of("mask", a, mask).tolist() == a[mask != 0].tolist()
    close(call("Array.dotProduct", Array.of(a), Array.of(keys)), a @ keys)
    close(of("matrixToDiag", a[:, None]), np.diag(a))
    close(of("matrixDiagonal", np.diag(a)), a[:, None])
    assert of("pad", a, [len(a) + 2], 7).tolist() == [*a.tolist(), 7, 7]
