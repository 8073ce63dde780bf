"""Operations as the API sees them: the store, and the workers of this process where it has any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecumene.core.errors import RateLimited
from ecumene.tasks.context import Kind, Surroundings
from ecumene.tasks.kinds import KINDS
from ecumene.tasks.operation import Operation
from ecumene.tasks.store import Store
from ecumene.tasks.workers import Workers

QUEUE = 3000
"""Operations of an account that may wait, as on Earth Engine."""


class Operations:
    """Accepts long work and, between ``start`` and ``stop``, does it.

    Parameters
    ----------
    store : the operations; other processes may share them.
    around : what tasks are given.
    kinds : which there are.
    """

    def __init__(
        self, store: Store, around: Surroundings, kinds: Mapping[str, Kind] = KINDS
    ) -> None:
        self.store, self.around, self.kinds = store, around, kinds
        self._workers: Workers | None = None

    def start(self, workers: int) -> None:
        """Begins to run operations on so many threads."""
        if self._workers is None and workers > 0:
            self._workers = Workers(self.store, self.kinds, self.around, workers)

    def stop(self) -> None:
        """Gives back what runs; it is resumed by whoever starts next."""
        if self._workers is not None:
            self._workers.stop()
            self._workers = None

    def submit(self, operation: Operation, payload: Any) -> Operation:
        """Accepts an operation: from here on nothing but the user's word loses it."""
        earlier = self.store.earlier(operation)
        if earlier is not None:
            return earlier
        if self.store.waiting(operation.account) >= QUEUE:
            raise RateLimited(f"Too many tasks already in the queue ({QUEUE}).")
        accepted, fresh = self.store.submit(operation, payload)
        if fresh:
            self._wake()
        return accepted

    def cancel(self, identifier: str) -> None:
        """Asks an operation to stop."""
        self.store.cancel(identifier)
        self._wake()

    def _wake(self) -> None:
        if self._workers is not None:
            self._workers.wake()
