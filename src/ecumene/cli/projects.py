"""``ecumene projects``: who is in a project, and how much it may hold."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ecumene.cli import places

if TYPE_CHECKING:  # imported where a command runs, so that --help answers at once
    from ecumene.catalog.projects import Projects

_EXAMPLES = """A project that is not registered is open: every account of the server is an owner of its assets. Once it
is registered, only its members see what is not shared with others. Changes hold at once on a running server.

MEMBER is the name of an account, an e-mail address, or allUsers (allAuthenticatedUsers); ROLE is
viewer (reads and computes), editor (writes and deletes too) or owner (shares too).

examples:
  ecumene projects create my-project --owner alice --data DIR
  ecumene projects grant my-project bob editor --data DIR
  ecumene projects quota my-project --assets 10000 --bytes 1000000000000 --data DIR
"""


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    group = subparsers.add_parser(
        "projects",
        help="register projects, their members and quotas",
        description="Who may see and change the assets of a project.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(dest="command", required=True, metavar="COMMAND")
    create = _command(commands, "create", "register a project", run_create)
    create.add_argument(
        "--owner",
        action="append",
        default=[],
        metavar="MEMBER",
        help="an owner (may be repeated)",
    )
    _command(commands, "list", "list projects with their members", run_list, named=False)
    grant = _command(
        commands, "grant", "give somebody a role, instead of the one before", run_grant
    )
    grant.add_argument("member", metavar="MEMBER", help="who")
    grant.add_argument("role", metavar="ROLE", help="viewer, editor or owner")
    revoke = _command(commands, "revoke", "take somebody's role away", run_revoke)
    revoke.add_argument("member", metavar="MEMBER", help="whose")
    quota = _command(commands, "quota", "limit what a project may hold", run_quota)
    quota.add_argument(
        "--assets", type=_amount, metavar="N", help="most assets (no limit if left out)"
    )
    quota.add_argument(
        "--bytes", type=_amount, metavar="N", help="most bytes (no limit if left out)"
    )
    _command(commands, "remove", "forget a project and its roles; its assets stay", run_remove)


def _command(commands: Any, name: str, text: str, run: Any, *, named: bool = True) -> Any:
    parser = commands.add_parser(name, help=text)
    if named:
        parser.add_argument("project", metavar="PROJECT", help="name, as in projects/NAME/assets")
    places.register(parser)
    parser.set_defaults(run=run)
    return parser


def _amount(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of assets or bytes")
    return int(text)


@contextmanager
def _projects(options: argparse.Namespace) -> Iterator[Projects]:
    from ecumene.catalog.ingest import open_catalog
    from ecumene.catalog.projects import Projects

    with open_catalog(options.data) as catalog:
        yield Projects(catalog.index)


def run_create(options: argparse.Namespace) -> int:
    """Registers a project."""
    with _projects(options) as projects:
        projects.create(options.project, options.owner)
    print(f"Project '{options.project}' is registered.")
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Prints every project with its members and limits."""
    with _projects(options) as projects:
        for project in projects.listed():
            limits = [
                f"at most {most} {what}"
                for most, what in ((project.max_assets, "assets"), (project.max_bytes, "bytes"))
                if most is not None
            ]
            print("  ".join([project.id, *limits]))
            for member, role in project.members:
                print(f"  {role.removeprefix('roles/'):<8}{member}")
    return 0


def run_grant(options: argparse.Namespace) -> int:
    """Gives a role."""
    with _projects(options) as projects:
        projects.grant(options.project, options.member, options.role)
    print(f"{options.member} is {options.role} of '{options.project}'.")
    return 0


def run_revoke(options: argparse.Namespace) -> int:
    """Takes a role away."""
    with _projects(options) as projects:
        gone = projects.revoke(options.project, options.member)
    found = "has no role any more" if gone else "had no role"
    print(f"{options.member} {found} in '{options.project}'.")
    return 0 if gone else 1


def run_quota(options: argparse.Namespace) -> int:
    """Sets limits."""
    with _projects(options) as projects:
        projects.quota(options.project, options.assets, options.bytes)
    print(f"Limits of '{options.project}' are set.")
    return 0


def run_remove(options: argparse.Namespace) -> int:
    """Forgets a project."""
    with _projects(options) as projects:
        projects.remove(options.project)
    print(f"Project '{options.project}' is open to every account again.")
    return 0
