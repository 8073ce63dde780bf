"""``reduceRegion`` and ``reduceRegions``: one pass over blocks, weights from masks and coverage.

Weighted reducers count a pixel with weight min(mask, covered fraction) if at least half a per cent of
it is covered; unweighted ones count it fully if its centre is inside and its mask is not zero
(the service's documented rules; its quantisation of fractions to 8 bits is not imitated).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ecumene.algorithms.regions.scan import Output, Run, passes, runs_of, scan
from ecumene.algorithms.regions.target import aggregation_grid, checked, locate, placed
from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import Feature
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Projection
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Long, Object
from ecumene.raster.coverage import Zones, windows_of

BATCH = 20_000
"""Features whose statistics are computed in one pass over the pixels."""


def value_of(output: tuple[Any, Any]) -> Any:
    """A finished output as a plain value, None where nothing was valid."""
    value, valid = output
    if valid is not None and not bool(np.all(valid)):
        return None
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, np.ndarray):
        return Array.of(value)
    if isinstance(value, np.generic):
        value = value.item()
    return value


def named(
    reducer: Reducer, runs: Sequence[Run], results: Sequence[list[Output]], *, bare: bool
) -> dict[str, Any]:
    """Keys of the result: the band for a single output, else band_output (``bare``: output alone)."""
    out: dict[str, Any] = {}
    single = len(reducer.output_names) == 1
    for run, outputs in zip(runs, results, strict=True):
        band = run.band
        for name, output in zip(reducer.outputs, outputs, strict=True):
            if not name:
                continue
            if band is None or bare:
                key = name
            else:
                key = band if single else f"{band}_{name}"
            out[key] = value_of(output)
    return out


@algorithm("Image.reduceRegion")
def reduce_region(
    image: Image,
    reducer: Reducer,
    geometry: Geometry | None = None,
    scale: Float | None = None,
    crs: Projection | None = None,
    crs_transform: list[Float] | None = None,
    best_effort: Boolean = False,
    max_pixels: Long = 10_000_000,
    tile_scale: Float = 1.0,
    *,
    context: Context,
) -> dict[str, Object]:
    """Statistics of all pixels in a region: one key per band and output, null where nothing is valid.

    Parameters
    ----------
    image : what to reduce.
    reducer : applied to each band, or to all bands at once if it has several inputs.
    geometry : the region; the footprint of the image if missing.
    scale : nominal size of a pixel of the working grid in metres.
    crs : projection of the working grid; that of the first band if missing.
    crs_transform : transform of the working grid; excludes the scale.
    best_effort : use a coarser grid where the region has too many pixels.
    max_pixels : most pixels to reduce.
    tile_scale : accepted for compatibility; blocks are sized by memory here.
    """
    name = "Image.reduceRegion"
    if not image.bands:
        return {}
    grid = aggregation_grid(name, image, scale, crs, crs_transform)
    target = checked(name, locate(name, image, geometry, grid), max_pixels, best_effort, context)
    runs = runs_of(name, image, reducer, 1)
    nodes = [band.node for band in image.bands]
    scan(runs, nodes, target.grid, target.zone, context)
    return named(reducer, runs, [next(run.outputs()) for run in runs], bare=False)


@algorithm("Image.reduceRegions")
def reduce_regions(
    image: Image,
    collection: Collection,
    reducer: Reducer,
    scale: Float | None = None,
    crs: Projection | None = None,
    crs_transform: list[Float] | None = None,
    tile_scale: Float = 1.0,
    max_pixels_per_region: Long | None = None,
    *,
    context: Context,
) -> Collection:
    """The features of a collection with statistics of the image over each as properties.

    An output of a single band is named after the reducer's output, of several bands after the band.
    A feature without geometry, or without a valid pixel, gets no such properties.

    Parameters
    ----------
    image : what to reduce.
    collection : features whose geometries are the regions.
    reducer : applied to each band, or to all bands at once if it has several inputs.
    scale : nominal size of a pixel of the working grid in metres.
    crs : projection of the working grid; that of the first band if missing.
    crs_transform : transform of the working grid; excludes the scale.
    tile_scale : accepted for compatibility; blocks are sized by memory here.
    max_pixels_per_region : most pixels of a single region.
    """
    name = "Image.reduceRegions"
    grid = aggregation_grid(name, image, scale, crs, crs_transform)
    bare = len(image.bands) == 1

    def produce() -> Iterator[Any]:
        features = iter(collection)
        while batch := list(islice(features, BATCH)):
            there = [feature for feature in batch if feature.outline is not None]
            found = _reduced([feature.outline for feature in there])
            for feature in batch:
                if feature.outline is not None:
                    for key, value in next(found).items():
                        if value is not None:
                            feature = feature.set(key, value)
                yield feature

    def _reduced(outlines: list[Geometry]) -> Iterator[dict[str, Any]]:
        """Statistics of each region."""
        if max_pixels_per_region is not None:
            for outline in outlines:
                target = locate(name, image, outline, grid)
                checked(name, target, max_pixels_per_region, False, context)
        shapes = placed(name, outlines, grid)
        for some in passes(runs_of(name, image, reducer, 1), windows_of(shapes, grid)):
            zones = Zones(shapes[some], grid)
            runs = runs_of(name, image, reducer, len(zones))
            scan(runs, [band.node for band in image.bands], grid, zones, context)
            for outputs in zip(*(run.outputs() for run in runs), strict=True):
                yield named(reducer, runs, outputs, bare=bare)

    return Collection.lazy(produce, kind=Feature.__name__, size=collection.size)
