"""Addresses are signed when they are opened, by tokens of a service."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from ecumene.core.errors import FailedPrecondition, NotFound, Unavailable
from ecumene.storage import signing
from ecumene.storage.blocks import BlockStore
from ecumene.storage.gate import Gate
from ecumene.storage.objects import read_object
from ecumene.storage.signing import SIGNER, Rule, configure

SIDE, BLOCK = 64, 16


class Service:
    """A store whose objects need tokens, and the service that gives them."""

    def __init__(self, folder: Path, base: str) -> None:
        self.folder, self.base = folder, base
        self.values = np.arange(SIDE * SIDE, dtype="uint16").reshape(1, SIDE, SIDE)
        with rasterio.open(
            folder / "scene.tif", "w", driver="GTiff", width=SIDE, height=SIDE, count=1, dtype="uint16",
            crs="EPSG:32633", transform=from_origin(500000, 5000000, 10, 10), tiled=True, blockxsize=BLOCK, blockysize=BLOCK,
        ) as out:  # fmt: skip
            out.write(self.values)
        self.url = f"{base}/images/scene.tif"

    def gives(self, token: str, seconds: float = 3600, takes: str | None = None) -> None:
        until = datetime.fromtimestamp(time.time() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        (self.folder / ".answer").write_text(json.dumps({"token": token, "msft:expiry": until}))
        (self.folder / ".token").write_text(token if takes is None else takes)

    @property
    def asked(self) -> list[str]:
        file = self.folder / ".asked"
        return file.read_text().splitlines() if file.exists() else []

    def store(self) -> BlockStore:
        return BlockStore(2**24, Gate([f"{self.base}/images"]))


@pytest.fixture(autouse=True)
def forgetting():
    yield
    SIGNER.forget()


@pytest.fixture
def service(tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("ranges.py")), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Service(tmp_path, f"http://127.0.0.1:{process.stdout.readline().strip()}")
        process.terminate()


def using(service: Service, key: str = "") -> None:
    SIGNER.use({"127.0.0.1": Rule("127.0.0.1", f"{service.base}/tokens/", key)})


def test_pixels_behind_tokens(service):
    service.gives("se=2030&sig=a%2Fb%3D")
    with pytest.raises(Unavailable):
        service.store().header(service.url)
    using(service, "secret")
    store = service.store()
    np.testing.assert_array_equal(
        store.window(service.url, 1, 0, 0, 0, SIDE, SIDE), service.values[0]
    )
    assert service.asked == ["/tokens/127/images secret"]
    assert "sig" not in store.header(service.url).path
    assert (
        read_object(store.gate, service.url, 10**6) == (service.folder / "scene.tif").read_bytes()
    )
    assert len(service.asked) == 1


def test_a_token_is_replaced_before_its_end_and_reading_goes_on(service, monkeypatch):
    service.gives("sig=first", seconds=3600)
    using(service)
    store = service.store()
    first = store.window(service.url, 1, 0, 0, 0, BLOCK, BLOCK)
    service.gives("sig=second", seconds=7200)
    later = SimpleNamespace(time=lambda: time.time() + 3600 - signing.SPARE / 2)
    monkeypatch.setattr(signing, "time", later)
    second = store.window(service.url, 1, 0, BLOCK, BLOCK, BLOCK, BLOCK)
    np.testing.assert_array_equal(first, service.values[0, :BLOCK, :BLOCK])
    np.testing.assert_array_equal(second, service.values[0, BLOCK : 2 * BLOCK, BLOCK : 2 * BLOCK])
    assert len(service.asked) == 2


def test_containers_of_which_the_service_knows_nothing_are_read_as_they_are(service):
    using(service)
    assert service.store().header(service.url).count == 1
    assert SIGNER.signed(service.url) == service.url
    assert len(service.asked) == 1


@pytest.mark.parametrize("answer", ["[]", "{}", "no", '{"token": "a", "msft:expiry": "soon"}'])
def test_a_service_that_gives_no_token(service, answer):
    (service.folder / ".answer").write_text(answer)
    using(service)
    with pytest.raises(Unavailable, match="No token"):
        service.store().header(service.url)
    with pytest.raises(Unavailable):
        read_object(service.store().gate, service.url, 10**6)


def test_a_token_does_not_open_other_objects(service):
    service.gives("sig=right", takes="sig=other")
    using(service)
    with pytest.raises(Unavailable) as caught:
        service.store().header(service.url)
    assert "sig" not in str(caught.value)
    with pytest.raises(NotFound) as missing:
        read_object(service.store().gate, service.url, 10**6)
    assert "sig" not in str(missing.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/a/b.tif",
        "https://notblob.core.windows.net/a/b.tif",
        "https://x.blob.core.windows.net/",
        "https://x.blob.core.windows.net/a/b.tif?sig=own",
        "s3://x.blob.core.windows.net/a/b.tif",
        "/vsis3/bucket/b.tif",
        "/local/file.tif",
    ],
)
def test_what_is_not_signed(address):
    SIGNER.use({"x": Rule("blob.core.windows.net", "http://127.0.0.1:9/")})
    assert SIGNER.signed(address) == address


def test_rules_of_a_data_folder(tmp_path, service):
    configure(tmp_path / "nothing")
    service.gives("sig=x")
    (tmp_path / signing.SETTINGS).write_text(
        f'[[signing]]\nhosts = "127.0.0.1"\ntokens = "{service.base}/tokens"\n'
    )
    configure(tmp_path)
    assert SIGNER.signed(f"/vsicurl/{service.url}") == f"/vsicurl/{service.url}?sig=x"
    assert "key" not in repr(Rule("a", "b", "c"))


@pytest.mark.parametrize(
    "text",
    [
        "[[signing]",
        '[[signing]]\nhosts = "a"',
        '[[signing]]\nhosts = "a"\ntokens = "file:///etc"',
        "signing = 3",
    ],
)
def test_rules_that_cannot_be_read(tmp_path, text):
    (tmp_path / signing.SETTINGS).write_text(text)
    with pytest.raises(FailedPrecondition, match="sources.toml"):
        configure(tmp_path)
