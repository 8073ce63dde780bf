"""Images moved to another place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Affine, Projection, apply, compose, invert
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float
from ecumene.plan.nodes import Displaced, Moved
from ecumene.vector.transform import to_crs

MODES = {"nearest_neighbor": "nearest", "bilinear": "bilinear", "bicubic": "bicubic"}


def _footprint(geometry: Geometry, source: Projection, target: Projection) -> Geometry:
    """The footprint at its new place."""
    if geometry.unbounded:
        return geometry
    there: Affine = compose(target.transform, invert(source.transform))

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(apply(there, points[:, 0], points[:, 1]))

    shape = to_crs(geometry, source.crs).shape
    return Geometry(shapely.transform(shape, move), target.crs, geodesic=False)


def _moved(image: Image, source: Projection, target: Projection) -> Image:
    bands = [replace(b, node=Moved(b.node, source, target, b.type)) for b in image.bands]
    moved = image.with_bands(bands)
    return replace(moved, footprint=_footprint(image.footprint, source, target))


@algorithm("Image.translate")
def translate(
    input: Image, x: Float, y: Float, units: str = "meters", proj: Projection | None = None
) -> Image:
    """The image moved by a distance along the axes of a projection.

    Parameters
    ----------
    input : the image.
    x : how far along the first axis.
    y : how far along the second axis.
    units : meters, or pixels of the projection.
    proj : the projection; that of the first band if missing.
    """
    name = "Image.translate"
    if units not in ("meters", "pixels"):
        raise EvaluationError(f"{name}: Unknown units '{units}'; use meters or pixels.")
    if not input.bands:
        return input
    place = proj or input.bands[0].projection
    if units == "pixels":
        shift = (x, y)
    else:
        unit = crs_.metres_per_unit(place.crs)
        a, b, _, d, e, _ = invert(place.transform)
        shift = ((a * x + b * y) / unit, (d * x + e * y) / unit)
    return _moved(input, place, place.translated(*shift))


@algorithm("Image.changeProj")
def change_projection(input: Image, src_proj: Projection, dst_proj: Projection) -> Image:
    """The image with every pixel at the same pixel coordinates of another projection.

    Parameters
    ----------
    input : the image.
    src_proj : where the pixels are.
    dst_proj : where they go.
    """
    moved = _moved(input, src_proj, dst_proj)
    bands = []
    for before, after in zip(input.bands, moved.bands, strict=True):
        place = dst_proj
        if before.projection.crs == src_proj.crs:
            inside = compose(invert(src_proj.transform), before.projection.transform)
            place = Projection(dst_proj.crs, compose(dst_proj.transform, inside))
        bands.append(replace(after, projection=place))
    return replace(moved, bands=tuple(bands))


@algorithm("Image.displace")
def displace(
    image: Image, displacement: Image, mode: str = "bicubic", max_offset: Float | None = None
) -> Image:
    """The image where each pixel shows what is at its place plus a displacement.

    Parameters
    ----------
    image : the image.
    displacement : metres along both axes of its default projection, in its first two bands.
    mode : nearest_neighbor, bilinear or bicubic.
    max_offset : accepted for compatibility; the displacements themselves tell how far to look.
    """
    name = "Image.displace"
    if mode not in MODES:
        raise EvaluationError(f"{name}: Unknown mode '{mode}'; use one of {', '.join(MODES)}.")
    if len(displacement.bands) < 2:
        raise EvaluationError(f"{name}: The displacement must have two bands.")
    across, up = displacement.bands[:2]
    bands = []
    for band in image.bands:
        source = None if band.projection.is_default else band.projection
        node = Displaced(
            band.node, across.node, up.node, across.projection.crs, source, MODES[mode], band.type
        )
        bands.append(replace(band, node=node))
    return image.with_bands(bands)
