"""Kinds of tasks for tests, and what they run in."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ecumene.core.errors import RequestError
from ecumene.tasks.context import Kind, Surroundings, TaskContext
from ecumene.tasks.operation import Operation
from ecumene.tasks.service import Operations
from ecumene.tasks.store import Store
from tests.calls import engine

gate = threading.Event()


def steps(task: TaskContext) -> list[str]:
    """Appends a letter a step to a file; waits for the gate before the step the payload names."""
    out = task.scratch.path / "out"
    for k in range(task.payload["steps"]):
        if f"step {k}" in task.scratch.steps:
            continue
        if k == task.payload.get("wait"):
            while not gate.wait(0.01):
                task.cancel.check()
        task.cancel.check()
        with out.open("ab") as file:
            file.write(b"abcdefghij"[k : k + 1])
        task.scratch.done(f"step {k}")
        task.progress((k + 1) / task.payload["steps"])
    return [out.read_text()]


def publish(task: TaskContext, made: Any) -> list[str]:
    target = task.around.data / f"{task.operation.description}.txt"
    with target.open("a") as file:
        file.write(made[0] + "\n")
    return [str(target)]


def refuse(task: TaskContext) -> None:
    raise RequestError("Image.select: Band pattern 'B99' did not match any bands.")


def broken(task: TaskContext) -> None:
    raise KeyError("a defect")


def away(task: TaskContext) -> None:
    if task.operation.attempt <= task.payload["times"]:
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/secret")


def once(task: TaskContext) -> None:
    """Cannot be done again: what it makes is in the way, as an asset of its name would be."""
    if task.operation.attempt > 1:
        raise RequestError("It exists already.")


KINDS = {
    "once": Kind("EXPORT_IMAGE", once),
    "away": Kind("EXPORT_IMAGE", away),
    "steps": Kind("EXPORT_IMAGE", steps, publish),
    "refuse": Kind("EXPORT_IMAGE", refuse),
    "broken": Kind("EXPORT_IMAGE", broken),
}


def operations(data: Path) -> Operations:
    """Operations of a data folder, not started."""
    return Operations(Store(data), Surroundings(engine(), None, data), KINDS)  # type: ignore[arg-type]


def asked(kind: str = "steps", description: str = "t", **values: Any) -> Operation:
    given = {"project": "projects/p", "account": "me", "type": "EXPORT_IMAGE"} | values
    return Operation("", kind=kind, description=description, **given)


def until(condition: Callable[[], Any]) -> Any:
    """What a condition gives once it holds."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen")
