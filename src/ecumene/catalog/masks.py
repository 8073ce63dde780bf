"""Updates of assets: which fields an ``updateMask`` names, and what they do to a record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecumene.catalog.filters import millis
from ecumene.catalog.ids import name_of
from ecumene.catalog.records import AssetRecord
from ecumene.core.errors import RequestError

FIELDS = {
    "start_time": "start",
    "startTime": "start",
    "end_time": "end",
    "endTime": "end",
    "properties": "properties",
    "bands": "bands",
    "title": "title",
    "description": "description",
}
_TIMES = {"system:time_start": "start", "system:time_end": "end"}
_COMPUTED = ("system:index", "system:id", "system:version", "system:asset_size", "system:footprint")
_PART = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')
MOST_PROPERTIES_BYTES = 2**20
LONGEST_NAME = 110
"""Characters of a property's name."""


def paths(mask: Any) -> list[str]:
    """The paths of a mask in either form: ``{"paths": […]}`` or one text joined by commas."""
    if mask is None:
        return []
    if isinstance(mask, Mapping):
        found = mask.get("paths") or []
        if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
            raise RequestError("'updateMask.paths' must be a list of strings.")
        return list(found)
    if not isinstance(mask, str):
        raise RequestError("'updateMask' must be a string or an object with paths.")
    return [part.strip() for part in _PART.findall(mask) if part.strip()]


def time_of(value: Any) -> int | None:
    """Milliseconds of a time: RFC 3339, or an object with seconds and nanos; None where it is unset."""
    if value is None or value == "":
        return None
    if isinstance(value, Mapping):
        try:
            return int(value.get("seconds") or 0) * 1000 + int(value.get("nanos") or 0) // 1_000_000
        except (TypeError, ValueError):
            raise RequestError("A time has seconds and nanos.") from None
    if not isinstance(value, str):
        raise RequestError(f"'{str(value)[:60]}' is not an RFC 3339 time.")
    return millis(re.sub(r"(\.\d{6})\d+", r"\1", value))


def properties(given: Any) -> dict[str, Any]:
    """Properties of an asset: numbers, texts and lists of them, by name; RequestError for anything else."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise RequestError("'properties' must be an object.")
    found = {}
    size = 0
    for name, value in given.items():
        if not name or len(name) > LONGEST_NAME:
            raise RequestError(f"Invalid property name: '{name[:200]}'.")
        if value is None:
            continue
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str | int | float) for one in items):
            raise RequestError(
                f"Property '{name}' has an unsupported type: properties are numbers, strings or lists of them."
            )
        if name not in _COMPUTED:
            found[name] = [_plain(one) for one in items] if items is value else _plain(value)
        size += len(name) + sum(len(one) if isinstance(one, str) else 8 for one in items)
    if size > MOST_PROPERTIES_BYTES:
        raise RequestError(f"The properties have more than {MOST_PROPERTIES_BYTES} bytes.")
    return found


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def with_times(record: AssetRecord, found: dict[str, Any]) -> AssetRecord:
    """The record with these properties; ``system:time_start`` and ``system:time_end`` among them are its times."""
    times: dict[str, Any] = {}
    for name, field in _TIMES.items():
        if name in found:
            value = found.pop(name)
            if not isinstance(value, int | float):
                raise RequestError(f"Property '{name}' is a number of milliseconds.")
            times[field] = int(value)
    return changed(record, {"properties": found, **times})


def changed(record: AssetRecord, fields: dict[str, Any]) -> AssetRecord:
    """The record with other values of some fields."""
    return replace(record, **fields)


def patched(record: AssetRecord, asset: Mapping[str, Any], named: list[str]) -> AssetRecord:
    """The record with the fields that a mask names as they are in ``asset``, and deleted where they are not.

    An empty mask names times, properties and (where they are given) band names.
    """
    if not named:
        named = ["start_time", "end_time", "properties"]
        named += ["bands"] if asset.get("bands") else []
    for path in named:
        head, dot, tail = path.partition(".")
        field = FIELDS.get(head)
        if field is None or (dot and field != "properties"):
            raise RequestError(f"Field '{path[:200]}' in updateMask cannot be updated.")
        if dot:
            record = _with_property(record, _unquoted(tail), asset.get("properties") or {})
        else:
            record = _with_field(record, field, asset)
    return record


def _with_field(record: AssetRecord, field: str, asset: Mapping[str, Any]) -> AssetRecord:
    if field == "properties":
        return with_times(record, properties(asset.get("properties")))
    if field == "bands":
        return changed(record, {"bands": _renamed(record, asset.get("bands"))})
    if field in ("title", "description"):
        return changed(record, {field: str(asset.get(field) or "")})
    either = asset.get(f"{field}Time") or asset.get(f"{field}_time")
    return changed(record, {field: time_of(either)})


def _with_property(record: AssetRecord, name: str, given: Any) -> AssetRecord:
    value = given.get(name) if isinstance(given, Mapping) else None
    if name in _TIMES and value is None:
        return changed(record, {_TIMES[name]: None})
    kept = {key: old for key, old in record.properties.items() if key != name}
    return with_times(record, {**kept, **properties({name: value})})


def _renamed(record: AssetRecord, bands: Any) -> tuple[Mapping[str, Any], ...]:
    given = bands or []
    if not isinstance(given, list):
        raise RequestError("'bands' must be a list.")
    names = [band.get("id") if isinstance(band, Mapping) else None for band in given]
    if len(names) != len(record.bands):
        raise RequestError(
            f"Asset '{name_of(record.id)}' has {len(record.bands)} bands; {len(names)} names were given."
        )
    if not all(isinstance(n, str) and n for n in names) or len(set(names)) != len(names):
        raise RequestError("Band names must be different and not empty.")
    return tuple({**band, "id": name} for band, name in zip(record.bands, names, strict=True))


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
