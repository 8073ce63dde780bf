"""Sends many random graphs to the application: ``python -m tests.fuzz --count 100000``.

Never may an answer be a 5xx, take longer than the deadline, or use more memory than the budget. A request is
made of ``--seed`` and its number alone: ``--only NUMBER`` repeats one and shows it. Work is done by processes
of a few hundred requests each; one that hangs or dies is a failure of the request it was at.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fuzz import harness
from tests.fuzz.generate import request

ADDRESS_SPACE = 12 * 2**30
STUCK = 60.0
"""Seconds without progress after which a process is given up."""


def work(seed: int, first: int, last: int, data: Path, report: Path) -> None:
    """Requests ``first`` to ``last``, a line of the report each, written before and after."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    app = harness.application(data)
    log = logging.StreamHandler(report.with_suffix(".log").open("a"))
    logging.getLogger("ecumene.api").addHandler(log)
    with (
        report.open("a", buffering=1) as out,
        report.with_suffix(f".{first}.stack").open("w") as stacks,
    ):
        for number in range(first, last):
            print(json.dumps({"at": number}), file=out)
            sent = request(seed, number)
            faulthandler.dump_traceback_later(harness.PATIENCE, exit=True, file=stacks)
            answer = harness.post(app, sent.path, sent.body)
            faulthandler.cancel_dump_traceback_later()
            problem = answer.problem()
            words = answer.body[:300].decode("utf-8", "replace") if problem else ""
            print(json.dumps(line(number, answer, problem, words)), file=out)
    os._exit(0)  # threads of requests that went on after their deadline do not keep the process


def line(
    number: int, answer: harness.Answer, problem: str | None, words: str = ""
) -> dict[str, Any]:
    """What a report says of a request."""
    return {
        "number": number,
        "status": answer.status,
        "seconds": round(answer.seconds, 3),
        "grown": answer.grown,
        "problem": problem,
        "words": words,
    }


def lines(report: Path) -> list[dict[str, Any]]:
    """The lines of a report; one that was cut off by the end of a process is left out."""
    if not report.exists():
        return []
    found = []
    for text in report.read_text().splitlines():
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    return found


def where(stacks: str) -> str:
    """The innermost places of this project in the thread of a request that hangs."""
    for thread in stacks.split("\n\n"):
        if "in _work\n" in thread + "\n":
            rows = [row.strip() for row in thread.splitlines() if "ecumene/" in row]
            return " < ".join(row.split("/ecumene/")[-1].replace('"', "") for row in rows[:4])
    return ""


class Lane:
    """One process after another, each with its share of numbers."""

    def __init__(self, name: int, seed: int, data: Path, folder: Path) -> None:
        self.report = folder / f"lane{name}.jsonl"
        self.seed, self.data = seed, data
        self.process: subprocess.Popen[bytes] | None = None
        self.next = self.last = self.size = 0
        self.touched = 0.0
        self.lost: list[dict[str, Any]] = []

    def start(self, first: int, last: int) -> None:
        """A process for these numbers."""
        self.next, self.last = first, last
        command = [sys.executable, "-m", "tests.fuzz", "--seed", str(self.seed), "--work", str(first), str(last)]  # fmt: skip
        self.process = subprocess.Popen(
            [*command, "--data", str(self.data), "--report", str(self.report)]
        )
        self.touched, self.size = time.monotonic(), 0

    def done(self) -> bool:
        """Whether the share is finished; a process that hangs or died is replaced after its request."""
        assert self.process is not None
        size = self.report.stat().st_size if self.report.exists() else 0
        if size != self.size:
            self.size, self.touched = size, time.monotonic()
        code = self.process.poll()
        stuck = time.monotonic() - self.touched > STUCK
        if code is None and not stuck:
            return False
        if code is None:
            self.process.kill()
            self.process.wait()
        elif code == 0:
            return True
        number = self._lose(code)
        if number + 1 >= self.last:
            return True
        self.start(number + 1, self.last)
        return False

    def _lose(self, code: int | None) -> int:
        """Notes the request at which the process ended; its number."""
        started = [row["at"] for row in lines(self.report) if "at" in row]
        if not started or started[-1] < self.next:
            raise SystemExit(f"a process cannot start: it ended with {code}")
        stack = self.report.with_suffix(f".{self.next}.stack")
        place = where(stack.read_text()) if stack.exists() else ""
        problem = f"hangs {place}" if code is None or place else f"process ended with {code}"
        answer = harness.Answer(0, b"", harness.PATIENCE, 0)
        self.lost.append(line(started[-1], answer, problem))
        print(f"lost {started[-1]}: {problem}", flush=True)
        return int(started[-1])


