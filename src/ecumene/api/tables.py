"""Features: computed tables with paging, downloads."""

from __future__ import annotations

import base64
import csv
import io
import json
from itertools import islice
from typing import Any

from ecumene.api.call import Call, pick
from ecumene.api.services import Bytes, Services
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import INDEX, Element
from ecumene.core.errors import EvaluationError, RequestError
from ecumene.core.geometry import Geometry
from ecumene.vector.geojson import encode_plain


def as_collection(value: Any, services: Services, context: Context) -> Collection:
    """The value of an expression as a collection."""
    return services.engine.as_collection(value, context)


def feature(element: Any, services: Services, context: Context) -> dict[str, Any]:
    """An element as plain GeoJSON: degrees, straight edges."""
    if not isinstance(element, Element):
        raise EvaluationError(
            "The collection holds something that is neither a feature nor an image."
        )
    outline: Geometry | None = element.outline
    properties = {k: v for k, v in element.properties.items() if k != INDEX}
    out: dict[str, Any] = {
        "type": "Feature",
        "geometry": None if outline is None else encode_plain(outline),
        "properties": services.engine.to_json(properties, context),
    }
    if element.index is not None:
        out["id"] = element.index
    return out


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"after {offset}".encode()).decode()


def _offset(token: Any) -> int:
    if not token:
        return 0
    try:
        word, number = base64.urlsafe_b64decode(str(token)).decode().split(" ")
        if word != "after":
            raise ValueError
        return max(int(number), 0)
    except ValueError:
        raise RequestError("The pageToken is not valid.") from None


def compute_features(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """``table:computeFeatures``: a page of features."""
    size = pick(call.body, "pageSize", context.limits.page_features)
    try:
        size = int(size)
    except (TypeError, ValueError):
        raise RequestError(f"Invalid value for 'pageSize': {size}") from None
    size = max(1, min(size or context.limits.page_features, context.limits.page_features))
    offset = _offset(call.field("pageToken"))
    value = services.engine.evaluate(call.field("expression"), context)
    page = list(islice(iter(as_collection(value, services, context)), offset, offset + size + 1))
    out: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [feature(element, services, context) for element in page[:size]],
    }
    if len(page) > size:
        out["nextPageToken"] = _token(offset + size)
    return out


def create_table(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """``tables.create``."""
    stored = services.stored.made(call.path["parent"], "tables", call.body, context)
    as_collection(services.evaluated(stored, context), services, context)
    kind = call.field("fileFormat", "CSV")
    if kind not in ("CSV", "GEO_JSON", "JSON", "TABLE_FILE_FORMAT_UNSPECIFIED"):
        raise RequestError(
            f"Table downloads as {kind} are not implemented by this server yet; use CSV or GEO_JSON."
        )
    services.stored.add(stored)
    return {"name": stored.name}


def get_table(call: Call, services: Services, context: Context) -> Bytes:
    """``tables.getFeatures``: the whole table as CSV or GeoJSON."""
    stored = services.stored.get(call.path["name"])
    table = as_collection(services.evaluated(stored, context), services, context)
    limit = context.limits.list_elements
    rows = [feature(e, services, context) for e in islice(iter(table), limit)]
    selectors = pick(stored.request, "selectors") or None
    name = str(pick(stored.request, "filename") or "table")
    if pick(stored.request, "fileFormat", "CSV") in ("GEO_JSON", "JSON"):
        if selectors:
            for row in rows:
                row["properties"] = {k: v for k, v in row["properties"].items() if k in selectors}
        content = json.dumps({"type": "FeatureCollection", "features": rows}).encode()
        return Bytes(
            content,
            "application/json",
            {"Content-Disposition": f'attachment; filename="{name}.geojson"'},
        )
    out = io.StringIO()
    names = selectors or [
        "system:index",
        *dict.fromkeys(k for row in rows for k in sorted(row["properties"])),
        ".geo",
    ]
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        special = {"system:index": row.get("id", ""), ".geo": json.dumps(row["geometry"])}
        writer.writerow([special.get(n, row["properties"].get(n, "")) for n in names])
    return Bytes(
        out.getvalue().encode(),
        "text/csv",
        {"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
