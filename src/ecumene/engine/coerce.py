"""The lattice of types: how a value becomes what an argument declares. One table."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ecumene.core import crs as crs_
from ecumene.core.array import Array
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.dates import Date, DateRange
from ecumene.core.element import Element, Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.filter import Filter
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.core.image import Image
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Projection
from ecumene.core.reducer import Reducer
from ecumene.core.registry import Registry
from ecumene.vector.geojson import TYPES, decode

INFINITE_MARGIN = 2.0e7
"""Error margins of this many metres or more are infinite."""


class Mismatch(Exception):
    """The value cannot become the expected type."""

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__(expected)
        self.expected = expected
        self.value = value


Convert = Callable[[Any, Context, Registry], Any]


def type_name(value: Any) -> str:
    """The name of a value's type in messages and ``ObjectType``."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int):
        return "Integer" if -(2**31) <= value < 2**31 else "Long"
    if isinstance(value, float):
        return "Float"
    if isinstance(value, Collection):
        return f"{value.kind}Collection" if value.kind in ("Image", "Feature") else "Collection"
    names = {str: "String", list: "List", dict: "Dictionary", bytes: "Blob"}
    return names.get(type(value), type(value).__name__)


def shown(value: Any) -> str:
    """A value in an error message, at most 200 characters."""
    text = (
        f"<{type_name(value)}>"
        if not isinstance(value, bool | int | float | str | list | dict)
        else str(value)
    )
    return text if len(text) <= 200 else text[:197] + "..."


def call(name: str, registry: Registry, **arguments: Any) -> Any:
    """Runs an algorithm's function with coerced values."""
    entry = registry.get(name)
    if entry is None or entry.function is None:
        raise EvaluationError(f"{name}: this algorithm is not implemented by this server yet.")
    return entry.function(**arguments)


def _number(value: Any, context: Context, registry: Registry) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, Array) and value.values.ndim == 0:
        return value.values.item()
    if isinstance(value, Date):
        return value.millis
    raise Mismatch("Number", value)


def _integer(value: Any, context: Context, registry: Registry) -> int:
    number = _number(value, context, registry)
    if isinstance(number, float):
        if not math.isfinite(number):
            raise Mismatch("Integer", value)
        number = int(number)
    return int(number)


def _float(value: Any, context: Context, registry: Registry) -> float:
    return float(_number(value, context, registry))


def _boolean(value: Any, context: Context, registry: Registry) -> bool:
    if isinstance(value, bool | int | float):
        return bool(value)
    raise Mismatch("Boolean", value)


def _string(value: Any, context: Context, registry: Registry) -> str:
    if isinstance(value, str):
        return value
    raise Mismatch("String", value)


def _image(value: Any, context: Context, registry: Registry) -> Image:
    if isinstance(value, Image):
        return value
    if isinstance(value, str):
        return call("Image.load", registry, id=value, context=context)  # type: ignore[no-any-return]
    if isinstance(value, bool | int | float | Array):
        return call(
            "Image.constant", registry, value=int(value) if isinstance(value, bool) else value
        )  # type: ignore[no-any-return]
    if isinstance(value, list) and value:
        images = [_image(item, context, registry) for item in value]
        joined = images[0]
        for image in images[1:]:
            joined = call(
                "Image.addBands",
                registry,
                dst_img=joined,
                src_img=image,
                names=None,
                overwrite=False,
            )
        return joined
    raise Mismatch("Image<unknown bands>", value)


def _elements(value: Any, kind: str, context: Context, registry: Registry) -> Collection:
    if isinstance(value, Collection):
        return value
    if isinstance(value, Element):
        return Collection.of([value], kind, number=True)
    if isinstance(value, Geometry):
        return Collection.of([Feature(geometry=value)], "Feature", number=True)
    if isinstance(value, str):
        if kind == "Image":
            return call("ImageCollection.load", registry, id=value, context=context)  # type: ignore[no-any-return]
        return call(
            "Collection.loadTable",
            registry,
            table_id=value,
            geometry_column=None,
            version=None,
            context=context,
        )  # type: ignore[no-any-return]
    if isinstance(value, list):
        convert = _image if kind == "Image" else _element
        return Collection.of(
            [convert(item, context, registry) for item in value], kind, number=True
        )
    raise Mismatch("ImageCollection" if kind == "Image" else "FeatureCollection", value)


def _image_collection(value: Any, context: Context, registry: Registry) -> Collection:
    return _elements(value, "Image", context, registry)


def _feature_collection(value: Any, context: Context, registry: Registry) -> Collection:
    return _elements(value, "Feature", context, registry)


