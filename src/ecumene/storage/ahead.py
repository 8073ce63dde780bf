"""Threads that do early what will soon be asked for: a bounded queue, nothing promised."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Ahead:
    """Runs tasks on ``threads`` threads, which start with the first one."""

    QUEUE = 512

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self.queued = 0

    def submit(self, task: Callable[[], None]) -> bool:
        """Queues a task, which must not raise; False where the queue is full."""
        with self._lock:
            if self.queued >= self.QUEUE:
                return False
            self.queued += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, "ecumene-ahead")
            self._pool.submit(self._run, task)
        return True

    def _run(self, task: Callable[[], None]) -> None:
        try:
            task()
        finally:
            with self._lock:
                self.queued -= 1

    def close(self) -> None:
        """Ends the threads; what waits is dropped."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None
                self.queued = 0
