"""One contestant's module in its own warm process: a question and an answer are a line of JSON each.

A peer's module has ``TASKS``: workload -> name -> ``Contestant``. What ``before`` does is not timed. Optional: ``start(archive)``,
``close()`` and ``processes()``, the ids of the processes whose time and memory count (its own and their children by default).
"""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import processes
from benchmarks.workloads import Ask


@dataclass(frozen=True)
class Contestant:
    """``run(ask, given)`` is timed; ``before(ask)`` is not, and gives it ``given``."""

    run: Callable[[Ask, Any], Any]
    before: Callable[[Ask], Any] = lambda ask: None


def colours(png: bytes) -> np.ndarray:
    """``(3, h, w)`` of a picture; 0 where it is transparent."""
    from PIL import Image

    image = np.moveaxis(np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")), -1, 0)
    return np.where(image[3] > 0, image[:3], 0).astype("uint8")


def _kept(answer: Any, path: Path) -> str | float | None:
    """Scalars as they are, the rest in a file."""
    if answer is None or isinstance(answer, float):
        return answer
    if isinstance(answer, Path):
        return str(answer)
    if isinstance(answer, bytes):
        answer = colours(answer)
    elif isinstance(answer, list):
        answer = np.stack([colours(part) for part in answer])
    np.save(path, answer)
    return str(path)


def _asked(module: Any, archive: Path, line: dict[str, Any]) -> dict[str, Any]:
    ask = Ask(archive, line["task"], line["k"], line["n"], Path(line["folder"]))
    contestant: Contestant = module.TASKS[line["task"]][line["name"]]
    watched = getattr(module, "processes", lambda: processes.family(os.getpid()))
    given = contestant.before(ask)
    processes.reset_peak(watched())
    cpu, start = processes.cpu_seconds(watched()), time.perf_counter()
    answer = contestant.run(ask, given)
    seconds = time.perf_counter() - start
    cpu = processes.cpu_seconds(watched()) - cpu
    out = {"seconds": seconds, "cpu": cpu, "peak_mb": processes.peak_mb(watched())}
    if hasattr(module, "cache_mb"):
        out["cache_mb"] = module.cache_mb()
    out["answer"] = _kept(answer, ask.folder / f"{abs(hash(line['name']))}.npy")
    return out


def main() -> None:
    warnings.simplefilter("ignore")
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # stray prints must not reach the protocol
    os.environ["GDAL_DISABLE_READDIR_ON_OPEN"] = "EMPTY_DIR"
    module = importlib.import_module(f"benchmarks.peers.{sys.argv[1]}")
    archive = Path(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended too
    if hasattr(module, "start"):
        module.start(archive)
    print(
        json.dumps({task: list(names) for task, names in module.TASKS.items()}),
        file=replies,
        flush=True,
    )
    try:
        for line in sys.stdin:
            print(json.dumps(_asked(module, archive, json.loads(line))), file=replies, flush=True)
    finally:
        if hasattr(module, "close"):
            module.close()


if __name__ == "__main__":
    main()
