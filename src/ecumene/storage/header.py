"""What a reader must know of a raster file before it reads a block of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Level(NamedTuple):
    """One resolution of a file: its size and the size of its blocks, in pixels."""

    width: int
    height: int
    block_width: int
    block_height: int

    @property
    def across(self) -> int:
        """Blocks in a row."""
        return -(-self.width // self.block_width)

    @property
    def down(self) -> int:
        """Rows of blocks."""
        return -(-self.height // self.block_height)

    def block_shape(self, bx: int, by: int) -> tuple[int, int]:
        """``(height, width)`` of a block; those at the right and lower edge are cut off."""
        return (
            min(self.block_height, self.height - by * self.block_height),
            min(self.block_width, self.width - bx * self.block_width),
        )


class Signature(NamedTuple):
    """What changes when a file changes. URLs are taken as immutable: all zero."""

    mtime_ns: int
    size: int
    inode: int


REMOTE = Signature(0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """The layout of a file: level 0 is the full resolution, the others are its overviews.

    ``dtypes`` and ``nodata`` have one entry per band. ``path`` is what the gate resolved.
    ``layout`` belongs to the reader that made the header (None: rasterio), ``chunks`` to arrays of Zarr.
    """

    path: str
    signature: Signature
    levels: tuple[Level, ...]
    dtypes: tuple[np.dtype[Any], ...]
    nodata: tuple[float | None, ...]
    driver: str
    layout: Any = None
    chunks: Any = None

    @property
    def width(self) -> int:
        """Columns of level 0."""
        return self.levels[0].width

    @property
    def height(self) -> int:
        """Rows of level 0."""
        return self.levels[0].height

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.dtypes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the first band."""
        return self.dtypes[0]
