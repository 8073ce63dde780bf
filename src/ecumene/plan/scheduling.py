"""Shares the workers for blocks fairly between requests.

Every request queues its blocks in a lane of its own. A worker that is free takes the next block of the lane that
has had the least time of workers. A lane that opens, or has had nothing to do, begins at the level that an
equal share of the workers' time would have come to by now (weighted fair queueing: Demers, Keshav & Shenker
1989): a new request is served next, and one that runs for hours gets its share however many come and go.
Short requests need not even wait for a block to end: long ones give way between the nodes of a block.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

R = TypeVar("R")

SHORT = 1 << 19
"""Pixels of requests that others give way to: tiles, thumbnails, screens."""


class Pool(Protocol):
    """Where work is run: ``concurrent.futures.ThreadPoolExecutor``, or a test's."""

    def submit(self, function: Callable[[], Any], /) -> Any:
        """Has the function called soon by some worker."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """No more work."""


class _Task:
    """One piece of work that waits."""

    __slots__ = ("future", "work")

    def __init__(self, work: Callable[[], Any]) -> None:
        self.future: Future[Any] = Future()
        self.work = work


@dataclass(slots=True)
class _Turn:
    """A task under way in a thread: when it began, what it was charged, the time it gave to others."""

    start: float
    charged: float
    others: float = 0.0

    def own(self, now: float) -> float:
        """Seconds that it has had."""
        return now - self.start - self.others


class Lane:
    """One request's queue. Closing it drops what has not begun.

    ``used`` is the time of workers that it has had, in seconds, on top of the level where it began; ``usual``
    what its last task took, charged to the next one when that begins; ``running`` how many are under way.
    """

    def __init__(self, scheduler: Scheduler, number: int, pixels: int, start: float) -> None:
        self._scheduler = scheduler
        self.number = number
        self.short = pixels <= SHORT
        self.used = start
        self.usual = 0.0
        self.running = 0
        self.tasks: deque[_Task] = deque()

    def submit(self, work: Callable[[], R]) -> Future[R]:
        """Queues a task."""
        return self._scheduler.queue(self, _Task(work))

    def give_way(self) -> None:
        """Runs a task of a short request that waits, if this one is long and has had more: to be called in tasks.

        The caller must hold no lock. Costs next to nothing while nobody waits.
        """
        if not self.short and self._scheduler.waiting:
            self._scheduler.relieve(self)

    def __enter__(self) -> Lane:
        return self

    def __exit__(self, *_: object) -> None:
        self._scheduler.leave(self)


class Scheduler:
    """Fair workers.

    Parameters
    ----------
    threads : how many.
    pool : what runs them; one of its own by default.
    clock : seconds, for the shares.
    """

    def __init__(
        self,
        threads: int,
        pool: Pool | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._pool: Pool = pool or ThreadPoolExecutor(threads, "ecumene-block")
        self._clock = clock
        self._lock = threading.Lock()
        self._lanes: dict[int, Lane] = {}
        self._opened = 0
        self._level = 0.0
        self._local = threading.local()
        self.waiting = 0
        """Tasks that have not begun."""

    def lane(self, pixels: int) -> Lane:
        """A queue for a request of so many pixels; to be used in a ``with`` statement."""
        with self._lock:
            self._opened += 1
            lane = self._lanes[self._opened] = Lane(self, self._opened, pixels, self._level)
        return lane

    def lanes(self) -> int:
        """How many requests have blocks in progress or waiting."""
        return len(self._lanes)

    def queue(self, lane: Lane, task: _Task) -> Future[Any]:
        """Queues a task; some worker will take it, or a task that is due before it."""
        with self._lock:
            if not lane.tasks and not lane.running:
                lane.used = max(lane.used, self._level)
            lane.tasks.append(task)
            self.waiting += 1
        self._pool.submit(self._next)
        return task.future

    def leave(self, lane: Lane) -> None:
        """Ends a lane."""
        with self._lock:
            self._lanes.pop(lane.number, None)
            dropped, lane.tasks = lane.tasks, deque()
            self.waiting -= len(dropped)
        for task in dropped:
            task.future.cancel()

    def relieve(self, lane: Lane) -> None:
        """Runs the task that is due next in place of a long one, if it is of a short request."""
        turn: _Turn | None = getattr(self._local, "turn", None)
        if turn is None:
            return  # not in a task
        had = lane.used - turn.charged + turn.own(self._clock())
        taken = self._take(lambda other: other.short and other.used <= had)
        if taken is not None:
            self._run(*taken)

    def _next(self) -> None:
        taken = self._take(lambda _: True)
        if taken is not None:  # else one that gave way has done it already, or it was dropped
            self._run(*taken)

    def _take(self, allowed: Callable[[Lane], bool]) -> tuple[Lane, _Task, float] | None:
        """The task that is due next, and what it is charged beforehand."""
        with self._lock:
            ready = [lane for lane in self._lanes.values() if lane.tasks]
            lane = min(ready, key=lambda x: (x.used, not x.short, x.number), default=None)
            if lane is None or not allowed(lane):
                return None
            task = lane.tasks.popleft()
            self.waiting -= 1
            lane.running += 1
            charged = lane.usual
            lane.used += charged
        return lane, task, charged

    def _run(self, lane: Lane, task: _Task, charged: float) -> None:
        """Runs a task; what it gives way to is not its own time."""
        if not task.future.set_running_or_notify_cancel():
            self._settle(lane, -charged, 0.0)
            return
        outer: _Turn | None = getattr(self._local, "turn", None)
        turn = self._local.turn = _Turn(self._clock(), charged)
        try:
            result = task.work()
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the result
            task.future.set_exception(error)
        else:
            task.future.set_result(result)
        finally:
            now = self._clock()
            self._local.turn = outer
            if outer is not None:
                outer.others += now - turn.start
            lane.usual = turn.own(now)
            self._settle(lane, lane.usual - charged, lane.usual)

    def _settle(self, lane: Lane, owed: float, own: float) -> None:
        """After a task: the lane pays, and the level rises by everybody's share of the time."""
        with self._lock:
            busy = sum(1 for x in self._lanes.values() if x.tasks or x.running)
            self._level += own / max(busy, 1)
            lane.running -= 1
            lane.used += owed

    def close(self) -> None:
        """Stops the workers; what has not begun never will."""
        for lane in list(self._lanes.values()):
            self.leave(lane)
        self._pool.shutdown(wait=False, cancel_futures=True)
