"""Matrices: two-dimensional arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ecumene.algorithms.arrays import require, typed_as
from ecumene.core.array import Array
from ecumene.core.errors import EvaluationError
from ecumene.core.pixel_type import INT64
from ecumene.core.registry import algorithm
from ecumene.core.wire import Number, Object
from ecumene.numerics import eigen as spectrum
from ecumene.numerics.decompositions import householder_qr


def matrix(name: str, array: Array, *, square: bool = False) -> Any:
    """A two-dimensional array as doubles."""
    values = array.values
    require(name, values.ndim == 2, f"A 2-D array is needed, got {values.ndim} dimensions.")
    require(name, not square or values.shape[0] == values.shape[1], "A square matrix is needed.")
    return values.astype("float64")


def finite(name: str, values: Any) -> Any:
    """The values, all of them finite: decompositions know nothing of NaN and infinity."""
    require(name, bool(np.isfinite(values).all()), "All values must be finite.")
    return values


def _solved(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        with np.errstate(all="ignore"):
            return function(*arguments)
    except np.linalg.LinAlgError as error:
        raise EvaluationError(f"{name}: {error}.") from None


@algorithm("Array.eigen")
def eigen(input: Array) -> Array:
    """Rows of an eigenvalue and its unit eigenvector, the largest eigenvalue first.

    Order among equal eigenvalues and signs are those of EJML (see ``numerics.eigen``), which the service names
    as its source. A matrix with complex eigenvalues is refused.
    """
    name = "Array.eigen"
    values = matrix(name, input, square=True)
    try:
        found, vectors = spectrum.eigen(values)
    except ArithmeticError as error:
        raise EvaluationError(f"{name}: {error}.") from None
    require(name, all(v is not None for v in vectors), "The matrix has complex eigenvalues.")
    order = sorted(range(len(found)), key=lambda k: -found[k].real)
    rows = [[found[k].real, *np.asarray(vectors[k])] for k in order]
    return Array.of(np.asarray(rows, "float64").reshape(len(rows), len(rows) + 1))


@algorithm("Array.matrixDiagonal")
def matrix_diagonal(input: Array) -> Array:
    """The diagonal as a column."""
    matrix("Array.matrixDiagonal", input)
    return typed_as(np.diagonal(input.values)[:, None], input)


@algorithm("Array.matrixToDiag")
def matrix_to_diag(input: Array) -> Array:
    """A square matrix with a vector (or a column) on its diagonal."""
    values = input.values
    require(
        "Array.matrixToDiag",
        values.ndim == 1 or (values.ndim == 2 and 1 in values.shape),
        "A vector is needed.",
    )
    return typed_as(np.diag(values.reshape(-1)), input)


@algorithm("Array.matrixInverse")
def matrix_inverse(input: Array) -> Array:
    """The inverse of a matrix."""
    return Array.of(
        _solved(
            "Array.matrixInverse", np.linalg.inv, matrix("Array.matrixInverse", input, square=True)
        )
    )


@algorithm("Array.matrixPseudoInverse")
def matrix_pseudo_inverse(input: Array) -> Array:
    """The Moore-Penrose inverse of a matrix."""
    return Array.of(
        _solved(
            "Array.matrixPseudoInverse", np.linalg.pinv, matrix("Array.matrixPseudoInverse", input)
        )
    )


@algorithm("Array.matrixFnorm")
def matrix_fnorm(input: Array) -> Number:
    """The Frobenius norm of a matrix."""
    return float(np.linalg.norm(matrix("Array.matrixFnorm", input)))


@algorithm("Array.matrixTrace")
def matrix_trace(input: Array) -> Number:
    """The sum of the diagonal of a matrix."""
    return float(np.trace(matrix("Array.matrixTrace", input)))


@algorithm("Array.matrixDeterminant")
def matrix_determinant(input: Array) -> Number:
    """The determinant of a matrix."""
    name = "Array.matrixDeterminant"
    return float(_solved(name, np.linalg.det, matrix(name, input, square=True)))


@algorithm("Array.matrixMultiply")
def matrix_multiply(left: Array, right: Array) -> Array:
    """The product of two matrices."""
    name = "Array.matrixMultiply"
    a, b = matrix(name, left), matrix(name, right)
    require(
        name,
        a.shape[1] == b.shape[0],
        f"Inner lengths must agree, got {a.shape[1]} and {b.shape[0]}.",
    )
    if left.type.is_int and right.type.is_int:
        return Array.of(left.values.astype("int64") @ right.values.astype("int64"), INT64)
    return Array.of(a @ b)


@algorithm("Array.matrixSolve")
def matrix_solve(left: Array, right: Array) -> Array:
    """X of A·X = B; by least squares where there are more equations than unknowns."""
    name = "Array.matrixSolve"
    a, b = matrix(name, left), matrix(name, right)
    require(name, a.shape[0] == b.shape[0], "Both matrices must have the same number of rows.")
    if a.shape[0] == a.shape[1]:
        return Array.of(_solved(name, np.linalg.solve, a, b))
    return Array.of(_solved(name, np.linalg.lstsq, a, b, None)[0])


@algorithm("Array.matrixCholeskyDecomposition")
def cholesky(array: Array) -> dict[str, Object]:
    """``L`` of A = L·Lᵀ."""
    name = "Array.matrixCholeskyDecomposition"
    return {"L": Array.of(_solved(name, np.linalg.cholesky, matrix(name, array, square=True)))}


@algorithm("Array.matrixSingularValueDecomposition")
def svd(array: Array) -> dict[str, Object]:
    """``U``, ``S`` and ``V`` of A = U·S·Vᵀ."""
    name = "Array.matrixSingularValueDecomposition"
    u, s, vt = _solved(name, np.linalg.svd, matrix(name, array), False)
    return {"U": Array.of(u), "S": Array.of(np.diag(s)), "V": Array.of(vt.T)}


@algorithm("Array.matrixLUDecomposition")
def lu(array: Array) -> dict[str, Object]:
    """``L``, ``U`` and ``P`` of P·A = L·U; L has ones on its diagonal, P exchanges rows."""
    import scipy.linalg

    name = "Array.matrixLUDecomposition"
    p, low, up = scipy.linalg.lu(finite(name, matrix(name, array, square=True)))
    return {"L": Array.of(low), "U": Array.of(up), "P": Array.of(p.T)}


@algorithm("Array.matrixQRDecomposition")
def qr(array: Array) -> dict[str, Object]:
    """``Q`` and ``R`` of A = Q·R: Q square and orthogonal, R upper triangular."""
    name = "Array.matrixQRDecomposition"
    q, r = householder_qr(matrix(name, array))
    return {"Q": Array.of(q), "R": Array.of(r)}
