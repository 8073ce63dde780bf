"""Geometries from the forms of the S2 library and of stored geographies.

Cells and shapes of that library have great circles of a sphere as edges. Here they are geodesics of the spheroid
between the same longitudes and latitudes, as with all geometries.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import shapely

from ecumene.core.blob import Blob
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.registry import REGISTRY, Algorithm, Argument, algorithm
from ecumene.core.wire import Long, Object
from ecumene.vector import s2, s2_codec
from ecumene.vector.edges import check_edges
from ecumene.vector.geojson import decode

LARGEST = 50 * 2**20
"""Bytes of one encoded geometry."""

_MOST_COLLECTIONS = 1000
"""Collections in one geography: they may be nested, and their readers recurse."""

_TEXT_COLLECTION = re.compile(rb"geometrycollection", re.I)
_BINARY_COLLECTION = re.compile(
    rb"\x01(?:\x07\x00|\xef\x03|\xd7\x07|\xbf\x0b)\x00[\x00\x20\x40\x60\x80\xa0\xc0\xe0]"
    rb"|\x00[\x00\x20\x40\x60\x80\xa0\xc0\xe0]\x00(?:\x00\x07|\x03\xef|\x07\xd7|\x0b\xbf)"
)
"""Headers of collections in either byte order, with or without heights, measures and reference systems."""

_TOKEN = re.compile(r"(?:0[xX])?([0-9a-fA-F]{16})")


def _cell(number: int, given: object) -> Geometry:
    try:
        return s2.cell_polygon(number & 2**64 - 1)
    except ValueError:
        raise EvaluationError(f"Invalid S2 cell id: {given}.") from None


@algorithm("Geometry.fromS2CellId", "Geometry.s2Cell")
def from_cell_id(cell_id: Long) -> Geometry:
    """The polygon of an S2 cell, by its number.

    Parameters
    ----------
    cell_id : the number as a signed integer of 64 bits.
    """
    return _cell(cell_id, cell_id)


@algorithm("Geometry.fromS2CellToken")
def from_cell_token(cell_token: str) -> Geometry:
    """The polygon of an S2 cell, by its hexadecimal token.

    Parameters
    ----------
    cell_token : sixteen hexadecimal digits, trailing zeros included, with or without ``0x`` in front.
    """
    match = _TOKEN.fullmatch(cell_token)
    if match is None:
        raise EvaluationError(
            f"Invalid S2 cell token: '{cell_token[:100]}'. It must have 16 hexadecimal digits, trailing zeros included."
        )
    return _cell(int(match[1], 16), f"'{cell_token}'")


def _bytes(name: str, encoded: Any) -> bytes:
    """The bytes of a value: bytes themselves, or their base64 text."""
    if isinstance(encoded, Blob) and encoded.data is not None:
        encoded = encoded.data
    if isinstance(encoded, str):
        try:
            encoded = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise EvaluationError(f"{name}: The encoded geometry is not base64.") from None
    if not isinstance(encoded, bytes):
        raise EvaluationError(f"{name}: The encoded geometry must be bytes.")
    if len(encoded) > LARGEST:
        raise EvaluationError(f"{name}: The encoded geometry has more than {LARGEST} bytes.")
    return encoded


def _decoded(name: str, encoded: Any, read: Callable[[bytes], Geometry]) -> Geometry:
    data = _bytes(name, encoded)
    try:
        return read(data)
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise EvaluationError(f"{name}: Invalid encoded geometry: {error}.") from error


_WRITTEN = ", as the S2 library writes them"

_BINARY: dict[str, tuple[Callable[[bytes], Geometry], str, str]] = {
    "fromS2LatLng": (
        s2_codec.lat_lng, "A point from an encoded S2LatLng.", ": latitude and longitude in radians as little-endian doubles",
    ),
    "fromS2LatLngRect": (
        s2_codec.lat_lng_rect, "A box of meridians and parallels (planar edges) from an encoded S2LatLngRect.", _WRITTEN,
    ),
    "fromS2Point": (
        s2_codec.point, "A point from an encoded S2Point.", ": a unit vector as three little-endian doubles",
    ),
    "fromS2Polygon": (
        s2_codec.polygon, "A polygon, or several, from an encoded S2Polygon, lossless or compressed.", _WRITTEN,
    ),
    "fromS2Polyline": (
        s2_codec.polyline, "A line from an encoded S2Polyline, lossless or compressed.", _WRITTEN,
    ),
}  # fmt: skip
"""What reads the bytes, what comes of them, and what they are."""


def _declare() -> None:
    for ending, (read, words, form) in _BINARY.items():
        name = f"Geometry.{ending}"
        encoded = Argument(
            "encoded", "Object", f"bytes or their base64 text{form}.", parameter="encoded"
        )
        run = partial(_decoded, name, read=read)
        REGISTRY.add(Algorithm(name, (encoded,), "Geometry", words, run, hidden=True))


_declare()


@algorithm("Geometry.fromSTGeography", hidden=True)
def from_geography(encoded: Object) -> Geometry:
    """A geometry of geodesic edges from a geography as databases hand it out.

    How Earth Engine encodes one is not published. The forms in which BigQuery, PostGIS and others exchange
    geographies are understood: well-known text, well-known binary and GeoJSON.

    Parameters
    ----------
    encoded : well-known text, a GeoJSON object or its text, or well-known binary as bytes or their base64 text.
    """
    name = "Geometry.fromSTGeography"
    if isinstance(encoded, str) and encoded.lstrip()[:1] == "{":
        try:
            encoded = json.loads(encoded)
        except (ValueError, RecursionError):
            raise EvaluationError(f"{name}: The geography is not valid GeoJSON.") from None
    if isinstance(encoded, Geometry):
        return encoded
    if isinstance(encoded, dict):
        return decode(encoded, geodesic=True)
    if isinstance(encoded, str) and re.search(r"\(|\sEMPTY\s*$", encoded, re.I):
        return _decoded(name, encoded.encode(), _from_text)
    return _decoded(name, encoded, _from_binary)


def _from_text(data: bytes) -> Geometry:
    if len(_TEXT_COLLECTION.findall(data)) > _MOST_COLLECTIONS:
        raise ValueError("too many collections")
    return _flat(shapely.from_wkt(data.decode()))


def _from_binary(data: bytes) -> Geometry:
    if len(_BINARY_COLLECTION.findall(data)) > _MOST_COLLECTIONS:
        raise ValueError("too many collections")
    return _flat(shapely.from_wkb(data))


def _flat(shape: Any) -> Geometry:
    """The shape without heights. ValueError if a coordinate is no number."""
    flat = shapely.force_2d(shape)
    points = shapely.get_coordinates(flat)
    check_edges(len(points))
    if not np.isfinite(points).all():
        raise ValueError("coordinates must be finite")
    return Geometry(flat)
