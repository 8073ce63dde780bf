"""``ecumene work``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import Any

from ecumene.cli import places


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    work = subparsers.add_parser(
        "work",
        help="run exports and ingestions of a data folder, without serving",
        description="Runs the operations of a data folder until it is interrupted, beside a server or instead of its own workers ('ecumene serve --workers 0').",
    )
    places.register(work, "data folder")
    work.add_argument(
        "--workers", type=int, default=2, metavar="N",
        help="operations that run at the same time (default: %(default)s)",
    )  # fmt: skip
    work.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Works until interrupted."""
    from ecumene import kernels
    from ecumene.app import services

    if not options.data.is_dir():
        print(f"ecumene: there is no data folder '{options.data}'.", file=sys.stderr)
        return 1
    kernels.load_in_background()
    operations = services(options.data).operations
    assert operations is not None
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    operations.start(max(options.workers, 1))
    print(f"Ecumene works on {options.data}", file=sys.stderr, flush=True)
    ended.wait()
    operations.stop()
    return 0
