"""Special functions with the service's conventions at poles and outside domains."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

Values = NDArray[Any]


def erf(x: Values) -> Values:
    """Error function."""
    return np.asarray(scipy.special.erf(x))


def erfc(x: Values) -> Values:
    """Complementary error function."""
    return np.asarray(scipy.special.erfc(x))


def erf_inverse(x: Values) -> Values:
    """Inverse error function; ±infinity at ±1."""
    return np.asarray(scipy.special.erfinv(x))


def erfc_inverse(x: Values) -> Values:
    """Inverse complementary error function; infinity at 0."""
    return np.asarray(scipy.special.erfcinv(x))


def gamma(x: Values) -> Values:
    """Gamma function; NaN at and below zero, which the documentation calls invalid; infinity on overflow."""
    x = np.asarray(x, "float64")
    return np.asarray(np.where(x > 0, scipy.special.gamma(np.where(x > 0, x, 1.0)), np.nan))


def gammainc(x: Values, a: Values) -> Values:
    """Regularised lower incomplete gamma function P(a, x); NaN outside its domain.

    The point comes first and the parameter second, as in Earth Engine's documented examples.
    """
    x, a = np.asarray(x, "float64"), np.asarray(a, "float64")
    found = scipy.special.gammainc(a, x)
    return np.asarray(np.where((a <= 0) | (x < 0), np.nan, found))


_SERIES_FROM = 49.0
"""Arguments from which Commons Math sums the asymptotic series; smaller ones are shifted up to it."""


def digamma(x: Values) -> Values:
    """Logarithmic derivative of gamma; −infinity at its poles.

    The service's documented values are those of Apache Commons Math 3, whose asymptotic series has the wrong
    sign at its term 1/(120 x⁴): they lie 1/(60 x⁴) below the function, at the shifted argument (3e-9 at most).
    """
    x = np.asarray(x, "float64")
    pole = (x <= 0) & (x == np.floor(x)) & np.isfinite(x)
    safe = np.where(pole | ~np.isfinite(x), 1.0, x)
    shifted = np.where(safe < _SERIES_FROM, safe + np.ceil(_SERIES_FROM - safe), safe)
    found = scipy.special.digamma(safe) - 1 / (60 * shifted**4)
    return np.asarray(np.where(pole, -np.inf, np.where(np.isfinite(x), found, x)))


def trigamma(x: Values) -> Values:
    """Derivative of digamma; infinity at its poles; reflected for negative arguments."""
    x = np.asarray(x, "float64")
    pole = (x <= 0) & (x == np.floor(x)) & np.isfinite(x)
    safe = np.where(pole | ~np.isfinite(x), 1.0, x)
    right = scipy.special.polygamma(1, np.where(safe > 0, safe, 1 - safe))
    with np.errstate(divide="ignore", invalid="ignore"):
        left = (np.pi / np.sin(np.pi * safe)) ** 2 - right
    found = np.where(safe > 0, right, left)
    return np.asarray(np.where(pole, np.inf, np.where(np.isfinite(x), found, x)))


_LANCZOS_G = 607 / 128
_LANCZOS = (
    0.99999999999999709182, 57.156235665862923517, -59.597960355475491248, 14.136097974741747174,
    -0.49191381609762019978, 0.33994649984811888699e-4, 0.46523628927048575665e-4, -0.98374475304879564677e-4,
    0.15808870322491248884e-3, -0.21026444172410488319e-3, 0.21743961811521264320e-3, -0.16431810653676389022e-3,
    0.84418223983852743293e-4, -0.26190838401581408670e-4, 0.36899182659531622704e-5,
)  # fmt: skip
"""Coefficients of the Lanczos sum for g = 607/128 (P. Godfrey, 2001)."""


def lanczos(x: Values) -> Values:
    """The Lanczos sum c0 + Σ ck / (x + k), the factor of the gamma function's approximation."""
    total = np.zeros_like(np.asarray(x, "float64"))
    for k in range(len(_LANCZOS) - 1, 0, -1):
        total = total + _LANCZOS[k] / (x + k)
    return np.asarray(total + _LANCZOS[0])
