"""Shapes in the binary forms of the S2 library.

Sources: ``encode`` and ``decode`` of ``s2polygon.cc``, ``s2loop.cc``, ``s2polyline.cc``, ``s2latlng_rect.cc`` and
``s2point_compression.cc`` (Apache 2.0). Numbers are little-endian; vertices are unit vectors, or, in compressed
forms, centres of cells of one level as differences of differences along the curve of their places.

Every function raises ValueError for bytes of another form.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.core.geometry import Geometry
from ecumene.vector.edges import check_edges
from ecumene.vector.s2 import FINEST, Points, degrees, directions

_LOSSLESS, _COMPRESSED_LINE, _COMPRESSED_POLYGON = 1, 2, 4
_MASK = 2**32 - 1


class _Reader:
    """Bytes read from the front."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        """So many bytes."""
        if size < 0 or self.at + size > len(self.data):
            raise ValueError("the bytes end too early")
        self.at += size
        return self.data[self.at - size : self.at]

    def byte(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def number(self) -> int:
        """An integer of 32 bits."""
        return int.from_bytes(self.take(4), "little")

    def varint(self) -> int:
        """An integer of up to 64 bits, seven of them a byte."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number is longer than 64 bits")

    def doubles(self, count: int) -> NDArray[np.float64]:
        """So many doubles, all finite."""
        found = np.frombuffer(self.take(8 * count), "<f8")
        if not np.isfinite(found).all():
            raise ValueError("coordinates are not finite")
        return found

    def vectors(self, count: int) -> Points:
        """So many vertices as unit vectors."""
        found = self.doubles(3 * count).reshape(-1, 3)
        check_edges(count)
        lengths = np.linalg.norm(np.clip(found, -2, 2), axis=1)
        if not (np.abs(lengths - 1) < 1e-6).all():
            raise ValueError("vertices are not of unit length")
        return found

    def version(self, known: tuple[int, ...]) -> int:
        """The leading byte."""
        found = self.byte()
        if found not in known:
            raise ValueError(f"unknown version {found}")
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self.at != len(self.data):
            raise ValueError(f"{len(self.data) - self.at} bytes are left over")


def point(data: bytes) -> Geometry:
    """Three doubles: a unit vector."""
    reader = _Reader(data)
    found = degrees(reader.vectors(1))[0]
    reader.end()
    return Geometry(shapely.Point(found))


def lat_lng(data: bytes) -> Geometry:
    """Two doubles: latitude and longitude in radians."""
    reader = _Reader(data)
    lat, lon = (math.degrees(v) for v in reader.doubles(2))
    reader.end()
    _check_place(lon, lat)
    return Geometry(shapely.Point(lon, lat))


def _check_place(lon: float, lat: float) -> None:
    if abs(lat) > 90 + 1e-9:
        raise ValueError("a latitude is beyond a pole")
    if abs(lon) > 180 + 1e-9:
        raise ValueError("a longitude is beyond the antimeridian")


def lat_lng_rect(data: bytes) -> Geometry:
    """A box along meridians and parallels, with planar edges; one across the antimeridian runs on past 180°.

    A box that is inverted in latitude is empty.
    """
    reader = _Reader(data)
    reader.version((_LOSSLESS,))
    south, north, west, east = (math.degrees(v) for v in reader.doubles(4))
    reader.end()
    if south > north:
        return Geometry(shapely.Polygon(), geodesic=False)
    _check_place(west, south)
    _check_place(east, north)
    east += 360 if west > east else 0
    return Geometry(shapely.box(west, south, east, north), geodesic=False)


def polyline(data: bytes) -> Geometry:
    """A line of geodesic edges."""
    reader = _Reader(data)
    if reader.version((_LOSSLESS, _COMPRESSED_LINE)) == _LOSSLESS:
        vectors = reader.vectors(reader.number())
    else:
        level = _level(reader)
        vectors = _compressed(reader, reader.varint(), level)
    reader.end()
    if len(vectors) == 1:
        raise ValueError("a line needs at least two vertices")
    return Geometry(shapely.LineString(degrees(vectors)) if len(vectors) else shapely.LineString())


def polygon(data: bytes) -> Geometry:
    """Loops of geodesic edges: those at even depths are shells, those at odd depths holes of the shell before."""
    reader = _Reader(data)
    if reader.version((_LOSSLESS, _COMPRESSED_POLYGON)) == _LOSSLESS:
        reader.take(2)  # whether it owns its loops, and whether any is a hole
        loops = [_loop(reader) for _ in range(_count(reader, reader.number()))]
        reader.version((_LOSSLESS,))
        reader.doubles(4)  # the box around it
    else:
        level = _level(reader)
        loops = [_small_loop(reader, level) for _ in range(_count(reader, reader.varint()))]
    reader.end()
    return _of_loops(loops)


