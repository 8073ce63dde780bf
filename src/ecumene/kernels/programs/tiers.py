"""When programs become machine code: never in front of a request, by a process of low priority.

A program that is wanted is put in a short queue; until its code is there, callers run it by
``strips``. What is compiled is bounded in number, oldest out first, and in size.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ecumene.kernels.programs.program import Program

LONGEST = 2000
"""Instructions of the largest program that is compiled (about a third of a second)."""

KEPT = 256
"""Programs whose machine code is kept; each takes some tens of kilobytes."""

WAITING = 32
"""Programs that wait at most; more are dropped, and asked for again when they are run again."""

_log = logging.getLogger("ecumene.kernels")


class Stats(NamedTuple):
    """How often machine code was there and was not, what was dropped, what is kept and may be."""

    hits: int
    misses: int
    evictions: int
    entries: int
    capacity: int


Compile = Callable[[Sequence[Program]], Sequence[Any]]


def _native(programs: Sequence[Program]) -> Sequence[Any]:
    """Machine code, by LLVM; imported here because that takes long."""
    from ecumene.kernels.programs.native import compiled

    return compiled(programs)


class Compiler:
    """Compiles wanted programs in the background.

    Parameters
    ----------
    compile_ : makes machine code of programs, None for one that cannot be compiled; raises ImportError where
        there is no compiler (nothing is compiled from then on), RuntimeError or OSError where it fails.
    kept : most programs whose machine code is kept.
    """

    def __init__(self, compile_: Compile = _native, kept: int = KEPT) -> None:
        self.compile = compile_
        self.available = True
        self._most = kept
        self._lock = threading.Lock()
        self._waiting: deque[Program] = deque()
        self._kept: OrderedDict[Program, None] = OrderedDict()
        self._refused: OrderedDict[Program, None] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._hits = self._misses = self._evictions = 0

    def ready(self, program: Program) -> Any:
        """The machine code if it is there; None: run it by strips."""
        with self._lock:
            code = program.native
            if code is None:
                self._misses += 1
            else:
                self._hits += 1
                self._kept.move_to_end(program)
        return code

    def want(self, program: Program) -> None:
        """Has the program compiled soon; returns at once."""
        if not self.available or program.native is not None or len(program.code) > LONGEST:
            return
        with self._lock:
            known = program in self._waiting or program in self._refused
            if known or len(self._waiting) >= WAITING:
                return
            self._waiting.append(program)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="ecumene-compiler", daemon=True
                )
                self._thread.start()

    def stats(self) -> Stats:
        """Counters since the start."""
        with self._lock:
            return Stats(self._hits, self._misses, self._evictions, len(self._kept), self._most)

    def join(self) -> None:
        """Waits until nothing is wanted (for tests and benchmarks)."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def clear(self) -> None:
        """Forgets all machine code (for comparing tiers)."""
        with self._lock:
            for program in self._kept:
                program.native = None
            self._kept.clear()

    def _work(self) -> None:
        while True:
            with self._lock:
                batch = list(self._waiting) if self.available else []
                if not batch:
                    self._waiting.clear()
                    self._thread = None
                    return
            self._settle(batch, self._compiled(batch))

    def _compiled(self, batch: list[Program]) -> Sequence[Any]:
        try:
            return self.compile(batch)
        except ImportError as error:
            self.available = False
            _log.warning("No compiler, programs are run by NumPy: %s", error)
        except (RuntimeError, OSError) as error:
            _log.warning("%d programs were not compiled: %s", len(batch), error)
        return [None] * len(batch)

    def _settle(self, batch: list[Program], codes: Sequence[Any]) -> None:
        with self._lock:
            for program, code in zip(batch, codes, strict=True):
                self._waiting.remove(program)
                if code is None:
                    _bounded(self._refused, program, self._most)
                    continue
                program.native = code
                dropped = _bounded(self._kept, program, self._most)
                if dropped is not None:
                    dropped.native = None
                    self._evictions += 1


def _bounded(held: OrderedDict[Program, None], program: Program, most: int) -> Program | None:
    """Adds a program; the oldest if there are too many."""
    held[program] = None
    return held.popitem(last=False)[0] if len(held) > most else None


COMPILER = Compiler()
"""The process's compiler."""
