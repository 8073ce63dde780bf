"""Assets: reading, listing and changing them; projects' settings."""

from __future__ import annotations

from typing import Any

from ecumene.api import imports
from ecumene.api.call import Call
from ecumene.api.services import Services
from ecumene.catalog import listing, policies
from ecumene.catalog.access import Role
from ecumene.catalog.assets import asset
from ecumene.catalog.ids import canonical
from ecumene.catalog.listing import MAX_PAGE
from ecumene.catalog.records import IMAGE
from ecumene.core.context import Context
from ecumene.core.errors import RequestError

View = dict[str, Any]


def get(call: Call, services: Services, context: Context) -> View:
    """``assets.get``."""
    return services.catalog.get_asset(call.path["name"])


def _view(call: Call) -> str:
    view = call.query.get("view") or "FULL"
    return "BASIC" if view == "BASIC" else "FULL"


def list_assets(call: Call, services: Services, context: Context) -> View:
    """``assets.listAssets``."""
    return listing.list_assets(
        services.catalog, call.path["parent"], filter_text=call.query.get("filter", ""), page_size=call.integer("pageSize"),
        page_token=call.query.get("pageToken", ""), view=_view(call),
    )  # fmt: skip


def list_root(call: Call, services: Services, context: Context) -> View:
    """``projects.listAssets``: what lies at the root of a project; of the legacy one, the caller's home folders."""
    parent, catalog = f"{call.path['parent']}/assets", services.catalog
    homes = canonical(parent) == "users"

    def owned(home: str) -> bool:
        return catalog.access.role(call.account, home) >= Role.WRITER

    return listing.list_assets(
        catalog, parent, filter_text=call.query.get("filter", ""),
        page_size=MAX_PAGE if homes else call.integer("pageSize"), page_token=call.query.get("pageToken", ""),
        view=_view(call), shown=owned if homes else None,
    )  # fmt: skip


def list_images(call: Call, services: Services, context: Context) -> View:
    """``assets.listImages`` (v1alpha)."""
    q = call.query
    return listing.list_images(
        services.catalog, call.path["parent"], start_time=q.get("startTime", ""), end_time=q.get("endTime", ""),
        region=q.get("region", ""), filter_text=q.get("filter", ""), page_size=call.integer("pageSize"),
        page_token=q.get("pageToken", ""), view=_view(call),
    )  # fmt: skip


def list_features(call: Call, services: Services, context: Context) -> View:
    """``assets.listFeatures``."""
    q = call.query
    return listing.list_features(
        services.catalog, call.path["asset"], region=q.get("region", ""), filter_text=q.get("filter", ""),
        page_size=call.integer("pageSize"), page_token=q.get("pageToken", ""),
    )  # fmt: skip


def create(call: Call, services: Services, context: Context) -> View:
    """``assets.create``: folders, image collections, and images backed by files in cloud storage."""
    name = f"{call.path['parent']}/assets/{call.query.get('assetId', '').strip('/')}"
    if not call.query.get("assetId"):
        raise RequestError("'assetId' is needed: the asset's path in its project.")
    locations = call.field("cloudStorageLocation")
    if call.body.get("type") == IMAGE and locations is not None:
        return asset(imports.created(call, services, name, locations))
    return asset(services.catalog.edited_by(call.account).create(name, call.body))


def copy(call: Call, services: Services, context: Context) -> View:
    """``assets.copy``."""
    bands = call.field("bandIds", [])
    if not isinstance(bands, list):
        raise RequestError("'bandIds' must be a list.")
    editor = services.catalog.edited_by(call.account)
    overwrite = bool(call.field("overwrite", False))
    made = editor.copy(call.path["sourceName"], _target(call), overwrite=overwrite, bands=bands)
    return asset(made)


def link(call: Call, services: Services, context: Context) -> View:
    """``assets.link``."""
    editor = services.catalog.edited_by(call.account)
    made = editor.link(call.path["sourceName"], _target(call))
    return services.catalog.get_asset(made.id)


def get_linked(call: Call, services: Services, context: Context) -> View:
    """``assets.getLinked``: the asset that a link stands for; any other is its own."""
    return services.catalog.get_asset(services.catalog.require(call.path["name"]).id)


def move(call: Call, services: Services, context: Context) -> View:
    """``assets.move``."""
    editor = services.catalog.edited_by(call.account)
    return asset(editor.move(call.path["sourceName"], _target(call)))


def _target(call: Call) -> str:
    target = call.field("destinationName")
    if not isinstance(target, str) or not target:
        raise RequestError("'destinationName' is needed.")
    return target


def patch(call: Call, services: Services, context: Context) -> View:
    """``assets.patch``: an ``UpdateAssetRequest``, or the asset itself with the mask in the query."""
    given = call.field("asset")
    mask = call.field("updateMask", call.query.get("updateMask"))
    if given is None:
        given = {} if mask else call.body
    editor = services.catalog.edited_by(call.account)
    return asset(editor.update(call.path["name"], given, mask))


def delete(call: Call, services: Services, context: Context) -> View:
    """``assets.delete``."""
    services.catalog.edited_by(call.account).delete(call.path["name"])
    return {}


def get_policy(call: Call, services: Services, context: Context) -> View:
    """``assets.getIamPolicy``."""
    return policies.get(services.catalog, call.account, call.path["resource"])


def set_policy(call: Call, services: Services, context: Context) -> View:
    """``assets.setIamPolicy``."""
    given = call.field("policy")
    return policies.replace(services.catalog, call.account, call.path["resource"], given)


def test_permissions(call: Call, services: Services, context: Context) -> View:
    """``assets.testIamPermissions``."""
    wanted = call.field("permissions", [])
    found = policies.allowed(services.catalog, call.account, call.path["resource"], wanted)
    return {"permissions": found} if found else {}


def get_config(call: Call, services: Services, context: Context) -> View:
    """``projects.getConfig``."""
    return {
        "name": call.path["name"],
        "maxConcurrentExports": context.limits.concurrent_requests,
        "registrationState": "REGISTERED_NOT_COMMERCIALLY",
    }


def capabilities(call: Call, services: Services, context: Context) -> View:
    """``projects.getCapabilities``."""
    return {"capabilities": ["PUBLIC"]}


def not_yet(call: Call, services: Services, context: Context) -> View:
    """Methods of the API that this server does not have yet."""
    raise RequestError("This method is not implemented by this server yet.")
