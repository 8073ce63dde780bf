"""What reading parts of a file would cost, from its header and the block cache alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecumene.storage.blocks import BlockStore
from ecumene.storage.header import Header, Level

MOST_CELLS = 1 << 22
"""Blocks of a level that are looked at one by one."""


class Box(NamedTuple):
    """Pixels of a level, the last ones included."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Survey:
    """Blocks, their bytes in memory and in the file (None: the reader cannot tell), and those in the cache.

    ``left`` are the bytes in memory of the blocks that are not in the cache.
    """

    blocks: int
    decoded: int
    stored: int | None
    cached: int
    left: int


def spans(size: Level, box: Box) -> tuple[slice, slice]:
    """Rows and columns of the blocks that hold a box, which lies inside the level."""
    down = slice(box.top // size.block_height, box.bottom // size.block_height + 1)
    across = slice(box.left // size.block_width, box.right // size.block_width + 1)
    return down, across


def survey(
    store: BlockStore, header: Header, index: int, level: int, boxes: Iterable[Box], checks: int
) -> Survey:
    """What the blocks under some boxes of a level cost; each block once.

    Parameters
    ----------
    index : the band, from 1; 0 is the file's own mask.
    boxes : inside the level.
    checks : the most blocks that are looked for in the cache; the others count as not there.
    """
    size = header.levels[level]
    if size.across * size.down > MOST_CELLS:
        return _whole(header, index, size, *spans(size, around(boxes)))
    wanted = np.zeros((size.down, size.across), bool)
    for box in boxes:
        wanted[spans(size, box)] = True
    bytes_ = _sizes(header, index, size)
    rows, cols = np.nonzero(wanted)
    held = [
        store.holds(header, index, level, bx, by)
        for by, bx in zip(rows[:checks].tolist(), cols[:checks].tolist(), strict=True)
    ]
    cached = bytes_[rows[:checks], cols[:checks]][held].sum() if held else 0
    decoded = int(bytes_[wanted].sum())
    stored = _stored(header, index, level)
    return Survey(
        rows.size,
        decoded,
        None if stored is None else int(stored[wanted].sum()),
        sum(held),
        decoded - int(cached),
    )


def around(boxes: Iterable[Box]) -> Box:
    """The box around some boxes."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return Box(min(left), min(top), max(right), max(bottom))


def _whole(header: Header, index: int, size: Level, down: slice, across: slice) -> Survey:
    """Of a level with very many blocks: by multiplication."""
    blocks = (down.stop - down.start) * (across.stop - across.start)
    decoded = blocks * size.block_width * size.block_height * _pixel_bytes(header, index)
    return Survey(blocks, decoded, None, 0, decoded)


def _pixel_bytes(header: Header, index: int) -> int:
    """Bytes that one pixel of a block has in the cache: interleaved bands are decoded together."""
    if index == 0:
        return 1
    layout = header.layout
    together = layout.samples if layout is not None and layout.interleaved else 1
    return int(header.dtypes[index - 1].itemsize * together)


def _sizes(header: Header, index: int, size: Level) -> NDArray[np.int64]:
    """Bytes of every block in memory, ``(down, across)``."""
    heights = np.full(size.down, size.block_height, np.int64)
    widths = np.full(size.across, size.block_width, np.int64)
    heights[-1] = size.height - (size.down - 1) * size.block_height
    widths[-1] = size.width - (size.across - 1) * size.block_width
    return heights[:, None] * widths * _pixel_bytes(header, index)


def _stored(header: Header, index: int, level: int) -> NDArray[Any] | None:
    """Bytes of every block in the file, ``(down, across)``; None where the reader does not know."""
    layout, size = header.layout, header.levels[level]
    if layout is None or index == 0:
        return None
    planes = layout.tiles[level].counts.reshape(-1, size.down, size.across)
    return np.asarray(planes[0 if layout.interleaved else index - 1])
