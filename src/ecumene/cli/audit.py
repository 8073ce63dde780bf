"""``ecumene audit``: who changed what."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from ecumene.cli import places


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "audit",
        help="print the log of changes: assets, policies, projects, keys",
        description="Every change with its time (UTC), who made it, and what it was; the newest first. ':operator' is whoever ran this server's commands.",
    )
    parser.add_argument(
        "resource",
        nargs="?",
        default="",
        metavar="ID",
        help="only this asset and what lies below it",
    )
    parser.add_argument(
        "--limit", type=int, default=100, metavar="N", help="most entries (default: %(default)s)"
    )
    places.register(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the entries."""
    from ecumene.api.accounts import Accounts
    from ecumene.catalog.auditing import entries
    from ecumene.catalog.ids import canonical
    from ecumene.catalog.ingest import open_catalog

    resource = canonical(options.resource) if options.resource else ""
    with open_catalog(options.data) as catalog:
        both = (catalog.index.engine, Accounts.of(options.data).engine)
        engines = {engine.url: engine for engine in both}  # one log, where one database has both
        found = [
            entry
            for engine in engines.values()
            for entry in entries(engine, most=options.limit, resource=resource)
        ]
    for entry in sorted(found, key=lambda one: one.at, reverse=True)[: options.limit]:
        at = datetime.fromtimestamp(entry.at / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
        detail = json.dumps(entry.detail, ensure_ascii=False)
        print(f"{at}  {entry.account:<16} {entry.action:<20} {entry.resource}  {detail}")
    return 0
