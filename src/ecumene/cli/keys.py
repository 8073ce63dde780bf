"""``ecumene keys``: service-account keys for clients."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from ecumene.cli import places

_EXAMPLES = """examples:
  ecumene keys create key.json --account me --url http://127.0.0.1:8080 --data DIR
  ecumene keys list --data DIR
  ecumene keys revoke me --data DIR

In Python: ee.Initialize(ee.ServiceAccountCredentials("me@example.com", "key.json"), url="http://127.0.0.1:8080")
"""


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    keys = subparsers.add_parser(
        "keys",
        help="make, list and revoke the keys that clients log in with",
        description="Service-account keys as google-auth and the Earth Engine clients read them. They work at once on a running server.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = keys.add_subparsers(dest="command", required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="make a key and write it to FILE")
    create.add_argument(
        "file", type=Path, metavar="FILE", help="where to write the key (must not exist)"
    )
    create.add_argument(
        "--account", required=True, metavar="NAME", help="whose key it is: any name"
    )
    create.add_argument(
        "--url",
        required=True,
        metavar="BASE",
        help="address of the server as clients see it, e.g. http://127.0.0.1:8080; they log in there",
    )
    create.set_defaults(run=run_create)
    listing = commands.add_parser(
        "list", help="list keys: id, account, when made, active or revoked"
    )
    listing.set_defaults(run=run_list)
    revoke = commands.add_parser(
        "revoke", help="revoke a key, or all keys of an account, with their tokens"
    )
    revoke.add_argument(
        "key", metavar="KEY", help="key id (or its first 8 digits), account name or e-mail"
    )
    revoke.set_defaults(run=run_revoke)
    for command in (create, listing, revoke):
        places.register(command)


def run_create(options: argparse.Namespace) -> int:
    """Makes a key."""
    from ecumene.api.accounts import Accounts, write_key

    if options.file.exists():
        print(f"ecumene: {options.file} exists; a key is never overwritten.", file=sys.stderr)
        return 1
    key = Accounts.of(options.data).create(options.account, options.url)
    write_key(options.file, key)
    print(f"Key {key['private_key_id'][:8]} of {key['client_email']} is in {options.file}")
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Prints all keys."""
    from ecumene.api.accounts import Accounts

    for key in Accounts.of(options.data).listed():
        made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(key.created))
        state = "revoked" if key.revoked else "active"
        print(f"{key.id}  {key.account:<20} {made} UTC  {state}")
    return 0


def run_revoke(options: argparse.Namespace) -> int:
    """Revokes keys."""
    from ecumene.api.accounts import Accounts

    count = Accounts.of(options.data).revoke(options.key)
    print(f"{count} key{'' if count == 1 else 's'} revoked")
    return 0 if count else 1
