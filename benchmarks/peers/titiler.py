"""TiTiler (``titiler.core`` on uvicorn, a process per core): tiles over the loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import processes as table
from benchmarks import workloads as w
from benchmarks.web import Client, free_port, wait_for
from benchmarks.worker import Contestant

_RUNNING: dict[str, Any] = {}


def start(archive: Path) -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "benchmarks.peers.titiler_app:app",
        "--port",
        str(port),
    ]
    process = subprocess.Popen([*command, "--workers", str(os.cpu_count()), "--log-level", "error"])
    client = Client(f"http://127.0.0.1:{port}")
    _RUNNING.update(process=process, client=client)
    wait_for(process, lambda: client.get("/openapi.json"))


def close() -> None:
    _RUNNING["process"].terminate()
    _RUNNING["process"].wait(30)


def processes() -> list[int]:
    return table.family(_RUNNING["process"].pid)


def _fetch(archive: Path, zoom: int, k: int, x: int, y: int) -> bytes:
    item = sorted((archive / "items").glob("*.json"))
    query = f"i={item[k % min(4, len(item))]}&rescale=0,{w.STRETCH:.0f}"
    query += "".join(f"&assets={band}" for band in w.RGB)
    client: Client = _RUNNING["client"]
    return client.get(f"/tiles/WebMercatorQuad/{zoom}/{x}/{y}.png?{query}")


def _tile(ask: w.Ask, given: Any) -> bytes:
    zoom = w.ZOOMS[ask.task.split("_")[1]]
    return _fetch(ask.archive, zoom, ask.k, *w.tile(ask.archive, ask.k, zoom))


def _tiles(ask: w.Ask, given: Any) -> list[bytes]:
    zoom = w.ZOOMS[ask.task.split("_")[1]]
    with ThreadPoolExecutor(w.FLIGHT) as pool:
        wanted = w.tiles(ask.archive, ask.k, zoom)
        return list(pool.map(lambda tile: _fetch(ask.archive, zoom, *tile), wanted))


ONE, MANY = {"TiTiler": Contestant(_tile)}, {"TiTiler": Contestant(_tiles)}
TASKS = {"w2_native": ONE, "w2_overview": ONE, "w2_native_load": MANY}
