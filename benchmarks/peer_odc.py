"""odc-stac: lazily with dask as its tutorials show, and eagerly with its own thread pool."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dask
import odc.stac
import pystac
from affine import Affine
from odc.geo.geobox import GeoBox

from benchmarks import workloads as w

dask.config.set(scheduler="threads", num_workers=os.cpu_count())


def _composite(archive: Path, k: int, n: int, cloud: bool, **options: Any) -> bytes:
    lon, lat = w.corner(archive, k)
    box = GeoBox((w.SIDE, w.SIDE), Affine(w.DEGREES, 0, lon, 0, -w.DEGREES, lat), "EPSG:4326")
    items = [pystac.Item.from_dict(item) for item in w.items(archive, n)]
    bands = [*w.RGB, "SCL"] if cloud else list(w.RGB)
    data = odc.stac.load(items, bands=bands, geobox=box, resampling="nearest", **options)
    colours = data[list(w.RGB)]
    colours = colours.where(colours != 0)
    if cloud:
        colours = colours.where(~data.SCL.isin(w.CLOUDY))
    return w.picture(colours.median("time", skipna=True).compute().to_array().values)


def dask_median(archive: Path, k: int, n: int, cloud: bool) -> bytes:
    return _composite(archive, k, n, cloud, chunks={"time": -1, "x": 320, "y": 640})


def eager_median(archive: Path, k: int, n: int, cloud: bool) -> bytes:
    return _composite(archive, k, n, cloud, pool=os.cpu_count())


CONTESTANTS = {"odc-stac + dask": dask_median, "odc-stac eager": eager_median}
