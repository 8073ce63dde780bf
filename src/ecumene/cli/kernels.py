"""``ecumene kernels``: the compiled kernels of the pixel engine."""

from __future__ import annotations

import argparse
import time
from typing import Any


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "kernels",
        help="compile the pixel engine's kernels ahead of time",
        description="Kernels are compiled once for a machine and kept beside the package, or in the user's cache folder "
        "where that cannot be written. A server does it in the background when it starts and serves by plain NumPy "
        "meanwhile; images and packages do it with this command.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="compile what is not compiled yet (up to a minute)")
    build.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Loads every kernel; prints how many and how long it took."""
    from ecumene import kernels

    start = time.perf_counter()
    kernels.load()
    print(f"{len(kernels.names())} kernels ready after {time.perf_counter() - start:.1f} s.")
    return 0
