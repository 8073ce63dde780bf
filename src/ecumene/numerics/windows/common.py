"""What the operators on padded blocks share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
Valid = NDArray[np.bool_] | None
Result = tuple[NDArray[Any], Valid]
WindowOp = Callable[..., Result]


def inner(array: NDArray[Any], halo: int) -> NDArray[Any]:
    """The block without its halo."""
    return array[halo : array.shape[0] - halo, halo : array.shape[1] - halo]


def shifted(array: NDArray[Any], halo: int, dy: int, dx: int) -> NDArray[Any]:
    """The neighbours of a block at an offset within the halo."""
    height, width = array.shape[0] - 2 * halo, array.shape[1] - 2 * halo
    return array[halo + dy : halo + dy + height, halo + dx : halo + dx + width]


def both(valid: Sequence[Valid]) -> Valid:
    """Where all are valid."""
    out: Valid = None
    for part in valid:
        if part is not None:
            out = part if out is None else out & part
    return out
