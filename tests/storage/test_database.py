"""Several processes that start on a new data folder at once."""

from __future__ import annotations

import subprocess
import sys

STARTS = """
import sys, time
from pathlib import Path
from ecumene.api.accounts import Accounts
from ecumene.catalog.schema import open_engine
from ecumene.tasks.store import Store

folder = Path(sys.argv[1])
(folder / f"ready-{sys.argv[2]}").touch()
while len(list(folder.glob("ready-*"))) < 4:
    time.sleep(0.001)
Store(folder)
open_engine(folder)
Accounts(f"sqlite:///{folder}/accounts.sqlite")
"""


def test_everybody_makes_the_tables(tmp_path):
    line = [sys.executable, "-c", STARTS, str(tmp_path)]
    running = [
        subprocess.Popen([*line, str(number)], stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors
