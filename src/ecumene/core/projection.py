"""Projections and grids: a CRS with an affine transform, and integer windows into it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.errors import EvaluationError

Affine = tuple[float, float, float, float, float, float]
"""Row-major ``(xScale, xShear, xTranslate, yShear, yScale, yTranslate)``: Earth Engine's order."""

IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def affine(values: Any) -> Affine:
    """Six numbers as an Affine; EvaluationError for anything else."""
    try:
        a, b, c, d, e, f = (float(v) for v in values)
    except (TypeError, ValueError, OverflowError):
        raise EvaluationError("A transform must be a list of 6 numbers.") from None
    return (a, b, c, d, e, f)


def apply(t: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """Pixel coordinates to CRS coordinates."""
    return t[0] * x + t[1] * y + t[2], t[3] * x + t[4] * y + t[5]


def invert(t: Affine) -> Affine:
    """The transform from CRS coordinates to pixel coordinates."""
    a, b, c, d, e, f = t
    det = a * e - b * d
    if det == 0 or not math.isfinite(det):
        raise EvaluationError("The transform of a projection cannot be inverted.")
    if b == 0 and d == 0:  # avoids rounding noise in the common case
        return (1 / a, 0.0, -c / a, 0.0, 1 / e, -f / e)
    return (e / det, -b / det, (b * f - c * e) / det, -d / det, a / det, (c * d - a * f) / det)


def compose(outer: Affine, inner: Affine) -> Affine:
    """``outer ∘ inner``."""
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (
        a * g + b * j, a * h + b * k, a * i + b * m + c,
        d * g + e * j, d * h + e * k, d * i + e * m + f,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Projection:
    """A CRS (authority code or WKT) and an affine: an infinite lattice of pixels.

    This is both Earth Engine's ``Projection`` and the *grid* of the pixel engine: pixel
    ``(col, row)`` covers ``[col, col+1) × [row, row+1)`` in transformed coordinates, and every
    block, tile or halo is a ``Window`` of integer offsets into it.
    """

    crs: str = "EPSG:4326"
    transform: Affine = IDENTITY

    def __post_init__(self) -> None:
        a, b, _, d, e, _ = self.transform
        det = a * e - b * d
        if det == 0 or not math.isfinite(det + self.transform[2] + self.transform[5]):
            raise EvaluationError(
                f"The transform of a projection cannot be inverted: {list(self.transform)}."
            )

    @property
    def is_default(self) -> bool:
        """The 1° WGS84 placeholder of composites and constants."""
        return self.crs == "EPSG:4326" and self.transform == IDENTITY

    @property
    def nominal_scale(self) -> float:
        """Metres per pixel at the CRS's point of true scale."""
        a, b, _, d, e, _ = self.transform
        if b == 0 and d == 0 and abs(a) == abs(e):
            size = abs(a)
        else:
            size = math.sqrt(abs(a * e - b * d))
        return size * crs_.metres_per_unit(self.crs)

    def at_scale(self, metres: float) -> Projection:
        """The same CRS with square pixels of this many metres, origin and orientation reset.

        ``EPSG:4326`` at 10 m has 8.983152841195215e-05 in both places (positive y), as the
        service documents. A flipped y axis is kept.
        """
        size = float(metres) / crs_.metres_per_unit(self.crs)
        if not size > 0:
            raise EvaluationError(f"The scale must be positive, got {metres}.")
        flip = -1.0 if self.transform[4] < 0 else 1.0
        return Projection(self.crs, (size, 0.0, 0.0, 0.0, flip * size, 0.0))

    def scaled(self, x: float, y: float) -> Projection:
        """Post-multiplied by a scaling."""
        return Projection(self.crs, compose(self.transform, (x, 0, 0, 0, y, 0)))

    def translated(self, x: float, y: float) -> Projection:
        """Post-multiplied by a translation in pixels."""
        return Projection(self.crs, compose(self.transform, (1, 0, x, 0, 1, y)))

    def to_json(self) -> dict[str, Any]:
        """Earth Engine's description."""
        name = "crs" if crs_.is_code(self.crs) else "wkt"
        return {"type": "Projection", name: self.crs, "transform": list(self.transform)}


Grid = Projection
"""In the pixel engine a projection is called a grid: the lattice that windows index."""

DEFAULT_PROJECTION = Projection()


class Window(NamedTuple):
    """A rectangle of pixels of a grid: offsets (may be negative) and size."""

    col: int
    row: int
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.height, self.width

    def grown(self, left: int, top: int, right: int, bottom: int) -> Window:
        """With a halo."""
        return Window(
            self.col - left, self.row - top, self.width + left + right, self.height + top + bottom
        )

    def centres(self, grid: Projection) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """CRS coordinates of all pixel centres, each ``(height, width)``."""
        cols = np.arange(self.col, self.col + self.width, dtype="float64") + 0.5
        rows = np.arange(self.row, self.row + self.height, dtype="float64")[:, None] + 0.5
        x, y = apply(grid.transform, cols[None, :], rows)
        return np.broadcast_to(x, self.shape), np.broadcast_to(y, self.shape)
