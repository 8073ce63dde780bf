"""Estimates at places from values at scattered points: ordinary kriging, weights that fall with distance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Shape = Callable[[Numbers], Numbers]


def _spherical(share: Numbers) -> Numbers:
    held = np.minimum(share, 1.0)
    return np.asarray(1.5 * held - 0.5 * held**3)


SHAPES: Mapping[str, Shape] = {
    "exponential": lambda share: 1 - np.exp(-3 * share),
    "gaussian": lambda share: 1 - np.exp(-3 * share**2),
    "spherical": _spherical,
}
"""How far a semivariogram has risen at shares of its range; the first two to 95 % at the range."""


@dataclass(frozen=True, slots=True)
class Semivariogram:
    """Half the mean square difference of values at a distance: 0 at 0, ``nugget`` beside it, ``sill`` at last."""

    shape: str
    range: float
    sill: float
    nugget: float

    def __call__(self, distance: Numbers) -> Numbers:
        """At distances in metres."""
        rise = SHAPES[self.shape](distance / self.range)
        return np.where(distance > 0, self.nugget + (self.sill - self.nugget) * rise, 0.0)


def kriged(model: Semivariogram, between: Numbers, away: Numbers, values: Numbers) -> Numbers:
    """Estimates ``(p,)`` by ordinary kriging.

    ``between`` are the distances ``(n, n)`` of the points, ``away`` those ``(p, n)`` of places from them. The
    weights of a place solve Γλ + μ = γ with Σλ = 1 (Cressie, Statistics for Spatial Data, 3.2); of systems that
    are singular the smallest solution is taken.
    """
    count = len(values)
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = model(between)
    system[count, count] = 0.0
    wanted = np.ones((count + 1, len(away)))
    wanted[:count] = model(away).T
    try:
        weights = np.linalg.solve(system, wanted)
    except np.linalg.LinAlgError:
        weights = np.linalg.lstsq(system, wanted, rcond=None)[0]
    return np.asarray(values @ weights[:count])


def weighted(away: Numbers, values: Numbers, reach: float, mean: float, gamma: float) -> Numbers:
    """Estimates ``(p,)`` by inverse distances that fade to a mean.

    ``away`` are distances ``(p, n)``; points further than ``reach`` (infinite ones too) do not count. With
    weights wᵢ = reach / dᵢ − 1 of the points around, the mean departs from ``mean`` by
    Σwᵢ(vᵢ − mean) / Σwᵢ · (1 − d / reach)^gamma, d being the distance of the nearest point. At a point it is its value.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.maximum(reach / away - 1, 0.0)
        at_point = np.isinf(weights)
        weights[at_point.any(axis=1)] = at_point[at_point.any(axis=1)]
        total = weights.sum(axis=1)
        local = (weights * (values - mean)).sum(axis=1) / np.where(total > 0, total, 1.0)
        fade = np.maximum(1 - away.min(axis=1) / reach, 0.0) ** gamma
    return np.asarray(mean + local * fade)
