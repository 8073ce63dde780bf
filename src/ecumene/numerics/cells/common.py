"""What the operators on cells share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
Valid = NDArray[np.bool_]
Result = tuple[NDArray[Any], NDArray[np.bool_]]
CellOp = Callable[..., Result]
Check = Callable[[], None]


def unwatched() -> None:
    """Nobody cancels."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Where the padded arrays of a cell lie in the grid.

    ``row col`` are of their first pixel, ``halo`` the pixels around the cell, ``sizes`` width and height of pixels in
    metres (numbers, or ``(height, 1)``), ``transform`` the grid's. ``check`` is called now and then in long work, and raises
    where that is no longer wanted.
    """

    row: int
    col: int
    halo: int
    sizes: tuple[Any, Any]
    transform: tuple[float, ...]
    check: Callable[[], None] = unwatched

    def inner(self, array: NDArray[Any]) -> NDArray[Any]:
        """The cell without its halo."""
        h = self.halo
        return array[h : array.shape[0] - h, h : array.shape[1] - h]


def names(row: NDArray[Any], col: NDArray[Any]) -> NDArray[np.int64]:
    """A number for a pixel of the grid, not negative: unique within 32768 rows and 65536 columns."""
    return ((row.astype(np.int64) & 0x7FFF) << 16) | (col.astype(np.int64) & 0xFFFF)


def all_of(valid: list[Valid]) -> Valid:
    """Where all are valid."""
    return np.asarray(np.logical_and.reduce(valid))
