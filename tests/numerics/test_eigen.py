"""Eigenvectors: the documented samples of ee.Array.eigen, and numpy's eigenvalues."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.numerics.decompositions import householder_qr
from ecumene.numerics.eigen import LARGEST, NoConvergence, eigen

H = math.sqrt(0.5)
GOLD, SMALL, A, B = (1 + math.sqrt(5)) / 2, (1 - math.sqrt(5)) / 2, 0.8506508, 0.5257311

SAMPLES = [
    ([[0, 0], [0, 0]], [[0, 0, 1], [0, 1, 0]]),
    ([[1, 0], [0, 0]], [[1, 1, 0], [0, 0, 1]]),
    ([[0, 1], [0, 0]], [[0, 0, 1], [0, 1, 0]]),
    ([[0, 0], [1, 0]], [[0, -1, 0], [0, 0, -1]]),
    ([[0, 0], [0, 1]], [[1, 0, 1], [0, 1, 0]]),
    ([[1, 1], [0, 0]], [[1, 1, 0], [0, -H, H]]),
    ([[0, 0], [1, 1]], [[1, 0, -1], [0, -H, H]]),
    ([[1, 0], [0, 1]], [[1, 1, 0], [1, 0, 1]]),
    ([[0, 1], [1, 0]], [[1, H, H], [-1, H, -H]]),
    ([[0, 1], [0, 1]], [[1, H, H], [0, 1, 0]]),
    ([[1, 1], [1, 0]], [[GOLD, A, B], [SMALL, B, -A]]),
    ([[1, 1], [0, 1]], [[1, 0, 1], [1, 1, 0]]),
    ([[1, 0], [1, 1]], [[1, -1, 0], [1, 0, -1]]),
    ([[0, 1], [1, 1]], [[GOLD, -B, -A], [SMALL, -A, B]]),
    ([[1, 1], [1, 1]], [[2, H, H], [0, H, -H]]),
    (np.eye(3), [[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]]),
    (np.diag([2, 3, 4]), [[4, 0, 0, 1], [3, 0, 1, 0], [2, 1, 0, 0]]),
    (np.diag([1, 0, 0]), [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    (np.ones((3, 3)), [[3, *[-math.sqrt(1 / 3)] * 3], [0, 0, -H, H], [0, -0.8164966, 0.4082483, 0.4082483]]),
]  # fmt: skip


def rows(matrix):
    values, vectors = eigen(np.asarray(matrix, "float64"))
    order = sorted(range(len(values)), key=lambda k: -values[k].real)
    return [[values[k].real, *vectors[k]] for k in order]


@pytest.mark.parametrize(
    ("matrix", "expected"), SAMPLES, ids=[str(np.asarray(m).tolist()) for m, _ in SAMPLES]
)
def test_documented_samples(matrix, expected):
    np.testing.assert_allclose(rows(matrix), expected, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 24, LARGEST + 1])
@pytest.mark.parametrize("symmetric", [True, False])
def test_values_are_numpys_and_vectors_solve_the_equation(size, symmetric):
    matrix = np.random.default_rng(size).normal(size=(size, size))
    if symmetric:
        matrix = matrix + matrix.T
    values, vectors = eigen(matrix)
    order = lambda v: np.lexsort((np.imag(v), np.round(np.real(v), 9)))  # noqa: E731
    expected = np.linalg.eigvals(matrix)
    np.testing.assert_allclose(
        np.asarray(values)[order(values)], expected[order(expected)], atol=1e-8 * size
    )
    for value, vector in zip(values, vectors, strict=True):
        if vector is None:
            assert value.imag != 0
        else:
            np.testing.assert_allclose(matrix @ vector, value.real * vector, atol=1e-7 * size)
            assert np.linalg.norm(vector) == pytest.approx(1)


@settings(max_examples=60)
@given(st.lists(st.integers(-3, 3), min_size=9, max_size=9))
def test_small_integer_matrices_have_numpys_values(numbers):
    matrix = np.asarray(numbers, "float64").reshape(3, 3)
    values, _ = eigen(matrix)
    assert np.poly(np.asarray(values)) == pytest.approx(np.poly(matrix), abs=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(NoConvergence):
        eigen(np.asarray([[1, bad], [0, 1.0]]))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (4, 2), (2, 4), (2, 5, 3, 3)])
def test_qr_is_orthogonal_triangular_and_reflects_every_column(shape):
    values = np.random.default_rng(7).normal(size=shape)
    q, r = householder_qr(values)
    np.testing.assert_allclose(q @ r, values, atol=1e-12)
    np.testing.assert_allclose(
        q @ np.swapaxes(q, -1, -2), np.broadcast_to(np.eye(shape[-2]), q.shape), atol=1e-12
    )
    assert np.tril(r, -1) == pytest.approx(0, abs=1e-12)


def test_qr_of_a_single_number_is_turned_around():
    q, r = householder_qr(np.asarray([[2.0]]))
    assert q.tolist() == [[-1.0]] and r.tolist() == [[-2.0]]
