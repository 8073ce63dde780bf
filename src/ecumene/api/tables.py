"""Features: computed tables with paging, downloads."""

from __future__ import annotations

import base64
import re
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ecumene.api.call import Call, pick
from ecumene.api.services import Bytes, Services
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import RequestError
from ecumene.engine.features import feature
from ecumene.engine.images import described
from ecumene.tasks.exports import formats, table
from ecumene.tasks.exports.rows import collected


def as_collection(value: Any, services: Services, context: Context) -> Collection:
    """The value of an expression as a collection."""
    return services.engine.as_collection(value, context)


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


def _page(call: Call, services: Services, context: Context) -> tuple[list[Any], dict[str, str]]:
    """The elements of the page that a request asks for, and the token of the next one."""
    size = pick(call.body, "pageSize", context.limits.page_features)
    try:
        size = int(size)
    except (TypeError, ValueError):
        raise RequestError(f"Invalid value for 'pageSize': {size}") from None
    size = max(1, min(size or context.limits.page_features, context.limits.page_features))
    offset = _offset(call.field("pageToken"))
    value = services.engine.evaluate(call.field("expression"), context)
    found = as_collection(value, services, context).limit(size + 1, offset)
    page = list(context.cancel.each(found))
    return page[:size], {"nextPageToken": _token(offset + size)} if len(page) > size else {}


def compute_features(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """``table:computeFeatures``: a page of features."""
    page, following = _page(call, services, context)
    features = [feature(element, services.engine, context) for element in page]
    return {"type": "FeatureCollection", "features": features, **following}


def compute_images(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """``imageCollection:computeImages``: a page of images, described as assets."""
    page, following = _page(call, services, context)
    images = [services.engine.as_image(element, context) for element in page]
    return {"images": [described(one, services.engine, context) for one in images], **following}


def create_table(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """``tables.create``."""
    _format(call.body)
    table.selectors(call.field("selectors"))
    stored = services.stored.made(call.path["parent"], "tables", call.body, context)
    as_collection(services.evaluated(stored, context), services, context)
    services.stored.add(stored)
    return {"name": stored.name}


def _format(request: Any) -> str:
    named = pick(request, "fileFormat") or "CSV"
    kind = formats.FORMATS.get("CSV" if str(named).endswith("UNSPECIFIED") else str(named))
    if kind is None:
        raise RequestError(
            f"Invalid or unsupported fileFormat '{named}'. Supported: {', '.join(formats.FORMATS)}."
        )
    return kind


def get_table(call: Call, services: Services, context: Context) -> Bytes:
    """``tables.getFeatures``: the whole table in its format; a Shapefile as a ZIP."""
    stored = services.stored.get(call.path["name"])
    found = as_collection(services.evaluated(stored, context), services, context)
    some = islice(context.cancel.each(found), context.limits.list_elements)
    kind = _format(stored.request)
    stem = re.sub(r"[^\w.-]", "_", str(pick(stored.request, "filename") or "table"))[:128]
    with TemporaryDirectory(prefix="ecumene-table-") as name:
        folder = Path(name)
        features = (feature(element, services.engine, context) for element in some)
        rows = collected(
            features, folder / "rows", table.selectors(pick(stored.request, "selectors"))
        )
        files = formats.write(kind, rows, folder)
        if len(files) > 1:
            content, ending = formats.archived(folder, files, stem), ".zip"
        else:
            ((file, ending),) = files.items()
            content = (folder / file).read_bytes()
    disposition = {"Content-Disposition": f'attachment; filename="{stem}{ending}"'}
    return Bytes(content, formats.MEDIA[kind], disposition)
