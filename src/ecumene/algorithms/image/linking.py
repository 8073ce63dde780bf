"""Images and collections of images joined by their properties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ecumene.algorithms.image.bands import add_bands, cast, chosen
from ecumene.algorithms.image.collections import (
    Images,
    joined_type,
    members,
    shared_projection,
    stacks_by_name,
    union_footprint,
)
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import UINT8
from ecumene.core.projection import DEFAULT_PROJECTION
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Integer, Object
from ecumene.plan.nodes import ArrayOp, Gather, Masked, Stack


def _hidden(image: Image, names: list[str]) -> tuple[Band, ...]:
    """Bands without a valid pixel, on the grid of an image's first band."""
    place = image.bands[0].projection if image.bands else DEFAULT_PROJECTION
    return tuple(Band(name, Masked(UINT8), place) for name in names)


def _names(name: str, key: str, value: Any) -> list[str]:
    """One name or a list of them."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(item, str) for item in items):
        raise EvaluationError(f"{name}: '{key}' must be a name or a list of names.")
    return items


@algorithm("Image.linkCollection")
def link_collection(
    input: Image, image_collection: Images, linked_bands: Object = None, linked_properties: Object = None,
    match_property_name: str = "system:index", *, context: Context,
) -> Image:  # fmt: skip
    """The image with bands and properties of the image of a collection that has the same property.

    Parameters
    ----------
    input : the image; its footprint stays.
    image_collection : where the match is looked for.
    linked_bands : a name or names of bands to add or replace; wholly masked without a match.
    linked_properties : a name or names of properties to add or replace; null without a match.
    match_property_name : the property that must be equal.
    """
    name = "Image.linkCollection"
    bands = _names(name, "linkedBands", linked_bands)
    properties = _names(name, "linkedProperties", linked_properties)
    wanted = input.get(match_property_name)
    match: Image | None = None
    if wanted is not None:
        for element in image_collection:
            context.cancel.check()
            if element.get(match_property_name) == wanted:
                match = element
                break
    linked = input
    if bands and match is not None:
        linked = add_bands(linked, Image(bands=tuple(chosen(match, list(bands), name))), None, True)
    elif bands:
        linked = add_bands(linked, Image(bands=_hidden(input, bands)), None, True)
    for key in properties:
        linked = linked.set(key, None if match is None else match.get(key))
    return linked


@algorithm("ImageCollection.combine")
def combine(primary: Images, secondary: Images, overwrite: Boolean = False) -> Images:
    """The images of one collection with the bands of those of another that have the same index.

    Parameters
    ----------
    primary : the images that are kept, with their metadata.
    secondary : where the bands come from; images without a partner are left out.
    overwrite : replace bands of the same name instead of numbering the new ones.
    """

    def produce() -> Iterator[Image]:
        partners = {image.index: image for image in secondary}
        for image in primary:
            partner = partners.get(image.index)
            if partner is not None:
                yield add_bands(image, partner, None, overwrite)

    return Collection.lazy(produce, "Image")


@algorithm("ImageCollection.cast")
def cast_collection(
    collection: Images, band_types: dict[str, Object], band_order: list[str]
) -> Images:
    """The images with bands of the given types in the given order; missing bands are added, masked.

    Parameters
    ----------
    collection : the images.
    band_types : a PixelType or its name for every band of any image.
    band_order : the names in their new order; exactly those of ``band_types``.
    """
    name = "ImageCollection.cast"
    if sorted(band_order) != sorted(band_types):
        raise EvaluationError(f"{name}: 'bandOrder' must hold exactly the names of 'bandTypes'.")

    def convert(image: Any) -> Image:
        for band in image.band_names:
            if band not in band_types:
                raise EvaluationError(f"{name}: 'bandTypes' has no type for band '{band}'.")
        absent = [band for band in band_order if band not in image.band_names]
        whole = replace(image, bands=(*image.bands, *_hidden(image, absent)))
        return cast(whole, band_types, list(band_order))

    return collection.map(convert, "Image")


@algorithm("ImageCollection.toArrayPerBand")
def to_array_per_band(
    collection: Images, axis: Integer = 0, drop_masked: Boolean = False, *, context: Context
) -> Image:
    """In every band the pixels of all images as one array.

    Parameters
    ----------
    collection : the images.
    axis : the axis that they are joined along.
    drop_masked : leave masked images out pixel by pixel, instead of masking the pixel.
    """
    name = "ImageCollection.toArrayPerBand"
    images = members(name, collection, context)
    if not images:
        return Image()
    out = []
    for band_name, column in stacks_by_name(images):
        kind = joined_type(column)
        if not 0 <= axis <= kind.dimensions:
            raise EvaluationError(
                f"{name}: 'axis' must be between 0 and {kind.dimensions}, got {axis}."
            )
        if drop_masked and not kind.dimensions:
            rows = tuple((band.node,) for band in column)
            out.append(
                Band(band_name, Gather(rows, kind.with_dimensions(1)), shared_projection(column))
            )
            continue
        node: Any = Stack(tuple(band.node for band in column), kind.with_dimensions(1))
        if kind.dimensions:
            dims = kind.with_dimensions(max(kind.dimensions, axis + 1))
            node = column[0].node
            for band in column[1:]:
                node = ArrayOp("cat", (node, band.node), (axis,), dims)
        out.append(Band(band_name, node, shared_projection(column)))
    return Image(bands=tuple(out), footprint=union_footprint(images))
