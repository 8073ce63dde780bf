"""Spectra of pixels: distances, morphology, unmixing; and formulas of one band."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecumene.algorithms.image import lift
from ecumene.algorithms.image.windows import footprint
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import DOUBLE
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Integer
from ecumene.numerics.windows.formulas import MOST_SUBSETS
from ecumene.numerics.windows.spectral import METRICS
from ecumene.plan.nodes import Pick, Windowed

SQUARE = (tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)), 1)


def _metric(name: str, metric: str) -> str:
    if metric not in METRICS:
        raise EvaluationError(
            f"{name}: Unknown metric '{metric}'; use one of {', '.join(METRICS)}."
        )
    return metric


def _spectrum(image: Image) -> tuple[Any, ...]:
    """The nodes that make up a pixel's spectrum: the first band if it holds arrays, else all bands."""
    if image.bands and image.bands[0].type.dimensions:
        return (image.bands[0].node,)
    return tuple(band.node for band in image.bands)


@algorithm("Image.spectralDistance")
def spectral_distance(image1: Image, image2: Image, metric: str = "sam") -> Image:
    """How far the spectra of two images are apart at each pixel, as a band ``distance``.

    Parameters
    ----------
    image1 : bands of the first spectrum, or one band of arrays.
    image2 : as many for the second.
    metric : sam (angle), sid (divergence), sed (squared distance) or emd (earth mover's).
    """
    name = "Image.spectralDistance"
    first, second = _spectrum(image1), _spectrum(image2)
    if not first or len(first) != len(second):
        raise EvaluationError(
            f"{name}: Both images must have the same number of bands. Got {len(first)} and {len(second)}."
        )
    node = Windowed("spectralDistance", (*first, *second), 0, (_metric(name, metric),), DOUBLE)
    place = lift.projection_of(image1.bands[0], image2.bands[0])
    both = lift.intersection((image1.footprint, image2.footprint))
    return Image(bands=(Band("distance", node, place),), footprint=both)


def _morphology(
    kind: str, image: Image, metric: str, kernel: Kernel | None, centroid: bool
) -> Image:
    name = f"Image.spectral{kind.title()}"
    offsets, halo = SQUARE if kernel is None else footprint(kernel)
    nodes = _spectrum(image)
    if not nodes:
        raise EvaluationError(f"{name}: The image has no bands.")
    params = (_metric(name, metric), offsets, centroid, kind)
    first = image.bands[0]
    if kind == "gradient":
        node: Any = Windowed("spectralMorphology", nodes, halo, params, DOUBLE)
        return image.with_bands([replace(first, name="gradient", node=node)])
    dims = DOUBLE.with_dimensions(1)
    node = Windowed("spectralMorphology", nodes, halo, params, dims)
    if first.type.dimensions:
        return image.with_bands([replace(first, node=node)])
    return image.with_bands(
        [replace(b, node=Pick(node, i, b.type)) for i, b in enumerate(image.bands)]
    )


@algorithm("Image.spectralErosion")
def spectral_erosion(
    image: Image, metric: str = "sam", kernel: Kernel | None = None, use_centroid: Boolean = False
) -> Image:
    """The spectrum in each neighbourhood that is nearest to the centre pixel's (or the mean).

    Parameters
    ----------
    image : the image.
    metric : sam, sid, sed or emd.
    kernel : the neighbourhood; 3 by 3 pixels if missing.
    use_centroid : compare with the mean of the neighbourhood.
    """
    return _morphology("erosion", image, metric, kernel, use_centroid)


@algorithm("Image.spectralDilation")
def spectral_dilation(
    image: Image, metric: str = "sam", kernel: Kernel | None = None, use_centroid: Boolean = False
) -> Image:
    """The spectrum in each neighbourhood that is farthest from the centre pixel's (or the mean).

    Parameters
    ----------
    image : the image.
    metric : sam, sid, sed or emd.
    kernel : the neighbourhood; 3 by 3 pixels if missing.
    use_centroid : compare with the mean of the neighbourhood.
    """
    return _morphology("dilation", image, metric, kernel, use_centroid)


