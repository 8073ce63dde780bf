"""Compiled kernels: numba functions with fixed signatures, loaded in the background.

Nothing in a request ever waits for a compiler. Every kernel has a plain NumPy path beside it that gives
the same result; callers ask ``ready(name)`` and take the plain path while the answer is None. A server
starts ``load_in_background`` as it starts: kernels come from their cache on disk, or are compiled once
for the machine and kept there (beside the package, or in the user's cache folder where that is not
writable). ``ecumene kernels build`` does the same in the foreground, for images and packages.

Kernels hold no lock (the GIL is released), start no threads of their own, and see only arrays that the
rooms above made.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["load", "load_in_background", "loaded", "names", "ready"]

MODULES = (
    "ordered",
    "looked",
    "running",
    "regions",
    "footprints",
    "averages",
    "neighbors",
    "resampling",
    "centres",
    "segments",
    "superpixels",
    "surfaces",
    "trees",
)
"""Modules of this package with kernels, the most wanted first."""

Function = Callable[..., Any]

_log = logging.getLogger("ecumene.kernels")
_ready: dict[str, Function] = {}
_lock = threading.Lock()
_started = False


def ready(name: str) -> Function | None:
    """The compiled function ``module.function``, or None while it is not there: take the plain path."""
    return _ready.get(name)


def names() -> list[str]:
    """Kernels that are ready."""
    return sorted(_ready)


def loaded() -> bool:
    """Whether every module is ready."""
    return all(any(name.startswith(f"{module}.") for name in _ready) for module in MODULES)


def _load() -> Iterator[str]:
    for module in MODULES:
        with _lock:
            if any(name.startswith(f"{module}.") for name in _ready):
                continue
            found = importlib.import_module(f"ecumene.kernels.{module}")
            for name in found.KERNELS:
                _ready[f"{module}.{name}"] = getattr(found, name)
        yield module


def load() -> list[str]:
    """Loads (or compiles) every module now; returns those that were not there yet.

    Raises ImportError where numba is not installed.
    """
    return list(_load())


def _background() -> None:
    try:
        load()
    except (ImportError, RuntimeError, OSError) as error:  # no numba, or nowhere to keep its cache
        _log.warning("Compiled kernels are not available, the plain paths serve: %s", error)


def load_in_background() -> None:
    """Starts loading once; returns at once."""
    global _started
    with _lock:
        if _started:
            return
        _started = True
    threading.Thread(target=_background, name="ecumene-kernels", daemon=True).start()


def unload() -> None:
    """Forgets what is ready, so that plain paths run (for comparing the two)."""
    _ready.clear()
