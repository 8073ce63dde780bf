"""Operations in SQL: accepted once, leased to one worker at a time, ended once.

Every change is one guarded UPDATE, so processes need no other agreement than the database's: where two meet at a
row, SQLite and PostgreSQL (READ COMMITTED) both let the second look at the guard again. SQLite's file is not the
catalogue's: heartbeats would make every cache that depends on the catalogue forget.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ecumene.storage.databases import located, opened
from ecumene.storage.tables import ensure
from ecumene.tasks.operation import (
    CANCELLED,
    CANCELLING,
    ENDED,
    FAILED,
    PENDING,
    RUNNING,
    Operation,
)

LEASE = 20_000_000
"""µs that a worker may be silent before another one takes over; a dead one of the same machine is noticed at once."""

_ALPHABET = string.ascii_uppercase + string.digits

metadata = sa.MetaData()
operations = sa.Table(
    "operations", metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("project", sa.String(128), nullable=False),
    sa.Column("account", sa.String(128), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("request_id", sa.String(128)),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.Column("started", sa.BigInteger),
    sa.Column("ended", sa.BigInteger),
    sa.Column("progress", sa.Float, nullable=False),
    sa.Column("stages", sa.JSON, nullable=False),
    sa.Column("uris", sa.JSON, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("strikes", sa.Integer, nullable=False),
    sa.Column("eecu", sa.Float, nullable=False),
    sa.Column("error_code", sa.Integer),
    sa.Column("error_message", sa.Text),
    sa.Column("owner", sa.String(128)),
    sa.Column("lease", sa.BigInteger),
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("committed", sa.Boolean, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.UniqueConstraint("account", "request_id"),
    sa.Index("operations_by_turn", "state", "priority", "created"),
    sa.Index("operations_by_account", "account", "created", "id"),
)  # fmt: skip

_row = operations.c
_COLUMNS = [_row[f.name] for f in fields(Operation)]


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker says of an operation it runs."""

    id: str
    progress: float
    stages: list[dict[str, Any]]
    eecu: float


def now() -> int:
    """µs since 1970."""
    return time.time_ns() // 1000


