"""Matrices against numpy.linalg and scipy.linalg, and the laws of each decomposition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ecumene.core.array import Array
from ecumene.core.errors import EvaluationError
from tests.calls import call, call_json

M = [[4, 2, 0], [2, 5, 1], [0, 1, 3]]
TALL = [[1, 2], [3, 4], [5, 7]]


def number(name, *arguments):
    return call(f"Array.{name}", *arguments)


def values(name, *arguments):
    return number(name, *arguments).values


def test_numbers_of_a_matrix():
    assert number("matrixTrace", M) == 12
    assert number("matrixDeterminant", M) == pytest.approx(np.linalg.det(M))
    assert number("matrixFnorm", TALL) == pytest.approx(np.linalg.norm(TALL))
    assert number("matrixDeterminant", [[1, 2], [2, 4]]) == pytest.approx(0)


def test_products():
    assert call_json("Array.matrixMultiply", TALL, [[1, 0], [0, 2]]) == [[1, 4], [3, 8], [5, 14]]
    assert call_json("Array.matrixTranspose", TALL) == [[1, 3, 5], [2, 4, 7]]
    assert call_json("Array.matrixDiagonal", M) == [[4], [5], [3]]
    assert call_json("Array.matrixToDiag", [[1], [2]]) == [[1, 0], [0, 2]]


def test_solutions():
    np.testing.assert_allclose(values("matrixInverse", M), np.linalg.inv(M))
    np.testing.assert_allclose(values("matrixPseudoInverse", TALL), np.linalg.pinv(TALL))
    np.testing.assert_allclose(
        values("matrixSolve", M, [[1], [2], [3]]), np.linalg.solve(M, [[1], [2], [3]])
    )
    expected = np.linalg.lstsq(TALL, [[1], [2], [4]], rcond=None)[0]
    np.testing.assert_allclose(values("matrixSolve", TALL, [[1], [2], [4]]), expected)


square = hnp.arrays("float64", st.integers(1, 5).map(lambda n: (n, n)), elements=st.floats(-9, 9))


@given(square)
def test_decompositions_multiply_back(a):
    array = Array.of(a)
    lu = number("matrixLUDecomposition", array)
    np.testing.assert_allclose(lu["P"].values @ a, lu["L"].values @ lu["U"].values, atol=1e-9)
    assert np.abs(np.triu(lu["L"].values, 1)).max(initial=0) == 0
    np.testing.assert_array_equal(np.diagonal(lu["L"].values), 1)
    qr = number("matrixQRDecomposition", array)
    np.testing.assert_allclose(qr["Q"].values @ qr["R"].values, a, atol=1e-9)
    svd = number("matrixSingularValueDecomposition", array)
    u, s, v = (svd[k].values for k in "USV")
    np.testing.assert_allclose(u @ s @ v.T, a, atol=1e-9)
    np.testing.assert_allclose(np.diagonal(s), scipy.linalg.svdvals(a), atol=1e-9)
    positive = a @ a.T + np.eye(len(a))
    low = number("matrixCholeskyDecomposition", Array.of(positive))["L"].values
    np.testing.assert_allclose(low @ low.T, positive, atol=1e-9)
    np.testing.assert_allclose(low, np.linalg.cholesky(positive), atol=1e-9)


def test_q_of_a_tall_matrix_is_square():
    qr = number("matrixQRDecomposition", TALL)
    assert qr["Q"].values.shape == (3, 3) and qr["R"].values.shape == (3, 2)


def test_eigen_has_a_row_for_each_value():
    found = values("eigen", M)
    assert found.shape == (3, 4)
    np.testing.assert_allclose(found[:, 0], np.linalg.eigvalsh(M)[::-1])
    assert values("eigen", Array.of(np.zeros((0, 0)))).shape == (0, 1)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("matrixInverse", ([[1, 2], [2, 4]],), "Array.matrixInverse: Singular matrix."),
        ("matrixInverse", (TALL,), "Array.matrixInverse: A square matrix is needed."),
        ("matrixDeterminant", ([1, 2],), "Array.matrixDeterminant: A 2-D array is needed, got 1 dimensions."),
        ("matrixLUDecomposition", (TALL,), "Array.matrixLUDecomposition: A square matrix is needed."),
        ("matrixCholeskyDecomposition", ([[1, 2], [2, 1]],), "Array.matrixCholeskyDecomposition: Matrix is not positive definite."),
        ("matrixMultiply", (TALL, TALL), "Array.matrixMultiply: Inner lengths must agree, got 2 and 3."),
        ("matrixSolve", (M, [[1]]), "Array.matrixSolve: Both matrices must have the same number of rows."),
        ("eigen", ([[0, 1], [-1, 0]],), "Array.eigen: The matrix has complex eigenvalues."),
        ("eigen", ([[math.nan, 0], [0, 1]],), "Array.eigen: the matrix has values that are not finite."),
        ("matrixLUDecomposition", ([[math.inf]],), "Array.matrixLUDecomposition: All values must be finite."),
        ("matrixToDiag", (M,), "Array.matrixToDiag: A vector is needed."),
    ],
)  # fmt: skip
def test_errors(name, arguments, words):
    with pytest.raises(EvaluationError) as caught:
        number(name, *arguments)
    assert caught.value.message == words


@pytest.mark.parametrize(
    "name",
    ["matrixInverse", "matrixPseudoInverse", "matrixSolve", "matrixSingularValueDecomposition", "matrixQRDecomposition", "matrixCholeskyDecomposition", "matrixDeterminant"],
)  # fmt: skip
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_never_crashes(name, bad):
    arguments = [[[bad, 1], [1, 2]]] * (2 if name == "matrixSolve" else 1)
    try:
        number(name, *arguments)
    except EvaluationError as error:
        assert error.message.startswith(f"Array.{name}: ")
