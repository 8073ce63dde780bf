"""What spreads over a surface: costs of travel, cast shadows, filled pits."""

from __future__ import annotations

import math
from dataclasses import replace

from ecumene.algorithms.image.segmentation import CELL
from ecumene.algorithms.image.windows import derived, first_band, within
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import BOOLEAN, DOUBLE
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Integer, Long
from ecumene.plan.nodes import Celled, Coordinates, Pick


@algorithm("Image.cumulativeCost")
def cumulative_cost(
    cost: Image, source: Image, max_distance: Float, geodetic_distance: Boolean = True
) -> Image:
    """The least cost of travelling to each pixel from a source, as a band ``cumulative_cost``.

    A step between neighbours (of eight) costs its length in metres times the mean cost of its two pixels. Several bands of
    costs become as many bands under their own names: the first decides the way, the next ones between ways of equal cost.
    Pixels without a way of at most ``maxDistance`` are masked. The grid is computed in cells of at least 256 pixels with
    everything within the distance around them; where the distance is more than 680 pixels, on a grid coarser by a power of
    two that samples costs and sources, and interpolated.

    Parameters
    ----------
    cost : of a metre; masked and negative pixels cannot be crossed.
    source : pixels of the first band that are not 0 are sources.
    max_distance : longest way in metres.
    geodetic_distance : lengths are those of great circles of a sphere of 6378137 m, else those in the plane of the grid.
    """
    name = "Image.cumulativeCost"
    first_band(name, cost)
    if not (math.isfinite(max_distance) and max_distance > 0):
        raise EvaluationError(f"{name}: 'maxDistance' must be positive, got {max_distance}.")
    operands = [first_band(name, source).node, *(band.node for band in cost.bands)]
    if geodetic_distance:
        operands += [Coordinates(kind, None, 0, DOUBLE) for kind in ("longitude", "latitude")]
    node = Celled(
        "cost", tuple(operands), CELL, 0, (float(max_distance), geodetic_distance),
        DOUBLE.with_dimensions(1), reach=float(max_distance), planar=not geodetic_distance,
    )  # fmt: skip
    single = len(cost.bands) == 1
    return derived(
        cost,
        [
            Band("cumulative_cost" if single else band.name, Pick(node, k, DOUBLE), band.projection)
            for k, band in enumerate(cost.bands)
        ],
    )


@algorithm("HillShadow", "Terrain.hillShadow")
def hill_shadow(
    image: Image,
    azimuth: Float,
    zenith: Float,
    neighborhood_size: Integer = 0,
    hysteresis: Boolean = False,
) -> Image:
    """1 where a ray towards the light meets no terrain, 0 in shadow, as a band ``shadow``.

    Rays are straight on the grid and see the cell of 256 pixels that the pixel lies in with the neighborhood around it.
    Heights between pixels are interpolated.

    Parameters
    ----------
    image : heights in metres, in the first band.
    azimuth : of the light, degrees clockwise from the north.
    zenith : of the light, degrees from the vertical; from 90 on everything is in shadow.
    neighborhood_size : pixels around each cell that may cast shadows into it.
    hysteresis : pixels in the light between two in shadow along the ray are in shadow too.
    """
    name = "HillShadow"
    band = first_band(name, image)
    if not (math.isfinite(azimuth) and math.isfinite(zenith)):
        raise EvaluationError(f"{name}: 'azimuth' and 'zenith' must be finite.")
    halo = within(name, "neighborhoodSize", neighborhood_size)
    node = Celled("shadow", (band.node,), CELL, halo, (azimuth, zenith, hysteresis), BOOLEAN)
    return derived(image, [replace(band, name="shadow", node=node)])


@algorithm("FMask.fillMinima", "Terrain.fillMinima")
def fill_minima(
    image: Image, border_value: Long | None = None, neighborhood: Integer = 50
) -> Image:
    """In every band pits filled to the level at which they drain over neighbours (of eight).

    Water leaves at masked pixels, at the edge of the image and at the sides of what is seen: the cell of 256 pixels that a
    pixel lies in with the neighborhood around it.

    Parameters
    ----------
    image : of integer types.
    border_value : level at least at which water leaves; that of the pixels there if missing.
    neighborhood : pixels around each cell.
    """
    name = "FMask.fillMinima"
    halo = within(name, "neighborhood", neighborhood)
    for band in image.bands:
        if not band.type.is_int:
            raise EvaluationError(f"{name}: Band '{band.name}' must be of an integer type.")
    return image.with_bands(
        [
            replace(
                band, node=Celled("filled", (band.node,), CELL, halo, (border_value,), band.type)
            )
            for band in image.bands
        ]
    )
