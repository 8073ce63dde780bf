"""A server process on a data folder with one small raster and one small table."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from rasterio.transform import from_origin

from tests.servers import ecumene, serving

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
WEST, NORTH, STEP, SIDE = 10.0, 50.0, 0.01, 32
PLACES = 7


def pixels() -> np.ndarray:
    """``(3, 32, 32)`` uint16: what the raster holds; 0 is no data."""
    rng = np.random.default_rng(3)
    values = rng.integers(1, 4000, (3, SIDE, SIDE), dtype="uint16")
    values[:, :4, :4] = 0
    return values


@dataclass(frozen=True)
class Service:
    """A running server, its data folder and a key."""

    base: str
    data: Path
    key: dict[str, Any]

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        """POST with a fresh token's authority."""
        return requests.post(
            f"{self.base}{path}", json=body, headers=self.authority() | headers, timeout=60
        )

    def get(self, path: str, **params: Any) -> requests.Response:
        """GET with a token."""
        return requests.get(
            f"{self.base}{path}", params=params, headers=self.authority(), timeout=60
        )

    def authority(self) -> dict[str, str]:
        answer = grant(self.base, assertion(self.key))
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def assertion(key: dict[str, Any], header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A signed assertion as google-auth makes it, with other header fields and claims where given."""
    now = int(time.time())
    head = {"alg": "RS256", "typ": "JWT", "kid": key["private_key_id"]} | (header or {})
    body = {
        "iss": key["client_email"], "aud": key["token_uri"], "iat": now, "exp": now + 3600, "scope": "any",
        "nonce": time.perf_counter_ns(),
    } | claims  # fmt: skip
    text = ".".join(encoded(json.dumps(part).encode()) for part in (head, body))
    private: Any = serialization.load_pem_private_key(key["private_key"].encode(), None)
    signature = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{encoded(signature)}"


def grant(base: str, text: str) -> requests.Response:
    """What the token endpoint says to an assertion."""
    return requests.post(f"{base}/token", data={"grant_type": GRANT, "assertion": text}, timeout=30)


def make_key(data: Path, base: str, name: str) -> dict[str, Any]:
    path = data / f"{name}.json"
    ecumene("keys", "create", str(path), "--account", name, "--url", base, "--data", str(data))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("small")
    files = data / "files"
    files.mkdir()
    with rasterio.open(
        files / "scene.tif", "w", driver="GTiff", width=SIDE, height=SIDE, count=3, dtype="uint16",
        crs="EPSG:4326", transform=from_origin(WEST, NORTH, STEP, STEP), nodata=0,
    ) as out:  # fmt: skip
        out.write(pixels())
    features = [
        {
            "type": "Feature",
            "properties": {"name": f"place {k}", "rank": k},
            "geometry": {"type": "Point", "coordinates": [WEST + k, NORTH - k]},
        }
        for k in range(PLACES)
    ]
    (files / "places.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )
    for name, asset in (("scene.tif", "scene"), ("places.geojson", "places")):
        ecumene(
            "catalog", "add", str(files / name), "--id", f"projects/small/assets/{asset}", "--data", str(data),
        )  # fmt: skip
    return data


@pytest.fixture(scope="session")
def service(small_data: Path) -> Iterator[Service]:
    with serving(small_data) as base:
        yield Service(base, small_data, make_key(small_data, base, "tester"))
