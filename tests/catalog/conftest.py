from __future__ import annotations

from pathlib import Path

import pytest

from ecumene.catalog import ingest
from ecumene.catalog.store import Catalog


@pytest.fixture
def catalog(tmp_path: Path, database: str):
    with Catalog(tmp_path / "data") as found:
        yield found


@pytest.fixture(scope="session")
def sample(shared_data: Path, tmp_path_factory: pytest.TempPathFactory):
    """The whole folder of sample data, registered."""
    folder = tmp_path_factory.mktemp("sample")
    with Catalog(folder / "catalog.sqlite") as found:
        ingest.add_path(found, shared_data)
        yield found
