"""The command line starts without the libraries that only its commands need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numpy", "scipy", "shapely", "pyproj", "rasterio", "sqlalchemy", "uvicorn", "ee")
PROGRAM = f"""
import sys
from ecumene.cli import parser
parser().format_help()
print(" ".join(name for name in {HEAVY!r} if name in sys.modules))
"""


def test_help_imports_nothing_heavy():
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == ""


def test_help_lists_every_command():
    run = subprocess.run(
        [sys.executable, "-m", "ecumene.cli", "--help"], capture_output=True, text=True, check=True
    )
    for command in ("serve", "keys", "catalog", "explain", "demo", "docs"):
        assert command in run.stdout
