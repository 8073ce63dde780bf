"""Real eigenvalues and eigenvectors of small matrices, in the order and with the signs of EJML.

The service documents that it uses ``DecompositionFactory.eig()`` of the Efficient Java Matrix Library, and its
documented vectors (signs, order among equal eigenvalues, what stands for the missing vectors of a defective
matrix) are the ones that library finds. This module follows the same published algorithms step by step:
symmetric matrices through a tridiagonal form and implicit single-shift QR, others through a Hessenberg form and
implicit double-shift QR (D. S. Watkins, Fundamentals of Matrix Computations, 2nd ed., chapters 4 and 5).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics.schur import Schur, value_2x2

Matrix = NDArray[np.float64]
EPS = 2.0**-52
ALMOST_SYMMETRIC = 1e-8
"""Largest difference across the diagonal, relative to the largest element, of a symmetric matrix."""

LARGEST = 96
"""Rows up to which the library's steps are followed; above, LAPACK decides about signs."""


class NoConvergence(ArithmeticError):
    """The iteration did not end."""


def is_symmetric(a: Matrix) -> bool:
    """Whether the matrix counts as symmetric; a matrix of zeros does not (0/0 is not small)."""
    largest = float(np.abs(a).max(initial=0.0))
    if largest == 0.0:
        return len(a) == 1
    return bool((np.abs(a - a.T) <= ALMOST_SYMMETRIC * largest).all())


def eigen(a: Matrix) -> tuple[list[complex], list[Matrix | None]]:
    """Eigenvalues and unit eigenvectors (None beside complex ones), in the order in which they are found.

    Raises NoConvergence, also for matrices with values that are not finite.
    """
    if not np.isfinite(a).all():
        raise NoConvergence("the matrix has values that are not finite")
    if len(a) > LARGEST:
        return _lapack(a)
    if is_symmetric(a):
        return _symmetric(a)
    return _general(a)


def _lapack(a: Matrix) -> tuple[list[complex], list[Matrix | None]]:
    try:
        values, vectors = np.linalg.eigh(a) if is_symmetric(a) else np.linalg.eig(a)
    except np.linalg.LinAlgError as error:
        raise NoConvergence(str(error)) from None
    real = [abs(complex(v).imag) == 0 for v in values]
    return [complex(v) for v in values], [
        np.real(vectors[:, k]) if real[k] else None for k in range(len(a))
    ]


def _reflector(x: Matrix) -> tuple[Matrix, float, float]:
    """``(u, gamma, tau)`` of the reflection I − gamma·u·uᵀ that turns x to (−tau, 0, …); u starts with 1.

    ``gamma`` is 0 for a vector of zeros.
    """
    largest = float(np.abs(x).max(initial=0.0))
    if largest == 0.0:
        return x, 0.0, 0.0
    scaled = x / largest
    tau = math.sqrt(float((scaled * scaled).sum()))
    if scaled[0] < 0:
        tau = -tau
    nu = scaled[0] + tau
    u = scaled / nu
    u[0] = 1.0
    return u, float(nu / tau), tau * largest


# -- symmetric matrices --------------------------------------------------------------------------


