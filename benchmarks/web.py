"""A small HTTP client, the same for every server that is measured: one kept connection a thread."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit


class Client:
    """Requests to one server.

    Parameters
    ----------
    base : ``http://host:port``.
    headers : sent with every request.
    """

    def __init__(self, base: str, headers: Mapping[str, str] | None = None) -> None:
        self.base, self.headers = base, dict(headers or {})
        self._host = urlsplit(base).netloc
        self._own = threading.local()

    def get(self, path: str) -> bytes:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any) -> bytes:
        return self._ask(
            "POST", path, body if isinstance(body, bytes) else json.dumps(body).encode()
        )

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = self.headers | ({"Content-Type": "application/json"} if body else {})
        try:
            status, content = self._exchanged(method, path, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            status, content = self._exchanged(
                method, path, body, headers
            )  # it had been idle too long
        if status != 200:
            raise RuntimeError(f"{method} {path[:200]}: {status} {content[:500]!r}")
        return content

    def _exchanged(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """One attempt; a connection that failed is not used again."""
        connection = self._own.__dict__.pop("connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self._host, timeout=600)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self._own.connection = connection
        return answer.status, content


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(process: subprocess.Popen[Any], ready: Callable[[], Any], seconds: float = 60) -> None:
    """Until ``ready`` raises no OSError or RuntimeError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError("the server ended; see its log")
        with contextlib.suppress(OSError, RuntimeError, http.client.HTTPException):
            ready()
            return
        time.sleep(0.1)
    raise RuntimeError("the server is not ready after a minute")
