"""``python -m benchmarks [WORKLOAD …] [--n 20 40] [--reps 5] [--peers odc ecumene]``: Ecumene beside open peers in one paired run.

Workloads: all by default, or prefixes of w1_cloud w1_plain w2_native w2_overview w2_native_load w3 w4 w5_mean_circle
w5_mean_square w5_median_circle w5_median_square w6 fresh overhead. Every contestant has its own warm process; repetition k asks every one
of them for place k, alone, in an order that turns. Quoted are medians of the ratios within a repetition to the best peer of the run,
with their spread, beside the check of every timed answer (the worst is shown).
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import sys
import warnings
from dataclasses import asdict
from pathlib import Path

from benchmarks import archive as archives
from benchmarks import environments, paired, report
from benchmarks.tasks import TASKS

LONG = {"overhead": 30, "fresh": 10, "w2_native": 10, "w2_overview": 10, "w3": 7}
"""Repetitions of short workloads, where --reps does not ask for a number."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", help="prefixes of workloads (default: all)")
    parser.add_argument(
        "--n", type=int, nargs="+", default=[20, 40], help="scenes of W1 (W4: the first)"
    )
    parser.add_argument(
        "--reps", type=int, help="repetitions (default: 5; more of short workloads)"
    )
    parser.add_argument(
        "--peers", nargs="+", help="modules of benchmarks.peers that take part (default: all)"
    )
    parser.add_argument(
        "--root", type=Path, default=Path("build/bench"), help="archive, environments, logs"
    )
    parser.add_argument(
        "--size", type=int, default=archives.SIZE, help="pixels of a side of the archive"
    )
    parser.add_argument("--dates", type=int, default=archives.DATES, help="dates of the archive")
    parser.add_argument("--markdown", action="store_true", help="tables for docs/performance.md")
    parser.add_argument("--json", type=Path, help="write every figure here")
    return parser.parse_args()


def _wanted(options: argparse.Namespace) -> list[tuple[str, int]]:
    """Workloads with their numbers of scenes."""
    out = []
    for name, task in TASKS.items():
        if options.workloads and not any(name.startswith(p) for p in options.workloads):
            continue
        scenes = [report.ANY] if not task.scenes else options.n[:1] if name == "w4" else options.n
        out += [(name, n) for n in scenes]
    return out


def _run(name: str, n: int, options: argparse.Namespace, folder: Path) -> list[paired.Series]:
    task, root = TASKS[name], options.root.resolve()
    reps = options.reps or LONG.get(name, 5)
    peers: list[paired.Peer] = []
    try:
        for module, environment in task.peers.items():
            if not options.peers or module in options.peers:
                python = environments.python(environment, root)
                peers.append(paired.Peer(module, python, folder, root))
        return paired.measure(name, task, peers, paired.asked(root, folder, name, n), reps)
    finally:
        for peer in peers:
            peer.close()
        shutil.rmtree(root / "answers", ignore_errors=True)


def _read(folder: Path) -> None:
    """The archive, once, so that the page cache has it."""
    for path in folder.rglob("*.tif"):
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


def main() -> None:
    """Runs everything and prints the tables."""
    options = _options()
    warnings.simplefilter("ignore")
    folder = archives.ensure(options.root, options.size, options.dates).resolve()
    _read(folder)
    table = report.markdown if options.markdown else report.plain
    results: dict[tuple[str, int], list[paired.Series]] = {}
    for name, n in _wanted(options):
        series = _run(name, n, options, folder)
        if not series:
            continue
        results[name, n] = series
        task = TASKS[name]
        title = f"{task.title.format(n=n)} (check: {task.measure}; {len(series[0].seconds)} repetitions)"
        print("\n" + table(title, report.rows(task, series)), flush=True)
        if options.json:
            figures = {
                f"{a} {b}": [asdict(one) for one in found] for (a, b), found in results.items()
            }
            options.json.write_text(json.dumps(figures, indent=1))
    print(f"\nFigures, {dt.date.today()}")
    for figure in report.figures(results):
        print("| " + " | ".join(figure) + " |")


if __name__ == "__main__":
    sys.exit(main())
