"""Runs the public conformance cases against a live server; what passed once must keep passing.

    python -m tests.conformance.ratchet [--update]

``passing.txt`` beside this file lists the cases that pass; it may only grow (``--update`` adds the
new ones). The last line is "N passed, N failed", counting the cases of the list. Without the cases
on this machine nothing is run and the reason is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers import serving

LIST = Path(__file__).with_name("passing.txt")


def runner() -> Path | None:
    """The public runner, beside the checkout or named by ECUMENE_CONFORMANCE."""
    named = os.environ.get("ECUMENE_CONFORMANCE")
    path = Path(named) if named else Path(__file__).parents[3] / "shared" / "conformance" / "run.py"
    return path if path.exists() else None


def main() -> int:
    """Runs the cases and compares with the list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="add newly passing cases to the list")
    options = parser.parse_args()
    known = set(LIST.read_text().split()) if LIST.exists() else set()
    script = runner()
    if script is None:
        print("The public conformance cases are not on this machine: nothing was run.")
        print(f"0 passed, 0 failed, {len(known)} skipped")
        return 0
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out.json"
        with serving(Path(name), "--anonymous") as base:
            command = [
                sys.executable,
                str(script),
                "--url",
                base,
                "--json",
                str(out),
                "--only-failures",
            ]
            finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if not out.exists():
            raise SystemExit(finished.stdout + finished.stderr)
        report = json.loads(out.read_text())
    print(finished.stdout.rsplit("\n", 2)[0])
    good = {case["id"] for case in report["cases"] if case["status"] in ("passed", "evaluated")}
    present = {case["id"] for case in report["cases"]}
    lost = sorted((known & present) - good)
    new = sorted(good - known)
    print(f"Of all cases: {report['total']}")
    for identifier in lost:
        print(f"LOST {identifier}")
    if new:
        print(f"{len(new)} cases pass that are not in the list yet (--update adds them).")
    if options.update and new:
        LIST.write_text("\n".join(sorted(known | good)) + "\n")
    print(f"{len(known & good)} passed, {len(lost)} failed")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
