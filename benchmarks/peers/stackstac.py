"""stackstac with dask: 32-bit values and one chunk a scene, which is its best here."""

from __future__ import annotations

import os
from typing import Any

import dask
import numpy as np
import stackstac

from benchmarks import workloads as w
from benchmarks.worker import Contestant

dask.config.set(scheduler="threads", num_workers=os.cpu_count())


def _picture(ask: w.Ask, given: Any) -> bytes:
    west, north = w.corner(ask.archive, ask.k)
    side, cloud = w.DEGREES * w.SIDE, ask.task == "w1_cloud"
    stack = stackstac.stack(
        w.items(ask.archive, ask.n), assets=[*w.RGB, "SCL"] if cloud else list(w.RGB), epsg=4326,
        resolution=w.DEGREES, bounds=(west, north - side, west + side, north), snap_bounds=False,
        dtype=np.dtype("float32"), fill_value=np.float32("nan"), rescale=False, chunksize=w.SIDE,
    )  # fmt: skip
    colours = stack.sel(band=list(w.RGB))
    colours = colours.where(colours != 0)
    if cloud:
        colours = colours.where(~stack.sel(band="SCL").isin(w.CLOUDY))
    found = colours.chunk(time=-1).median("time", skipna=True).compute()
    return w.picture(found.values[:, : w.SIDE, : w.SIDE])


W1 = {"stackstac + dask": Contestant(_picture)}
TASKS = {"w1_cloud": W1, "w1_plain": W1}
