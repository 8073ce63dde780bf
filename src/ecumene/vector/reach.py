"""Which parts of a geometry can be the nearest ones to another: the others need not be looked at closely."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ecumene.core.geometry import Geometry
from ecumene.vector.degrees import WORLD, is_planar, mover, simple_parts
from ecumene.vector.edges import on_globe, unit_vectors

FEW = 16
"""So many parts are all looked at."""

_STEP = 3.0
_WIDE = np.radians(80.0)
_SLACK = 0.02
"""Share by which distances on a sphere may differ from those on the spheroid, and edges leave the circle around their ends."""

Floats = NDArray[np.float64]


def in_reach(left: Geometry, right: Geometry) -> tuple[Geometry, Geometry]:
    """Both geometries without the parts that are certainly not the nearest; of few parts all are kept."""
    ours, theirs = simple_parts(left.shape), simple_parts(right.shape)
    if max(len(ours), len(theirs)) <= FEW:
        return left, right
    circles = [_circles(left, ours), _circles(right, theirs)]
    if any(circle is None for circle in circles):
        return left, right
    first, second = (circle for circle in circles if circle is not None)
    most = _angle(cKDTree(second[2]).query(first[2])[0].min()) * (1 + _SLACK)
    kept = []
    for geometry, parts, own, other in (
        (left, ours, first, second),
        (right, theirs, second, first),
    ):
        away = _angle(cKDTree(other[0]).query(own[0])[0]) - own[1] - other[1].max()
        near = np.flatnonzero(away * (1 - _SLACK) <= most)
        whole = len(near) == len(parts)
        shape = shapely.GeometryCollection([parts[k] for k in near.tolist()])
        kept.append(geometry if whole else geometry.with_shape(shape))
    return kept[0], kept[1]


def _circles(geometry: Geometry, parts: list[object]) -> tuple[Floats, Floats, Floats] | None:
    """Centres and radii (angles) of circles around parts, and all vertices; None where a part is too large for one."""
    shapes = np.array(parts, object)
    if is_planar(geometry):
        shapes = shapely.segmentize(shapes, _STEP)
    points, part = shapely.get_coordinates(shapes, return_index=True)
    if geometry.crs != WORLD:
        points = mover(geometry.crs, WORLD)(points)
    if not np.isfinite(points).all():
        return None
    vectors = unit_vectors(on_globe(points))
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    middle = np.minimum.reduceat(vectors, starts) + np.maximum.reduceat(vectors, starts)
    norm = np.linalg.norm(middle, axis=1)
    if bool((norm < 1e-3).any()):
        return None
    middle /= norm[:, None]
    chords = np.linalg.norm(vectors - middle[part], axis=1)
    radii = _angle(np.maximum.reduceat(chords, starts)) * (1 + _SLACK) + 1e-9
    return None if bool((radii > _WIDE).any()) else (middle, radii, vectors)


def _angle(chord: Floats) -> Floats:
    """The angle at the globe's centre of a chord of the unit sphere."""
    return np.asarray(2 * np.arcsin(np.clip(chord / 2, 0, 1)))
