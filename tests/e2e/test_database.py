"""A server whose catalogue, accounts and operations are in PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rasterio
import requests
from rasterio.transform import from_origin

from ecumene.storage.databases import VARIABLE
from tests.api.conftest import NORTH, SIDE, STEP, WEST, Service, pixels
from tests.postgres import Cluster
from tests.servers import ecumene, serving
from tests.tasks.kinds import until

ROOT = "projects/open/assets"
SCENE = {"functionName": "Image.load", "arguments": {"id": {"constantValue": f"{ROOT}/scene"}}}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=3, dtype="uint16", crs="EPSG:4326",
        transform=from_origin(WEST, NORTH, STEP, STEP), nodata=0,
    ) as out:  # fmt: skip
        out.write(pixels())
    return path


def test_a_server_and_its_commands(
    postgres: Cluster, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    data = scene.parent / "data"
    place = ("--data", str(data), "--database", postgres.schema())
    ecumene("catalog", "add", str(scene), "--id", f"{ROOT}/scene", *place)
    with serving(data, *place[2:]) as base:
        key = data / "key.json"
        ecumene("keys", "create", str(key), "--account", "ann", "--url", base, *place)
        service = Service(base, data, json.loads(key.read_text()))
        head = service.authority()

        def get(path: str) -> requests.Response:
            return requests.get(f"{base}/v1/{path}", headers=head, timeout=60)

        made = service.post(f"/v1/{ROOT}?assetId=f", {"type": "FOLDER"})
        assert made.ok, made.text
        again = service.post(f"/v1/{ROOT}?assetId=f", {"type": "FOLDER"})
        assert again.status_code == 409
        name = exported(service, "f/copy")
        found = until(lambda: told if (told := get(name).json()).get("done") else None)
        assert "error" not in found, found
        assert [one["id"] for one in get(f"{ROOT}/f:listAssets").json()["assets"]] == [
            f"{ROOT}/f/copy"
        ]
        postgres.stop()
        try:
            away = get(f"{ROOT}/f")
            assert away.status_code == 503 and away.json()["error"]["status"] == "UNAVAILABLE"
        finally:
            postgres.start()
        assert until(lambda: get(f"{ROOT}/f").ok)
        ecumene("keys", "revoke", "ann", *place)
        assert get(f"{ROOT}/f").status_code == 401
    log = ecumene("audit", *place).stdout
    for action in ("catalog.add", "keys.create", "assets.create", "image:export", "keys.revoke"):
        assert log.count(action) == 1, log
    assert not list(data.glob("*.sqlite*"))


def exported(service: Service, name: str) -> str:
    """The name of an operation that copies the scene."""
    graph = {"result": "0", "values": {"0": {"functionInvocationValue": SCENE}}}
    target = {"earthEngineDestination": {"name": f"{ROOT}/{name}"}}
    body = {
        "expression": graph, "description": "copy", "assetExportOptions": target, "maxPixels": "1000000",
    }  # fmt: skip
    answer = service.post("/v1/projects/open/image:export", body)
    assert answer.ok, answer.text
    operation: str = answer.json()["name"]
    return operation
