"""The web's tiles: 256 × 256 pixels of the web-mercator square, by zoom."""

from __future__ import annotations

import math

from ecumene.core.projection import Grid

HALF = math.pi * 6378137.0
TILE = 256
DEEPEST = 30


def tile_grid(zoom: int) -> Grid:
    """The web-mercator lattice of a zoom level; tile (x, y) starts at pixel (256·x, 256·y)."""
    size = 2 * HALF / (TILE * 2**zoom)
    return Grid("EPSG:3857", (size, 0.0, -HALF, 0.0, -size, HALF))
