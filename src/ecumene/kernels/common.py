"""What kernels are written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

STRIP = 512
"""Pixels that a kernel works on at a time: their values of a hundred images stay in the second cache."""

DATA, INDEX, VALID, SIZE, PIXELS, FLAGS = range(6)
"""Columns of the table of images (int64, one row per image): addresses of the stored values, of their
int32 index per pixel (0: pixels are the values) and of a mask of zeros and ones per pixel (uint8; 0: none);
lengths of values and of pixels; ``HAS_MISSING`` and ``HIDES_NAN``."""

HAS_MISSING, HIDES_NAN = 1, 2


def compiled(*signatures: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compiles for fixed signatures, keeps the machine code on disk, releases the GIL."""
    made: Callable[[Callable[..., Any]], Any] = numba.njit(
        list(signatures), nogil=True, cache=True, error_model="numpy"
    )
    return made


def readonly(element: Any) -> Any:
    """The type of a contiguous array that a kernel only reads: cached blocks are not writeable."""
    return types.Array(element, 1, "C", readonly=True)


def given(kind: Any, dimensions: int) -> Any:
    """The type of a contiguous array that a kernel only reads (one that nobody may write will do)."""
    return types.Array(kind, dimensions, "C", readonly=True)


def helper(function: Function) -> Function:
    """A function that only kernels call."""
    made: Function = numba.njit(inline="always", nogil=True, error_model="numpy")(function)
    return made


@intrinsic  # type: ignore[untyped-decorator]
def pointer(typing_context: Any, address: Any) -> Any:
    """An address (``array.ctypes.data`` as an unsigned integer) as a pointer for ``numba.carray``."""
    signature = types.voidptr(types.uintp)

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return signature, build


@helper
def _present(flags: int, absent: Any, infinity: int, row: Any, good: Any, length: int) -> None:
    """Values that stand for none are not valid."""
    if flags & HAS_MISSING:
        for p in range(length):
            good[p] &= row[p] != absent
    if flags & HIDES_NAN:
        if infinity != 0:
            for p in range(length):
                good[p] &= (row[p] & (infinity | (infinity - 1))) <= infinity
        else:
            for p in range(length):
                good[p] &= row[p] == row[p]


@helper
def gathered(
    images: Any, k: int, missing: Any, infinity: int, start: int, row: Any, good: Any, length: int
) -> None:
    """One image's values of a strip, and ones where they are valid.

    Each step is a loop of its own that compilers turn into vector instructions. ``infinity`` is not 0
    where values are the bits of floats.
    """
    data = carray(pointer(np.uintp(images[k, DATA])), images[k, SIZE], missing.dtype)
    if images[k, INDEX] != 0:
        index = carray(pointer(np.uintp(images[k, INDEX])), images[k, PIXELS], np.int32)
        for p in range(length):
            row[p] = data[index[start + p]]
    else:
        for p in range(length):
            row[p] = data[start + p]
    if images[k, VALID] != 0:
        valid = carray(pointer(np.uintp(images[k, VALID])), images[k, PIXELS], np.uint8)
        for p in range(length):
            good[p] = valid[start + p]
    else:
        for p in range(length):
            good[p] = 1
    _present(images[k, FLAGS], missing[k], infinity, row, good, length)
