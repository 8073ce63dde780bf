"""``Image.sldStyle``: pictures by an OGC style."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ecumene.algorithms.image import sld
from ecumene.algorithms.image.bands import constant_band
from ecumene.algorithms.image.visualize import RGB, shown_range
from ecumene.algorithms.reducers.distributions import histogram
from ecumene.algorithms.regions.reduce import reduce_region
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import UINT8
from ecumene.core.registry import algorithm
from ecumene.plan.nodes import Elementwise, UpdateMask

NAME = sld.NAME
LOOKED_AT = 250_000
"""Pixels at most from which an image's histogram is taken: coarser ones where there are more."""


@algorithm("Image.sldStyle")
def sld_style(input: Image, sld_xml: str, *, context: Context) -> Image:
    """A picture of bands ``vis-red``, ``vis-green`` and ``vis-blue`` by an OGC style (SLD 1.0 or SE 1.1).

    Channels are bands by name or by number from 1; without a selection they are the first three bands, or the first where
    there are fewer or where there is a colour map. Ramps interpolate and keep their ends; an interval ends at its quantity,
    which belongs to it, and what is above the last is masked; of single values the others are masked. Categorize and
    Interpolate of SE are understood too. Only an opacity of 0 counts, and masks. Normalize spreads the image's range over
    the picture's, Histogram its cumulative shares; both are taken from at most 250,000 pixels of the image's footprint, and
    the histograms become properties ``histogram_<band>``. Without them the range of the band's type is shown.

    Parameters
    ----------
    input : the image.
    sld_xml : a document, or its RasterSymbolizer.
    """
    style = sld.parsed(sld_xml)
    channels = _channels(input, style)
    properties: dict[str, Any] = {}
    if style.colours is not None:
        band, contrast = channels[0]
        if contrast.method is not None or contrast.gamma != 1:
            curve = _curves(input, [(band, contrast)], properties, context)[0]
            band = replace(band, node=curve.applied(band))
        out = _mapped(band, style.colours)
    else:
        curves = _curves(input, channels, properties, context)
        bands = [replace(b, node=c.applied(b)) for (b, _), c in zip(channels, curves, strict=True)]
        out = bands if len(bands) == 3 else bands * 3
    if not style.shown:
        hidden = constant_band("opacity", 0).node
        out = [replace(band, node=UpdateMask(band.node, hidden, UINT8)) for band in out]
    named = [replace(band, name=name) for band, name in zip(out, RGB, strict=True)]
    return input.with_bands(named).with_properties({**input.properties, **properties})


def _band(image: Image, name: str) -> Band:
    for band in image.bands:
        if band.name == name:
            return band
    if name.isdecimal() and 1 <= int(name) <= len(image.bands):
        return image.bands[int(name) - 1]
    raise EvaluationError(
        f"{NAME}: No band named '{name}'. Available band names: [{', '.join(image.band_names)}]."
    )


def _channels(image: Image, style: sld.Style) -> list[tuple[Band, sld.Contrast]]:
    if not image.bands:
        raise EvaluationError(f"{NAME}: The image has no bands.")
    if style.channels is not None:
        found = [(_band(image, name), contrast) for name, contrast in style.channels]
    else:
        count = 3 if len(image.bands) >= 3 and style.colours is None else 1
        found = [(band, style.contrast) for band in image.bands[:count]]
    if style.colours is not None and len(found) > 1:
        raise EvaluationError(f"{NAME}: A ColorMap can be used with a single channel only.")
    return found


def _mapped(band: Band, colours: sld.ColourMap) -> list[Band]:
    quantities = tuple(entry.quantity for entry in colours.entries)
    shown = tuple(entry.shown for entry in colours.entries)
    op = {"ramp": "mapRamp", "intervals": "mapIntervals", "values": "mapValues"}[colours.kind]
    out = []
    for channel in range(3):
        levels = tuple(float(entry.colour[channel]) for entry in colours.entries)
        node = Elementwise(op, (band.node,), (quantities, levels, shown), UINT8)
        out.append(replace(band, node=node))
    return out


@dataclass(frozen=True, slots=True)
class _Curve:
    """Levels 0 to 255 at some values."""

    values: tuple[float, ...]
    levels: tuple[float, ...]

    def applied(self, band: Band) -> Elementwise:
        """The levels of a band's pixels."""
        shown = (True,) * len(self.values)
        return Elementwise("mapRamp", (band.node,), (self.values, self.levels, shown), UINT8)

    def bright(self, gamma: float) -> _Curve:
        """Brightened by gamma, at 256 places."""
        if gamma == 1:
            return self
        places = np.interp(np.linspace(0, 255, 256), self.levels, self.values)
        levels = 255 * np.linspace(0, 1, 256) ** (1 / gamma)
        return _Curve(tuple(places.tolist()), tuple(levels.tolist()))


def _curves(
    image: Image, channels: list[tuple[Band, sld.Contrast]], properties: dict[str, Any], context: Context
) -> list[_Curve]:  # fmt: skip
    wanted = {band.name: band for band, contrast in channels if contrast.method is not None}
    if wanted:
        found = reduce_region(
            image.with_bands(list(wanted.values())), histogram(), best_effort=True,
            max_pixels=LOOKED_AT, context=context,
        )  # fmt: skip
        if any(value is None for value in found.values()):
            raise EvaluationError(
                f"{NAME}: The image has no valid pixels to take a histogram from."
            )
        properties |= {f"histogram_{name}": value for name, value in found.items()}
    out = []
    for band, contrast in channels:
        if contrast.method is None:
            low, high = shown_range(band)
            curve = _Curve((low, max(high, np.nextafter(low, np.inf))), (0.0, 255.0))
        else:
            curve = _spread(properties[f"histogram_{band.name}"], contrast.method)
        out.append(curve.bright(contrast.gamma))
    return out


def _spread(found: dict[str, Any], method: str) -> _Curve:
    """A curve by a histogram: linear over its range, or along the shares of pixels up to each bucket's end."""
    counts = np.asarray(found["histogram"], "float64")
    width, first = float(found["bucketWidth"]), float(found["bucketMin"])
    means = np.asarray(found["bucketMeans"], "float64")
    if method == "normalize":
        low, high = float(means[0]), float(means[-1])
        return _Curve((low, max(high, float(np.nextafter(low, np.inf)))), (0.0, 255.0))
    edges = first + width * np.arange(counts.size + 1)
    shares = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    return _Curve(tuple(edges.tolist()), tuple((255 * shares).tolist()))
