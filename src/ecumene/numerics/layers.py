"""Images of a stack as they are stored: values, where each pixel finds its own, what hides it.

A layer is gathered by the fold that consumes it: by a compiled kernel together with everything else, or
here by NumPy. The two give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HAS_MISSING, HIDES_NAN = 1, 2
"""Flags of the kernels' table (``kernels.common``)."""

COMPILED = frozenset(
    ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64")
)
"""Types that kernels take."""

INFINITY = {"float32": 0x7F800000, "float64": 0x7FF0000000000000}
"""Bits of infinity: larger ones (without sign) are NaN."""


@dataclass(slots=True)
class Layer:
    """One image over a block of ``pixels`` pixels, flattened by rows.

    Parameters
    ----------
    values : C-contiguous, of any shape.
    index : int32, one per pixel, into the flattened values; None = values are the pixels.
    valid : bool, one per pixel, flat and contiguous; None = all.
    missing : a value that hides a pixel; None = none.
    """

    values: NDArray[Any]
    index: NDArray[np.int32] | None = None
    valid: NDArray[np.bool_] | None = None
    missing: float | None = None

    @classmethod
    def of(cls, values: NDArray[Any], mask: NDArray[Any] | None, dtype: np.dtype[Any]) -> Layer:
        """Pixels that are there already; a mask hides where it is 0."""
        flat = np.ascontiguousarray(values, dtype)
        if mask is None:
            return cls(flat)
        shown = mask if mask.dtype == bool else mask > 0
        return cls(flat, None, np.ascontiguousarray(shown).reshape(-1))

    def gathered(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Values and validity per pixel, flat."""
        flat = self.values.reshape(-1)
        values = flat if self.index is None else flat.take(self.index)
        valid = self.valid
        if self.missing is not None:
            shown = values != values.dtype.type(self.missing)
            valid = shown if valid is None else valid & shown
        return values, valid


def table(layers: Sequence[Layer], pixels: int, hides_nan: bool) -> NDArray[np.int64]:
    """The kernels' table of images; the layers must outlive its use."""
    out = np.zeros((len(layers), 6), np.int64)
    for row, layer in zip(out, layers, strict=True):
        flags = HIDES_NAN if hides_nan and layer.values.dtype.kind == "f" else 0
        row[0] = layer.values.ctypes.data
        row[1] = 0 if layer.index is None else layer.index.ctypes.data
        row[2] = 0 if layer.valid is None else layer.valid.ctypes.data
        row[3], row[4] = layer.values.size, pixels
        row[5] = flags | (0 if layer.missing is None else HAS_MISSING)
    return out


def absent(layers: Sequence[Layer], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The hidden value of each layer (0 where it has none)."""
    return np.asarray([layer.missing or 0 for layer in layers], dtype)
