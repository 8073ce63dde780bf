"""Colours of images: hue, saturation, value; random colours."""

from __future__ import annotations

from dataclasses import replace

from ecumene.core.errors import EvaluationError
from ecumene.core.image import Image
from ecumene.core.pixel_type import UINT8, PixelType
from ecumene.core.registry import algorithm
from ecumene.plan.nodes import Elementwise

UNIT = PixelType("float", 0.0, 1.0)


def _three(name: str, image: Image, op: str, names: tuple[str, str, str]) -> Image:
    if len(image.bands) != 3:
        raise EvaluationError(f"Image.{name}: Three bands are needed, got {len(image.bands)}.")
    nodes = tuple(band.node for band in image.bands)
    bands = [
        replace(band, name=label, node=Elementwise(op, nodes, (k,), UNIT))
        for k, (band, label) in enumerate(zip(image.bands, names, strict=True))
    ]
    return image.with_bands(bands)


@algorithm("Image.rgbToHsv")
def rgb_to_hsv(image: Image) -> Image:
    """Hue, saturation and value, each 0 to 1.

    Parameters
    ----------
    image : red, green and blue, each 0 to 1.
    """
    return _three("rgbToHsv", image, "rgbToHsv", ("hue", "saturation", "value"))


@algorithm("Image.hsvToRgb")
def hsv_to_rgb(image: Image) -> Image:
    """Red, green and blue, each 0 to 1.

    Parameters
    ----------
    image : hue, saturation and value, each 0 to 1.
    """
    return _three("hsvToRgb", image, "hsvToRgb", ("red", "green", "blue"))


@algorithm("Image.randomVisualizer")
def random_visualizer(image: Image) -> Image:
    """A random colour for every value of the first band, the same for the same value.

    Parameters
    ----------
    image : the image.
    """
    if not image.bands:
        raise EvaluationError("Image.randomVisualizer: The image has no bands.")
    band = image.bands[0]
    names = ("viz-red", "viz-green", "viz-blue")
    return image.with_bands(
        [
            replace(band, name=n, node=Elementwise("scramble", (band.node,), (k,), UINT8))
            for k, n in enumerate(names)
        ]
    )
