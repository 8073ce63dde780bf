"""A server and a worker that are killed again and again while exports and ingestions run, and what is left afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from ecumene.storage.databases import VARIABLE, opened
from ecumene.tasks.store import Store
from tests.e2e.exporting import ACCOUNT, PROJECT, make_key, prepared

FINE = 3
"""Metres of exported pixels: files of several pieces, so that there is something to resume."""

ASSETS = {"asset", "ingested", "rows"}
"""Kinds of operations that make assets."""

MANIFESTS = {"imageManifest", "tableManifest"}

Made = dict[str, str]
"""Digests of files by name."""


@dataclass
class Outcome:
    """What happened, and what is wrong."""

    accepted: int = 0
    blows: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.different or self.orphans)

    def text(self) -> str:
        blows = ", ".join(f"{count} × {what}" for what, count in sorted(self.blows.items()))
        return (
            f"{self.accepted} operations in {self.seconds:.0f} s, {self.attempts} attempts; {blows}. Lost: {len(self.lost)}, "
            f"doubled: {len(self.doubled)}, different bytes: {len(self.different)}, orphans: {len(self.orphans)}."
            + "".join(
                f"\n{name}: {one}"
                for name in ("lost", "doubled", "different", "orphans")
                for one in getattr(self, name)
            )
        )


def bodies() -> list[tuple[str, str, dict[str, Any]]]:
    """Kinds of operations: a name, the method, and the body without its destination."""
    import ee

    scene = ee.Image(f"projects/{PROJECT}/assets/scene")
    fine = scene.add(1).toUint16().reproject("EPSG:32610", None, FINE)
    table = ee.FeatureCollection(f"projects/{PROJECT}/assets/places").map(lambda f: f.buffer(500))

    def graph(value: Any) -> Any:
        return ee.serializer.encode(value, for_cloud_api=True)

    geotiff = {"fileFormat": "GEO_TIFF"}
    return [
        ("plain", "image:export", {"expression": graph(fine), "fileExportOptions": geotiff}),
        ("cog", "image:export", {"expression": graph(fine), "fileExportOptions": {**geotiff, "geoTiffOptions": {"cloudOptimized": True}}}),
        ("parts", "image:export", {"expression": graph(fine.float()), "fileExportOptions": {**geotiff, "geoTiffOptions": {"tileDimensions": {"width": 1024, "height": 1024}}}}),
        ("patches", "image:export", {"expression": graph(scene), "fileExportOptions": {"fileFormat": "TF_RECORD_IMAGE", "tfRecordOptions": {"tileDimensions": {"width": 64, "height": 64}}}}),
        ("asset", "image:export", {"expression": graph(fine), "assetExportOptions": {}}),
        ("ingested", "image:import", {"imageManifest": {"tilesets": [{"sources": [{"uris": ["gs://sources/scene.tif"]}]}]}}),
        ("rows", "table:import", {"tableManifest": {"sources": [{"uris": ["gs://sources/places.geojson"]}]}}),
        ("table", "table:export", {"expression": graph(table), "fileExportOptions": {"fileFormat": "GEO_JSON"}}),
    ]  # fmt: skip


def request(kind: str, number: int, body: dict[str, Any]) -> dict[str, Any]:
    """The body of one operation, with a destination and a request id of its own."""
    name = f"{kind}_{number}"
    whole = {**body, "description": name, "requestId": str(uuid.uuid4()), "maxPixels": "1000000000"}
    target: dict[str, Any] = {"name": f"projects/{PROJECT}/assets/{name}"}
    for manifest in MANIFESTS & set(body):
        return whole | {manifest: body[manifest] | target}
    if "assetExportOptions" in body:
        whole["assetExportOptions"] = {"earthEngineDestination": target}
    else:
        target = {"bucket": "results", "filenamePrefix": f"{name}/out"}
        whole["fileExportOptions"] = {
            **body["fileExportOptions"],
            "cloudStorageDestination": target,
        }
    return whole


class Side:
    """A server and, beside it, a worker; both may die at any moment."""

    def __init__(self, data: Path, *, worker: bool) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = (data / "server.log").open("a")
        self.server = self._serve()
        self.worker = self._work() if worker else None

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ecumene.cli", *arguments, "--data", str(self.data)]
        return subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def _serve(self) -> subprocess.Popen[bytes]:
        return self._run("serve", "--port", str(self.port), "--workers", "2")

    def _work(self) -> subprocess.Popen[bytes]:
        return self._run("work", "--workers", "1")

    def ready(self) -> None:
        for _ in range(1200):
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.base}/readyz", timeout=2).ok:
                    return
            assert self.server.poll() is None, (self.data / "server.log").read_text()[-3000:]
            time.sleep(0.05)
        raise AssertionError("the server did not become ready")

    def kill_server(self) -> None:
        self.server.kill()
        self.server.wait()
        self.server = self._serve()

    def kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()
        self.worker = self._work()

    def hit_database(self, seconds: float) -> None:
        """SQLite's file is locked for a while; PostgreSQL's connections are cut, whatever is going on in them."""
        server = os.environ.get(VARIABLE)
        if server:
            engine = opened(server)
            with engine.connect() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ecumene' AND pid <> pg_backend_pid()"
                )
            engine.dispose()
            return
        with (
            contextlib.closing(
                sqlite3.connect(self.data / "operations.sqlite", timeout=10, isolation_level=None)
            ) as connection,
            contextlib.suppress(sqlite3.OperationalError),
        ):
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    def freeze_worker(self, seconds: float) -> None:
        """The worker loses its lease without knowing it, and wakes up again."""
        assert self.worker is not None
        self.worker.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.worker.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        running = [one for one in (self.server, self.worker) if one is not None]
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)
        self.log.close()


def session(data: Path, base: str) -> Any:
    """google.auth's session of an account."""
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import service_account

    key = make_key(data, base)
    made = service_account.Credentials.from_service_account_file(str(key))
    return AuthorizedSession(made.with_scopes(["https://www.googleapis.com/auth/cloud-platform"]))


