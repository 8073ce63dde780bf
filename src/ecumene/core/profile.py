"""Where the time and the memory of one request go, by algorithm of the user's graph.

A request that asks for a profile carries a ``Profile`` in its context; all others carry None, and the places
that would report ask only that. Every thread that works for a profiled request has a clock with a stack of
labels: time is charged to the label on top, so shares are exclusive and add up. Code that has no context
(readers of files) asks ``current`` for the clock of its thread.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from ecumene.core.live import Live
from ecumene.core.raster import RasterBand

P = ParamSpec("P")
R = TypeVar("R")

PLUMBING = "(plumbing)"
LOADING = "Loading assets: "
REST = "(...)"
LONGEST_CRS = 80
MOST_LABELS = 300
"""Labels of one profile; assets beyond it are counted with others of their collection."""


@dataclass(slots=True)
class Tally:
    """What one label was charged: seconds of processor and of wall clock, how often, bytes of blocks."""

    label: str
    seconds: float = 0.0
    elapsed: float = 0.0
    count: int = 0
    read: int = 0
    decoded: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a finished profile.

    ``seconds`` of processor time, ``elapsed`` of wall clock (waiting included, all threads together),
    ``peak`` bytes, ``read`` stored and ``decoded`` bytes of blocks that no cache had. ``within`` names the
    lines whose pixel work includes this one's.
    """

    description: str
    seconds: float = 0.0
    elapsed: float = 0.0
    peak: int = 0
    count: int = 0
    read: int = 0
    decoded: int = 0
    within: tuple[str, ...] = ()


class Clock:
    """One thread's share of a profile."""

    __slots__ = ("cpu", "profile", "stack", "tallies", "wall")

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.tallies: dict[str, Tally] = {}
        self.stack: list[Tally] = []
        self.cpu = self.wall = 0.0

    def _charge(self) -> None:
        """Gives the time since the last change to the label on top."""
        cpu, wall = time.thread_time(), time.perf_counter()
        if self.stack:
            top = self.stack[-1]
            top.seconds += cpu - self.cpu
            top.elapsed += wall - self.wall
        self.cpu, self.wall = cpu, wall

    def enter(self, label: str, count: int = 1) -> None:
        """What follows is done for this label; work within work of the same label is not counted again."""
        self._charge()
        if not self.stack:
            _active.clock = self
        tally = self.tallies.get(label)
        if tally is None:
            tally = self._tally(self.profile.label(label))
        if not self.stack or self.stack[-1] is not tally:
            tally.count += count
        self.stack.append(tally)

    def _tally(self, label: str) -> Tally:
        return self.tallies.setdefault(label, Tally(label))

    def leave(self) -> None:
        """Back to what was done before."""
        self._charge()
        self.stack.pop()
        if not self.stack:
            _active.clock = None

    @contextmanager
    def inside(self, label: str, count: int = 1) -> Iterator[None]:
        """``enter`` and ``leave``."""
        self.enter(label, count)
        try:
            yield
        finally:
            self.leave()


class _Active(threading.local):
    clock: Clock | None = None


_active = _Active()


def current() -> Clock | None:
    """The clock of this thread while it works for a profiled request."""
    return _active.clock


def block_read(stored: int, decoded: int) -> None:
    """A block was read (bytes in the file; 0 where the reader cannot tell) and decoded (bytes in memory)."""
    clock = _active.clock
    if clock is not None and clock.stack:
        top = clock.stack[-1]
        top.read += stored
        top.decoded += decoded


def loading_label(band: RasterBand) -> str:
    """What reading a band is called: by its asset, never by its file."""
    return LOADING + (band.asset or "(unnamed raster)")


def loading(
    function: Callable[Concatenate[Any, RasterBand, P], R],
) -> Callable[Concatenate[Any, RasterBand, P], R]:
    """Charges a function of ``(store, band, …)`` to the band's asset."""

    @functools.wraps(function)
    def timed(store: Any, band: RasterBand, *args: P.args, **kwargs: P.kwargs) -> R:
        clock = _active.clock
        if clock is None:
            return function(store, band, *args, **kwargs)
        with clock.inside(loading_label(band)):
            return function(store, band, *args, **kwargs)

    return cast(Callable[Concatenate[Any, RasterBand, P], R], timed)


