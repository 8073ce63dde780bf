"""Distances, edges and texture: algorithms that look at a window around each pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecumene.algorithms.image.bands import chosen
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import BOOLEAN, DOUBLE, FLOAT, PixelType
from ecumene.core.registry import REGISTRY, algorithm
from ecumene.core.wire import Boolean, Float, Integer
from ecumene.numerics.windows.edges import reach
from ecumene.numerics.windows.texture import METRICS
from ecumene.plan.nodes import MaskOf, Neighborhood, Pick, UpdateMask, Windowed

WIDEST = 1024
"""Largest neighbourhood in pixels."""

_MASK = PixelType("float", 0.0, 1.0)


def within(name: str, key: str, value: int, low: int = 0) -> int:
    """A number of pixels that is not too large; else EvaluationError."""
    if not low <= value <= WIDEST:
        raise EvaluationError(f"{name}: '{key}' must be between {low} and {WIDEST}, got {value}.")
    return value


def first_band(name: str, image: Image) -> Band:
    """The first band; EvaluationError where there is none."""
    if not image.bands:
        raise EvaluationError(f"{name}: The image has no bands.")
    return image.bands[0]


def derived(image: Image, bands: list[Band]) -> Image:
    """An image of other bands that keeps the index and the footprint only."""
    index = {} if image.index is None else {"system:index": image.index}
    return Image(index, bands=tuple(bands), footprint=image.footprint)


def in_pixels(name: str, units: str) -> None:
    """EvaluationError for other units."""
    if units != "pixels":
        raise EvaluationError(f"{name}: Unknown units '{units}'; only pixels are supported.")


@algorithm("Image.fastDistanceTransform")
def fast_distance_transform(
    image: Image,
    neighborhood: Integer = 256,
    units: str = "pixels",
    metric: str = "squared_euclidean",
) -> Image:
    """The distance in pixels to the nearest pixel that is not 0, as a band ``distance``; squared by default.

    Parameters
    ----------
    image : its first band is searched.
    neighborhood : how far to look; beyond it the result is masked.
    units : pixels.
    metric : squared_euclidean, manhattan or chebyshev.
    """
    name = "Image.fastDistanceTransform"
    in_pixels(name, units)
    if metric not in ("squared_euclidean", "manhattan", "chebyshev"):
        raise EvaluationError(f"{name}: Unknown metric '{metric}'.")
    band = first_band(name, image)
    halo = within(name, "neighborhood", neighborhood, 1)
    node = Windowed("nearest", (band.node,), halo, (metric,), FLOAT)
    return derived(image, [Band("distance", node, band.projection)])


@algorithm("Image.distance")
def distance(image: Image, kernel: Kernel | None = None, skip_masked: Boolean = True) -> Image:
    """In every band the distance to the nearest pixel that is not 0 under a kernel; masked if there is none.

    Parameters
    ----------
    image : the image.
    kernel : euclidean, manhattan or chebyshev, in pixels or metres; euclidean with a radius of 3 if missing.
    skip_masked : mask the result where the input is masked.
    """
    used = kernel
    if used is None:
        entry = REGISTRY.get("Kernel.euclidean")
        assert entry is not None
        assert entry.function is not None
        used = entry.function(radius=3.0)
    out = []
    for band in image.bands:
        node = Neighborhood(band.node, used, "distance", None, (), 0, FLOAT)
        kept = UpdateMask(node, MaskOf(band.node, _MASK), FLOAT) if skip_masked else node
        out.append(band.computed(kept))
    return derived(image, out)


@algorithm("Image.directionalDistanceTransform")
def directional_distance_transform(
    source: Image, angle: Float, max_distance: Integer, label_band: str | None = None
) -> Image:
    """The distance to the nearest pixel that is not 0 in one direction, as a band ``distance``.

    Parameters
    ----------
    source : the image; one band unless ``label_band`` is given.
    angle : degrees counter-clockwise from the east.
    max_distance : how far to look, in pixels.
    label_band : the band that is searched; the other bands become their values at the pixels found.
    """
    name = "Image.directionalDistanceTransform"
    halo = within(name, "maxDistance", max_distance, 1)
    if label_band is None and len(source.bands) != 1:
        raise EvaluationError(
            f"{name}: The image must have one band, or 'labelBand' must be given."
        )
    label = (
        first_band(name, source) if label_band is None else chosen(source, [label_band], name)[0]
    )
    out = []
    for band in source.bands:
        if band.name != label.name:
            node = Windowed("directional", (label.node, band.node), halo, (angle, True), band.type)
            out.append(band.computed(node))
    node = Windowed("directional", (label.node,), halo, (angle, False), FLOAT)
    return derived(source, [*out, Band("distance", node, label.projection)])


@algorithm("Image.rsedTransform")
def rsed_transform(image: Image, neighborhood: Integer = 256, units: str = "pixels") -> Image:
    """The surface of inverted parabolas that stand on all pixels: the largest of value less squared distance.

    Parameters
    ----------
    image : heights, in every band.
    neighborhood : how far to look, in pixels.
    units : pixels.
    """
    name = "Image.rsedTransform"
    in_pixels(name, units)
    halo = within(name, "neighborhood", neighborhood, 1)
    out = [
        band.computed(Windowed("reverseSquared", (band.node,), halo, (), FLOAT))
        for band in image.bands
    ]
    return derived(image, out)


@algorithm("Image.zeroCrossing")
def zero_crossing(image: Image) -> Image:
    """1 where the right, lower or lower right neighbour has the opposite sign, else 0.

    Parameters
    ----------
    image : the image.
    """
    return image.with_bands(
        [replace(b, node=Windowed("zeroCrossings", (b.node,), 1, (), BOOLEAN)) for b in image.bands]
    )


@algorithm("CannyEdgeDetector")
def canny(image: Image, threshold: Float, sigma: Float = 1) -> Image:
    """The size of the gradient (per pixel) at edges, 0 elsewhere.

    Parameters
    ----------
    image : the image; every band on its own.
    threshold : edges with smaller gradients are left out.
    sigma : of the Gaussian smoothing beforehand, in pixels; 0 for none.
    """
    if not 0 <= sigma <= 100:
        raise EvaluationError(f"CannyEdgeDetector: 'sigma' must be between 0 and 100, got {sigma}.")
    return image.with_bands(
        [
            replace(b, node=Windowed("canny", (b.node,), reach(sigma), (threshold, sigma), FLOAT))
            for b in image.bands
        ]
    )


def footprint(kernel: Kernel) -> tuple[tuple[tuple[int, int], ...], int]:
    """Offsets ``(dy, dx)`` of a kernel's non-zero cells by rows, and the halo that they need."""
    x, y = kernel.focus
    found = tuple((row - y, col - x) for row, col in np.argwhere(kernel.weights != 0).tolist())
    return found, max((max(abs(dy), abs(dx)) for dy, dx in found), default=0)


