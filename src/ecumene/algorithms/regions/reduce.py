"""``reduceRegion`` and ``reduceRegions``: one pass over blocks, weights from masks and coverage.

Weighted reducers count a pixel with weight min(mask, covered fraction) if at least half a per cent of
it is covered; unweighted ones count it fully if its centre is inside and its mask is not zero
(the service's documented rules; its quantisation of fractions to 8 bits is not imitated).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.algorithms.regions.target import Target, aggregation_grid, checked, locate
from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image, Node
from ecumene.core.projection import Projection
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Long, Object

SMALLEST = 0.005
"""Coverage below which a weighted reducer ignores a pixel."""


def _groups(name: str, image: Image, reducer: Reducer) -> list[tuple[str | None, list[Node]]]:
    """One entry per run of the reducer: the band it is for (None = all) and its inputs."""
    if reducer.inputs == 1:
        return [(band.name, [band.node]) for band in image.bands]
    if reducer.inputs != len(image.bands):
        raise EvaluationError(
            f"{name}: The reducer has {reducer.inputs} inputs, but the image has {len(image.bands)} bands."
        )
    return [(None, [band.node for band in image.bands])]


def _weights(
    masks: Sequence[NDArray[Any] | None],
    covered: NDArray[np.float32] | None,
    inside: NDArray[np.bool_] | None,
    weighted: Sequence[bool],
) -> list[NDArray[Any]]:
    """Weights of each input; a pixel masked in one input is absent from all."""
    out: list[NDArray[Any]] = []
    valid: NDArray[np.bool_] | None = None
    for mask in masks:
        if mask is not None:
            seen = np.asarray(mask > 0)
            valid = seen if valid is None else valid & seen
    for mask, is_weighted in zip(masks, weighted, strict=True):
        if is_weighted:
            assert covered is not None
            weight = covered if mask is None or mask.dtype == bool else np.minimum(covered, mask)
            out.append(weight if valid is None else np.where(valid, weight, np.float32(0)))
        else:
            assert inside is not None
            out.append(inside if valid is None else inside & valid)
    return out


def reduce_over(
    name: str, image: Image, reducer: Reducer, target: Target, context: Context
) -> list[tuple[str | None, list[tuple[Any, Any]]]]:
    """Runs the reducer over a target: per group the band name and the finished outputs."""
    if reducer.parts:
        return _by_parts(name, image, reducer, target, context)
    groups = _groups(name, image, reducer)
    states = [reducer.accumulator.start(()) for _ in groups]
    nodes = [node for _, group in groups for node in group]
    need_cover, need_centre = any(reducer.input_weighted), not all(reducer.input_weighted)
    zone = target.zone
    for window, pixels in _blocks(nodes, target, context):
        covered = inside = None
        if need_cover:
            covered = zone.coverage(window)
            if any(covered.strides):  # else the whole block is inside
                covered = np.where(covered < SMALLEST, np.float32(0), covered)
        if need_centre:
            inside = zone.centres(window)
        position = 0
        for number, (_, group) in enumerate(groups):
            part = pixels[position : position + len(group)]
            position += len(group)
            weights = _weights([p.mask for p in part], covered, inside, reducer.input_weighted)
            taken = _taken(part, weights)
            if taken is not None:
                states[number] = reducer.accumulator.add(states[number], *taken)
    return [
        (band, reducer.accumulator.finish(state))
        for (band, _), state in zip(groups, states, strict=True)
    ]


def _taken(
    part: Sequence[Any], weights: list[NDArray[Any]]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]] | None:
    """Values and weights ``(n, …)`` of the pixels that count; None if none does."""
    whole = not any(any(weight.strides) for weight in weights)  # one weight for the whole block
    if (
        whole
        and all(p.lengths is None for p in part)
        and all(weight.flat[0] > 0 for weight in weights)
    ):
        values = [p.values.reshape(-1, *p.values.shape[2:]) for p in part]
        return values, [np.broadcast_to(w.flat[0], w.size) for w in weights]
    keep = np.logical_or.reduce([weight > 0 for weight in weights])
    if not keep.any():
        return None
    return [p.picked(keep) for p in part], [weight[keep] for weight in weights]


def _by_parts(
    name: str, image: Image, reducer: Reducer, target: Target, context: Context
) -> list[tuple[str | None, list[tuple[Any, Any]]]]:
    """A combined reducer: each part keeps its own rule at the edge of the region."""
    images: list[tuple[str | None, Image]]
    if reducer.inputs == 1:
        images = [(band.name, image.with_bands([band])) for band in image.bands]
    else:
        _groups(name, image, reducer)
        images = [(None, image)]
    found: list[tuple[str | None, list[tuple[Any, Any]]]] = []
    for band, one in images:
        outputs: list[tuple[Any, Any]] = []
        for part, inputs in reducer.parts:
            chosen = one.with_bands([one.bands[i] for i in inputs])
            for _, results in reduce_over(name, chosen, part, target, context):
                outputs += results
        found.append((band, outputs))
    return found


def _blocks(nodes: list[Node], target: Target, context: Context) -> Iterator[tuple[Any, list[Any]]]:
    if context.pixels is None:
        raise EvaluationError("This server has no pixel engine.")
    if target.window.width <= 0 or target.window.height <= 0:
        return iter(())
    found: Iterator[tuple[Any, list[Any]]] = context.pixels.blocks(
        nodes, target.grid, target.window, context, target.zone.touches
    )
    return found


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


def _named(
    reducer: Reducer, results: list[tuple[str | None, list[tuple[Any, Any]]]], *, bare: bool
) -> dict[str, Any]:
    """Keys of the result: the band for a single output, else band_output (``bare``: output alone)."""
    out: dict[str, Any] = {}
    single = len(reducer.output_names) == 1
    for band, outputs in results:
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
    return _named(reducer, reduce_over(name, image, reducer, target, context), bare=False)


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

    def reduced(feature: Any) -> Any:
        if feature.outline is None:
            return feature
        target = locate(name, image, feature.outline, grid)
        if max_pixels_per_region is not None:
            target = checked(name, target, max_pixels_per_region, False, context)
        results = reduce_over(name, image, reducer, target, context)
        for key, value in _named(reducer, results, bare=bare).items():
            if value is not None:
                feature = feature.set(key, value)
        return feature

    return collection.map(reduced, kind=Feature.__name__)
