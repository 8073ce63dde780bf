"""Paired repetitions: within one, every contestant does the same place once, alone, in an order that turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.tasks import Task, folder_of
from benchmarks.workloads import Ask


class Peer:
    """A worker process with one module of ``benchmarks.peers``."""

    def __init__(self, name: str, python: str, archive: Path, root: Path) -> None:
        self.name = name
        log = root / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("a") as errors:
            self.process = subprocess.Popen(
                [python, "-m", "benchmarks.worker", name, str(archive)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        self.log = log
        self.tasks: dict[str, list[str]] = self._line()

    def _line(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended: see {self.log}")
        return json.loads(line)

    def ask(self, **request: Any) -> dict[str, Any]:
        """An answer; raises SystemExit where the contestant ended (its log tells why)."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = self._line()
        return found

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


@dataclass
class Series:
    """What one contestant did: a figure for each repetition."""

    name: str
    own: bool
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    cache_mb: list[float] = field(default_factory=list)
    checks: list[float | None] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return statistics.median(self.seconds)

    @property
    def check(self) -> float | None:
        """The worst of the repetitions."""
        known = [value for value in self.checks if value is not None]
        return max(known) if known else None

    def ratios(self, other: Series) -> list[float]:
        """Paired with another contestant."""
        return [a / b for a, b in zip(self.seconds, other.seconds, strict=True)]


def best(series: list[Series]) -> Series | None:
    """The fastest peer."""
    return min((s for s in series if not s.own), key=lambda s: s.median, default=None)


def is_own(name: str) -> bool:
    """Whether a contestant is this project's, or a bound and no peer."""
    return name.startswith(("ecumene", "floor"))


def measure(name: str, task: Task, peers: list[Peer], ask: Ask, reps: int) -> list[Series]:
    """One Series a contestant. A first repetition at a place of its own warms everybody up and is not kept."""
    turns = [(peer, known) for peer in peers for known in peer.tasks.get(name, [])]
    series = {known: Series(known, is_own(peer.name)) for peer, known in turns}
    for k in range(-1, min(reps, task.most or reps)):
        order = turns
        if task.turns and k >= 0:
            order = turns[k % len(turns) :] + turns[: k % len(turns)]
        n = min(ask.n, 2) if k < 0 and name == "w4" else ask.n
        place = Ask(ask.archive, name, k + 1, n, ask.folder)
        _repetition(place, task, order, series if k >= 0 else None)
    return list(series.values())


def _repetition(
    place: Ask, task: Task, order: list[tuple[Peer, str]], series: dict[str, Series] | None
) -> None:
    replies = {}
    for peer, known in order:
        question = {"task": place.task, "k": place.k, "n": place.n, "folder": str(place.folder)}
        replies[known] = peer.ask(name=known, **question)
    if series is None:
        return
    answers = {known: reply["answer"] for known, reply in replies.items()}
    for known, reply in replies.items():
        kept = series[known]
        kept.seconds.append(reply["seconds"] / task.parts)
        kept.cpu.append(reply["cpu"] / task.parts)
        kept.peak_mb.append(reply["peak_mb"])
        kept.cache_mb.append(reply.get("cache_mb", 0.0))
        kept.checks.append(task.check(place, known, answers))
        print(
            f"  {place.task} {place.k} {known}: {kept.seconds[-1]:.4f} s",
            file=sys.stderr,
            flush=True,
        )


def asked(root: Path, archive: Path, task: str, n: int) -> Ask:
    """The question's fixed part."""
    return Ask(archive, task, 0, n, folder_of(root, task))
