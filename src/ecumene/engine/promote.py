"""Conversions to each type of argument; ``engine.coerce`` has the table of them.

The rules are Earth Engine's promotions of *computed* values: clients wrap literals themselves, but the
result of ``list.get(0)`` arrives as it is and becomes what the argument declares. Each function gives the
converted value, or raises ``Mismatch``. The constructors behind them are the registry's own algorithms, so a
promoted value is exactly what the client's wrapper would have made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from ecumene.algorithms.image.bands import MOST_BANDS
from ecumene.core import crs as crs_
from ecumene.core.array import Array
from ecumene.core.blob import Blob
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.dates import MAX_MS, Date, DateRange
from ecumene.core.element import Element, Feature
from ecumene.core.errors import EvaluationError, LimitExceeded, NotImplementedYet
from ecumene.core.filter import Filter
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.core.image import Image
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Projection, affine
from ecumene.core.registry import Registry
from ecumene.engine.types import Mismatch
from ecumene.vector.geojson import TYPES, decode

T = TypeVar("T")

INFINITE_MARGIN = 2.0e7
"""Error margins of this many metres or more are infinite."""

Convert = Callable[[Any, Context, Registry], Any]


def construct(name: str, context: Context, registry: Registry, **arguments: Any) -> Any:
    """Runs an algorithm with coerced values by parameter names; the rest take their defaults."""
    entry = registry.get(name)
    if entry is None or entry.function is None:
        raise NotImplementedYet(name)
    defaults = {a.parameter: a.default for a in entry.arguments if a.optional}
    injected = {entry.inject: context} if entry.inject else {}
    return entry.function(**{**defaults, **injected, **arguments})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: Any, context: Context, registry: Registry) -> int | float:
    """Numbers, booleans as 0 and 1, arrays without dimensions."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, Array) and value.values.ndim == 0:
        return cast(float, value.values.item())
    raise Mismatch("Number", value)


def integer(value: Any, context: Context, registry: Registry) -> int:
    """Numbers without a fraction."""
    found = number(value, context, registry)
    if isinstance(found, float):
        if not found.is_integer():  # also NaN and infinities
            raise Mismatch("Integer", value)
        return int(found)
    return found


def real(value: Any, context: Context, registry: Registry) -> float:
    """Numbers as double precision."""
    try:
        return float(number(value, context, registry))
    except OverflowError:
        raise Mismatch("Float", value) from None


def boolean(value: Any, context: Context, registry: Registry) -> bool:
    """Booleans; numbers are true unless 0."""
    if isinstance(value, bool | int | float):
        return bool(value)
    raise Mismatch("Boolean", value)


def string(value: Any, context: Context, registry: Registry) -> str:
    """Strings only: numbers are not formatted silently."""
    if isinstance(value, str):
        return value
    raise Mismatch("String", value)


def image(value: Any, context: Context, registry: Registry) -> Image:
    """Images; numbers and arrays as constants; a string loads; a list is joined band by band."""
    if isinstance(value, Image):
        return value
    if isinstance(value, str):
        return cast(Image, construct("Image.load", context, registry, id=value))
    if isinstance(value, bool | int | float | Array):
        constant = int(value) if isinstance(value, bool) else value
        return cast(Image, construct("Image.constant", context, registry, value=constant))
    if isinstance(value, list) and value:
        parts: list[Image] = []
        bands = 0
        for item in value:
            parts.append(image(item, context, registry))
            bands += len(parts[-1].bands)
            if bands > MOST_BANDS:
                raise LimitExceeded(f"An image may have at most {MOST_BANDS} bands.")
        return cast(Image, construct("Image.cat", context, registry, images=parts))
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
            return cast(Collection, construct("ImageCollection.load", context, registry, id=value))
        return cast(
            Collection, construct("Collection.loadTable", context, registry, table_id=value)
        )
    if isinstance(value, Mapping) and value.get("type") == "FeatureCollection":
        value = value.get("features")
    if isinstance(value, list):
        convert = image if kind == "Image" else element
        return Collection.of(
            [convert(item, context, registry) for item in value], kind, number=True
        )
    raise Mismatch(f"{kind}Collection", value)


def image_collection(value: Any, context: Context, registry: Registry) -> Collection:
    """Collections; an image or a list of images; a string loads."""
    return _elements(value, "Image", context, registry)


def feature_collection(value: Any, context: Context, registry: Registry) -> Collection:
    """Collections; an element, a geometry or a list of them; a string loads a table."""
    return _elements(value, "Feature", context, registry)


def element(value: Any, context: Context, registry: Registry) -> Any:
    """Features, images and collections as they are; geometries and GeoJSON as features."""
    if isinstance(value, Element | Collection):
        return value
    if isinstance(value, Geometry) or (
        isinstance(value, Mapping) and value.get("type") in (*TYPES, "Feature")
    ):
        return feature(value, context, registry)
    raise Mismatch("Element", value)


def feature(value: Any, context: Context, registry: Registry) -> Any:
    """Features and images; geometries, and the joined geometry of a collection, without properties."""
    if isinstance(value, Element):
        return value
    if isinstance(value, Geometry | Collection):
        return Feature(geometry=geometry(value, context, registry))
    if isinstance(value, Mapping) and value.get("type") == "Feature":
        shape, properties = value.get("geometry"), value.get("properties") or {}
        if isinstance(properties, Mapping) and (shape is None or isinstance(shape, Mapping)):
            return Feature(dict(properties), geometry=decode(shape) if shape else None)
    if isinstance(value, Mapping) and value.get("type") in TYPES:
        return Feature(geometry=decode(value))
    raise Mismatch("Feature", value)


