"""``python -m tests.chaos --count 200``: the long run of ``make chaos``."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.battle import battle, peaceful, undisturbed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="operations")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"{options.count} operations, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="ecumene-chaos-") as name:
        with peaceful(Path(name) / "quiet") as base:
            quiet = undisturbed(Path(name) / "quiet", base)
        war = Path(name) / "war"
        found = battle(war, options.count, options.seed, quiet, worker=True, pause=2.0)
    print(found.text())
    return 0 if found.clean else 1


if __name__ == "__main__":
    sys.exit(main())
