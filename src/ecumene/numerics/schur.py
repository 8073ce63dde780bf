"""The real Schur form of a Hessenberg matrix by implicit QR steps that follow known eigenvalues.

A companion of ``numerics.eigen`` (see there for the source of the algorithm and why its order matters).
"""

from __future__ import annotations

import math
import random

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
EPS = 2.0**-52
PATIENCE = 15
"""Steps without an eigenvalue before an exceptional shift."""


def value_2x2(a11: float, a12: float, a21: float, a22: float) -> tuple[complex, complex]:
    """Eigenvalues of a 2×2 matrix: a rotation makes its diagonal equal, a second one splits it."""
    if a12 + a21 == 0:
        c = s = 1.0 / math.sqrt(2)
    else:
        ratio = (a11 - a22) / (a12 + a21)
        t = ratio / (1.0 + math.sqrt(1.0 + ratio * ratio))
        c = 1.0 / math.sqrt(1.0 + t * t)
        s = c * t
    b11 = c * c * a11 + s * s * a22 - c * s * (a12 + a21)
    b12 = c * c * a12 - s * s * a21 + c * s * (a11 - a22)
    b21 = c * c * a21 - s * s * a12 + c * s * (a11 - a22)
    if b21 * b12 >= 0:
        half = 0.0
        if b12 != 0:
            half = math.sqrt(b21 / (b12 + b21)) * math.sqrt(b12 / (b12 + b21)) * (b12 + b21)
        return complex(b11 - half), complex(b11 + half)
    imaginary = math.sqrt(-b21 * b12)
    return complex(b11, imaginary), complex(b11, -imaginary)


