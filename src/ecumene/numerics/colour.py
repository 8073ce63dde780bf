"""Colour models; all components from 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]


def rgb_to_hsv(red: Values, green: Values, blue: Values, part: int) -> Values:
    """Hue (0), saturation (1) or value (2) of a colour (A. R. Smith 1978)."""
    high = np.maximum(np.maximum(red, green), blue).astype("float64")
    low = np.minimum(np.minimum(red, green), blue).astype("float64")
    if part == 2:
        return np.asarray(high)
    span = high - low
    if part == 1:
        return np.asarray(np.where(high == 0, 0, span / np.where(high == 0, 1, high)))
    safe = np.where(span == 0, 1, span)
    hue = np.where(
        high == red,
        (green - blue) / safe % 6,
        np.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    return np.asarray(np.where(span == 0, 0, hue / 6))


def hsv_to_rgb(hue: Values, saturation: Values, value: Values, part: int) -> Values:
    """Red (0), green (1) or blue (2) of a colour."""
    n = (5, 3, 1)[part]
    k = (n + hue.astype("float64") * 6) % 6
    return np.asarray(value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1))


def scramble(values: Values, part: int) -> Values:
    """A byte that looks random for every value and colour component."""
    h = np.floor(values.astype("float64")).astype("int64").astype("uint64") + np.uint64(
        part * 7919 + 1
    )
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((h >> np.uint64(40)) & np.uint64(255), "uint8")
