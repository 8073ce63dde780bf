"""Values looked up in a table by the stored number of each pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene import kernels


def taken(
    table: NDArray[Any],
    stored: NDArray[Any],
    index: NDArray[np.int32] | None,
    valid: NDArray[np.bool_] | None,
) -> NDArray[Any]:
    """Each pixel's entry of a table, flat.

    Parameters
    ----------
    table : one entry for each number that ``stored`` may hold, and a last one for pixels that are not valid.
    stored : uint8 or uint16 of any shape, C-contiguous.
    index : of each pixel into flattened ``stored``; None = the numbers are the pixels.
    valid : of each pixel, flat; None = all.
    """
    kernel = kernels.ready("looked.looked")
    if kernel is not None and index is not None and table.dtype.itemsize in (1, 2, 4, 8):
        out = np.empty(index.size, table.dtype)
        bits = np.dtype(f"uint{8 * table.dtype.itemsize}")
        shown = np.empty(0, bool) if valid is None else np.ascontiguousarray(valid).reshape(-1)
        kernel(table.view(bits), stored.reshape(-1), index, shown.view(np.uint8), out.view(bits))
        return out
    if index is None:
        out = table.take(stored.reshape(-1))
    elif stored.size <= index.size:
        out = table.take(stored.reshape(-1)).take(index)
    else:
        out = table.take(stored.reshape(-1).take(index))
    if valid is not None:
        out[~valid.reshape(-1)] = table[-1]
    return out
