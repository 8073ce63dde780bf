"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run of a change; HYPOTHESIS_PROFILE=deep draws new ones.
settings.register_profile("quick", derandomize=True, deadline=None)
settings.register_profile("deep", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real sample data, found beside the checkout or by ECUMENE_SAMPLE_DATA."""
    configured = os.environ.get("ECUMENE_SAMPLE_DATA")
    path = Path(configured) if configured else Path(__file__).parents[2] / "shared" / "data"
    if not (path / "catalog.json").exists():
        pytest.skip("sample data is not present on this machine")
    return path
