"""The lattice of types: how a value becomes what an argument declares. One table."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.kernel import Kernel
from ecumene.core.reducer import Reducer
from ecumene.core.registry import Registry
from ecumene.engine import promote
from ecumene.engine.promote import Convert
from ecumene.engine.types import Mismatch, shown, type_name

__all__ = ["CONVERSIONS", "Mismatch", "coerce", "converter", "shown", "type_name"]

CONVERSIONS: dict[str, Convert] = {
    "<any>": promote.anything,
    "Array": promote.array,
    "Blob": promote.blob,
    "Boolean": promote.boolean,
    "Collection": promote.feature_collection,
    "Date": promote.date,
    "DateRange": promote.date_range,
    "Dictionary": promote.dictionary,
    "Double": promote.real,
    "Element": promote.element,
    "ErrorMargin": promote.error_margin,
    "Feature": promote.feature,
    "FeatureCollection": promote.feature_collection,
    "Filter": promote.condition,
    "Float": promote.real,
    "Geometry": promote.geometry,
    "Image": promote.image,
    "ImageCollection": promote.image_collection,
    "Integer": promote.integer,
    "Kernel": promote.named("Kernel", Kernel),
    "List": promote.plain_list,
    "Long": promote.integer,
    "Number": promote.number,
    "Object": promote.anything,
    "PixelType": promote.pixel_type,
    "Projection": promote.projection,
    "Rectangle": promote.geometry,
    "Reducer": promote.named("Reducer", Reducer),
    "String": promote.string,
}
"""By declared type. Types that are not here (Join, Classifier, …) must match by class name."""

_NUMERIC = ("Number", "Integer", "Long", "Float", "Object")
"""Items that an array may be read as a list of."""

_ELEMENTS = ("Image", "Element", "Feature", "Geometry")
"""Items that a collection may be read as a list of."""


@lru_cache(maxsize=512)
def converter(text: str) -> Convert:
    """The conversion for a declared type text, e.g. ``List<Image<unknown bands>>``."""
    base, _, inner = text.removesuffix(">").partition("<")
    if base == "List" and inner:
        return _list_of(text, inner)
    if base == "Dictionary" and inner:
        return _dictionary_of(text, converter(inner))
    return CONVERSIONS.get(text) or CONVERSIONS.get(base) or promote.named(base)


def _list_of(text: str, inner: str) -> Convert:
    item, kind = converter(inner), inner.partition("<")[0]

    def convert(value: Any, context: Context, registry: Registry) -> Any:
        if isinstance(value, Collection) and kind in _ELEMENTS:
            value = list(value)
        elif isinstance(value, Array) and kind in _NUMERIC and value.values.ndim:
            value = value.values.tolist()
        elif isinstance(value, str) and kind == "String":
            value = [value]
        if not isinstance(value, list):
            raise Mismatch(text, value)
        if item is promote.anything:
            return value
        if None in value:  # only lists of anything may hold nothing
            raise Mismatch(text, value)
        return [item(part, context, registry) for part in value]

    return convert


def _dictionary_of(text: str, item: Convert) -> Convert:
    def convert(value: Any, context: Context, registry: Registry) -> Any:
        if not isinstance(value, dict):
            raise Mismatch(text, value)
        if item is promote.anything:
            return value
        return {
            key: None if part is None else item(part, context, registry)
            for key, part in value.items()
        }

    return convert


def coerce(text: str, value: Any, context: Context, registry: Registry) -> Any:
    """The value as its declared type; Mismatch (of the whole value) if it cannot be."""
    if isinstance(value, np.generic):
        value = value.item()
    try:
        return converter(text)(value, context, registry)
    except Mismatch:
        raise Mismatch(text, value) from None