def _integral(name: str, band: Band) -> None:
    if not band.type.is_int:
        raise EvaluationError(
            f"{name}: Only integer bands are supported; band '{band.name}' is {band.type.text()}."
        )


@algorithm("Image.entropy")
def entropy(image: Image, kernel: Kernel) -> Image:
    """The entropy in bits of the values in the neighbourhood of each pixel.

    Parameters
    ----------
    image : bands of integers.
    kernel : the neighbourhood: cells that are not 0.
    """
    name = "Image.entropy"
    offsets, halo = footprint(kernel)
    out = []
    for band in image.bands:
        _integral(name, band)
        out.append(replace(band, node=Windowed("entropy", (band.node,), halo, (offsets,), FLOAT)))
    return image.with_bands(out)


def _directions(kernel: Kernel | None) -> list[tuple[int, int]]:
    """Offsets by rows from the upper left, without opposites of earlier ones."""
    if kernel is None:
        cells = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    else:
        cells = list(footprint(kernel)[0])
    found: list[tuple[int, int]] = []
    for dy, dx in cells:
        if (dy, dx) != (0, 0) and (-dy, -dx) not in found:
            found.append((dy, dx))
    return found


@algorithm("Image.glcmTexture")
def glcm_texture(
    image: Image, size: Integer = 1, kernel: Kernel | None = None, average: Boolean = True
) -> Image:
    """18 statistics of how often grey levels lie next to each other, as bands ``<band>_asm``, ``<band>_contrast``, ….

    Parameters
    ----------
    image : bands of integers.
    size : of the window: 1 is 3 by 3 pixels.
    kernel : directions to look in; the eight neighbours if missing.
    average : over directions, instead of 18 bands for each (named ``<band>_asm_<dx>_<dy>``).
    """
    name = "Image.glcmTexture"
    within(name, "size", size, 1)
    directions = _directions(kernel)
    if not directions:
        raise EvaluationError(f"{name}: The kernel has no direction.")
    groups = [tuple(directions)] if average else [(one,) for one in directions]
    out: list[Band] = []
    for band in image.bands:
        _integral(name, band)
        for group in groups:
            node = Windowed(
                "cooccurrence", (band.node,), size, (size, group), DOUBLE.with_dimensions(1)
            )
            ending = "" if average else f"_{group[0][1]}_{group[0][0]}"
            out += [
                replace(band, name=f"{band.name}_{metric}{ending}", node=Pick(node, k, DOUBLE))
                for k, metric in enumerate(METRICS)
            ]
    return image.with_bands(out)
