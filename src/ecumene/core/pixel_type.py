"""Types of pixels and array elements: precision, range, number of array dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

_INT_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
MOST_AXES = 32
"""Dimensions that an array may have."""

_RANK = {"int": 0, "float": 1, "double": 2}


@dataclass(frozen=True, slots=True)
class PixelType:
    """Precision (``int``, ``float``, ``double``), optional range, array dimensions (0 = scalar)."""

    precision: str
    min: float | int | None = None
    max: float | int | None = None
    dimensions: int = 0

    @property
    def is_int(self) -> bool:
        """Whether values are integers."""
        return self.precision == "int"

    @property
    def bounds(self) -> tuple[float | int, float | int]:
        """The range, infinite (or int64's) where none is declared."""
        if self.is_int:
            return (
                _LOWEST if self.min is None else self.min,
                _HIGHEST if self.max is None else self.max,
            )
        return (
            -math.inf if self.min is None else self.min,
            math.inf if self.max is None else self.max,
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest NumPy type that holds the range: what pixels are computed and sent in."""
        return _dtype(self.precision, *self.bounds)

    def with_dimensions(self, dimensions: int) -> PixelType:
        """The same element type with another number of array dimensions."""
        return PixelType(self.precision, self.min, self.max, dimensions)

    def without_range(self) -> PixelType:
        """The same precision, unbounded."""
        return PixelType(self.precision, None, None, self.dimensions)

    def to_json(self) -> dict[str, Any]:
        """Earth Engine's description; a one-sided range is not printed."""
        out: dict[str, Any] = {"type": "PixelType", "precision": self.precision}
        low, high = self.min, self.max
        if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
            out["min"], out["max"] = low, high
        if self.dimensions:
            out["dimensions"] = self.dimensions
        return out

    def text(self) -> str:
        """The type text of error messages and column listings, e.g. ``Short<0, 300>``."""
        if not self.is_int:
            name = "Float" if self.precision == "float" else "Double"
            if self.min is None or self.max is None:
                return name
            return f"{name}<{float(self.min)}, {float(self.max)}>"
        low, high = self.bounds
        for name, bits in (("Byte", 8), ("Short", 16), ("Integer", 32), ("Long", 64)):
            if name == "Byte":
                fits = (low >= 0 and high <= 255) or (low >= -128 and high <= 127)
            else:
                fits = -(2 ** (bits - 1)) <= low and high <= 2 ** (bits - 1) - 1
            if fits:
                return f"{name}<{int(low)}, {int(high)}>" if self.min is not None else name
        return "Long"


def of_range(low: float | int, high: float | int) -> PixelType:
    """An integer type with this range."""
    return PixelType("int", int(low), int(high))


UINT8 = of_range(0, 255)
INT8 = of_range(-128, 127)
UINT16 = of_range(0, 65535)
INT16 = of_range(-32768, 32767)
UINT32 = of_range(0, 2**32 - 1)
INT32 = of_range(-(2**31), 2**31 - 1)
INT64 = of_range(-(2**63), 2**63 - 1)
FLOAT = PixelType("float")
DOUBLE = PixelType("double")
BOOLEAN = of_range(0, 1)

_BY_NAME = {
    "uint8": UINT8, "int8": INT8, "uint16": UINT16, "int16": INT16, "uint32": UINT32,
    "int32": INT32, "int64": INT64, "uint64": INT64, "float32": FLOAT, "float64": DOUBLE,
    "float16": FLOAT, "bool": BOOLEAN,
}  # fmt: skip


@lru_cache(maxsize=4096)
def _dtype(precision: str, low: float, high: float) -> np.dtype[Any]:
    if precision == "double":
        return np.dtype("float64")
    if precision == "float":
        return np.dtype("float32")
    for name in _INT_DTYPES:
        info = np.iinfo(name)
        if info.min <= low and high <= info.max:
            return np.dtype(name)
    return np.dtype("int64")


def of_dtype(dtype: Any) -> PixelType:
    """The pixel type of a NumPy type (or its name)."""
    return _BY_NAME[np.dtype(dtype).name]


def of_value(value: Any) -> PixelType:
    """Type of a constant: ``int [v, v]`` if integral, else ``double [v, v]``.

    >>> of_value(3)
    PixelType(precision='int', min=3, max=3, dimensions=0)
    """
    number = float(value)
    if math.isfinite(number) and number == int(number) and abs(number) < 2**63:
        return PixelType("int", int(value), int(value))
    if not math.isfinite(number):
        return DOUBLE
    return PixelType("double", number, number)


def union(*types: PixelType) -> PixelType:
    """The smallest type that holds every value of each: widest precision, joined range.

    An integer range too wide for a float32 joined with a float gives a double.
    """
    precision = max((t.precision for t in types), key=_RANK.__getitem__)
    if precision == "float" and any(
        t.is_int and t.dtype.itemsize > 2 and t.min != t.max for t in types
    ):
        precision = "double"
    lows, highs = [t.min for t in types], [t.max for t in types]
    low = None if any(v is None for v in lows) else min(v for v in lows if v is not None)
    high = None if any(v is None for v in highs) else max(v for v in highs if v is not None)
    return PixelType(precision, low, high, max(t.dimensions for t in types))
