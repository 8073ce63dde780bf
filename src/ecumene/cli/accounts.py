"""``ecumene accounts``: whose keys there are, what they may do, and how somebody leaves."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from ecumene.cli import places


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    group = subparsers.add_parser(
        "accounts",
        help="list and remove service accounts",
        description="An account is there once it has a key ('ecumene keys create'). Its roles are those of 'ecumene projects'.",
    )
    commands = group.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list accounts: address, keys, roles in projects")
    listing.set_defaults(run=run_list)
    remove = commands.add_parser(
        "remove", help="revoke all keys of an account and take its roles in projects away"
    )
    remove.add_argument("account", metavar="NAME", help="the account")
    remove.set_defaults(run=run_remove)
    for command in (listing, remove):
        places.register(command)


def run_list(options: argparse.Namespace) -> int:
    """Prints one line an account."""
    from ecumene.api.accounts import Accounts
    from ecumene.catalog.access import DOMAIN, members_of
    from ecumene.catalog.ingest import open_catalog
    from ecumene.catalog.projects import Projects

    keys = Accounts.of(options.data).listed()
    active = Counter(key.account for key in keys if not key.revoked)
    with open_catalog(options.data) as catalog:
        projects = Projects(catalog.index).listed()
    for account in sorted({key.account for key in keys}):
        named = members_of(account)
        roles = [
            f"{project.id}:{role.removeprefix('roles/')}"
            for project in projects
            for member, role in project.members
            if member in named and member.startswith(("user:", "serviceAccount:"))
        ]
        held = active[account]
        print(f"{account}@{DOMAIN:<24} {held} key{'' if held == 1 else 's'}  {' '.join(roles)}".rstrip())  # fmt: skip
    return 0


def run_remove(options: argparse.Namespace) -> int:
    """Ends an account's keys, tokens and roles; its assets stay."""
    from ecumene.api.accounts import Accounts
    from ecumene.catalog.ingest import open_catalog
    from ecumene.catalog.projects import Projects

    accounts = Accounts.of(options.data)
    known = any(key.account == options.account for key in accounts.listed())
    revoked = sum(
        accounts.revoke(key.id)
        for key in accounts.listed()
        if key.account == options.account and not key.revoked
    )
    with open_catalog(options.data) as catalog:
        left = Projects(catalog.index).leave(options.account)
    print(f"{revoked} keys revoked, {left} roles taken away.")
    return 0 if known or left else 1
