"""Registration of images: displacements between two, and one warped onto the other."""

from __future__ import annotations

import math

from ecumene.algorithms.image.moves import displace
from ecumene.algorithms.image.windows import derived, first_band
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import DOUBLE, FLOAT, PixelType
from ecumene.core.projection import Projection, compose
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float
from ecumene.plan.nodes import Pick, Registered, Resample

FARTHEST = 128
"""Pixels that a patch is searched for, and half of its width, at most."""

NARROWEST = 6
"""Pixels of half a patch at least."""


def _working(image: Image, reference: Image, output: Projection) -> Projection:
    """The CRS of the reference at the coarsest scale of the three."""
    own = reference.bands[0].projection
    coarsest = max(p.nominal_scale for p in (image.bands[0].projection, own, output))
    ratio = coarsest / own.nominal_scale
    if ratio <= 1 + 1e-9:
        return own
    return Projection(own.crs, compose(own.transform, (ratio, 0, 0, 0, ratio, 0)))


def _pixels(name: str, key: str, metres: float, scale: float) -> int:
    found = math.ceil(metres / scale - 1e-9)
    if found > FARTHEST:
        raise LimitExceeded(
            f"{name}: '{key}' of {metres:g} metres is {found} pixels of {scale:g} metres; at most {FARTHEST} can be "
            "searched. Use images of a coarser scale."
        )
    return found


@algorithm("Image.displacement")
def displacement(
    image: Image,
    reference_image: Image,
    max_offset: Float,
    projection: Projection | None = None,
    patch_width: Float | None = None,
    stiffness: Float = 5,
) -> Image:
    """How far an image is displaced against a reference: bands ``dx``, ``dy`` and ``confidence``.

    At each place of the reference ``dx`` and ``dy`` are the metres along the axes of its CRS to the matching place of the
    image. Patches around the points of a net are searched for by normalised cross-correlation of all bands together, to
    fractions of a pixel, at the coarsest scale of the images and of the output. Matches that differ from the median around by
    more than (1 - stiffness/10) of the largest offset are left out, the rest is smoothed by a Gaussian of stiffness/5 points,
    and interpolated between the points. ``confidence`` is the correlation, or that of matches nearby.

    Parameters
    ----------
    image : the image to register.
    reference_image : with as many bands, which look alike.
    max_offset : largest displacement in metres.
    projection : of the result; that of the reference's first band if missing.
    patch_width : width of patches in metres; twice the largest offset, from 12 to 64 pixels, if missing.
    stiffness : 0 to 10.
    """
    name = "Image.displacement"
    first_band(name, image)
    own = first_band(name, reference_image).projection
    if len(image.bands) != len(reference_image.bands):
        raise EvaluationError(
            f"{name}: The images must have the same number of bands. "
            f"Got {len(image.bands)} and {len(reference_image.bands)}."
        )
    if not 0 <= stiffness <= 10:
        raise EvaluationError(f"{name}: 'stiffness' must be between 0 and 10, got {stiffness}.")
    if not (math.isfinite(max_offset) and max_offset > 0):
        raise EvaluationError(f"{name}: 'maxOffset' must be positive, got {max_offset}.")
    output = projection or own
    working = _working(image, reference_image, output)
    scale = working.nominal_scale
    reach = _pixels(name, "maxOffset", max_offset, scale)
    if patch_width is None:
        half = min(max(reach, NARROWEST), 32)
    else:
        half = max(_pixels(name, "patchWidth", patch_width / 2, scale), NARROWEST)
    node = Registered(
        tuple(band.node for band in image.bands), tuple(band.node for band in reference_image.bands),
        reach, half, max(half // 2, 4), float(stiffness), DOUBLE.with_dimensions(1),
    )  # fmt: skip
    kinds = {"dx": FLOAT, "dy": FLOAT, "confidence": PixelType("float", 0.0, 1.0)}
    return derived(
        reference_image,
        [
            Band(label, Resample(Pick(node, k, kind), "bilinear", working, kind), output)
            for k, (label, kind) in enumerate(kinds.items())
        ],
    )


@algorithm("Image.register")
def register(
    image: Image,
    reference_image: Image,
    max_offset: Float,
    patch_width: Float | None = None,
    stiffness: Float = 5,
) -> Image:
    """The image warped onto a reference: ``Image.displacement`` and then ``Image.displace``, bicubically.

    Parameters
    ----------
    image : the image to register; all of its bands take part.
    reference_image : with as many bands, which look alike.
    max_offset : largest displacement in metres.
    patch_width : as for ``Image.displacement``.
    stiffness : as for ``Image.displacement``.
    """
    moved = displacement(image, reference_image, max_offset, None, patch_width, stiffness)
    return displace(image, moved, "bicubic")
