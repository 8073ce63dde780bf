"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real sample data, found beside the checkout or by ECUMENE_SAMPLE_DATA."""
    configured = os.environ.get("ECUMENE_SAMPLE_DATA")
    path = Path(configured) if configured else Path(__file__).parents[2] / "shared" / "data"
    if not (path / "catalog.json").exists():
        pytest.skip("sample data is not present on this machine")
    return path