@algorithm("Image.spectralGradient")
def spectral_gradient(
    image: Image, metric: str = "sam", kernel: Kernel | None = None, use_centroid: Boolean = False
) -> Image:
    """The distance between the spectral dilation and erosion, as a band ``gradient``.

    Parameters
    ----------
    image : the image.
    metric : sam, sid, sed or emd.
    kernel : the neighbourhood; 3 by 3 pixels if missing.
    use_centroid : compare with the mean of the neighbourhood.
    """
    return _morphology("gradient", image, metric, kernel, use_centroid)


@algorithm("Image.unmix")
def unmix(
    image: Image,
    endmembers: list[list[Float]],
    sum_to_one: Boolean = False,
    non_negative: Boolean = False,
) -> Image:
    """The shares of endmembers in each pixel by least squares, as bands ``band_0``, ``band_1``, ….

    Parameters
    ----------
    image : the image.
    endmembers : for each the values of all bands.
    sum_to_one : the shares of a pixel add up to one.
    non_negative : no share is negative.
    """
    name = "Image.unmix"
    if not endmembers or any(len(row) != len(image.bands) for row in endmembers):
        raise EvaluationError(
            f"{name}: Every endmember must have a value for each of the {len(image.bands)} bands."
        )
    if non_negative and len(endmembers) > MOST_SUBSETS:
        raise EvaluationError(
            f"{name}: At most {MOST_SUBSETS} endmembers can be kept from being negative."
        )
    rows = tuple(tuple(float(v) for v in row) for row in endmembers)
    nodes = tuple(band.node for band in image.bands)
    node = Windowed("unmix", nodes, 0, (rows, sum_to_one, non_negative), DOUBLE.with_dimensions(1))
    first = image.bands[0]
    return image.with_bands(
        [replace(first, name=f"band_{i}", node=Pick(node, i, DOUBLE)) for i in range(len(rows))]
    )


@algorithm("Image.interpolate")
def interpolate(
    image: Image, x: list[Float], y: list[Float], behavior: str = "extrapolate"
) -> Image:
    """A piecewise linear function of the first band.

    Parameters
    ----------
    image : the image.
    x : places where the function is known, strictly increasing.
    y : its values there.
    behavior : beyond those places: extrapolate, clamp, mask or input.
    """
    name = "Image.interpolate"
    if len(x) != len(y) or not x:
        raise EvaluationError(
            f"{name}: 'x' and 'y' must be of equal length. Got {len(x)} and {len(y)}."
        )
    if any(b <= a for a, b in zip(x, x[1:], strict=False)):
        raise EvaluationError(f"{name}: The values of 'x' must be strictly increasing.")
    if behavior not in ("extrapolate", "clamp", "mask", "input"):
        raise EvaluationError(f"{name}: Unknown behavior '{behavior}'.")
    if not image.bands:
        raise EvaluationError(f"{name}: The image has no bands.")
    band = image.bands[0]
    node = Windowed("interpolate", (band.node,), 0, (tuple(x), tuple(y), behavior), DOUBLE)
    return image.with_bands([replace(band, node=node)])


@algorithm("Image.polynomial")
def polynomial(image: Image, coefficients: list[Float]) -> Image:
    """A polynomial of every band.

    Parameters
    ----------
    image : the image.
    coefficients : from the constant term upwards.
    """
    if not coefficients:
        raise EvaluationError("Image.polynomial: There must be a coefficient.")
    params = (tuple(coefficients),)
    return image.with_bands(
        [replace(b, node=Windowed("polynomial", (b.node,), 0, params, DOUBLE)) for b in image.bands]
    )


@algorithm("Image.retile", hidden=True)
def retile(image: Image, size: Integer) -> Image:
    """The image unchanged: blocks are sized by memory here.

    Parameters
    ----------
    image : the image.
    size : edge of tiles in pixels, between 1 and 32768.
    """
    if not 1 <= size <= 32768:
        raise EvaluationError(f"Image.retile: 'size' must be between 1 and 32768, got {size}.")
    return image
