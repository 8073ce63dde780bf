"""Where a server keeps what it knows: the options that commands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def register(parser: argparse.ArgumentParser, text: str = "data folder of the server") -> None:
    """Adds ``--data`` and ``--database``."""
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help=text)
    parser.add_argument(
        "--database",
        metavar="URL",
        help="PostgreSQL database with catalogue, accounts and operations, e.g. postgresql://ecumene@db/ecumene (default: the variable ECUMENE_DATABASE; without it SQLite files in DIR)",
    )


def settle(options: argparse.Namespace) -> None:
    """The option stands for the variable, for this process and those that it starts."""
    if getattr(options, "database", None):
        from ecumene.storage.databases import VARIABLE

        os.environ[VARIABLE] = options.database
