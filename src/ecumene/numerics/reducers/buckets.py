"""Distributions of any number of samples in bounded memory: buckets whose width is a power of two.

Buckets start at multiples of their width, so buckets of one width are parts of those of the next: samples may
be added and merged in any order and any parts, and the width in the end depends on the smallest and the
largest sample only. Each bucket keeps the weight and the mean of its samples: integers that are not spread over
more values than there are buckets stay exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Buckets that hold samples, ascending.

    Parameters
    ----------
    width : of all buckets; bucket ``k`` holds values from ``k * width`` on.
    keys : numbers of the buckets.
    weights, totals : sum of the weights, and of the weighted values, of each bucket's samples.
    low, high : the smallest and the largest sample.
    whole : whether all samples are integers.
    """

    width: float
    keys: Ints
    weights: Floats
    totals: Floats
    low: float
    high: float
    whole: bool

    @staticmethod
    def of(values: NDArray[Any], weights: Floats, most: int) -> Buckets:
        """Buckets of finite samples with weights above 0, of which there are some."""
        low, high = float(values.min()), float(values.max())
        width = width_for(low, high, most)
        place = np.floor(values.astype(np.float64) / width).astype(np.int64)
        first = int(place.min())
        place -= first
        size = int(place.max()) + 1
        held = np.bincount(place, weights, minlength=size)
        totals = np.bincount(place, weights * values, minlength=size)
        keys = np.flatnonzero(held > 0)
        whole = values.dtype.kind in "iub"
        weight, total = (np.asarray(column[keys], np.float64) for column in (held, totals))
        return Buckets(width, keys + first, weight, total, low, high, whole)

    def merged(self, other: Buckets, most: int) -> Buckets:
        """Buckets of the samples of both."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        width = max(width_for(low, high, most), self.width, other.width)
        columns = [
            np.concatenate(pair) for pair in zip(self._at(width), other._at(width), strict=True)
        ]
        whole = self.whole and other.whole
        return Buckets(width, *_together(*columns), low, high, whole)

    def _at(self, width: float) -> tuple[Ints, Floats, Floats]:
        """Numbers of the buckets of a larger width that hold ours, with our weights and totals."""
        shift = round(math.log2(width / self.width))
        return self.keys >> min(shift, 62), self.weights, self.totals

    @property
    def means(self) -> Floats:
        """Mean of the samples of each bucket."""
        start = np.asarray(self.keys * self.width, np.float64)
        if self.whole and self.width <= 1:
            return start
        end = np.nextafter(start + self.width, -np.inf)
        means = np.clip(self.totals / self.weights, start, np.minimum(end, self.high))
        return np.asarray(means, np.float64)

    @property
    def nbytes(self) -> int:
        """Memory."""
        return self.keys.nbytes + self.weights.nbytes + self.totals.nbytes


def _together(keys: Ints, weights: Floats, totals: Floats) -> tuple[Ints, Floats, Floats]:
    """Equal keys once, ascending."""
    order = np.argsort(keys, kind="stable")
    keys, weights, totals = keys[order], weights[order], totals[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[starts], np.add.reduceat(weights, starts), np.add.reduceat(totals, starts)


def width_for(low: float, high: float, most: int, least: float = 0.0) -> float:
    """The smallest power of two for which at most ``most`` buckets reach from ``low`` to ``high``.

    With ``least`` it is ``least`` times a power of two from 1 on. It is not finer than the numbers themselves.
    """
    largest = max(abs(low), abs(high))
    finest = math.ulp(largest) if largest > 0 else 2.0**-1000
    unit = least or 1.0
    share, exponent = math.frexp(max((high - low) / most, finest) / unit)
    width = unit * 2.0 ** (exponent - 1 if share == 0.5 else exponent)
    width = max(width, least)
    while math.floor(high / width) - math.floor(low / width) + 1 > most:
        width *= 2
    return width


def rounded(buckets: int) -> int:
    """A number of buckets, rounded up to a power of two."""
    return 1 << max(int(buckets) - 1, 0).bit_length()
