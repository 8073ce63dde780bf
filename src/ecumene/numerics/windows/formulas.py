"""Formulas of single pixels with parameters (no halo)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics.windows.common import Result, Valid, Values, WindowOp, both

MOST_SUBSETS = 12
"""Endmembers up to which the non-negative solution is found by trying all sets of them."""


def interpolate(
    values: Sequence[Values], valid: Sequence[Valid], halo: int,
    x: tuple[float, ...], y: tuple[float, ...], behavior: str,
) -> Result:  # fmt: skip
    """A piecewise linear function; outside ``x`` extrapolated, clamped, masked or the input itself."""
    data = values[0].astype("float64")
    xs, ys = np.asarray(x), np.asarray(y)
    found = np.interp(data, xs, ys)
    below, above = data < xs[0], data > xs[-1]
    good = valid[0]
    if behavior == "extrapolate" and xs.size > 1:
        first, last = (ys[1] - ys[0]) / (xs[1] - xs[0]), (ys[-1] - ys[-2]) / (xs[-1] - xs[-2])
        found = np.where(below, ys[0] + (data - xs[0]) * first, found)
        found = np.where(above, ys[-1] + (data - xs[-1]) * last, found)
    elif behavior == "input":
        found = np.where(below | above, data, found)
    elif behavior == "mask":
        inside = ~(below | above)
        good = inside if good is None else good & inside
    return found, good


def polynomial(
    values: Sequence[Values], valid: Sequence[Valid], halo: int, coefficients: tuple[float, ...]
) -> Result:
    """A polynomial by Horner's rule, coefficients from the constant term upwards."""
    data = values[0].astype("float64")
    found = np.full(data.shape, coefficients[-1] if coefficients else 0.0)
    for coefficient in reversed(coefficients[:-1]):
        found = found * data + coefficient
    return found, valid[0]


def _solutions(ends: NDArray[Any], pixels: NDArray[Any], to_one: bool) -> NDArray[Any]:
    """Least squares shares ``(m, n)`` of endmembers ``(m, b)`` in pixels ``(n, b)``, perhaps summing to one."""
    m = ends.shape[0]
    if not to_one:
        return np.asarray(np.linalg.pinv(ends.T) @ pixels.T)
    system = np.zeros((m + 1, m + 1))
    system[:m, :m] = ends @ ends.T
    system[:m, m] = system[m, :m] = 1
    right = np.concatenate([ends @ pixels.T, np.ones((1, pixels.shape[0]))])
    return np.asarray((np.linalg.pinv(system) @ right)[:m])


def _non_negative(ends: NDArray[Any], pixels: NDArray[Any], to_one: bool) -> NDArray[Any]:
    """The best solution without negative shares: the least residual over all sets of endmembers."""
    m, n = ends.shape[0], pixels.shape[0]
    best = np.full(n, np.inf)
    out = np.zeros((m, n))
    if not to_one:
        best = (pixels**2).sum(axis=1)
    for size in range(1, m + 1):
        for members in combinations(range(m), size):
            chosen = list(members)
            shares = _solutions(ends[chosen], pixels, to_one)
            residual = ((pixels - shares.T @ ends[chosen]) ** 2).sum(axis=1)
            better = (shares >= -1e-12).all(axis=0) & (residual < best)
            out[:, better] = 0
            for row, member in enumerate(chosen):
                out[member, better] = shares[row, better]
            best = np.where(better, residual, best)
    return np.maximum(out, 0)


def unmix(
    values: Sequence[Values], valid: Sequence[Valid], halo: int,
    endmembers: tuple[tuple[float, ...], ...], to_one: bool, non_negative: bool,
) -> Result:  # fmt: skip
    """Shares of endmembers in each pixel, ``(h, w, m)``, by least squares."""
    shape = values[0].shape
    pixels = np.stack([v.astype("float64").ravel() for v in values], axis=1)
    solve: Any = _non_negative if non_negative else _solutions
    found = solve(np.asarray(endmembers, "float64"), pixels, to_one)
    return np.moveaxis(found, 0, 1).reshape(*shape, -1), both(valid)


OPS: dict[str, WindowOp] = {"interpolate": interpolate, "polynomial": polynomial, "unmix": unmix}
