"""``reduceToVectors``: connected pixels of equal value as features."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import shapely

from ecumene.algorithms.regions.outlines import WORLD, outlines
from ecumene.algorithms.regions.reduce import named
from ecumene.algorithms.regions.scan import Run, runs_of
from ecumene.algorithms.regions.segments import Segments, segments
from ecumene.algorithms.regions.target import Target, aggregation_grid, checked, locate
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Projection
from ecumene.core.reducer import Reducer
from ecumene.core.registry import REGISTRY, algorithm, describe
from ecumene.core.wire import Boolean, Float, Long

KINDS = ("polygon", "bb", "centroid")

FEATURE = 1000
"""Bytes of a feature besides its coordinates, about."""


@dataclass(frozen=True, slots=True)
class _Job:
    """What features are made from."""

    image: Image
    reducer: Reducer | None
    runs: list[Run]
    target: Target
    kind: str
    label: str | None
    crs: str

    @property
    def counted(self) -> str | None:
        """The property that holds the number of pixels, where nothing else is reduced."""
        if self.runs:
            return None
        return "count" if self.reducer is None else self.reducer.outputs[0]

    def features(self, found: Segments) -> Iterator[tuple[tuple[int, int], Feature]]:
        """Features of some segments with the places (row, column) of their first pixels."""
        sums = found.sums
        shapes = outlines(found, self.target.grid, self.kind, self.crs)
        rows, cols, values, counts = (
            v.tolist() for v in (sums.row, sums.col, sums.value, sums.count)
        )
        for k, shape in enumerate(shapes):
            properties: dict[str, Any] = {INDEX: f"{cols[k]:+d}{rows[k]:+d}"}
            if self.label is not None:
                properties[self.label] = values[k]
            if self.counted is not None:
                properties[self.counted] = counts[k]
            if self.runs and self.reducer is not None:
                properties |= self._reduced(found, k)
            yield (rows[k], cols[k]), Feature(properties, geometry=shape)

    def _reduced(self, found: Segments, k: int) -> dict[str, Any]:
        assert self.reducer is not None
        results, place = [], 0
        for run in self.runs:
            leaves = found.outputs[place : place + len(run.leaves)]
            results.append([output for leaf in leaves for output in leaf[k]])
            place += len(run.leaves)
        bare = len(self.image.bands) == 2
        reduced = named(self.reducer, self.runs, results, bare=bare)
        return {key: value for key, value in reduced.items() if value is not None}


def _runs(name: str, image: Image, reducer: Reducer | None) -> list[Run]:
    """What is reduced besides the count of pixels."""
    others = image.with_bands(image.bands[1:])
    if reducer is None or (reducer.name == "Reducer.countEvery" and len(others.bands) < 2):
        return []
    if not others.bands or reducer.inputs not in (1, len(others.bands)):
        raise EvaluationError(
            f"{name}: Need 1+{reducer.inputs} bands for {reducer.name}, image has {len(image.bands)}."
        )
    return runs_of(name, others, reducer, 1)


def _vectors(
    name: str,
    ordered: bool,
    *,
    image: Image,
    reducer: Reducer | None,
    geometry: Geometry | None,
    scale: float | None,
    geometry_type: str,
    eight_connected: bool,
    label_property: str | None,
    crs: Projection | None,
    crs_transform: list[float] | None,
    best_effort: bool,
    max_pixels: int,
    tile_scale: float,
    geometry_in_native_projection: bool,
    context: Context,
) -> Collection:
    grid = aggregation_grid(name, image, scale, crs, crs_transform)
    kind = geometry_type
    if kind not in KINDS:
        raise EvaluationError(
            f"{name}: 'geometryType' must be one of 'polygon', 'bb' and 'centroid', got '{kind}'."
        )
    first = image.bands[0].type
    if not first.is_int or first.dimensions:
        raise EvaluationError(
            f"{name}: The first band must be of an integer type, got {first.text()}."
        )
    target = checked(name, locate(name, image, geometry, grid), max_pixels, best_effort, context)
    runs = _runs(name, image, reducer)
    shown = target.grid.crs if geometry_in_native_projection else WORLD
    job = _Job(image, reducer, runs, target, kind, label_property, shown)

    def batches() -> Iterator[tuple[Segments, int | None]]:
        return segments(
            [band.node for band in (image.bands if runs else image.bands[:1])],
            target.grid,
            target.window,
            target.zone,
            [leaf for run in runs for leaf in run.leaves],
            context,
            eight=eight_connected,
            outlined=kind == "polygon",
        )

    def produce() -> Iterator[Feature]:
        if target.window.width * target.window.height == 0:
            return
        if not ordered:
            for found, _ in batches():
                for _, feature in job.features(found):
                    yield feature
            return
        yield from _in_order(job, batches(), context)

    return Collection.lazy(produce, kind="Feature")


def _in_order(
    job: _Job, batches: Iterator[tuple[Segments, int | None]], context: Context
) -> Iterator[Feature]:
    """Features by their first pixels: they wait for those that begin earlier."""
    waiting: list[tuple[tuple[int, int], Feature]] = []
    held = 0
    for found, earliest in batches:
        for place, feature in job.features(found):
            heapq.heappush(waiting, (place, feature))
            held += _size(feature)
        if held > context.limits.memory_bytes / 2:
            raise LimitExceeded(
                "User memory limit exceeded: too many segments wait for their turn."
            )
        while waiting and (earliest is None or waiting[0][0][0] < earliest):
            feature = heapq.heappop(waiting)[1]
            held -= _size(feature)
            yield feature


def _size(feature: Feature) -> int:
    shape = None if feature.geometry is None else feature.geometry.shape
    return FEATURE + 16 * int(shapely.get_num_coordinates(shape))


@algorithm("Image.reduceToVectors")
def reduce_to_vectors(
    image: Image,
    reducer: Reducer | None = None,
    geometry: Geometry | None = None,
    scale: Float | None = None,
    geometry_type: str = "polygon",
    eight_connected: Boolean = True,
    label_property: str | None = "label",
    crs: Projection | None = None,
    crs_transform: list[Float] | None = None,
    best_effort: Boolean = False,
    max_pixels: Long = 10_000_000,
    tile_scale: Float = 1.0,
    geometry_in_native_projection: Boolean = False,
    *,
    context: Context,
) -> Collection:
    """A feature for each group of connected pixels that are equal in the first band.

    Masked pixels, and pixels whose centre is outside the region, belong to no group. Polygons follow the edges of pixels;
    where pixels of a group touch at corners only, they are multi-polygons. Features come in the order of their first
    pixels by rows; their indexes name that pixel. A reducer's outputs become properties, named after the output where one
    band is reduced, else after the band; those without a valid pixel are missing.

    Parameters
    ----------
    image : integer labels in the first band; the others are reduced.
    reducer : with one input less than there are bands, or with one (used on each band); the number of pixels as
        ``count`` if missing.
    geometry : the region; the footprint of the image if missing.
    scale : nominal size of a pixel of the working grid in metres.
    geometry_type : ``polygon``, ``bb`` (the box of the pixels on the grid) or ``centroid`` (the mean of their centres).
    eight_connected : pixels that touch at a corner are connected.
    label_property : the property for the value of the first band; none if null.
    crs : projection of the working grid; that of the first band if missing.
    crs_transform : transform of the working grid; excludes the scale.
    best_effort : use a coarser grid where the region has too many pixels.
    max_pixels : most pixels to reduce.
    tile_scale : accepted for compatibility; blocks are sized by memory here.
    geometry_in_native_projection : geometries in the CRS of the working grid, not in degrees.
    """
    return _vectors(
        "Image.reduceToVectors", True,
        image=image, reducer=reducer, geometry=geometry, scale=scale, geometry_type=geometry_type,
        eight_connected=eight_connected, label_property=label_property, crs=crs,
        crs_transform=crs_transform, best_effort=best_effort, max_pixels=max_pixels,
        tile_scale=tile_scale, geometry_in_native_projection=geometry_in_native_projection,
        context=context,
    )  # fmt: skip


STREAMING = "Image.reduceToVectorsStreaming"
REGISTRY.add(
    replace(
        describe(STREAMING, reduce_to_vectors, hidden=True),
        function=partial(_vectors, STREAMING, False),
        description="As ``Image.reduceToVectors``, but features come as soon as they are complete.",
        details="Their order is that of the blocks that end them, so nothing waits for a large segment that began earlier.",
    )
)
