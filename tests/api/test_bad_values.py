"""Values of the wrong kind inside bodies that are JSON: the caller's fault, never the server's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.application import Local

P = "projects/open"
WRONG = ["abc", 5, -1, True, [], {}, [None], [{}], ["x"], [[1]], {"a": 1}, 1e308, "\ud800"]
GRID = {
    "dimensions": {"width": 2, "height": 2}, "crsCode": "EPSG:4326",
    "affineTransform": {"scaleX": 1, "scaleY": -1, "translateX": 0, "translateY": 0},
}  # fmt: skip


def expression(node: Any) -> dict[str, Any]:
    return {"result": "0", "values": {"0": node}}


ONE = {"functionName": "Image.constant", "arguments": {"value": {"constantValue": 1}}}
PIXELS = {"expression": expression({"functionInvocationValue": ONE}), "fileFormat": "NPY", "grid": GRID}  # fmt: skip
SHOWN = {"min": 0, "max": 1}


def shown(**options: Any) -> dict[str, Any]:
    return PIXELS | {"visualizationOptions": {"ranges": [SHOWN]} | options}


# verb, path, body around a wrong value
BODIES: dict[str, tuple[str, str, Any]] = {
    "a range's min": ("POST", f"{P}/image:computePixels", lambda v: shown(ranges=[SHOWN | {"min": v}])),
    "ranges": ("POST", f"{P}/image:computePixels", lambda v: shown(ranges=v)),
    "palette": ("POST", f"{P}/image:computePixels", lambda v: shown(paletteColors=v)),
    "gamma": ("POST", f"{P}/image:computePixels", lambda v: shown(gamma=v)),
    "opacity": ("POST", f"{P}/image:computePixels", lambda v: shown(opacity=v)),
    "options": ("POST", f"{P}/image:computePixels", lambda v: PIXELS | {"visualizationOptions": v}),
    "grid": ("POST", f"{P}/image:computePixels", lambda v: PIXELS | {"grid": v}),
    "dimensions": ("POST", f"{P}/image:computePixels", lambda v: PIXELS | {"grid": GRID | {"dimensions": v}}),
    "width": ("POST", f"{P}/image:computePixels", lambda v: PIXELS | {"grid": GRID | {"dimensions": {"width": v, "height": 2}}}),
    "transform": ("POST", f"{P}/image:computePixels", lambda v: PIXELS | {"grid": GRID | {"affineTransform": v}}),
    "bands of a picture": ("POST", f"{P}/image:computePixels", lambda v: PIXELS | {"bandIds": v}),
    "constant": ("POST", f"{P}/value:compute", lambda v: {"expression": expression({"constantValue": v})}),
    "node": ("POST", f"{P}/value:compute", lambda v: {"expression": expression(v)}),
    "policy": ("POST", f"{P}/assets/c:setIamPolicy", lambda v: {"policy": v}),
    "bindings": ("POST", f"{P}/assets/c:setIamPolicy", lambda v: {"policy": {"bindings": v}}),
    "members": ("POST", f"{P}/assets/c:setIamPolicy", lambda v: {"policy": {"bindings": [{"role": "roles/viewer", "members": v}]}}),
    "permissions": ("POST", f"{P}/assets/c:testIamPermissions", lambda v: {"permissions": v}),
    "bands": ("PATCH", f"{P}/assets/c", lambda v: {"asset": {"bands": v}, "updateMask": "bands"}),
    "title": ("PATCH", f"{P}/assets/c", lambda v: {"asset": {"title": v}, "updateMask": "title"}),
    "properties": ("PATCH", f"{P}/assets/c", lambda v: {"asset": {"properties": v}, "updateMask": "properties"}),
    "mask": ("PATCH", f"{P}/assets/c", lambda v: {"asset": {}, "updateMask": v}),
    "destination": ("POST", f"{P}/assets/c:move", lambda v: {"destinationName": v}),
    "manifest": ("POST", f"{P}/image:import", lambda v: {"imageManifest": v}),
    "export": ("POST", f"{P}/image:export", lambda v: PIXELS | {"fileExportOptions": v}),
    "page size": ("POST", f"{P}/table:computeFeatures", lambda v: {**PIXELS, "pageSize": v}),
}  # fmt: skip


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Local:
    found = Local(tmp_path_factory.mktemp("wrong"))
    assert found.call("POST", f"{P}/assets", body={"type": "IMAGE_COLLECTION"}, assetId="c").status == 200  # fmt: skip
    return found


@pytest.mark.parametrize("case", BODIES)
def test_wrong_values_are_never_the_servers_fault(local: Local, case: str):
    verb, path, around = BODIES[case]
    answers = [local.call(verb, path, body=around(value)) for value in WRONG]
    statuses = {answer.status for answer in answers}
    assert statuses <= {200, 400, 403}
    assert 400 in statuses


@pytest.mark.parametrize("half", [rb"\ud83c", b"\xed\xa0\xbc"], ids=["escaped", "raw"])
def test_half_a_pair_of_surrogates_is_no_text(local: Local, half: bytes):
    path = f"{P}/value:compute"
    body = b'{"expression":{"result":"0","values":{"0":{"constantValue":"%s"}}}}'
    assert local.call("POST", path, body=body % rb"\ud83c\udf0d").json() == {"result": "🌍"}
    assert local.call("POST", path, body=body % half).status == 400


@pytest.mark.parametrize("place", ["0/{}/0", "0/0/{}", "{}/0/0"])
def test_tiles_of_impossible_numbers(local: Local, place: str):
    name = local.call("POST", f"{P}/maps", body=PIXELS | {"fileFormat": "PNG"}).json()["name"]
    assert local.call("GET", f"{name}/tiles/{place.format('9' * 5000)}").status == 404
    assert local.call("GET", f"{name}/tiles/0/0/0").status == 200


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a" + "é" * 150 + ".tif", "a" * 201])
def test_names_of_uploads(local: Local, name: str):
    assert local.call("POST", f"{P}/uploads", body=b"data", name=name).status == 400
