"""Lengths, areas and distances on the WGS84 spheroid (pyproj's geodesics)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely

from ecumene.core import crs as crs_
from ecumene.core.geometry import Geometry
from ecumene.vector.transform import GEOD, densified, to_crs


def _parts(shape: Any) -> list[Any]:
    if hasattr(shape, "geoms"):
        return [inner for part in shape.geoms for inner in _parts(part)]
    return [] if shape.is_empty else [shape]


def _spherical(geometry: Geometry) -> Any:
    """The shape in degrees whose geodesic edges follow the geometry's edges."""
    if geometry.crs == "EPSG:4326" and geometry.geodesic:
        return geometry.shape
    if geometry.crs == "EPSG:4326":
        return densified(geometry)
    return to_crs(geometry, "EPSG:4326").shape


def _ring_area(ring: Any) -> float:
    points = np.asarray(ring.coords)
    found, _ = GEOD.polygon_area_perimeter(points[:, 0], points[:, 1])
    return abs(float(found))


def _line_length(line: Any) -> float:
    points = np.asarray(line.coords)
    return float(GEOD.line_length(points[:, 0], points[:, 1]))


def area(geometry: Geometry) -> float:
    """Square metres of the polygons; overlaps of parts count twice."""
    if geometry.unbounded:
        return 510_065_621_724_088.44
    total = 0.0
    for part in _parts(_spherical(geometry)):
        if part.geom_type == "Polygon":
            total += _ring_area(part.exterior) - sum(_ring_area(hole) for hole in part.interiors)
    return total


def length(geometry: Geometry) -> float:
    """Metres of the lines."""
    return sum(
        (
            _line_length(part)
            for part in _parts(_spherical(geometry))
            if part.geom_type in ("LineString", "LinearRing")
        ),
        0.0,
    )


def perimeter(geometry: Geometry) -> float:
    """Metres around the polygons, holes included."""
    total = 0.0
    for part in _parts(_spherical(geometry)):
        if part.geom_type == "Polygon":
            total += sum(_line_length(ring) for ring in (part.exterior, *part.interiors))
    return total


def local_crs(geometry: Geometry) -> str:
    """A metric projection around a geometry (azimuthal equidistant at the centre of its box)."""
    shape = to_crs(geometry, "EPSG:4326").shape
    west, south, east, north = shape.bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    return _azimuthal(round(lon, 6), round(lat, 6))


def _azimuthal(lon: float, lat: float) -> str:
    return (
        f'PROJCS["local",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
        f'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Azimuthal_Equidistant"],'
        f'PARAMETER["latitude_of_center",{lat}],PARAMETER["longitude_of_center",{lon}],'
        f'PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["metre",1]]'
    )


def distance(left: Geometry, right: Geometry) -> float:
    """Metres between the nearest points; 0 where they meet.

    Points are measured at once. Otherwise the nearest points are found in a projection around the first
    geometry, refined once around the pair, and the geodesic between them is measured.
    """
    a, b = left.shape, right.shape
    if a.geom_type == b.geom_type == "Point" and left.crs == right.crs == "EPSG:4326":
        return abs(float(GEOD.inv(a.x, a.y, b.x, b.y)[2]))
    if a.is_empty or b.is_empty:
        return math.inf
    near = None
    best = math.inf
    crs = local_crs(left)
    for _ in range(3):
        p = shapely.make_valid(to_crs(left, crs).shape)
        q = shapely.make_valid(to_crs(right, crs).shape)
        if shapely.intersects(p, q):
            return 0.0
        line = shapely.shortest_line(p, q)
        if line is None or line.is_empty:
            return best
        x, y = crs_.transform(crs, "EPSG:4326", *np.asarray(line.coords).T)
        found = abs(float(GEOD.inv(x[0], y[0], x[1], y[1])[2]))
        best = min(best, found)
        centre = (round(float(x.mean()), 6), round(float(y.mean()), 6))
        if near == centre or not np.isfinite(x).all():
            break
        near = centre
        crs = _azimuthal(*centre)
    return best
