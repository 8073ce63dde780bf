"""Which database keeps the tables of a data folder, and how it is opened.

SQLite files in the folder, or one PostgreSQL database for all of them: the one that the variable
``ECUMENE_DATABASE`` names (the commands' option ``--database`` sets it).
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, create_engine, event, exc, make_url

from ecumene.core.errors import EcumeneError, RequestError, Unavailable
from ecumene.storage.tables import PATIENCE, tuned

VARIABLE = "ECUMENE_DATABASE"

_DRIVER = "postgresql+psycopg"
_CONNECT: dict[str, Any] = {
    "application_name": "ecumene",
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
}
"""Nobody waits long for a server that is gone. Parameters of the URL come first."""

_log = logging.getLogger("ecumene.storage")


def located(folder: Path, file: str) -> str:
    """The URL of the database with the tables that SQLite would keep in this file of a data folder."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / file}"


def made(folder: Path, file: str) -> bool:
    """Whether there may be something in that database: a server's is looked into only when it is opened."""
    return bool(os.environ.get(VARIABLE)) or (folder / file).exists()


def opened(url: str, *pragmas: str) -> Engine:
    """The engine of a URL; JSON is msgspec's, errors of a server are Ecumene's.

    RequestError for a URL that names no SQLite or PostgreSQL database, or where psycopg is not installed. ``pragmas``
    are settings of SQLite.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise RequestError(
            "The database's URL cannot be read: postgresql://USER@HOST/DATABASE is expected."
        ) from None
    options: dict[str, Any] = {"pool_size": 20, "max_overflow": 40}
    served = parsed.drivername in ("postgres", "postgresql", _DRIVER)
    if served:
        parsed = parsed.set(drivername=_DRIVER)
        given = {k: v for k, v in _CONNECT.items() if k not in parsed.query}
        options = {
            "pool_size": 10,
            "max_overflow": 30,
            "pool_pre_ping": True,
            "connect_args": given,
        }
    elif parsed.get_backend_name() != "sqlite":
        raise RequestError(f"'{parsed.drivername}' is not a database that Ecumene can use.")
    try:
        engine = create_engine(
            parsed,
            json_serializer=_encode,
            json_deserializer=msgspec.json.decode,
            **options,
        )
    except ModuleNotFoundError:
        raise RequestError(
            "PostgreSQL needs psycopg: install Ecumene with the extra 'postgres'."
        ) from None
    tuned(engine, *pragmas)
    if served:
        event.listen(engine, "connect", _bounded)
        event.listen(engine, "handle_error", _phrased)
    return engine


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _bounded(connection: Any, _record: Any) -> None:
    """A writer waits for another one as long as on SQLite; one that has stopped in the middle lets go."""
    connection.execute(f"SET lock_timeout = {int(1000 * PATIENCE)}")
    connection.execute(f"SET idle_in_transaction_session_timeout = {int(4000 * PATIENCE)}")
    connection.commit()


def _phrased(context: Any) -> EcumeneError | None:
    """What a server's error is to clients; None leaves it as it is.

    Values that PostgreSQL cannot store (the NUL character, texts too long) are the caller's; a server that is away,
    a deadlock or a timeout is for trying again.
    """
    error, dbapi = context.original_exception, context.dialect.loaded_dbapi
    if context.is_pre_ping:  # the pool opens another connection
        return None
    if isinstance(error, dbapi.DataError):
        return RequestError(f"The database cannot store this: {str(error).splitlines()[0]}.")
    if isinstance(error, dbapi.OperationalError | dbapi.InterfaceError | dbapi.InternalError):
        _log.warning("the database failed: %s", str(error).strip())
        return Unavailable("The database is not available.")
    return None
