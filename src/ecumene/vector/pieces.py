"""Shapes of many vertices as several of fewer."""

from __future__ import annotations

from typing import Any

import shapely

FEWEST = 8
"""A piece may always have this many vertices: less cannot be cut."""


def pieces(shape: Any, most: int) -> list[Any]:
    """A planar shape cut by halves of its box until no piece has more vertices than wanted (at least 8)."""
    most = max(most, FEWEST)
    found, stack = [], list(shapely.get_parts(shape))
    while stack:
        one = stack.pop()
        if one.is_empty:
            continue
        if shapely.get_num_coordinates(one) <= most or one.geom_type == "Point":
            found.append(one)
            continue
        west, south, east, north = one.bounds
        x, y = (west + east) / 2, (south + north) / 2
        halves = (
            ((west, south, x, north), (x, south, east, north))
            if east - west > north - south
            else ((west, south, east, y), (west, y, east, north))
        )
        for half in reversed(halves):
            part = shapely.intersection(one, shapely.box(*half))
            stack.extend(p for p in shapely.get_parts(part) if _dimension(p) == _dimension(one))
    return found


def limited(shape: Any, most: int) -> Any:
    """The shape, or the same points as one of several parts, none of more vertices than wanted."""
    if shapely.get_num_coordinates(shape) <= most:
        return shape
    found = pieces(shape, most)
    if len(found) == 1:
        return found[0]
    makers = {
        0: shapely.MultiPoint, 1: shapely.MultiLineString, 2: shapely.MultiPolygon,
    }  # fmt: skip
    dimensions = {_dimension(one) for one in found}
    return (
        makers[dimensions.pop()](found)
        if len(dimensions) == 1
        else shapely.GeometryCollection(found)
    )


def _dimension(shape: Any) -> int:
    return int(shapely.get_dimensions(shape))
