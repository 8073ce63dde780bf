"""Groups of connected pixels."""

from __future__ import annotations

from dataclasses import replace

from ecumene.algorithms.image.bands import chosen
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import of_range
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Integer
from ecumene.numerics.labels import EIGHT, FOUR, half
from ecumene.plan.nodes import ConnectedCount, ConnectedLabels, ConnectedReduce

LARGEST = 1024
"""Largest object or neighbourhood in pixels, as the service documents."""


def _size(name: str, size: int) -> int:
    if not 1 <= size <= LARGEST:
        raise EvaluationError(f"{name}: 'maxSize' must be between 1 and {LARGEST}, got {size}.")
    return size


@algorithm("Image.connectedPixelCount")
def connected_pixel_count(
    input: Image, max_size: Integer = 100, eight_connected: Boolean = True
) -> Image:
    """In every band the number of connected pixels that have the same value, the pixel itself included.

    Parameters
    ----------
    input : the image.
    max_size : where counting stops.
    eight_connected : pixels that touch at a corner count as connected.
    """
    most = _size("Image.connectedPixelCount", max_size)
    kind = of_range(0, most)
    offsets = EIGHT if eight_connected else FOUR
    return input.with_bands(
        [replace(b, node=ConnectedCount(b.node, most, offsets, kind)) for b in input.bands]
    )


@algorithm("Image.connectedComponents")
def connected_components(image: Image, connectedness: Kernel, max_size: Integer) -> Image:
    """The image with a band ``labels``: a number for each object, connected pixels equal in the first band.

    Parameters
    ----------
    image : the image.
    connectedness : whose non-zero cells tell which neighbours are connected.
    max_size : objects of more pixels are background, and masked.
    """
    name = "Image.connectedComponents"
    most = _size(name, max_size)
    if not image.bands:
        raise EvaluationError(f"{name}: The image has no bands.")
    first = image.bands[0]
    offsets = half(connectedness.weights, connectedness.focus)
    node = ConnectedLabels(first.node, most, offsets, of_range(0, 2**31 - 1))
    return image.with_bands([*image.bands, replace(first, name="labels", node=node)])


@algorithm("Image.reduceConnectedComponents")
def reduce_connected_components(
    image: Image, reducer: Reducer, label_band: str | None = None, max_size: Integer = 256
) -> Image:
    """A reducer over all pixels of each object, at every pixel of the object.

    Parameters
    ----------
    image : the image; the band of labels is left out of the result.
    reducer : with one input (used on each band), or as many as there are other bands.
    label_band : touching pixels with equal values here are one object; the first band if missing.
    max_size : objects higher or wider than this many pixels are masked.
    """
    name = "Image.reduceConnectedComponents"
    most = _size(name, max_size)
    if not image.bands:
        raise EvaluationError(f"{name}: The image has no bands.")
    label = image.bands[0] if label_band is None else chosen(image, [label_band], name)[0]
    others = [band for band in image.bands if band.name != label.name]
    if not others:
        raise EvaluationError(f"{name}: The image must have a band besides the labels.")
    if reducer.inputs not in (1, len(others)):
        raise EvaluationError(
            f"{name}: The reducer has {reducer.inputs} inputs, but the image has {len(others)} bands besides the labels."
        )
    groups = [[band] for band in others] if reducer.inputs == 1 else [others]
    out: list[Band] = []
    for group in groups:
        nodes = tuple(band.node for band in group)
        kinds = reducer.types([band.type for band in group])
        for k, (output, kind) in enumerate(zip(reducer.outputs, kinds, strict=True)):
            if not output:
                continue
            label_text = output if len(group) > 1 else f"{group[0].name}_{output}"
            if len(group) == 1 and len(reducer.output_names) == 1:
                label_text = group[0].name
            node = ConnectedReduce(label.node, nodes, reducer, most, k, kind)
            out.append(Band(label_text, node, label.projection))
    return image.with_bands(out)
