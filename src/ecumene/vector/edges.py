"""Edges of shapes: where they run between their vertices, and the vertices that make straight lines follow them.

A geometry's edges are geodesics of the WGS84 spheroid or straight lines of its CRS. In another plane both
are curves; ``follow`` adds as many vertices as keep the chords within a tolerance of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError, LimitExceeded

GEOD = pyproj.Geod(ellps="WGS84")
RADIUS = 6_371_008.8
"""Mean radius of the spheroid in metres, for estimates."""

MOST_EDGES = 2_000_000
"""Edges that a geometry may have; Earth Engine's limit."""

MOST_PIECES = 10_000
"""Pieces that one edge is cut into at most: where a plane runs off to infinity no number would do."""

SHORT = 200.0
"""Metres: the arc of a shorter edge strays less than a centimetre from its chord up to 85° of latitude."""

Points = NDArray[np.float64]
Offsets = NDArray[np.int64]
Move = Callable[[Points], Points]
_PROBES = (0.25, 0.5, 0.75)


def check_edges(count: int) -> None:
    """LimitExceeded if a geometry would have too many edges."""
    if count > MOST_EDGES:
        raise LimitExceeded(f"Geometry has too many edges ({count} > {MOST_EDGES})")


class Curve(Protocol):
    """Edges of one kind between consecutive vertices of a list."""

    def lengths(self, edges: NDArray[np.intp]) -> NDArray[np.float64]:
        """About how many metres the edges have."""

    def at(self, edges: NDArray[np.intp], share: Any) -> Points:
        """Points a share (0 to 1, one for each edge or for all) along the edges, in the source's coordinates."""


@dataclass(frozen=True, eq=False)
class Straight:
    """Edges that are straight in the plane of their coordinates; ``unit`` is the metres in one of its units."""

    points: Points
    unit: float

    def lengths(self, edges: NDArray[np.intp]) -> NDArray[np.float64]:
        """Lengths in the plane."""
        step = self.points[edges + 1] - self.points[edges]
        return np.asarray(np.hypot(step[:, 0], step[:, 1]) * self.unit)

    def at(self, edges: NDArray[np.intp], share: Any) -> Points:
        """By linear interpolation."""
        first, last = self.points[edges], self.points[edges + 1]
        part = np.broadcast_to(np.asarray(share, float), edges.shape)[:, None]
        return np.asarray(first + (last - first) * part)


def on_globe(points: Points) -> Points:
    """Longitudes and latitudes; a latitude beyond a pole is that pole, as in the S2 library."""
    if not len(points) or float(np.abs(points[:, 1]).max()) <= 90:
        return points
    return np.column_stack([points[:, 0], np.clip(points[:, 1], -90, 90)])


class Geodesics:
    """Shortest paths on the spheroid between longitudes and latitudes."""

    def __init__(self, points: Points) -> None:
        self.points = on_globe(points)
        self._azimuth = np.full(len(points), np.nan)
        self._length = np.full(len(points), np.nan)

    def _solve(self, edges: NDArray[np.intp]) -> None:
        new = np.unique(edges[np.isnan(self._length[edges])])
        if len(new):
            first, last = self.points[new], self.points[new + 1]
            azimuth, _, length = GEOD.inv(first[:, 0], first[:, 1], last[:, 0], last[:, 1])
            self._azimuth[new], self._length[new] = azimuth, length

    def lengths(self, edges: NDArray[np.intp]) -> NDArray[np.float64]:
        """Chords through the globe: close enough to tell what is short."""
        position = unit_vectors(self.points)
        return np.asarray(
            np.linalg.norm(position[edges + 1] - position[edges], axis=1) * RADIUS, float
        )

    def at(self, edges: NDArray[np.intp], share: Any) -> Points:
        """By the direct problem from the first vertex; longitudes are near that vertex's."""
        self._solve(edges)
        first = self.points[edges]
        part = np.broadcast_to(np.asarray(share, float), edges.shape)
        azimuth, length = self._azimuth[edges], self._length[edges]
        lon, lat, _ = GEOD.fwd(first[:, 0], first[:, 1], azimuth, length * part)
        lon = np.asarray(lon) + 360 * np.round((first[:, 0] - np.asarray(lon)) / 360)
        return np.column_stack([lon, lat])