def _count(reader: _Reader, loops: int) -> int:
    if loops > len(reader.data):
        raise ValueError("there are more loops than bytes")
    return loops


def _loop(reader: _Reader) -> tuple[Points, int]:
    """Vertices and depth."""
    reader.version((_LOSSLESS,))
    vectors = reader.vectors(reader.number())
    reader.byte()  # whether the origin is inside: the direction of the vertices says so too
    depth = reader.number()
    reader.version((_LOSSLESS,))
    reader.doubles(4)
    return vectors, depth


def _small_loop(reader: _Reader, level: int) -> tuple[Points, int]:
    vectors = _compressed(reader, reader.varint(), level)
    bounded = reader.varint() & 2
    depth = reader.varint()
    if bounded:
        reader.version((_LOSSLESS,))
        reader.doubles(4)
    return vectors, depth


def _of_loops(loops: list[tuple[Points, int]]) -> Geometry:
    if len(loops) == 1 and len(loops[0][0]) == 1:  # a single vertex stands for all or nothing
        return _whole_or_empty(loops[0][0])
    parts: list[tuple[Points, list[Points]]] = []
    for vectors, depth in loops:
        if len(vectors) < 3:
            raise ValueError("a loop needs at least three vertices")
        ring = degrees(vectors)
        if depth % 2 == 0:
            parts.append((ring, []))
        elif parts:
            parts[-1][1].append(ring)
        else:
            raise ValueError("a hole comes before its shell")
    polygons = [shapely.Polygon(shell, holes) for shell, holes in parts]
    if len(polygons) == 1:
        return Geometry(polygons[0])
    return Geometry(shapely.MultiPolygon(polygons) if polygons else shapely.Polygon())


def _whole_or_empty(vectors: Points) -> Geometry:
    if vectors[0][2] > 0:
        return Geometry(shapely.Polygon())
    return Geometry(shapely.box(-180, -90, 180, 90), geodesic=False)


def _level(reader: _Reader) -> int:
    level = reader.byte()
    if level > FINEST:
        raise ValueError(f"there is no level {level}")
    return level


def _compressed(reader: _Reader, count: int, level: int) -> Points:
    """Vertices that are centres of cells of a level, and the exceptions among them."""
    if count > len(reader.data):
        raise ValueError("the bytes end too early")
    check_edges(count)
    if count == 0:
        return np.zeros((0, 3))
    faces = _faces(reader, count)
    x, y = _Series(), _Series()
    places = [_next(reader, level, x, y, first=k == 0) for k in range(count)]
    centres = (np.asarray(places, np.float64) + 0.5) / (1 << level)
    found = directions(faces, centres)
    found = np.asarray(found / np.linalg.norm(found, axis=1)[:, None], np.float64)
    for _ in range(_count(reader, reader.varint())):
        k = reader.varint()
        if k >= count:
            raise ValueError("a vertex that is not there is off its centre")
        found[k] = reader.vectors(1)[0]
    return found


def _faces(reader: _Reader, count: int) -> NDArray[np.int64]:
    """The face of each vertex, from runs."""
    runs: list[tuple[int, int]] = []
    left = count
    while left > 0:
        length, face = divmod(reader.varint(), 6)
        if not 0 < length <= left:
            raise ValueError("faces and vertices differ in number")
        runs.append((face, length))
        left -= length
    faces, lengths = np.array(runs).T
    return np.asarray(np.repeat(faces, lengths), np.int64)


class _Series:
    """Integers of 32 bits from their second differences."""

    def __init__(self) -> None:
        self.held: list[int] = []

    def next(self, difference: int) -> int:
        """The next one; the first two are less often differenced."""
        if len(self.held) < 2:
            self.held.append(0)
        for order in range(len(self.held) - 1, -1, -1):
            difference = self.held[order] = (self.held[order] + difference) & _MASK
        return difference


def _next(reader: _Reader, level: int, x: _Series, y: _Series, *, first: bool) -> tuple[int, int]:
    """A place on a face, in cells of the level."""
    if first:
        both = int.from_bytes(reader.take((level + 7) // 8 * 2), "little")
        steps = _apart(both), _apart(both >> 1)
    else:
        both = reader.varint()
        steps = _signed(_apart(both)), _signed(_apart(both >> 1))
    place = x.next(steps[0]), y.next(steps[1])
    if max(place) >= 1 << level:
        raise ValueError("a vertex lies outside of its face")
    return place


def _signed(value: int) -> int:
    """Zigzag: 0, -1, 1, -2, …"""
    return value >> 1 ^ -(value & 1)


def _apart(both: int) -> int:
    """Every other bit, from the lowest on."""
    bits = both & 0x5555555555555555
    for shift, mask in (
        (1, 0x3333333333333333), (2, 0x0F0F0F0F0F0F0F0F), (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF), (16, 0x00000000FFFFFFFF),
    ):  # fmt: skip
        bits = (bits | bits >> shift) & mask
    return bits
