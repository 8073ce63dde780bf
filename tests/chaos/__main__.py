"""``python -m tests.chaos --count 200``: the long run of ``make chaos``."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
import tempfile
from pathlib import Path

from ecumene.storage.databases import VARIABLE
from tests.chaos.battle import battle, peaceful, undisturbed
from tests.postgres import cluster


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="operations")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument(
        "--postgresql", action="store_true", help="catalogue, accounts and operations in PostgreSQL"
    )
    options = parser.parse_args()
    print(f"{options.count} operations, seed {options.seed}", flush=True)
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="ecumene-chaos-"))
        with peaceful(Path(name) / "quiet") as base:
            quiet = undisturbed(Path(name) / "quiet", base)
        if options.postgresql:
            os.environ[VARIABLE] = stack.enter_context(cluster()).schema()
        war = Path(name) / "war"
        found = battle(war, options.count, options.seed, quiet, worker=True, pause=2.0)
    print(found.text())
    return 0 if found.clean else 1


if __name__ == "__main__":
    sys.exit(main())
