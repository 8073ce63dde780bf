"""The grid of a pixel request, with every default."""

from __future__ import annotations

import math
from typing import Any

from ecumene.core import crs as crs_
from ecumene.core.documents import pick
from ecumene.core.errors import EcumeneError, LimitExceeded, RequestError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.limits import Limits
from ecumene.core.projection import Affine, Grid, Projection, Window
from ecumene.raster.coverage import bounds_window
from ecumene.vector.geojson import decode
from ecumene.vector.transform import to_crs


def _number(document: Any, name: str, default: float = 0.0) -> float:
    value = pick(document, name, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise RequestError(f"Invalid value for '{name}': {value}") from None
    if not math.isfinite(number):
        raise RequestError(f"Invalid value for '{name}': {value}")
    return number


def _crs(document: Any) -> str | None:
    code = pick(document, "crsCode") or pick(document, "crsWkt")
    if code is None:
        return None
    if not isinstance(code, str):
        raise RequestError("The grid's CRS must be a string.")
    try:
        crs_.parse(code)
    except EcumeneError as error:
        raise RequestError(error.message) from None
    return crs_.canonical(code)


def _affine(document: Any) -> Affine | None:
    given = pick(document, "affineTransform")
    if given is None:
        return None
    t = (
        _number(given, "scaleX"), _number(given, "shearX"), _number(given, "translateX"),
        _number(given, "shearY"), _number(given, "scaleY"), _number(given, "translateY"),
    )  # fmt: skip
    if t[0] * t[4] - t[1] * t[3] == 0:
        raise RequestError(
            "The grid's affine transform is singular: scaleX and scaleY must not be 0."
        )
    return t


def _size(document: Any) -> tuple[int, int] | None:
    given = pick(document, "dimensions")
    if given is None:
        return None
    width, height = int(_number(given, "width")), int(_number(given, "height"))
    if width <= 0 or height <= 0:
        raise RequestError(f"The grid's dimensions must be positive, got {width} x {height}.")
    return width, height


def _region(region: Any, image: Image) -> Geometry:
    if region is None:
        return image.footprint
    if not isinstance(region, dict):
        raise RequestError("The region must be a GeoJSON geometry.")
    return decode(region)


def _box(geometry: Geometry, crs: str) -> tuple[float, float, float, float]:
    """The box of a geometry in a CRS."""
    if geometry.unbounded:
        raise RequestError("The image has no bounds: give a grid or a region.")
    west, south, east, north = to_crs(geometry, crs).shape.bounds
    if not all(math.isfinite(v) for v in (west, south, east, north)):
        raise RequestError(f"The region cannot be expressed in {crs}.")
    return west, south, east, north


def _fitted(box: tuple[float, float, float, float], size: tuple[int, int]) -> Affine:
    west, south, east, north = box
    width, height = (east - west) / size[0], (south - north) / size[1]
    if width == 0 or height == 0:
        raise RequestError("The region has no extent; give a scale.")
    return (width, 0.0, west, 0.0, height, north)


def northup(projection: Projection) -> Projection:
    """The placeholder grid of composites has y upwards; pictures have it downwards."""
    a, b, c, d, e, f = projection.transform
    return projection if e < 0 or b or d else Projection(projection.crs, (a, b, c, d, -e, f))


def resolve(image: Image, document: Any, region: Any, limits: Limits) -> tuple[Grid, Window]:
    """The grid and window of a request.

    CRS: the grid's, else the first band's. Transform and dimensions: as given; a transform alone covers the
    region (or footprint); dimensions alone are fitted to it; neither means the image's own pixels, all of them
    or those of the region's box.
    """
    if not image.bands:
        raise RequestError("The image has no bands.")
    first = image.bands[0]
    crs, transform, size = _crs(document), _affine(document), _size(document)
    own = first.projection
    target = crs or own.crs
    if transform is not None:
        grid = Grid(target, transform)
        if size is not None:
            return checked(grid, Window(0, 0, *size), limits)
        return checked(grid, _covering(image, region, grid), limits)
    if size is not None:
        if region is None and crs is None and first.dimensions == size:
            return checked(own, Window(*first.origin, *size), limits)
        return checked(
            Grid(target, _fitted(_box(_region(region, image), target), size)),
            Window(0, 0, *size),
            limits,
        )
    if crs is not None and crs != own.crs:
        own = Projection(crs).at_scale(own.nominal_scale)
    grid = northup(own)
    if region is None and first.dimensions is not None and grid == first.projection:
        return checked(grid, Window(*first.origin, *first.dimensions), limits)
    return checked(grid, _covering(image, region, grid), limits)


def _covering(image: Image, region: Any, grid: Grid) -> Window:
    geometry = _region(region, image)
    if geometry.unbounded:
        raise RequestError("The image has no bounds: give a grid with dimensions, or a region.")
    return bounds_window(to_crs(geometry, grid.crs), grid)


def checked(grid: Grid, window: Window, limits: Limits) -> tuple[Grid, Window]:
    """The same, if its sides are within the limit."""
    if window.width <= 0 or window.height <= 0:
        raise RequestError("The requested grid has no pixels.")
    if max(window.width, window.height) > limits.side_pixels:
        raise LimitExceeded(
            f"Pixel grid dimensions ({window.width}x{window.height}) must be less than or equal to {limits.side_pixels}."
        )
    return grid, window
