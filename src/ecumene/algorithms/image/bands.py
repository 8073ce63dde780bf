"""Making images and choosing, naming and joining their bands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecumene.algorithms.image.lift import intersection
from ecumene.core.array import Array
from ecumene.core.context import Context
from ecumene.core.dates import Date
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import PixelType, of_value
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, ElementArg, Integer, Long, Object
from ecumene.numerics import regex as expressions
from ecumene.plan.nodes import Cast, Constant

MOST_BANDS = 10_000
"""Bands of an image value; requests for pixels may have fewer."""

MOST_ELEMENTS = 1_000_000
"""Elements of a constant array pixel."""


def _nested(values: Any) -> Any:
    return tuple(_nested(v) for v in values) if isinstance(values, list) else values


def constant_band(name: str, value: Any) -> Band:
    """A band with one value: a number, or an Array for array pixels."""
    if isinstance(value, Array):
        if value.values.ndim == 0:
            return constant_band(name, value.values.item())
        if value.values.size > MOST_ELEMENTS:
            raise LimitExceeded(
                f"Image.constant: An array of a pixel may have at most {MOST_ELEMENTS} elements, got {value.values.size}."
            )
        return Band(name, Constant(_nested(value.values.tolist()), value.type))
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, Date):
        value = value.millis
    if not isinstance(value, int | float):
        raise EvaluationError(f"Image.constant: Cannot make a constant image of '{value}'.")
    return Band(name, Constant(value, of_value(value)))


@algorithm("Image.constant")
def constant(value: Object) -> Image:
    """The same value at every pixel, without bounds.

    Parameters
    ----------
    value : a number, an Array, or a list of these for several bands (``constant_0``, ``constant_1``, …).
    """
    if isinstance(value, list):
        if len(value) > MOST_BANDS:
            raise LimitExceeded(f"Image.constant: An image may have at most {MOST_BANDS} bands.")
        return Image(bands=tuple(constant_band(f"constant_{i}", v) for i, v in enumerate(value)))
    return Image(bands=(constant_band("constant", value),))


@algorithm("Image.load")
def load(id: str, version: Long = -1, *, context: Context) -> Image:
    """A stored image.

    Parameters
    ----------
    id : the asset.
    version : accepted for compatibility; the stored version is served.
    """
    found = context.catalog.load_image(id)
    if found is None:
        raise EvaluationError(
            f"Image.load: Image asset '{id}' not found (does not exist or caller does not have access)."
        )
    context.loaded(id)
    return found


def _matching(image: Image, selector: str) -> list[Band]:
    exact = [band for band in image.bands if band.name == selector]
    if exact:
        return exact
    try:
        names = set(expressions.chosen(image.band_names, selector, "Image.select"))
    except EvaluationError:
        return []
    return [band for band in image.bands if band.name in names]


def chosen(image: Image, selectors: list[Any], name: str = "Image.select") -> list[Band]:
    """Bands by names, regular expressions of whole names, or positions, in the order of the selectors."""
    out: list[Band] = []
    for selector in selectors:
        if isinstance(selector, int | float) and not isinstance(selector, bool):
            position = int(selector)
            if not -len(image.bands) <= position < len(image.bands):
                raise EvaluationError(
                    f"{name}: Invalid band number ({position}) specified to select. "
                    f"Input only contains {len(image.bands)} bands."
                )
            out.append(image.bands[position])
            continue
        if not isinstance(selector, str):
            raise EvaluationError(
                f"{name}: A band selector must be a string or a number, got {selector}."
            )
        found = _matching(image, selector)
        if not found:
            raise EvaluationError(
                f"{name}: Band pattern '{selector}' did not match any bands. "
                f"Available bands: [{', '.join(image.band_names)}]"
            )
        out += found
    return out


def unique_names(names: list[str]) -> list[str]:
    """Later duplicates get ``_1``, ``_2``, …."""
    taken: set[str] = set()
    last: dict[str, int] = {}
    out = []
    for name in names:
        fresh, number = name, last.get(name, 0)
        while fresh in taken:
            number += 1
            fresh = f"{name}_{number}"
        taken.add(fresh)
        last[name] = number
        out.append(fresh)
    return out


def _identity(image: Image, bands: tuple[Band, ...]) -> Image:
    return image if bands == image.bands else image.with_bands(bands)


@algorithm("Image.select")
def select(input: Image, band_selectors: list[Object], new_names: list[str] | None = None) -> Image:
    """Some of the bands, in the order asked for.

    Parameters
    ----------
    input : the image.
    band_selectors : names, regular expressions that match whole names, or positions.
    new_names : names for the selected bands; as many as were selected.
    """
    bands = chosen(input, band_selectors)
    names = unique_names([band.name for band in bands])
    if new_names is not None:
        if len(new_names) != len(bands):
            raise EvaluationError(
                f"Image.select: Number of new names ({len(new_names)}) must match the number of bands selected ({len(bands)})."
            )
        names = new_names
        _distinct("Image.select", names)
    return _identity(
        input, tuple(band.renamed(name) for band, name in zip(bands, names, strict=True))
    )


def _distinct(algorithm_name: str, names: list[str]) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise EvaluationError(f"{algorithm_name}: Duplicate band name '{name}'.")


@algorithm("Image.rename")
def rename(input: Image, names: list[str]) -> Image:
    """The bands under new names.

    Parameters
    ----------
    input : the image.
    names : one for each band.
    """
    if len(names) != len(input.bands):
        raise EvaluationError(
            f"Image.rename: The number of names ({len(names)}) must match the number of bands ({len(input.bands)})."
        )
    _distinct("Image.rename", names)
    return _identity(input, tuple(b.renamed(n) for b, n in zip(input.bands, names, strict=True)))


@algorithm("Image.regexpRename")
def regexp_rename(input: Image, regex: str, replacement: str, all: Boolean = True) -> Image:
    """Bands renamed by replacing what a regular expression matches in their names.

    Parameters
    ----------
    input : the image.
    regex : what to look for.
    replacement : what to put there; ``$1`` is the first group.
    all : every match, or only the first of each name.
    """
    name = "Image.regexpRename"
    pattern = expressions.compiled(regex, "", name)
    names = [
        expressions.replaced(pattern, band.name, replacement, all, name, 10_000)
        for band in input.bands
    ]
    _distinct(name, names)
    return _identity(input, tuple(b.renamed(n) for b, n in zip(input.bands, names, strict=True)))


@algorithm("Image.addBands")
def add_bands(
    dst_img: Image, src_img: Image, names: list[str] | None = None, overwrite: Boolean = False
) -> Image:
    """The first image with bands of the second; properties and footprint are the first's.

    Parameters
    ----------
    dst_img : the image to extend.
    src_img : where the bands come from.
    names : which of them; all if missing.
    overwrite : replace bands of the same name in place instead of numbering the new ones.
    """
    extra = list(src_img.bands) if names is None else chosen(src_img, list(names), "Image.addBands")
    if len(dst_img.bands) + len(extra) > MOST_BANDS:
        raise LimitExceeded(f"Image.addBands: An image may have at most {MOST_BANDS} bands.")
    bands = list(dst_img.bands)
    if overwrite:
        places = {band.name: i for i, band in enumerate(bands)}
        for band in extra:
            if band.name in places:
                bands[places[band.name]] = band
            else:
                places[band.name] = len(bands)
                bands.append(band)
        return dst_img.with_bands(bands)
    kept = unique_names([band.name for band in (*bands, *extra)])
    return dst_img.with_bands([b.renamed(n) for b, n in zip((*bands, *extra), kept, strict=True)])


def as_image(name: str, value: Any, context: Context) -> Image:
    """What may stand for an image: an image, a number, an Array, a list of these, or an asset's id."""
    if isinstance(value, Image):
        return value
    if isinstance(value, str):
        return load(value, context=context)
    if isinstance(value, bool | int | float | Array | list):
        return constant(int(value) if isinstance(value, bool) else value)
    raise EvaluationError(f"{name}: A {type(value).__name__} cannot be used as an image.")


