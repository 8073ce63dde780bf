"""States of cells that turn out to be parts of the same things."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics.reducers.zonal import placed, taken

Zonal = tuple[NDArray[Any], Any]
"""Numbers of cells and their states, as ``zonal`` of an accumulator gives them."""


def gathered(parts: Iterable[Zonal], count: int) -> Any:
    """One state of ``count`` cells, of parts that have no cell in common; None without parts."""
    whole = None
    for cells, state in parts:
        whole = placed(whole, cells, state, count)
    return whole


def united(accumulator: Any, state: Any, owner: NDArray[np.int64], count: int) -> Any:
    """States of cells merged to those of their owners (every one of ``count`` has a cell), in the cells' order.

    Neighbours are merged by pairs, so that the number of rounds is the logarithm of the most cells of an owner.
    """
    order = np.argsort(owner, kind="stable")
    owner, state = owner[order], taken(state, order)
    while owner.size > count:
        new = np.diff(owner, prepend=-1) != 0
        place = np.arange(owner.size)
        place -= np.maximum.accumulate(np.where(new, place, 0))
        left = np.flatnonzero(place % 2 == 0)
        following = np.minimum(left + 1, owner.size - 1)
        paired = (following > left) & (owner[following] == owner[left])
        merged = accumulator.merge(taken(state, left[paired]), taken(state, following[paired]))
        state = placed(taken(state, left), np.flatnonzero(paired), merged, left.size)
        owner = owner[left]
    return state
