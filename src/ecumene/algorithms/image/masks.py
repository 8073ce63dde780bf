"""Masks, replacement of values, clipping."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecumene.algorithms.image.bands import chosen
from ecumene.algorithms.image.lift import intersection, matched
from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.element import Element
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import PixelType, of_value, union
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Object
from ecumene.plan.nodes import (
    Blend,
    Clip,
    Elementwise,
    Inside,
    MaskOf,
    Remap,
    ReplaceMask,
    Unmask,
    UpdateMask,
    Where,
)  # fmt: skip
from ecumene.vector.features import merged
from ecumene.vector.geojson import TYPES, decode

MASK_TYPE = PixelType("float", 0.0, 1.0)


@algorithm("Image.mask")
def mask(image: Image, mask: Image | None = None) -> Image:
    """The mask as an image from 0 to 1; or, with a second image, the first with that as its new mask.

    Parameters
    ----------
    image : the image.
    mask : the new mask, replacing the old one: what it uncovers is 0.
    """
    if mask is None:
        bands = [
            band.computed(MaskOf(band.node, MASK_TYPE), keep_extent=True) for band in image.bands
        ]
        return Image(image.properties, bands=tuple(bands), footprint=image.footprint)
    return _masked("mask", image, mask, ReplaceMask)


def _masked(name: str, image: Image, other: Image, node: Any) -> Image:
    if not image.bands:
        return image
    if len(other.bands) not in (1, len(image.bands)):
        raise EvaluationError(
            f"Image.{name}: The mask must have one band or as many as the image. "
            f"Got {len(other.bands)} and {len(image.bands)}."
        )
    masks = other.bands * len(image.bands) if len(other.bands) == 1 else other.bands
    bands = [
        replace(
            band, node=node(band.node, m.node, band.type),
            projection=m.projection if band.projection.is_default else band.projection,
        )
        for band, m in zip(image.bands, masks, strict=True)
    ]  # fmt: skip
    return image.with_bands(bands)


@algorithm("Image.updateMask")
def update_mask(image: Image, mask: Image) -> Image:
    """The image with more pixels masked: where the mask image is 0, negative or masked itself.

    Parameters
    ----------
    image : the image.
    mask : one band, or one for each band; values between 0 and 1 make pixels partly transparent.
    """
    return _masked("updateMask", image, mask, UpdateMask)


@algorithm("Image.selfMask")
def self_mask(image: Image) -> Image:
    """The image masked where it is 0.

    Parameters
    ----------
    image : the image.
    """
    return _masked("selfMask", image, image, UpdateMask)


@algorithm("Image.unmask")
def unmask(input: Image, value: Image | None = None, same_footprint: Boolean = True) -> Image:
    """Masked pixels replaced by another image (by 0 if none is given).

    Parameters
    ----------
    input : the image.
    value : what to put there; it may be masked itself.
    same_footprint : stay masked outside the footprint of the input.
    """
    from ecumene.algorithms.image.bands import constant

    other = value if value is not None else constant(0)
    inside = None
    if same_footprint and not input.footprint.unbounded:
        inside = Inside(input.footprint, of_value(1))
    bands = []
    for band, filler in matched("unmask", input, other):
        kind = union(band.type, filler.type)
        bands.append(replace(band, node=Unmask(band.node, filler.node, inside, kind)))
    image = input.with_bands(bands)
    return image if same_footprint else replace(image, footprint=_joined_footprint(input, other))


def _joined_footprint(left: Image, right: Image) -> Geometry:
    return right.footprint if right.footprint.unbounded else left.footprint


@algorithm("Image.where")
def where(input: Image, test: Image, value: Image) -> Image:
    """The input with values of another image where a test is not 0 (and nothing is masked).

    Parameters
    ----------
    input : the image.
    test : one band, or one for each band.
    value : one band, or one for each band.
    """
    bands = []
    for (band, t), (_, v) in zip(
        matched("where", input, test), matched("where", input, value), strict=False
    ):
        kind = union(band.type, v.type)
        projection = v.projection if band.projection.is_default else band.projection
        bands.append(
            replace(band, node=Where(band.node, t.node, v.node, kind), projection=projection)
        )
    return input.with_bands(bands)


@algorithm("Image.blend")
def blend(bottom: Image, top: Image) -> Image:
    """One image over another, the mask of the upper one as its opacity.

    Parameters
    ----------
    bottom : the lower image.
    top : the upper image.
    """
    bands = []
    for low, high in matched("blend", bottom, top):
        bands.append(replace(low, node=Blend(low.node, high.node, union(low.type, high.type))))
    return bottom.with_bands(bands)


def as_geometry(name: str, value: Any) -> Geometry:
    """A geometry from whatever may stand for one: feature, image, collection, GeoJSON."""
    if isinstance(value, Geometry):
        return value
    if isinstance(value, Element) and value.outline is not None:
        return value.outline
    if isinstance(value, Collection):
        return merged(value)
    if isinstance(value, dict) and value.get("type") in TYPES:
        return decode(value)
    raise EvaluationError(
        f"{name}: The geometry must be a geometry, feature or collection, got {type(value).__name__}."
    )


def clipped(image: Image, geometry: Geometry) -> Image:
    """Every band inside a geometry."""
    if geometry.unbounded:
        return image
    bands = [replace(band, node=Clip(band.node, geometry, band.type)) for band in image.bands]
    footprint = geometry if image.footprint.unbounded else intersection((image.footprint, geometry))
    return replace(image.with_bands(bands), footprint=footprint)


@algorithm("Image.clip")
def clip(input: Image, geometry: Object) -> Image:
    """The image inside a geometry; metadata are kept.

    Parameters
    ----------
    input : the image.
    geometry : a geometry, feature or collection.
    """
    return clipped(input, as_geometry("Image.clip", geometry))


@algorithm("Image.clipToCollection")
def clip_to_collection(input: Image, collection: Object) -> Image:
    """The image inside the features of a collection.

    Parameters
    ----------
    input : the image.
    collection : the features.
    """
    return clipped(input, as_geometry("Image.clipToCollection", collection))


def _numbers(name: str, values: Any) -> list[float]:
    if isinstance(values, Array):
        values = values.values.tolist()
    out = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise EvaluationError(f"{name}: '{value}' is not a number.")
        out.append(value)
    return out


@algorithm("Image.remap", wire_names={"from_": "from"})
def remap(
    image: Image,
    from_: list[Object],
    to: list[Object],
    default_value: Object = None,
    band_name: str | None = None,
) -> Image:
    """One band with listed values replaced, named ``remapped``; other values get a default or are masked.

    Parameters
    ----------
    image : the image.
    from_ : values to look for.
    to : their replacements.
    default_value : for values that are not listed; masked if missing.
    band_name : the band; the first if missing.
    """
    keys, targets = _numbers("Image.remap", from_), _numbers("Image.remap", to)
    if len(keys) != len(targets):
        raise EvaluationError(
            f"Image.remap: Lists 'from' and 'to' must be of equal length. Got {len(keys)} and {len(targets)}."
        )
    if not keys:
        raise EvaluationError("Image.remap: List 'from' must not be empty.")
    band = image.bands[0] if band_name is None else chosen(image, [band_name], "Image.remap")[0]
    values = (
        targets if default_value is None else [*targets, *_numbers("Image.remap", [default_value])]
    )
    kind = union(*(of_value(v) for v in values))
    default = None if default_value is None else float(values[-1])
    node = Remap(band.node, tuple(map(float, keys)), tuple(map(float, targets)), default, kind)
    return image.with_bands([replace(band, node=node, name="remapped")])


@algorithm("Image.unitScale")
def unit_scale(input: Image, low: Float, high: Float) -> Image:
    """Values scaled linearly so that ``low`` becomes 0 and ``high`` 1, without clamping.

    Parameters
    ----------
    input : the image.
    low : becomes 0.
    high : becomes 1.
    """
    kind = PixelType("double")
    bands = [
        replace(b, node=Elementwise("unitScale", (b.node,), (low, high), kind)) for b in input.bands
    ]
    return input.with_bands(bands)


@algorithm("Image.clamp")
def clamp(input: Image, low: Float, high: Float) -> Image:
    """Values limited to a range, inclusive.

    Parameters
    ----------
    input : the image.
    low : smallest value of the result.
    high : largest value of the result.
    """
    if low > high:
        raise EvaluationError(
            f"Image.clamp: 'low' ({low}) must not be larger than 'high' ({high})."
        )
    bands = []
    for band in input.bands:
        kind = _clamped_type(band.type, low, high)
        node = Elementwise("clampTo", (band.node,), (low, high), kind)
        bands.append(replace(band, node=node))
    return input.with_bands(bands)


def _clamped_type(kind: PixelType, low: float, high: float) -> PixelType:
    integral = kind.is_int and float(low).is_integer() and float(high).is_integer()
    if integral:
        bottom, top = kind.bounds
        a, b = min(max(bottom, low), high), min(max(top, low), high)
        return PixelType("int", int(a), int(b), kind.dimensions)
    precision = "double" if kind.is_int else kind.precision
    return PixelType(precision, low, high, kind.dimensions)


@algorithm("Image.normalizedDifference")
def normalized_difference(input: Image, band_names: list[str] | None = None) -> Image:
    """(first − second) / (first + second) as a band ``nd``; masked where either is negative, 0 where the sum is.

    Parameters
    ----------
    input : the image.
    band_names : the two bands; the first two if missing.
    """
    names = band_names if band_names is not None else input.band_names[:2]
    if len(names) != 2:
        raise EvaluationError(
            f"Image.normalizedDifference: Two bands are needed, got {len(names)}."
        )
    pair: list[Band] = []
    for name in names:
        found = [band for band in input.bands if band.name == name]
        if not found:
            raise EvaluationError(
                f"Image.normalizedDifference: No band named '{name}'. Available band names: [{', '.join(input.band_names)}]."
            )
        pair += found
    kind = PixelType("float", -1.0, 1.0)
    node = Elementwise("normalizedDifference", (pair[0].node, pair[1].node), (), kind)
    extent = pair[0].dimensions if pair[0].projection == pair[1].projection else None
    band = Band("nd", node, pair[0].projection, extent, pair[0].origin)
    index = {} if input.index is None else {"system:index": input.index}
    return Image(index, bands=(band,), footprint=input.footprint)
