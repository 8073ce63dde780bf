"""Tables as images: drawn, styled, painted, reduced where they overlap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecumene.core.collection import Collection
from ecumene.core.colours import rgba
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import DOUBLE, UINT8, of_value, union
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import CollectionArg, Float, Integer, Object
from ecumene.plan.nodes import Mark, Overlaid, Painted, Pick, Styled
from ecumene.raster.symbols import ABBREVIATIONS, SYMBOLS

RGB = ("vis-red", "vis-green", "vis-blue")
FILL_OPACITY = 0.66
LINES = ("solid", "dotted", "dashed")
UNFILLED = ("LineString", "MultiLineString", "LinearRing")
POINTS = ("Point", "MultiPoint")


def elements(collection: Collection, context: Context) -> Iterator[Any]:
    """The elements that have a geometry."""
    for element in collection:
        context.cancel.check()
        outline = getattr(element, "outline", None)
        if outline is not None and not outline.shape.is_empty:
            yield element


def _colour(text: Any) -> tuple[float, float, float, float]:
    red, green, blue, alpha = rgba(str(text))
    return float(red), float(green), float(blue), alpha / 255


def _size(name: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise EvaluationError(f"{name}: '{key}' must be a number of pixels, got {value}.")
    return min(float(value), 1000.0)


def _marks(name: str, element: Any, style: dict[str, Any]) -> list[Mark]:
    """Fill and outline of one element."""
    colour = _colour(style["color"])
    fill = style.get("fillColor")
    filling = _colour(fill) if fill is not None else (*colour[:3], colour[3] * FILL_OPACITY)
    symbol = ABBREVIATIONS.get(str(style["pointShape"]), str(style["pointShape"]))
    if symbol not in SYMBOLS:
        raise EvaluationError(f"{name}: Unknown point shape '{style['pointShape']}'.")
    line = str(style["lineType"])
    if line not in LINES:
        raise EvaluationError(f"{name}: Unknown line type '{line}'.")
    width, radius = (
        _size(name, "width", style["width"]),
        _size(name, "pointSize", style["pointSize"]),
    )
    geometry = element.outline
    kind = geometry.shape.geom_type
    strokes_only = kind in UNFILLED or (kind in POINTS and symbol in ("cross", "plus"))
    found = []
    if filling[3] > 0 and not strokes_only:
        found.append(Mark(geometry, filling, None, radius, symbol))
    if width > 0 and colour[3] > 0:
        found.append(Mark(geometry, colour, width, radius, symbol, line))
    return found


def _picture(marks: list[Mark]) -> Image:
    node = Styled(tuple(marks), UINT8.with_dimensions(1))
    return Image(bands=tuple(Band(name, Pick(node, i, UINT8)) for i, name in enumerate(RGB)))


@algorithm("Collection.draw")
def draw(
    collection: CollectionArg, color: str, point_radius: Integer = 3, stroke_width: Integer = 2,
    *, context: Context,
) -> Image:  # fmt: skip
    """A picture of the geometries in one colour, with lighter insides.

    Parameters
    ----------
    collection : what to draw.
    color : hexadecimal text or a CSS name.
    point_radius : radius of points in pixels.
    stroke_width : width of lines and edges in pixels.
    """
    style = {
        "color": color, "pointSize": point_radius, "pointShape": "circle", "width": stroke_width,
        "fillColor": None, "lineType": "solid",
    }  # fmt: skip
    marks: list[Mark] = []
    for element in elements(collection, context):
        marks += _marks("Collection.draw", element, style)
    return _picture(marks)


@algorithm("Collection.style")
def style(
    collection: CollectionArg, color: str = "black", point_size: Integer = 3, point_shape: str = "circle",
    width: Float = 2, fill_color: str | None = None, style_property: str | None = None, neighborhood: Integer = 5,
    line_type: str = "solid", *, context: Context,
) -> Image:  # fmt: skip
    """A picture of the geometries, each in its own style if a property holds one.

    Parameters
    ----------
    collection : what to draw.
    color : of lines, edges and points; a CSS colour, perhaps with opacity.
    point_size : radius of point symbols in pixels.
    point_shape : symbol of points: circle, square, diamond, cross, plus, star5, star6, triangle, pentagon, ….
    width : of lines and edges in pixels.
    fill_color : of insides; the colour at 0.66 opacity if missing.
    style_property : a property with a dictionary of these settings for its feature.
    neighborhood : accepted for compatibility; nothing is cut at the edges of tiles here.
    line_type : solid, dotted or dashed.
    """
    name = "Collection.style"
    usual = {
        "color": color, "pointSize": point_size, "pointShape": point_shape, "width": width,
        "fillColor": fill_color, "lineType": line_type,
    }  # fmt: skip
    marks: list[Mark] = []
    for element in elements(collection, context):
        own = element.get(style_property) if style_property else None
        if own is not None and not isinstance(own, dict):
            raise EvaluationError(f"{name}: Property '{style_property}' must hold a dictionary.")
        given = {k: v for k, v in (own or {}).items() if v is not None}
        marks += _marks(name, element, {**usual, **given})
    return _picture(marks)


def _own_number(name: str, element: Any, setting: Any, key: str) -> float | None:
    """A number, or the number that an element has in the property of this name."""
    if setting is None:
        return None
    value = element.get(setting) if isinstance(setting, str) else setting
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EvaluationError(f"{name}: '{key}' must be a number for every feature, got {value}.")
    return float(value)


@algorithm("Image.paint")
def paint(
    image: Image, feature_collection: CollectionArg, color: Object = 0, width: Object = None,
    *, context: Context,
) -> Image:  # fmt: skip
    """The image with a number painted where the geometries of a collection are, in every band.

    Parameters
    ----------
    image : what to paint on; its types are widened to hold what is painted.
    feature_collection : the geometries, painted in order.
    color : a number, or the name of a property that holds one.
    width : of outlines in pixels, a number or a property; shapes are filled if missing.
    """
    name = "Image.paint"
    marks: list[Mark] = []
    for element in elements(feature_collection, context):
        value = _own_number(name, element, color, "color")
        line = _own_number(name, element, width, "width")
        marks.append(Mark(element.outline, (value or 0.0,), line))
    painted = [of_value(value) for value in dict.fromkeys(mark.value[0] for mark in marks)]
    bands = []
    for band in image.bands:
        kind = union(band.type, *painted)
        bands.append(band.computed(Painted(band.node, tuple(marks), kind), keep_extent=True))
    return image.with_bands(bands)


@algorithm("Collection.reduceToImage")
def reduce_to_image(
    collection: CollectionArg, properties: list[str], reducer: Reducer, *, context: Context
) -> Image:
    """At each pixel a reducer over properties of the features that are there.

    Parameters
    ----------
    collection : the features.
    properties : one for each input of the reducer; features without one of them are left out.
    reducer : what to compute.
    """
    name = "Collection.reduceToImage"
    if len(properties) != reducer.inputs:
        raise EvaluationError(
            f"{name}: The reducer has {reducer.inputs} inputs, but {len(properties)} properties were given."
        )
    marks: list[Mark] = []
    for element in elements(collection, context):
        values = [element.get(p) for p in properties]
        if all(isinstance(v, int | float) for v in values):
            marks.append(Mark(element.outline, tuple(float(v) for v in values)))
    kinds = reducer.types([DOUBLE] * reducer.inputs)
    return Image(
        bands=tuple(
            Band(output, Overlaid(tuple(marks), reducer, k, kind))
            for k, (output, kind) in enumerate(zip(reducer.outputs, kinds, strict=True))
            if output
        )
    )
