"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ecumene.storage.databases import VARIABLE
from tests.postgres import Cluster, cluster

# The same examples in every run of a change; HYPOTHESIS_PROFILE=deep draws new ones.
settings.register_profile("quick", derandomize=True, deadline=None)
settings.register_profile("deep", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

os.environ.pop(VARIABLE, None)  # somebody's own database is none of the tests' business


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real sample data, found beside the checkout or by ECUMENE_SAMPLE_DATA."""
    configured = os.environ.get("ECUMENE_SAMPLE_DATA")
    path = Path(configured) if configured else Path(__file__).parents[2] / "shared" / "data"
    if not (path / "catalog.json").exists():
        pytest.skip("sample data is not present on this machine")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    try:
        with cluster() as running:
            yield running
    except FileNotFoundError as error:
        pytest.skip(str(error))


DATABASES = ("sqlite", "postgresql")


def _placed(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> str:
    """Data folders have their tables in SQLite's files, or in a schema of the server's."""
    if request.param == "sqlite":
        patch.delenv(VARIABLE, raising=False)
    else:
        patch.setenv(VARIABLE, request.getfixturevalue("postgres").schema())
    kind: str = request.param
    return kind


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test runs with data folders on SQLite and on PostgreSQL."""
    return _placed(request, monkeypatch)


@pytest.fixture(scope="module", params=DATABASES)
def module_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same for fixtures that a module shares."""
    with pytest.MonkeyPatch.context() as patch:
        yield _placed(request, patch)
