"""Small scenes on disk for tests of plans that read: values and a class band, tiled, with an overview."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import Affine

from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid
from ecumene.core.raster import RasterBand
from ecumene.core.reducer import Reducer
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import Constant, Elementwise, Fold, Source, UpdateMask
from ecumene.storage.blocks import BlockStore
from ecumene.storage.gate import Gate

SIDE, BLOCK, STEP = 128, 64, 10.0
UINT16, UINT8 = PixelType("int", 0, 65535), PixelType("int", 0, 255)
GRID = Grid("EPSG:32633", (STEP, 0.0, 500_000.0, 0.0, -STEP, 5_000_000.0))


@dataclass(frozen=True)
class Scene:
    """Two files of one asset."""

    asset: str
    values: Source
    classes: Source


def write(path: Path, data: np.ndarray, grid: Grid) -> None:
    """One band, deflated in tiles, with an overview of half the size."""
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=1, dtype=data.dtype, crs=grid.crs,
        transform=Affine(*grid.transform), tiled=True, blockxsize=BLOCK, blockysize=BLOCK, compress="deflate",
    ) as out:  # fmt: skip
        out.write(data, 1)
        out.build_overviews([2], Resampling.nearest)


def source(path: Path, pixel_type: PixelType, asset: str, grid: Grid = GRID) -> Source:
    band = RasterBand(str(path), 1, pixel_type, grid, SIDE, SIDE, asset=asset)
    return Source(band, "nearest", pixel_type)


def scene(folder: Path, number: int, shift: float = 0.0) -> Scene:
    """Scene ``number`` of the collection ``A/B``, moved east by ``shift`` metres."""
    rng = np.random.default_rng(number)
    grid = Grid(GRID.crs, (STEP, 0.0, 500_000.0 + shift, 0.0, -STEP, 5_000_000.0))
    asset = f"A/B/{number}"
    values, classes = folder / f"v{number}.tif", folder / f"c{number}.tif"
    write(values, rng.integers(1, 9000, (SIDE, SIDE), dtype="uint16"), grid)
    write(classes, rng.integers(0, 4, (SIDE, SIDE), dtype="uint8"), grid)
    return Scene(asset, source(values, UINT16, asset, grid), source(classes, UINT8, asset, grid))


def store(folder: Path) -> BlockStore:
    return BlockStore(2**26, Gate([folder]), 2)


def clear(of: Scene) -> tuple[PlanNode, PlanNode]:
    """``(values where the class is not 3, the mask)``."""
    keep = Elementwise("neq", (of.classes, Constant(3, UINT8)), (), UINT8)
    return UpdateMask(of.values, keep, of.values.type), keep


def composite(scenes: list[Scene], reducer: Reducer) -> Fold:
    """A reducer of all clear values."""
    nodes = tuple(clear(each)[0] for each in scenes)
    return Fold(reducer, (nodes,), 0, PixelType("float"))
