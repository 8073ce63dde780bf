"""``python -m benchmarks [--n 20 40] [--reps 5] [--root build/bench]``: a table of ratios.

Every contestant has its own warm process; repetition k asks every one of them for place k, in an
order that turns, one at a time. Quoted are medians of the ratios within a repetition to the first
peer, with their spread, and the share of pixels that differ from it by more than one level.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import archive

PEERS = ("odc", "rasterio", "ecumene")


class Peer:
    """A worker process."""

    def __init__(self, name: str, python: str, folder: Path) -> None:
        log = (folder.parent.parent / f"{name}.log").open("w")
        command = [python, "-m", "benchmarks.worker", name, str(folder)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        line = self._line()
        self.names: list[str] = json.loads(line)

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a contestant ended; see its log in build/bench")
        return line

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self._line())
        return found

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def environment(root: Path) -> str:
    """The peers' interpreter, installed the first time."""
    python = root / "env" / "bin" / "python"
    mark = root / "env" / "ok"
    if not mark.exists():
        uv = Path(".venv-boot/bin/uv")
        print("Preparing the peers' environment …", file=sys.stderr)
        subprocess.run([str(uv), "venv", "-q", "--clear", str(root / "env")], check=True)
        wanted = str(Path(__file__).with_name("requirements.txt"))
        subprocess.run(
            [str(uv), "pip", "install", "-q", "--python", str(python), "-r", wanted], check=True
        )
        mark.touch()
    return str(python)


def _pixels(answer: dict[str, Any]) -> Any:
    return np.asarray(
        Image.open(io.BytesIO(base64.b64decode(answer["picture"]))).convert("RGB")
    ).astype(int)


def measure(
    peers: list[Peer], n: int, cloud: bool, reps: int
) -> list[tuple[str, float, float, float, float, float, float]]:
    """Rows: name, median seconds, ratio (median, low, high), share of differing pixels, peak MB."""
    turns = [(peer, name) for peer in peers for name in peer.names]
    reference = turns[0][1]
    seconds: dict[str, list[float]] = {name: [] for _, name in turns}
    differing: dict[str, float] = {}
    memory: dict[str, float] = {}
    for k in range(-1, reps):
        answers = {}
        order = turns[k % len(peers) :] + turns[: k % len(peers)] if k >= 0 else turns
        order.sort(key=lambda turn: "again" in turn[1])
        for peer, name in order:
            answers[name] = peer.ask(name=name, k=k + 1, n=n, cloud=cloud)
        if k < 0:
            base = _pixels(answers[reference])
            for name, answer in answers.items():
                differing[name] = float((np.abs(_pixels(answer) - base).max(axis=-1) > 1).mean())
            continue
        for name, answer in answers.items():
            seconds[name].append(answer["seconds"])
            memory[name] = answer["peak_mb"]
    rows = []
    for _, name in turns:
        ratios = [a / b for a, b in zip(seconds[name], seconds[reference], strict=True)]
        rows.append(
            (
                name,
                statistics.median(seconds[name]),
                statistics.median(ratios),
                min(ratios),
                max(ratios),
                differing[name],
                memory[name],
            )
        )
    return rows


def main() -> None:
    """Runs everything and prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--n", type=int, nargs="+", default=[20, 40])
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--root", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    options.root.mkdir(parents=True, exist_ok=True)
    folder = archive.ensure(options.root / "archive").resolve()
    python = environment(options.root)
    peers = [Peer(name, sys.executable if name == "ecumene" else python, folder) for name in PEERS]
    try:
        for n in options.n:
            for cloud in (True, False):
                title = "clouds masked by class" if cloud else "no data masked"
                print(f"\nW1, median of {n} scenes, {title}: 640 x 640, 3 bands, PNG")
                print(f"{'':28}{'ratio':>7}{'spread':>14}{'seconds':>9}{'differ':>9}{'peak MB':>9}")
                for name, time, ratio, low, high, share, peak in measure(
                    peers, n, cloud, options.reps
                ):
                    spread = f"{low:.2f} to {high:.2f}"
                    print(
                        f"{name:28}{ratio:7.2f}{spread:>14}{time:9.2f}{share:9.2%}{peak:9.0f}",
                        flush=True,
                    )
    finally:
        for peer in peers:
            peer.close()


if __name__ == "__main__":
    main()
