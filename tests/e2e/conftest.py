"""A real server process on the demonstration archive, and the clients that talk to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.exporting import PROJECT, Exporting, Server, make_key, prepared
from tests.servers import ecumene, serving

ROOT = Path(__file__).parents[2]
HERE = (-121.58626826832939, 38.059141484827485)


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded data folder of its own; the archive's files are kept between runs."""
    kept = ROOT / "build" / "test-data"
    kept.mkdir(parents=True, exist_ok=True)
    ready = ROOT / "build" / "demo" / "archive"
    if not (kept / "archive").exists() and (ready / "archive.version").exists():
        shutil.copytree(ready, kept / "archive", copy_function=_link)
    ecumene("demo", "seed", "--data", str(kept))
    return kept


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


@pytest.fixture(scope="session")
def server(demo_data: Path) -> Iterator[Server]:
    with serving(demo_data) as base:
        key = demo_data / "key.json"
        key.unlink(missing_ok=True)
        ecumene(
            "keys",
            "create",
            str(key),
            "--account",
            "tests",
            "--url",
            base,
            "--data",
            str(demo_data),
        )
        yield Server(base, key, demo_data)


@pytest.fixture(scope="session")
def web(server: Server):  # noqa: ANN201 - google.auth has no types
    """google.auth's session, as the notebooks make it."""
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import service_account

    credentials = service_account.Credentials.from_service_account_file(str(server.key))
    return AuthorizedSession(
        credentials.with_scopes(["https://www.googleapis.com/auth/cloud-platform"])
    )


@pytest.fixture
def ee(server: Server):  # noqa: ANN201
    """The client library, initialised as the notebook does."""
    import ee as client

    client.Reset()
    client.Initialize(
        client.ServiceAccountCredentials("ignored@example.com", str(server.key)), url=server.base
    )
    return client


@pytest.fixture(scope="session")
def exporting_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("exporting")
    prepared(data)
    with serving(data) as base:
        yield Server(base, make_key(data, base), data)


@pytest.fixture
def exporting(exporting_server: Server) -> Iterator[Exporting]:
    import ee as client

    client.Reset()
    credentials = client.ServiceAccountCredentials("ignored@example.com", str(exporting_server.key))
    client.Initialize(credentials, url=exporting_server.base, project=PROJECT)
    yield Exporting(client, exporting_server)
    client.Reset()
