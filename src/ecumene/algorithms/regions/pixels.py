"""Single pixels of regions: where they are, what they hold, and as features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.algorithms.regions.scan import values_at
from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.crs import transform
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Band, Image
from ecumene.core.projection import Grid, Window, apply
from ecumene.plan.parts import part_of
from ecumene.raster.coverage import Zones


class Rows(NamedTuple):
    """Pixels inside zones: zone, column and row in the grid, and values with validity per band."""

    zone: NDArray[np.int32]
    col: NDArray[np.int64]
    row: NDArray[np.int64]
    values: list[NDArray[Any]]
    valid: list[NDArray[np.bool_]]

    def take(self, keep: NDArray[Any] | slice) -> Rows:
        """Some of the rows."""
        return Rows(
            self.zone[keep],
            self.col[keep],
            self.row[keep],
            [v[keep] for v in self.values],
            [v[keep] for v in self.valid],
        )

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Rows that are valid in every band."""
        return np.asarray(np.logical_and.reduce(self.valid))

    @staticmethod
    def ordered(parts: Sequence[Rows]) -> Rows | None:
        """All rows by zone, row and column; None if there are none."""
        if not parts:
            return None
        first = parts[0]
        zone, col, row = (np.concatenate([p[k] for p in parts]) for k in range(3))
        whole = Rows(
            zone, col, row,
            [np.concatenate([p.values[k] for p in parts]) for k in range(len(first.values))],
            [np.concatenate([p.valid[k] for p in parts]) for k in range(len(first.valid))],
        )  # fmt: skip
        return whole.take(np.lexsort((col, row, zone)))


def pixels_inside(
    bands: Sequence[Band], grid: Grid, zones: Zones, context: Context
) -> Iterator[Rows]:
    """All pixels whose centre is in a zone (for points: the pixel that contains it), block by block."""
    if context.pixels is None:
        raise EvaluationError("This server has no pixel engine.")

    def picked(window: Window, pixels: list[Any]) -> Rows:
        runs = zones.inside(window)
        place, run = runs.pixels(window.width)
        row, col = np.divmod(place, window.width)
        return Rows(
            runs.zone[run],
            col + window.col,
            row + window.row,
            [values_at(p, place) for p in pixels],
            [
                np.ones(place.size, bool) if p.mask is None else p.mask.reshape(-1)[place] > 0
                for p in pixels
            ],
        )

    part = part_of(zones.windows, zones.touches)
    nodes = [band.node for band in bands]
    for rows in context.pixels.mapped(nodes, grid, part, context, picked):
        if rows.col.size:
            yield rows


def points_of(grid: Grid, col: NDArray[Any], row: NDArray[Any]) -> Iterator[Geometry]:
    """Centres of pixels in degrees."""
    x, y = apply(grid.transform, col + 0.5, row + 0.5)
    lon, lat = transform(grid.crs, "EPSG:4326", x, y)
    for point in shapely.points(np.atleast_1d(lon), np.atleast_1d(lat)):
        yield Geometry(point, geodesic=False)


def _plain(values: NDArray[Any]) -> list[Any]:
    """Numbers, or arrays where a pixel has one."""
    if values.ndim == 1 and values.dtype != object:
        return list(values.tolist())
    return [Array.of(value) for value in values]


def uniform(seed: int, rows: Rows) -> NDArray[np.float64]:
    """A number in [0, 1) for each pixel that depends on its place in the grid and the seed only."""
    h = rows.col.astype("uint64") * np.uint64(0x9E3779B97F4A7C15)
    h ^= (rows.row.astype("uint64") + np.uint64(seed & 0xFFFFFFFF)) * np.uint64(0xC2B2AE3D27D4EB4F)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        h = (h ^ (h >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((h ^ (h >> np.uint64(31))) >> np.uint64(11), "float64") * 2.0**-53


def featured(
    rows: Rows, bands: Sequence[Band], grid: Grid, *, drop_nulls: bool, geometries: bool
) -> Iterator[tuple[dict[str, Any], Geometry | None]]:
    """Properties and point of every pixel; a masked band is no property."""
    names = [band.name for band in bands]
    complete = rows.complete
    whole = bool(complete.all())
    if drop_nulls and not whole:
        rows = rows.take(complete)
    points = points_of(grid, rows.col, rows.row) if geometries else repeat(None, rows.col.size)
    pixels = zip(*(_plain(values) for values in rows.values), strict=True)
    if drop_nulls or whole:
        for values, point in zip(pixels, points, strict=True):
            yield dict(zip(names, values, strict=True)), point
        return
    present = zip(*(valid.tolist() for valid in rows.valid), strict=True)
    for values, point, there in zip(pixels, points, present, strict=True):
        yield {n: v for n, v, ok in zip(names, values, there, strict=True) if ok}, point


def collected(image: Image, produce: Any) -> Collection:
    """A lazy collection of features with the image's bands as columns."""
    found = Collection.lazy(produce, kind="Feature")
    return Collection(found.source, kind="Feature", properties={"band_order": image.band_names})