class Schur:
    """A Hessenberg matrix ``a`` on its way to triangular form; ``q`` gathers the reflections.

    ``values`` are the eigenvalues in the order found, from the bottom of the matrix upwards.
    """

    def __init__(self, a: Matrix, q: Matrix | None) -> None:
        self.a = a.copy()
        self.turned = q
        self.values: list[complex] = []
        self.low, self.high = 0, len(a) - 1
        self.splits: list[int] = []
        self.steps = self.last_exceptional = self.exceptions = 0
        self.random = random.Random(0x23423)

    @property
    def q(self) -> Matrix:
        """The gathered reflections."""
        assert self.turned is not None
        return self.turned

    # -- bookkeeping ---------------------------------------------------------------------------

    def _found(self, *values: complex) -> None:
        self.values += values
        self.high -= len(values)
        self.steps = self.last_exceptional = 0

    def _next_part(self) -> None:
        self.high = self.splits.pop()
        self.low = self.splits[-1] + 1 if self.splits else 0

    def _negligible(self, row: int) -> bool:
        """Whether the element below the diagonal in a row is zero beside its neighbours."""
        a = self.a
        target, above, right = a[row, row - 1], a[row - 1, row - 1], a[row, row]
        return abs(float(target)) <= 0.5 * EPS * (abs(float(above)) + abs(float(right)))

    def _split(self) -> bool:
        for i in range(self.high, self.low, -1):
            if self._negligible(i):
                self.low = i
                self.splits.append(i - 1)
                return True
        return False

    def _block(self) -> tuple[complex, complex]:
        a, i, j = self.a, self.low, self.high
        return value_2x2(*(float(v) for v in (a[i, i], a[i, j], a[j, i], a[j, j])))

    def _count(self) -> None:
        self.steps += 1
        if self.steps > 30 * len(self.a) + 30:
            raise ArithmeticError("the eigenvalues do not converge")

    # -- the two passes ------------------------------------------------------------------------

    def find_values(self) -> list[complex]:
        """All eigenvalues: 1×1 and 2×2 blocks are taken off the bottom."""
        n = len(self.a)
        while len(self.values) < n:
            self._count()
            if self.high < self.low:
                self._next_part()
            elif self.high == self.low:
                self._found(complex(self.a[self.low, self.low]))
            elif self.high - self.low == 1:
                self._found(*self._block())
            elif self.steps - self.last_exceptional > PATIENCE:
                self._exceptional()
            elif self._negligible(self.high):
                self._found(complex(self.a[self.high, self.high]))
            elif not self._split():
                self._double(*self._francis())
        return self.values

    def find_vectors(self, known: list[complex]) -> None:
        """The triangular form, with shifts by the known eigenvalues in their order."""
        n, script = len(self.a), True
        while len(self.values) < n:
            self._count()
            if self.high < self.low:
                self._next_part()
            elif self.high == self.low:
                self._found(complex(self.a[self.low, self.low]))
            elif self.high - self.low == 1 and self._block()[0].imag != 0:
                self._found(*self._block())
            elif self.steps - self.last_exceptional > PATIENCE // 2:
                self._exceptional()
            elif self._negligible(self.high):
                self._found(complex(self.a[self.high, self.high]))
            elif not self._split():
                script = self._scripted(known[len(self.values)]) if script else self._free()

    def _scripted(self, value: complex) -> bool:
        """A step by a known eigenvalue; False where the order of the known ones does not help."""
        if self.steps > PATIENCE // 2:
            return False
        if value.imag == 0:
            self._single(value.real)
        elif self.high - self.low >= 2:
            self._double(*self._towards(value))
        else:
            return False
        return True

    def _free(self) -> bool:
        if self.high - self.low >= 2:
            self._double(*self._francis())
        else:
            self._single(float(self.a[self.high, self.high]))
        return False

    def _exceptional(self) -> None:
        """A shift off the beaten track."""
        value = abs(float(self.a[self.high, self.high])) or 1.0
        self.exceptions += 1
        p = 1.0 - 0.1**self.exceptions
        value *= p + 2.0 * (1.0 - p) * (self.random.random() - 0.5)
        self._single(-value if self.random.random() < 0.5 else value)
        self.last_exceptional = self.steps

    # -- steps -----------------------------------------------------------------------------------

    def _francis(self) -> tuple[float, float, float]:
        """The first column for a double shift by the eigenvalues of the last 2×2 block."""
        a, i, j = self.a, self.low, self.high
        corner = a[i : i + 3, i : i + 2]
        last = a[j - 1 : j + 1, j - 1 : j + 1]
        largest = max(float(np.abs(corner).max()), float(np.abs(last).max()))
        (a11, a12), (a21, a22), (_, a32) = (corner / largest).tolist()
        (z11, z12), (z21, z22) = (last / largest).tolist()
        return ((a11 - z11) * (a11 - z22) - z21 * z12) / a21 + a12, a11 + a22 - z11 - z22, a32

    def _towards(self, value: complex) -> tuple[float, float, float]:
        """The first column for a double shift by a pair of complex eigenvalues."""
        a, i = self.a, self.low
        (a11, a12), (a21, a22), (_, a32) = a[i : i + 3, i : i + 2].tolist()
        both, product = 2.0 * value.real, abs(value) ** 2
        return (a11 * a11 - both * a11 + product) / a21 + a12, a11 + a22 - both, a32

    def _single(self, shift: float) -> None:
        a, i = self.a, self.low
        if not self._reflect(i, [float(a[i, i]) - shift, float(a[i + 1, i])], start=True):
            return
        for k in range(i, self.high - 1):
            self._reflect(k + 1, a[k + 1 : k + 3, k].tolist())

    def _double(self, *column: float) -> None:
        a, i = self.a, self.low
        if not self._reflect(i, list(column), start=True):
            return
        for k in range(i, self.high - 2):
            self._reflect(k + 1, a[k + 1 : k + 4, k].tolist())
        self._reflect(self.high - 1, a[self.high - 1 : self.high + 1, self.high - 2].tolist())

    def _reflect(self, i: int, x: list[float], start: bool = False) -> bool:
        """Reflects rows and columns from i on so that x becomes (−tau, 0, …); False if x is negligible."""
        a = self.a
        largest = max(abs(v) for v in x)
        reference = a[i, i] if start else a[i - 1, i - 1]
        if largest <= abs(float(reference)) * EPS or not math.isfinite(largest):
            return False
        scaled = np.asarray(x) / largest
        tau = math.copysign(
            math.sqrt(float((scaled * scaled).sum())), 1.0 if scaled[0] >= 0 else -1.0
        )
        u = scaled / (scaled[0] + tau)
        u[0] = 1.0
        gamma = float((scaled[0] + tau) / tau)
        rows = slice(i, i + len(x))
        a[rows] -= gamma * np.outer(u, u @ a[rows])
        if not start:
            a[i, i - 1], a[i + 1 : i + len(x), i - 1] = -largest * tau, 0.0
        a[:, rows] -= gamma * np.outer(a[:, rows] @ u, u)
        if self.turned is not None:
            self.turned[rows] -= gamma * np.outer(u, u @ self.turned[rows])
        return True
