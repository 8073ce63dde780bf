"""rasterio: ``features.shapes`` (GDAL's polygonize), each as a Shapely polygon."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from benchmarks import workloads as w
from benchmarks.worker import Contestant


def _polygons(ask: w.Ask, labels: Any) -> Any:
    from rasterio import features
    from shapely.geometry import shape

    found = [shape(part) for part, _ in features.shapes(labels, connectivity=4)]
    return np.sort(shapely.area(found))


TASKS = {"w7": {"rasterio + Shapely": Contestant(_polygons, lambda ask: w.fields(ask.k))}}
