"""Landsat: calibration, a simple cloud score, a simple composite.

Coefficients come from the properties that every scene carries (USGS MTL names); the cloud score follows the
public description of the service's guide: the smallest of several indicators of brightness and cold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ecumene.algorithms.image import lift
from ecumene.algorithms.image.bands import constant
from ecumene.algorithms.image.collections import Images, members, reduce_images
from ecumene.algorithms.image.masks import normalized_difference, update_mask
from ecumene.algorithms.reducers.constructors import get
from ecumene.algorithms.reducers.distributions import percentile as percentile_reducer
from ecumene.core.collection import Collection, sort_elements
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import FLOAT, UINT8, of_range
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Integer
from ecumene.plan.nodes import Cast

_TM = ("B1", "B2", "B3", "B4", "B5", "B7")
BANDS = {
    "TM": (*_TM, "B6"),
    "ETM": (*_TM, "B6_VCID_1"),
    "OLI_TIRS": ("B2", "B3", "B4", "B5", "B6", "B7", "B10"),
}
"""Blue, green, red, near and two short-wave infrared bands and the thermal band of each sensor."""


def _number(image: Image, name: str) -> float | None:
    value = image.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _single(image: Image, band: Band) -> Image:
    return Image(bands=(band,), footprint=image.footprint)


def _scaled(image: Image, band: Band, factor: float, offset: float) -> Image:
    product = lift.binary("multiply", _single(image, band), constant(factor))
    return lift.binary("add", product, constant(offset))


def _as_float(found: Image, band: Band) -> Band:
    return replace(band, node=Cast(found.bands[0].node, FLOAT))


@algorithm("Landsat.calibratedRadiance")
def calibrated_radiance(image: Image) -> Image:
    """Radiance at the sensor: every band times ``RADIANCE_MULT_BAND_n`` plus ``RADIANCE_ADD_BAND_n``.

    Parameters
    ----------
    image : a raw scene; bands without coefficients are passed on.
    """
    out = []
    for band in image.bands:
        found = _radiance(image, band)
        out.append(band if found is None else _as_float(found, band))
    return image.with_bands(out)


def _radiance(image: Image, band: Band) -> Image | None:
    key = band.name.removeprefix("B")
    factor, offset = (
        _number(image, f"RADIANCE_MULT_BAND_{key}"),
        _number(image, f"RADIANCE_ADD_BAND_{key}"),
    )
    return None if factor is None or offset is None else _scaled(image, band, factor, offset)


def _toa_band(image: Image, band: Band, sine: float | None) -> Band:
    key = band.name.removeprefix("B")
    k1, k2 = _number(image, f"K1_CONSTANT_BAND_{key}"), _number(image, f"K2_CONSTANT_BAND_{key}")
    radiance = _radiance(image, band)
    if k1 is not None and k2 is not None and radiance is not None:
        ratio = lift.binary("divide", constant(k1), radiance)
        inner = lift.unary("log", lift.binary("add", ratio, constant(1)))
        return _as_float(lift.binary("divide", constant(k2), inner), band)
    factor, offset = (
        _number(image, f"REFLECTANCE_MULT_BAND_{key}"),
        _number(image, f"REFLECTANCE_ADD_BAND_{key}"),
    )
    if factor is None or offset is None:
        return band
    if sine is None:
        raise EvaluationError("Landsat.TOA: The image has no property 'SUN_ELEVATION'.")
    return _as_float(_scaled(image, band, factor / sine, offset / sine), band)


@algorithm("Landsat.TOA")
def toa(input: Image) -> Image:
    """Reflectance at the top of the atmosphere, and brightness temperature in kelvin of thermal bands.

    Parameters
    ----------
    input : a raw scene with its calibration properties; other bands are passed on.
    """
    if not any(str(name).startswith("RADIANCE_MULT_BAND_") for name in input.properties):
        raise EvaluationError(
            "Landsat.TOA: The image has no calibration properties (RADIANCE_MULT_BAND_n)."
        )
    elevation = _number(input, "SUN_ELEVATION")
    sine = None if elevation is None else math.sin(math.radians(elevation))
    return input.with_bands([_toa_band(input, band, sine) for band in input.bands])


@algorithm("Landsat.translateMetadata", hidden=True)
def translate_metadata(input: Image) -> Image:
    """The image unchanged.

    Parameters
    ----------
    input : the image.
    """
    return input


def _sum(images: Iterable[Image]) -> Image:
    first, *others = images
    for image in others:
        first = lift.binary("add", first, image)
    return first


def _rescaled(image: Image, low: float, high: float) -> Image:
    shifted = lift.binary("subtract", image, constant(low))
    return lift.binary("divide", shifted, constant(high - low))


def cloud_score(name: str, image: Image) -> Band:
    """The score of an image as a band ``cloud``, 0 to 100."""
    sensor = image.get("SENSOR_ID")
    if sensor not in BANDS:
        raise EvaluationError(
            f"{name}: The property 'SENSOR_ID' must be one of {', '.join(BANDS)}, got '{sensor}'."
        )
    by_name = {band.name: band for band in image.bands}
    for wanted in BANDS[sensor]:
        if wanted not in by_name:
            raise EvaluationError(
                f"{name}: No band named '{wanted}'. Available band names: [{', '.join(image.band_names)}]."
            )
    used = [_single(image, by_name[wanted]) for wanted in BANDS[sensor]]
    blue, green, red, nir, swir1, swir2, thermal = used
    pair = Image(bands=(green.bands[0].renamed("g"), swir1.bands[0].renamed("s")))
    indicators = (
        _rescaled(blue, 0.1, 0.3),
        _rescaled(_sum((red, green, blue)), 0.2, 0.8),
        _rescaled(_sum((nir, swir1, swir2)), 0.3, 0.8),
        _rescaled(thermal, 300.0, 290.0),
        _rescaled(normalized_difference(pair, ["g", "s"]), 0.8, 0.6),
    )
    score = constant(1)
    for indicator in indicators:
        score = lift.binary("min", score, indicator)
    percent = lift.unary("round", lift.binary("multiply", score, constant(100)))
    kind = of_range(0, 100)
    return Band("cloud", Cast(percent.bands[0].node, kind), blue.bands[0].projection)


@algorithm("Landsat.simpleCloudScore")
def simple_cloud_score(image: Image) -> Image:
    """The image with a band ``cloud`` from 0 (clear) to 100 (most cloudy).

    The score is the smallest of what brightness in blue, visible and infrared bands, cold, and the lack of snow tell.

    Parameters
    ----------
    image : reflectance at the top of the atmosphere; its property ``SENSOR_ID`` is TM, ETM or OLI_TIRS.
    """
    return image.with_bands([*image.bands, cloud_score("Landsat.simpleCloudScore", image)])


@algorithm("Landsat.pathRowLimit")
def path_row_limit(
    collection: Images, max_scenes_per_path_row: Integer = 25, max_scenes_total: Integer = 100
) -> Images:
    """The least cloudy scenes of each path and row.

    Parameters
    ----------
    collection : Landsat scenes with ``WRS_PATH``, ``WRS_ROW`` and ``CLOUD_COVER``.
    max_scenes_per_path_row : scenes kept of each path and row.
    max_scenes_total : accepted for compatibility; windows are computed without a limit on scenes.
    """

    def produce() -> list[Any]:
        counts: dict[Any, int] = {}
        kept: set[int] = set()
        found = list(collection)
        for element in sort_elements(found, "CLOUD_COVER"):
            place = (element.get("WRS_PATH"), element.get("WRS_ROW"))
            counts[place] = counts.get(place, 0) + 1
            if counts[place] <= max_scenes_per_path_row:
                kept.add(id(element))
        return [element for element in found if id(element) in kept]

    return Collection.lazy(produce, "Image")


def _byte(image: Image, thermal: set[str]) -> Image:
    bands = []
    for band in image.bands:
        one = _single(image, band)
        moved = (
            lift.binary("subtract", one, constant(100))
            if band.name in thermal
            else lift.binary("multiply", one, constant(255))
        )
        bands.append(replace(band, node=Cast(lift.unary("round", moved).bands[0].node, UINT8)))
    return image.with_bands(bands)


@algorithm("Landsat.simpleComposite")
def simple_composite(
    collection: Images, percentile: Integer = 50, cloud_score_range: Integer = 10, max_depth: Integer = 40,
    as_float: Boolean = False, *, context: Context,
) -> Image:  # fmt: skip
    """A composite of raw scenes: at each pixel a percentile of those with the lowest cloud scores.

    Parameters
    ----------
    collection : raw scenes.
    percentile : of each band.
    cloud_score_range : how far above the lowest score a scene may be at a pixel.
    max_depth : scenes used of each path and row, the least cloudy ones.
    as_float : reflectance and kelvins; else bytes (reflectance times 255, kelvins less 100).
    """
    name = "Landsat.simpleComposite"
    scenes = members(name, path_row_limit(collection, max_depth), context)
    if not scenes:
        return Image()
    calibrated = [toa(scene) for scene in scenes]
    scores = [Image(bands=(cloud_score(name, image),)) for image in calibrated]
    least = reduce_images(name, scores, get("min"), suffix=False)
    allowed = lift.binary("add", least, constant(cloud_score_range))
    masked, thermal = [], set()
    for raw, image, score in zip(scenes, calibrated, scores, strict=True):
        kept = [b for b in image.bands if b.name.startswith("B") and b.name != "BQA"]
        thermal |= {
            b.name for b in kept if _number(raw, f"K1_CONSTANT_BAND_{b.name[1:]}") is not None
        }
        masked.append(update_mask(image.with_bands(kept), lift.binary("lte", score, allowed)))
    found = reduce_images(name, masked, percentile_reducer([percentile]), suffix=False)
    return found if as_float else _byte(found, thermal)
