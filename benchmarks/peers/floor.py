"""The decode floor: read, inflate and undo the predictor of the blocks that a request needs, a thread per core."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import tifffile

from benchmarks import exact
from benchmarks import workloads as w
from benchmarks.worker import Contestant

POOL = ThreadPoolExecutor(os.cpu_count())
BLOCK = 512


class _File(NamedTuple):
    handle: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    across: int
    dtype: str


@lru_cache(maxsize=1024)
def _file(path: str) -> _File:
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        across = -(-page.imagewidth // BLOCK)
        offsets, counts = tuple(page.dataoffsets), tuple(page.databytecounts)
        return _File(os.open(path, os.O_RDONLY), offsets, counts, across, str(page.dtype))


def _decode(file: _File, number: int) -> None:
    data = os.pread(file.handle, file.counts[number], file.offsets[number])
    dtype = np.dtype(file.dtype)
    raw = np.empty(BLOCK * BLOCK * dtype.itemsize, "uint8")
    imagecodecs.deflate_decode(data, out=raw)
    block = raw.view(dtype).reshape(BLOCK, BLOCK)
    imagecodecs.delta_decode(block, axis=1, out=block)


def _blocks(path: str, columns: range, rows: range) -> list[tuple[_File, int]]:
    file = _file(path)
    return [(file, row * file.across + column) for row in rows for column in columns]


def _spans(first: int, last: int, step: int) -> range:
    return range(first // step // BLOCK, last // step // BLOCK + 1)


def _window(ask: w.Ask) -> tuple[int, int, int, int]:
    """First and last column and row at 10 m that the request looks at."""
    if ask.task == "w4":
        return 0, w.size(ask.archive) - 1, 0, w.size(ask.archive) - 1
    x, y = exact.degrees(ask.archive, ask.k)
    return int(x.min()), int(x.max()), int(y.min()), int(y.max())


def _wanted(ask: w.Ask) -> list[tuple[_File, int]]:
    left, right, top, bottom = _window(ask)
    names = {**dict.fromkeys(w.RGB, 1), **({} if ask.task == "w1_plain" else {"SCL": 2})}
    return [
        block
        for item in w.items(ask.archive, ask.n)
        for name, step in names.items()
        for block in _blocks(
            item["assets"][name]["href"], _spans(left, right, step), _spans(top, bottom, step)
        )
    ]


def _run(ask: w.Ask, given: Iterable[tuple[_File, int]]) -> None:
    for _ in POOL.map(lambda block: _decode(*block), given):
        pass


FLOOR = {"decode floor": Contestant(_run, _wanted)}
TASKS = {"w1_cloud": FLOOR, "w1_plain": FLOOR, "w4": FLOOR}