def _tridiagonal(a: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Diagonal, off-diagonal and Qᵀ of the similar tridiagonal matrix."""
    n = len(a)
    work, turned = np.array(a, "float64"), np.eye(n)
    off = np.zeros(n)
    reflectors: list[tuple[Matrix, float]] = []
    for k in range(1, n):
        u, gamma, tau = _reflector(work[k - 1, k:])
        reflectors.append((u, gamma))
        if gamma == 0.0:
            continue
        part = work[k:, k:]
        w = -gamma * (part @ u)
        w = w - 0.5 * gamma * float(u @ w) * u
        part += np.outer(w, u) + np.outer(u, w)
        off[k - 1] = -tau
    for k in range(n - 1, 0, -1):
        u, gamma = reflectors[k - 1]
        part = turned[k:, k:]
        part -= gamma * np.outer(part @ u, u)
    return np.diagonal(work).copy(), off, turned


def _rotation(run: float, rise: float) -> tuple[float, float]:
    """Cosine and sine of the rotation of (run, rise) onto the first axis."""
    if abs(rise) > abs(run):
        k = run / rise
        s = 1.0 / math.sqrt(1.0 + k * k)
        return s * k, s
    if run == 0.0:
        return 1.0, 0.0
    t = rise / run
    c = 1.0 / math.sqrt(1.0 + t * t)
    return c, c * t


class _Tridiagonal:
    """Implicit QR steps on a symmetric tridiagonal matrix; ``q`` gathers the rotations by rows."""

    def __init__(self, diagonal: Matrix, off: Matrix, q: Matrix | None) -> None:
        self.d, self.e, self.q = diagonal.copy(), off.copy(), q
        self.low, self.high = 0, len(diagonal) - 1
        self.splits: list[int] = []

    def next_part(self) -> bool:
        """Goes on with the part above the one that is done."""
        if not self.splits:
            return False
        self.high = self.splits.pop()
        self.low = self.splits[-1] + 1 if self.splits else 0
        return True

    def split(self) -> bool:
        """Cuts the part at its last negligible off-diagonal element."""
        for i in range(self.high - 1, self.low - 1, -1):
            if abs(self.e[i]) <= (abs(self.d[i]) + abs(self.d[i + 1])) * EPS:
                self.splits.append(i)
                self.low = i + 1
                return True
        return False

    def wilkinson(self) -> float:
        """The eigenvalue of the last 2×2 block that is closer to its last element."""
        a, b, c = self.d[self.high - 1], self.e[self.high - 1], self.d[self.high]
        first, second = _symmetric_2x2(a, b, c)
        return first if abs(first - c) < abs(second - c) else second

    def step(self, shift: float) -> None:
        """One implicit step: a bulge is made at the top and chased out at the bottom."""
        d, e, low = self.d, self.e, self.low
        bulge = self._turn(low, *_rotation(d[low] - shift, e[low]), None)
        for i in range(low, self.high - 1):
            if bulge == 0.0:
                return
            bulge = self._turn(i + 1, *_rotation(e[i], bulge), bulge)

    def _turn(self, i: int, c: float, s: float, bulge: float | None) -> float:
        """A rotation of rows and columns i and i + 1; the bulge that it leaves below."""
        d, e = self.d, self.e
        a11, a22, a12 = d[i], d[i + 1], e[i]
        d[i] = c * c * a11 + 2 * c * s * a12 + s * s * a22
        d[i + 1] = c * c * a22 - 2 * c * s * a12 + s * s * a11
        e[i] = a12 * (c * c - s * s) + c * s * (a22 - a11)
        if bulge is not None:
            e[i - 1] = c * e[i - 1] + s * bulge
        if self.q is not None:
            upper, lower = self.q[i].copy(), self.q[i + 1].copy()
            self.q[i], self.q[i + 1] = c * upper + s * lower, c * lower - s * upper
        if i + 1 >= self.high:
            return 0.0
        left = s * e[i + 1]
        e[i + 1] *= c
        return float(left)

    def run(self, known: Matrix | None) -> Matrix:
        """Eigenvalues; with known ones these are the first shifts, and 2×2 blocks are iterated too."""
        steps, script = 0, known is not None
        while True:
            if steps > 30 * len(self.d) + 30:
                raise NoConvergence("the iteration does not converge")
            if self.low == self.high:
                steps = 0
                if not self.next_part():
                    return self.d
            elif known is None and self.high - self.low == 1:
                steps = 0
                k = self.low
                self.d[k], self.d[k + 1] = _symmetric_2x2(self.d[k], self.e[k], self.d[k + 1])
                self.e[k] = 0.0
                self.low = self.high
            elif not self.split():
                script = script and steps <= 10
                shift = (
                    float(known[self.high]) if script and known is not None else self.wilkinson()
                )
                self.step(shift)
            steps += 1


def _symmetric_2x2(a: float, b: float, c: float) -> tuple[float, float]:
    """Both eigenvalues of [[a, b], [b, c]], the larger first."""
    scale = max(abs(a), abs(b), abs(c))
    if scale == 0.0:
        return 0.0, 0.0
    a, b, c = a / scale, b / scale, c / scale
    centre, half = (a + c) * 0.5, (a - c) * 0.5
    right = math.sqrt(half * half + b * b)
    return scale * (centre + right), scale * (centre - right)


def _symmetric(a: Matrix) -> tuple[list[complex], list[Matrix | None]]:
    diagonal, off, turned = _tridiagonal(a)
    known = _Tridiagonal(diagonal, off, None).run(None)
    second = _Tridiagonal(diagonal, off, turned)
    values = second.run(known)
    assert second.q is not None
    return [complex(v) for v in values], [row.copy() for row in second.q]


# -- other matrices ------------------------------------------------------------------------------


def _hessenberg(a: Matrix) -> tuple[Matrix, Matrix]:
    """``(H, Q)`` with a = Q·H·Qᵀ."""
    n = len(a)
    h, q = np.array(a, "float64"), np.eye(n)
    reflectors: list[tuple[Matrix, float]] = []
    for k in range(n - 2):
        u, gamma, tau = _reflector(h[k + 1 :, k])
        reflectors.append((u, gamma))
        if gamma == 0.0:
            continue
        h[k + 1 :, k + 1 :] -= gamma * np.outer(u, u @ h[k + 1 :, k + 1 :])
        h[:, k + 1 :] -= gamma * np.outer(h[:, k + 1 :] @ u, u)
        h[k + 1, k], h[k + 2 :, k] = -tau, 0.0
    for k in range(n - 3, -1, -1):
        u, gamma = reflectors[k]
        q[k + 1 :, k + 1 :] -= gamma * np.outer(u, u @ q[k + 1 :, k + 1 :])
    return h, q


def _general(a: Matrix) -> tuple[list[complex], list[Matrix | None]]:
    h, turned = _hessenberg(a)
    known = Schur(h, None).find_values()
    schur = Schur(h, np.eye(len(a)))
    schur.find_vectors(known)
    vectors = list(_vectors(schur))
    return schur.values, [None if v is None else turned @ v for v in vectors]


def _vectors(schur: Schur) -> Iterator[Matrix | None]:
    """Unit vectors in the order of ``schur.values``; equal eigenvalues share one solution."""
    n = len(schur.a)
    found: list[Any] = [None] * n
    triangular = True
    for first in range(n):
        value = schur.values[n - first - 1]
        triangular = triangular and value.imag == 0.0
        if value.imag == 0.0 and found[n - first - 1] is None:
            head = _solved(schur.a, value.real, first)
            scale = abs(value.real) or 1.0
            for i in range(first, n):
                other = schur.values[n - i - 1]
                if other.imag == 0.0 and abs(other.real - value.real) / scale < 100 * EPS:
                    vector = np.zeros(n)
                    vector[:first] = head
                    vector[i] = 1.0
                    turned = schur.q.T @ vector
                    found[n - i - 1] = turned / np.linalg.norm(turned)
    return iter(found)


def _solved(r: Matrix, value: float, size: int) -> Matrix:
    """The head x of an eigenvector: (R − value·I)·x = −(the column after the block)."""
    if size == 0:
        return np.zeros(0)
    block = r[:size, :size] - value * np.eye(size)
    try:
        with np.errstate(all="ignore"):
            return np.asarray(np.linalg.solve(block, -r[:size, size]), "float64")
    except np.linalg.LinAlgError:
        raise NoConvergence("the eigenvectors cannot be found") from None


__all__ = ["NoConvergence", "eigen", "is_symmetric", "value_2x2"]
