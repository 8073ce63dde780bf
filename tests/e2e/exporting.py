"""A server of its own for exports, and what tests do with its operations."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

from ecumene.api.accounts import Accounts, write_key
from ecumene.catalog.ingest import add_path, open_catalog

PROJECT, ACCOUNT = "ecumene-tests", "exporter"
WEST, NORTH, STEP = 500_000.0, 4_200_000.0, 10.0
WIDTH, HEIGHT = 700, 600
SETTINGS = 'drive = "drive"\n[buckets]\nresults = "bucket"\nsources = "files"\nforeign = {path = "foreign", accounts = ["somebody"]}\n'


def values() -> np.ndarray:
    """``(2, 600, 700)`` uint16, 0 = no data: a corner of the first band, all of a stripe."""
    rng = np.random.default_rng(11)
    found = rng.integers(1, 5000, (2, HEIGHT, WIDTH), dtype="uint16")
    found[0, :50, :80] = 0
    found[:, 300:310] = 0
    return found


def prepared(data: Path) -> None:
    """A data folder with one image, one table, and places for exports."""
    files = data / "files"
    files.mkdir(parents=True)
    (data / "exports.toml").write_text(SETTINGS)
    with rasterio.open(
        files / "scene.tif", "w", driver="GTiff", width=WIDTH, height=HEIGHT, count=2, dtype="uint16",
        crs="EPSG:32610", transform=from_origin(WEST, NORTH, STEP, STEP), nodata=0, tiled=True,
        blockxsize=256, blockysize=256,
    ) as out:  # fmt: skip
        out.write(values())
        out.descriptions = ("red", "nir")
    features = [
        {
            "type": "Feature",
            "properties": {"name": f"place {k}", "rank": k, "half": k / 2},
            "geometry": {"type": "Point", "coordinates": [10 + k, 50 - k]},
        }
        for k in range(7)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    (files / "places.geojson").write_text(text)
    with open_catalog(data) as catalog:
        for name, asset in (("scene.tif", "scene"), ("places.geojson", "places")):
            add_path(catalog, files / name, asset_id=f"projects/{PROJECT}/assets/{asset}")


def make_key(data: Path, base: str, account: str = ACCOUNT) -> Path:
    """A key file for an account of a server at an address."""
    path = data / f"{account}.json"
    if not path.exists():
        write_key(path, Accounts.of(data).create(account, base))
    return path


@dataclass(frozen=True)
class Server:
    """Where the server is and how to log in."""

    base: str
    key: Path
    data: Path

    @property
    def archive(self) -> Path:
        return self.data / "archive"


@dataclass(frozen=True)
class Exporting:
    """The client on a server that has exports, and where they go."""

    ee: Any
    server: Server

    @property
    def base(self) -> str:
        return self.server.base

    @property
    def data(self) -> Path:
        return self.server.data

    @property
    def drive(self) -> Path:
        return self.data / "drive" / ACCOUNT

    @property
    def bucket(self) -> Path:
        return self.data / "bucket"

    def session(self) -> Any:
        """google.auth's session, for what the client has no function for."""
        from google.auth.transport.requests import AuthorizedSession
        from google.oauth2 import service_account

        made = service_account.Credentials.from_service_account_file(str(self.server.key))
        scopes = ["https://www.googleapis.com/auth/cloud-platform"]
        return AuthorizedSession(made.with_scopes(scopes))

    def rest(self, method: str, value: Any, **body: Any) -> list[str]:
        """Runs an export that the client has no function for; where its results are."""
        url = f"{self.base}/v1/projects/{PROJECT}/{method}"
        graph = self.ee.serializer.encode(value, for_cloud_api=True)
        answer = self.session().post(url, json={"expression": graph, **body}).json()
        task = self.ee.batch.Task(answer["name"].rpartition("/")[2], "", "", {}, answer["name"])
        status = self.waited(task)
        assert status["state"] == "COMPLETED", status
        uris: list[str] = status["destination_uris"]
        return uris

    def scene(self) -> Any:
        return self.ee.Image(f"projects/{PROJECT}/assets/scene")

    def places(self) -> Any:
        return self.ee.FeatureCollection(f"projects/{PROJECT}/assets/places")

    def ended(self, task: Any) -> dict[str, Any]:
        """Starts a task and waits for its end."""
        task.start()
        return self.waited(task)

    @staticmethod
    def waited(task: Any) -> dict[str, Any]:
        end = time.monotonic() + 90
        while time.monotonic() < end:
            status: dict[str, Any] = task.status()
            if status["state"] in ("COMPLETED", "FAILED", "CANCELLED"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"it did not end: {status}")

    def completed(self, task: Any) -> list[str]:
        """Runs a task that must succeed; where its results are."""
        status = self.ended(task)
        assert status["state"] == "COMPLETED", status
        uris: list[str] = status["destination_uris"]
        return uris
