"""Workers in a process of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from ecumene.tasks.store import Store
from tests.tasks.kinds import asked, until


def test_a_worker_ends_what_nobody_can_do_and_stops_when_told(
    tmp_path: Path, database: str
) -> None:
    store = Store(tmp_path)
    accepted, _ = store.submit(asked("unheard of"), {})
    worker = subprocess.Popen(
        [sys.executable, "-m", "ecumene.cli", "work", "--data", str(tmp_path)]
    )
    try:
        until(lambda: store.get(accepted.id).done)  # type: ignore[union-attr]
        found = store.get(accepted.id)
        assert found is not None and "unheard of" in str(found.error_message)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.wait()
    assert not list((tmp_path / "tasks" / "owners").iterdir())
