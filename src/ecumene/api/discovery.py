"""The discovery document, made from the route table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ecumene.api.table import Route

_STRING = {"type": "string"}
_LISTS = {
    "ListAssetsResponse": "assets", "ListImagesResponse": "images", "ListFeaturesResponse": "features",
    "ListOperationsResponse": "operations", "ComputeFeaturesResponse": "features", "ComputeImagesResponse": "images",
}  # fmt: skip
_COMMON = (
    "$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "quotaUser", "uploadType",
    "upload_protocol",
)  # fmt: skip


def document(routes: Iterable[Route], version: str, base: str) -> dict[str, Any]:
    """The document for one version of the API."""
    table = [route for route in routes if not route.own]
    schemas: dict[str, Any] = {}
    for route in table:
        for name in (route.request, route.response):
            if name:
                schemas[name] = {"id": name, "type": "object", "properties": {}}
    for name, items in _LISTS.items():
        if name in schemas:
            schemas[name]["properties"] = {
                "nextPageToken": _STRING,
                items: {"type": "array", "items": {"type": "any"}},
            }
    parameters: dict[str, Any] = {name: {"location": "query", "type": "string"} for name in _COMMON}
    parameters["prettyPrint"] = {"location": "query", "type": "boolean", "default": "true"}
    root: dict[str, Any] = {"resources": {"projects": {}}}
    for route in table:
        *path, method = route.id.split(".")
        node = root["resources"]["projects"]
        for part in path:
            node = node.setdefault("resources", {}).setdefault(part, {})
        node.setdefault("methods", {})[method] = route.discovery(version)
    return {
        "kind": "discovery#restDescription",
        "id": f"earthengine:{version}",
        "name": "earthengine",
        "version": version,
        "title": "Ecumene, an Earth Engine API",
        "description": "Planetary-scale analysis on your own machine.",
        "protocol": "rest",
        "rootUrl": f"{base}/",
        "servicePath": "",
        "baseUrl": f"{base}/",
        "batchPath": "batch",
        "parameters": parameters,
        "schemas": schemas,
        "resources": root["resources"],
        "auth": {
            "oauth2": {
                "scopes": {"https://www.googleapis.com/auth/earthengine": {"description": "All."}}
            }
        },
    }
