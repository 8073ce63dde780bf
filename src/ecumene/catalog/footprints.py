"""Footprints and boxes of items and grids, on the circle of longitudes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from ecumene.catalog.records import Bounds
from ecumene.core import crs as crs_
from ecumene.core.projection import Projection, apply

_STEPS = 16


def normal(west: float, south: float, east: float, north: float) -> Bounds:
    """The box with west in [-180, 180); east may exceed 180."""
    if east < west:
        east += 360
    if east - west >= 360:
        return -180.0, south, 180.0, north
    turn = 360.0 * ((west + 180) // 360)
    return west - turn, south, east - turn, north


def of_item(
    geometry: Mapping[str, Any] | None, bbox: Sequence[float] | None
) -> tuple[Bounds | None, BaseGeometry | None]:
    """Box and footprint of an item; parts west of the antimeridian's far side move by 360°."""
    if geometry is None:
        return (normal(*_flat(bbox)), None) if bbox else (None, None)
    found = shapely.force_2d(shape(geometry))
    if shapely.is_empty(found):
        return None, None
    crosses = bbox is not None and _flat(bbox)[0] > _flat(bbox)[2]
    west, south, east, north = found.bounds
    if east - west > 180 and (crosses or _split_at_180(found)):
        found = shapely.transform(found, _unwrapped)
        west, south, east, north = found.bounds
    return normal(west, south, east, north), found


def _flat(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    """West, south, east, north of a box in two or three dimensions."""
    half = len(bbox) // 2
    return float(bbox[0]), float(bbox[1]), float(bbox[half]), float(bbox[half + 1])


def _split_at_180(found: BaseGeometry) -> bool:
    """Whether this is made of parts that touch the antimeridian from either side."""
    parts = shapely.get_parts(found)
    boxes = shapely.bounds(parts)
    narrow = bool((boxes[:, 2] - boxes[:, 0] < 180).all())
    return narrow and bool((boxes[:, 2] > 179.99).any() and (boxes[:, 0] < -179.99).any())


def _unwrapped(points: Any) -> Any:
    moved = np.array(points)
    moved[moved[:, 0] < 0, 0] += 360
    return moved


def of_grid(grid: Projection, width: int, height: int) -> tuple[Bounds, BaseGeometry] | None:
    """Box and outline of a raster in longitudes and latitudes; None if it cannot be projected."""
    t = np.linspace(0, 1, _STEPS, endpoint=False)
    zero, one = np.zeros(_STEPS), np.ones(_STEPS)
    cols = np.concatenate([t, one, 1 - t, zero]) * width
    rows = np.concatenate([zero, t, one, 1 - t]) * height
    return of_ring(grid, cols, rows)


def of_ring(
    grid: Projection, cols: NDArray[np.float64], rows: NDArray[np.float64]
) -> tuple[Bounds, BaseGeometry] | None:
    """Box and outline of a ring in pixels of a grid; None if it cannot be projected."""
    x, y = apply(grid.transform, cols, rows)
    lon, lat = crs_.transform(grid.crs, "EPSG:4326", x, y)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    if lon.max() - lon.min() > 180 and not crs_.is_geographic(grid.crs):
        lon = np.where(lon < 0, lon + 360, lon)
    outline = shapely.Polygon(np.column_stack([lon, lat]).round(9))
    return normal(*outline.bounds), outline


def edges_boxes(shapes: NDArray[Any]) -> NDArray[np.float64]:
    """Boxes ``(n, 4)`` of shapes in degrees whose edges are shortest paths, never too small.

    A great circle between two points at latitude φ, Δλ apart, rises to atan(tan φ / cos(Δλ/2)); an
    edge over more than 180° runs the other way round, so that its shape gets all longitudes.
    Empty and missing shapes give NaN.
    """
    boxes: NDArray[np.float64] = shapely.bounds(shapes)
    lines, owner = _edges(shapes)
    points, line = shapely.get_coordinates(lines, return_index=True)
    same = line[1:] == line[:-1]
    row = owner[line[1:]][same]
    lon, lat = points[:, 0], np.clip(points[:, 1], -90, 90)
    turn = np.abs(np.diff(lon))[same]
    half = np.radians(np.where(turn > 180, np.maximum(360 - turn, 0), turn) / 2)
    upper = np.maximum(lat[1:], lat[:-1])[same]
    lower = np.minimum(lat[1:], lat[:-1])[same]
    for column, side, extreme in ((3, 1.0, upper), (1, -1.0, -lower)):
        rise = np.zeros(len(shapes))
        np.maximum.at(rise, row, _rise(extreme, half) * 1.01)
        boxes[:, column] = np.clip(boxes[:, column] + side * rise, -90, 90)
    around = np.zeros(len(shapes), bool)
    around[row[turn > 180]] = True
    boxes[around, 0], boxes[around, 2] = -180, 180
    return boxes


def _rise(latitude: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees by which the great circle through two points at a latitude passes above them."""
    phi = np.radians(np.maximum(latitude, 0.0))
    top = np.arctan2(np.sin(phi), np.cos(phi) * np.cos(half))
    return np.asarray(np.maximum(np.degrees(top - phi), 0.0), "float64")


def steepest(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes ``(n, 4)`` of vertices widened in latitude for any edges between them that are shortest paths.

    An edge Δλ wide rises most where tan φ = √cos(Δλ/2); boxes half the globe wide get all of it.
    """
    out: NDArray[np.float64] = np.array(boxes, float)
    half = np.cos(np.radians(np.minimum((out[:, 2] - out[:, 0]) / 2, 90.0)))
    root = np.sqrt(np.maximum(half, 0.0))
    with np.errstate(divide="ignore"):
        rise = np.degrees(np.arctan(1 / root) - np.arctan(root)) * 1.01
    out[:, 1] = np.maximum(out[:, 1] - rise, -90.0)
    out[:, 3] = np.minimum(out[:, 3] + rise, 90.0)
    around = out[:, 2] - out[:, 0] > 180
    out[around, 0], out[around, 2] = -180.0, 180.0
    return out


def risen(bounds: Bounds, outline: BaseGeometry) -> Bounds:
    """The box of a footprint, widened in latitude for edges that are shortest paths."""
    _, south, _, north = edges_boxes(np.asarray([outline], object))[0].tolist()
    return bounds[0], min(bounds[1], south), bounds[2], max(bounds[3], north)


def _edges(shapes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Every ring and line, and the row that it belongs to."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    areal = shapely.get_type_id(parts) == 3
    rings, of_part = shapely.get_rings(parts[areal], return_index=True)
    return (
        np.concatenate([rings, parts[~areal]]),
        np.concatenate([owner[areal][of_part], owner[~areal]]),
    )


def of_box(bounds: Bounds) -> dict[str, Any]:
    """A box as GeoJSON."""
    return dict(mapping(shapely.box(*bounds)))


def joined(boxes: Sequence[Bounds]) -> Bounds | None:
    """A box around all of them (not the smallest one across the antimeridian)."""
    if not boxes:
        return None
    array = np.asarray(boxes, float)
    low, high = array[:, :2].min(axis=0), array[:, 2:].max(axis=0)
    return normal(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
