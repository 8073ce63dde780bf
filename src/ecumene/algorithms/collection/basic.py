"""Collections: making, filtering, mapping, sorting, counting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import shapely

from ecumene.algorithms.collection.aggregates import check_groups
from ecumene.algorithms.elements import _with, array_of
from ecumene.core import equality
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Element, Feature
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.filter import Filter
from ecumene.core.geometry import UNBOUNDED, ErrorMargin, Geometry
from ecumene.core.image import Image
from ecumene.core.mapping import call_mapped
from ecumene.core.projection import Projection
from ecumene.core.query import Column
from ecumene.core.registry import REGISTRY, algorithm
from ecumene.core.wire import Algorithm as Function
from ecumene.core.wire import Boolean, ElementArg, Integer, Long, Object, Wire
from ecumene.vector.degrees import TOLERANCE
from ecumene.vector.features import covered, merged
from ecumene.vector.shapes import around_all, box_of, from_lower_left
from ecumene.vector.transform import PLACED, metres

Images = Annotated[Collection, Wire("ImageCollection")]
ZERO = {"type": "ErrorMargin", "unit": "meters", "value": 0.0}
DEGREES = {"type": "Projection", "crs": "EPSG:4326", "transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]}


@algorithm("Collection")
def collection(features: list[ElementArg]) -> Collection:
    """A collection of elements; those without index are numbered ``0``, ``1``, ….

    Parameters
    ----------
    features : the elements.
    """
    kind = "Image" if features and all(isinstance(f, Image) for f in features) else "Feature"
    return Collection.of(features, kind, number=True)


@algorithm("Collection.fromColumns", hidden=True)
def from_columns(
    columns: list[list[Object]],
    property_names: list[str],
    property_types: list[Object] | None = None,
) -> Collection:
    """Features without geometry from lists of values; null values are left out.

    Parameters
    ----------
    columns : a list of values for each property, all of the same length.
    property_names : the names.
    property_types : one for each property; accepted for compatibility.
    """
    name = "Collection.fromColumns"
    for given in (columns, property_types):
        if given is not None and len(given) != len(property_names):
            raise EvaluationError(
                f"{name}: {len(property_names)} property names, but {len(given)} columns or types."
            )
    if len({len(column) for column in columns}) > 1:
        raise EvaluationError(f"{name}: All columns must have the same length.")
    rows = zip(*columns, strict=True)
    features = [
        Feature({n: v for n, v in zip(property_names, row, strict=True) if v is not None})
        for row in rows
    ]
    return Collection.of(features, "Feature", number=True)


@algorithm("FeatureCollection.makeArray")
def make_array(collection: Collection, properties: list[str], name: str = "array") -> Collection:
    """The features that have all of some numeric properties, with these as a one-dimensional array.

    Parameters
    ----------
    collection : the features; those without one of the properties, or with one that is no number, are left out.
    properties : the properties, in the order of the array.
    name : the property of the array.
    """

    def joined(element: Element) -> Element | None:
        values = [element.get(key) for key in properties]
        if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            return None
        return element.set(name, array_of(values))

    return collection.map(joined, "Feature")


@algorithm("Collection.loadTable")
def load_table(
    table_id: str, geometry_column: str | None = None, version: Long = -1, *, context: Context
) -> Collection:
    """A stored collection of features.

    Parameters
    ----------
    table_id : the asset.
    geometry_column : accepted for compatibility; tables have one geometry.
    version : accepted for compatibility; the stored version is served.
    """
    found = context.catalog.load_table(table_id)
    if found is None:
        found = context.catalog.load_collection(table_id)
    if found is None:
        raise EvaluationError(
            f"Collection.loadTable: Collection asset '{table_id}' not found (does not exist or caller does not have access)."
        )
    context.loaded(table_id)
    return found


@algorithm("Collection.filter")
def filter_collection(collection: Collection, filter: Object, *, context: Context) -> Collection:
    """Elements that pass a filter.

    Parameters
    ----------
    collection : the elements.
    filter : a filter, or its text.
    """
    if isinstance(filter, str):
        entry = REGISTRY.get("Filter.expression")
        assert entry is not None
        assert entry.function is not None
        filter = entry.function(expression=filter)
    if not isinstance(filter, Filter):
        raise EvaluationError(f"Collection.filter: A filter is needed, got {filter}.")
    return collection.filter(filter)


@algorithm("Collection.map")
def map_collection(
    collection: Collection, base_algorithm: Function, drop_nulls: Boolean = False
) -> Collection:
    """A function applied to every element.

    Parameters
    ----------
    collection : the elements.
    base_algorithm : a function of one element that returns an element.
    drop_nulls : leave out elements for which the function returns null.
    """

    def mapped(element: Element) -> Any:
        found = call_mapped(base_algorithm, element)
        if found is None:
            if drop_nulls:
                return None
            raise EvaluationError(
                "Collection.map: A mapped algorithm must return a Feature or Image. It returned null; "
                "use 'dropNulls' to leave out such elements."
            )
        if isinstance(found, Geometry):
            found = Feature(geometry=found)
        if not isinstance(found, Element | Collection):
            raise EvaluationError(
                "Collection.map: A mapped algorithm must return a Feature or Image."
            )
        if isinstance(found, Collection):
            return replace(found, properties={**found.properties, INDEX: element.index})
        if element.index is not None and found.index != element.index:
            found = found.set(INDEX, element.index)
        return found

    return collection.map(mapped, kind="Element")


@algorithm("Collection.iterate")
def iterate(
    collection: Collection, function: Function, first: Object = None, *, context: Context
) -> Object:
    """The result of a function applied to each element and the result before it.

    Parameters
    ----------
    collection : the elements.
    function : of an element and the previous result.
    first : the previous result of the first call.
    """
    state = first
    for element in collection:
        context.cancel.check()
        state = call_mapped(function, element, state)
    return state


@algorithm("Collection.limit")
def limit(
    collection: Collection,
    limit: Integer | None = None,
    key: str | None = None,
    ascending: Boolean = True,
) -> Collection:
    """The first elements, sorted before if a property is given.

    Parameters
    ----------
    collection : the elements.
    limit : how many; all if missing.
    key : property to sort by.
    ascending : the direction of the sort.
    """
    if key is not None:
        collection = collection.sort(key, ascending)
    if limit is None:
        return collection
    if limit < 0:
        raise EvaluationError(f"Collection.limit: The limit must not be negative, got {limit}.")
    return collection.limit(limit)


@algorithm("Collection.size")
def size(collection: Collection) -> Integer:
    """The number of elements.

    Parameters
    ----------
    collection : the elements.
    """
    return collection.size()


@algorithm("Collection.first", returns="Element")
def first(collection: Collection) -> ElementArg:
    """The first element, null if there is none.

    Parameters
    ----------
    collection : the elements.
    """
    return collection.first()


@algorithm("Collection.toList")
def to_list(
    collection: Collection, count: Integer, offset: Integer = 0, *, context: Context
) -> list[Object]:
    """Elements as a list.

    Parameters
    ----------
    collection : the elements.
    count : how many at most.
    offset : how many to leave out first.
    """
    most = context.limits.list_elements // 10
    chosen = collection.limit(min(max(count, 0), most + 1), max(offset, 0))
    found = list(context.cancel.each(chosen))
    if len(found) > most:
        raise LimitExceeded(f"Collection.toList: A list may have at most {most} elements.")
    return found


@algorithm("Collection.cache", hidden=True)
def cache(collection: Collection) -> Collection:
    """The same collection; nothing is kept here.

    Parameters
    ----------
    collection : the elements.
    """
    return collection


def _prefixed(collection: Collection, prefix: str) -> Iterator[Any]:
    for element in collection:
        yield _with(element, {INDEX: f"{prefix}_{element.index}"})


def merge_all(parts: list[Collection], context: Context) -> Collection:
    """Two collections after each other; indexes get ``1_`` and ``2_`` in front."""
    kinds = {part.kind for part in parts}

    def produce() -> Iterator[Any]:
        for number, part in enumerate(parts, start=1):
            context.cancel.check()  # empty ones may be doubled without end
            yield from _prefixed(part, str(number))

    def total() -> int:
        context.cancel.check()
        return sum(part.size() for part in parts)

    return Collection.lazy(produce, kinds.pop() if len(kinds) == 1 else "Element", total)


@algorithm("Collection.merge")
def merge(collection1: Collection, collection2: Collection, *, context: Context) -> Collection:
    """All elements of two collections; indexes get ``1_`` and ``2_`` in front.

    Parameters
    ----------
    collection1 : the first.
    collection2 : the second.
    """
    return merge_all([collection1, collection2], context)


@algorithm("ImageCollection.merge")
def merge_images(collection1: Images, collection2: Images, *, context: Context) -> Images:
    """All images of two collections; indexes get ``1_`` and ``2_`` in front.

    Parameters
    ----------
    collection1 : the first.
    collection2 : the second.
    """
    return replace(merge_all([collection1, collection2], context), kind="Image")


@algorithm("Collection.flatten")
def flatten(collection: Collection) -> Collection:
    """The elements of a collection of collections; indexes are joined by ``_``.

    Parameters
    ----------
    collection : collections, or elements.
    """

    def produce() -> Iterator[Any]:
        for number, element in enumerate(collection):
            if not isinstance(element, Collection):
                yield element
                continue
            outer = element.properties.get(INDEX, str(number))
            for inner in element:
                yield _with(inner, {INDEX: f"{outer}_{inner.index}"})

    return Collection.lazy(produce, "Element")


@algorithm("Collection.geometry")
def geometry(
    collection: Collection,
    max_error: ErrorMargin = ZERO,  # type: ignore[assignment]
    *,
    context: Context,
) -> Geometry:
    """The geometries of all elements as one.

    Parameters
    ----------
    collection : the elements.
    max_error : error allowed where edges are transformed.
    """
    return merged(context.cancel.each(collection), metres(max_error, TOLERANCE))


@algorithm("Collection.bounds")
def bounds(
    collection: Collection,
    max_error: ErrorMargin = ZERO,  # type: ignore[assignment]
    proj: Projection = DEGREES,  # type: ignore[assignment]
    *,
    context: Context,
) -> Geometry:
    """The box that holds all geometries.

    Parameters
    ----------
    collection : the elements.
    max_error : error allowed where edges are transformed.
    proj : projection of the box.
    """
    crs = proj.crs if isinstance(proj, Projection) else "EPSG:4326"
    boxes: list[tuple[float, float, float, float]] = []
    for element in context.cancel.each(collection):
        outline = element.outline
        if outline is None or outline.shape.is_empty:
            continue
        if outline.unbounded:
            return UNBOUNDED
        boxes.append(box_of(outline, crs, metres(max_error, PLACED, crs)))
    if not boxes:
        return Geometry(shapely.Polygon(), crs, geodesic=False)
    return Geometry(from_lower_left(shapely.box(*around_all(boxes, crs))), crs, geodesic=False)


@algorithm("Collection.union")
def union(
    collection: Collection, max_error: ErrorMargin | None = None, *, context: Context
) -> Collection:
    """One feature, ``union_result``, whose geometry is everything that the elements cover.

    Parameters
    ----------
    collection : the elements.
    max_error : error allowed where edges are transformed.
    """
    joined = covered(context.cancel.each(collection), metres(max_error, TOLERANCE))
    return Collection.of([Feature({INDEX: "union_result"}, geometry=joined)], "Feature")


@algorithm("Collection.distinct")
def distinct(collection: Collection, properties: Object, *, context: Context) -> Collection:
    """The first element of every combination of values; numbers are the same by value, ``1`` and ``1.0`` too.

    Parameters
    ----------
    collection : the elements.
    properties : a name, or a list of names; ``.geo`` is the geometry.
    """
    names = [properties] if isinstance(properties, str) else properties
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise EvaluationError("Collection.distinct: 'properties' must be a list of strings.")

    def produce() -> Iterator[Any]:
        seen: set[Any] = set()
        for element in context.cancel.each(collection):
            values = [element.outline if n == ".geo" else element.get(n) for n in names]
            key = equality.key(values)
            if key not in seen:
                seen.add(key)
                check_groups(len(seen), context)
                yield element

    def total() -> int:
        seen: set[Any] = set()
        if not names:
            return min(collection.size(), 1)
        for columns in collection.columns(names):
            context.cancel.check()
            seen.update(_keys(columns))
            check_groups(len(seen), context)
        return len(seen)

    return Collection.lazy(produce, collection.kind, total)


def _keys(columns: Sequence[Column]) -> set[Any]:
    """The combinations of values in a run of elements."""
    if len(columns) == 1 and columns[0].values.dtype.kind != "O":
        (column,) = columns
        values = column.values if column.present is None else column.values[column.present]
        missing = {(None,)} if len(values) < len(column.values) else set()
        return missing | {(value,) for value in np.unique(values).tolist()}
    rows = zip(*(_listed(column) for column in columns), strict=True)
    return {tuple(equality.key(value) for value in row) for row in rows}


def _listed(column: Column) -> list[Any]:
    values: list[Any] = column.values.tolist()
    if column.present is None:
        return values
    return [v if p else None for v, p in zip(values, column.present.tolist(), strict=True)]


@algorithm("Collection.remap")
def remap(
    collection: Collection, lookup_in: list[Object], lookup_out: list[Integer], column_name: str
) -> Collection:
    """A property replaced by a table; elements whose value is not listed are left out.

    Parameters
    ----------
    collection : the elements.
    lookup_in : values to look for.
    lookup_out : their replacements.
    column_name : the property.
    """
    if len(lookup_in) != len(lookup_out):
        raise EvaluationError("Collection.remap: Both lists must have the same length.")
    table = dict(zip((equality.key(value) for value in lookup_in), lookup_out, strict=True))

    def mapped(element: Any) -> Any:
        found = table.get(equality.key(element.get(column_name)))
        return None if found is None else element.set(column_name, found)

    return collection.map(mapped, collection.kind)