def submitted(web: Any, base: str, method: str, body: dict[str, Any]) -> str:
    """Sends a request until it is answered, as clients do; the name of the operation."""
    from google.auth.exceptions import TransportError

    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(requests.RequestException, TransportError):
            answer = web.post(f"{base}/v1/projects/{PROJECT}/{method}", json=body, timeout=60)
            if answer.status_code < 500:
                assert answer.ok, answer.text
                return str(answer.json()["name"])
        time.sleep(0.1)
    raise AssertionError("no answer")


def digests(folder: Path) -> Made:
    """Digests of all files below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


Kinds = list[tuple[str, str, dict[str, Any]]]


@contextlib.contextmanager
def peaceful(folder: Path) -> Iterator[str]:
    """A server that nobody harms, on a prepared folder."""
    prepared(folder)
    side = Side(folder, worker=False)
    try:
        side.ready()
        yield side.base
    finally:
        side.stop()


def undisturbed(data: Path, base: str) -> tuple[dict[str, Made], Kinds]:
    """The files of each kind of export when nothing is killed, and the kinds."""
    import ee

    ee.Reset()
    key = make_key(data, base)
    ee.Initialize(ee.ServiceAccountCredentials("x@y", str(key)), url=base, project=PROJECT)
    kinds = bodies()
    ee.Reset()
    web, store = session(data, base), Store(data)
    names = [submitted(web, base, m, request(k, 0, b)) for k, m, b in kinds]
    ids = [name.rpartition("/")[2] for name in names]
    _until(lambda: not store.unfinished() & set(ids), 120)
    states = {store.get(one).state for one in ids}  # type: ignore[union-attr]
    assert states == {"SUCCEEDED"}, [store.get(one) for one in ids]
    return {k: _made(data, k, 0, i) for (k, _, _), i in zip(kinds, ids, strict=True)}, kinds


def _made(data: Path, kind: str, number: int, identifier: str) -> Made:
    if kind in ASSETS:
        return digests(data / "assets" / identifier)
    return digests(data / "bucket" / f"{kind}_{number}")


def _until(condition: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.1)
    assert condition(), "it did not happen"


def battle(
    data: Path,
    count: int,
    seed: int,
    quiet: tuple[dict[str, Made], Kinds],
    *,
    worker: bool,
    pause: float,
    blows: int = 10**6,
) -> Outcome:
    """Runs so many operations while a server, a worker and the database are hit at random moments.

    Parameters
    ----------
    data : a folder for it.
    quiet : what ``undisturbed`` found.
    worker : whether there is a worker beside the server.
    pause : longest time between two blows, in seconds.
    blows : how many at most.
    """
    wanted, kinds = quiet
    prepared(data)
    side, chance, found = Side(data, worker=worker), random.Random(seed), Outcome()
    operations: dict[str, tuple[str, int]] = {}
    began = time.monotonic()
    try:
        side.ready()
        web, store = session(data, side.base), Store(data)
        waiting = list(range(count))
        while waiting or store.unfinished():
            for _ in range(chance.randint(1, max(count // 20, 2))):
                if waiting:
                    number = waiting.pop(0)
                    kind, method, body = kinds[number % len(kinds)]
                    whole = request(kind, number, body)
                    name = submitted(web, side.base, method, whole)
                    if chance.random() < 0.3:  # the answer got lost: the client asks again
                        again = submitted(web, side.base, method, whole)
                        if again != name:
                            found.doubled.append(f"{name} and {again}")
                    operations[name.rpartition("/")[2]] = (kind, number)
            time.sleep(chance.uniform(0.1, pause))
            if found.blows.total() < blows:
                _blow(side, chance, found)
            assert time.monotonic() - began < 60 + 60 * count, "it does not end"
        _until(lambda: not any((data / "tasks" / "scratch").iterdir()), 60)
    finally:
        side.stop()
    found.seconds = time.monotonic() - began
    _judge(data, store, operations, wanted, found)
    return found


def _blow(side: Side, chance: random.Random, found: Outcome) -> None:
    beside = side.worker is not None
    what = chance.choices(
        ("server killed", "worker killed", "database hit", "worker frozen"),
        (4, 4 * beside, 2, 0.3 * beside),
    )[0]
    found.blows[what] += 1
    if what == "server killed":
        side.kill_server()
        if chance.random() < 0.8:
            side.ready()
    elif what == "worker killed":
        side.kill_worker()
    elif what == "database hit":
        side.hit_database(chance.uniform(0.1, 2))
    else:
        side.freeze_worker(22)


def _judge(
    data: Path, store: Store, operations: dict[str, tuple[str, int]], wanted: dict[str, Made], found: Outcome
) -> None:  # fmt: skip
    found.accepted = len(operations)
    rows = store.listed(ACCOUNT, None, 10**6)
    found.doubled += [one.name for one in rows if one.id not in operations]
    found.attempts = sum(one.attempt for one in rows)
    for identifier, (kind, number) in operations.items():
        row = store.get(identifier)
        if row is None or row.state != "SUCCEEDED":
            found.lost.append(f"{kind}_{number}: {row}")
        elif _made(data, kind, number, identifier) != wanted[kind]:
            found.different.append(f"{kind}_{number}: {_made(data, kind, number, identifier)}")
    expected = {f"{kind}_{number}" for kind, number in operations.values() if kind not in ASSETS}
    assets = {i for i, (kind, _) in operations.items() if kind in ASSETS}
    places = (
        (data / "bucket", expected),
        (data / "assets", assets),
        (data / "tasks" / "scratch", set()),
    )
    for folder, known in places:
        found.orphans += [str(p) for p in folder.iterdir() if p.name not in known]
