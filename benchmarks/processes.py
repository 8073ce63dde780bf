"""Time and memory of processes, read from the kernel's tables (Linux)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    """What follows the command's name in ``stat``: state, parent, …"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def family(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                parents.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of processes so far, with that of children that have ended."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += sum(map(int, _fields(pid)[11:15]))
    return total / _TICK


def _megabytes(pid: int, name: str) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(name + ":")[1].split()[0]) / 1024


def peak_mb(pids: Iterable[int]) -> float:
    """The most memory held since ``reset_peak``, summed over processes."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            total += _megabytes(pid, "VmHWM")
    return total


def reset_peak(pids: Iterable[int]) -> None:
    """Starts the count of ``peak_mb`` at what is held now."""
    for pid in pids:
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")
