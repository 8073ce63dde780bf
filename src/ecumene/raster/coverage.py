"""How much of each pixel a shape covers, and which pixels' centres it contains.

Shapes are in the CRS of the grid with straight edges. Coverage is exact: only pixels that the boundary
passes through are intersected with the shape, the rest are 0 or 1 by their centres.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import features
from rasterio.transform import Affine as RasterioAffine

from ecumene.core.geometry import Geometry
from ecumene.core.projection import Affine, Grid, Window, invert


def to_pixels(shape: Any, grid: Grid) -> Any:
    """The shape in pixel coordinates of the grid."""
    t = invert(grid.transform)

    def move(points: NDArray[Any]) -> NDArray[Any]:
        x, y = points[:, 0], points[:, 1]
        return np.column_stack([t[0] * x + t[1] * y + t[2], t[3] * x + t[4] * y + t[5]])

    return shapely.transform(shape, move)


def bounds_window(geometry: Geometry, grid: Grid) -> Window:
    """The smallest window that holds every pixel that the shape touches."""
    shape = to_pixels(geometry.shape, grid)
    if shape.is_empty:
        return Window(0, 0, 0, 0)
    west, north, east, south = shape.bounds
    if not all(math.isfinite(v) for v in (west, north, east, south)):
        return Window(0, 0, 0, 0)
    c0, r0 = math.floor(west + 1e-9), math.floor(north + 1e-9)
    c1, r1 = max(math.ceil(east - 1e-9), c0 + 1), max(math.ceil(south - 1e-9), r0 + 1)
    return Window(c0, r0, c1 - c0, r1 - r0)


def _local(window: Window) -> Affine:
    return (1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row))


def _burn(shape: Any, window: Window, all_touched: bool) -> NDArray[np.bool_]:
    if shape.is_empty:
        return np.zeros(window.shape, bool)
    a, b, c, d, e, f = _local(window)
    burnt = features.rasterize(
        [(shape, 1)],
        out_shape=window.shape,
        transform=RasterioAffine(a, b, c, d, e, f),
        all_touched=all_touched,
        dtype="uint8",
    )
    return np.asarray(burnt, bool)


def _parts(shape: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Polygons, lines and points of a shape."""
    simple = shapely.get_parts(shape) if hasattr(shape, "geoms") else [shape]
    polygons, lines, points = [], [], []
    for part in simple:
        if hasattr(part, "geoms"):
            inner = _parts(part)
            polygons += inner[0]
            lines += inner[1]
            points += inner[2]
        elif part.geom_type == "Polygon":
            polygons.append(part)
        elif part.geom_type in ("LineString", "LinearRing"):
            lines.append(shapely.LineString(part.coords))
        elif not part.is_empty:
            points.append(part)
    return polygons, lines, points


def _points(points: list[Any], window: Window, out: NDArray[Any]) -> None:
    for point in points:
        col, row = math.floor(point.x + 1e-9) - window.col, math.floor(point.y + 1e-9) - window.row
        if 0 <= col < window.width and 0 <= row < window.height:
            out[row, col] = 1


def _box(window: Window) -> Any:
    return shapely.box(
        window.col, window.row, window.col + window.width, window.row + window.height
    )


def _near(shape: Any, window: Window) -> Any:
    """The part of a shape in (and just around) a window: work is bounded by the window."""
    grown = window.grown(1, 1, 1, 1)
    west, north, east, south = shape.bounds
    if (
        west >= grown.col
        and north >= grown.row
        and east <= grown.col + grown.width
        and south <= grown.row + grown.height
    ):
        return shape
    return shapely.intersection(_valid(shape), _box(grown))


def _valid(shape: Any) -> Any:
    return shape if shape.is_valid else shapely.make_valid(shape)


def centres(geometry: Geometry, grid: Grid, window: Window) -> NDArray[np.bool_]:
    """Pixels whose centre is inside; for points the pixel that holds it, for lines pixels touched."""
    polygons, lines, points = _parts(to_pixels(geometry.shape, grid))
    out = np.zeros(window.shape, bool)
    if polygons:
        shape = _near(shapely.MultiPolygon(polygons) if len(polygons) > 1 else polygons[0], window)
        inner = _parts(shape)[0]
        if inner:
            out |= _inside(inner, window)
    if lines:
        out |= _burn(shapely.MultiLineString(lines), window, True)
    _points(points, window, out)
    return out


def _inside(polygons: list[Any], window: Window) -> NDArray[np.bool_]:
    """Centres inside polygons: scan conversion, with pixels near the boundary decided by geometry."""
    shape = shapely.MultiPolygon(polygons) if len(polygons) > 1 else polygons[0]
    return _burn(shape, window, False)


def coverage(geometry: Geometry, grid: Grid, window: Window) -> NDArray[np.float32]:
    """Fraction of each pixel that is covered; points and touched line pixels count 1."""
    polygons, lines, points = _parts(to_pixels(geometry.shape, grid))
    out = np.zeros(window.shape, "float32")
    if polygons:
        whole = shapely.MultiPolygon(polygons) if len(polygons) > 1 else polygons[0]
        shape = _near(_valid(whole), window)
        inner = _parts(shape)[0]
        if inner:
            out = _fractions(shapely.MultiPolygon(inner) if len(inner) > 1 else inner[0], window)
    if lines:
        out = np.maximum(out, _burn(shapely.MultiLineString(lines), window, True))
    _points(points, window, out)
    return np.asarray(out, "float32")


def _fractions(shape: Any, window: Window) -> NDArray[np.float32]:
    shape = _valid(shape)
    boundary = _burn(shape.boundary, window, True)
    out = _burn(shape, window, False).astype("float32")
    rows, cols = np.nonzero(boundary)
    if rows.size == 0:
        return out
    x, y = cols + float(window.col), rows + float(window.row)
    cells = shapely.box(x, y, x + 1, y + 1)
    shapely.prepare(shape)
    out[rows, cols] = _cell_areas(shape, cells, rows, window)
    return out


def _cell_areas(
    shape: Any, cells: NDArray[Any], rows: NDArray[Any], window: Window
) -> NDArray[Any]:
    """Areas of the shape in unit cells; big shapes are first cut into strips of rows."""
    if shapely.get_num_coordinates(shape) < 200:
        return np.asarray(shapely.area(shapely.intersection(cells, shape)))
    out = np.zeros(cells.shape)
    step = 16
    for start in range(0, window.height, step):
        chosen = (rows >= start) & (rows < start + step)
        if not chosen.any():
            continue
        strip = shapely.box(
            window.col, window.row + start, window.col + window.width, window.row + start + step
        )
        part = shapely.intersection(shape, strip)
        out[chosen] = _in_columns(part, cells[chosen], window)
    return out


def _in_columns(part: Any, cells: NDArray[Any], window: Window) -> NDArray[Any]:
    out = np.zeros(cells.shape)
    left = shapely.bounds(cells)[:, 0] - window.col
    step = 16
    for start in np.unique(left.astype(int) // step).tolist():
        chosen = (left >= start * step) & (left < (start + 1) * step)
        x = window.col + start * step
        small = shapely.intersection(part, shapely.box(x, part.bounds[1], x + step, part.bounds[3]))
        out[chosen] = shapely.area(shapely.intersection(cells[chosen], small))
    return out
