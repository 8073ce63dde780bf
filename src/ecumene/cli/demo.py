"""``ecumene demo``: seed the demonstration archive, run the main job on it."""

from __future__ import annotations

import argparse
import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "demo",
        help="make the demonstration archive and run the main job on it",
        description="A synthetic archive (Sentinel-2, MODIS, Landsat, elevation, states; 400 MB, made "
        "offline) and the job that this server exists for, run through the public clients.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    seed = commands.add_parser(
        "seed", help="make the archive below DIR and register it (half a minute)"
    )
    seed.add_argument(
        "--data", required=True, type=Path, metavar="DIR", help="data folder of the server"
    )
    seed.set_defaults(run=run_seed)
    job = commands.add_parser(
        "run",
        help="start a server on DIR, log in, compute the median composite, leave DIR/median.png",
    )
    job.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="DIR",
        help="data folder, seeded with 'ecumene demo seed'",
    )
    job.add_argument(
        "--url", metavar="BASE", help="use a running server instead of starting one (needs --key)"
    )
    job.add_argument("--key", type=Path, metavar="FILE", help="service-account key file for --url")
    job.set_defaults(run=run_job)


def _progress(what: str, done: int, total: int) -> None:
    line = f"  {what}: {done} of {total}"
    if sys.stderr.isatty():
        print(f"\r{line:<60}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done == total:
        print(line, file=sys.stderr, flush=True)


def run_seed(options: argparse.Namespace) -> int:
    """Writes the archive and registers its assets; does nothing where that was done."""
    from ecumene.catalog import ingest
    from ecumene.demo.seed import write_archive

    root = options.data / "archive"
    print(f"Demo archive in {root}", file=sys.stderr)
    start = time.perf_counter()
    write_archive(root, _progress)
    with ingest.open_catalog(options.data) as catalog:
        if catalog.get("COPERNICUS/S2") is None:
            print("  registering assets …", file=sys.stderr)
            ingest.add_path(catalog, root, progress=None)
    print(f"Ready after {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _server(data: Path, port: int) -> Iterator[str]:
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
    with (
        (data / "server.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            for _ in range(300):
                with (
                    contextlib.suppress(OSError),
                    urllib.request.urlopen(f"{base}/readyz", timeout=2),
                ):
                    break
                if process.poll() is not None:
                    raise SystemExit(f"The server stopped; see {data / 'server.log'}")
                time.sleep(0.1)
            else:
                raise SystemExit(f"The server did not become ready; see {data / 'server.log'}")
            yield base
        finally:
            process.terminate()


def run_job(options: argparse.Namespace) -> int:
    """Runs the main job and says where the picture is."""
    from ecumene.demo import main_job

    picture = options.data / "median.png"
    if options.url:
        if options.key is None:
            raise SystemExit("--url needs --key FILE")
        main_job.run(options.url.rstrip("/"), options.key, picture)
    else:
        port = _free_port()
        key = options.data / "demo-key.json"
        start = time.perf_counter()
        with _server(options.data, port) as base:
            print(f"Server on {base}, ready after {time.perf_counter() - start:.1f} s")
            key.unlink(missing_ok=True)
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "ecumene.cli",
                    "keys",
                    "create",
                    str(key),
                    "--account",
                    "demo",
                ]
                + ["--url", base, "--data", str(options.data)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            main_job.run(base, key, picture)
    print(f"The median composite is in {picture}")
    return 0
