"""Assets on the wire: the ``EarthEngineAsset`` object of a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecumene.catalog.filters import rfc3339
from ecumene.catalog.ids import name_of
from ecumene.catalog.records import TABLE, AssetRecord
from ecumene.core import crs as crs_


def asset(
    record: AssetRecord, view: str = "FULL", quota: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The ``EarthEngineAsset`` of a record; ``BASIC`` has type, name and id only."""
    out: dict[str, Any] = {"type": record.type, "name": name_of(record.id), "id": record.id}
    if view == "BASIC":
        return out
    if quota is not None:
        out["quota"] = dict(quota)
    texts = {"title": record.title, "description": record.description}
    out.update({key: text for key, text in texts.items() if text})
    out.update(_times(record))
    if record.properties:
        out["properties"] = dict(record.properties)
    if record.footprint is not None:
        out["geometry"] = dict(record.footprint)
    if record.bands:
        out["bands"] = [_band(band) for band in record.bands]
    if record.size is not None:
        out["sizeBytes"] = str(record.size)
    if record.count is not None and record.type == TABLE:
        out["featureCount"] = str(record.count)
    return out


def _times(record: AssetRecord) -> dict[str, str]:
    moments = {
        "updateTime": record.updated // 1000 or None,
        "startTime": record.start,
        "endTime": record.end,
    }
    return {name: rfc3339(ms) for name, ms in moments.items() if ms is not None}


def _band(band: Mapping[str, Any]) -> dict[str, Any]:
    a, b, c, d, e, f = band["transform"]
    crs = band["crs"]
    out: dict[str, Any] = {
        "id": band["id"],
        "dataType": _data_type(band["type"]),
        "grid": {
            "crsCode" if crs_.is_code(crs) else "crsWkt": crs,
            "affineTransform": {
                "scaleX": a,
                "shearX": b,
                "translateX": c,
                "shearY": d,
                "scaleY": e,
                "translateY": f,
            },
        },
        "pyramidingPolicy": band.get("policy", "MEAN"),
    }
    if "size" in band:
        out["grid"]["dimensions"] = dict(zip(("width", "height"), band["size"], strict=True))
    if band.get("missing"):
        out["missingData"] = {"values": band["missing"]}
    return out


def _data_type(stored: list[Any]) -> dict[str, Any]:
    precision, low, high = stored
    out: dict[str, Any] = {"precision": precision.upper()}
    if precision == "int" and low is not None and high is not None:
        out["range"] = {"max": high} if low == 0 else {"min": low, "max": high}
    return out
