"""The directory of one operation: held by one worker at a time, with a journal of the steps that are done."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any


class Busy(Exception):
    """Somebody else holds the directory."""


class Scratch:
    """A directory that survives its worker. Only one process or thread holds it, whatever a lease says.

    ``steps`` are the results of steps by name: what an earlier attempt finished is not done again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._lock = locked(path / "lock")
        journal = path / "journal"
        self.steps: dict[str, Any] = {}
        whole = 0
        if journal.exists():
            for line in journal.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break  # torn by a crash: the step counts as not done
                name, result = json.loads(line)
                self.steps[name] = result
                whole += len(line)
        self._journal = open(journal, "ab")  # noqa: SIM115 - held open
        self._journal.truncate(whole)

    def done(self, step: str, result: Any = None) -> None:
        """Notes durably that a step is done. Files that it wrote must be on the disk before (``flushed``)."""
        self._journal.write(json.dumps([step, result]).encode() + b"\n")
        flushed(self._journal)
        self.steps[step] = result

    def close(self) -> None:
        """Lets go of the directory."""
        self._journal.close()
        self._lock.close()

    def remove(self) -> None:
        """Removes the directory while it is held."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()


def locked(path: Path) -> IO[bytes]:
    """A file that is locked until it is closed or the process ends; Busy if another one has it."""
    file = open(path, "ab")  # noqa: SIM115 - held open
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise Busy(str(path)) from None
    return file


def flushed(file: IO[bytes]) -> None:
    """Waits until what was written is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def copied(source: IO[bytes], target: Any, count: int) -> None:
    """Copies so many bytes from where a file stands."""
    while count > 0:
        data = source.read(min(count, 1 << 22))
        target.write(data)
        count -= len(data)


def sweep(folder: Path, unfinished: Iterable[str]) -> None:
    """Removes the directories of operations that have ended, which a crash may have left."""
    if not folder.is_dir():
        return
    kept = set(unfinished)
    for path in folder.iterdir():
        if path.name not in kept:
            try:
                Scratch(path).remove()
            except Busy:  # its worker is about to remove it
                continue
