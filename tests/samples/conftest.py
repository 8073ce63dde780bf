"""A server on the real sample data, and the unmodified client that asks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ecumene, serving


@pytest.fixture(scope="session")
def golden(shared_data: Path) -> dict[str, Any]:
    """Figures computed from the same files by other tools."""
    found: dict[str, Any] = json.loads((shared_data / "golden.json").read_text())
    return found


@pytest.fixture(scope="session")
def index_of(shared_data: Path) -> dict[str, str]:
    """``system:index`` of every item by the item's own id."""
    found = {}
    for path in shared_data.glob("*/items/*.json"):
        item = json.loads(path.read_text())
        found[item["id"]] = (
            item["properties"].get("ee:properties", {}).get("system:index", item["id"])
        )
    return found


@pytest.fixture(scope="session")
def client(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """``ee``, initialised against a server on which one command registered everything."""
    import ee

    data = tmp_path_factory.mktemp("samples")
    ecumene("catalog", "add", str(shared_data), "--data", str(data))
    with serving(data, "--anonymous") as base:
        ee.Reset()
        ee.Initialize(None, project="samples", url=base)
        yield ee
    ee.Reset()
