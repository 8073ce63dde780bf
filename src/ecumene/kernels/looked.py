"""Tables: what a pixel's stored number stands for."""

from __future__ import annotations

from typing import Any

from numba import types

from ecumene.kernels.common import compiled, readonly

KERNELS = ("looked",)

_ENTRIES = (types.uint8, types.uint16, types.uint32, types.uint64)


@compiled(
    *(
        types.void(
            readonly(entry),
            readonly(stored),
            readonly(types.int32),
            readonly(types.uint8),
            entry[::1],
        )
        for stored in (types.uint8, types.uint16)
        for entry in _ENTRIES
    )
)
def looked(table: Any, stored: Any, index: Any, valid: Any, out: Any) -> None:
    """``table[stored[index]]``, and the table's last entry where ``valid`` (of size 0: none) is zero."""
    if valid.size == 0:
        for p in range(out.size):
            out[p] = table[stored[index[p]]]
    else:
        last = table[table.size - 1]
        for p in range(out.size):
            out[p] = table[stored[index[p]]] if valid[p] else last
