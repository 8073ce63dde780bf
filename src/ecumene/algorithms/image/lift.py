"""Operators of ``numerics.elementwise`` on images: matching of bands, types, projections."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import shapely

from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import UNBOUNDED, Geometry
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Projection
from ecumene.numerics.elementwise import CASTS, OPS
from ecumene.plan.nodes import Cast, Constant, Elementwise


def unary(
    op: str, image: Image, params: tuple[Any, ...] = (), type_: PixelType | None = None
) -> Image:
    """An operator on every band; names, projections and footprint stay, properties go."""
    entry = OPS[op]
    bands = []
    for band in image.bands:
        kind = type_ or entry.result_type(band.type)
        node = Cast(band.node, kind) if op in CASTS else Elementwise(op, (band.node,), params, kind)
        bands.append(band.computed(node, keep_extent=True))
    keeps = op in CASTS
    return Image(
        properties=image.properties if keeps else _index(image),
        bands=tuple(bands),
        footprint=image.footprint,
    )


def _index(image: Image) -> dict[str, Any]:
    index = image.index
    return {} if index is None else {"system:index": index}


def matched(name: str, left: Image, right: Image) -> list[tuple[Band, Band]]:
    """Pairs of bands: by name where the sets of names agree, else by position, one band against all."""
    a, b = left.bands, right.bands
    if not a or not b:
        if not a and not b:
            return []
        raise EvaluationError(
            f"Image.{name}: If one image has no bands, the other must also have no bands. Got {len(a)} and {len(b)}."
        )
    if len(a) == len(b):
        by_name = {band.name: band for band in b}
        if set(left.band_names) == set(by_name):
            return [(band, by_name[band.name]) for band in a]
        return list(zip(a, b, strict=True))
    if len(a) == 1:
        return [(a[0], band) for band in b]
    if len(b) == 1:
        return [(band, b[0]) for band in a]
    raise EvaluationError(
        f"Image.{name}: The number of bands in each image must match, or one of them must have 1 band. "
        f"Got {len(a)} and {len(b)}."
    )


def projection_of(left: Band, right: Band) -> Projection:
    """The left band's projection unless it is the placeholder of constants and composites."""
    return right.projection if left.projection.is_default else left.projection


def intersection(footprints: Iterable[Geometry]) -> Geometry:
    """The common part of footprints (boxes of degrees decide quickly for equal ones)."""
    bounded = [f for f in footprints if not f.unbounded]
    if not bounded:
        return UNBOUNDED
    found = bounded[0]
    for other in bounded[1:]:
        if other is not found and other.crs == found.crs and other != found:
            found = _common(found, other)
    return found


@lru_cache(maxsize=256)
def _common(left: Geometry, right: Geometry) -> Geometry:
    """The common part; kept, since a mapped function often clips every image to the same shape."""
    a, b = (s if s.is_valid else shapely.make_valid(s) for s in (left.shape, right.shape))
    return Geometry(shapely.intersection(a, b), left.crs, left.geodesic and right.geodesic)


def _operated(op: str, left: Any, right: Any, kind: PixelType) -> Elementwise:
    """The operator's node; squares are products, which are exact to the last bit and far faster than powers."""
    if op == "pow" and isinstance(right, Constant) and right.value == 2:
        return Elementwise("square", (left,), (), kind)
    return Elementwise(op, (left, right), (), kind)


def binary(op: str, image1: Image, image2: Image) -> Image:
    """An operator on pairs of bands; names and order of the image with more bands."""
    entry = OPS[op]
    swap = len(image1.bands) == 1 and len(image2.bands) > 1
    bands = []
    for left, right in matched(op, image1, image2):
        kind = entry.result_type(left.type, right.type)
        node = _operated(op, left.node, right.node, kind)
        name = right.name if swap else left.name
        own = left if not left.projection.is_default else right
        extent = own.dimensions if left.projection == right.projection or own.dimensions else None
        bands.append(
            Band(name, node, projection_of(left, right), extent, own.origin if extent else (0, 0))
        )
    return Image(
        properties=_index(image1),
        bands=tuple(bands),
        footprint=intersection((image1.footprint, image2.footprint)),
    )
