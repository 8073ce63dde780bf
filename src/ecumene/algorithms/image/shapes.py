"""Lines, medial axes and windows found again."""

from __future__ import annotations

from dataclasses import replace

from ecumene.algorithms.image.segmentation import CELL
from ecumene.algorithms.image.windows import derived, first_band, in_pixels, within
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import DOUBLE, FLOAT, UINT8, PixelType, of_range
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Integer
from ecumene.plan.nodes import Celled, Pick, Windowed


@algorithm("HoughTransform")
def hough_transform(
    image: Image,
    grid_size: Integer = 256,
    input_threshold: Float = 64,
    line_threshold: Float = 72,
    smooth: Boolean = True,
) -> Image:
    """Straight lines of every band, as a band ``<name>_lines``: 255 on them, 0 elsewhere.

    The grid is cut into cells. In each, a line (a degree and a pixel apart from the next) has as many votes as there are
    active pixels on it; those with enough are drawn through the whole cell.

    Parameters
    ----------
    image : masked pixels are not active.
    grid_size : side of the cells in pixels.
    input_threshold : pixels of at least this value are active.
    line_threshold : votes of a line.
    smooth : average the votes of neighbouring lines, by 1-2-1 in both directions.
    """
    name = "HoughTransform"
    cell = within(name, "gridSize", grid_size, 2)
    params = (float(input_threshold), float(line_threshold), smooth)
    return image.with_bands(
        [
            replace(
                band,
                name=f"{band.name}_lines",
                node=Celled("hough", (band.node,), cell, 0, params, UINT8),
            )
            for band in image.bands
        ]
    )


@algorithm("Image.medialAxis")
def medial_axis(image: Image, neighborhood: Integer = 256, units: str = "pixels") -> Image:
    """The discrete medial axis of the pixels that are 0 in the first band.

    The disc of a pixel reaches to the nearest pixel that is not 0. Every pixel belongs to the disc that holds it deepest
    (squared radius less squared distance); the centres of these discs are the axis, and the discs together are the shape.
    Bands: ``medial``, the radius at points of the axis, else 0; ``coverage``, how many pixels belong to it; ``xlabel`` and
    ``ylabel``, columns and rows from each pixel to the centre that it belongs to. The grid is computed in cells of 256 pixels
    with the neighborhood around them.

    Parameters
    ----------
    image : its first band.
    neighborhood : how far to look, in pixels; wider discs are left out.
    units : pixels.
    """
    name = "Image.medialAxis"
    in_pixels(name, units)
    band = first_band(name, image)
    halo = within(name, "neighborhood", neighborhood, 1)
    node = Celled("medial", (band.node,), CELL, halo, (halo,), DOUBLE.with_dimensions(1))
    whole = of_range(-halo, halo)
    kinds = {"medial": FLOAT, "coverage": of_range(0, 2**31 - 1), "xlabel": whole, "ylabel": whole}
    return derived(
        image,
        [
            Band(label, Pick(node, k, kind), band.projection)
            for k, (label, kind) in enumerate(kinds.items())
        ],
    )


@algorithm("CrossCorrelation")
def cross_correlation(
    image_a: Image,
    image_b: Image,
    max_gap: Integer,
    window_size: Integer,
    max_masked_frac: Float = 0,
) -> Image:
    """Where the window around each pixel of one image is found in another: the place of the highest correlation.

    Bands: ``deltaX`` (columns, to the right) and ``deltaY`` (rows, downwards) from the pixel to that place, their
    ``distance``, and the ``correlation`` (Pearson's, of all bands together). Of equally good places the nearest counts.

    Parameters
    ----------
    image_a : the first image.
    image_b : the second, with as many bands.
    max_gap : how far to look in either direction, in pixels.
    window_size : side of the window in pixels; an even one has one more pixel to the left and above.
    max_masked_frac : pixels are masked where, at any of the places, a larger part of the windows is masked.
    """
    name = "CrossCorrelation"
    first = first_band(name, image_a)
    if len(image_a.bands) != len(image_b.bands):
        raise EvaluationError(
            f"{name}: The images must have the same number of bands. Got {len(image_a.bands)} and {len(image_b.bands)}."
        )
    gap = _bounded(name, "maxGap", max_gap, 0, 32)
    size = _bounded(name, "windowSize", window_size, 1, 63)
    operands = tuple(band.node for image in (image_a, image_b) for band in image.bands)
    params = (gap, size, float(max_masked_frac))
    node = Windowed("correlated", operands, gap + size // 2, params, DOUBLE.with_dimensions(1))
    whole = PixelType("float", -float(gap), float(gap))
    kinds = {
        "deltaX": whole, "deltaY": whole, "distance": FLOAT, "correlation": PixelType("float", -1.0, 1.0),
    }  # fmt: skip
    return derived(
        image_a,
        [
            Band(label, Pick(node, k, kind), first.projection)
            for k, (label, kind) in enumerate(kinds.items())
        ],
    )


def _bounded(name: str, key: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise EvaluationError(f"{name}: '{key}' must be between {low} and {high}, got {value}.")
    return value
