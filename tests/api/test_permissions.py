"""Every method against every role: who gets through, and that nobody else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from ecumene.api.permissions import NEEDS
from ecumene.api.routes import ROUTES
from ecumene.catalog.access import OPERATOR
from ecumene.catalog.fileassets import add_image, add_table
from ecumene.catalog.projects import Projects
from tests.api.application import Answer, Local

P, A = "projects/closed", "projects/closed/assets"
ROLES = ("stranger", "reader", "writer", "owner")
PEOPLE = ("anonymous", *ROLES)


def load(asset: str, kind: str = "Image.load", name: str = "id") -> dict[str, Any]:
    node = {"functionName": kind, "arguments": {name: {"constantValue": asset}}}
    return {"result": "0", "values": {"0": {"functionInvocationValue": node}}}


SCENE, PLACES = load(f"{A}/scene"), load(f"{A}/places", "Collection.loadTable", "tableId")
ONE = {"result": "0", "values": {"0": {"constantValue": 1}}}
NEW = iter(f"new{k}" for k in range(10_000))
POLICY = {"policy": {"bindings": []}}
READ, WRITE, OWN, ANY = 1, 2, 3, 0

# method: least role, path, body. A method that changes something gets an asset of its own for every call ({new}).
METHODS: dict[str, tuple[int, str, Any]] = {
    "value.compute": (READ, f"{P}/value:compute", {"expression": ONE}),
    "image.computePixels": (READ, f"{P}/image:computePixels", {"expression": SCENE, "fileFormat": "NPY"}),
    "image.explain": (READ, f"{P}/image:explain", {"expression": SCENE}),
    "table.computeFeatures": (READ, f"{P}/table:computeFeatures", {"expression": PLACES}),
    "imageCollection.computeImages": (READ, f"{P}/imageCollection:computeImages", {}),
    "algorithms.list": (ANY, f"{P}/algorithms", None),
    "maps.create": (READ, f"{P}/maps", {"expression": SCENE, "fileFormat": "PNG"}),
    "thumbnails.create": (READ, f"{P}/thumbnails", {"expression": SCENE, "fileFormat": "PNG"}),
    "videoThumbnails.create": (READ, f"{P}/videoThumbnails", {}),
    "filmstripThumbnails.create": (READ, f"{P}/filmstripThumbnails", {}),
    "tables.create": (READ, f"{P}/tables", {"expression": PLACES}),
    "featureView.create": (READ, f"{P}/featureView", {}),
    "featureViews.create": (READ, f"{P}/featureViews", {}),
    "assets.listAssets": (READ, f"{A}/folder:listAssets", None),
    "listAssets": (READ, f"{P}:listAssets", None),
    "assets.listImages": (READ, f"{A}/collection:listImages", None),
    "assets.listFeatures": (READ, f"{A}/places:listFeatures", None),
    "assets.getPixels": (READ, f"{A}/scene:getPixels", {"fileFormat": "NPY"}),
    "assets.copy": (WRITE, f"{A}/scene:copy", {"destinationName": f"{A}/{{fresh}}"}),
    "assets.move": (WRITE, f"{A}/{{new}}:move", {"destinationName": f"{A}/{{fresh}}"}),
    "assets.link": (WRITE, f"{A}/scene:link", {"destinationName": f"{A}/{{fresh}}"}),
    "assets.getLinked": (READ, f"{A}/scene:getLinked", {}),
    "assets.getIamPolicy": (READ, f"{A}/scene:getIamPolicy", {}),
    "assets.setIamPolicy": (OWN, f"{A}/{{new}}:setIamPolicy", POLICY),
    "assets.testIamPermissions": (ANY, f"{A}/scene:testIamPermissions", {"permissions": []}),
    "assets.create": (WRITE, f"{P}/assets?assetId={{fresh}}", {"type": "FOLDER"}),
    "assets.createInternal": (WRITE, f"{P}/assets:createInternal?assetId={{fresh}}", {"type": "FOLDER"}),
    "assets.search": (READ, f"{P}/assets:search", None),
    "assets.patch": (WRITE, f"{A}/{{new}}", {"asset": {"properties": {"a": 1}}, "updateMask": "properties.a"}),
    "assets.delete": (WRITE, f"{A}/{{new}}", None),
    "assets.get": (READ, f"{A}/scene", None),
    "image.export": (WRITE, f"{P}/image:export", {}),
    "table.export": (WRITE, f"{P}/table:export", {}),
    "video.export": (WRITE, f"{P}/video:export", {}),
    "map.export": (WRITE, f"{P}/map:export", {}),
    "videoMap.export": (WRITE, f"{P}/videoMap:export", {}),
    "classifier.export": (WRITE, f"{P}/classifier:export", {}),
    "image.import": (WRITE, f"{P}/image:import", {}),
    "image.importExternal": (WRITE, f"{P}/image:importExternal", {}),
    "table.import": (WRITE, f"{P}/table:import", {}),
    "operations.list": (READ, f"{P}/operations", None),
    "operations.get": (READ, f"{P}/operations/none", None),
    "operations.cancel": (WRITE, f"{P}/operations/none:cancel", {}),
    "operations.wait": (READ, f"{P}/operations/none:wait", {}),
    "operations.delete": (WRITE, f"{P}/operations/none", None),
    "getConfig": (READ, f"{P}/config", None),
    "updateConfig": (OWN, f"{P}/config", {}),
    "getCapabilities": (ANY, f"{P}/capabilities", None),
}  # fmt: skip
BY_NAME = {
    "maps.tiles.get", "thumbnails.getPixels", "videoThumbnails.getPixels", "filmstripThumbnails.getPixels",
    "tables.getFeatures", "featureViews.tiles.get",
}  # fmt: skip
"""Fetched without a token: the unguessable name is the permission."""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Local:
    data = tmp_path_factory.mktemp("closed")
    local = Local(data)
    catalog = local.catalog
    catalog.allow(data / "files")
    (data / "files").mkdir()
    with rasterio.open(
        data / "files" / "scene.tif", "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8", crs="EPSG:4326",
        transform=from_origin(10, 50, 1, 1),
    ) as out:  # fmt: skip
        out.write(np.arange(16, dtype="uint8").reshape(1, 4, 4))
    place = {"type": "Feature", "properties": {"n": 1}, "geometry": {"type": "Point", "coordinates": [1, 2]}}  # fmt: skip
    (data / "files" / "places.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [place]})
    )
    Projects(catalog.index).create("closed", ["owner"])
    Projects(catalog.index).grant("closed", "writer", "editor")
    Projects(catalog.index).grant("closed", "reader", "viewer")
    add_image(catalog, f"{A}/scene", data / "files" / "scene.tif")
    add_table(catalog, f"{A}/places", data / "files" / "places.geojson")
    catalog.edited_by(OPERATOR).create(f"{A}/folder", {"type": "FOLDER"})
    catalog.edited_by(OPERATOR).create(f"{A}/collection", {"type": "IMAGE_COLLECTION"})
    return local


def test_every_method_is_in_the_matrix_and_has_its_needs_stated():
    methods = {route.id for route in ROUTES}
    assert methods == set(METHODS) | BY_NAME
    assert methods == set(NEEDS)
    assert {route.id for route in ROUTES if route.open} == BY_NAME


def ask(local: Local, method: str, account: str) -> Answer:
    route = next(route for route in ROUTES if route.id == method)
    _, path, body = METHODS[method]
    if "{new}" in path:
        made = local.catalog.edited_by(OPERATOR).create(f"{A}/{next(NEW)}", {"type": "FOLDER"})
        path = path.replace("{new}", made.id.rpartition("/")[2])
    fresh = next(NEW)
    path, _, query = path.partition("?")
    arguments = dict(part.split("=") for part in query.split("&") if part)
    arguments = {k: v.replace("{fresh}", fresh) for k, v in arguments.items()}
    body = None if body is None else json.loads(json.dumps(body).replace("{fresh}", fresh))
    return local.call(route.verb, path, account, body, **arguments)


@pytest.mark.parametrize("account", PEOPLE)
@pytest.mark.parametrize("method", METHODS)
def test_a_role_reaches_what_it_may_and_nothing_else(local: Local, method: str, account: str):
    least = METHODS[method][0]
    has = ROLES.index(account) if account in ROLES else 0
    answer = ask(local, method, account)
    refused = answer.status == 403 or (
        answer.status == 404 and "doesn't allow this operation" in answer.message
    )
    assert refused == (has < least), (answer.status, answer.body[:200])
    if not refused:
        assert answer.status in (200, 400, 404)
        assert answer.status != 404 or "Operation" in answer.message


@pytest.mark.parametrize("account", ["anonymous", "stranger"])
@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (SCENE, f"Image.load: Image asset '{A}/scene' not found (does not exist or caller does not have access)."),
        (load(f"{A}/collection", "ImageCollection.load"), f"ImageCollection.load: ImageCollection asset '{A}/collection' not found"),
        (PLACES, f"Collection.loadTable: Collection asset '{A}/places' not found"),
        (load("projects/closed/assets/nothing"), "Image.load: Image asset 'projects/closed/assets/nothing' not found"),
    ],
    ids=["image", "collection", "table", "missing"],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["value:compute", "image:computePixels", "maps", "thumbnails", "tables", "table:computeFeatures"]
)  # fmt: skip
def test_assets_inside_expressions_are_checked(
    local: Local, path: str, account: str, expression: Any, words: str
):
    """In a project where everybody may compute."""
    body = {"expression": expression, "fileFormat": "CSV" if path == "tables" else "PNG"}
    answer = local.call("POST", f"projects/open/{path}", account, body)
    assert answer.status == 400
    assert words in answer.message


@pytest.mark.parametrize("account", PEOPLE)
def test_uploads_need_the_right_to_import(local: Local, account: str):
    answer = local.call("POST", f"{P}/uploads", account, b"data", name="x.bin")
    assert answer.status == (200 if account in ("writer", "owner") else 403)


def test_what_an_account_evaluated_is_not_remembered_for_another(local: Local):
    body = {"expression": SCENE, "fileFormat": "NPY"}
    path = "projects/open/image:computePixels"
    first = local.call("POST", path, "reader", body)
    assert first.status == 200
    assert local.call("POST", path, "stranger", body).status == 400
    assert local.call("POST", path, "reader", body).body == first.body


def test_a_role_that_is_taken_away_ends_at_once_maps_included(local: Local):
    projects = Projects(local.catalog.index)
    projects.grant("closed", "guest", "viewer")
    body = {"expression": SCENE, "fileFormat": "PNG"}
    name = local.call("POST", f"{P}/maps", "guest", body).json()["name"]
    assert local.call("GET", f"{name}/tiles/0/0/0").status == 200
    projects.revoke("closed", "guest")
    assert local.call("POST", f"{P}/value:compute", "guest", {"expression": ONE}).status == 403
    assert local.call("GET", f"{name}/tiles/0/0/0").status == 400


@pytest.mark.parametrize("account", PEOPLE)
def test_a_shared_asset_is_read_by_whom_it_is_shared_with(local: Local, account: str):
    editor = local.catalog.edited_by(OPERATOR)
    made = editor.create(f"{A}/{next(NEW)}", {"type": "FOLDER"}).id
    inside = editor.create(f"{made}/inside", {"type": "IMAGE_COLLECTION"}).id
    before = local.call("GET", inside, account).status
    assert before == (200 if account in ROLES[1:] else 404)
    shared = {"bindings": [{"role": "roles/viewer", "members": ["allUsers"]}]}
    assert local.call("POST", f"{made}:setIamPolicy", "owner", {"policy": shared}).status == 200
    assert local.call("GET", inside, account).status == 200
    assert local.call("DELETE", inside, account).status == (200 if account in ("writer", "owner") else 403)  # fmt: skip


@pytest.mark.parametrize("account", PEOPLE)
@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "projects/earthengine-public/assets", {"type": "FOLDER"}),
        ("PATCH", "projects/earthengine-public/assets/MINE", {"asset": {}}),
        ("DELETE", "projects/earthengine-public/assets/MINE", None),
        ("POST", "projects/earthengine-public/assets/MINE:setIamPolicy", POLICY),
        ("POST", "projects/earthengine-public/assets/MINE:move", {"destinationName": f"{A}/m"}),
    ],
    ids=["create", "patch", "delete", "share", "move"],
)
def test_the_public_catalogue_is_written_by_nobody(
    local: Local, account: str, verb: str, path: str, body: Any
):
    answer = local.call(verb, path, account, body, assetId="MINE")
    assert answer.status == 403
    assert answer.json()["error"]["status"] == "PERMISSION_DENIED"
    assert "denied on resource" in answer.message


def test_a_copy_out_of_a_project_needs_the_right_to_read_and_to_write(local: Local):
    target = {"destinationName": f"projects/open/assets/{next(NEW)}"}
    assert local.call("POST", f"{A}/scene:copy", "stranger", target).status == 404
    assert local.call("POST", f"{A}/scene:copy", "reader", target).status == 200
    back = {"destinationName": f"{A}/{next(NEW)}"}
    assert local.call("POST", f"{target['destinationName']}:copy", "reader", back).status == 403


def test_data_files_are_not_listed_to_strangers(local: Local, tmp_path: Path):
    for verb, path in (("GET", f"{P}:listAssets"), ("GET", f"{A}/folder:listAssets")):
        answer = local.call(verb, path, "stranger")
        assert answer.status in (403, 404)
        assert b"scene" not in answer.body


@pytest.mark.parametrize(("origin", "status"), [(None, 200), ("http://here", 200), ("http://evil.example", 403)])  # fmt: skip
def test_pages_of_other_sites_change_nothing_on_an_anonymous_server(
    local: Local, origin: str | None, status: int
):
    answer = local.call("POST", "projects/open/assets", body={"type": "FOLDER"}, origin=origin, assetId=next(NEW))  # fmt: skip
    assert answer.status == status
    new = f"POST /v1/projects/open/assets?assetId={next(NEW)} HTTP/1.1\r\nOrigin: http://here"
    part = f"--b\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\n{new}\r\n\r\n"
    batch = local.call("POST", "/batch", body=(part + '{"type": "FOLDER"}\r\n--b--\r\n').encode(), origin=origin, kind="multipart/mixed; boundary=b")  # fmt: skip
    assert f"HTTP/1.1 {status} ".encode() in batch.body
    body = {"expression": ONE}
    assert local.call("POST", "projects/open/value:compute", body=body, origin=origin).status == 200


@pytest.mark.parametrize("origin", [None, "http://here", "http://evil.example"])
def test_home_folders_are_made_by_accounts_that_have_a_name(local: Local, origin: str | None):
    where = {"origin": origin, "assetId": f"users/{next(NEW)}"}
    path, body = "projects/earthengine-legacy/assets", {"type": "FOLDER"}
    assert local.call("POST", path, body=body, **where).status == 403
    assert local.call("POST", path, "someone", body, **where).status == 200


def test_a_link_is_read_by_who_may_read_it_and_its_source(local: Local):
    name = f"projects/open/assets/{next(NEW)}"
    assert (
        local.call("POST", f"{A}/scene:link", "stranger", {"destinationName": name}).status == 404
    )
    made = local.call("POST", f"{A}/scene:link", "reader", {"destinationName": name}).json()
    assert (made["id"], made["type"], len(made["bands"])) == (name, "IMAGE", 1)
    pixels = {"expression": load(name), "fileFormat": "NPY"}
    for account, status in (("reader", 200), ("stranger", 404)):
        assert local.call("GET", name, account).status == status
        assert local.call("POST", f"{name}:getPixels", account, {"fileFormat": "NPY"}).status == status  # fmt: skip
        found = local.call("POST", "projects/open/image:computePixels", account, pixels)
        assert found.status == (200 if status == 200 else 400)
    assert local.call("POST", f"{name}:getLinked", "reader", {}).json()["id"] == f"{A}/scene"
    assert local.call("DELETE", name, "stranger").status == 200
    assert local.call("GET", f"{A}/scene", "reader").status == 200


def test_a_linked_collection_has_the_images_of_its_source_and_ends_with_it(local: Local):
    editor, top = local.catalog.edited_by(OPERATOR), "projects/open/assets"
    source = editor.create(f"{top}/{next(NEW)}", {"type": "IMAGE_COLLECTION"}).id
    editor.copy(f"{A}/scene", f"{source}/one")
    linked = editor.link(source, f"{top}/{next(NEW)}").id
    again = editor.link(linked, f"{top}/{next(NEW)}").id
    for name in (linked, again):
        found = local.call("GET", f"{name}:listAssets", "owner").json()["assets"]
        assert [one["id"] for one in found] == [f"{source}/one"]
        assert local.catalog.load_collection(name).size() == 1
    editor.delete(f"{source}/one")
    editor.delete(source)
    assert local.call("GET", linked, "owner").status == 404
    editor.delete(linked)


def test_files_in_buckets_are_their_accounts(local: Local):
    data = local.services.operations.around.data  # type: ignore[union-attr]
    settings = '[buckets]\nhers = {path = "files", accounts = ["%s"]}\n'
    (data / "exports.toml").write_text(settings % "owner")
    body = {"expression": load("gs://hers/scene.tif", "Image.loadGeoTIFF", "uri"), "fileFormat": "PNG"}  # fmt: skip
    path = f"{P}/image:computePixels"
    assert local.call("POST", path, "reader", body).status == 400
    assert local.call("POST", path, "owner", body).status == 200
    name = local.call("POST", f"{P}/maps", "owner", body).json()["name"]
    assert local.call("GET", f"{name}/tiles/0/0/0").status == 200
    (data / "exports.toml").write_text(settings % "nobody")
    assert local.call("POST", path, "owner", body).status == 400
