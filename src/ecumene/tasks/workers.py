"""Threads that run operations, and the one that says they live."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecumene.core.errors import Cancelled, EcumeneError, Unavailable
from ecumene.engine.failures import told
from ecumene.tasks.context import Kind, Surroundings, TaskContext
from ecumene.tasks.operation import CANCELLED, CANCELLING, SUCCEEDED, Operation
from ecumene.tasks.owners import Owner
from ecumene.tasks.scratch import Busy, Scratch, sweep
from ecumene.tasks.store import Beat, Store, now

BEAT = 1.0
"""Seconds between heartbeats, and between looks for work that nobody announced."""

STRIKES = 10
"""Attempts without progress after which an operation fails: it may be what kills the server."""

PATIENCE, TRIES = 2.0, 6
"""Seconds before the first repetition after a store was unavailable, doubled each time; attempts."""

KEPT = 90 * 86400 * 10**6
"""µs that ended operations are listed."""

STACK = 256 * 2**20
"""Stack of threads that evaluate (virtual memory): deep chains of lazy collections need it."""

MANIFEST = "made"
"""The step that holds what is to be published."""

CODES = {
    "INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9, "INTERNAL": 13, "UNAVAILABLE": 14, "UNAUTHENTICATED": 16,
}  # fmt: skip

log = logging.getLogger("ecumene.tasks")


def folder_of(data: Path) -> Path:
    """Where tasks keep their files in a data folder."""
    return data / "tasks"


class Workers:
    """Runs operations of a store on threads of this process.

    Parameters
    ----------
    store : operations that may be shared with other processes.
    kinds : functions by the name that operations have them under.
    around : what tasks are given.
    count : threads; each runs one operation at a time.
    """

    def __init__(
        self, store: Store, kinds: Mapping[str, Kind], around: Surroundings, count: int = 1
    ) -> None:
        self.store, self.kinds, self.around = store, kinds, around
        folder = folder_of(around.data)
        self._scratch = folder / "scratch"
        self._owner = Owner(folder / "owners")
        self._stopping = threading.Event()
        self._work = threading.Condition()
        self._running: dict[str, TaskContext] = {}
        store.prune(KEPT)
        sweep(self._scratch, store.unfinished())
        before = threading.stack_size(STACK)
        self._threads = [
            threading.Thread(target=self._loop, name=f"ecumene-task-{k}", daemon=True)
            for k in range(count)
        ]
        self._heart = threading.Thread(target=self._beats, name="ecumene-heartbeat", daemon=True)
        for thread in (*self._threads, self._heart):
            thread.start()
        threading.stack_size(before)

    def wake(self) -> None:
        """Something was submitted or cancelled in this process."""
        with self._work:
            self._work.notify_all()
        self._beat()

    def stop(self, seconds: float = 10.0) -> None:
        """Lets go of everything: what runs is given back to be resumed."""
        self._stopping.set()
        for task in list(self._running.values()):
            task.cancel.cancel()
        with self._work:
            self._work.notify_all()
        for thread in (*self._threads, self._heart):
            thread.join(seconds)
        self._owner.close()

    # -- heart -----------------------------------------------------------------------------------

    def _beats(self) -> None:
        while not self._stopping.wait(BEAT):
            self._beat()

    def _beat(self) -> None:
        """Renews leases; what was cancelled, or taken away, stops."""
        running = dict(self._running)
        if not running:
            return
        beats = [Beat(id_, task.fraction, task.stages, task.eecu) for id_, task in running.items()]
        try:
            held = self.store.beat(self._owner.name, beats)
        except Exception:  # noqa: BLE001 - a database that is away for a moment must not end the heart
            log.exception("no heartbeat")
            return
        for identifier, task in running.items():
            if held.get(identifier) in (None, CANCELLING):
                task.cancel.cancel()

    # -- work ------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                claimed = self.store.claim(self._owner.name, self._left_behind)
                if claimed is not None:
                    self._hold(claimed)
                    continue
            except Exception:  # noqa: BLE001 - a worker outlives whatever its work ran into
                log.exception("a worker failed")
            with self._work:
                if not self._stopping.is_set():
                    self._work.wait(BEAT)

    def _left_behind(self, operation: Operation) -> bool:
        """Whether nobody runs an operation any more that somebody began."""
        if operation.id in self._running:
            return False
        silent = operation.owner is None or (operation.lease or 0) < now()
        return silent or self._owner.dead(operation.owner or "")

    def _hold(self, operation: Operation) -> None:
        """Runs an operation in its directory."""
        try:
            scratch = Scratch(self._scratch / operation.id)
        except Busy:  # an earlier worker has not noticed yet that it lost its lease
            self.store.release(operation, BEAT)
            return
        ended = False  # nor has it where the store cannot be told: what is made waits for the next attempt
        try:
            ended = self._run(operation, scratch)
        finally:
            if ended:
                scratch.remove()
            else:
                scratch.close()

    def _run(self, operation: Operation, scratch: Scratch) -> bool:
        """Whether the operation has ended and its directory may go."""
        if operation.state == CANCELLING:
            return self.store.finish(operation, CANCELLED)
        if operation.strikes >= STRIKES:
            return self.store.fail(operation, 13, "The task was given up after too many attempts.")
        task = TaskContext(
            operation,
            self.store.payload(operation.id),
            scratch,
            self.around,
            fraction=operation.progress,
            stages=operation.stages,
        )
        self._running[operation.id] = task
        try:
            uris = self._made(task)
            return self.store.finish(
                operation,
                SUCCEEDED,
                progress=1.0,
                stages=_complete(task.stages),
                uris=uris,
                eecu=task.eecu,
            )
        except Exception as error:  # noqa: BLE001 - whatever happens, the operation ends or is run again
            return self._failed(task, error)
        finally:
            del self._running[operation.id]

    def _made(self, task: TaskContext) -> list[str]:
        """Does the work, if that is not done yet, and publishes it."""
        kind = self.kinds.get(task.operation.kind)
        if kind is None:
            raise EcumeneError(f"This server has no tasks of the kind '{task.operation.kind}'.")
        if MANIFEST not in task.scratch.steps:
            made = kind.run(task)
            task.cancel.check()
            task.scratch.done(MANIFEST, made)
        if not task.operation.committed and not self.store.commit(task.operation):
            raise Cancelled("Cancelled.")
        return kind.publish(task, task.scratch.steps[MANIFEST])

    def _failed(self, task: TaskContext, error: Exception) -> bool:
        """Cancelled, given back, or failed; True if that is the end."""
        operation = task.operation
        if isinstance(error, Cancelled):
            found = self.store.get(operation.id)
            if found is not None and found.state == CANCELLING:
                return self.store.finish(operation, CANCELLED, eecu=task.eecu)
            if self._stopping.is_set() or found is None or found.owner != operation.owner:
                self.store.release(operation)
                return found is None
        if isinstance(error, Unavailable | OSError) and operation.strikes + 1 < TRIES:
            log.warning("%s: %s", operation.name, error)
            self.store.release(operation, PATIENCE * 2**operation.strikes, strike=True)
            return False
        shown = told(_refused(error))
        log.info("%s failed: %s", operation.name, shown.message)
        return self.store.fail(operation, CODES.get(shown.status, 2), shown.message)


def _refused(error: Exception) -> Exception:
    """What a file system says, without its paths."""
    if isinstance(error, OSError) and error.strerror:
        return Unavailable(f"The server's storage failed: {error.strerror}.")
    return error


def _complete(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All work of all stages done."""
    return [stage | {"completeWorkUnits": stage.get("totalWorkUnits", 1)} for stage in stages]
