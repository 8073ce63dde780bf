"""Geometries of segments: polygons along the edges of pixels, boxes, centroids."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.algorithms.regions.segments import Segments
from ecumene.core.crs import transform
from ecumene.core.geometry import Geometry
from ecumene.core.projection import Grid, apply
from ecumene.numerics.rings import rings

WORLD = "EPSG:4326"
EARTH = 6_371_000.0
STRAY = 0.05
"""Pixels, about, that an edge may stray where it is straight in degrees instead of on the grid."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def outlines(found: Segments, grid: Grid, kind: str, crs: str) -> list[Geometry]:
    """A geometry for each segment, with straight edges in a CRS: that of the grid, or degrees."""
    maker = {"polygon": _polygons, "bb": _boxes, "centroid": _centroids}[kind]
    return [Geometry(shape, crs, geodesic=False) for shape in maker(found, grid, crs)]


def _centroids(found: Segments, grid: Grid, crs: str) -> NDArray[Any]:
    sums = found.sums
    x, y = apply(grid.transform, sums.across / sums.count + 0.5, sums.down / sums.count + 0.5)
    return np.asarray(shapely.points(*transform(grid.crs, crs, x, y)))


def _boxes(found: Segments, grid: Grid, crs: str) -> NDArray[Any]:
    sums = found.sums
    left, right, top, bottom = sums.low, sums.high + 1, sums.row, sums.last + 1
    col = np.column_stack([left, right, right, left, left]).ravel()
    row = np.column_stack([top, top, bottom, bottom, top]).ravel()
    ring = np.repeat(np.arange(left.size), 5)
    points, ring = _placed(col, row, ring, ring, grid, crs)
    return _oriented(_areas(points, ring, np.arange(left.size)))


def _polygons(found: Segments, grid: Grid, crs: str) -> NDArray[Any]:
    traced = rings(found.corners)
    row, col, ring = _closed(traced.row, traced.col, traced.ring)
    points, ring = _placed(col, row, ring, traced.group[ring], grid, crs)
    parts = _areas(points, ring, traced.group)
    order = np.argsort(found.owner, kind="stable")
    owner = found.owner[order]
    start = np.flatnonzero(np.diff(owner, prepend=-1))
    out = _oriented(parts)[order]
    several = np.flatnonzero(np.diff(start, append=owner.size) > 1)
    whole = out[start]
    for k in several.tolist():  # parts that touch at points only
        end = start[k + 1] if k + 1 < start.size else owner.size
        whole[k] = shapely.MultiPolygon(list(out[start[k] : end]))
    return np.asarray(whole)


def _closed(row: Ints, col: Ints, ring: Ints) -> tuple[Ints, Ints, Ints]:
    """Every ring with its first point again at its end."""
    start = np.flatnonzero(np.diff(ring, prepend=-1))
    end = np.append(start[1:], ring.size)
    return (
        np.insert(row, end, row[start]),
        np.insert(col, end, col[start]),
        np.insert(ring, end, ring[start]),
    )


def _areas(points: Floats, ring: Ints, group: Ints) -> NDArray[Any]:
    """Polygons of closed rings; those of one group follow each other, the outer one first."""
    first = np.append(np.flatnonzero(np.diff(ring, prepend=-1)), ring.size)
    parts = np.append(np.flatnonzero(np.diff(group, prepend=-1)), group.size)
    return np.asarray(
        shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, (first, parts))
    )


def _oriented(polygons: NDArray[Any]) -> NDArray[Any]:
    """Outer rings against the clock."""
    return np.asarray(shapely.orient_polygons(polygons))


def _placed(
    col: Ints, row: Ints, ring: Ints, part: Ints, grid: Grid, crs: str
) -> tuple[Floats, Ints]:
    """Points of closed rings in a CRS, with more along edges that would stray; longitudes do not jump in a part."""
    if crs == grid.crs:
        return np.column_stack(apply(grid.transform, col, row)), ring
    step = max(int(np.sqrt(2 * STRAY * EARTH / max(grid.nominal_scale, 1e-9))), 1)
    col, row, ring, part = _divided(col, row, ring, part, step)
    x, y = transform(grid.crs, crs, *apply(grid.transform, col, row))
    start = np.flatnonzero(np.diff(part, prepend=-1))
    first = np.repeat(x[start], np.diff(np.append(start, part.size)))
    turns = np.round((x - first) / 360)
    return np.column_stack([x - 360 * turns, y]), ring


def _divided(
    col: Ints, row: Ints, ring: Ints, part: Ints, step: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """More points at multiples of a step along edges, the same for whoever shares an edge."""
    lattice = np.column_stack([col, row])
    low, high = np.minimum(lattice[:-1], lattice[1:]), np.maximum(lattice[:-1], lattice[1:])
    more = np.maximum((high - 1) // step - low // step, 0) * (ring[1:] == ring[:-1])[:, None]
    extra = more.sum(axis=1)
    if not extra.any():
        return col, row, ring, part
    edge = np.repeat(np.arange(extra.size), extra)
    number = np.arange(edge.size) - np.repeat(np.cumsum(extra) - extra, extra)
    axis = (more[edge, 1] > 0).astype(np.int64)  # an edge runs along one of both
    rising = lattice[edge + 1, axis] > lattice[edge, axis]
    upward = (low[edge, axis] // step + 1 + number) * step
    downward = ((high[edge, axis] - 1) // step - number) * step
    added = lattice[edge].copy()
    added[np.arange(edge.size), axis] = np.where(rising, upward, downward)
    place = edge + 1
    merged = np.insert(lattice, place, added, axis=0)
    return (
        merged[:, 0],
        merged[:, 1],
        np.insert(ring, place, ring[edge]),
        np.insert(part, place, part[edge]),
    )
