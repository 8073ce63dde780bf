"""Collections of images as frames of one size: animations, film strips, videos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded, RequestError
from ecumene.core.image import Image
from ecumene.core.projection import Grid, Window
from ecumene.engine import grids
from ecumene.engine.pictures import compute, opaque
from ecumene.engine.service import Engine

Show = Callable[[Image], Image]


@dataclass(frozen=True, slots=True)
class Film:
    """Images of a collection, and the grid that all frames share: the first one's."""

    images: tuple[Image, ...]
    grid: Grid
    window: Window

    def frame(self, number: int, context: Context) -> NDArray[np.uint8]:
        """``(h, w, 3)``, black where masked."""
        image = self.images[number]
        if len(image.bands) not in (1, 3):
            raise RequestError(
                f"Frames must have 1 or 3 bands; image {number} has {len(image.bands)}."
            )
        return opaque(*compute(image, self.grid, self.window, context))

    def frames(self, context: Context) -> Iterator[NDArray[np.uint8]]:
        """All frames."""
        for number in range(len(self.images)):
            context.cancel.check()
            yield self.frame(number, context)


def film(
    collection: Collection,
    grid: Any,
    engine: Engine,
    context: Context,
    most: int,
    pixels: int,
    show: Show = lambda image: image,
) -> Film:
    """The frames of a collection.

    Parameters
    ----------
    grid : the request's ``PixelGrid``.
    most : frames; the others are left out.
    pixels : of a frame. LimitExceeded beyond.
    show : makes a picture of an image.
    """
    some = islice(context.cancel.each(collection), most)
    images = tuple(show(engine.as_image(element, context)) for element in some)
    if not images:
        raise RequestError("The collection is empty: there are no frames.")
    where, window = grids.resolve(images[0], grid or {}, None, context.limits)
    if window.width * window.height > pixels:
        raise LimitExceeded(
            f"Frames are too large: {window.width * window.height} pixels (max: {pixels})."
        )
    return Film(images, where, window)
