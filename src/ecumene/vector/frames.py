"""Planes for work on the sphere: where geodesics are straight, or degrees where shapes are too large for that.

In the ellipsoidal gnomonic projection (Karney 2011, section 8; PROJ's ``gnom``) geodesics are straight to
half a metre within a thousand kilometres of the centre, and neither the poles nor the antimeridian are
special. It holds less than a hemisphere. Larger shapes are laid out in longitudes and latitudes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyproj
import shapely

from ecumene.core import crs as crs_
from ecumene.core.geometry import Geometry
from ecumene.vector.degrees import (
    BOX,
    WORLD,
    curve_of,
    in_degrees,
    is_planar,
    mover,
    simple_parts,
    valid,
    wrapped,
)
from ecumene.vector.edges import (
    Move,
    Offsets,
    Plane,
    Points,
    follow,
    on_globe,
    rebuilt,
    unit_vectors,
)
from ecumene.vector.transform import with_edges

WIDEST = math.radians(65)
"""Largest angle between the centre of a gnomonic plane and a vertex."""

_MOST_HELD = 64
_STEP = 3.0
"""Degrees between the places at which long planar edges are looked at."""


class Frame(Protocol):
    """A plane in which shapes are combined."""

    def place(self, geometry: Geometry, tolerance: float) -> Any:
        """The geometry as a valid shape of the plane; edges stray at most by a tolerance in metres."""

    def place_parts(self, geometry: Geometry, tolerance: float) -> list[Any]:
        """The simple parts of the geometry, each valid by itself."""

    def back(self, shape: Any, geodesic: bool) -> Geometry:
        """A shape of the plane as a geometry in degrees."""


_held = threading.local()


def local(kind: str, lon: float, lat: float) -> pyproj.Proj:
    """A projection of the spheroid (``gnom``, ``aeqd``, ``laea``) around a place, in metres.

    The last few are kept for each thread: pyproj's are not shared between threads.
    """
    kept: dict[Any, pyproj.Proj] | None = getattr(_held, "kept", None)
    if kept is None or len(kept) > _MOST_HELD:
        kept = _held.kept = {}
    key = (kind, lon, lat)
    if key not in kept:
        kept[key] = pyproj.Proj(proj=kind, lat_0=lat, lon_0=lon, ellps="WGS84")
    return kept[key]


def forward(projection: pyproj.Proj) -> Move:
    """Its function from degrees to metres; a pole is one place, whatever its longitude."""

    def move(points: Points) -> Points:
        lon, lat = on_globe(points).T
        return np.column_stack(projection(np.where(np.abs(lat) == 90, 0.0, lon), lat))

    return move


def backward(projection: pyproj.Proj) -> Move:
    """Its function from metres to degrees, rounded to a micrometre so that vertices come back as they went."""

    def move(points: Points) -> Points:
        found = np.column_stack(projection(points[:, 0], points[:, 1], inverse=True))
        return np.asarray(np.round(found, 11))

    return move


def projected(geometry: Geometry, projection: pyproj.Proj, tolerance: float) -> Any:
    """The shape in the plane of a local projection, its edges followed; it may be invalid."""
    to = forward(projection)
    if geometry.crs == WORLD:
        move = to
    else:
        first = mover(geometry.crs, WORLD)

        def move(points: Points) -> Points:
            return to(first(points))

    plane = Plane(move, tolerance)

    def change(points: Points, offsets: Offsets) -> tuple[Points, Offsets]:
        return follow(points, offsets, curve_of(geometry, points), plane)

    return rebuilt(geometry.shape, change)


@dataclass(frozen=True)
class Gnomonic:
    """The plane around a place."""

    lon: float
    lat: float

    def place(self, geometry: Geometry, tolerance: float) -> Any:
        """Valid, in metres; true to scale at the centre, larger outside."""
        return valid(projected(geometry, local("gnom", self.lon, self.lat), tolerance))

    def place_parts(self, geometry: Geometry, tolerance: float) -> list[Any]:
        """All at once."""
        shape = projected(geometry, local("gnom", self.lon, self.lat), tolerance)
        return [valid(part) for part in simple_parts(shape)]

    def back(self, shape: Any, geodesic: bool = True) -> Geometry:
        """Straight lines of the plane become geodesics."""
        move = backward(local("gnom", self.lon, self.lat))
        return Geometry(shapely.transform(shape, move), WORLD, geodesic=True)


@dataclass(frozen=True)
class Degrees:
    """Longitudes and latitudes around a meridian."""

    centre: float

    def place(self, geometry: Geometry, tolerance: float) -> Any:
        """Valid, within half a turn of the meridian."""
        if geometry.unbounded:
            return shapely.box(self.centre - 180, BOX[1], self.centre + 180, BOX[3])
        return wrapped(valid(self._followed(geometry, tolerance)), self.centre)

    def place_parts(self, geometry: Geometry, tolerance: float) -> list[Any]:
        """All at once."""
        if geometry.unbounded:
            return [self.place(geometry, tolerance)]
        parts = simple_parts(self._followed(geometry, tolerance))
        return [wrapped(valid(part), self.centre) for part in parts]

    @staticmethod
    def _followed(geometry: Geometry, tolerance: float) -> Any:
        """In degrees, with so many vertices that straight lines between them and geodesics are the same."""
        if is_planar(geometry):
            geometry = with_edges(geometry, WORLD, True, tolerance)
        return in_degrees(geometry, tolerance)

    def back(self, shape: Any, geodesic: bool = True) -> Geometry:
        """Its edges follow geodesics already, so either reading of them is right; large areas stay planar."""
        return Geometry(shape, WORLD, geodesic and not _exceeds_a_hemisphere(shape))


def _exceeds_a_hemisphere(shape: Any) -> bool:
    """Whether a shape in degrees has a part that takes more than half of the sphere."""
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and not p.is_empty]
    for part in parts:
        west, _, east, _ = part.bounds
        if east - west >= 180 and _sphere_share(part) > 0.5:
            return True
    return False


def _sphere_share(polygon: Any) -> float:
    def share(ring: Any) -> float:
        points = shapely.get_coordinates(ring)
        sines = np.sin(np.radians(np.clip(points[:, 1], -90, 90)))
        return abs(float(((sines[1:] + sines[:-1]) * np.diff(points[:, 0])).sum())) / 1440

    return share(polygon.exterior) - sum(share(ring) for ring in polygon.interiors)


def vertices(geometry: Geometry) -> Points:
    """Longitudes and latitudes of the vertices, and places along long planar edges."""
    shape = geometry.shape
    if is_planar(geometry) and shape.geom_type not in ("Point", "MultiPoint"):
        west, _, east, _ = shape.bounds if not shape.is_empty else BOX
        if east - west > _STEP:
            shape = shapely.segmentize(shape, _STEP)
    points = shapely.get_coordinates(shape)
    return points if geometry.crs == WORLD else mover(geometry.crs, WORLD)(points)


def cap(geometries: Sequence[Geometry]) -> tuple[float, float, float]:
    """Longitude, latitude and radius in radians of a circle around all vertices; π if there is none."""
    points = np.concatenate([vertices(g) for g in geometries])
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return 0.0, 0.0, 0.0
    directions = unit_vectors(points)
    low, high = directions.min(axis=0), directions.max(axis=0)
    middle = (low + high) / 2
    norm = float(np.linalg.norm(middle))
    if norm < 1e-3:
        return 0.0, 0.0, math.pi
    middle /= norm
    radius = math.acos(max(-1.0, min(1.0, float((directions @ middle).min()))))
    lon = math.degrees(math.atan2(middle[1], middle[0]))
    return lon, math.degrees(math.asin(max(-1.0, min(1.0, middle[2])))), radius


def frame_for(geometries: Sequence[Geometry]) -> Frame:
    """The plane in which these geometries can be combined."""
    whole = any(g.unbounded or _left_inside(g) for g in geometries)
    lon, lat, radius = (0.0, 0.0, math.pi) if whole else cap(geometries)
    if radius < WIDEST:
        return Gnomonic(round(lon, 6), round(lat, 6))
    shapes = [in_degrees(g) for g in geometries if not g.unbounded]
    middles = [(s.bounds[0] + s.bounds[2]) / 2 for s in shapes if not s.is_empty]
    narrow = all(s.is_empty or s.bounds[2] - s.bounds[0] < 359 for s in shapes)
    return Degrees(round(middles[0], 6) if middles and narrow else 0.0)


def alike(geometries: Sequence[Geometry]) -> Iterator[Geometry]:
    """Geometries with edges of a kind in one CRS as one each, to be placed together."""
    groups: dict[tuple[str, bool, bool, str], list[Geometry]] = {}
    for geometry in geometries:
        for part in simple_parts(geometry.shape):
            key = (geometry.crs, geometry.geodesic, geometry.even_odd, part.geom_type)
            groups.setdefault(key, []).append(geometry.with_shape(part))
    multi = {
        "Polygon": shapely.MultiPolygon, "LineString": shapely.MultiLineString, "Point": shapely.MultiPoint,
    }  # fmt: skip
    for (_, _, _, kind), members in groups.items():
        if kind not in multi:
            yield from members
        else:
            yield members[0].with_shape(multi[kind]([m.shape for m in members]))


def _left_inside(geometry: Geometry) -> bool:
    """Whether the inside is told by the direction of rings, so that it may be the larger part of the globe."""
    return not geometry.even_odd and not is_planar(geometry)


def repaired(geometry: Geometry) -> Geometry:
    """The geometry with rings that cross themselves taken apart; the same if none does."""
    if not geometry.shape.geom_type.endswith("Polygon"):
        return geometry
    plain = geometry.shape.bounds[2] - geometry.shape.bounds[0] < 180
    if plain and geometry.shape.is_valid or lonlat_is_valid(geometry):
        return geometry
    if is_planar(geometry) or not crs_.is_geographic(geometry.crs):
        return geometry.with_shape(valid(geometry.shape))
    frame = frame_for([geometry])
    return frame.back(frame.place(geometry, 1.0), geodesic=True)


def lonlat_is_valid(geometry: Geometry) -> bool:
    """Whether the shape in degrees is valid before any repair."""
    return bool(in_degrees(geometry).is_valid)