@algorithm("Image.cat")
def cat(images: list[Object], *, context: Context) -> Image:
    """All bands of several images; the metadata of the first.

    Parameters
    ----------
    images : images, numbers and ids of assets.
    """
    if not images:
        return Image()
    first = as_image("Image.cat", images[0], context)
    bands = list(first.bands)
    for item in images[1:]:
        bands += as_image("Image.cat", item, context).bands
        if len(bands) > MOST_BANDS:
            raise LimitExceeded(f"Image.cat: An image may have at most {MOST_BANDS} bands.")
    names = unique_names([band.name for band in bands])
    return first.with_bands([b.renamed(n) for b, n in zip(bands, names, strict=True)])


@algorithm("Image.slice")
def take_slice(image: Image, start: Integer, end: Integer | None = None) -> Image:
    """Bands from one position to (but not including) another.

    Parameters
    ----------
    image : the image.
    start : first position; negative counts from the end.
    end : position after the last; the end if missing.
    """
    return image.with_bands(image.bands[slice(start, end)])


@algorithm("Image.bandNames")
def band_names(image: Image) -> list[Object]:
    """Names of the bands.

    Parameters
    ----------
    image : the image.
    """
    return list(image.band_names)


@algorithm("Image.bandTypes")
def band_types(image: Image) -> dict[str, Object]:
    """Pixel types by band name.

    Parameters
    ----------
    image : the image.
    """
    return {band.name: band.type for band in image.bands}


