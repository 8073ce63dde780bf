"""scipy.ndimage: means as two passes (values, validity); its median knows no mask."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy import ndimage

from benchmarks import workloads as w
from benchmarks.worker import Contestant


def _given(ask: w.Ask) -> Any:
    values, valid = w.focal_input(ask.archive, ask.k)
    return values, values.astype("float32"), valid


def _mean_square(ask: w.Ask, given: Any) -> Any:
    _, values, valid = given
    side = 2 * w.RADIUS + 1
    with np.errstate(all="ignore"):
        return ndimage.uniform_filter(np.where(valid, values, 0), side) / ndimage.uniform_filter(
            valid.astype("float32"), side
        )


def _mean_circle(ask: w.Ask, given: Any) -> Any:
    _, values, valid = given
    weights = w.footprint("circle").astype("float32")
    with np.errstate(all="ignore"):
        return ndimage.convolve(np.where(valid, values, 0), weights) / ndimage.convolve(
            valid.astype("float32"), weights
        )


def _median(ask: w.Ask, given: Any, which: int) -> Any:
    shape = ask.task.rsplit("_", 1)[1]
    if shape == "square":
        return ndimage.median_filter(given[which], 2 * w.RADIUS + 1)
    return ndimage.median_filter(given[which], footprint=w.footprint(shape))


MEDIANS = {
    "SciPy, float32": Contestant(partial(_median, which=1), _given),
    "SciPy, uint16": Contestant(partial(_median, which=0), _given),
}
TASKS = {
    "w5_mean_circle": {"SciPy, float32": Contestant(_mean_circle, _given)},
    "w5_mean_square": {"SciPy, float32": Contestant(_mean_square, _given)},
    "w5_median_circle": MEDIANS,
    "w5_median_square": MEDIANS,
}
