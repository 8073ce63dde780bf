"""``ecumene docs``: the algorithm reference, generated from the registry."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "docs",
        help="generate the algorithm reference",
        description="The reference of all algorithms, from the declarations that the server itself uses.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="write one Markdown page per algorithm")
    build.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder for the pages; pages of an earlier run are replaced",
    )
    build.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the pages; prints how many."""
    from ecumene.algorithms import examples, load
    from ecumene.cli.pages import pages

    found = pages(list(load()), examples.load())
    folder: Path = options.output / "algorithms"
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(found)} pages in {folder}")
    return 0
