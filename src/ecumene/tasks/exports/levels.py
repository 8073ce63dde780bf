"""Tiles of one image on the disk: appended piece by piece, found again after a crash, joined to a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.raster import tiff
from ecumene.tasks.scratch import copied, flushed

Stored = list[int]
"""Sizes of tiles in the order in which they were appended; 0 = every pixel has the usual value."""


class Level:
    """The encoded tiles of one image (or overview) in a file that already has room for a TIFF's header.

    Parameters
    ----------
    path : the file; what an earlier attempt wrote into it beyond the known tiles is overwritten.
    form : how tiles are encoded.
    size : width and height in pixels.
    usual : tiles in which every pixel is this are not stored (masks: nearly all of them); None = all are.
    """

    def __init__(
        self, path: Path, form: tiff.Format, size: tuple[int, int], usual: int | None = None
    ) -> None:
        self.path, self.form, self.size, self.usual = path, form, size, usual
        self.across, self.down = (-(-s // form.side) for s in size)
        self.blocks: list[tuple[int, int]] = [(0, 0)] * (self.across * self.down)
        self._end = form.first
        path.touch()
        self._file = path.open("r+b")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a tile."""
        return self.form.side, self.form.side, self.form.bands

    def encode(self, tile: NDArray[Any]) -> bytes:
        """A tile; empty if it need not be stored."""
        if self.usual is not None and (tile == self.usual).all():
            return b""
        return tiff.encode(tile)

    def append(self, places: Sequence[int], tiles: Sequence[bytes]) -> Stored:
        """Stores tiles and waits until they are on the disk."""
        self._file.seek(self._end)
        self._file.writelines(tiles)
        flushed(self._file)
        sizes = [len(tile) for tile in tiles]
        self.restore(places, sizes)
        return sizes

    def restore(self, places: Sequence[int], sizes: Stored) -> None:
        """Notes tiles that were appended, now or by an earlier attempt."""
        for place, size in zip(places, sizes, strict=True):
            self.blocks[place] = (self._end, size)
            self._end += size

    def tile(self, place: int) -> NDArray[Any]:
        """The pixels of a tile."""
        offset, size = self.blocks[place]
        if size == 0:
            return np.full(self.shape, self.usual or 0, self.form.dtype)
        data = os.pread(self._file.fileno(), size, offset)
        return tiff.decode(data, self.shape, self.form.dtype)

    def filled(self) -> None:
        """Gives the tiles that were not stored one that they all share."""
        if self.usual is not None and any(size == 0 for _, size in self.blocks):
            same = tiff.encode(np.full(self.shape, self.usual, self.form.dtype))
            self._file.seek(self._end)
            self._file.write(same)
            shared = (self._end, len(same))
            self._end += len(same)
            self.blocks = [shared if size == 0 else (at, size) for at, size in self.blocks]

    def finish(self) -> Path:
        """Makes the file a TIFF: its directory goes behind the tiles, where nothing needs to be moved."""
        self.filled()
        at = self._end + self._end % 2
        self._file.truncate(at)
        self._file.seek(at)
        self._file.write(tiff.directory(self.form, self.size, self.blocks, at, 0, reduced=False))
        self._file.seek(0)
        self._file.write(tiff.header(self.form, at))
        flushed(self._file)
        return self.path

    def data(self) -> tuple[Any, int, int]:
        """The file, and where its tiles begin and end."""
        self._file.flush()
        return self._file, self.form.first, self._end

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the parts of a file will be."""

    form: tiff.Format
    directories: list[int]
    bases: list[int]


def _planned(levels: Sequence[Level], form: tiff.Format) -> _Plan:
    at = form.first
    directories = []
    for number, level in enumerate(levels):
        directories.append(at)
        made = tiff.directory(form, level.size, level.blocks, at, 0, reduced=number > 0)
        at += len(made) + -len(made) % 8
    bases = [0] * len(levels)
    for number in reversed(range(len(levels))):
        _, start, end = levels[number].data()
        bases[number] = at
        at += end - start
    return _Plan(form, directories, bases)


def joined(path: Path, levels: Sequence[Level], form: tiff.Format) -> Path:
    """Writes an image and its overviews as a cloud-optimized GeoTIFF.

    All directories come first, then the tiles of the smallest overview, those of the image last.
    """
    for level in levels:
        level.filled()
    plan = _planned(levels, form)
    with path.open("wb") as out:
        out.write(tiff.header(form, plan.directories[0]))
        for number, level in enumerate(levels):
            moved = plan.bases[number] - level.form.first
            blocks = [(offset + moved, size) for offset, size in level.blocks]
            following = plan.directories[number + 1] if number + 1 < len(levels) else 0
            at = plan.directories[number]
            out.seek(at)
            out.write(tiff.directory(form, level.size, blocks, at, following, reduced=number > 0))
        for number in reversed(range(len(levels))):
            file, start, end = levels[number].data()
            out.seek(plan.bases[number])
            file.seek(start)
            copied(file, out, end - start)
        flushed(out)
    return path
