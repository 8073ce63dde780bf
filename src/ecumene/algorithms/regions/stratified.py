"""``stratifiedSample``: random pixels of each class."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.algorithms.regions.pixels import (
    Rows,
    collected,
    featured,
    pixels_inside,
    points_of,
    uniform,
)
from ecumene.algorithms.regions.target import aggregation_grid, locate
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Grid, Projection
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Integer


@algorithm("Image.stratifiedSample")
def stratified_sample(
    image: Image,
    num_points: Integer,
    class_band: str | None = None,
    region: Geometry | None = None,
    scale: Float | None = None,
    projection: Projection | None = None,
    seed: Integer = 0,
    class_values: list[Integer] | None = None,
    class_points: list[Integer] | None = None,
    drop_nulls: Boolean = True,
    tile_scale: Float = 1.0,
    geometries: Boolean = False,
    *,
    context: Context,
) -> Collection:
    """Up to a number of random pixels of each class, in ascending order of the classes.

    The choice depends on place and seed only: each class keeps the pixels with the smallest hashes,
    so memory is bounded by the size of the sample.

    Parameters
    ----------
    image : what to sample.
    num_points : pixels of each class that is not in ``classValues``.
    class_band : the integer band of classes; the first band if missing.
    region : where; the footprint of the image if missing.
    scale : nominal size of a pixel in metres.
    projection : projection of the pixels; that of the first band if missing.
    seed : another seed takes other pixels.
    class_values : classes with their own number of pixels.
    class_points : those numbers.
    drop_nulls : leave out pixels that are masked in any band.
    tile_scale : accepted for compatibility.
    geometries : give each feature the centre of its pixel as its point.
    """
    name = "Image.stratifiedSample"
    classes, points = class_values or [], class_points or []
    if len(classes) != len(points):
        raise EvaluationError(f"{name}: 'classValues' and 'classPoints' must have the same length.")
    wanted = dict(zip(classes, points, strict=True))
    if not image.bands:
        raise EvaluationError(f"{name}: The image has no bands.")
    band = class_band or image.band_names[0]
    if band not in image.band_names:
        raise EvaluationError(
            f"{name}: No band named '{band}'. Available band names: {image.band_names}."
        )
    chosen = image.band_names.index(band)
    if not image.bands[chosen].type.is_int:
        raise EvaluationError(f"{name}: The class band '{band}' must be of an integer type.")
    grid = aggregation_grid(name, image, scale, projection, None)
    target = locate(name, image, region, grid)

    def produce() -> Iterator[Feature]:
        heaps: dict[int, list[tuple[float, int, int, dict[str, Any]]]] = {}
        for rows in pixels_inside(image.bands, grid, target.zone, context):
            good = rows.valid[chosen] & (rows.complete if drop_nulls else True)
            rows = rows.take(np.asarray(good))
            order = uniform(seed, rows)
            for value in np.unique(rows.values[chosen]).tolist():
                limit = wanted.get(value, num_points)
                where = np.nonzero(rows.values[chosen] == value)[0]
                best = where[np.argsort(order[where], kind="stable")[:limit]]
                _keep(heaps.setdefault(value, []), limit, rows.take(best), order[best], image, grid)
        number = 0
        for value in sorted(heaps):
            for _, row, col, properties in sorted(
                heaps[value], key=lambda item: (-item[0], item[1:3])
            ):
                point = (
                    next(points_of(grid, np.array([col]), np.array([row]))) if geometries else None
                )
                yield Feature({INDEX: str(number), **properties}, geometry=point)
                number += 1

    return collected(image, produce)


def _keep(
    heap: list[Any], limit: int, rows: Rows, order: NDArray[Any], image: Image, grid: Grid
) -> None:
    """Adds candidates to a class's heap of the smallest hashes (stored negated: the root is the worst)."""
    found = featured(rows, image.bands, grid, drop_nulls=False, geometries=False)
    for position, (properties, _) in enumerate(found):
        entry = (
            -float(order[position]),
            int(rows.row[position]),
            int(rows.col[position]),
            properties,
        )
        if len(heap) < limit:
            heapq.heappush(heap, entry)
        elif limit and entry[:3] > heap[0][:3]:
            heapq.heapreplace(heap, entry)
