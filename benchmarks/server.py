"""This server in a process of its own, on the benchmark's archive: started, asked, emptied and watched."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.web import Client, free_port, wait_for

PROJECT = "projects/bench"
QUIET = 0.05
"""Seconds without processor time after which the server counts as idle."""


def registered(archive: Path, allow: str | None = None) -> Path:
    """A new data folder that knows the archive, and may read another folder too."""
    data = Path(tempfile.mkdtemp(prefix="server-", dir=archive.parent.parent))
    more = [] if allow is None else ["--allow", allow]
    command("catalog", "add", str(archive.parent), "--data", str(data), *more)
    return data


def command(*arguments: str) -> None:
    """Runs a command of ``ecumene``."""
    line = [sys.executable, "-m", "ecumene.cli", *arguments]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)


class Server:
    """Serves ``archive`` from a data folder that ends with it.

    Parameters
    ----------
    archive : folder of the scenes; its parent is the catalogue.
    register : makes the data folder.
    """

    def __init__(self, archive: Path, register: Callable[[Path], Path] = registered) -> None:
        self.data = register(archive)
        port = free_port()
        base, key = f"http://127.0.0.1:{port}", self.data / "key.json"
        names = ["--account", "bench", "--url", base, "--data", str(self.data)]
        command("keys", "create", str(key), *names)
        line = [sys.executable, "-m", "ecumene.cli", "serve", "--data", str(self.data)]
        with (self.data / "server.log").open("w") as log:
            self.process = subprocess.Popen([*line, "--port", str(port)], stdout=log, stderr=log)
        self.client = Client(base)
        try:
            wait_for(self.process, lambda: self.client.get("/readyz"))
            self._log_in(base, key)
        except BaseException:
            self.close()
            raise
        self.settle(120)  # kernels are loaded, or compiled the first time on a machine

    def _log_in(self, base: str, key: Path) -> None:
        """A token as the public clients get it; the unmodified client builds the expressions."""
        import ee
        from google.auth.transport.requests import Request
        from google.oauth2 import service_account

        ee.Initialize(ee.ServiceAccountCredentials("", str(key)), url=base, project="bench")
        credentials = service_account.Credentials.from_service_account_file(str(key))
        credentials = credentials.with_scopes(["https://www.googleapis.com/auth/cloud-platform"])
        credentials.refresh(Request())
        self.client.headers["Authorization"] = f"Bearer {credentials.token}"

    def pixels(self, body: dict[str, Any] | bytes) -> bytes:
        """``image:computePixels``."""
        return self.client.post(f"/v1/{PROJECT}/image:computePixels", body)

    def metric(self, name: str) -> float:
        """A value of the metrics' page."""
        text = self.client.get("/metrics").decode()
        found = re.search(rf"^{name}(?:_total)? (\S+)$", text, re.M)
        if found is None:
            raise RuntimeError(f"no metric {name}")
        return float(found[1])

    def settle(self, seconds: float = 5.0) -> None:
        """Waits until the server does nothing (blocks read ahead, kernels compiled), or the seconds are over."""
        end = time.monotonic() + seconds
        pids = processes.family(self.process.pid)
        while time.monotonic() < end:
            before = processes.cpu_seconds(pids)
            time.sleep(QUIET)
            if processes.cpu_seconds(pids) == before:
                return

    def forget(self) -> None:
        """Drops decoded blocks, and makes sure that they are gone: headers and handles stay known."""
        self.settle()
        for _ in range(50):
            os.kill(self.process.pid, signal.SIGHUP)
            time.sleep(0.02)
            if self.metric("ecumene_block_cache_bytes") == 0:
                return
        raise RuntimeError("the server keeps its decoded blocks")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.data, ignore_errors=True)
