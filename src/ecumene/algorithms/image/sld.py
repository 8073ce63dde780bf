"""Styles of rasters as OGC's Styled Layer Descriptor 1.0 and Symbology Encoding 1.1 write them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from ecumene.core.colours import rgba
from ecumene.core.errors import EvaluationError

NAME = "Image.sldStyle"
LONGEST = 2**20
"""Characters of a document."""

MOST_ENTRIES = 65536

_PREFIX = re.compile(r"(</?)[\w.-]+:(?=[\w.-]+[\s/>])")
_NAMESPACED = re.compile(r"\s[\w.-]+:[\w.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_DEFAULT = re.compile(r"\sxmlns\s*=\s*(?:\"[^\"]*\"|'[^']*')")

Kind = Literal["ramp", "intervals", "values"]
KINDS: dict[str, Kind] = {"ramp": "ramp", "intervals": "intervals", "values": "values"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A colour of a map; ``shown``: its opacity is not 0."""

    quantity: float
    colour: tuple[int, int, int]
    shown: bool


@dataclass(frozen=True, slots=True)
class ColourMap:
    """Entries by quantity."""

    kind: Kind
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Contrast:
    """``method``: ``normalize``, ``histogram`` or none; ``gamma`` above 1 brightens."""

    method: str | None = None
    gamma: float = 1.0


@dataclass(frozen=True, slots=True)
class Style:
    """A raster's style: the bands of gray or of red, green and blue (None = as they come), each with its contrast."""

    channels: tuple[tuple[str, Contrast], ...] | None
    contrast: Contrast
    colours: ColourMap | None
    shown: bool


def parsed(text: str) -> Style:
    """The style of a document or of a part of one. Raises EvaluationError for others."""
    symbolizer = _symbolizer(text)
    contrast = _contrast(symbolizer, Contrast())
    colours = symbolizer.find("ColorMap")
    return Style(
        _channels(symbolizer, contrast),
        contrast,
        None if colours is None else _colour_map(colours),
        _opacity(symbolizer.findtext("Opacity")),
    )


def _symbolizer(text: str) -> ElementTree.Element:
    if len(text) > LONGEST or "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise EvaluationError(f"{NAME}: The document is too long, or declares a document type.")
    plain = _DEFAULT.sub("", _NAMESPACED.sub("", _PREFIX.sub(r"\1", text)))
    plain = re.sub(r"<\?xml[^>]*\?>", "", plain)
    try:
        root = ElementTree.fromstring(f"<document>{plain}</document>")
    except ElementTree.ParseError as error:
        raise EvaluationError(f"{NAME}: The document is not well-formed XML: {error}.") from None
    found = list(root.iter("RasterSymbolizer"))
    if len(found) != 1:
        raise EvaluationError(
            f"{NAME}: Exactly one RasterSymbolizer is required, got {len(found)}."
        )
    return found[0]


def _number(text: str | None, what: str) -> float:
    try:
        found = float((text or "").strip())
    except ValueError:
        found = math.nan
    if math.isnan(found):
        raise EvaluationError(f"{NAME}: '{what}' must be a number, got '{(text or '')[:50]}'.")
    return found


def _opacity(text: str | None) -> bool:
    return text is None or not text.strip() or _number(text, "Opacity") != 0


def _contrast(element: ElementTree.Element, default: Contrast) -> Contrast:
    found = element.find("ContrastEnhancement")
    if found is None:
        return default
    method = default.method
    for name in ("Normalize", "Histogram"):
        if found.find(name) is not None:
            method = name.lower()
    text = found.findtext("GammaValue")
    gamma = default.gamma if text is None else _number(text, "GammaValue")
    if not gamma > 0:
        raise EvaluationError(f"{NAME}: 'GammaValue' must be positive, got {gamma}.")
    return Contrast(method, gamma)


def _channels(
    symbolizer: ElementTree.Element, contrast: Contrast
) -> tuple[tuple[str, Contrast], ...] | None:
    selection = symbolizer.find("ChannelSelection")
    if selection is None:
        return None
    gray = selection.find("GrayChannel")
    colours = [selection.find(f"{name}Channel") for name in ("Red", "Green", "Blue")]
    wanted = [gray] if gray is not None else colours
    out = []
    for channel in wanted:
        source = None if channel is None else channel.findtext("SourceChannelName")
        if channel is None or source is None or not source.strip():
            raise EvaluationError(
                f"{NAME}: 'ChannelSelection' must name a gray channel, or red, green and blue ones."
            )
        out.append((source.strip(), _contrast(channel, contrast)))
    return tuple(out)


def _colour(text: str | None) -> tuple[int, int, int]:
    return rgba((text or "").strip())[:3]


def _colour_map(element: ElementTree.Element) -> ColourMap:
    categorize, interpolate = element.find("Categorize"), element.find("Interpolate")
    if categorize is not None:
        found = _categorized(categorize)
    elif interpolate is not None:
        found = _interpolated(interpolate)
    else:
        kind = KINDS.get(element.get("type", "ramp"))
        if kind is None:
            raise EvaluationError(
                f"{NAME}: The type of a ColorMap must be 'ramp', 'intervals' or 'values'."
            )
        entries = [
            Entry(
                _number(entry.get("quantity"), "quantity"),
                _colour(entry.get("color")),
                _opacity(entry.get("opacity")),
            )
            for entry in element.iter("ColorMapEntry")
        ]
        found = ColourMap(kind, tuple(sorted(entries, key=lambda entry: entry.quantity)))
    if not 0 < len(found.entries) <= MOST_ENTRIES:
        raise EvaluationError(f"{NAME}: A ColorMap must have 1 to {MOST_ENTRIES} entries.")
    return found


def _categorized(element: ElementTree.Element) -> ColourMap:
    """Values with thresholds between them; a value at a threshold has what follows it, unless it is told otherwise."""
    values = [_colour(v.text) for v in element.findall("Value")]
    bounds = [_number(t.text, "Threshold") for t in element.findall("Threshold")]
    if len(values) != len(bounds) + 1:
        raise EvaluationError(
            f"{NAME}: Categorize must have one Value more than it has Thresholds."
        )
    if element.get("thresholdsBelongTo", element.get("threshholdsBelongTo")) != "preceding":
        bounds = [_before(bound) for bound in bounds]
    quantities = [*bounds, float("inf")]
    return ColourMap(
        "intervals", tuple(Entry(q, v, True) for q, v in zip(quantities, values, strict=True))
    )


def _before(number: float) -> float:
    return math.nextafter(number, -math.inf)


def _interpolated(element: ElementTree.Element) -> ColourMap:
    entries = [
        Entry(_number(point.findtext("Data"), "Data"), _colour(point.findtext("Value")), True)
        for point in element.findall("InterpolationPoint")
    ]
    return ColourMap("ramp", tuple(sorted(entries, key=lambda entry: entry.quantity)))
