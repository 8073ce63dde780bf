"""Reducers over the bands of an image."""

from __future__ import annotations

from ecumene.algorithms.image.collections import joined_type, shared_projection
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.plan.nodes import Fold


@algorithm("Image.reduce")
def reduce(image: Image, reducer: Reducer) -> Image:
    """A reducer over the bands of each pixel; one band per output, named after it.

    Parameters
    ----------
    image : the image; masked bands are left out pixel by pixel.
    reducer : with one input.
    """
    if reducer.inputs != 1:
        raise EvaluationError(
            f"Image.reduce: The reducer must have one input, but it has {reducer.inputs}."
        )
    if not image.bands:
        return Image(bands=(), footprint=image.footprint)
    nodes = tuple(band.node for band in image.bands)
    kinds = reducer.types([joined_type(image.bands)])
    place = shared_projection(image.bands)
    index = {} if image.index is None else {"system:index": image.index}
    bands = [
        Band(output, Fold(reducer, (nodes,), k, kind), place)
        for k, (output, kind) in enumerate(zip(reducer.outputs, kinds, strict=True))
        if output
    ]
    return Image(index, bands=tuple(bands), footprint=image.footprint)
