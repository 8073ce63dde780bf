"""Asset records: one row of the catalogue, and the JSON in which bands are stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ecumene.core import pixel_type as types
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Projection, affine
from ecumene.core.raster import MaskRule, RasterBand

IMAGE, COLLECTION, TABLE, FOLDER = "IMAGE", "IMAGE_COLLECTION", "TABLE", "FOLDER"
CLASSIFIER = "CLASSIFIER"

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees; -180 ≤ west < 180, east may exceed 180."""


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """What is stored of an asset. Times are ms since 1970, ``updated`` µs (the version).

    ``bands`` are as ``encode_band`` writes them; ``table`` says where a table's rows are, or (``link``) for which
    other asset this one stands.
    """

    id: str
    type: str
    title: str = ""
    description: str = ""
    start: int | None = None
    end: int | None = None
    updated: int = 0
    properties: Mapping[str, Any] = field(default_factory=dict)
    bounds: Bounds | None = None
    footprint: Mapping[str, Any] | None = None
    bands: tuple[Mapping[str, Any], ...] = ()
    table: Mapping[str, Any] | None = None
    size: int | None = None
    count: int | None = None


def linked(location: Mapping[str, Any] | None) -> str | None:
    """The id of the asset that a record's ``table`` says it stands for; None for assets of their own."""
    return None if location is None else location.get("link")


@lru_cache(maxsize=4096)
def _projection(crs: str, transform: tuple[float, ...]) -> Projection:
    return Projection(crs, affine(transform))


@lru_cache(maxsize=4096)
def _type(precision: str, low: float | None, high: float | None) -> PixelType:
    return PixelType(precision, low, high)


def encode_type(pixel_type: PixelType) -> list[Any]:
    """``[precision, min, max]``."""
    return [pixel_type.precision, pixel_type.min, pixel_type.max]


def encode_band(name: str, band: RasterBand) -> dict[str, Any]:
    """The stored form of a band; what has its default value is left out."""
    out: dict[str, Any] = {
        "id": name,
        "path": band.path,
        "index": band.index,
        "type": encode_type(band.type),
        "crs": band.grid.crs,
        "transform": list(band.grid.transform),
        "size": [band.width, band.height],
    }
    if band.missing:
        out["missing"] = [v if math.isfinite(v) else str(v) for v in band.missing]
    if band.scale != 1:
        out["scale"] = band.scale
    if band.offset != 0:
        out["offset"] = band.offset
    if band.floor is not None:
        out["floor"] = band.floor
    if band.policy != "MEAN":
        out["policy"] = band.policy
    if band.masks:
        out["masks"] = [[m.path, m.index, list(m.invalid), m.bits] for m in band.masks]
    return out


def decode_band(stored: Mapping[str, Any], asset: str = "") -> tuple[str, RasterBand]:
    """Name and description of a stored band of an asset."""
    low_high = stored["type"]
    width, height = stored["size"]
    band = RasterBand(
        stored["path"],
        stored["index"],
        _type(low_high[0], low_high[1], low_high[2]),
        _projection(stored["crs"], tuple(stored["transform"])),
        width,
        height,
        tuple(float(v) if isinstance(v, str) else v for v in stored.get("missing", ())),
        stored.get("scale", 1.0),
        stored.get("offset", 0.0),
        stored.get("floor"),
        tuple(MaskRule(p, i, tuple(v), b) for p, i, v, b in stored.get("masks", ())),
        stored.get("policy", "MEAN"),
        asset,
    )
    return stored["id"], band


def served_type(stored: PixelType, scale: float, offset: float, floor: float | None) -> PixelType:
    """The type of ``stored · scale + offset``: still an integer if only an integer is added.

    An integer offset keeps the stored range, as served collections do (values are clamped).
    """
    if scale == 1 and offset == int(offset) and stored.is_int:
        return stored
    if scale == 1 and offset == 0:
        return stored
    return types.DOUBLE if stored.precision == "double" else types.FLOAT