@algorithm("Image.cast")
def cast(image: Image, band_types: dict[str, Object], band_order: list[str] | None = None) -> Image:
    """Bands converted to other types, optionally in another order.

    Parameters
    ----------
    image : the image.
    band_types : a PixelType (or its name) for each band.
    band_order : names in the new order; all the given bands if missing.
    """
    order = (
        band_order if band_order is not None else [n for n in image.band_names if n in band_types]
    )
    by_name = {band.name: band for band in image.bands}
    out = []
    for name in order:
        if name not in by_name:
            raise EvaluationError(
                f"Image.cast: No band named '{name}'. Available band names: {image.band_names}."
            )
        band = by_name[name]
        wanted = band_types.get(name)
        if wanted is None:
            out.append(band)
            continue
        kind = wanted if isinstance(wanted, PixelType) else _named_type(str(wanted))
        kind = kind.with_dimensions(band.type.dimensions)
        out.append(replace(band, node=Cast(band.node, kind)))
    return image.with_bands(out)


def _named_type(name: str) -> PixelType:
    from ecumene.numerics.elementwise import CASTS

    kind = CASTS.get(name) or CASTS.get(f"to{name[:1].upper()}{name[1:]}")
    if kind is None:
        raise EvaluationError(f"Image.cast: Unknown pixel type '{name}'.")
    return kind


@algorithm("Image.id")
def image_id(element: ElementArg) -> str | None:
    """The ``system:index`` of an element, or the id of an asset.

    Parameters
    ----------
    element : an image or feature.
    """
    found: str | None = element.index or element.id
    return found


@algorithm("Image.date", returns="Date")
def date(image: Image) -> Date | None:
    """When the image was taken: its ``system:time_start``.

    Parameters
    ----------
    image : the image.
    """
    value = image.get("system:time_start")
    if value is None:
        raise EvaluationError("Image.date: Image does not have a 'system:time_start' property.")
    return value if isinstance(value, Date) else Date(int(value))


@algorithm("Image.metadata")
def metadata(image: Image, property: str, name: str | None = None) -> Image:
    """A constant image of a numeric property (double).

    Parameters
    ----------
    image : the image.
    property : the property's name.
    name : name of the band; the property's name if missing.
    """
    value = image.get(property)
    if isinstance(value, Date):
        value = value.millis
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise EvaluationError(f"Image.metadata: Property '{property}' is not a number: {value}.")
    kind = PixelType("double", float(value), float(value))
    return Image(
        bands=(Band(name or property, Constant(float(value), kind)),),
        properties=dict(image.properties),
    )


def stack_bands(images: list[Image], prefix: bool) -> Image:
    """All bands of all images side by side, named ``<index>_<band>`` if ``prefix``."""
    bands, names = [], []
    for image in images:
        for band in image.bands:
            names.append(f"{image.index}_{band.name}" if prefix else band.name)
            bands.append(band)
    fresh = unique_names(names)
    footprint = intersection([image.footprint for image in images[:1]])
    return Image(
        bands=tuple(b.renamed(n) for b, n in zip(bands, fresh, strict=True)), footprint=footprint
    )
