"""Trends of evenly spaced series: of the whole, of its steepest window, and how stable they are.

Source: D. Hammer et al., FORMA: Forest monitoring for action (2009); B. Hansen, Testing for parameter instability in linear
models (1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics.reducers.moments import Output, presence

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """Samples by their place in the series: values and whether they are there, each ``(*cells)``."""

    shape: tuple[int, ...]
    samples: tuple[tuple[int, Floats, NDArray[np.bool_]], ...] = ()


class Trends:
    """Inputs are a value and its place from 0 on in a series of ``length``.

    Outputs: slope of a line through all values (by place), the smallest slope of a window of ``window`` values without gaps,
    the first slope over its standard error, and Hansen's statistic of the line.
    """

    def __init__(self, length: int, window: int) -> None:
        self.length, self.window = length, window

    def start(self, shape: tuple[int, ...]) -> Series:
        """Nothing."""
        return Series(shape)

    def held(self, samples: float) -> float:
        """Bytes at most of a state of so many samples."""
        return 9 * samples

    def add(self, state: Series, inputs: Sequence[Any], weights: Sequence[Any]) -> Series:
        """More samples."""
        values = np.asarray(inputs[0], "float64")
        seen = presence(values, weights[0]) > 0
        places = np.asarray(inputs[1]).reshape(len(values), -1)[:, 0].astype(int).tolist()
        more = tuple((place, values[k], seen[k]) for k, place in enumerate(places))
        return Series(state.shape, state.samples + more)

    def merge(self, left: Series, right: Series) -> Series:
        """Samples of both."""
        return Series(left.shape, left.samples + right.samples)

    def finish(self, state: Series) -> Output:
        """Every output, where it exists."""
        y = np.zeros((self.length, *state.shape))
        seen = np.zeros((self.length, *state.shape), bool)
        for place, values, here in state.samples:
            y[place], seen[place] = np.where(here, values, 0.0), here
        with np.errstate(all="ignore"):
            slope, ratio, stability = whole(y, seen)
            short = steepest(y, seen, self.window)
        return [
            (np.where(np.isfinite(v), v, 0.0), np.isfinite(v))
            for v in (slope, short, ratio, stability)
        ]


def whole(y: Floats, seen: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Slope, slope over its standard error, and Hansen's statistic; NaN where there are too few values."""
    t = np.arange(len(y), dtype="float64").reshape(-1, *[1] * (y.ndim - 1))
    count = seen.sum(axis=0).astype("float64")
    mean_t = np.where(seen, t, 0).sum(axis=0) / count
    mean_y = y.sum(axis=0) / count
    off_t, off_y = np.where(seen, t - mean_t, 0), np.where(seen, y - mean_y, 0)
    spread = (off_t**2).sum(axis=0)
    slope = np.where(count >= 2, (off_t * off_y).sum(axis=0) / spread, np.nan)
    error = np.where(seen, off_y - slope * off_t, 0)
    variance = (error**2).sum(axis=0) / (count - 2)
    ratio = np.where((count >= 3) & (variance > 0), slope / np.sqrt(variance / spread), np.nan)
    squares = error**2
    conditions = np.stack(
        [error * t, error, np.where(seen, squares - squares.sum(axis=0) / count, 0)]
    )
    sums = np.cumsum(conditions, axis=1)
    once, running = (
        np.einsum("ik...,jk...->...ij", v, v) for v in (conditions, np.where(seen, sums, 0))
    )
    solvable = (count >= 4) & (np.abs(np.linalg.det(once)) > 0)
    once = np.where(solvable[..., None, None], once, np.eye(3))
    found = np.trace(np.linalg.solve(once, running), axis1=-2, axis2=-1) / count
    return slope, ratio, np.where(solvable, found, np.nan)


def steepest(y: Floats, seen: NDArray[np.bool_], window: int) -> Floats:
    """The smallest slope of lines through ``window`` values that follow each other; NaN where there are none."""
    best = np.full(y.shape[1:], np.nan)
    off = np.arange(window) - (window - 1) / 2
    for first in range(len(y) - window + 1):
        part = slice(first, first + window)
        slope = np.tensordot(off, y[part], axes=1) / (off**2).sum()
        slope = np.where(seen[part].all(axis=0), slope, np.nan)
        best = np.fmin(best, slope)
    return best
