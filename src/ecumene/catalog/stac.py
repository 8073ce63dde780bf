"""From a STAC item and a dataset definition to an asset record."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from shapely.geometry import mapping

from ecumene.catalog import footprints
from ecumene.catalog.datasets import Dataset, IndexRule, PropertyRule
from ecumene.catalog.filters import millis
from ecumene.catalog.images import is_planar
from ecumene.catalog.itembands import ItemFiles, bands_of
from ecumene.catalog.records import IMAGE, AssetRecord, encode_band
from ecumene.core.element import INDEX
from ecumene.core.errors import RequestError
from ecumene.storage.gate import Gate

START, END = "system:time_start", "system:time_end"


def record_of(item: Mapping[str, Any], base: str, dataset: Dataset, gate: Gate) -> AssetRecord:
    """The image that an item is, under the definition. ``base`` is where the item was read.

    Files are opened only for what the item does not say. Raises RequestError if the item has none
    of the bands or no usable grid, PermissionDenied if the gate refuses a file.
    """
    properties = item.get("properties") or {}
    files = ItemFiles(item, base, gate)
    bands = bands_of(dataset, files)
    if not bands:
        raise RequestError(f"Item '{item.get('id')}' has none of the bands of {dataset.id}.")
    bounds, outline = footprints.of_item(item.get("geometry"), item.get("bbox"))
    if outline is None:
        first = bands[0][1]
        found = footprints.of_grid(first.grid, first.width, first.height)
        bounds, outline = found if found is not None else (bounds, None)
    if outline is not None and bounds is not None and not is_planar(bands[0][1].grid.crs):
        bounds = footprints.risen(bounds, outline)
    served = _properties(item, dataset)
    start, end = _times(properties, served)
    index = _index(item, dataset, served)
    size = files.size()
    return AssetRecord(
        dataset.id if dataset.type == IMAGE else f"{dataset.id}/{index}",
        IMAGE,
        title=dataset.title if dataset.type == IMAGE else "",
        description=dataset.description if dataset.type == IMAGE else "",
        start=start,
        end=end,
        properties=served,
        bounds=bounds,
        footprint=None if outline is None else dict(mapping(outline)),
        bands=tuple(encode_band(name, band) for name, band in bands),
        size=size,
    )


def _times(properties: Mapping[str, Any], served: dict[str, Any]) -> tuple[int | None, int | None]:
    """Taken out of ``ee:properties`` where those are given, else the item's own."""
    if "ee:properties" in properties:
        start, end = served.pop(START, None), served.pop(END, None)
        return (None if start is None else int(start)), (None if end is None else int(end))
    first = properties.get("start_datetime") or properties.get("datetime")
    last = properties.get("end_datetime")
    return (millis(first) if first else None), (millis(last) if last else None)


def _index(item: Mapping[str, Any], dataset: Dataset, served: dict[str, Any]) -> str:
    given = served.pop(INDEX, None)
    if given is None and dataset.index is not None:
        given = _from_template(item, dataset.index)
    return re.sub(r"[^\w.-]", "_", str(given or item.get("id") or "image"))


def _from_template(item: Mapping[str, Any], rule: IndexRule) -> str | None:
    parts = {name: _value(item, part) for name, part in rule.parts.items()}
    if any(value is None for value in parts.values()):
        return None
    return rule.template.format(**parts)


def _properties(item: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """Earth Engine's properties: ``ee:properties`` as they are, else by the definition's rules."""
    properties = item.get("properties") or {}
    given = properties.get("ee:properties")
    if given is None:
        given = {name: _value(item, rule) for name, rule in dataset.properties.items()}
        if not dataset.properties:
            given = {k: v for k, v in properties.items() if not k.startswith("proj:")}
    return plain_properties({**dataset.constants, **given})


def plain_properties(given: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, texts and lists of these; booleans become integers, anything else is left out."""
    out = {name: int(v) if isinstance(v, bool) else v for name, v in given.items()}
    return {name: value for name, value in out.items() if _storable(value)}


def _storable(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(isinstance(v, str | int | float) for v in value)
    return isinstance(value, str | int)


def _value(item: Mapping[str, Any], rule: PropertyRule | str) -> Any:
    if isinstance(rule, str):
        rule = PropertyRule(source=rule)
    if rule.value is not None:
        return rule.value
    sources = (rule.source,) if isinstance(rule.source, str) else rule.source
    properties = item.get("properties") or {}
    for source in sources:
        found = item.get("id") if source == "id" else properties.get(source)
        if found is None:
            continue
        if rule.pattern is not None:
            match = re.search(rule.pattern, str(found))
            if match is None:
                continue
            found = match.group(1)
        return _converted(rule.words.get(str(found), found), rule.kind)
    return None


def _converted(value: Any, kind: str) -> Any:
    if kind == "text":
        return str(value)
    if kind == "millis":
        return millis(str(value))
    if kind == "number" and isinstance(value, str):
        try:
            return int(value) if re.fullmatch(r"[-+]?\d+", value) else float(value)
        except ValueError:
            return None
    return value
