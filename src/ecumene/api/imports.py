"""Imports: manifests become operations, or at once assets over files where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecumene.api.call import Call, pick
from ecumene.api.operations import of, submit
from ecumene.api.services import Services
from ecumene.catalog.records import AssetRecord
from ecumene.core.context import Context
from ecumene.core.errors import RequestError
from ecumene.tasks.ingest import image as image_
from ecumene.tasks.ingest import manifests

View = dict[str, Any]


def image(call: Call, services: Services, context: Context) -> View:
    """``image:import``."""
    return submit(call, services, "image:import", manifests.image(call.body))


def image_external(call: Call, services: Services, context: Context) -> View:
    """``image:importExternal``."""
    _external(call, services, manifests.image(call.body))
    return {}


def table(call: Call, services: Services, context: Context) -> View:
    """``table:import``."""
    return submit(call, services, "table:import", manifests.table(call.body))


def created(call: Call, services: Services, name: str, locations: Any) -> AssetRecord:
    """``assets.create`` of an image over a file in cloud storage (``cloudStorageLocation``)."""
    if not isinstance(locations, Mapping):
        raise RequestError("'cloudStorageLocation' must be an object.")
    uris = pick(locations, "uris", [])
    if not isinstance(uris, list) or len(uris) != 1:
        raise RequestError("'cloudStorageLocation' must have exactly one URI.")
    manifest = {
        "name": name,
        "tilesets": [{"sources": [{"uris": uris}]}],
        **{field: call.field(field) for field in ("properties", "startTime", "endTime")},
    }
    overwrite = call.query.get("overwrite") == "true"
    return _external(call, services, manifests.image({"imageManifest": manifest, "overwrite": overwrite}))  # fmt: skip


def _external(call: Call, services: Services, payload: manifests.Payload) -> AssetRecord:
    data = of(services).around.data
    return image_.external(services.catalog, data, call.account, payload)
