"""Neighbourhoods: focal statistics, convolution, texture of windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import DOUBLE, FLOAT, PixelType
from ecumene.core.reducer import Reducer
from ecumene.core.registry import REGISTRY, Algorithm, Argument, algorithm
from ecumene.core.wire import Boolean
from ecumene.plan.nodes import Neighborhood

_FOCAL = {
    "Max": ("max", "Largest value in a neighbourhood.", lambda t: t),
    "Min": ("min", "Smallest value in a neighbourhood.", lambda t: t),
    "Mean": ("mean", "Mean of a neighbourhood.", lambda t: PixelType("double", t.min, t.max)),
    "Median": ("median", "Median of a neighbourhood.", lambda t: PixelType("double", t.min, t.max)),
    "Mode": ("mode", "Most frequent value in a neighbourhood.", lambda t: t),
}


def _kernel(radius: float, kind: str, units: str) -> Kernel:
    entry = REGISTRY.get(f"Kernel.{kind}")
    if entry is None or entry.function is None:
        raise EvaluationError(f"Image.focal: Unknown kernel type '{kind}'.")
    found: Kernel = entry.function(radius=radius, units=units)
    return found


def _focal_maker(op: str, rule: Callable[[PixelType], PixelType]) -> Callable[..., Image]:
    def run(
        image: Image,
        radius: float = 1.5,
        kernel_type: str = "circle",
        units: str = "pixels",
        iterations: int = 1,
        kernel: Kernel | None = None,
    ) -> Image:
        if not 0 <= iterations <= 1000:
            raise EvaluationError(
                f"Image.focal{op.title()}: 'iterations' must be between 0 and 1000."
            )
        used = kernel if kernel is not None else _kernel(radius, kernel_type, units)
        bands = []
        for band in image.bands:
            node, kind = band.node, band.type
            for _ in range(iterations):
                kind = rule(kind)
                node = Neighborhood(node, used, op, None, (), 0, kind)
            bands.append(replace(band, node=node))
        return image.with_bands(bands)

    return run


def _declare() -> None:
    arguments = (
        Argument("image", "Image<unknown bands>", "the image", parameter="image"),
        Argument("radius", "Float", "size of the neighbourhood from its centre", 1.5, "radius"),
        Argument(
            "kernelType",
            "String",
            "shape: circle, square, cross, plus, octagon, diamond",
            "circle",
            "kernel_type",
        ),
        Argument("units", "String", "pixels or meters", "pixels", "units"),
        Argument("iterations", "Integer", "how often to apply it", 1.0, "iterations"),
        Argument(
            "kernel", "Kernel", "the neighbourhood instead of radius and shape", None, "kernel"
        ),
    )
    for name, (op, words, rule) in _FOCAL.items():
        run = _focal_maker(op, rule)
        result = "Image<unknown bands>"
        REGISTRY.add(Algorithm(f"Image.focal{name}", arguments, result, words, run))
        for old in (f"Image.focal_{name.lower()}", f"Window.{name.lower()}"):
            REGISTRY.add(Algorithm(old, arguments, result, words, run, hidden=True))


_declare()


@algorithm("Image.convolve")
def convolve(image: Image, kernel: Kernel) -> Image:
    """Weighted sums of neighbourhoods. Masked neighbours are left out and the other weights scaled up.

    Parameters
    ----------
    image : the image.
    kernel : the weights.
    """
    bands = [
        replace(
            b,
            node=Neighborhood(
                b.node,
                kernel,
                "convolve",
                None,
                (),
                0,
                FLOAT if b.type.precision != "double" else DOUBLE,
            ),
        )
        for b in image.bands
    ]
    return image.with_bands(bands)


@algorithm("Image.reduceNeighborhood")
def reduce_neighborhood(
    image: Image, reducer: Reducer, kernel: Kernel, input_weight: str = "kernel", skip_masked: Boolean = True,
    optimization: str | None = None,
) -> Image:  # fmt: skip
    """A reducer over the neighbourhood of each pixel; bands are named ``<band>_<output>``.

    Parameters
    ----------
    image : the image.
    reducer : what to compute.
    kernel : the neighbourhood: positions whose weight is not 0.
    input_weight : weights of the reducer's inputs: ``kernel``, ``mask`` or the ``min`` of both.
    skip_masked : mask results where the centre is masked.
    optimization : accepted for compatibility.
    """
    if input_weight not in ("kernel", "mask", "min"):
        raise EvaluationError(f"Image.reduceNeighborhood: Unknown inputWeight '{input_weight}'.")
    if reducer.inputs != 1:
        raise EvaluationError("Image.reduceNeighborhood: The reducer must have one input.")
    bands = []
    for band in image.bands:
        for k, (output, kind) in enumerate(
            zip(reducer.outputs, reducer.types([band.type]), strict=True)
        ):
            if output:
                node = Neighborhood(
                    band.node, kernel, "reduce", reducer, (skip_masked, input_weight), k, kind
                )
                bands.append(replace(band, name=f"{band.name}_{output}", node=node))
    return image.with_bands(bands)


@algorithm("Image.neighborhoodToBands")
def neighborhood_to_bands(image: Image, kernel: Kernel) -> Image:
    """Every neighbour as a band of its own, named by its offset ``<band>_<dx>_<dy>``.

    Parameters
    ----------
    image : the image.
    kernel : positions whose weight is not 0.
    """
    bands = []
    x, y = kernel.focus
    for band in image.bands:
        for row, col in np.argwhere(kernel.weights != 0).tolist():
            node = Neighborhood(
                band.node, kernel, "shift", None, (int(col), int(row)), 0, band.type
            )
            bands.append(replace(band, name=f"{band.name}_{col - x}_{row - y}", node=node))
    return image.with_bands(bands)


def gradients(band: Band) -> tuple[Any, Any]:
    """Differences to the right and lower neighbour, halved: per pixel, x to the right and y downwards."""
    one = np.zeros((3, 3))
    one[1, 0], one[1, 2] = -0.5, 0.5
    across = Kernel("Kernel.fixed", one, (1, 1))
    down = Kernel("Kernel.fixed", one.T.copy(), (1, 1))
    return (
        Neighborhood(band.node, across, "difference", None, (), 0, DOUBLE),
        Neighborhood(band.node, down, "difference", None, (), 0, DOUBLE),
    )


@algorithm("Image.derivative")
def derivative(image: Image) -> Image:
    """Differences per pixel in x and y of each band, named ``<band>_x`` and ``<band>_y``.

    Parameters
    ----------
    image : the image.
    """
    bands = []
    for band in image.bands:
        for name, node in zip(("x", "y"), gradients(band), strict=True):
            bands.append(replace(band, name=f"{band.name}_{name}", node=node))
    return image.with_bands(bands)