def _element(value: Any, context: Context, registry: Registry) -> Any:
    if isinstance(value, Element | Collection):
        return value
    if isinstance(value, Geometry):
        return Feature(geometry=value)
    if isinstance(value, dict) and value.get("type") in (*TYPES, "Feature"):
        return _feature(value, context, registry)
    raise Mismatch("Element", value)


def _feature(value: Any, context: Context, registry: Registry) -> Any:
    if isinstance(value, Element):
        return value
    if isinstance(value, Geometry):
        return Feature(geometry=value)
    if isinstance(value, Collection):
        return Feature(geometry=_geometry(value, context, registry))
    if isinstance(value, dict) and value.get("type") == "Feature":
        geometry = value.get("geometry")
        return Feature(
            dict(value.get("properties") or {}), geometry=decode(geometry) if geometry else None
        )
    if isinstance(value, dict) and value.get("type") in TYPES:
        return Feature(geometry=decode(value))
    raise Mismatch("Feature", value)


def _geometry(value: Any, context: Context, registry: Registry) -> Geometry:
    if isinstance(value, Geometry):
        return value
    if isinstance(value, Element):
        if value.outline is None:
            raise Mismatch("Geometry", None)
        return value.outline
    if isinstance(value, Collection):
        return call("Collection.geometry", registry, collection=value, max_error=None)  # type: ignore[no-any-return]
    if isinstance(value, dict) and value.get("type") in (*TYPES, "Feature"):
        return decode(value)
    raise Mismatch("Geometry", value)


def _array(value: Any, context: Context, registry: Registry) -> Array:
    if isinstance(value, Array):
        return value
    if isinstance(value, bool | int | float):
        return call("Array", registry, values=value, pixel_type=None)  # type: ignore[no-any-return]
    if isinstance(value, list):
        return call("Array", registry, values=value, pixel_type=None)  # type: ignore[no-any-return]
    if hasattr(value, "as_array"):
        return value.as_array()  # type: ignore[no-any-return]
    raise Mismatch("Array", value)


def _list(value: Any, context: Context, registry: Registry) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, Array):
        return value.values.tolist() if value.values.ndim else [value.values.item()]
    raise Mismatch("List", value)


def _dictionary(value: Any, context: Context, registry: Registry) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise Mismatch("Dictionary", value)


def _date(value: Any, context: Context, registry: Registry) -> Date:
    if isinstance(value, Date):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return Date(int(value))
    if isinstance(value, str):
        return call("Date", registry, value=value, time_zone=None)  # type: ignore[no-any-return]
    if isinstance(value, dict) and value.get("type") == "Date":
        return Date(int(value["value"]))
    raise Mismatch("Date", value)


def _date_range(value: Any, context: Context, registry: Registry) -> DateRange:
    if isinstance(value, DateRange):
        return value
    if isinstance(value, dict) and value.get("type") == "DateRange":
        start, end = value["dates"]
        return DateRange(int(start), int(end))
    start = _date(value, context, registry).millis
    return DateRange(start, start + 1)


def _projection(value: Any, context: Context, registry: Registry) -> Projection:
    if isinstance(value, Projection):
        return value
    if isinstance(value, str):
        crs_.parse(value)
        return Projection(crs_.canonical(value))
    if isinstance(value, dict) and value.get("type") == "Projection":
        crs = str(value.get("crs") or value.get("wkt"))
        return Projection(crs_.canonical(crs), tuple(float(v) for v in value["transform"]))  # type: ignore[arg-type]
    raise Mismatch("Projection", value)


def _error_margin(value: Any, context: Context, registry: Registry) -> ErrorMargin:
    if isinstance(value, ErrorMargin):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        metres = abs(float(value))
        return ErrorMargin(metres, "infinite" if metres >= INFINITE_MARGIN else "meters")
    if isinstance(value, dict) and value.get("type") == "ErrorMargin":
        return ErrorMargin(float(value.get("value", math.inf)), str(value.get("unit", "meters")))
    raise Mismatch("ErrorMargin", value)


def _filter(value: Any, context: Context, registry: Registry) -> Filter:
    if isinstance(value, Filter):
        return value
    if isinstance(value, str):
        return call("Filter.expression", registry, expression=value, context=context)  # type: ignore[no-any-return]
    raise Mismatch("Filter", value)


def _named(kind: type, prefix: str) -> Convert:
    def convert(value: Any, context: Context, registry: Registry) -> Any:
        if isinstance(value, kind):
            return value
        if isinstance(value, str):
            entry = registry.get(f"{prefix}.{value}")
            if entry is not None and entry.function is not None:
                return entry.function(
                    **{a.parameter: a.default for a in entry.arguments if a.optional}
                )
        raise Mismatch(prefix, value)

    return convert


