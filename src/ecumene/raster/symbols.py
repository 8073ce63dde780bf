"""Points as symbols and lines as bands, in pixel coordinates (y down)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from ecumene.core.projection import Window

MOST_DASHES = 5000
"""Pieces of a broken line; longer ones are drawn solid."""

# corners, inner radius (stars) or None, turn in degrees from "up"
_POLYGONS: dict[str, tuple[int, float | None, float]] = {
    "square": (4, None, 45.0), "diamond": (4, None, 0.0), "triangle": (3, None, 0.0), "triangle_up": (3, None, 0.0),
    "triangle_down": (3, None, 180.0), "triangle_left": (3, None, 270.0), "triangle_right": (3, None, 90.0),
    "pentagon": (5, None, 0.0), "hexagon": (6, None, 0.0), "pentagram": (5, 0.381966, 0.0),
    "star5": (5, 0.381966, 0.0), "hexagram": (6, 0.57735, 0.0), "star6": (6, 0.57735, 0.0), "circle": (24, None, 0.0),
}  # fmt: skip
ABBREVIATIONS = {
    "o": "circle", "s": "square", "d": "diamond", "x": "cross", "+": "plus", "p": "pentagram", "h": "hexagram",
    "^": "triangle_up", "v": "triangle_down", "<": "triangle_left", ">": "triangle_right",
}  # fmt: skip
SYMBOLS = frozenset((*_POLYGONS, "cross", "plus"))


def _corners(symbol: str, radius: float) -> NDArray[np.float64]:
    count, inner, turn = _POLYGONS[symbol]
    size = radius * (math.sqrt(2) if symbol == "square" else 1.0)
    total = count if inner is None else 2 * count
    angles = np.radians(turn) + 2 * np.pi * np.arange(total) / total
    lengths = np.full(total, size)
    if inner is not None:
        lengths[1::2] *= inner
    return np.column_stack([np.sin(angles) * lengths, -np.cos(angles) * lengths])


def _strokes(symbol: str, radius: float) -> list[NDArray[np.float64]]:
    reach = radius / math.sqrt(2) if symbol == "cross" else radius
    if symbol == "plus":
        return [np.array([[-reach, 0], [reach, 0]]), np.array([[0, -reach], [0, reach]])]
    return [
        np.array([[-reach, -reach], [reach, reach]]),
        np.array([[-reach, reach], [reach, -reach]]),
    ]


def with_symbols(shape: Any, symbol: str, radius: float) -> Any:
    """The shape with every point replaced by a symbol around it."""
    parts = shapely.get_parts(shape) if hasattr(shape, "geoms") else [shape]
    out: list[Any] = []
    for part in parts:
        if hasattr(part, "geoms"):
            out.append(with_symbols(part, symbol, radius))
        elif part.geom_type != "Point" or radius <= 0:
            out.append(part)
        elif not part.is_empty:
            place = np.array([part.x, part.y])
            if symbol in _POLYGONS:
                out.append(shapely.Polygon(_corners(symbol, radius) + place))
            else:
                out += [shapely.LineString(line + place) for line in _strokes(symbol, radius)]
    return out[0] if len(out) == 1 else shapely.GeometryCollection(out)


def outlines(shape: Any, width: float, line: str, window: Window) -> Any:
    """Bands of a width along the lines and edges of a shape, near a window only."""
    lines: list[Any] = []
    _collect(shape, lines)
    if line != "solid":
        lines = [piece for whole in lines for piece in _broken(whole, width, line)]
    box = (window.col, window.row, window.col + window.width, window.row + window.height)
    near = [shapely.clip_by_rect(part, *box) for part in lines]
    near = [part for part in near if not part.is_empty]
    if not near:
        return shapely.GeometryCollection()
    cap = "round" if line == "dotted" else "flat"
    bands = shapely.buffer(
        near, max(width, 1.0) / 2, quad_segs=4, cap_style=cap, join_style="mitre", mitre_limit=2
    )
    return shapely.GeometryCollection(list(bands))


def _collect(shape: Any, out: list[Any]) -> None:
    if hasattr(shape, "geoms"):
        for part in shape.geoms:
            _collect(part, out)
    elif shape.is_empty:
        return
    elif shape.geom_type == "Polygon":
        out += [shapely.LineString(ring.coords) for ring in (shape.exterior, *shape.interiors)]
    elif shape.geom_type in ("LineString", "LinearRing"):
        out.append(shapely.LineString(shape.coords))


def _broken(line: Any, width: float, kind: str) -> list[Any]:
    on, off = (4 * width, 3 * width) if kind == "dashed" else (0.1, 2 * width)
    on, off = max(on, 0.1), max(off, 2.0)
    count = int(line.length / (on + off)) + 1
    if count > MOST_DASHES:
        return [line]
    starts = np.arange(count) * (on + off)
    return [
        substring(line, a, min(a + on, line.length)) for a in starts.tolist() if a < line.length
    ]
