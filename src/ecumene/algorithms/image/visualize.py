"""Images as pictures: 8-bit gray or RGB."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ecumene.algorithms.image.bands import chosen, constant_band
from ecumene.core.colours import rgba
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import UINT8
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Number, Object
from ecumene.plan.nodes import Elementwise, UpdateMask

NAME = "Image.visualize"
RGB = ("vis-red", "vis-green", "vis-blue")


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return list(value) if isinstance(value, list) else [value]


def _numbers(value: Any, count: int, name: str) -> list[float] | None:
    """One number for each band, from one for all or a list of as many."""
    if value is None:
        return None
    items = _listed(value)
    try:
        found = [float(item) for item in items]
    except (TypeError, ValueError):
        raise EvaluationError(f"{NAME}: '{name}' must be a number or a list of numbers.") from None
    if len(found) == 1:
        return found * count
    if len(found) != count:
        raise EvaluationError(f"{NAME}: '{name}' must have 1 or {count} values, got {len(found)}.")
    return found


def shown_range(band: Band) -> tuple[float, float]:
    """The range of the band's type: what is shown if nothing else is said."""
    low, high = band.type.bounds
    if band.type.is_int and band.type.min is not None:
        return float(low), float(high)
    return (float(low), float(high)) if math.isfinite(low) and math.isfinite(high) else (0.0, 1.0)


def _bounds(
    bands: list[Band], gain: Any, bias: Any, low: Any, high: Any
) -> list[tuple[float, float]]:
    count = len(bands)
    lows, highs = _numbers(low, count, "min"), _numbers(high, count, "max")
    gains, biases = _numbers(gain, count, "gain"), _numbers(bias, count, "bias")
    if (gains or biases) and (lows or highs):
        raise EvaluationError(f"{NAME}: 'gain' and 'bias' cannot be used with 'min' and 'max'.")
    out = []
    for k, band in enumerate(bands):
        if gains or biases:
            g, b = (gains or [1.0] * count)[k], (biases or [0.0] * count)[k]
            if g == 0:
                raise EvaluationError(f"{NAME}: 'gain' must not be 0.")
            out.append(((0 - b) / g, (255 - b) / g))
            continue
        a, z = shown_range(band)
        out.append((lows[k] if lows else a, highs[k] if highs else z))
    return out


def _palette(value: Any) -> list[tuple[int, int, int, int]] | None:
    if value is None or value == []:
        return None
    return [rgba(str(item)) for item in _listed(value)]


def visualize(
    image: Image,
    bands: Any = None,
    gain: Any = None,
    bias: Any = None,
    min: Any = None,
    max: Any = None,
    gamma: Any = None,
    opacity: Any = None,
    palette: Any = None,
    force_rgb_output: bool = False,
) -> Image:
    """See ``Image.visualize``."""
    if bands is not None:
        picked = chosen(image, _listed(bands), NAME)
    else:
        picked = list(image.bands[:3] if len(image.bands) >= 3 else image.bands[:1])
    if len(picked) not in (1, 3):
        raise EvaluationError(f"{NAME}: Expected 1 or 3 bands, got {len(picked)}.")
    colours = _palette(palette)
    if colours is not None and len(picked) > 1:
        raise EvaluationError(
            f"{NAME}: A palette can be used with a single band only, got {len(picked)}."
        )
    ranges = _bounds(picked, gain, bias, min, max)
    gammas = _numbers(gamma, len(picked), "gamma") or [1.0] * len(picked)
    if any(g <= 0 for g in gammas):
        raise EvaluationError(f"{NAME}: 'gamma' must be positive.")
    out: list[Band] = []
    if colours is not None:
        if len(colours) == 1:
            colours = colours * 2
        low, high = ranges[0]
        for channel, name in enumerate(RGB):
            params = (low, high, gammas[0], tuple(float(c[channel]) for c in colours))
            node = Elementwise("palette", (picked[0].node,), params, UINT8)
            out.append(replace(picked[0], name=name, node=node))
    else:
        names = ("vis-gray",) if len(picked) == 1 else RGB
        for band, name, (low, high), g in zip(picked, names, ranges, gammas, strict=True):
            node = Elementwise("stretch", (band.node,), (low, high, g), UINT8)
            out.append(replace(band, name=name, node=node))
        if force_rgb_output and len(out) == 1:
            out = [replace(out[0], name=name) for name in RGB]
    shown = _numbers(opacity, 1, "opacity")
    if shown is not None and shown[0] < 1:
        shade = constant_band("opacity", shown[0]).node
        out = [replace(band, node=UpdateMask(band.node, shade, UINT8)) for band in out]
    return image.with_bands(out)


@algorithm("Image.visualize")
def _visualize(
    image: Image, bands: Object = None, gain: Object = None, bias: Object = None, min: Object = None, max: Object = None,
    gamma: Object = None, opacity: Number | None = None, palette: Object = None, force_rgb_output: Boolean = False,
) -> Image:  # fmt: skip
    """An 8-bit picture: one gray band, or red, green and blue.

    Values are scaled so that ``min`` becomes 0 and ``max`` 255, clamped, and brightened by the power 1/gamma. Without
    a range, that of the band's type is shown.

    Parameters
    ----------
    image : the image.
    bands : one or three bands; the first three (or the first) if missing.
    gain : factor of each band; excludes min and max.
    bias : added after the gain.
    min : shown as 0, one number or one per band.
    max : shown as 255, one number or one per band.
    gamma : above 1 brightens.
    opacity : 0 (invisible) to 1.
    palette : colours of a single band, spread evenly over the range.
    force_rgb_output : three bands even for gray.
    """
    return visualize(image, bands, gain, bias, min, max, gamma, opacity, palette, force_rgb_output)
