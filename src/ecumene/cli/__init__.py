"""The ``ecumene`` command."""

from __future__ import annotations

import argparse
import sys

from ecumene import __version__
from ecumene.cli import places


def parser() -> argparse.ArgumentParser:
    """All commands; nothing heavy is imported before one of them runs."""
    from ecumene.cli import (
        accounts,
        audit,
        catalog,
        demo,
        docs,
        explain,
        kernels,
        keys,
        projects,
        serve,
        work,
    )

    root = argparse.ArgumentParser(
        prog="ecumene",
        description="An open, self-hosted server that speaks the Google Earth Engine REST API: change the URL, keep your code.",
    )
    root.add_argument("--version", action="version", version=f"ecumene {__version__}")
    subparsers = root.add_subparsers(dest="group", required=True, metavar="COMMAND")
    for module in (
        serve,
        work,
        keys,
        accounts,
        projects,
        catalog,
        audit,
        explain,
        demo,
        docs,
        kernels,
    ):
        module.register(subparsers)
    return root


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; errors that the user can mend are one line."""
    from ecumene.core.errors import EcumeneError

    options = parser().parse_args(arguments)
    places.settle(options)
    try:
        return int(options.run(options) or 0)
    except EcumeneError as error:
        print(f"ecumene: {error.message}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stdout = None
        return 0
    except KeyboardInterrupt:
        return 130
