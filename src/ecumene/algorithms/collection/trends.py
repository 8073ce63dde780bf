"""``ImageCollection.formaTrend``: long and short term trends of a series."""

from __future__ import annotations

from typing import Annotated

from ecumene.algorithms.image import lift
from ecumene.algorithms.image.collections import members, union_footprint
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import FLOAT, of_range
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import Integer, Wire
from ecumene.numerics.reducers.trends import Trends
from ecumene.plan.nodes import Constant, Fold

NAME = "ImageCollection.formaTrend"
Images = Annotated[Collection, Wire("ImageCollection")]

OUTPUTS = ("long_trend", "short_trend", "t_test", "hansen")


@algorithm(NAME)
def forma_trend(
    time_series: Images,
    covariates: Images | None = None,
    window_size: Integer = 6,
    *,
    context: Context,
) -> Image:
    """Trends of a series of images, or of its ratio to another: bands ``long_trend``, ``short_trend``, ``t_test``, ``hansen``.

    Images are a step of time apart, in the order of the collection. The long term trend is the slope of a line through all
    valid values of a pixel, ``t_test`` that slope over its standard error, ``hansen`` the statistic of Hansen (1992) of the
    stability of the line and its variance. The short term trend is the smallest slope of lines through ``windowSize`` valid
    images that follow each other. The names of the bands are this server's.

    Parameters
    ----------
    time_series : images of one band.
    covariates : as many images of one band, that divide those of the series.
    window_size : images of a window.
    """
    images = members(NAME, time_series, context)
    if not images:
        return Image()
    if covariates is not None:
        divisors = members(NAME, covariates, context)
        if len(divisors) != len(images):
            raise EvaluationError(
                f"{NAME}: The series must be as long as its covariates. Got {len(images)} and {len(divisors)} images."
            )
        images = [lift.binary("divide", a, b) for a, b in zip(images, divisors, strict=True)]
    if any(len(image.bands) != 1 for image in images):
        raise EvaluationError(f"{NAME}: The images must have a single band each.")
    if not 2 <= window_size <= max(len(images), 2):
        raise EvaluationError(
            f"{NAME}: 'windowSize' must be between 2 and the number of images ({len(images)}), got {window_size}."
        )
    count = len(images)
    settings = {"length": count, "window": window_size}
    reducer = Reducer(
        "Reducer.formaTrend", OUTPUTS, Trends(count, window_size), (False, False), settings
    )
    places = tuple(Constant(k, of_range(k, k)) for k in range(count))
    stacks = (tuple(image.bands[0].node for image in images), places)
    bands = [Band(label, Fold(reducer, stacks, k, FLOAT)) for k, label in enumerate(OUTPUTS)]
    return Image(bands=tuple(bands), footprint=union_footprint(images))
