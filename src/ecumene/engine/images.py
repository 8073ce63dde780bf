"""Computed images as assets describe themselves."""

from __future__ import annotations

from typing import Any

from ecumene.catalog.assets import asset
from ecumene.catalog.records import IMAGE, AssetRecord, encode_type
from ecumene.core.context import Context
from ecumene.core.element import INDEX
from ecumene.core.image import Band, Image
from ecumene.engine.service import Engine
from ecumene.vector.geojson import encode_plain

START, END = "system:time_start", "system:time_end"


def described(image: Image, engine: Engine, context: Context) -> dict[str, Any]:
    """The ``EarthEngineAsset`` of an image, stored or not; what it does not have is left out."""
    properties = dict(image.properties)
    start, end = properties.pop(START, None), properties.pop(END, None)
    bounded = not image.footprint.unbounded
    record = AssetRecord(
        image.id or "",
        IMAGE,
        start=int(start) if isinstance(start, int | float) else None,
        end=int(end) if isinstance(end, int | float) else None,
        updated=image.version or 0,
        properties=engine.to_json(properties, context),
        footprint=encode_plain(image.footprint) if bounded else None,
        bands=tuple(_band(band) for band in image.bands),
    )
    out = asset(record)
    if image.id is None:
        del out["name"], out["id"]
        if image.index is not None:
            out["id"] = str(properties[INDEX])
    return out


def _band(band: Band) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": band.name, "type": encode_type(band.type), "crs": band.projection.crs,
        "transform": band.projection.transform,
    }  # fmt: skip
    return out if band.dimensions is None else out | {"size": band.dimensions}
