"""Servers as processes, for tests that speak HTTP."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path


def ecumene(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecumene.cli", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )


@contextlib.contextmanager
def serving(data: Path, *options: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "ecumene.cli",
        "serve",
        "--data",
        str(data),
        "--port",
        str(port),
    ]
    log_path = data / f"server-{port}.log"
    with log_path.open("w") as log:
        process = subprocess.Popen([*command, *options], stdout=log, stderr=log)
        try:
            for _ in range(600):
                with (
                    contextlib.suppress(OSError),
                    urllib.request.urlopen(f"{base}/readyz", timeout=2),
                ):
                    break
                assert process.poll() is None, log_path.read_text()
                time.sleep(0.1)
            else:
                raise AssertionError("the server did not become ready")
            yield base
        finally:
            process.terminate()
            process.wait(timeout=30)
