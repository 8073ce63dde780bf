"""Pieces of windows: every box is covered, nothing twice, little besides."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.core.projection import Window
from ecumene.plan.parts import part_of

BOXES = st.lists(
    st.tuples(st.integers(-300, 300), st.integers(-300, 300), st.integers(0, 90), st.integers(0, 90)),
    min_size=1, max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    boxes=BOXES, height=st.integers(1, 200), width=st.integers(1, 200),
    row=st.integers(-50, 50), col=st.integers(-50, 50),
)  # fmt: skip
def test_pieces_cover_all_boxes_once(boxes, height, width, row, col) -> None:
    part = part_of(np.asarray(boxes, np.int64).reshape(-1, 4))
    seen = np.zeros((1200, 1200), int)
    needed = np.zeros(seen.shape, bool)
    for x, y, w, h in boxes:
        if w and h:
            needed[y + 500 : y + 500 + h, x + 500 : x + 500 + w] = True
    for piece in part.cut((height, width), (row, col)):
        assert piece.width <= width and piece.height <= height
        assert (piece.col - col) // width == (piece.col + piece.width - 1 - col) // width
        assert (piece.row - row) // height == (piece.row + piece.height - 1 - row) // height
        seen[
            piece.row + 500 : piece.row + 500 + piece.height,
            piece.col + 500 : piece.col + 500 + piece.width,
        ] += 1
    assert seen.max() <= 1
    assert not (needed & (seen == 0)).any()
    assert needed.sum() <= part.pixels


def test_far_apart_boxes_cost_what_they_hold() -> None:
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 10**8, (500, 2))
    boxes = np.concatenate([corners, np.full((500, 2), 3)], axis=1)
    pieces = list(part_of(boxes).cut((512, 512), (0, 0)))
    assert 500 <= len(pieces) <= 510
    assert sum(p.width * p.height for p in pieces) <= 500 * 9


def test_close_boxes_share_a_piece() -> None:
    boxes = np.array([[0, 0, 100, 100], [100, 0, 100, 100], [50, 100, 20, 100]])
    assert list(part_of(boxes).cut((512, 512), (0, 0))) == [Window(0, 0, 200, 200)]


def test_two_specks_at_the_ends_of_a_piece_are_two_pieces() -> None:
    boxes = np.array([[0, 0, 2, 2], [500, 500, 2, 2]])
    found = list(part_of(boxes).cut((512, 512), (0, 0)))
    assert found == [Window(0, 0, 2, 2), Window(500, 500, 2, 2)]


def test_refused_pieces_are_left_out() -> None:
    part = part_of(np.array([[0, 0, 100, 10]]), lambda window: window.col >= 50)
    assert [piece.col for piece in part.cut((10, 50), (0, 0))] == [50]


def test_nothing_of_nothing() -> None:
    part = part_of(np.zeros((3, 4), np.int64))
    assert part.pixels == 0
    assert not list(part.cut((5, 5), (0, 0)))