def run(seed: int, first: int, count: int, lanes: int, share: int) -> int:
    """All requests; prints counts and failures; 1 if there are any."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        harness.prepare(folder / "data")
        ready = [Lane(k, seed, folder / "data", folder) for k in range(lanes)]
        shares = [(k, min(k + share, first + count)) for k in range(first, first + count, share)]
        running: list[Lane] = []
        while shares or running:
            while shares and len(running) < lanes:
                lane = next(lane for lane in ready if lane not in running)
                lane.start(*shares.pop(0))
                running.append(lane)
            time.sleep(0.2)
            running = [lane for lane in running if not lane.done()]
        found = [row for lane in ready for row in lines(lane.report) if "number" in row]
        found += [row for lane in ready for row in lane.lost]
        logs = "".join(p.read_text() for p in sorted(folder.glob("*.log")))
    return summary(seed, found, logs)


def summary(seed: int, found: list[dict[str, Any]], logs: str) -> int:
    """What happened, in a few lines."""
    bad = [row for row in found if row["problem"]]
    for row in bad[:200]:
        print(f"FAILED {row['number']}: {row['problem']} {row['words']}")
    for trace, times in Counter(last_lines(logs)).most_common(60):
        print(f"{times:5d} x {trace}")
    statuses = dict(sorted(Counter(row["status"] for row in found).items()))
    slowest = max(found, key=lambda row: float(row["seconds"]))
    largest = max(found, key=lambda row: int(row["grown"]))
    print(
        f"{len(found)} requests with seed {seed}: by status {statuses}, {len(bad)} failed\n"
        f"slowest {slowest['seconds']} s (number {slowest['number']}), "
        f"largest growth {largest['grown'] >> 20} MiB (number {largest['number']})"
    )
    return 1 if bad else 0


def last_lines(logs: str) -> list[str]:
    """The innermost place and the message of each logged traceback."""
    out = []
    for trace in logs.split("internal error\n")[1:]:
        rows = [row for row in trace.splitlines() if row.strip()]
        places = [row.strip() for row in rows if row.strip().startswith("File ") and "ecumene" in row]  # fmt: skip
        last = next((row for row in reversed(rows) if not row.startswith(" ")), "")
        place = places[-1].split("/ecumene/")[-1] if places else "?"
        out.append(f"{place}: {last[:150]}")
    return out


def only(seed: int, number: int) -> int:
    """One request, shown."""
    sent = request(seed, number)
    print(sent.path)
    print(sent.body.decode("utf-8", "replace")[:20_000])
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        harness.prepare(Path(name) / "data")
        answer = harness.post(harness.application(Path(name) / "data"), sent.path, sent.body)
    print(answer.status, f"{answer.seconds:.2f} s", f"{answer.grown >> 20} MiB", answer.body[:1000])
    return 1 if answer.problem() else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first request")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--lanes", type=int, default=2, help="processes at once")
    parser.add_argument("--share", type=int, default=500, help="requests of a process")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="repeat one request")
    parser.add_argument("--work", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        return only(options.seed, options.only)
    if options.work:
        work(options.seed, *options.work, options.data, options.report)
    return run(options.seed, options.first, options.count, options.lanes, options.share)


if __name__ == "__main__":
    sys.exit(main())
