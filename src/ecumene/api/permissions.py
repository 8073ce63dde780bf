"""Which permission each method needs, and on what: the one table that is asked before a handler runs.

A method that names a second resource in its body (a copy's target, the asset of an import or export) is checked
for that one where it is changed: ``catalog.edits``. Tiles, thumbnails and downloads are fetched by their
unguessable names without a token; they are rendered with the permissions of whoever made them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecumene.api.call import Call
from ecumene.catalog.ids import canonical
from ecumene.catalog.store import Catalog
from ecumene.core.context import Context


@dataclass(frozen=True, slots=True)
class Needs:
    """A permission, on the asset that a path parameter names or (``asset`` empty) on the path's project."""

    permission: str
    asset: str = ""


def _in_project(*verbs: str) -> dict[str, Needs]:
    return {verb: Needs(f"earthengine.{verb.lower()}") for verb in verbs}


def _on_asset(permission: str, methods: Mapping[str, str]) -> dict[str, Needs]:
    needs = f"earthengine.assets.{permission}"
    return {f"assets.{method}": Needs(needs, parameter) for method, parameter in methods.items()}


COMPUTE = Needs("earthengine.computations.create")
EXPORT, IMPORT = Needs("earthengine.exports.create"), Needs("earthengine.imports.create")
FEATURE_VIEW = Needs("earthengine.featureviews.create")

NEEDS: Mapping[str, Needs | None] = {
    **dict.fromkeys(
        (
            "value.compute", "image.computePixels", "image.explain", "table.computeFeatures",
            "imageCollection.computeImages",
        ),
        COMPUTE,
    ),
    **_in_project(
        "maps.create", "thumbnails.create", "videoThumbnails.create", "filmstripThumbnails.create", "tables.create",
        "operations.list", "operations.get", "operations.delete",
    ),
    "featureView.create": FEATURE_VIEW,
    "featureViews.create": FEATURE_VIEW,
    **_on_asset("get", {"get": "name", "getPixels": "name", "copy": "sourceName", "getLinked": "name", "listFeatures": "asset", "link": "sourceName"}),
    **_on_asset("list", {"listAssets": "parent", "listImages": "parent"}),
    **_on_asset("update", {"patch": "name"}),
    **_on_asset("delete", {"delete": "name", "move": "sourceName"}),
    **_on_asset("getIamPolicy", {"getIamPolicy": "resource"}),
    **_on_asset("setIamPolicy", {"setIamPolicy": "resource"}),
    "assets.search": Needs("earthengine.assets.list"),
    "listAssets": Needs("earthengine.assets.list"),
    **dict.fromkeys(
        (
            "image.export", "table.export", "video.export", "map.export", "videoMap.export", "classifier.export",
        ),
        EXPORT,
    ),
    **dict.fromkeys(("image.import", "image.importExternal", "table.import"), IMPORT),
    "operations.cancel": Needs("earthengine.operations.update"),
    "operations.wait": Needs("earthengine.operations.get"),
    "getConfig": Needs("earthengine.config.get"),
    "updateConfig": Needs("earthengine.config.update"),
    # asked by everybody who may speak to the server at all, or about nothing that is anybody's
    **dict.fromkeys(("algorithms.list", "getCapabilities", "assets.testIamPermissions")),
    # its parent is checked with the change
    **dict.fromkeys(("assets.create", "assets.createInternal")),
    # the name is the permission
    **dict.fromkeys(
        (
            "maps.tiles.get", "thumbnails.getPixels", "videoThumbnails.getPixels", "filmstripThumbnails.getPixels",
            "tables.getFeatures", "featureViews.tiles.get",
        )
    ),
}  # fmt: skip
"""By the method's id; None needs none."""


_SEEING = ("earthengine.assets.get", "earthengine.assets.list")


def check(method: str, call: Call, catalog: Catalog, context: Context) -> None:
    """NotFound or PermissionDenied unless the caller may do this. A method without an entry is refused.

    To see a retired id is to see the asset that answers for it.
    """
    access = catalog.access
    needs = NEEDS.get(method, Needs("earthengine.config.update"))
    if needs is None:
        return
    if not needs.asset:
        access.require_project(call.account, needs.permission, _project(call))
        return
    asset = call.path[needs.asset]
    real = catalog.successor(asset) if needs.permission in _SEEING else None
    access.require(call.account, needs.permission, real or asset)
    if real is not None:
        context.superseded[canonical(asset)] = real


def _project(call: Call) -> str:
    """``projects/P`` of whatever the path names."""
    path = next((call.path[k] for k in ("project", "parent", "name") if k in call.path), "")
    return "/".join(path.split("/")[:2])