def new_id() -> str:
    """An unguessable id, as Earth Engine's look."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(24))


class Store:
    """The table of operations. Thread-safe; several processes may share one.

    Parameters
    ----------
    path_or_url : a data folder (its ``operations.sqlite``, or the server's database that is configured) or an SQLAlchemy URL.
    """

    def __init__(self, path_or_url: str | Path) -> None:
        url = str(path_or_url)
        if "://" not in url:
            url = located(Path(url), "operations.sqlite")
        self.engine = opened(url, "synchronous=FULL")  # what was accepted survives a power failure
        ensure(metadata, self.engine)

    def close(self) -> None:
        """Gives back the connections."""
        self.engine.dispose()

    # -- what the API asks -----------------------------------------------------------------------

    def submit(self, operation: Operation, payload: Any) -> tuple[Operation, bool]:
        """Accepts an operation. With the ``request_id`` of an earlier one of the account: that one, and False."""
        earlier = self.earlier(operation)
        if earlier is not None:
            return earlier, False
        at = now()
        values = {f.name: getattr(operation, f.name) for f in fields(Operation)}
        values |= {"id": operation.id or new_id(), "created": at, "updated": at, "payload": payload}
        try:
            with self.engine.begin() as connection:
                connection.execute(operations.insert().values(values))
        except sa.exc.IntegrityError:  # the same request at the same time
            earlier = self.earlier(operation)
            if earlier is None:
                raise
            return earlier, False
        found = self.get(values["id"])
        assert found is not None
        return found, True

    def earlier(self, operation: Operation) -> Operation | None:
        """The account's operation with the same ``request_id``."""
        if operation.request_id is None:
            return None
        found = self._some(
            _row.account == operation.account, _row.request_id == operation.request_id
        )
        return found[0] if found else None

    def get(self, identifier: str) -> Operation | None:
        """An operation by its id."""
        found = self._some(_row.id == identifier)
        return found[0] if found else None

    def payload(self, identifier: str) -> Any:
        """What was asked."""
        with self.engine.connect() as connection:
            return connection.execute(
                sa.select(_row.payload).where(_row.id == identifier)
            ).scalar_one()

    def listed(
        self,
        account: str,
        project: str | None,
        size: int,
        after: tuple[int, str] | None = None,
        states: tuple[str, ...] = (),
    ) -> list[Operation]:
        """Operations of an account, the newest first, behind the one ``after`` (its creation and id)."""
        conditions: list[Any] = [_row.account == account]
        if project is not None:
            conditions.append(_row.project == project)
        if states:
            conditions.append(_row.state.in_(states))
        if after is not None:
            when, identifier = after
            conditions.append(
                sa.or_(
                    _row.created < when,
                    sa.and_(_row.created == when, _row.id < identifier),
                )
            )
        return self._some(*conditions, order=(_row.created.desc(), _row.id.desc()), limit=size)

    def cancel(self, identifier: str) -> None:
        """Ends what has not begun, asks what runs to stop; what has ended or is being put in place goes on."""
        at = now()
        waits = _row.state == PENDING
        with self.engine.begin() as connection:
            connection.execute(
                operations.update()
                .where(
                    _row.id == identifier,
                    _row.committed.is_(False),
                    _row.state.in_((PENDING, RUNNING)),
                )
                .values(
                    state=sa.case((waits, CANCELLED), else_=CANCELLING),
                    ended=sa.case((waits, at), else_=_row.ended),
                    updated=at,
                )
            )

    def delete(self, identifier: str) -> bool:
        """Forgets an operation that has ended; False if it has not."""
        with self.engine.begin() as connection:
            gone = connection.execute(
                operations.delete().where(_row.id == identifier, _row.state.in_(ENDED))
            )
        return bool(gone.rowcount)

    def prune(self, age: int) -> int:
        """Forgets operations that ended so many µs ago; returns how many."""
        old = sa.and_(_row.state.in_(ENDED), _row.ended < now() - age)
        with self.engine.begin() as connection:
            return connection.execute(operations.delete().where(old)).rowcount

    def unfinished(self) -> set[str]:
        """The ids of operations that have not ended."""
        with self.engine.connect() as connection:
            found = connection.execute(sa.select(_row.id).where(_row.state.not_in(ENDED)))
            return set(found.scalars())

    def counts(self) -> dict[str, int]:
        """How many operations are in each state."""
        chosen = sa.select(_row.state, sa.func.count()).group_by(_row.state)
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(chosen)}

    def waiting(self, account: str) -> int:
        """How many operations of an account have not begun."""
        chosen = sa.select(sa.func.count()).where(_row.account == account, _row.state == PENDING)
        with self.engine.connect() as connection:
            return int(connection.execute(chosen).scalar_one())

    # -- what workers ask ------------------------------------------------------------------------

    def claim(self, owner: str, left_behind: Callable[[Operation], bool]) -> Operation | None:
        """The next operation for a worker: first what others left behind, then by priority and age."""
        for left in self._some(_row.state.in_((RUNNING, CANCELLING))):
            if left_behind(left):
                taken = self._take(
                    left, owner, _row.attempt == left.attempt, strikes=left.strikes + 1
                )
                if taken is not None:
                    return taken
        while True:
            waiting = self._some(
                _row.state == PENDING,
                _row.due <= now(),
                order=(_row.priority.desc(), _row.created, _row.id),
                limit=1,
            )
            if not waiting:
                return None
            taken = self._take(waiting[0], owner, _row.state == PENDING, state=RUNNING)
            if taken is not None:
                return taken

    def _take(self, found: Operation, owner: str, still: Any, **values: Any) -> Operation | None:
        at = now()
        with self.engine.begin() as connection:
            taken = connection.execute(
                operations.update()
                .where(_row.id == found.id, still)
                .values(
                    owner=owner,
                    lease=at + LEASE,
                    attempt=found.attempt + 1,
                    updated=at,
                    started=found.started or at,
                    **values,
                )
            )
        return self.get(found.id) if taken.rowcount else None

    def beat(self, owner: str, beats: list[Beat]) -> dict[str, str]:
        """Renews the leases of an owner and notes progress; the states of what it still holds."""
        at = now()
        mine = sa.and_(_row.owner == owner, _row.state.in_((RUNNING, CANCELLING)))
        with self.engine.begin() as connection:
            for one in beats:
                known: dict[str, Any] = {"stages": one.stages, "eecu": one.eecu}
                on = operations.update().where(_row.id == one.id, mine)
                connection.execute(on.values(lease=at + LEASE, **known))
                connection.execute(
                    on.where(_row.progress < one.progress).values(
                        progress=one.progress, updated=at, strikes=0
                    )
                )
            held = connection.execute(sa.select(_row.id, _row.state).where(mine))
            return {row[0]: row[1] for row in held}

    def commit(self, held: Operation) -> bool:
        """The point of no return; False if the operation is to stop or is no longer the worker's."""
        return self._change(held, _row.state == RUNNING, committed=True, updated=now())

    def finish(self, held: Operation, state: str, **values: Any) -> bool:
        """Ends an operation, once, and forgets what was asked; False if it is no longer the worker's."""
        at = now()
        return self._change(
            held, state=state, updated=at, ended=at, owner=None, lease=None, payload={}, **values
        )

    def fail(self, held: Operation, code: int, message: str) -> bool:
        """Ends an operation with an error."""
        return self.finish(held, FAILED, error_code=code, error_message=message)

    def release(self, held: Operation, seconds: float = 0.0, *, strike: bool = False) -> bool:
        """Gives an operation back, to be run again after some time."""
        strikes = held.strikes + (1 if strike else 0)
        return self._change(
            held, _row.state == RUNNING, state=PENDING, owner=None, lease=None, strikes=strikes,
            due=now() + int(seconds * 1e6), updated=now(),
        )  # fmt: skip

    def _change(self, held: Operation, *conditions: Any, **values: Any) -> bool:
        with self.engine.begin() as connection:
            changed = connection.execute(
                operations.update()
                .where(
                    _row.id == held.id,
                    _row.owner == held.owner,
                    _row.attempt == held.attempt,
                    *conditions,
                )
                .values(**values)
            )
        return bool(changed.rowcount)

    def _some(
        self, *conditions: Any, order: tuple[Any, ...] = (), limit: int | None = None
    ) -> list[Operation]:
        chosen = sa.select(*_COLUMNS).where(*conditions).order_by(*order).limit(limit)
        with self.engine.connect() as connection:
            return [Operation(*row) for row in connection.execute(chosen)]
