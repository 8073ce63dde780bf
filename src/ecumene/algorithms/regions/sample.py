"""``sample`` and ``sampleRegions``: pixels of regions as features."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from ecumene.algorithms.regions.pixels import Rows, collected, featured, pixels_inside, uniform
from ecumene.algorithms.regions.target import aggregation_grid, locate, placed
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Grid, Projection
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Integer, Long
from ecumene.raster.coverage import Zones, windows_of

HELD = 4_000_000
"""Values of samples that are held at once, so that they come feature by feature."""

CHUNK = 5000
"""Features that are brought to the grid at once."""


@algorithm("Image.sample")
def sample(
    image: Image,
    region: Geometry | None = None,
    scale: Float | None = None,
    projection: Projection | None = None,
    factor: Float | None = None,
    num_pixels: Long | None = None,
    seed: Integer = 0,
    drop_nulls: Boolean = True,
    tile_scale: Float = 1.0,
    geometries: Boolean = False,
    *,
    context: Context,
) -> Collection:
    """One feature per pixel of a region, with the bands' values as properties.

    Parameters
    ----------
    image : what to sample.
    region : where; the footprint of the image if missing.
    scale : nominal size of a pixel in metres.
    projection : projection of the pixels; that of the first band if missing.
    factor : share of the pixels to keep, chosen by a hash of place and seed.
    num_pixels : approximate number of pixels to keep; excludes the factor.
    seed : another seed keeps other pixels.
    drop_nulls : leave out pixels that are masked in any band.
    tile_scale : accepted for compatibility.
    geometries : give each feature the centre of its pixel as its point.
    """
    name = "Image.sample"
    if factor is not None and num_pixels is not None:
        raise EvaluationError(f"{name}: Only one of 'factor' and 'numPixels' may be given.")
    grid = aggregation_grid(name, image, scale, projection, None)
    target = locate(name, image, region, grid)
    share = factor
    if num_pixels is not None:
        share = min(1.0, num_pixels / max(target.covered, 1))

    def produce() -> Iterator[Feature]:
        number = 0
        for rows in pixels_inside(image.bands, grid, target.zone, context):
            kept = rows if share is None else rows.take(uniform(seed, rows) < share)
            for properties, point in featured(
                kept, image.bands, grid, drop_nulls=drop_nulls, geometries=geometries
            ):
                yield Feature({INDEX: str(number), **properties}, geometry=point)
                number += 1

    return collected(image, produce)


@algorithm("Image.sampleRegions")
def sample_regions(
    image: Image,
    collection: Collection,
    properties: list[str] | None = None,
    scale: Float | None = None,
    projection: Projection | None = None,
    tile_scale: Float = 1.0,
    geometries: Boolean = False,
    *,
    context: Context,
) -> Collection:
    """Each pixel (valid in all bands) of each feature as a feature with that feature's properties.

    Parameters
    ----------
    image : what to sample.
    collection : features whose geometries are the regions.
    properties : which of their properties to copy; all that are not ``system:`` if missing.
    scale : nominal size of a pixel in metres.
    projection : projection of the pixels; that of the first band if missing.
    tile_scale : accepted for compatibility.
    geometries : give each feature the centre of its pixel as its point.
    """
    name = "Image.sampleRegions"
    grid = aggregation_grid(name, image, scale, projection, None)

    def produce() -> Iterator[Feature]:
        for batch in _batches(name, image, collection, grid):
            counts = {position: 0 for position, _, _ in batch}
            zones = Zones([shape for _, _, shape in batch], grid)
            for number, rows in _by_zone(image, grid, zones, context):
                position, feature, _ = batch[number]
                copied = _copied(feature, properties)
                index = feature.index or str(position)
                found = featured(rows, image.bands, grid, drop_nulls=True, geometries=geometries)
                for values, point in found:
                    key = f"{index}_{counts[position]}"
                    yield Feature({INDEX: key, **copied, **values}, geometry=point)
                    counts[position] += 1

    return collected(image, produce)


Placed = tuple[int, Feature, Any]
"""A feature with its position in the collection and its shape in the CRS of a grid."""


def _batches(name: str, image: Image, collection: Collection, grid: Grid) -> Iterator[list[Placed]]:
    """Features that are sampled in one pass: as many as have few enough pixels together."""
    numbered = ((k, feature) for k, feature in enumerate(collection) if feature.outline is not None)
    most = max(HELD // len(image.bands), 1)
    while chunk := list(islice(numbered, CHUNK)):
        shapes = placed(name, [feature.outline for _, feature in chunk], grid)
        sizes = np.prod(windows_of(shapes, grid)[:, 2:].astype("float64"), axis=1)
        batch: list[Placed] = []
        held = 0.0
        for (position, feature), shape, pixels in zip(chunk, shapes, sizes, strict=True):
            if batch and held + pixels > most:
                yield batch
                batch, held = [], 0.0
            batch.append((position, feature, shape))
            held += pixels
        yield batch


def _by_zone(
    image: Image, grid: Grid, zones: Zones, context: Context
) -> Iterator[tuple[int, Rows]]:
    """Pixels of one zone after the other; those of a single zone (which may be large) as they come."""
    blocks = pixels_inside(image.bands, grid, zones, context)
    if len(zones) == 1:
        for rows in blocks:
            yield 0, rows
        return
    whole = Rows.ordered(list(blocks))
    if whole is None:
        return
    ends = np.flatnonzero(np.append(whole.zone[1:] != whole.zone[:-1], True)) + 1
    start = 0
    for end in ends.tolist():
        yield int(whole.zone[start]), whole.take(slice(start, end))
        start = end


def _copied(feature: Feature, properties: list[str] | None) -> dict[str, Any]:
    """Properties that go along: the named ones, or all that are not ``system:``."""
    if properties is None:
        return {k: v for k, v in feature.properties.items() if not k.startswith("system:")}
    return {k: feature.get(k) for k in properties if feature.get(k) is not None}
