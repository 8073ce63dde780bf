"""Projections of images: reprojecting, resampling, images of place."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import shapely

from ecumene.algorithms.image.masks import clipped
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import DOUBLE, PixelType
from ecumene.core.projection import Affine, Projection, affine, compose
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Integer, Long
from ecumene.plan.nodes import Coordinates, ReduceResolution, Reproject, Resample, Source
from ecumene.raster.coverage import bounds_window
from ecumene.vector.transform import to_crs

METHODS = ("bilinear", "bicubic", "nearest")


def target(
    name: str, crs: Projection, crs_transform: list[float] | None, scale: float | None
) -> Projection:
    """The projection of a CRS with a transform or a scale."""
    if crs_transform is not None and scale is not None:
        raise EvaluationError(f"{name}: Only one of 'crsTransform' and 'scale' may be given.")
    if crs_transform is not None:
        if len(crs_transform) != 6:
            raise EvaluationError(f"{name}: 'crsTransform' must have 6 elements.")
        return Projection(crs.crs, affine(crs_transform))
    if scale is not None:
        if not (math.isfinite(scale) and scale > 0):
            raise EvaluationError(f"{name}: The scale must be positive, got {scale}.")
        grid = crs.at_scale(scale)
        return Projection(grid.crs, (*grid.transform[:4], -abs(grid.transform[4]), 0.0))
    return crs


@algorithm("Image.reproject")
def reproject(
    image: Image,
    crs: Projection,
    crs_transform: list[Float] | None = None,
    scale: Float | None = None,
) -> Image:
    """The image computed in a given projection and resolution, whatever is asked for later.

    Parameters
    ----------
    image : the image.
    crs : the projection.
    crs_transform : its transform; excludes the scale.
    scale : nominal size of a pixel in metres.
    """
    grid = target("Image.reproject", crs, crs_transform, scale)
    return image.with_bands(
        [Band(b.name, Reproject(b.node, grid, b.type), grid) for b in image.bands]
    )


@algorithm("Image.setDefaultProjection")
def set_default_projection(
    image: Image,
    crs: Projection,
    crs_transform: list[Float] | None = None,
    scale: Float | None = None,
) -> Image:
    """The image with another default projection; no pixel changes.

    Parameters
    ----------
    image : the image.
    crs : the projection.
    crs_transform : its transform; excludes the scale.
    scale : nominal size of a pixel in metres.
    """
    grid = target("Image.setDefaultProjection", crs, crs_transform, scale)
    return image.with_bands([Band(b.name, b.node, grid) for b in image.bands])


@algorithm("Image.resample")
def resample(image: Image, mode: str = "bilinear") -> Image:
    """The image interpolated where it meets another grid, instead of taking nearest pixels.

    Parameters
    ----------
    image : the image.
    mode : ``bilinear`` or ``bicubic``.
    """
    if mode not in METHODS:
        raise EvaluationError(f"Image.resample: Unknown mode '{mode}'; use bilinear or bicubic.")
    bands = []
    for band in image.bands:
        node: Any
        if isinstance(band.node, Source):
            node = replace(band.node, method=mode)
        elif band.projection.is_default or mode == "nearest":
            node = band.node
        else:
            node = Resample(band.node, mode, band.projection, band.type)
        bands.append(replace(band, node=node))
    return image.with_bands(bands)


@algorithm("Image.reduceResolution")
def reduce_resolution(
    image: Image, reducer: Reducer, best_effort: Boolean = False, max_pixels: Integer = 64
) -> Image:
    """All pixels of the image combined where it meets a coarser grid.

    The weight of a pixel is its mask times the fraction of the output pixel that it covers, so the weights of an
    output pixel sum to one at most: a weighted sum is a mean there, and an unweighted one adds every pixel that
    is touched as a whole.

    Parameters
    ----------
    image : the image.
    reducer : what to compute of the pixels.
    best_effort : compute the image on a coarser grid of its own where there are too many pixels.
    max_pixels : most pixels for one pixel of the result.
    """
    if reducer.inputs != 1:
        raise EvaluationError("Image.reduceResolution: The reducer must have one input.")
    bands: list[Band] = []
    single = len(reducer.output_names) == 1
    for band in image.bands:
        for k, (output, kind) in enumerate(
            zip(reducer.outputs, reducer.types([band.type]), strict=True)
        ):
            if not output:
                continue
            node = ReduceResolution(
                band.node, reducer, band.projection, max_pixels, best_effort, k, kind
            )
            bands.append(
                replace(band, name=band.name if single else f"{band.name}_{output}", node=node)
            )
    return image.with_bands(bands)


def _place(
    kind: str, type_: PixelType, projection: Projection | None = None, seed: int = 0
) -> Coordinates:
    return Coordinates(kind, projection, seed, type_)


@algorithm("Image.pixelArea")
def pixel_area() -> Image:
    """The area of each pixel in square metres, as a band ``area``."""
    return Image(bands=(Band("area", _place("area", DOUBLE)),))


@algorithm("Image.pixelLonLat")
def pixel_lon_lat() -> Image:
    """Degrees of the centre of each pixel, as bands ``longitude`` and ``latitude``."""
    lon, lat = PixelType("double", -180.0, 180.0), PixelType("double", -90.0, 90.0)
    return Image(
        bands=(
            Band("longitude", _place("longitude", lon)),
            Band("latitude", _place("latitude", lat)),
        )
    )


@algorithm("Image.pixelCoordinates")
def pixel_coordinates(projection: Projection) -> Image:
    """Pixel coordinates of the centre of each pixel in a projection, as bands ``x`` and ``y``.

    Parameters
    ----------
    projection : whose coordinates.
    """
    return Image(
        bands=(
            Band("x", _place("x", DOUBLE, projection), projection),
            Band("y", _place("y", DOUBLE, projection), projection),
        )
    )


@algorithm("Image.random")
def random(seed: Long = 0, distribution: str = "uniform") -> Image:
    """Random numbers that depend on place and seed only, as a band ``random``.

    Parameters
    ----------
    seed : another seed gives other numbers.
    distribution : ``uniform`` (0 to 1) or ``normal``.
    """
    if distribution not in ("uniform", "normal"):
        raise EvaluationError(f"Image.random: Unknown distribution '{distribution}'.")
    kind = PixelType("double", 0.0, 1.0) if distribution == "uniform" else DOUBLE
    return Image(bands=(Band("random", _place(distribution, kind, seed=seed)),))


def _fitted(box: tuple[float, float, float, float], width: int, height: int) -> Affine:
    west, south, east, north = box
    return ((east - west) / width, 0.0, west, 0.0, (south - north) / height, north)


@algorithm("Image.clipToBoundsAndScale")
def clip_to_bounds_and_scale(
    input: Image, geometry: Geometry | None = None, width: Integer | None = None, height: Integer | None = None,
    max_dimension: Integer | None = None, scale: Float | None = None,
) -> Image:  # fmt: skip
    """The image inside the box of a geometry, on a grid of a given size or scale.

    Parameters
    ----------
    input : the image.
    geometry : whose box; the footprint if missing.
    width : pixels of the result; excludes scale.
    height : pixels of the result; excludes scale.
    max_dimension : pixels of the longer side; excludes the others.
    scale : nominal size of a pixel in metres.
    """
    name = "Image.clipToBoundsAndScale"
    if not input.bands:
        return input
    region = geometry if geometry is not None else input.footprint
    if region.unbounded:
        raise EvaluationError(f"{name}: The image has no bounds; give a geometry.")
    own = input.bands[0].projection
    moved = to_crs(region, own.crs)
    box = moved.shape.bounds
    west, south, east, north = box
    if not east > west or not north > south:
        raise EvaluationError(f"{name}: The geometry has no extent.")
    if scale is not None:
        grid = (
            target(name, Projection(own.crs), None, scale)
            if own.is_default
            else _rescaled(own, scale)
        )
        window = bounds_window(moved, grid)
        grid = Projection(
            grid.crs,
            compose(grid.transform, (1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row))),
        )
        size = (window.width, window.height)
    elif max_dimension or width or height:
        size = _size(box, width, height, max_dimension)
        grid = Projection(own.crs, _fitted(box, *size))
    else:
        window = bounds_window(moved, own)
        grid = Projection(
            own.crs,
            compose(own.transform, (1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row))),
        )
        size = (window.width, window.height)
    inside = Geometry(shapely.box(*box), own.crs, geodesic=False)
    bands = [Band(b.name, b.node, grid, size) for b in input.bands]
    return replace(clipped(input.with_bands(bands), inside), footprint=inside)


def _rescaled(own: Projection, scale: float) -> Projection:
    ratio = scale / own.nominal_scale
    return (
        own
        if ratio == 1
        else Projection(own.crs, compose(own.transform, (ratio, 0, 0, 0, ratio, 0)))
    )


def _size(
    box: tuple[float, float, float, float],
    width: int | None,
    height: int | None,
    longest: int | None,
) -> tuple[int, int]:
    aspect = (box[2] - box[0]) / (box[3] - box[1])
    if longest:
        width, height = (longest, None) if aspect >= 1 else (None, longest)
    if width and height:
        return int(width), int(height)
    if width:
        return int(width), max(1, round(width / aspect))
    assert height
    return max(1, round(height * aspect)), int(height)