def unit_vectors(points: Points) -> Points:
    """Directions from the globe's centre of longitudes and latitudes."""
    lon, lat = np.radians(points[:, 0]), np.radians(points[:, 1])
    flat = np.cos(lat)
    return np.column_stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)])


def unrolled(points: Points, offsets: Offsets) -> Points:
    """Longitudes that run on without jumps of whole turns along each ring or line."""
    if len(points) < 2:
        return points
    step = np.diff(points[:, 0])
    step[offsets[1:-1] - 1] = 0.0
    turns = np.round(step / 360)
    if not turns.any():
        return points
    shift = np.concatenate([[0.0], np.cumsum(turns)])
    lengths = np.diff(offsets)
    shift -= np.repeat(shift[offsets[:-1]], lengths)
    return np.column_stack([points[:, 0] - 360 * shift, points[:, 1]])


def first_vertices(offsets: Offsets) -> NDArray[np.intp]:
    """Numbers of the vertices that an edge starts at."""
    number = np.arange(int(offsets[-1]))
    keep = np.ones(len(number), bool)
    keep[offsets[1:] - 1] = False
    return number[keep]


@dataclass(frozen=True)
class Plane:
    """Where edges are to be followed: how points get there, and the tolerance in its units.

    ``circular``: its coordinates are longitudes and latitudes, to be unrolled and weighed by the cosine
    of the latitude.
    """

    move: Move
    tolerance: float
    circular: bool = False


@dataclass(frozen=True)
class Followed:
    """Vertices in a plane, where each ring or line starts, and the old vertex before each."""

    points: Points
    offsets: Offsets
    vertex: NDArray[np.int64]


def followed(points: Points, offsets: Offsets, curve: Curve, plane: Plane) -> Followed:
    """Vertices in the plane with others added between them.

    Chords of the result stray at most by the tolerance from the edges (judged at three places of each
    edge). LimitExceeded if there would be too many vertices.
    """
    check_edges(len(points))
    moved = plane.move(points)
    if plane.circular:
        moved = unrolled(moved, offsets)
    starts = first_vertices(offsets)
    edges = starts[curve.lengths(starts) > SHORT]
    pieces = np.ones(len(points), np.int64)
    if len(edges) and plane.tolerance < math.inf:
        pieces[edges] = _pieces(moved, edges, curve, plane)
    if bool((pieces == 1).all()):
        return Followed(moved, offsets, np.arange(len(points)))
    return _cut(moved, offsets, curve, plane, pieces)


def follow(points: Points, offsets: Offsets, curve: Curve, plane: Plane) -> tuple[Points, Offsets]:
    """The vertices and offsets of ``followed``."""
    found = followed(points, offsets, curve, plane)
    return found.points, found.offsets


def _near(points: Points, others: Points) -> Points:
    """Points with longitudes in the same turn as others'."""
    turn = 360 * np.round((others[:, 0] - points[:, 0]) / 360)
    return np.column_stack([points[:, 0] + turn, points[:, 1]])


def _pieces(
    moved: Points, edges: NDArray[np.intp], curve: Curve, plane: Plane
) -> NDArray[np.int64]:
    """Into how many pieces each edge is to be cut: the arc's height falls with the square of them."""
    first, last = moved[edges], moved[edges + 1]
    weight = np.ones(len(edges))
    if plane.circular:
        weight = np.cos(np.radians(np.clip((first[:, 1] + last[:, 1]) / 2, -90, 90)))
    strays = [np.zeros(len(edges))]
    with np.errstate(invalid="ignore", divide="ignore"):
        chord = (last - first) * np.column_stack([weight, np.ones_like(weight)])
        long = np.hypot(chord[:, 0], chord[:, 1])
        for share in _PROBES:
            there = plane.move(curve.at(edges, share))
            if plane.circular:
                there = _near(there, first + (last - first) * share)
            away = (there - first) * np.column_stack([weight, np.ones_like(weight)])
            across = (away[:, 0] * chord[:, 1] - away[:, 1] * chord[:, 0]) / long
            strays.append(np.where(long > 0, across, np.hypot(away[:, 0], away[:, 1])))
        height = _height(np.array([*strays, np.zeros(len(edges))]))
        needed = np.ceil(np.sqrt(height / (0.75 * plane.tolerance)))
    torn = ~np.isfinite(needed)
    return np.clip(np.where(torn, 64, needed), 1, MOST_PIECES).astype(np.int64)


