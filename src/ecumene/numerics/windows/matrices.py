"""Decompositions of the matrix of every pixel, and neighbourhoods as matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics.decompositions import householder_qr
from ecumene.numerics.windows.common import Result, Valid, Values, WindowOp, inner, shifted


def cholesky(values: Sequence[Values], valid: Sequence[Valid], halo: int, part: str) -> Result:
    """Lower triangular factors by columns; not valid where a pivot is not positive."""
    a = values[0].astype("float64")
    n = a.shape[-1]
    low = np.zeros_like(a)
    good = np.ones(a.shape[:2], bool)
    for j in range(n):
        rest = a[..., j, j] - (low[..., j, :j] ** 2).sum(axis=-1)
        good &= rest > 0
        pivot = np.sqrt(np.where(rest > 0, rest, 1))
        low[..., j, j] = pivot
        for i in range(j + 1, n):
            dot = (low[..., i, :j] * low[..., j, :j]).sum(axis=-1)
            low[..., i, j] = (a[..., i, j] - dot) / pivot
    return low, good if valid[0] is None else good & valid[0]


def lu(values: Sequence[Values], valid: Sequence[Valid], halo: int, part: str) -> Result:
    """Gaussian elimination with the largest pivot of each column: L, U or P with P·A = L·U."""
    upper = values[0].astype("float64").copy()
    n = upper.shape[-1]
    lower = np.zeros_like(upper)
    swaps = np.broadcast_to(np.eye(n), upper.shape).copy()
    for k in range(n):
        pivot = k + np.abs(upper[..., k:, k]).argmax(axis=-1)
        for matrix in (upper, lower, swaps):
            _exchange(matrix, k, pivot)
        head = upper[..., k, k]
        safe = np.where(head == 0, 1, head)
        for i in range(k + 1, n):
            factor = np.where(head == 0, 0, upper[..., i, k] / safe)
            lower[..., i, k] = factor
            upper[..., i, :] -= factor[..., None] * upper[..., k, :]
            upper[..., i, k] = 0
    found = {"L": lower + np.eye(n), "U": upper, "P": swaps}
    return found[part], valid[0]


def _exchange(matrix: NDArray[np.float64], row: int, other: NDArray[np.int64]) -> None:
    """Exchanges one row with another that differs between pixels."""
    index = other[..., None, None]
    taken = np.take_along_axis(
        matrix, np.broadcast_to(index, (*other.shape, 1, matrix.shape[-1])), axis=-2
    )
    kept = matrix[..., row : row + 1, :].copy()
    np.put_along_axis(matrix, np.broadcast_to(index, kept.shape), kept, axis=-2)
    matrix[..., row : row + 1, :] = taken


def qr(values: Sequence[Values], valid: Sequence[Valid], halo: int, part: str) -> Result:
    """Orthogonal and upper triangular factors."""
    q, r = householder_qr(values[0])
    return (q if part == "Q" else r), valid[0]


def svd(values: Sequence[Values], valid: Sequence[Valid], halo: int, part: str) -> Result:
    """Factors of the singular value decomposition; S as a diagonal matrix."""
    u, s, vt = np.linalg.svd(values[0].astype("float64"), full_matrices=False)
    if part == "S":
        return s[..., :, None] * np.eye(s.shape[-1]), valid[0]
    return (u if part == "U" else np.swapaxes(vt, -1, -2)), valid[0]


def neighborhood(
    values: Sequence[Values],
    valid: Sequence[Valid],
    halo: int,
    rows: int,
    cols: int,
    y: int,
    x: int,
    default: float,
) -> Result:
    """The window around each pixel as ``(h, w, rows, cols)``; masked neighbours have the default value."""
    filled = values[0]
    if valid[0] is not None:
        info = np.iinfo(filled.dtype) if filled.dtype.kind in "iu" else None
        plain = np.trunc(default) if info is not None else default
        plain = min(max(plain, info.min), info.max) if info is not None else plain
        filled = np.where(valid[0], filled, filled.dtype.type(plain))
    out = np.stack(
        [
            np.stack([shifted(filled, halo, r - y, c - x) for c in range(cols)], axis=-1)
            for r in range(rows)
        ],
        axis=-2,
    )
    return out, None if valid[0] is None else inner(valid[0], halo)


MATRIX_OPS = ("cholesky", "lu", "qr", "svd")
"""Operators on a matrix in every pixel."""

OPS: dict[str, WindowOp] = {
    "cholesky": cholesky, "lu": lu, "qr": qr, "svd": svd, "neighborhood": neighborhood,
}  # fmt: skip