def geometry(value: Any, context: Context, registry: Registry) -> Geometry | None:
    """Geometries; of a feature its geometry (may be null), of an image its footprint; GeoJSON."""
    if isinstance(value, Geometry):
        return value
    if isinstance(value, Element):
        return value.outline
    if isinstance(value, Collection):
        return cast(
            Geometry,
            construct("Collection.geometry", context, registry, collection=value, max_error=None),
        )
    if isinstance(value, Mapping) and value.get("type") in (*TYPES, "Feature"):
        found = feature(value, context, registry)
        return cast(Feature, found).geometry
    raise Mismatch("Geometry", value)


def array(value: Any, context: Context, registry: Registry) -> Array:
    """Arrays, numbers and nested lists of numbers, matrices of confusion."""
    if isinstance(value, Array):
        return value
    if isinstance(value, bool | int | float | list):
        return cast(Array, construct("Array", context, registry, values=value))
    if hasattr(value, "as_array"):
        return cast(Array, value.as_array())
    raise Mismatch("Array", value)


def blob(value: Any, context: Context, registry: Registry) -> Blob:
    """Blobs, and bytes that were sent with the graph."""
    if isinstance(value, Blob | bytes):
        return Blob(data=value) if isinstance(value, bytes) else value
    raise Mismatch("Blob", value)


def plain_list(value: Any, context: Context, registry: Registry) -> list[Any]:
    """Lists."""
    if isinstance(value, list):
        return value
    raise Mismatch("List<Object>", value)


def dictionary(value: Any, context: Context, registry: Registry) -> dict[str, Any]:
    """Dictionaries."""
    if isinstance(value, dict):
        return value
    raise Mismatch("Dictionary<Object>", value)


def _described(kind: str, value: Any, build: Callable[[Mapping[str, Any]], T]) -> T:
    """The value of a tagged object ``{"type": kind, …}`` as results print it."""
    if isinstance(value, Mapping) and value.get("type") == kind:
        try:
            return build(value)
        except (KeyError, TypeError, ValueError, OverflowError):
            pass
    raise Mismatch(kind, value)


def date(value: Any, context: Context, registry: Registry) -> Date:
    """Dates, milliseconds since 1970, and texts of dates."""
    if isinstance(value, Date):
        return value
    if _is_number(value) and math.isfinite(value):
        return Date.of_number(value)
    if isinstance(value, str):
        return cast(Date, construct("Date", context, registry, value=value))
    return _described("Date", value, lambda v: Date.of_number(v["value"]))


def date_range(value: Any, context: Context, registry: Registry) -> DateRange:
    """Ranges; a date, number or text is a range of one millisecond."""
    if isinstance(value, DateRange):
        return value
    if isinstance(value, Mapping):
        return _described(
            "DateRange",
            value,
            lambda v: DateRange(*(Date.of_number(v["dates"][k]).millis for k in (0, 1))),
        )
    try:
        start = date(value, context, registry).millis
    except Mismatch:
        raise Mismatch("DateRange", value) from None
    return DateRange(start, min(start + 1, MAX_MS))


def projection(value: Any, context: Context, registry: Registry) -> Projection:
    """Projections, and codes or WKT of reference systems with one unit per pixel."""
    if isinstance(value, Projection):
        return value
    if isinstance(value, str):
        crs_.parse(value)
        return Projection(crs_.canonical(value))
    return _described(
        "Projection",
        value,
        lambda v: Projection(crs_.canonical(str(v.get("crs") or v["wkt"])), affine(v["transform"])),
    )


def error_margin(value: Any, context: Context, registry: Registry) -> ErrorMargin:
    """Margins; a number is metres, its sign dropped, infinite from 2e7 on."""
    if isinstance(value, ErrorMargin):
        return value
    if _is_number(value):
        metres = abs(float(value))
        return ErrorMargin(metres, "infinite" if metres >= INFINITE_MARGIN else "meters")
    return _described(
        "ErrorMargin",
        value,
        lambda v: ErrorMargin(float(v.get("value", math.inf)), str(v.get("unit", "meters"))),
    )


def condition(value: Any, context: Context, registry: Registry) -> Filter:
    """Filters and texts of filters."""
    if isinstance(value, Filter):
        return value
    if isinstance(value, str):
        return cast(Filter, construct("Filter.expression", context, registry, expression=value))
    raise Mismatch("Filter", value)


def pixel_type(value: Any, context: Context, registry: Registry) -> PixelType:
    """Pixel types and names of precisions."""
    if isinstance(value, PixelType):
        return value
    if isinstance(value, str):
        return cast(PixelType, construct("PixelType", context, registry, precision=value))
    return _described(
        "PixelType",
        value,
        lambda v: PixelType(
            str(v["precision"]), v.get("min"), v.get("max"), int(v.get("dimensions", 0))
        ),
    )


def anything(value: Any, context: Context, registry: Registry) -> Any:
    """Any value, unchanged."""
    return value


def named(prefix: str, kind: type | None = None) -> Convert:
    """Values of a class (by name unless ``kind``), and names of constructors without arguments.

    ``"mean"`` is ``Reducer.mean()`` where a reducer is expected.
    """

    def convert(value: Any, context: Context, registry: Registry) -> Any:
        if isinstance(value, kind) if kind is not None else type(value).__name__ == prefix:
            return value
        if isinstance(value, str):
            entry = registry.get(f"{prefix}.{value}")
            if entry is not None and entry.returns == prefix:
                if all(argument.optional for argument in entry.arguments):
                    return construct(entry.name, context, registry)
                raise EvaluationError(f"{entry.name}: needs arguments, a name is not enough.")
        if hasattr(value, "coerced_to"):
            found = value.coerced_to(prefix)
            if found is not None:
                return found
        raise Mismatch(prefix, value)

    return convert
