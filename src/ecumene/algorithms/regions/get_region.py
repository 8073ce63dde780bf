"""``ImageCollection.getRegion``: a table of pixel values through time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.algorithms.regions.pixels import Rows, pixels_inside
from ecumene.algorithms.regions.target import Target, locate
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.crs import transform
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.core.image import Band, Image
from ecumene.core.prepared import asked
from ecumene.core.projection import Projection, affine, apply
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float, Object, Wire
from ecumene.vector.degrees import lonlat
from ecumene.vector.predicates import intersects

TOGETHER = 256
"""Bands that are computed in one pass."""

DEFAULT_CRS: Any = {
    "type": "Projection",
    "crs": "EPSG:4326",
    "transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
}


@algorithm("ImageCollection.getRegion")
def get_region(
    collection: Annotated[Collection, Wire("ImageCollection")],
    geometry: Geometry,
    scale: Float | None = None,
    crs: Projection = DEFAULT_CRS,
    crs_transform: list[Float] | None = None,
    *,
    context: Context,
) -> list[Object]:
    """Rows ``[id, longitude, latitude, time, band values…]`` for each image and pixel in a region.

    The first row holds the names. Images and pixels of the region that do not meet have no row; a masked value is
    null; time is ``system:time_start`` or null. Rows go image by image, and by rows of pixels.

    Parameters
    ----------
    collection : images, whose bands are those of the first.
    geometry : the region; pixels whose centre is inside (the containing pixel for a point).
    scale : nominal size of a pixel in metres.
    crs : projection of the pixels.
    crs_transform : their transform; excludes the scale.
    """
    name = "ImageCollection.getRegion"
    grid = crs
    if crs_transform is not None:
        grid = Projection(crs.crs, affine(crs_transform))
    elif scale is not None:
        sized = crs.at_scale(scale)
        grid = Projection(sized.crs, (*sized.transform[:4], -abs(sized.transform[4]), 0.0))
    images = list(collection)
    if not images:
        return []
    if not all(isinstance(image, Image) for image in images):
        raise EvaluationError(f"{name}: The collection must hold images.")
    names = images[0].band_names
    target = locate(name, images[0], geometry, grid)
    images = [image for image in images if intersects(image.footprint, geometry)]
    _check_size(name, target, len(names), len(images), context)
    out: list[Any] = [["id", "longitude", "latitude", "time", *names]]
    step = max(1, TOGETHER // max(len(names), 1))
    for first in range(0, len(images), step):
        out += _rows(images[first : first + step], names, target, context)
    return out


def _check_size(name: str, target: Target, bands: int, images: int, context: Context) -> None:
    """LimitExceeded where the table would be too large; no pixel is read to tell."""
    limit = context.limits.region_values
    points, window = target.pixels, target.window
    if window.width * window.height * bands * images <= 16 * limit:
        points = int(target.zone.inside(window).lengths.sum())
    if points * bands * images > limit:
        raise LimitExceeded(
            f"{name}: Too many values: {points} points x {bands} bands x {images} images > {limit}."
        )


def _bands(image: Image, names: list[str]) -> list[Band]:
    by_name = {band.name: band for band in image.bands}
    missing = [n for n in names if n not in by_name]
    if missing:
        raise EvaluationError(
            f"ImageCollection.getRegion: Image '{image.index}' has no band '{missing[0]}'."
        )
    return [by_name[n] for n in names]


def _rows(
    images: list[Image], names: list[str], target: Target, context: Context
) -> Iterator[list[Any]]:
    """Rows of some images, image after image, whose pixels are computed together."""
    bands = [band for image in images for band in _bands(image, names)]
    rows = Rows.ordered(list(pixels_inside(bands, target.grid, target.zone, context)))
    if rows is None:
        return
    x, y = apply(target.grid.transform, rows.col + 0.5, rows.row + 0.5)
    lon, lat = (np.atleast_1d(v) for v in transform(target.grid.crs, "EPSG:4326", x, y))
    places = list(zip(lon.tolist(), lat.tolist(), strict=True))
    count = len(names)
    for number, image in enumerate(images):
        mine = slice(number * count, (number + 1) * count)
        time = image.get("system:time_start")
        time = getattr(time, "millis", time)
        columns = [
            [v if ok else None for v, ok in zip(values.tolist(), valid.tolist(), strict=True)]
            for values, valid in zip(rows.values[mine], rows.valid[mine], strict=True)
        ]
        there = _there(image, lon, lat, rows.valid[mine])
        for place, here, *values in zip(places, there.tolist(), *columns, strict=True):
            if here:
                yield [image.index, *place, time, *values]


def _there(
    image: Image, lon: NDArray[Any], lat: NDArray[Any], valid: list[NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    """Pixels that the image's footprint holds, and any that are valid."""
    if image.footprint.unbounded:
        return np.ones(lon.size, bool)
    held = asked(shapely.contains_xy, lonlat(image.footprint), lon, lat)
    return np.asarray(np.logical_or.reduce([held, *valid]))
