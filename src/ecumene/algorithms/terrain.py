"""Terrain: slope, aspect and hill shading of a height model."""

from __future__ import annotations

from dataclasses import replace

from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import UINT8, PixelType
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float
from ecumene.plan.nodes.terrain import Terrain

SLOPE = PixelType("float", 0.0, 90.0)
ASPECT = PixelType("float", 0.0, 360.0)
GRADIENT = PixelType("float")


def _height(name: str, image: Image) -> Band:
    if not image.bands:
        raise EvaluationError(f"{name}: The image has no bands.")
    by_name = {band.name: band for band in image.bands}
    return by_name.get("elevation", image.bands[0])


def _derived(image: Image, bands: list[Band]) -> Image:
    return Image(image.properties, bands=tuple(bands), footprint=image.footprint)


@algorithm("Terrain.slope")
def slope(input: Image) -> Image:
    """Steepness in degrees, 0 (flat) to 90, from the four edge neighbours; masked where one of them is.

    Parameters
    ----------
    input : height in metres.
    """
    band = _height("Terrain.slope", input)
    return _derived(
        input, [replace(band, name="slope", node=Terrain(band.node, "slope", (), SLOPE))]
    )


@algorithm("Terrain.aspect")
def aspect(input: Image) -> Image:
    """Direction of steepest descent in degrees clockwise from north; 0 where it is flat.

    Parameters
    ----------
    input : height in metres.
    """
    band = _height("Terrain.aspect", input)
    return _derived(
        input, [replace(band, name="aspect", node=Terrain(band.node, "aspect", (), ASPECT))]
    )


@algorithm("Terrain.hillshade")
def hillshade(input: Image, azimuth: Float = 270, elevation: Float = 45) -> Image:
    """Brightness of a surface lit from one direction, 0 (dark) to 255 (facing the light).

    Parameters
    ----------
    input : height in metres.
    azimuth : of the light, degrees clockwise from north.
    elevation : of the light, degrees above the horizon.
    """
    band = _height("Terrain.hillshade", input)
    node = Terrain(band.node, "hillshade", (azimuth, elevation), UINT8)
    return _derived(input, [replace(band, name="hillshade", node=node)])


@algorithm("Terrain.products", "Terrain")
def products(input: Image) -> Image:
    """The input with slope, aspect and hill shading.

    Parameters
    ----------
    input : height in metres.
    """
    extra = [slope(input), aspect(input), hillshade(input)]
    return input.with_bands([*input.bands, *(image.bands[0] for image in extra)])


@algorithm("Image.gradient")
def gradient(input: Image) -> Image:
    """Differences per metre of the first band in x (east) and y (north).

    Parameters
    ----------
    input : the image.
    """
    if not input.bands:
        raise EvaluationError("Image.gradient: The image has no bands.")
    band = input.bands[0]
    return _derived(
        input,
        [
            replace(band, name=kind, node=Terrain(band.node, kind, (), GRADIENT))
            for kind in ("x", "y")
        ],
    )
