"""The application in this process, driven through ASGI, with time and memory measured for every request."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

from ecumene.api.server import Application, Settings
from ecumene.app import services
from ecumene.cli import main
from ecumene.core.limits import OPEN

SECONDS = 5.0
"""Time that a computation may take."""
PATIENCE = 12.0
"""Seconds after which a request counts as hanging."""
MEMORY = 2**30
"""Bytes that a request may hold."""
SLACK = 400 * 2**20
"""Bytes beside those of a request: JSON, caches, the allocator."""


def prepare(data: Path) -> None:
    """A data folder with one small raster and one small table."""
    files = data / "files"
    files.mkdir(parents=True)
    values = np.random.default_rng(3).integers(0, 4000, (3, 32, 32), dtype="uint16")
    with rasterio.open(
        files / "scene.tif", "w", driver="GTiff", width=32, height=32, count=3, dtype="uint16", crs="EPSG:4326",
        transform=from_origin(10.0, 50.0, 0.01, 0.01), nodata=0,
    ) as out:  # fmt: skip
        out.write(values)
    members = [
        {
            "type": "Feature",
            "properties": {"name": f"place {k}", "rank": k},
            "geometry": {"type": "Point", "coordinates": [10 + k / 30, 50 - k / 30]},
        }
        for k in range(7)
    ]
    (files / "places.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": members})
    )
    for name, asset in (("scene.tif", "scene"), ("places.geojson", "places")):
        identifier = f"projects/fuzz/assets/{asset}"
        main(["catalog", "add", str(files / name), "--id", identifier, "--data", str(data)])


def application(data: Path) -> Application:
    """The application on a prepared folder, open to everybody."""
    made = services(data)
    made.engine.limits = replace(OPEN, compute_seconds=SECONDS, memory_bytes=MEMORY)
    return Application(made, None, Settings(made.engine.limits, anonymous=True, workers=2))


def peak() -> int:
    """The largest resident size since ``forget_peak``, in bytes (0 where the system does not tell)."""
    try:
        rows = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(row.split()[1]) * 1024 for row in rows if row.startswith("VmHWM:")), 0)


def forget_peak() -> None:
    """The resident size of now becomes the largest."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # not permitted here: the largest size of the process is all there is
        return


@dataclass(frozen=True)
class Answer:
    """Status, body, seconds, and bytes by which the process grew at most."""

    status: int
    body: bytes
    seconds: float
    grown: int

    def problem(self) -> str | None:
        """What is wrong with it, if anything is."""
        if self.status >= 500:
            return f"status {self.status}"
        if self.seconds > PATIENCE:
            return f"took {self.seconds:.1f} s"
        if self.grown > MEMORY + SLACK:
            return f"grew by {self.grown >> 20} MiB"
        return None


async def _post(app: Any, path: str, body: bytes) -> tuple[int, bytes]:
    messages: list[Any] = []
    sent = False

    async def receive() -> Any:
        nonlocal sent
        if sent:
            await asyncio.sleep(3600)
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("fuzz", 80), "headers": [(b"host", b"fuzz"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await app(scope, receive, send)
    return messages[0]["status"], b"".join(m.get("body", b"") for m in messages[1:])


def post(app: Application, path: str, body: bytes) -> Answer:
    """The answer to a request."""
    forget_peak()
    before, start = peak(), time.monotonic()
    status, content = asyncio.run(_post(app, path, body))
    return Answer(status, content, time.monotonic() - start, max(peak() - before, 0))
