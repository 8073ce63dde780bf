"""W7 and W8 as the engine computes them, from pixels in memory: polygons of segments, costs, filled pits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import shapely

from benchmarks import workloads as w
from benchmarks.peers import ecumene_focal
from benchmarks.peers.ecumene_focal import GRID, Held
from benchmarks.worker import Contestant
from ecumene.core.context import Context
from ecumene.core.geometry import Geometry
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import UINT8
from ecumene.core.registry import REGISTRY
from ecumene.numerics.cells import surfaces
from ecumene.plan.executor import Executor

start = ecumene_focal.start


@contextmanager
def _engine() -> Iterator[Context]:
    executor = Executor()
    try:
        yield Context(pixels=executor)
    finally:
        executor.close()


def _called(name: str, *args: Any, **kwargs: Any) -> Any:
    entry = REGISTRY.get(name)
    assert entry is not None and entry.function is not None
    return entry.function(*args, **kwargs)


def _labelled(ask: w.Ask) -> Image:
    labels = w.fields(ask.k)
    height, width = labels.shape
    west, north = GRID.transform[2], GRID.transform[5]
    outline = shapely.box(west, north - w.METRES * height, west + w.METRES * width, north)
    leaf = Held(labels, np.ones(labels.shape, bool), UINT8)
    return Image(
        bands=(Band("class", leaf, GRID, (width, height)),),
        footprint=Geometry(outline, GRID.crs, geodesic=False),
    )


def _polygons(ask: w.Ask, image: Image) -> Any:
    with _engine() as context:
        found = _called(
            "Image.reduceToVectors", image, eight_connected=False, max_pixels=10**12,
            geometry_in_native_projection=True, context=context,
        )  # fmt: skip
        areas = shapely.area([feature.geometry.shape for feature in found])
    return np.sort(areas) / w.METRES**2


def _surface(ask: w.Ask) -> Any:
    return w.surface(ask.k).astype("float64")


def _costs(ask: w.Ask, surface: Any) -> Any:
    """One cell that is as large as the picture: scikit-image knows no other."""
    everywhere = np.ones(surface.shape, bool)
    begin = np.zeros(surface.shape, bool)
    begin[w.source_of(surface)] = True
    side = float(w.METRES)
    steps = np.empty((4, *surface.shape))
    steps[:2], steps[2:] = side, side * np.sqrt(2)
    return surfaces.spread(surface[None], everywhere, begin, steps, np.inf)[0]


def _filled(ask: w.Ask, surface: Any) -> Any:
    levels = np.full(surface.shape, np.inf)
    levels[[0, -1]], levels[:, [0, -1]] = surface[[0, -1]], surface[:, [0, -1]]
    return surfaces.filled(surface, np.ones(surface.shape, bool), levels)


NAME = "Ecumene's kernel"
TASKS = {
    "w7": {"Ecumene's engine": Contestant(_polygons, _labelled)},
    "w8_cost": {NAME: Contestant(_costs, _surface)},
    "w8_fill": {NAME: Contestant(_filled, _surface)},
}
