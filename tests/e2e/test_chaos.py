"""A short battle; ``make chaos`` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.battle import battle, undisturbed
from tests.e2e.exporting import Server


@pytest.mark.timeout(400)  # servers start slowly on busy machines
def test_what_was_accepted_ends_once_with_the_same_bytes(
    exporting_server: Server, tmp_path: Path
) -> None:
    quiet = undisturbed(exporting_server.data, exporting_server.base)
    found = battle(tmp_path / "war", 8, 5, quiet, worker=False, pause=0.8, blows=2)
    assert found.accepted == 8 and sum(found.blows.values()) > 0
    assert found.clean, found.text()
