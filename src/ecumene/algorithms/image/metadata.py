"""Projection and geometry of images."""

from __future__ import annotations

from typing import Any

from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import ErrorMargin, Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Projection
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, ElementArg
from ecumene.vector.transform import to_crs


@algorithm("Image.projection")
def projection(image: Image) -> Projection:
    """The projection that all bands share.

    Parameters
    ----------
    image : the image.
    """
    if not image.bands:
        raise EvaluationError("Image.projection: The image has no bands.")
    found = {band.projection for band in image.bands}
    if len(found) > 1:
        raise EvaluationError(
            "Image.projection: The bands of the specified image contain different projections. "
            "Use Image.select to pick a single band."
        )
    return found.pop()


@algorithm("Image.geometry")
def geometry(
    feature: ElementArg,
    max_error: ErrorMargin | None = None,
    proj: Projection | None = None,
    geodesics: Boolean | None = None,
) -> Geometry:
    """The footprint of an image or the geometry of a feature.

    Parameters
    ----------
    feature : an image or feature.
    max_error : error allowed where edges are transformed.
    proj : projection of the result; as stored if missing.
    geodesics : whether edges of the result are geodesics.
    """
    found: Any = feature.outline
    if found is None or proj is None or found.unbounded:
        return found  # type: ignore[no-any-return]
    moved = to_crs(found, proj.crs)
    return moved if not geodesics else Geometry(moved.shape, moved.crs, True, moved.even_odd)
