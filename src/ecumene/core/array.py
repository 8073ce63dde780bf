"""Arrays as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.pixel_type import PixelType, of_dtype


@dataclass(frozen=True, eq=False)
class Array:
    """An n-dimensional array with its element type (``type.dimensions`` equals ``values.ndim``)."""

    values: NDArray[Any]
    type: PixelType

    @staticmethod
    def of(values: Any, type_: PixelType | None = None) -> Array:
        """An array of a NumPy array (or nested list), typed by its dtype unless given."""
        data = np.asarray(values)
        kind = type_ or of_dtype(data.dtype)
        return Array(data, kind.with_dimensions(data.ndim))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Array) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.values.shape, self.values.tobytes()))
