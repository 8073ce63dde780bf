"""``ImageCollection.getRegion``: a table of pixel values through time."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from ecumene.algorithms.regions.sample import pixels_inside
from ecumene.algorithms.regions.target import Target, locate
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.crs import transform
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Projection, affine, apply
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float, Object, Wire

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

    The first row holds the names. A masked value is null; time is ``system:time_start`` or null.

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
    limit = context.limits.region_values
    if target.pixels * len(names) * len(images) > limit * 4:
        raise LimitExceeded(
            f"{name}: Too many values: {target.pixels} points x {len(names)} bands x {len(images)} images > {limit}."
        )
    out: list[Any] = [["id", "longitude", "latitude", "time", *names]]
    for image in images:
        out += _rows(image, names, target, context)
        if (len(out) - 1) * len(names) > limit:
            points = max(1, (len(out) - 1) // len(images))
            raise LimitExceeded(
                f"{name}: Too many values: {points} points x {len(names)} bands x {len(images)} images > {limit}."
            )
    return out


def _rows(image: Image, names: list[str], target: Target, context: Context) -> list[list[Any]]:
    by_name = {band.name: band for band in image.bands}
    missing = [n for n in names if n not in by_name]
    if missing:
        raise EvaluationError(
            f"ImageCollection.getRegion: Image '{image.index}' has no band '{missing[0]}'."
        )
    found: list[list[Any]] = []
    time = image.get("system:time_start")
    time = getattr(time, "millis", time)
    for rows in pixels_inside([by_name[n] for n in names], target, context):
        x, y = apply(target.grid.transform, rows.col + 0.5, rows.row + 0.5)
        lon, lat = transform(target.grid.crs, "EPSG:4326", x, y)
        columns = [
            [v.item() if ok else None for v, ok in zip(values, valid, strict=True)]
            if values.ndim == 1 and values.dtype != object
            else [v.tolist() if ok else None for v, ok in zip(values, valid, strict=True)]
            for values, valid in zip(rows.values, rows.valid, strict=True)
        ]
        found += [
            [image.index, float(a), float(b), time, *values]
            for a, b, *values in zip(np.atleast_1d(lon), np.atleast_1d(lat), *columns, strict=True)
        ]
    return found
