"""Assets: reading and listing; projects' settings."""

from __future__ import annotations

from typing import Any

from ecumene.api.call import Call
from ecumene.api.services import Services
from ecumene.catalog import listing
from ecumene.catalog.assets import asset
from ecumene.core.context import Context
from ecumene.core.errors import RequestError

View = dict[str, Any]


def get(call: Call, services: Services, context: Context) -> View:
    """``assets.get``."""
    return asset(services.catalog.require(call.path["name"]))


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
    """``projects.listAssets``: what lies at the root of a project."""
    return listing.list_assets(
        services.catalog, f"{call.path['parent']}/assets", filter_text=call.query.get("filter", ""),
        page_size=call.integer("pageSize"), page_token=call.query.get("pageToken", ""), view=_view(call),
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
