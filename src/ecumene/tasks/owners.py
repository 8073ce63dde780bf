"""Who runs operations, and whether they still live."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path

from ecumene.tasks.scratch import Busy, locked


class Owner:
    """One process that runs operations: it holds a lock that the system takes back when the process ends.

    So on the same machine the death of a worker is known at once, and a slow one is never taken for dead.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._host = socket.gethostname()
        self.name = f"{self._host}:{uuid.uuid4().hex}"
        self._lock = locked(self._file(self.name))

    def _file(self, name: str) -> Path:
        return self._folder / name.rpartition(":")[2]

    def dead(self, name: str) -> bool:
        """Whether another owner is known to be gone; of other machines only their leases tell."""
        if name == self.name or name.rpartition(":")[0] != self._host:
            return False
        file = self._file(name)
        if not file.exists():
            return True
        try:
            locked(file).close()
        except Busy:
            return False
        file.unlink(missing_ok=True)
        return True

    def close(self) -> None:
        """Goes, with everything that it still holds."""
        self._file(self.name).unlink(missing_ok=True)
        self._lock.close()
