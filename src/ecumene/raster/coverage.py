"""How much of each pixel a shape covers, and which pixels' centres it contains.

Shapes are in the CRS of the grid with straight edges. Coverage is exact: only pixels that the boundary
passes through are intersected with the shape, the rest are 0 or 1 by their centres.
"""

from __future__ import annotations

import math
from functools import lru_cache
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
    return _window_of(to_pixels(geometry.shape, grid))


def _window_of(shape: Any) -> Window:
    if shape.is_empty:
        return Window(0, 0, 0, 0)
    west, north, east, south = shape.bounds
    if not all(math.isfinite(v) for v in (west, north, east, south)):
        return Window(0, 0, 0, 0)
    c0, r0 = math.floor(west + 1e-9), math.floor(north + 1e-9)
    c1, r1 = max(math.ceil(east - 1e-9), c0 + 1), max(math.ceil(south - 1e-9), r0 + 1)
    return Window(c0, r0, c1 - c0, r1 - r0)


def _overlap(a: Window, b: Window) -> bool:
    return (
        a.col < b.col + b.width
        and b.col < a.col + a.width
        and a.row < b.row + b.height
        and b.row < a.row + a.height
    )


def _local(window: Window) -> Affine:
    return (1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row))


def _burn(shape: Any, window: Window, all_touched: bool) -> NDArray[np.bool_]:
    if shape.is_empty or not _overlap(_window_of(shape), window.grown(1, 1, 1, 1)):
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


def _valid(shape: Any) -> Any:
    return shape if shape.is_valid else shapely.make_valid(shape)


def _clipped(shape: Any, box: Any) -> Any:
    """The part in a box: by the quick way, or by the sure one where that leaves slivers."""
    try:
        found = shapely.clip_by_rect(shape, *box.bounds)
    except shapely.errors.GEOSException:
        return shapely.intersection(shape, box)
    return found if found.is_valid else shapely.intersection(shape, box)


def _polygon(parts: list[Any]) -> Any:
    return shapely.MultiPolygon(parts) if len(parts) > 1 else parts[0]


class Zone:
    """A shape on a grid, prepared once for the many windows that ask about it."""

    def __init__(self, geometry: Geometry, grid: Grid) -> None:
        shape = to_pixels(geometry.shape, grid)
        polygons, lines, self._points = _parts(shape)
        self._lines = shapely.MultiLineString(lines) if lines else None
        self._polygons = None
        if polygons:
            self._polygons = _valid(_polygon(polygons))
            shapely.prepare(self._polygons)
        self.bounds = _window_of(shape)

    def touches(self, window: Window) -> bool:
        """Whether any pixel of the window may be covered."""
        if not _overlap(self.bounds, window):
            return False
        if self._lines is not None or self._points or self._polygons is None:
            return True
        return not self._polygons.disjoint(_box(window))

    def _within(self, window: Window) -> Any:
        """The polygons in (and just around) a window, None if there are none: work is bounded by the window."""
        whole = self._polygons
        if whole is None:
            return None
        grown = window.grown(1, 1, 1, 1)
        west, north, east, south = whole.bounds
        if not (
            west >= grown.col
            and north >= grown.row
            and east <= grown.col + grown.width
            and south <= grown.row + grown.height
        ):
            box = _box(grown)
            if whole.disjoint(box):
                return None
            whole = _clipped(whole, box)
        inner = _parts(whole)[0]
        return _polygon(inner) if inner else None

    def _full(self, window: Window) -> bool:
        polygons = self._polygons
        return polygons is not None and bool(polygons.contains_properly(_box(window)))

    def coverage(self, window: Window) -> NDArray[np.float32]:
        """Fraction of each pixel that is covered; points and touched line pixels count 1."""
        if self._full(window):
            return np.broadcast_to(np.ones((), "float32"), window.shape)
        shape = self._within(window)
        out = np.zeros(window.shape, "float32") if shape is None else _fractions(shape, window)
        if self._lines is not None:
            out = np.maximum(out, _burn(self._lines, window, True))
        _points(self._points, window, out)
        return np.asarray(out, "float32")

    def centres(self, window: Window) -> NDArray[np.bool_]:
        """Pixels whose centre is inside; for points the pixel that holds it, for lines pixels touched."""
        if self._full(window):
            return np.broadcast_to(np.ones((), bool), window.shape)
        shape = self._within(window)
        out = np.zeros(window.shape, bool) if shape is None else _burn(shape, window, False)
        if self._lines is not None:
            out |= _burn(self._lines, window, True)
        _points(self._points, window, out)
        return out


@lru_cache(maxsize=128)
def zone(geometry: Geometry, grid: Grid) -> Zone:
    """The shape prepared on the grid; kept, since every block of a request asks for it."""
    return Zone(geometry, grid)


def coverage(geometry: Geometry, grid: Grid, window: Window) -> NDArray[np.float32]:
    """Fraction of each pixel that is covered; points and touched line pixels count 1. Read only."""
    return zone(geometry, grid).coverage(window)


def centres(geometry: Geometry, grid: Grid, window: Window) -> NDArray[np.bool_]:
    """Pixels whose centre is inside; for points the pixel that holds it, for lines pixels touched. Read only."""
    return zone(geometry, grid).centres(window)


def _fractions(shape: Any, window: Window) -> NDArray[np.float32]:
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
