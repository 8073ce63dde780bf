"""An operation: what is known of one accepted piece of long work, and its JSON on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

PENDING, RUNNING, CANCELLING = "PENDING", "RUNNING", "CANCELLING"
SUCCEEDED, FAILED, CANCELLED = "SUCCEEDED", "FAILED", "CANCELLED"
ENDED = (SUCCEEDED, FAILED, CANCELLED)

PRIORITY = 100
"""Where the request names none; 0 to 9999, higher ones start first."""

_METADATA = "type.googleapis.com/google.earthengine.v1.OperationMetadata"
_EMPTY = "type.googleapis.com/google.protobuf.Empty"


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the store without its payload. Times are µs since 1970.

    ``kind`` names the function that does the work; ``type`` is Earth Engine's word for it. ``strikes`` counts
    the attempts since the last progress. After ``committed`` the results are being put in place and nothing
    stops the operation any more.
    """

    id: str
    project: str
    account: str
    kind: str
    type: str
    description: str = ""
    priority: int = PRIORITY
    state: str = PENDING
    request_id: str | None = None
    created: int = 0
    updated: int = 0
    started: int | None = None
    ended: int | None = None
    progress: float = 0.0
    stages: list[dict[str, Any]] = field(default_factory=list)
    uris: list[str] = field(default_factory=list)
    attempt: int = 0
    strikes: int = 0
    eecu: float = 0.0
    error_code: int | None = None
    error_message: str | None = None
    owner: str | None = None
    lease: int | None = None
    due: int = 0
    committed: bool = False

    @property
    def name(self) -> str:
        """``projects/P/operations/ID``."""
        return f"{self.project}/operations/{self.id}"

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in ENDED

    def resource(self) -> dict[str, Any]:
        """The ``Operation`` of the API: ``error`` and ``response`` only once it is done."""
        out: dict[str, Any] = {"name": self.name, "metadata": self._metadata()}
        if not self.done:
            return out
        out["done"] = True
        if self.state == SUCCEEDED:
            out["response"] = {"@type": _EMPTY}
        elif self.state == CANCELLED:
            out["error"] = {"code": 1, "message": "Cancelled."}
        else:
            out["error"] = {"code": self.error_code or 13, "message": self.error_message or ""}
        return out

    def _metadata(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "@type": _METADATA, "state": self.state, "type": self.type, "description": self.description,
            "priority": self.priority, "createTime": moment(self.created), "updateTime": moment(self.updated),
            "progress": self.progress, "attempt": self.attempt,
        }  # fmt: skip
        for name, when in (("startTime", self.started), ("endTime", self.ended)):
            if when is not None:
                out[name] = moment(when)
        if self.stages:
            out["stages"] = self.stages
        if self.uris:
            out["destinationUris"] = self.uris
        if self.eecu:
            out["batchEecuUsageSeconds"] = round(self.eecu, 6)
        return out


def moment(us: int) -> str:
    """RFC 3339 in UTC with six digits: clients cannot read more.

    >>> moment(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    seconds, rest = divmod(us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"
