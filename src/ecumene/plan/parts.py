"""Which pieces of a window a request needs, where it does not need all of it: regions, samples.

Boxes may be few or many, small or large, near or far from each other. Pieces follow them: a window with
little in it is quartered until its pieces are well filled or small, and what no box meets is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecumene.core.projection import Window

Boxes = NDArray[np.int64]
"""``(n, 4)``: column, row, width and height of windows."""

SPARSE = 8
"""A piece is quartered where its boxes together are smaller than this part of it …"""

LITTLE = 32 * 32
"""… and it has more pixels than this."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some pixels of a window: how many at most, and how they are cut into pieces of at most a shape.

    ``cut(shape, origin)`` cuts at multiples of ``shape`` (height, width) from ``origin`` (row, column) on.
    """

    window: Window
    pixels: int
    cut: Callable[[tuple[int, int], tuple[int, int]], Iterator[Window]]


def part_of(boxes: Boxes, wanted: Callable[[Window], bool] | None = None) -> Part:
    """The part of a grid that boxes need; pieces that ``wanted`` refuses are left out."""
    boxes = boxes[(boxes[:, 2] > 0) & (boxes[:, 3] > 0)]
    if not len(boxes):
        return Part(Window(0, 0, 0, 0), 0, lambda shape, origin: iter(()))
    whole = _around(boxes)
    area = min(
        int(np.prod(boxes[:, 2:].astype("float64"), axis=1).sum()), whole.width * whole.height
    )

    def cut(shape: tuple[int, int], origin: tuple[int, int]) -> Iterator[Window]:
        for piece in _pieces(boxes, whole, shape, origin):
            if wanted is None or wanted(piece):
                yield piece

    return Part(whole, area, cut)


def _around(boxes: Boxes) -> Window:
    """The smallest window that holds all boxes."""
    low, high = boxes[:, :2].min(axis=0), (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    return Window(*low.tolist(), *(high - low).tolist())


def _clipped(boxes: Boxes, window: Window) -> Boxes:
    """What boxes have in a window; those that have nothing are left out."""
    low = np.maximum(boxes[:, :2], (window.col, window.row))
    end = (window.col + window.width, window.row + window.height)
    size = np.minimum(boxes[:, :2] + boxes[:, 2:], end) - low
    here = (size > 0).all(axis=1)
    return np.asarray(np.concatenate([low, size], axis=1)[here])


def _pieces(
    boxes: Boxes, whole: Window, shape: tuple[int, int], origin: tuple[int, int]
) -> Iterator[Window]:
    """Pieces of at most a shape by rows, each as small as its boxes allow."""
    height, width = shape
    order = np.argsort(boxes[:, 1], kind="stable")
    boxes = boxes[order]
    ends = np.maximum.accumulate(boxes[:, 1] + boxes[:, 3])
    top = whole.row - (whole.row - origin[0]) % height
    while top < whole.row + whole.height:
        first = int(np.searchsorted(ends, top, side="right"))
        last = int(np.searchsorted(boxes[:, 1], top + height, side="left"))
        row = Window(whole.col, top, whole.width, height)
        here = _clipped(boxes[first:last], row)
        if len(here):
            yield from _row(here, origin[1], width)
            top += height
        else:  # go on at the row of blocks that holds the next box
            top += max(1, int(boxes[first, 1] - top) // height) * height


def _row(boxes: Boxes, origin: int, width: int) -> Iterator[Window]:
    """Pieces of one row of blocks."""
    rows = _around(boxes)
    first = (boxes[:, 0] - origin) // width
    last = (boxes[:, 0] + boxes[:, 2] - 1 - origin) // width
    number = int(first.min())
    order = np.argsort(first, kind="stable")
    boxes, first = boxes[order], first[order]
    ends = np.maximum.accumulate(last[order])
    while number <= int(ends[-1]):
        a = int(np.searchsorted(ends, number, side="left"))
        b = int(np.searchsorted(first, number, side="right"))
        here = _clipped(boxes[a:b], Window(origin + number * width, rows.row, width, rows.height))
        if len(here):
            yield from _filled(here)
            number += 1
        else:
            number = int(first[b])


def _filled(boxes: Boxes) -> Iterator[Window]:
    """The window of some boxes, or its quarters where the boxes are far apart."""
    stack = [boxes]
    while stack:
        boxes = stack.pop()
        window = _around(boxes)
        area = window.width * window.height
        if area <= LITTLE or float(np.prod(boxes[:, 2:], axis=1).sum()) * SPARSE >= area:
            yield window
            continue
        halves = []
        for top, height in _halves(window.row, window.height):
            for left, width in _halves(window.col, window.width):
                here = _clipped(boxes, Window(left, top, width, height))
                if len(here):
                    halves.append(here)
        stack.extend(reversed(halves))


def _halves(start: int, size: int) -> list[tuple[int, int]]:
    half = size // 2
    return [(start, half), (start + half, size - half)] if half else [(start, size)]
