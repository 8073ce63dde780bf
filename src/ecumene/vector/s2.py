"""Cells of the S2 library: numbers of 64 bits for squares on the faces of a cube around the globe.

A number holds the face (3 bits), the way down a Hilbert curve (2 bits a level, at most 30 levels) and a final 1
bit. Sources: s2geometry.io, "S2 cell hierarchy", and the library's ``s2coords.h`` and ``s2cell_id.h`` (Apache 2.0);
the projection of faces is the quadratic one that all published cell numbers use.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.core.geometry import Geometry

FINEST = 30
"""Level of the smallest cells, about a centimetre wide."""

_FACES = 6
_ORDER = ((0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2))
"""Quadrants ``2 i + j`` along the curve, for each of its four orientations."""
_TURN = (1, 0, 0, 3)
"""How the orientation changes in each quadrant along the curve."""

Points = NDArray[np.float64]


def level_of(cell: int) -> int | None:
    """The level of a cell, 0 (a face) to 30; None if there is no cell of that number."""
    lowest = cell & -cell
    if not 0 < cell < _FACES << 61 or not lowest & 0x1555555555555555:
        return None
    return FINEST - (lowest.bit_length() - 1) // 2


def face_square(cell: int) -> tuple[int, int, int, int]:
    """``(face, i, j, level)``: the square is ``i`` and ``j`` cells of its level from the face's corner."""
    level = level_of(cell)
    if level is None:
        raise ValueError(f"no S2 cell has the number {cell}")
    face = cell >> 61
    turn, i, j = face & 1, 0, 0
    for step in range(level):
        position = cell >> (2 * (FINEST - step) - 1) & 3
        quadrant = _ORDER[turn][position]
        i, j = i << 1 | quadrant >> 1, j << 1 | quadrant & 1
        turn ^= _TURN[position]
    return face, i, j, level


def cell_polygon(cell: int) -> Geometry:
    """The four geodesic edges of a cell, counterclockwise. ValueError if there is no cell of that number."""
    face, i, j, level = face_square(cell)
    side = 1 << level
    corners = np.array([(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]) / side
    faces = np.full(4, face)
    return Geometry(shapely.Polygon(degrees(directions(faces, corners))))


def directions(faces: NDArray[np.int64], places: Points) -> Points:
    """Vectors from the globe's centre to places (0 to 1 both ways) on faces; not of unit length."""
    far = places >= 0.5
    u, v = np.where(far, 4 * places**2 - 1, 1 - 4 * (1 - places) ** 2).T / 3
    one = np.ones_like(u)
    every = np.array(
        [(one, u, v), (-u, one, v), (-u, -v, one), (-one, -v, -u), (v, -one, -u), (v, u, -one)]
    )
    return np.asarray(every[faces, :, np.arange(len(u))])


def degrees(vectors: Points) -> Points:
    """Longitudes and latitudes of vectors; a pole takes the longitude of the vertex before it."""
    x, y, z = vectors.T + 0.0
    lon = np.degrees(np.arctan2(y, x))
    lat = np.degrees(np.arctan2(z, np.hypot(x, y)))
    for pole in np.flatnonzero(np.hypot(x, y) == 0):
        lon[pole] = lon[pole - 1]
    return np.column_stack([lon, lat])
