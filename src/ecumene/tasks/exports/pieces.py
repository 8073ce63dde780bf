"""An image's pixels, piece by piece into the tiles of files: what is on the disk is not computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.image import Image
from ecumene.core.projection import Grid, Window
from ecumene.engine.pictures import compute
from ecumene.numerics.pyramids import halved
from ecumene.raster import tiff
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports.levels import Level, joined

PIECE_BYTES = 96 * 2**20
"""Pixels of a piece, with their masks: two pieces are in memory, one computed and one encoded."""

PIECE_SIDE = 2048
Tiles = list[tuple[int, NDArray[Any]]]


@dataclass(slots=True)
class Sheet:
    """One file to be: some bands of the image, or their validity.

    Parameters
    ----------
    name : of its files in the scratch directory.
    bands : which bands of the image, in order.
    dtype : of the file.
    fill : what masked pixels are.
    validity : whether it holds 255 and 0 for valid and masked pixels instead of values.
    """

    name: str
    bands: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: float = 0
    validity: bool = False
    levels: list[Level] = field(default_factory=list)

    def pixels(self, arrays: Sequence[NDArray[Any]], masks: Sequence[Any]) -> NDArray[Any]:
        """``(h, w, bands)`` of a piece."""
        height, width = arrays[0].shape[:2]
        out = np.empty((height, width, len(self.bands)), self.dtype)
        for k, band in enumerate(self.bands):
            mask = masks[band]
            if self.validity:
                out[..., k] = 255 if mask is None else np.where(mask > 0, 255, 0)
            else:
                out[..., k] = arrays[band]
                if mask is not None and self.fill != 0:
                    out[..., k][~(mask > 0)] = self.fill
        return out

    def open(self, folder: Path, size: tuple[int, int], form: tiff.Format) -> Level:
        """The next level of the file."""
        path = folder / f"{self.name}-{len(self.levels)}"
        level = Level(path, form, size, 255 if self.validity else None)
        self.levels.append(level)
        return level


def piece_side(side: int, image: Image) -> int:
    """Pixels across a piece: whole tiles, as many as the memory for pieces holds."""
    bytes_each = sum(2 * band.type.dtype.itemsize + 4 for band in image.bands)
    most = int((PIECE_BYTES / bytes_each) ** 0.5)
    return max(min(most, PIECE_SIDE) // side, 1) * side


def cut(window: Window, side: int) -> Iterator[Window]:
    """Pieces of a window by rows."""
    for row in range(0, window.height, side):
        for col in range(0, window.width, side):
            yield Window(
                window.col + col,
                window.row + row,
                min(side, window.width - col),
                min(side, window.height - row),
            )


class Writer:
    """Writes the sheets of one window of an image.

    Parameters
    ----------
    task : whose scratch directory and journal are used.
    image, grid, window : the pixels.
    sheets : the files; they have the same size and tiles.
    prefix : distinguishes the steps of several windows.
    advance : told how many pixels have been done.
    """

    def __init__(
        self,
        task: TaskContext,
        image: Image,
        grid: Grid,
        window: Window,
        sheets: Sequence[Sheet],
        side: int,
        prefix: str,
        advance: Callable[[int], None],
    ) -> None:
        self.task, self.image, self.grid, self.window = task, image, grid, window
        self.sheets, self.side, self.prefix, self.advance = sheets, side, prefix, advance
        self.valid = 0
        self.threads = ThreadPoolExecutor(2, "ecumene-encode")
        self.order = ThreadPoolExecutor(1, "ecumene-append")

    def write(self, context: Context) -> None:
        """Computes, encodes and stores what is not stored yet; the next piece is computed meanwhile."""
        size = max(piece_side(self.side, self.image), self.side)
        waiting: Future[None] | None = None
        try:
            for number, piece in enumerate(cut(self.window, size)):
                step = f"{self.prefix}/{number}"
                known = self.task.scratch.steps.get(step)
                if known is not None:
                    self._restore(piece, known)
                    continue
                self.task.cancel.check()
                arrays, masks = compute(self.image, self.grid, piece, context)
                if waiting is not None:
                    waiting.result()
                waiting = self.order.submit(self._store, step, piece, arrays, masks)
            if waiting is not None:
                waiting.result()
        finally:
            self.order.shutdown(cancel_futures=True)

    def _places(self, level: Level, piece: Window) -> list[tuple[int, int, int]]:
        """Number, first row and first column (in the piece) of each of its tiles."""
        top, left = piece.row - self.window.row, piece.col - self.window.col
        return [
            ((top + row) // self.side * level.across + (left + col) // self.side, row, col)
            for row in range(0, piece.height, self.side)
            for col in range(0, piece.width, self.side)
        ]

    def _restore(self, piece: Window, known: Any) -> None:
        for sheet in self.sheets:
            level = sheet.levels[0]
            level.restore([p[0] for p in self._places(level, piece)], known["sizes"][sheet.name])
        self.valid += known["valid"]
        self.advance(piece.width * piece.height)

    def _store(self, step: str, piece: Window, arrays: Any, masks: Any) -> None:
        sizes = {}
        for sheet in self.sheets:
            level = sheet.levels[0]
            places = self._places(level, piece)
            pixels = sheet.pixels(arrays, masks)
            tiles = [
                _padded(pixels[row : row + self.side, col : col + self.side], self.side, sheet)
                for _, row, col in places
            ]
            encoded = list(self.threads.map(level.encode, tiles))
            sizes[sheet.name] = level.append([p[0] for p in places], encoded)
        valid = _count_valid(arrays, masks)
        self.task.scratch.done(step, {"sizes": sizes, "valid": valid})
        self.valid += valid
        self.advance(piece.width * piece.height)

    # -- pyramids --------------------------------------------------------------------------------

    def pyramid(self, pairs: Sequence[tuple[Sheet, Sheet]], policies: Sequence[str]) -> None:
        """Adds overviews to sheets of values and of their validity, down to one tile; one policy a pair."""
        for (values, validity), policy in zip(pairs, policies, strict=True):
            while max(values.levels[-1].size) > self.side:
                self._halve(values, validity, policy)

    def _halve(self, values: Sheet, validity: Sheet, policy: str) -> None:
        above = values.levels[-1], validity.levels[-1]
        width, height = (-(-s // 2) for s in above[0].size)
        below = [
            sheet.open(self.task.scratch.path, (width, height), level.form)
            for sheet, level in zip((values, validity), above, strict=True)
        ]
        for row in range(below[0].down):
            step = f"{self.prefix}/{values.name}-{len(values.levels) - 1}/{row}"
            places = [row * below[0].across + col for col in range(below[0].across)]
            known = self.task.scratch.steps.get(step)
            if known is not None:
                for level, sizes in zip(below, known, strict=True):
                    level.restore(places, sizes)
                continue
            self.task.cancel.check()

            def one(col: int, row: int = row) -> tuple[bytes, bytes]:
                made = self._quarter(above, row, col, policy, values.fill)
                return below[0].encode(made[0]), below[1].encode(made[1])

            tiles = list(self.threads.map(one, range(below[0].across)))
            stored = [
                level.append(places, [pair[k] for pair in tiles]) for k, level in enumerate(below)
            ]
            self.task.scratch.done(step, stored)

    def _quarter(
        self, above: tuple[Level, Level], row: int, col: int, policy: str, fill: float
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """One tile of the next level, from four of this one."""
        values, validity = (
            np.zeros((2 * self.side, 2 * self.side, level.form.bands), level.form.dtype)
            for level in above
        )
        for i in (0, 1):
            for j in (0, 1):
                y, x = 2 * row + i, 2 * col + j
                if y >= above[0].down or x >= above[0].across:
                    continue
                place = y * above[0].across + x
                box = (
                    slice(i * self.side, (i + 1) * self.side),
                    slice(j * self.side, (j + 1) * self.side),
                )
                values[box], validity[box] = above[0].tile(place), above[1].tile(place)
        width, height = above[0].size
        validity[max(height - 2 * row * self.side, 0) :] = 0
        validity[:, max(width - 2 * col * self.side, 0) :] = 0
        made, known = halved(values, validity > 0, policy)
        if fill != 0:
            made[~known] = fill
        return made, np.where(known, 255, 0).astype("uint8")

    # -- files -----------------------------------------------------------------------------------

    def plain(self, sheet: Sheet) -> Path:
        """The sheet as a GeoTIFF without overviews."""
        return sheet.levels[0].finish()

    def optimized(self, sheet: Sheet) -> Path:
        """The sheet with its overviews as a cloud-optimized GeoTIFF."""
        path = self.task.scratch.path / f"{sheet.name}.tif"
        return joined(path, sheet.levels, sheet.levels[0].form)

    def close(self) -> None:
        """Closes all files."""
        self.threads.shutdown()
        for sheet in self.sheets:
            for level in sheet.levels:
                level.close()


def _padded(tile: NDArray[Any], side: int, sheet: Sheet) -> NDArray[Any]:
    """A tile of full size."""
    if tile.shape[:2] == (side, side):
        return tile
    fill = 255 if sheet.validity else sheet.fill
    whole = np.full((side, side, tile.shape[2]), fill, tile.dtype)
    whole[: tile.shape[0], : tile.shape[1]] = tile
    return whole


def _count_valid(arrays: Sequence[NDArray[Any]], masks: Sequence[Any]) -> int:
    """How many pixels of any band are valid."""
    return sum(
        int(a.shape[0] * a.shape[1] if m is None else np.count_nonzero(m > 0))
        for a, m in zip(arrays, masks, strict=True)
    )
