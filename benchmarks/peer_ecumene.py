"""Ecumene over the loopback: HTTP, authentication, graph, catalogue and PNG included.

``cold`` empties the page of decoded blocks by asking for another place each time; ``warm`` asks the
same place again with another stretch.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import ee
from google.auth.transport.requests import AuthorizedSession
from google.oauth2 import service_account

from benchmarks import workloads as w


class _Running:
    """The server, started once, and a session."""

    base = ""
    web: AuthorizedSession | None = None
    process: subprocess.Popen[bytes] | None = None


def prepare(archive: Path) -> None:
    data = archive.parent.parent / "server"
    data.mkdir(exist_ok=True)
    cli = [sys.executable, "-m", "ecumene.cli"]
    if not (data / "registered").exists():
        subprocess.run(
            [*cli, "catalog", "add", str(archive.parent), "--data", str(data)],
            check=True,
            stdout=subprocess.DEVNULL,  # ours is for answers
        )
        (data / "registered").touch()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _Running.base = f"http://127.0.0.1:{port}"
    log = (data / "server.log").open("w")
    _Running.process = subprocess.Popen(
        [*cli, "serve", "--data", str(data), "--port", str(port)], stdout=log, stderr=log
    )
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{_Running.base}/readyz", timeout=2)
            break
        except OSError:
            time.sleep(0.1)
    key = data / "key.json"
    key.unlink(missing_ok=True)
    subprocess.run(
        [
            *cli,
            "keys",
            "create",
            str(key),
            "--account",
            "bench",
            "--url",
            _Running.base,
            "--data",
            str(data),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    ee.Initialize(
        ee.ServiceAccountCredentials("", str(key)), url=_Running.base, project="ecumene-bench"
    )
    credentials = service_account.Credentials.from_service_account_file(str(key))
    _Running.web = AuthorizedSession(
        credentials.with_scopes(["https://www.googleapis.com/auth/cloud-platform"])
    )
    _Running.web.get(f"{_Running.base}/v1/projects/earthengine-public/assets/BENCH/S2")


def close() -> None:
    if _Running.process is not None:
        _Running.process.terminate()


def peak_mb() -> float:
    """The most memory that the server's process ever held."""
    assert _Running.process is not None
    status = Path(f"/proc/{_Running.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _clear(image: ee.Image) -> ee.Image:
    classes = image.select("SCL")
    bad = classes.eq(w.CLOUDY[0])
    for value in w.CLOUDY[1:]:
        bad = bad.Or(classes.eq(value))
    return image.updateMask(bad.Not())


def _ask(archive: Path, k: int, n: int, cloud: bool, top: float) -> bytes:
    names = [item["properties"]["ee:properties"]["system:index"] for item in w.items(archive, n)]
    scenes = ee.ImageCollection("BENCH/S2").filter(ee.Filter.inList("system:index", names))
    if cloud:
        scenes = scenes.map(_clear)
    lon, lat = w.corner(archive, k)
    body = {
        "expression": ee.serializer.encode(scenes.median()),
        "fileFormat": "PNG",
        "bandIds": list(w.RGB),
        "grid": {
            "dimensions": {"width": w.SIDE, "height": w.SIDE},
            "affineTransform": {
                "scaleX": w.DEGREES, "shearX": 0, "translateX": lon,
                "shearY": 0, "scaleY": -w.DEGREES, "translateY": lat,
            },
            "crsCode": "EPSG:4326",
        },
        "visualizationOptions": {"ranges": [{"min": 0, "max": top}]},
    }  # fmt: skip
    assert _Running.web is not None
    answer = _Running.web.post(
        f"{_Running.base}/v1/projects/ecumene-bench/image:computePixels", data=json.dumps(body)
    )
    assert answer.status_code == 200, answer.text
    return answer.content


def cold(archive: Path, k: int, n: int, cloud: bool) -> bytes:
    return _ask(archive, k, n, cloud, w.STRETCH)


def warm(archive: Path, k: int, n: int, cloud: bool) -> bytes:
    return _ask(archive, k, n, cloud, w.STRETCH + 1)


CONTESTANTS = {"ecumene": cold, "ecumene, same place again": warm}
