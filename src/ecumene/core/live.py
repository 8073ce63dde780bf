"""Bytes of arrays that are alive, by the label that made them, and the most there ever were."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray


def owner(array: NDArray[Any]) -> NDArray[Any] | None:
    """The array whose memory a view shows; None where that memory is not a result's own.

    Cached blocks are read-only and belong to their cache.
    """
    base = array
    while isinstance(base.base, np.ndarray):
        base = base.base
    return base if base.flags.writeable and base.flags.owndata else None


class Live:
    """Counts arrays from when they are noted until they are freed. Thread-safe.

    Freeing happens anywhere, also while the lock is held: it is only noted in a queue (whose operations are
    atomic), which the next note settles.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._freed: deque[tuple[int, str, int]] = deque()
        self._held: dict[int, Any] = {}
        self._bytes: dict[str, int] = {}
        self._peaks: dict[str, int] = {}

    def note(self, label: str, arrays: tuple[NDArray[Any] | None, ...], extra: int = 0) -> None:
        """Arrays were made for a label, which needed ``extra`` bytes besides while it made them."""
        with self._lock:
            self._settle()
            for array in arrays:
                base = None if array is None else owner(array)
                if base is not None and id(base) not in self._held:
                    self._hold(label, base)
            self._peaks[label] = max(self._peaks.get(label, 0), self._bytes.get(label, 0) + extra)

    def _hold(self, label: str, base: NDArray[Any]) -> None:
        key, size, freed = id(base), base.nbytes, self._freed
        self._held[key] = weakref.ref(base, lambda _: freed.append((key, label, size)))
        self._bytes[label] = self._bytes.get(label, 0) + size

    def _settle(self) -> None:
        while self._freed:
            key, label, size = self._freed.popleft()
            self._held.pop(key, None)
            self._bytes[label] -= size

    def peaks(self) -> dict[str, int]:
        """The most bytes that each label had at once."""
        with self._lock:
            return dict(self._peaks)
