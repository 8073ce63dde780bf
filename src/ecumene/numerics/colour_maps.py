"""Colour maps: the level of one channel for each value, by ramps, intervals or single values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
Numbers = tuple[float, ...]


def ramp(values: Values, quantities: Numbers, levels: Numbers, shown: tuple[bool, ...]) -> Values:
    """Levels between the two nearest quantities; beyond the ends those of the ends."""
    return np.asarray(np.rint(np.interp(values.astype("float64"), quantities, levels)))


def ramp_shown(
    values: Values, quantities: Numbers, levels: Numbers, shown: tuple[bool, ...]
) -> Values:
    """Not where only invisible entries count."""
    opaque = np.asarray(shown, "float64")
    return np.asarray(np.interp(values.astype("float64"), quantities, opaque) > 0)


def intervals(
    values: Values, quantities: Numbers, levels: Numbers, shown: tuple[bool, ...]
) -> Values:
    """The level of the first quantity that is not below the value."""
    place = np.searchsorted(quantities, values.astype("float64"))
    return np.asarray(levels)[np.minimum(place, len(levels) - 1)]


def intervals_shown(
    values: Values, quantities: Numbers, levels: Numbers, shown: tuple[bool, ...]
) -> Values:
    """Not above the last quantity, nor in invisible intervals."""
    place = np.searchsorted(quantities, values.astype("float64"))
    return np.append(np.asarray(shown, bool), False)[place]


def single(values: Values, quantities: Numbers, levels: Numbers, shown: tuple[bool, ...]) -> Values:
    """The level of the quantity that equals the value."""
    return intervals(values, quantities, levels, shown)


def single_shown(
    values: Values, quantities: Numbers, levels: Numbers, shown: tuple[bool, ...]
) -> Values:
    """Only where a visible quantity equals the value."""
    found = values.astype("float64")
    place = np.minimum(np.searchsorted(quantities, found), len(quantities) - 1)
    return np.asarray((np.asarray(quantities)[place] == found) & np.asarray(shown, bool)[place])
