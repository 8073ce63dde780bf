"""A PostgreSQL server of the tests' own: a private cluster on a Unix socket, a schema for every test."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

_SETTINGS = {
    "listen_addresses": "", "max_connections": "300", "shared_buffers": "32MB", "fsync": "off", "full_page_writes": "off",
}  # fmt: skip


def binaries() -> Path | None:
    """The folder of the newest server that is installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found:
        known = shutil.which("initdb")
        return None if known is None else Path(known).resolve().parent
    return max(found, key=lambda path: float(path.parent.name))


class Cluster:
    """A running server. Its texts are sorted as people sort them, not by code point, unless a column says so."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="ecumene-pg-"))
        self._as: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            account = pwd.getpwnam("postgres")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            self._as = ["runuser", "-u", "postgres", "--"]
        locale = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"]
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", *locale)
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            settings = _SETTINGS | {"unix_socket_directories": str(self._folder)}
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        line = [*self._as, str(self._programs / program), "-D", str(self._folder / "data"), *arguments]  # fmt: skip
        done = subprocess.run(
            line, cwd=self._folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        self._run("pg_ctl", "start", "-w", "-s", "-l", str(self._folder / "log"))

    def stop(self) -> None:
        """Ends at once, with all connections."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", "immediate")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def schema(self) -> str:
        """The URL of a schema with nothing in it."""
        import psycopg

        name = f"s{uuid.uuid4().hex}"
        with psycopg.connect(
            host=str(self._folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        options = quote(f"-csearch_path={name}")
        return f"postgresql://postgres@/postgres?host={self._folder}&options={options}"


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server while it is needed. FileNotFoundError where none is installed."""
    programs = binaries()
    if programs is None:
        raise FileNotFoundError("PostgreSQL's server is not installed on this machine")
    made = Cluster(programs)
    try:
        yield made
    finally:
        made.remove()