@dataclass(slots=True, eq=False)
class Profile:
    """A profile in the making. Thread-safe.

    ``origins`` says which label made a plan node, by the node's digest; ``within`` the labels whose nodes do
    the pixel work of others (plans are rewritten: see ``plan.lower``).
    """

    id: str
    account: str
    origins: dict[bytes, str] = field(default_factory=dict)
    within: dict[str, set[str]] = field(default_factory=dict)
    live: Live = field(default_factory=Live)
    watches: dict[int, Any] = field(default_factory=dict)
    finished: tuple[Entry, ...] | None = None
    _clocks: list[Clock] = field(default_factory=list)
    _labels: set[str] = field(default_factory=set)
    _lock: Any = field(default_factory=threading.Lock)
    _local: Any = field(default_factory=threading.local)

    def clock(self) -> Clock:
        """This thread's clock."""
        found: Clock | None = getattr(self._local, "clock", None)
        if found is None:
            found = self._local.clock = Clock(self)
            with self._lock:
                self._clocks.append(found)
        return found

    def label(self, label: str) -> str:
        """The label, or a coarser one where the profile has too many."""
        with self._lock:
            if label not in self._labels and len(self._labels) >= MOST_LABELS:
                label = coarser(label)
            self._labels.add(label)
        return label

    def running(self) -> str:
        """What the thread of the request is doing: for work whose origin is not known."""
        stack = self._clocks[0].stack if self._clocks else []
        return stack[-1].label if stack else PLUMBING

    def mark(self, digests: Iterable[bytes], label: str) -> None:
        """Nodes that a label made; those that another made before stay its own."""
        for digest in digests:
            self.origins.setdefault(digest, label)

    def charged(self, work: Callable[P, R]) -> Callable[P, R]:
        """The same work in other threads, charged to what this one is doing."""
        label = self.running()

        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.clock().inside(label, 0):
                return work(*args, **kwargs)

        return timed

    def around(self, work: Callable[P, R]) -> Callable[P, R]:
        """The same work on this profile's clock; the profile is finished with it."""

        def watched(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                with self.clock().inside(PLUMBING):
                    return work(*args, **kwargs)
            finally:
                self.finish()

        return watched

    def finish(self) -> None:
        """Adds up the threads and lets go of everything else."""
        with self._lock:
            tallies = [tally for clock in self._clocks for tally in list(clock.tallies.values())]
        peaks = self.live.peaks()
        found: dict[str, Entry] = {}
        for tally in tallies:
            within = tuple(sorted(self.within.get(tally.label, set()) - {tally.label}))
            entry = Entry(
                tally.label, tally.seconds, tally.elapsed, peaks.get(tally.label, 0),
                tally.count, tally.read, tally.decoded, within,
            )  # fmt: skip
            known = found.get(tally.label)
            found[tally.label] = entry if known is None else joined(tally.label, known, entry)
        self.finished = tuple(sorted(found.values(), key=lambda entry: -entry.seconds))
        self.origins, self.watches, self.live = {}, {}, Live()


def named(crs: str) -> str:
    """A CRS in a label: its code, or the beginning of its WKT."""
    return crs if len(crs) <= LONGEST_CRS else f"{crs[:LONGEST_CRS]}[...]"


def coarser(label: str) -> str:
    """``Loading assets: a/b/c`` → ``Loading assets: a/b/(...)``; anything else → ``(...)``.

    >>> coarser("Loading assets: MODIS/061/MOD09GA/2024_01_01"), coarser("Algorithm Image.add")
    ('Loading assets: MODIS/061/MOD09GA/(...)', '(...)')
    """
    parent, slash, last = label.rpartition("/")
    if label.startswith(LOADING) and slash and last != REST:
        return f"{parent}/{REST}"
    return REST


def joined(description: str, first: Entry, second: Entry) -> Entry:
    """Two entries as one: sums; the larger peak (they need not have been at the same time)."""
    return Entry(
        description,
        first.seconds + second.seconds,
        first.elapsed + second.elapsed,
        max(first.peak, second.peak),
        first.count + second.count,
        first.read + second.read,
        first.decoded + second.decoded,
        tuple(sorted({*first.within, *second.within})),
    )
