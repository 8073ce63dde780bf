"""Shapes prepared for many tests, from any number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely


def prepare(shapes: Any) -> None:
    """Prepares a shape or an array of shapes in place, with the indexes that the first tests would build.

    GEOS builds the indexes of a prepared shape when a test first needs them, which is not safe while other
    threads test it too: the process dies. One test of a point and one of a line that crosses each shape from
    outside build both.
    """
    several = np.atleast_1d(np.asarray(shapes, object))
    several = several[~(shapely.is_missing(several) | shapely.is_empty(several))]
    if several.size == 0:
        return
    shapely.prepare(several)
    west, south, east, north = shapely.bounds(several).T
    shapely.intersects(several, shapely.points((west + east) / 2, (south + north) / 2))
    margin = np.maximum(np.maximum(east - west, north - south), 1e-6)
    ends = np.stack([west - margin, south - margin, east + margin, north + margin], axis=1)
    shapely.intersects(several, shapely.linestrings(ends.reshape(-1, 2, 2)))
