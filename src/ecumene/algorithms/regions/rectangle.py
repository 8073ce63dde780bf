"""``sampleRectangle``: a box of pixels as arrays."""

from __future__ import annotations

from typing import Any

from ecumene.algorithms.regions.target import aggregation_grid, locate
from ecumene.core.array import Array
from ecumene.core.context import Context
from ecumene.core.element import Feature
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Window
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float


@algorithm("Image.sampleRectangle")
def sample_rectangle(
    image: Image,
    region: Geometry | None = None,
    properties: list[str] | None = None,
    default_value: Float | None = None,
    default_array_value: Array | None = None,
    *,
    context: Context,
) -> Feature:
    """A feature with one two-dimensional array per band: the box of a region in the band's own grid.

    Parameters
    ----------
    image : what to sample.
    region : where; the footprint of the image if missing.
    properties : properties of the image to copy; all if missing.
    default_value : stands in masked pixels; without it they are an error.
    default_array_value : the same for array bands.
    """
    name = "Image.sampleRectangle"
    keep = image.properties if properties is None else {k: image.get(k) for k in properties}
    out: dict[str, Any] = {k: v for k, v in keep.items() if v is not None}
    outline: Geometry | None = None
    for band in image.bands:
        target = locate(
            name, image, region, aggregation_grid(name, image.with_bands([band]), None, None, None)
        )
        window: Window = target.window
        outline = outline or region or image.footprint
        size = window.width * window.height
        if size > context.limits.rectangle_pixels:
            raise LimitExceeded(
                f"{name}: Too many pixels in sample; must be <= {context.limits.rectangle_pixels}. Got {size}."
            )
        assert context.pixels is not None
        (pixels,) = context.pixels.read([band.node], target.grid, window, context)
        values = pixels.values
        fill: Any = default_value
        if pixels.mask is not None and not (pixels.mask > 0).all():
            if values.ndim > 2 and default_array_value is not None:
                fill = default_array_value.values
            if fill is None:
                raise EvaluationError(
                    f"{name}: Fully or partially masked pixels in band '{band.name}'. "
                    "Use 'defaultValue' to replace them."
                )
            values = values.copy()
            values[~(pixels.mask > 0)] = fill
        out[band.name] = Array.of(values)
    return Feature(out, geometry=outline)
