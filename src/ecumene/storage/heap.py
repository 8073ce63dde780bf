"""What the C library does with freed memory: kept for the next blocks, given back before large jobs.

By default glibc returns the end of its heap to the system whenever 128 KiB of it are free, and takes megabytes
for arrays from the system anew: most of the time of NumPy's passes over a block went into first touches
of pages. Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

TRIM, MAP = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
KEPT = 256 * 2**20
"""Bytes at the end of a heap that stay with the process."""

LARGEST = 32 * 2**20
"""Larger arrays have pages of their own, which go with them (the most that glibc takes)."""


@cache
def _library() -> Any:
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


def keep() -> bool:
    """Freed memory of the size of blocks is kept for the next; whether the C library does so."""
    library = _library()
    return library is not None and bool(
        library.mallopt(TRIM, KEPT) and library.mallopt(MAP, LARGEST)
    )


def give_back() -> None:
    """Returns all freed memory to the system."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)
