"""Small images in memory, on a grid of their own, and their pixels read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.geometry import Geometry
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import PixelType, of_dtype
from ecumene.core.projection import Grid, Projection, Window
from ecumene.plan.node import Evaluation, Pixels, PlanNode
from tests.calls import engine

CRS = "EPSG:32633"
GRID = Projection(CRS, (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0))
"""Pixels of ten metres; pixel (column, row) has its upper left corner at 500000 + 10·c, 5000000 − 10·r."""


WHOLE = Window(0, 0, 12, 10)


@dataclass(frozen=True, eq=False)
class Held(PlanNode):
    """An array whose first pixel is pixel (0, 0) of ``GRID``; masked outside."""

    values: np.ndarray
    mask: np.ndarray | None
    type: PixelType

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation | Pixels:
        """The part in the window; on other grids by nearest neighbour of a grid in the same CRS."""
        assert grid.crs == CRS
        x, y = window.centres(grid)
        col = np.floor((x - 500_000) / 10 + 1e-9).astype(int)
        row = np.floor((5_000_000 - y) / 10 + 1e-9).astype(int)
        height, width = self.values.shape
        good = (col >= 0) & (col < width) & (row >= 0) & (row < height)
        col, row = np.clip(col, 0, width - 1), np.clip(row, 0, height - 1)
        values = self.values[row, col]
        if self.mask is None:
            return Pixels(values, good)
        held = self.mask[row, col]
        return Pixels(
            values, good & held if held.dtype == bool else np.where(good, held, np.float32(0))
        )


def rectangle(col: float, row: float, width: float, height: float) -> Geometry:
    """Pixels of ``GRID`` as a geometry with straight edges."""
    west, north = 500_000 + 10 * col, 5_000_000 - 10 * row
    return Geometry(
        shapely.box(west, north - 10 * height, west + 10 * width, north), CRS, geodesic=False
    )


def image(
    bands: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray] | np.ndarray | None = None,
    types: Mapping[str, PixelType] | None = None,
    **properties: Any,
) -> Image:
    """An image of arrays ``(h, w)``; masks for each band or for all."""
    made = []
    for name, values in bands.items():
        mask = masks.get(name) if isinstance(masks, Mapping) else masks
        kind = (types or {}).get(name) or of_dtype(values.dtype)
        height, width = values.shape
        made.append(Band(name, Held(values, mask, kind), GRID, (width, height)))
    return Image(
        properties=dict(properties), bands=tuple(made), footprint=rectangle(0, 0, width, height)
    )


def collection(images: list[Image]) -> Collection:
    return Collection.of([one.set("system:index", str(i)) for i, one in enumerate(images)], "Image")


def read(
    image: Image, window: Window = WHOLE, grid: Projection = GRID
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Values and validity of every band."""
    context = engine().context("tests")
    assert context.pixels is not None
    pixels = context.pixels.read([band.node for band in image.bands], grid, window, context)
    return {
        band.name: (np.asarray(p.values), np.array(p.valid()))
        for band, p in zip(image.bands, pixels, strict=True)
    }


def masks_of(image: Image, window: Window = WHOLE) -> dict[str, np.ndarray]:
    """Masks of every band as numbers from 0 to 1."""
    context = engine().context("tests")
    assert context.pixels is not None
    pixels = context.pixels.read([band.node for band in image.bands], GRID, window, context)
    return {
        band.name: np.ones(window.shape) if p.mask is None else np.asarray(p.mask, "float64")
        for band, p in zip(image.bands, pixels, strict=True)
    }
