"""odc-stac: lazily with dask as its tutorials show, and eagerly with its own thread pool."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import dask
import odc.stac
import pystac
import rioxarray  # noqa: F401 - adds the accessor that writes files
from affine import Affine
from odc.geo.geobox import GeoBox

from benchmarks import workloads as w
from benchmarks.worker import Contestant

dask.config.set(scheduler="threads", num_workers=os.cpu_count())


def _median(ask: w.Ask, box: GeoBox, cloud: bool, **options: Any) -> Any:
    items = [pystac.Item.from_dict(item) for item in w.items(ask.archive, ask.n)]
    bands = [*w.RGB, "SCL"] if cloud else list(w.RGB)
    data = odc.stac.load(items, bands=bands, geobox=box, resampling="nearest", **options)
    colours = data[list(w.RGB)]
    colours = colours.where(colours != 0)
    if cloud:
        colours = colours.where(~data.SCL.isin(w.CLOUDY))
    return colours.median("time", skipna=True)


def _picture(ask: w.Ask, given: Any, **options: Any) -> bytes:
    lon, lat = w.corner(ask.archive, ask.k)
    box = GeoBox((w.SIDE, w.SIDE), Affine(w.DEGREES, 0, lon, 0, -w.DEGREES, lat), "EPSG:4326")
    found = _median(ask, box, ask.task == "w1_cloud", **options)
    return w.picture(found.compute().to_array().values)


def _whole(ask: w.Ask, given: Any) -> Path:
    side, path = w.size(ask.archive), ask.folder / "odc.tif"
    box = GeoBox((side, side), Affine(10, 0, w.WEST, 0, -10, w.NORTH), f"EPSG:{w.CRS}")
    lazy = _median(ask, box, True, chunks={"time": -1, "x": 1024, "y": 1024})
    found = lazy.fillna(0).astype("uint16").to_array("band").compute()
    found.rio.to_raster(
        path, tiled=True, blockxsize=512, blockysize=512, compress="deflate", predictor=2, num_threads=os.cpu_count()
    )  # fmt: skip
    return path


LAZY = Contestant(partial(_picture, chunks={"time": -1, "x": 320, "y": 640}))
EAGER = Contestant(partial(_picture, pool=os.cpu_count()))
W1 = {"odc-stac + dask": LAZY, "odc-stac eager": EAGER}
TASKS = {"w1_cloud": W1, "w1_plain": W1, "w4": {"odc-stac + dask": Contestant(_whole)}}
