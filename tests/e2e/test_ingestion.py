"""Ingestion through the unmodified clients."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from tests.e2e.test_assets import A, Site, client
from tests.servers import serving

VALUES = np.random.default_rng(5).integers(1, 250, (3, 64, 64), dtype="uint8")
VALUES[2, :8] = 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("ingestion")
    (data / "exports.toml").write_text('[buckets]\nmine = "bucket"\n')
    bucket = data / "bucket"
    bucket.mkdir()
    with rasterio.open(
        bucket / "scene.tif", "w", driver="GTiff", width=64, height=64, count=3, dtype="uint8", crs="EPSG:32610",
        transform=from_origin(500_000, 4_200_000, 10, 10), tiled=True, blockxsize=64, blockysize=64,
    ) as out:  # fmt: skip
        out.write(VALUES)
    (bucket / "broken.tif").write_text("no raster")
    with serving(data) as base:
        yield Site(base, data)


@pytest.fixture
def ee(site: Site) -> Any:
    return client(site, "alice")


def ended(ee: Any, task: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        status: dict[str, Any] = ee.data.getTaskStatus(task)[0]
        if status["state"] in ("COMPLETED", "FAILED"):
            return status
        time.sleep(0.05)
    raise AssertionError(status)


def source(name: str) -> dict[str, Any]:
    return {"sources": [{"uris": [f"gs://mine/{name}"]}]}


def read(ee: Any, asset: str) -> dict[str, np.ndarray]:
    found = ee.data.getPixels({"assetId": asset, "fileFormat": "NUMPY_NDARRAY"})
    return {name: found[name] for name in found.dtype.names}


def test_an_image_is_ingested(ee: Any):
    manifest = {"name": f"{A}/scene", "tilesets": [source("scene.tif")], "properties": {"k": "v"}}
    started = ee.data.startIngestion(ee.data.newTaskId()[0], manifest)
    status = ended(ee, started["id"])
    assert (status["state"], status["task_type"]) == ("COMPLETED", "INGEST_IMAGE"), status
    assert status["destination_uris"] == [f"{A}/scene"]
    found = read(ee, f"{A}/scene")
    assert list(found) == ["b1", "b2", "b3"]
    for band, values in zip(found.values(), VALUES, strict=True):
        np.testing.assert_array_equal(band, values)
    assert ee.Image(f"{A}/scene").get("k").getInfo() == "v"


def test_what_is_wrong_with_a_file_is_told_and_nothing_is_left(site: Site, ee: Any):
    manifest = {"name": f"{A}/broken", "tilesets": [source("broken.tif")]}
    status = ended(ee, ee.data.startIngestion(None, manifest)["id"])
    assert status["state"] == "FAILED"
    assert "Failed to open 'gs://mine/broken.tif'" in status["error_message"]
    assert ee.data.getInfo(f"{A}/broken") is None
    assert not list((site.data / "tasks" / "scratch").iterdir())


def test_an_account_cannot_ingest_into_what_is_not_its_own(site: Site, ee: Any):
    ee.data.createAssetHome("users/alice")
    bob = client(site, "bob")
    manifest = {"name": "projects/earthengine-legacy/assets/users/alice/x", "tilesets": [source("scene.tif")]}  # fmt: skip
    with pytest.raises(bob.EEException, match="does not exist or doesn't allow this operation"):
        bob.data.startIngestion(None, manifest)


def test_external_images(ee: Any):
    manifest = {"name": f"{A}/external", "tilesets": [source("scene.tif")]}
    assert ee.data.startExternalImageIngestion(manifest)["name"] == f"{A}/external"
    location = {"uris": ["gs://mine/scene.tif"]}
    made = ee.data.createAsset({"type": "IMAGE", "gcs_location": location, "properties": {"a": 1}}, f"{A}/located")  # fmt: skip
    assert (made["type"], made["properties"]) == ("IMAGE", {"a": 1})
    for asset in ("external", "located"):
        np.testing.assert_array_equal(read(ee, f"{A}/{asset}")["b2"], VALUES[1])


def test_the_command_line_uploads(site: Site, ee: Any, tmp_path: Path):
    shown = site.earthengine(
        "upload", "image", "--asset_id", f"{A}/cli", "--last_band_alpha", "--bands", "x,y",
        "--pyramiding_policy", "mode", "-p", "n=1", "--time_start", "2020-01-02", "gs://mine/scene.tif",
    )  # fmt: skip
    task = shown.split()[-1]
    assert ended(client(site, "alice"), task)["state"] == "COMPLETED", shown
    found = ee.data.getAsset(f"{A}/cli")
    assert [(b["id"], b["pyramidingPolicy"]) for b in found["bands"]] == [("x", "MODE"), ("y", "MODE")]  # fmt: skip
    assert (found["properties"], found["startTime"]) == ({"n": 1}, "2020-01-02T00:00:00Z")
    mask = ee.Image(f"{A}/cli").select("x").mask().reduceRegion("sum", maxPixels=1e9).getInfo()
    assert mask["x"] == pytest.approx(64 * 56, rel=1e-3)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"name": f"{A}/cli2", "tilesets": [source("scene.tif")]}))
    shown = site.earthengine("upload", "external_image", "--manifest", str(manifest))
    if "invalid choice" in shown:
        shown = site.earthengine("alpha", "upload", "external_image", "--manifest", str(manifest))
    assert shown == f"Created asset {A}/cli2\n"


def test_tables(site: Site, ee: Any):
    rows = "n,longitude,latitude\n1,10,50\n2,11,51\n"
    (site.data / "bucket" / "rows.csv").write_text(rows)
    manifest = {"name": f"{A}/rows", "sources": [{"uris": ["gs://mine/rows.csv"]}]}
    request = ee.data.newTaskId()[0]
    first, second = (ee.data.startTableIngestion(request, manifest) for _ in range(2))
    assert first["id"] == second["id"]
    status = ended(ee, first["id"])
    assert (status["state"], status["task_type"]) == ("COMPLETED", "INGEST_TABLE"), status
    found = ee.FeatureCollection(f"{A}/rows")
    assert found.filterBounds(ee.Geometry.Point(11, 51)).aggregate_array("n").getInfo() == [2]
    shown = site.earthengine("upload", "table", "--asset_id", f"{A}/rows2", "--x_column", "longitude", "--y_column", "latitude", "gs://mine/rows.csv")  # fmt: skip
    ee = client(site, "alice")
    assert ended(ee, shown.split()[-1])["state"] == "COMPLETED", shown
    assert ee.FeatureCollection(f"{A}/rows2").size().getInfo() == 2


def session(site: Site, account: str) -> Any:
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import service_account

    made = service_account.Credentials.from_service_account_file(str(site.key(account)))
    return AuthorizedSession(made.with_scopes(["https://www.googleapis.com/auth/cloud-platform"]))


def test_uploads_of_users_without_a_bucket(site: Site, ee: Any):
    web, address = session(site, "alice"), f"{site.base}/v1/projects/my-project/uploads"
    with (site.data / "bucket" / "scene.tif").open("rb") as file:
        answer = web.post(address, params={"name": "mine.tif"}, data=file)
    uri = answer.json()["uri"]
    assert answer.json()["sizeBytes"] == str((site.data / "bucket" / "scene.tif").stat().st_size)
    manifest = {"name": f"{A}/uploaded", "tilesets": [{"sources": [{"uris": [uri]}]}]}
    assert ended(ee, ee.data.startIngestion(None, manifest)["id"])["state"] == "COMPLETED"
    np.testing.assert_array_equal(read(ee, f"{A}/uploaded")["b1"], VALUES[0])
    bob = client(site, "bob")
    status = ended(bob, bob.data.startIngestion(None, manifest | {"name": f"{A}/stolen"})["id"])
    assert (status["state"], "does not exist" in status["error_message"]) == ("FAILED", True)
    beside = web.post(address, params={"name": "mine.prj", "upload": answer.json()["upload"]}, data=b"x")  # fmt: skip
    assert beside.json()["uri"] == uri.replace(".tif", ".prj")


@pytest.mark.parametrize(
    ("params", "body", "status"),
    [
        ({}, b"x", 400),
        ({"name": "../x"}, b"x", 400),
        ({"name": "x/y"}, b"x", 400),
        ({"name": ".x"}, b"x", 400),
        ({"name": "x"}, b"", 400),
        ({"name": "x", "upload": "../../accounts"}, b"x", 404),
        ({"name": "x", "upload": "0" * 32}, b"x", 404),
    ],
)
def test_uploads_that_are_refused(site: Site, params: dict[str, str], body: bytes, status: int):
    address = f"{site.base}/v1/projects/my-project/uploads"
    answer = session(site, "carol").post(address, params=params, data=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)
    home = site.data / "uploads" / "carol"
    assert not home.exists() or not list(home.iterdir())


def test_nobody_uploads_without_a_key(site: Site):
    import requests

    answer = requests.post(f"{site.base}/v1/projects/p/uploads", params={"name": "x"}, data=b"x", timeout=30)  # fmt: skip
    assert answer.status_code == 401
