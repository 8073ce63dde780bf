"""Properties of elements: features and images alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecumene.core.array import Array
from ecumene.core.element import INDEX, Element, Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Projection
from ecumene.core.registry import REGISTRY, algorithm, describe
from ecumene.core.wire import AnyType, Boolean, ElementArg, Number, Object
from ecumene.numerics import regex
from ecumene.vector.transform import to_crs


@algorithm("Element.get")
def get(object: ElementArg, property: str) -> AnyType:
    """A property, null if the element has none of this name.

    Parameters
    ----------
    object : the element.
    property : the name.
    """
    if isinstance(object, Element):
        return object.get(property)
    return object.properties.get(property)


@algorithm("Element.set")
def set_property(object: ElementArg, key: str, value: Object = None) -> ElementArg:
    """The element with one property set.

    Parameters
    ----------
    object : the element.
    key : the name.
    value : the value; null removes the property.
    """
    return _with(object, {key: value})


def _with(element: Any, values: dict[str, Any]) -> Any:
    from dataclasses import replace

    merged = {**element.properties, **values}
    return replace(element, properties={k: v for k, v in merged.items() if v is not None})


@algorithm("Element.setMulti", hidden=True)
def set_multi(object: ElementArg, properties: dict[str, Object]) -> ElementArg:
    """The element with several properties set.

    Parameters
    ----------
    object : the element.
    properties : names and values.
    """
    return _with(object, properties)


def _typed(name: str, element: Any, key: str, kinds: tuple[type, ...], word: str) -> Any:
    value = get(element, key)
    if value is None or isinstance(value, kinds):
        return value
    raise EvaluationError(f"Element.{name}: Property '{key}' is not of type {word}: {value}.")


@algorithm("Element.getNumber", returns="Number")
def get_number(object: ElementArg, property: str) -> Number | None:
    """A numeric property.

    Parameters
    ----------
    object : the element.
    property : the name.
    """
    return _typed("getNumber", object, property, (int, float), "Number")  # type: ignore[no-any-return]


@algorithm("Element.getString", returns="String")
def get_string(object: ElementArg, property: str) -> str | None:
    """A text property.

    Parameters
    ----------
    object : the element.
    property : the name.
    """
    return _typed("getString", object, property, (str,), "String")  # type: ignore[no-any-return]


@algorithm("Element.getArray", returns="Array")
def get_array(object: ElementArg, property: str) -> Array | None:
    """An array property.

    Parameters
    ----------
    object : the element.
    property : the name.
    """
    return _typed("getArray", object, property, (Array, list), "Array")  # type: ignore[no-any-return]


@algorithm("Element.propertyNames")
def property_names(element: ElementArg) -> list[Object]:
    """Names of all properties, those of the system included.

    Parameters
    ----------
    element : the element.
    """
    names = list(element.properties)
    if isinstance(element, Image):
        names += [
            n
            for n in ("system:id", "system:version")
            if element.get(n) is not None and n not in names
        ]
        names += [n for n in ("system:bands", "system:band_names") if n not in names]
    return names


def user_properties(element: Any) -> dict[str, Any]:
    """Properties that are not the system's."""
    return {k: v for k, v in element.properties.items() if not k.startswith("system:")}


@algorithm("Element.toDictionary")
def to_dictionary(element: ElementArg, properties: list[str] | None = None) -> dict[str, Object]:
    """Properties as a dictionary.

    Parameters
    ----------
    element : the element.
    properties : which; all that are not the system's if missing.
    """
    if properties is None:
        return user_properties(element)
    out = {}
    for name in properties:
        value = element.get(name)
        if value is None:
            raise EvaluationError(f"Element.toDictionary: The element has no property '{name}'.")
        out[name] = value
    return out


@algorithm("Element.copyProperties", "Image.copyProperties")
def copy_properties(
    destination: ElementArg | None = None, source: ElementArg | None = None, properties: list[str] | None = None,
    exclude: list[str] | None = None,
) -> ElementArg:  # fmt: skip
    """The first element with properties of the second.

    Parameters
    ----------
    destination : who gets the properties.
    source : whose they are.
    properties : which; all that are not the system's if missing.
    exclude : which not.
    """
    if destination is None:
        raise EvaluationError("Element.copyProperties: Parameter 'destination' is required.")
    if source is None:
        return destination
    if properties is None:
        copied = user_properties(source)
    else:
        copied = {name: source.get(name) for name in properties if source.get(name) is not None}
    return _with(destination, {k: v for k, v in copied.items() if k not in (exclude or ())})


