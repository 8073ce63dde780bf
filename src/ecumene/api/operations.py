"""Operations: accepting long work, and telling how it goes."""

from __future__ import annotations

import base64
import re
import threading
import time
from typing import Any

from ecumene.api.call import Call, pick, wrapped
from ecumene.api.services import Services
from ecumene.core.context import Context
from ecumene.core.errors import FailedPrecondition, NotFound, RequestError, Unavailable
from ecumene.tasks.exports.destinations import place
from ecumene.tasks.kinds import KINDS
from ecumene.tasks.operation import ENDED, PRIORITY, Operation
from ecumene.tasks.service import Operations

View = dict[str, Any]

PAGE = 500
MOST_SECONDS = 20.0
"""Longest wait of ``operations.wait``; clients call again."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")
_STATE = re.compile(r'\s*(?:metadata\.)?state\s*(?:=|:)\s*"?([A-Z]+)"?\s*')
_waiters = threading.BoundedSemaphore(4)
"""Waiting takes a thread; the requests beyond these are answered at once, as the method allows."""


def of(services: Services) -> Operations:
    """The server's operations."""
    if services.operations is None:
        raise Unavailable("This server runs no operations.")
    return services.operations


def submit(call: Call, services: Services, kind: str, payload: Any) -> View:
    """Accepts long work: the same ``requestId`` again means the operation that it began the first time."""
    request_id = call.field("requestId") or None
    if request_id is not None and not _REQUEST_ID.fullmatch(str(request_id)):
        raise RequestError("'requestId' must be at most 60 letters, digits and dashes.")
    if "destination" in payload:
        place(of(services).around.data, call.account, payload["destination"])
    if "asset" in payload:
        services.catalog.access.require_place(call.account, payload["asset"])
    made = Operation(
        id="",
        project=call.path["project"],
        account=call.account,
        kind=kind,
        type=KINDS[kind].type,
        description=str(call.field("description", ""))[:1000],
        priority=_priority(call),
        request_id=request_id,
    )
    return of(services).submit(made, payload).resource()


def _priority(call: Call) -> int:
    given = wrapped(call.field("priority", PRIORITY))
    try:
        priority = int(PRIORITY if given is None else given)
    except (TypeError, ValueError):
        raise RequestError(f"Invalid value for 'priority': {given}") from None
    if not 0 <= priority <= 9999:
        raise RequestError(f"Priority must be between 0 and 9999, got {priority}.")
    return priority


def _named(call: Call, services: Services) -> Operation:
    """The operation of a name. Its project does not matter: clients put bare ids into whichever they like."""
    name = call.path["name"]
    found = of(services).store.get(name.rpartition("/")[2])
    if found is None or found.account != call.account:
        raise NotFound(f"Operation '{name}' not found.")
    return found


def get(call: Call, services: Services, context: Context) -> View:
    """``operations.get``."""
    return _named(call, services).resource()


def list_operations(call: Call, services: Services, context: Context) -> View:
    """``operations.list``: the caller's, the newest first. ``filter``: ``state = RUNNING``."""
    size = call.integer("pageSize") or PAGE
    if size < 0:
        raise RequestError(f"Invalid value for 'pageSize': {size}")
    size = min(size, PAGE)
    project = call.path["name"]
    found = of(services).store.listed(
        call.account,
        None if project == "projects/earthengine-legacy" else project,
        size + 1,
        _after(call.query.get("pageToken", "")),
        _states(call.query.get("filter", "")),
    )
    out: View = {}
    if found:
        out["operations"] = [one.resource() for one in found[:size]]
    if len(found) > size:
        last = found[size - 1]
        text = f"{last.created} {last.id}"
        out["nextPageToken"] = base64.urlsafe_b64encode(text.encode()).decode()
    return out


def _after(token: str) -> tuple[int, str] | None:
    if not token:
        return None
    try:
        when, identifier = base64.urlsafe_b64decode(token).decode().split(" ")
        return int(when), identifier
    except ValueError:
        raise RequestError("The pageToken is not valid.") from None


def _states(text: str) -> tuple[str, ...]:
    if not text.strip():
        return ()
    parts = [_STATE.fullmatch(part) for part in re.split(r"\bOR\b", text)]
    if not all(parts):
        raise RequestError(f"Invalid filter: {text[:200]}")
    return tuple(part[1] for part in parts if part is not None)


def cancel(call: Call, services: Services, context: Context) -> View:
    """``operations.cancel``: asks; what has ended stays as it is."""
    of(services).cancel(_named(call, services).id)
    return {}


def delete(call: Call, services: Services, context: Context) -> View:
    """``operations.delete``: forgets an operation that has ended."""
    found = _named(call, services)
    if not of(services).store.delete(found.id):
        raise FailedPrecondition(f"Operation '{found.name}' is still running; cancel it first.")
    return {}


def wait(call: Call, services: Services, context: Context) -> View:
    """``operations.wait``: the operation once it has ended, or after ``timeout`` (at most 20 s) as it is then."""
    found = _named(call, services)
    if found.state in ENDED or not _waiters.acquire(blocking=False):
        return found.resource()
    try:
        until = time.monotonic() + _seconds(pick(call.body, "timeout"))
        while found.state not in ENDED and time.monotonic() < until:
            context.cancel.check()
            time.sleep(0.1)
            found = _named(call, services)
    finally:
        _waiters.release()
    return found.resource()


def _seconds(text: Any) -> float:
    """A protobuf duration: ``3.5s``."""
    if text is None:
        return MOST_SECONDS
    try:
        return min(max(float(str(text).removesuffix("s")), 0.0), MOST_SECONDS)
    except ValueError:
        raise RequestError(f"Invalid value for 'timeout': {text}") from None
