"""Whether a database has changed: what makes it safe to remember what was read from it."""

from __future__ import annotations

import sqlite3
import threading

from sqlalchemy.engine import Engine


class Revision:
    """The state of a database as a number that is another one after every commit, of any process.

    SQLite tells this from its header (``PRAGMA data_version``), in about 20 µs, on a connection of its own that
    never writes. Other databases and databases in memory cannot tell: nothing that was read from them may be
    remembered.
    """

    def __init__(self, engine: Engine) -> None:
        name = engine.url.database
        known = engine.dialect.name == "sqlite" and name not in (None, "", ":memory:")
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        if known:
            self._connection = sqlite3.connect(
                str(name), check_same_thread=False, isolation_level=None, timeout=10
            )

    def now(self) -> int | None:
        """A number that two calls share only if nothing was committed between them; None if unknown."""
        with self._lock:
            if self._connection is None:
                return None
            try:
                found: tuple[int] = self._connection.execute("PRAGMA data_version").fetchone()
            except sqlite3.OperationalError:  # busy: say nothing rather than something old
                return None
            return found[0]

    def close(self) -> None:
        """Gives back the connection; nothing is known afterwards."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
