"""One contestant in its own warm process: answers requests on standard input, one JSON line each."""

from __future__ import annotations

import base64
import importlib
import json
import resource
import sys
import time
from pathlib import Path


def own_peak_mb() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    module = importlib.import_module(f"benchmarks.peer_{sys.argv[1]}")
    archive = Path(sys.argv[2])
    if hasattr(module, "prepare"):
        module.prepare(archive)
    print(json.dumps(list(module.CONTESTANTS)), flush=True)
    for line in sys.stdin:
        ask = json.loads(line)
        start = time.perf_counter()
        answer = module.CONTESTANTS[ask["name"]](archive, ask["k"], ask["n"], ask["cloud"])
        seconds = time.perf_counter() - start
        peak = module.peak_mb() if hasattr(module, "peak_mb") else own_peak_mb()
        picture = base64.b64encode(answer).decode()
        print(json.dumps({"seconds": seconds, "peak_mb": peak, "picture": picture}), flush=True)
    if hasattr(module, "close"):
        module.close()


if __name__ == "__main__":
    main()