@algorithm("Element.replaceProperties", hidden=True)
def replace_properties(destination: ElementArg, source: ElementArg | None = None) -> ElementArg:
    """The first element with exactly the properties of the second (and its own index).

    Parameters
    ----------
    destination : who gets the properties.
    source : whose they are.
    """
    kept = {INDEX: destination.index} if destination.index is not None else {}
    return destination.with_properties({**(source.properties if source else {}), **kept})


@algorithm("Feature.id")
def feature_id(element: ElementArg) -> str | None:
    """The ``system:index`` of an element, or the id of an asset.

    Parameters
    ----------
    element : the element.
    """
    found: str | None = getattr(element, "index", None) or element.id
    return found


@algorithm("Feature.geometry")
def geometry(
    feature: ElementArg,
    max_error: ErrorMargin | None = None,
    proj: Projection | None = None,
    geodesics: Boolean | None = None,
) -> Geometry:
    """The geometry of a feature, or the footprint of an image.

    Parameters
    ----------
    feature : the element.
    max_error : error allowed where edges are transformed.
    proj : projection of the result; as stored if missing.
    geodesics : whether edges of the result are geodesics.
    """
    found: Any = feature.outline
    if found is None or proj is None or found.unbounded:
        return found  # type: ignore[no-any-return]
    return to_crs(found, proj.crs)


REGISTRY.add(describe("Element.geometry", geometry, hidden=True))


@algorithm("Feature.setGeometry")
def set_geometry(feature: ElementArg, geometry: Geometry | None = None) -> ElementArg:
    """The feature with another geometry.

    Parameters
    ----------
    feature : the feature.
    geometry : the new geometry; none if missing.
    """
    return Feature(feature.properties, feature.id, feature.version, geometry)


def matching(names: list[str], selectors: list[str], name: str) -> list[str]:
    """Names chosen by exact names or regular expressions of whole names."""
    out: list[str] = []
    for selector in selectors:
        out += [n for n in regex.chosen(names, selector, name) if n not in out]
    return out


@algorithm("Feature.select")
def select(
    input: ElementArg,
    property_selectors: list[str],
    new_properties: list[str] | None = None,
    retain_geometry: Boolean = True,
) -> ElementArg:
    """A feature with only some of its properties, possibly renamed.

    Parameters
    ----------
    input : the feature.
    property_selectors : names or regular expressions of whole names.
    new_properties : new names, as many as were selected.
    retain_geometry : keep the geometry.
    """
    names = [n for n in input.properties if n != INDEX]
    found = matching(names, property_selectors, "Feature.select")
    renamed = new_properties if new_properties is not None else found
    if len(renamed) != len(found):
        if len(renamed) == len(property_selectors):
            pairs = zip(property_selectors, renamed, strict=True)
            kept = {new: input.properties[old] for old, new in pairs if old in input.properties}
            return _selected(input, kept, retain_geometry)
        raise EvaluationError(
            f"Feature.select: Number of new names ({len(renamed)}) must match the number of properties selected ({len(found)})."
        )
    kept = {new: input.properties[old] for old, new in zip(found, renamed, strict=True)}
    return _selected(input, kept, retain_geometry)


def _selected(feature: Any, kept: dict[str, Any], retain_geometry: bool) -> Any:
    if feature.index is not None:
        kept = {INDEX: feature.index, **kept}
    if isinstance(feature, Feature) and not retain_geometry:
        return Feature(kept, feature.id, feature.version, None)
    return feature.with_properties(kept)


@algorithm("Feature.toArray")
def to_array(feature: Feature, properties: list[str]) -> Array:
    """Numeric properties as a one-dimensional array.

    Parameters
    ----------
    feature : the feature.
    properties : names.
    """
    values = []
    for name in properties:
        value = feature.get(name)
        if not isinstance(value, int | float):
            raise EvaluationError(f"Feature.toArray: Property '{name}' is missing or not a number.")
        values.append(value)
    return array_of(values)


def array_of(values: list[Any]) -> Array:
    """Numbers as an array; of doubles where some is beyond 64 bits."""
    found = np.asarray(values)
    return Array.of(found if found.dtype.kind in "bif" else np.asarray(values, "float64"))