def _height(strays: NDArray[np.float64]) -> NDArray[np.float64]:
    """The height of an evenly bent arc that is bent as sharply as each edge where it is bent most.

    ``strays`` are distances from the chord at quarters of the edges. An edge that bends one way and then the
    other (across the equator) strays less than its ends would need.
    """
    bends = 2 * np.abs(strays[:-2] - 2 * strays[1:-1] + strays[2:])
    height = np.fmax(np.abs(strays).max(axis=0), bends.max(axis=0))
    return np.where(np.isfinite(strays).all(axis=0), height, np.inf)


@dataclass(frozen=True)
class Division:
    """Edges cut into equal parts: which of the new vertices are added, on which edge, and how far along it."""

    vertex: NDArray[np.int64]
    added: NDArray[np.intp]
    share: NDArray[np.float64]
    offsets: Offsets

    @property
    def edges(self) -> NDArray[np.int64]:
        """The edge of each added vertex."""
        return self.vertex[self.added]


def divided(pieces: NDArray[np.int64], offsets: Offsets) -> Division:
    """The division of the edges after each vertex into so many pieces; LimitExceeded if there are too many."""
    check_edges(int(pieces.sum()))
    vertex = np.repeat(np.arange(len(pieces)), pieces)
    ends = np.cumsum(pieces)
    step = np.arange(len(vertex)) - np.repeat(ends - pieces, pieces)
    added = np.flatnonzero(step)
    return Division(
        vertex, added, step[added] / pieces[vertex[added]], np.concatenate([[0], ends])[offsets]
    )


def _cut(
    moved: Points, offsets: Offsets, curve: Curve, plane: Plane, pieces: NDArray[np.int64]
) -> Followed:
    division = divided(pieces, offsets)
    found = moved[division.vertex].copy()
    edges, share = division.edges, division.share
    there = plane.move(curve.at(edges, share))
    if plane.circular:
        there = _near(there, moved[edges] + (moved[edges + 1] - moved[edges]) * share[:, None])
    found[division.added] = there
    return Followed(found, division.offsets, division.vertex)


def runs(shape: Any) -> Iterator[tuple[Points, Offsets]]:
    """Vertices and offsets of the rings and lines of a shape, points left out."""
    for part in shapely.get_parts(shape):
        if part.geom_type == "GeometryCollection":
            yield from runs(part)
        elif part.geom_type == "LinearRing":
            points = shapely.get_coordinates(part)
            yield points, np.array([0, len(points)])
        elif not part.is_empty and not part.geom_type.endswith("Point"):
            _, points, offsets = shapely.to_ragged_array(np.array([shapely.force_2d(part)]))
            yield points, np.asarray(offsets[0], np.int64)


def rebuilt(shape: Any, change: Callable[[Points, Offsets], tuple[Points, Offsets]]) -> Any:
    """The shape with the vertices that a function of its vertices and ring offsets gives.

    Points are rings of one vertex. Parts of collections are changed one by one.
    """
    kind = shape.geom_type
    if shape.is_empty:
        return shape
    if kind == "GeometryCollection":
        parts, vertices = [], 0
        for part in shape.geoms:
            parts.append(rebuilt(part, change))
            vertices += shapely.get_num_coordinates(parts[-1])
            check_edges(vertices)
        return shapely.GeometryCollection(parts)
    if kind == "LinearRing":
        line = rebuilt(shapely.LineString(shape.coords), change)
        return shapely.LinearRing(line.coords)
    flat = shapely.force_2d(shape)
    if kind in ("Point", "MultiPoint"):
        return shapely.transform(flat, lambda p: change(p, np.arange(len(p) + 1))[0])
    kind_number, points, offsets = shapely.to_ragged_array(np.array([flat]))
    moved, first = change(points, np.asarray(offsets[0], np.int64))
    try:
        return shapely.from_ragged_array(kind_number, moved, (first, *offsets[1:]))[0]
    except shapely.errors.GEOSException as error:
        raise EvaluationError(f"Invalid geometry: {error}") from error
