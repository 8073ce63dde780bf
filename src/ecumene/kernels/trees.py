"""Ensembles of decision trees: where each row of numbers ends up, and what it gets there.

A node is one word of 64 bits: the greatest number that goes left (32 bits, unsigned), the first of its two
children counted from the root (22), and the column to compare (10). A leaf is its own child and sends everything
left, so that rows which arrived early may take more steps without leaving it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ecumene.kernels.common import compiled, given, helper

KERNELS = ("voted", "leaves")

STRIP = 1024
"""Rows at a time: their numbers stay in the nearest caches while all trees pass."""

FIRST, STEPS = 8, 5
"""Levels that all rows descend, and then those that have not arrived, before it is looked who has."""

COLUMN, CHILD, LIMIT = 0x3FF, 10, 32
"""Parts of a word: mask of the column, shifts of the child and of the limit."""

LEAF = 0xFFFFFFFF
"""The limit of a leaf."""


@helper
def _step(tree: Any, keys: Any, node: Any, row: Any) -> Any:
    """The child of a node where a row (position of its first number) goes."""
    word = tree[node]
    right = np.uint32(keys[row + (word & np.uint64(COLUMN))] > np.uint32(word >> np.uint64(LIMIT)))
    return (np.uint32(word) >> np.uint32(CHILD)) + right


@helper
def _started(tree: Any, keys: Any, width: Any, row: Any, at: Any, nodes: Any) -> None:
    """The first levels down for eight rows side by side: their loads do not wait for each other."""
    a = b = c = d = e = f = g = h = np.uint32(0)
    for _ in range(FIRST):
        a = _step(tree, keys, a, row)
        b = _step(tree, keys, b, row + width)
        c = _step(tree, keys, c, row + np.uint64(2) * width)
        d = _step(tree, keys, d, row + np.uint64(3) * width)
        e = _step(tree, keys, e, row + np.uint64(4) * width)
        f = _step(tree, keys, f, row + np.uint64(5) * width)
        g = _step(tree, keys, g, row + np.uint64(6) * width)
        h = _step(tree, keys, h, row + np.uint64(7) * width)
    nodes[at], nodes[at + np.uint64(1)], nodes[at + np.uint64(2)], nodes[at + np.uint64(3)] = (
        a,
        b,
        c,
        d,
    )
    (
        nodes[at + np.uint64(4)],
        nodes[at + np.uint64(5)],
        nodes[at + np.uint64(6)],
        nodes[at + np.uint64(7)],
    ) = e, f, g, h


@helper
def _further(tree: Any, keys: Any, width: Any, first: Any, todo: Any, at: Any, nodes: Any) -> None:
    """Some levels more for eight rows of the list."""
    a, b, c, d = (
        np.uint64(todo[at]), np.uint64(todo[at + np.uint64(1)]), np.uint64(todo[at + np.uint64(2)]), np.uint64(todo[at + np.uint64(3)]),
    )  # fmt: skip
    e, f, g, h = (
        np.uint64(todo[at + np.uint64(4)]), np.uint64(todo[at + np.uint64(5)]), np.uint64(todo[at + np.uint64(6)]), np.uint64(todo[at + np.uint64(7)]),
    )  # fmt: skip
    na, nb, nc, nd, ne, nf, ng, nh = nodes[a], nodes[b], nodes[c], nodes[d], nodes[e], nodes[f], nodes[g], nodes[h]  # fmt: skip
    for _ in range(STEPS):
        na = _step(tree, keys, na, (first + a) * width)
        nb = _step(tree, keys, nb, (first + b) * width)
        nc = _step(tree, keys, nc, (first + c) * width)
        nd = _step(tree, keys, nd, (first + d) * width)
        ne = _step(tree, keys, ne, (first + e) * width)
        nf = _step(tree, keys, nf, (first + f) * width)
        ng = _step(tree, keys, ng, (first + g) * width)
        nh = _step(tree, keys, nh, (first + h) * width)
    nodes[a], nodes[b], nodes[c], nodes[d], nodes[e], nodes[f], nodes[g], nodes[h] = na, nb, nc, nd, ne, nf, ng, nh  # fmt: skip


@helper
def _descended(
    tree: Any, keys: Any, width: Any, first: Any, count: Any, todo: Any, nodes: Any
) -> None:
    """The leaf of each row of a strip: some levels for all, then again for those that have not arrived."""
    eight, one, at = np.uint64(8), np.uint64(1), np.uint64(0)
    while at + eight <= count:
        _started(tree, keys, width, (first + at) * width, at, nodes)
        at += eight
    while at < count:
        node = np.uint32(0)
        for _ in range(FIRST):
            node = _step(tree, keys, node, (first + at) * width)
        nodes[at] = node
        at += one
    left = np.uint64(0)
    for k in range(count):
        todo[left] = k
        left += np.uint64((tree[nodes[k]] >> np.uint64(LIMIT)) != np.uint64(LEAF))
    while left > np.uint64(0):
        at = np.uint64(0)
        while at + eight <= left:
            _further(tree, keys, width, first, todo, at, nodes)
            at += eight
        while at < left:
            p = np.uint64(todo[at])
            for _ in range(STEPS):
                nodes[p] = _step(tree, keys, nodes[p], (first + p) * width)
            at += one
        kept = np.uint64(0)
        for k in range(left):
            waiting = todo[k]
            todo[kept] = waiting
            kept += np.uint64((tree[nodes[waiting]] >> np.uint64(LIMIT)) != np.uint64(LEAF))
        left = kept


@compiled(
    types.void(
        given(types.uint64, 1), given(types.int64, 1), given(types.int32, 1), given(types.float64, 2),
        given(types.uint32, 1), types.float64[:, ::1],
    )
)  # fmt: skip
def voted(words: Any, roots: Any, votes: Any, table: Any, keys: Any, out: Any) -> None:
    """Adds to ``out (n, k)`` what each tree says of each of the rows ``keys (n · width)``, tree by tree.

    ``roots`` are the trees' first nodes, and last the number of all. A leaf's vote is one for the column
    ``votes``, or the row ``-votes - 1`` of ``table (m, k)``.
    """
    total, columns = np.uint64(out.shape[0]), np.uint64(out.shape[1])
    if total == np.uint64(0):
        return
    width = np.uint64(keys.size) // total
    flat = out.reshape(-1)
    nodes, todo = np.empty(STRIP, np.uint32), np.empty(STRIP, np.uint32)
    first = np.uint64(0)
    while first < total:
        count = min(np.uint64(STRIP), total - first)
        for t in range(roots.size - 1):
            tree, said = words[roots[t] : roots[t + 1]], votes[roots[t] : roots[t + 1]]
            _descended(tree, keys, width, first, count, todo, nodes)
            for p in range(count):
                vote, place = said[nodes[p]], (first + p) * columns
                if vote >= 0:
                    flat[place + np.uint64(vote)] += 1.0
                else:
                    for k in range(columns):
                        flat[place + k] += table[-vote - 1, k]
        first += count


@compiled(
    types.void(given(types.uint64, 1), given(types.int64, 1), given(types.uint32, 1), types.int32[:, ::1])
)  # fmt: skip
def leaves(words: Any, roots: Any, keys: Any, out: Any) -> None:
    """The leaf ``out (n, trees)``, counted over all trees, where each of the rows ``keys (n · width)`` ends up."""
    total = np.uint64(out.shape[0])
    if total == np.uint64(0):
        return
    width = np.uint64(keys.size) // total
    nodes, todo = np.empty(STRIP, np.uint32), np.empty(STRIP, np.uint32)
    first = np.uint64(0)
    while first < total:
        count = min(np.uint64(STRIP), total - first)
        for t in range(roots.size - 1):
            tree = words[roots[t] : roots[t + 1]]
            _descended(tree, keys, width, first, count, todo, nodes)
            for p in range(count):
                out[first + p, t] = roots[t] + np.int64(nodes[p])
        first += count
