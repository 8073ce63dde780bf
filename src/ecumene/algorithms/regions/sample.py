"""Samples of pixels as features: ``sample``, ``sampleRegions``, ``stratifiedSample``, ``sampleRectangle``."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.algorithms.regions.scan import values_at
from ecumene.algorithms.regions.target import Target, aggregation_grid, locate
from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.crs import transform
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.core.image import Band, Image
from ecumene.core.projection import Grid, Projection, Window, apply
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Integer, Long
from ecumene.plan.parts import part_of


class Rows(NamedTuple):
    """Pixels of one block inside a region: grid indices, and values with validity per band."""

    col: NDArray[np.int64]
    row: NDArray[np.int64]
    values: list[NDArray[Any]]
    valid: list[NDArray[np.bool_]]

    def take(self, keep: NDArray[Any]) -> Rows:
        """Some of the rows."""
        return Rows(
            self.col[keep],
            self.row[keep],
            [v[keep] for v in self.values],
            [v[keep] for v in self.valid],
        )

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Rows that are valid in every band."""
        return np.asarray(np.logical_and.reduce(self.valid))


def pixels_inside(bands: Iterable[Band], target: Target, context: Context) -> Iterator[Rows]:
    """All pixels whose centre is in the region (for points: the pixel that contains it), by block."""
    if context.pixels is None:
        raise EvaluationError("This server has no pixel engine.")
    zones = target.zone

    def picked(window: Window, pixels: list[Any]) -> Rows:
        place, _ = zones.inside(window).pixels(window.width)
        row, col = np.divmod(place, window.width)
        return Rows(
            col + window.col,
            row + window.row,
            [values_at(p, place) for p in pixels],
            [
                np.ones(place.size, bool) if p.mask is None else p.mask.reshape(-1)[place] > 0
                for p in pixels
            ],
        )

    part = part_of(zones.windows, zones.touches)
    for rows in context.pixels.mapped([b.node for b in bands], target.grid, part, context, picked):
        if rows.col.size:
            yield rows


def _points(grid: Grid, col: NDArray[Any], row: NDArray[Any]) -> Iterator[Geometry]:
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


def _uniform(seed: int, rows: Rows) -> NDArray[np.float64]:
    """A number in [0, 1) for each pixel that depends on its place in the grid and the seed only."""
    h = rows.col.astype("uint64") * np.uint64(0x9E3779B97F4A7C15)
    h ^= (rows.row.astype("uint64") + np.uint64(seed & 0xFFFFFFFF)) * np.uint64(0xC2B2AE3D27D4EB4F)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        h = (h ^ (h >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((h ^ (h >> np.uint64(31))) >> np.uint64(11), "float64") * 2.0**-53


def _features(
    rows: Rows, bands: tuple[Band, ...], grid: Grid, *, drop_nulls: bool, geometries: bool
) -> Iterator[tuple[dict[str, Any], Geometry | None]]:
    """Properties and point of every pixel; a masked band is no property."""
    names = [band.name for band in bands]
    if drop_nulls:
        complete = rows.complete
        rows = rows if complete.all() else rows.take(complete)
    points = _points(grid, rows.col, rows.row) if geometries else repeat(None, rows.col.size)
    pixels = zip(*(_plain(values) for values in rows.values), strict=True)
    if drop_nulls or bool(rows.complete.all()):
        for values, point in zip(pixels, points, strict=True):
            yield dict(zip(names, values, strict=True)), point
        return
    present = zip(*(valid.tolist() for valid in rows.valid), strict=True)
    for values, point, there in zip(pixels, points, present, strict=True):
        yield {n: v for n, v, ok in zip(names, values, there, strict=True) if ok}, point


def _collected(image: Image, produce: Any) -> Collection:
    found = Collection.lazy(produce, kind="Feature")
    return Collection(found.source, kind="Feature", properties={"band_order": image.band_names})


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
        share = min(1.0, num_pixels / max(target.pixels, 1))

    def produce() -> Iterator[Feature]:
        number = 0
        for rows in pixels_inside(image.bands, target, context):
            kept = rows if share is None else rows.take(_uniform(seed, rows) < share)
            for properties, point in _features(
                kept, image.bands, grid, drop_nulls=drop_nulls, geometries=geometries
            ):
                yield Feature({INDEX: str(number), **properties}, geometry=point)
                number += 1

    return _collected(image, produce)


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
        for position, feature in enumerate(collection):
            if feature.outline is None:
                continue
            if properties is None:
                copied = {
                    k: v for k, v in feature.properties.items() if not k.startswith("system:")
                }
            else:
                copied = {k: feature.get(k) for k in properties if feature.get(k) is not None}
            index = feature.index or str(position)
            target = locate(name, image, feature.outline, grid)
            number = 0
            for rows in pixels_inside(image.bands, target, context):
                for values, point in _features(
                    rows, image.bands, grid, drop_nulls=True, geometries=geometries
                ):
                    yield Feature({INDEX: f"{index}_{number}", **copied, **values}, geometry=point)
                    number += 1

    return _collected(image, produce)


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
        for rows in pixels_inside(image.bands, target, context):
            good = rows.valid[chosen] & (rows.complete if drop_nulls else True)
            rows = rows.take(np.asarray(good))
            order = _uniform(seed, rows)
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
                    next(_points(grid, np.array([col]), np.array([row]))) if geometries else None
                )
                yield Feature({INDEX: str(number), **properties}, geometry=point)
                number += 1

    return _collected(image, produce)


def _keep(
    heap: list[Any], limit: int, rows: Rows, order: NDArray[Any], image: Image, grid: Grid
) -> None:
    """Adds candidates to a class's heap of the smallest hashes (stored negated: the root is the worst)."""
    found = _features(rows, image.bands, grid, drop_nulls=False, geometries=False)
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


@algorithm("Image.sampleRectangle")
def sample_rectangle(
    image: Image,
    region: Geometry | None = None,
    properties: list[str] | None = None,
    default_value: Float | None = None,
    default_array_value: Array | None = None,
    *,
    context: Context,
) -> Feature:
    """A feature with one two-dimensional array per band: the box of a region in the band's own grid.

    Parameters
    ----------
    image : what to sample.
    region : where; the footprint of the image if missing.
    properties : properties of the image to copy; all if missing.
    default_value : stands in masked pixels; without it they are an error.
    default_array_value : the same for array bands.
    """
    name = "Image.sampleRectangle"
    keep = image.properties if properties is None else {k: image.get(k) for k in properties}
    out: dict[str, Any] = {k: v for k, v in keep.items() if v is not None}
    outline: Geometry | None = None
    for band in image.bands:
        target = locate(
            name, image, region, aggregation_grid(name, image.with_bands([band]), None, None, None)
        )
        window: Window = target.window
        outline = outline or region or image.footprint
        size = window.width * window.height
        if size > context.limits.rectangle_pixels:
            raise LimitExceeded(
                f"{name}: Too many pixels in sample; must be <= {context.limits.rectangle_pixels}. Got {size}."
            )
        assert context.pixels is not None
        (pixels,) = context.pixels.read([band.node], target.grid, window, context)
        values = pixels.values
        fill: Any = default_value
        if pixels.mask is not None and not (pixels.mask > 0).all():
            if values.ndim > 2 and default_array_value is not None:
                fill = default_array_value.values
            if fill is None:
                raise EvaluationError(
                    f"{name}: Fully or partially masked pixels in band '{band.name}'. "
                    "Use 'defaultValue' to replace them."
                )
            values = values.copy()
            values[~(pixels.mask > 0)] = fill
        out[band.name] = Array.of(values)
    return Feature(out, geometry=outline)
