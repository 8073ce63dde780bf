"""What a kind of task is, and what it is given to do its work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ecumene.catalog.store import Catalog
from ecumene.core.context import CancelToken, Context
from ecumene.core.limits import OPEN
from ecumene.engine.service import Engine
from ecumene.tasks.operation import Operation
from ecumene.tasks.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What tasks share: the engine, the catalogue, the data folder."""

    engine: Engine
    catalog: Catalog
    data: Path


@dataclass(slots=True)
class TaskContext:
    """One attempt of an operation.

    ``payload`` may have been accepted by an earlier version of the server: what was added to it since is optional.
    ``cancel.check()`` belongs into every loop. ``scratch.path`` is where files may be written; they outlive
    the attempt, as do ``scratch.steps``.
    """

    operation: Operation
    payload: Any
    scratch: Scratch
    around: Surroundings
    cancel: CancelToken = field(default_factory=CancelToken)
    fraction: float = 0.0
    stages: list[dict[str, Any]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def account(self) -> str:
        """For whom everything is read and written."""
        return self.operation.account

    def progress(self, fraction: float, stages: list[dict[str, Any]] | None = None) -> None:
        """Tells how far the work is, 0 to 1. Cheap: it is written with the next heartbeat."""
        self.fraction = min(max(fraction, self.fraction), 1.0)
        if stages is not None:
            self.stages = stages

    def evaluation(self) -> Context:
        """Surroundings of an evaluation for the account, without a deadline; cancelled with the task."""
        made = self.around.engine.context(self.account)
        made.cancel = self.cancel
        made.limits = replace(
            made.limits,
            side_pixels=2**31,
            request_pixels_bytes=max(made.limits.request_pixels_bytes, OPEN.request_pixels_bytes),
        )
        return made

    @property
    def eecu(self) -> float:
        """Seconds of work so far, all attempts."""
        return self.operation.eecu + time.monotonic() - self.began


Run = Callable[[TaskContext], Any]
Publish = Callable[[TaskContext, Any], list[str]]


def nothing(context: TaskContext, made: Any) -> list[str]:
    """Publishes nothing."""
    return []


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task.

    Parameters
    ----------
    type : Earth Engine's word: ``EXPORT_IMAGE``, ``INGEST_TABLE``…
    run : does the work in the scratch directory and returns, as JSON, what is to be published. It may be run
        again after a crash, and then finds ``scratch.steps``. Nothing that others see may be changed by it.
    publish : puts what was made where others see it, by atomic steps that may be repeated, and returns the
        places. It is called after the point of no return, again after every crash, until it has succeeded.
    """

    type: str
    run: Run
    publish: Publish = nothing
