"""The peers' environments under ``build/bench``, installed the first time and whenever their requirements change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

OWN = "server"
"""The environment that runs this: the server's."""

ENVIRONMENTS = {
    "peers": ("env", "requirements.txt"),
    "stackstac": ("env-stackstac", "requirements-stackstac.txt"),
}


def python(name: str, root: Path) -> str:
    """The interpreter of an environment."""
    if name == OWN:
        return sys.executable
    folder, file = ENVIRONMENTS[name]
    place, wanted = root / folder, Path(__file__).with_name(file)
    found, mark = place / "bin" / "python", place / "installed.txt"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        print(f"Preparing {place} …", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        pip = [str(found), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(wanted)], check=True)
        mark.write_text(wanted.read_text())
    return str(found)