def _pixel_type(value: Any, context: Context, registry: Registry) -> PixelType:
    if isinstance(value, PixelType):
        return value
    if isinstance(value, str):
        return call(
            "PixelType", registry, precision=value, min_value=None, max_value=None, dimensions=0
        )  # type: ignore[no-any-return]
    if isinstance(value, dict) and value.get("type") == "PixelType":
        return PixelType(
            value["precision"], value.get("min"), value.get("max"), int(value.get("dimensions", 0))
        )
    raise Mismatch("PixelType", value)


def _algorithm(value: Any, context: Context, registry: Registry) -> Any:
    if callable(value):
        return value
    if isinstance(value, str):
        from ecumene.engine.bind import AlgorithmFunction, find  # bind is built on this table

        return AlgorithmFunction(find(registry, value), context, registry)
    raise Mismatch("Algorithm", value)


def _anything(value: Any, context: Context, registry: Registry) -> Any:
    return value


CONVERSIONS: dict[str, Convert] = {
    "Number": _number, "Integer": _integer, "Long": _integer, "Float": _float, "Double": _float,
    "Boolean": _boolean, "String": _string, "Image": _image, "ImageCollection": _image_collection,
    "FeatureCollection": _feature_collection, "Collection": _feature_collection, "Element": _element,
    "Feature": _feature, "Geometry": _geometry, "Array": _array, "List": _list, "Dictionary": _dictionary,
    "Date": _date, "DateRange": _date_range, "Projection": _projection, "ErrorMargin": _error_margin,
    "Filter": _filter, "Reducer": _named(Reducer, "Reducer"), "Kernel": _named(Kernel, "Kernel"),
    "PixelType": _pixel_type, "Algorithm": _algorithm, "Object": _anything, "<any>": _anything,
}  # fmt: skip
"""By declared type. Types that are not here (Join, Classifier, …) must match by class name."""

_WRAPPING = (
    "String",
    "Integer",
    "Float",
    "Object",
    "Number",
    "Long",
    "Image<unknown bands>",
    "Filter",
    "Geometry",
    "Array",
)


def _by_class(name: str) -> Convert:
    def convert(value: Any, context: Context, registry: Registry) -> Any:
        if type(value).__name__ == name:
            return value
        if isinstance(value, str):
            entry = registry.get(f"{name}.{value}")
            if (
                entry is not None
                and entry.function is not None
                and all(a.optional for a in entry.arguments)
            ):
                return entry.function(**{a.parameter: a.default for a in entry.arguments})
        if hasattr(value, "coerced_to"):
            found = value.coerced_to(name)
            if found is not None:
                return found
        raise Mismatch(name, value)

    return convert


@lru_cache(maxsize=512)
def converter(text: str) -> Convert:
    """The conversion for a declared type text, e.g. ``List<Image<unknown bands>>``."""
    if text.startswith(("List<", "Dictionary<")) and text.endswith(">"):
        outer, inner = text.split("<", 1)
        item = converter(inner[:-1])
        return _list_of(text, inner[:-1], item) if outer == "List" else _dictionary_of(text, item)
    base = text.split("<", 1)[0] or text
    return CONVERSIONS.get(base) or CONVERSIONS.get(text) or _by_class(base)


def _list_of(text: str, inner: str, item: Convert) -> Convert:
    def convert(value: Any, context: Context, registry: Registry) -> Any:
        if isinstance(value, Collection):
            return [item(part, context, registry) for part in value]
        if isinstance(value, Array) and inner != "Array":
            value = value.values.tolist()
        if not isinstance(value, list):
            if inner in _WRAPPING and not isinstance(value, dict):
                return [item(value, context, registry)]
            raise Mismatch(text, value)
        if item is _anything:
            return value
        return [None if part is None else item(part, context, registry) for part in value]

    return convert


def _dictionary_of(text: str, item: Convert) -> Convert:
    def convert(value: Any, context: Context, registry: Registry) -> Any:
        if not isinstance(value, dict):
            raise Mismatch(text, value)
        if item is _anything:
            return value
        return {
            key: None if part is None else item(part, context, registry)
            for key, part in value.items()
        }

    return convert


def coerce(text: str, value: Any, context: Context, registry: Registry) -> Any:
    """The value as its declared type; Mismatch if it cannot be."""
    if isinstance(value, np.generic):
        value = value.item()
    return converter(text)(value, context, registry)
