"""Buckets in an object store: sources read where they lie, objects ingested, exports sent there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_array_equal

from ecumene.catalog import ingest as registering
from ecumene.catalog.datasets import decode
from ecumene.core.errors import LimitExceeded, NotFound, PermissionDenied, Unavailable
from ecumene.tasks.exports import objects
from ecumene.tasks.ingest import image, manifests
from tests.api.application import Local
from tests.tasks.test_ingest_images import A, ingest, mixed, one, pixels, random, records, tif

obstore = pytest.importorskip("obstore", reason="the extra 'object-stores' is not installed")
pytest.importorskip("moto", reason="moto is not installed")

BUCKET = "ecumene-tests"


@dataclass(frozen=True)
class Far:
    """A bucket, and how to reach it."""

    endpoint: str

    @property
    def options(self) -> dict[str, str]:
        return {"endpoint": self.endpoint, "region": "us-east-1"}

    @property
    def store(self) -> Any:
        return objects._store(f"s3://{BUCKET}", tuple(sorted(self.options.items())))

    def put(self, name: str, file: Path) -> None:
        obstore.put(self.store, name, file)

    def get(self, name: str) -> bytes:
        return bytes(obstore.get(self.store, name).bytes())

    def names(self, prefix: str) -> set[str]:
        return {one["path"] for page in obstore.list(self.store, prefix) for one in page}


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    command = [sys.executable, str(Path(__file__).parents[1] / "storage" / "s3.py")]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        pytest.MonkeyPatch.context() as patch,
    ):
        assert process.stdout is not None
        host = f"127.0.0.1:{process.stdout.readline().strip()}"
        for name, value in {
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
            "AWS_S3_ENDPOINT": host, "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "FALSE",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        urllib.request.urlopen(urllib.request.Request(f"http://{host}/{BUCKET}", method="PUT"))
        yield Far(f"http://{host}")
        process.terminate()


@pytest.fixture(scope="module")
def local(far: Far, tmp_path_factory: pytest.TempPathFactory) -> Local:
    data = tmp_path_factory.mktemp("far")
    options = ", ".join(f'{name} = "{value}"' for name, value in far.options.items())
    (data / "exports.toml").write_text(
        f'[buckets]\nfar = {{url = "s3://{BUCKET}/deep", options = {{{options}}}}}\n'
        f'hers = {{url = "s3://{BUCKET}/hers", options = {{{options}}}, accounts = ["her"]}}\n'
        f'gone = {{url = "s3://no-such-bucket", options = {{{options}}}}}\n'
    )
    return Local(data)


@pytest.fixture
def scene(tmp_path: Path) -> tuple[Path, np.ndarray]:
    values = random((2, 300, 300))
    return tif(tmp_path / "scene.tif", values, tiled=True, blockxsize=256, blockysize=256), values


@pytest.mark.parametrize("size", [0, 1000, 11 * 2**20], ids=["empty", "small", "in parts"])
def test_the_same_bytes_there_and_back(
    far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
):
    monkeypatch.setattr(objects, "MULTIPART", 6 * 2**20)
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(os.urandom(size))
    for _ in range(2):
        objects.upload(f"s3://{BUCKET}/x/y", far.options, "name with space.bin", source)
    objects.download(f"s3://{BUCKET}/x/y", far.options, "name with space.bin", target, size)
    assert target.read_bytes() == source.read_bytes() == far.get("x/y/name with space.bin")


def test_what_is_not_there_or_too_large(far: Far, tmp_path: Path):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"1234")
    with pytest.raises(NotFound, match="no-such-bucket"):
        objects.upload("s3://no-such-bucket", far.options, "a", source)
    with pytest.raises(NotFound, match="nothing"):
        objects.download(f"s3://{BUCKET}", far.options, "nothing", target, 10)
    far.put("large", source)
    with pytest.raises(LimitExceeded):
        objects.download(f"s3://{BUCKET}", far.options, "large", target, 3)
    assert not list(tmp_path.glob("*b*"))


@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_images_are_ingested_from_a_bucket(far: Far, local: Local, scene: Any, scheme: str):
    file, values = scene
    far.put("deep/in/scene.tif", file)
    ingest(local.services, {"name": f"{A}/in_{scheme}", **one(f"{scheme}://far/in/scene.tif")})
    assert_array_equal(pixels(local.services, f"{A}/in_{scheme}")[0], values)


def test_patches_in_objects_of_one_name(far: Far, local: Local, tmp_path: Path):
    values = random((32, 48), "float32")
    manifest = mixed(tmp_path, records({"a": values}, 16), 3, 16)
    names = ("0/part.tfrecord", "1/part.tfrecord", "mixer.json")
    for file, name in zip(("p0.tfrecord", "p1.tfrecord", "mixer.json"), names, strict=True):
        far.put(f"deep/{name}", tmp_path / file)
    manifest["tilesets"][0]["sources"][0]["uris"] = [f"gs://far/{name}" for name in names]
    record = ingest(local.services, manifest)
    assert_array_equal(pixels(local.services, record.id)[0], [values])


def test_tables_are_ingested_from_a_bucket(far: Far, local: Local, tmp_path: Path):
    file = tmp_path / "rows.csv"
    file.write_text("name,longitude,latitude\nx,1,2\ny,3,4\n")
    far.put("deep/rows.csv", file)
    manifest = {"name": f"{A}/rows", "sources": [{"uris": ["gs://far/rows.csv"]}]}
    ingest(local.services, manifest, "table:import", "tableManifest")
    found = local.catalog.load_table(f"{A}/rows")
    assert (found.size(), found.first().get("name")) == (2, "x")


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("gs://far/nothing.tif", NotFound),
        ("gs://gone/scene.tif", NotFound),
        ("gs://hers/scene.tif", PermissionDenied),
        ("gs://unnamed/scene.tif", NotFound),
    ],
)
def test_sources_that_cannot_be_had(local: Local, uri: str, error: type[Exception]):
    with pytest.raises(error):
        ingest(local.services, {"name": f"{A}/never", **one(uri)})
    assert local.catalog.get(f"{A}/never") is None


def test_external_images_are_read_by_parts_where_they_lie(far: Far, local: Local, scene: Any):
    file, values = scene
    far.put("deep/cog.tif", file)
    payload = manifests.image({"imageManifest": {"name": f"{A}/far", **one("gs://far/cog.tif")}})
    record = image.external(local.catalog, local.services.operations.around.data, "me", payload)
    assert record.bands[0]["path"] == f"s3://{BUCKET}/deep/cog.tif"
    assert_array_equal(pixels(local.services, f"{A}/far")[0], values)


def test_items_of_a_catalogue_lie_in_a_bucket(far: Far, local: Local, scene: Any):
    file, values = scene
    far.put("open/scene.tif", file)
    far.put("closed/scene.tif", file)
    local.catalog.allow(f"s3://{BUCKET}/open")
    definition = decode(
        "id: projects/open/assets/items\nbands:\n  - {id: a, asset: data}\n  - {id: b, asset: data, band: 2}"
    )
    item = {
        "type": "Feature", "id": "i", "geometry": None, "properties": {"datetime": "2020-01-01T00:00:00Z"},
        "assets": {"data": {"href": f"s3://{BUCKET}/open/scene.tif"}},
    }  # fmt: skip
    assert (
        registering.add_stac_items(local.catalog, [item], "https://stac.example/", definition) == 1
    )
    assert_array_equal(pixels(local.services, f"{A}/items/i")[0], values)
    item["assets"] = {"data": {"href": f"s3://{BUCKET}/closed/scene.tif"}}
    with pytest.raises(PermissionDenied):
        registering.add_stac_items(local.catalog, [item], "https://stac.example/", definition)
    item["assets"] = {"data": {"href": f"s3://{BUCKET}/open/nothing.tif"}}
    with pytest.raises(Unavailable):
        registering.add_stac_items(local.catalog, [item], "https://stac.example/", definition)


def exported(local: Local, method: str, body: dict[str, Any]) -> dict[str, Any]:
    """An export through the API, run to its end by a worker; its metadata."""
    operations = local.services.operations
    asked = local.call("POST", f"projects/open/{method}", "me", body=body)
    assert asked.status == 200, asked.body
    operations.start(1)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            answer = local.call("GET", asked.json()["name"], "me").json()
            if answer.get("done"):
                return answer
            time.sleep(0.05)
    finally:
        operations.stop()
    raise AssertionError("The export did not end.")


def load(function: str, **arguments: str) -> dict[str, Any]:
    given = {name: {"constantValue": value} for name, value in arguments.items()}
    node = {"functionInvocationValue": {"functionName": function, "arguments": given}}
    return {"result": "0", "values": {"0": node}}


def to(bucket: str, prefix: str, kind: str, **more: Any) -> dict[str, Any]:
    where = {"bucket": bucket, "filenamePrefix": prefix}
    return {"fileExportOptions": {"fileFormat": kind, "cloudStorageDestination": where, **more}}


def test_images_are_exported_to_a_bucket(far: Far, local: Local, scene: Any):
    file, values = scene
    far.put("deep/source.tif", file)
    ingest(local.services, {"name": f"{A}/source", **one("gs://far/source.tif")})
    body = {"expression": load("Image.load", id=f"{A}/source")}
    whole = exported(local, "image:export", {**body, **to("far", "out/whole", "GEO_TIFF")})
    assert whole["metadata"]["state"] == "SUCCEEDED", whole
    assert whole["metadata"]["destinationUris"] == ["gs://far/out/whole.tif"]
    with rasterio.open(io.BytesIO(far.get("deep/out/whole.tif"))) as made:
        assert_array_equal(made.read(), values)
    tiles = {"geoTiffOptions": {"tileDimensions": {"width": 256, "height": 256}}}
    exported(local, "image:export", {**body, **to("far", "out/parts", "GEO_TIFF", **tiles)})
    assert len([name for name in far.names("deep/out") if "parts" in name]) == 4


@pytest.fixture(scope="module")
def places(local: Local, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The body of an export of a table."""
    file = tmp_path_factory.mktemp("places") / "places.csv"
    file.write_text("name,longitude,latitude\nx,1,2\ny,3,4\n")
    registering.add_path(local.catalog, file, asset_id=f"{A}/places")
    return {"expression": load("Collection.loadTable", tableId=f"{A}/places")}


def test_tables_are_exported_to_a_bucket(far: Far, local: Local, places: dict[str, Any]):
    body = places
    done = exported(local, "table:export", {**body, **to("far", "out/places", "GEO_JSON")})
    assert done["metadata"]["state"] == "SUCCEEDED", done
    found = json.loads(far.get("deep/out/places.geojson"))
    assert [one["properties"]["name"] for one in found["features"]] == ["x", "y"]


def test_a_bucket_that_is_not_there_fails_the_export(local: Local, places: dict[str, Any]):
    body = places
    done = exported(local, "table:export", {**body, **to("gone", "x", "CSV")})
    assert done["metadata"]["state"] == "FAILED"
    assert "does not exist" in done["error"]["message"]
    refused = local.call(
        "POST", "projects/open/table:export", "me", body={**body, **to("hers", "x", "CSV")}
    )
    assert refused.status == 403
