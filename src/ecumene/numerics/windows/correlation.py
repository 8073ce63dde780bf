"""Where the neighbourhood of a pixel is found again in another image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics.windows.common import Result, Valid, Values, WindowOp, both

Floats = NDArray[np.float64]


def _summed(values: Floats, size: int) -> Floats:
    """Sums over windows of ``size`` pixels a side that lie wholly inside, the same wherever a block is cut."""
    height, width = values.shape[0] - size + 1, values.shape[1] - size + 1
    rows = values[:height].copy()
    for k in range(1, size):
        rows += values[k : k + height]
    out = rows[:, :width].copy()
    for k in range(1, size):
        out += rows[:, k : k + width]
    return out


def _offsets(gap: int) -> list[tuple[int, int]]:
    """Rows and columns, the nearest first."""
    around = range(-gap, gap + 1)
    return sorted(
        ((dy, dx) for dy in around for dx in around), key=lambda o: (o[0] ** 2 + o[1] ** 2, o)
    )


def correlated(
    values: Sequence[Values],
    valid: Sequence[Valid],
    halo: int,
    gap: int,
    size: int,
    most: float,
    check: Callable[[], None] = lambda: None,
) -> Result:
    """Columns, rows and pixels to the best correlation within ``gap``, and the correlation.

    The first half of the values is one image, the second the other. Of equally good places the nearest counts. Masked where
    at any place a larger part of the windows than ``most`` is masked in either image, or where nothing correlates.
    """
    half = len(values) // 2
    shape = values[0].shape
    left, right = (
        [np.asarray(v, "float64") for v in part] for part in (values[:half], values[half:])
    )
    shown = [
        np.ones(shape, bool) if part is None else part
        for part in (both(valid[:half]), both(valid[half:]))
    ]
    height, width = shape[0] - 2 * gap, shape[1] - 2 * gap
    best = np.full((height - size + 1, width - size + 1), -np.inf)
    found = np.zeros((*best.shape, 2))
    good = np.ones(best.shape, bool)
    centre = (slice(gap, gap + height), slice(gap, gap + width))
    for dy, dx in _offsets(gap):
        check()
        there = (slice(gap + dy, gap + dy + height), slice(gap + dx, gap + dx + width))
        pair = shown[0][centre] & shown[1][there]
        count = _summed(pair.astype("float64"), size)
        good &= size * size - count <= most * size * size
        score = _score(
            [np.where(pair, a[centre], 0.0) for a in left],
            [np.where(pair, b[there], 0.0) for b in right],
            count * half, size,
        )  # fmt: skip
        better = score > best
        best = np.where(better, score, best)
        found[better] = dx, dy
    trim = (best.shape[0] - (shape[0] - 2 * halo)) // 2
    cut = (slice(trim, trim + shape[0] - 2 * halo), slice(trim, trim + shape[1] - 2 * halo))
    best, found, good = best[cut], found[cut], good[cut]
    good &= np.isfinite(best)
    planes = [found[..., 0], found[..., 1], np.hypot(found[..., 0], found[..., 1])]
    return np.stack([*planes, np.where(good, best, 0.0)], axis=2), good


def _score(a: list[Floats], b: list[Floats], count: Floats, size: int) -> Floats:
    """Pearson's correlation of all bands in windows; -infinite where one of both does not vary."""
    sum_a, sum_b = (_summed(np.sum(v, axis=0), size) for v in (a, b))
    squares_a, squares_b = (_summed(np.sum([x * x for x in v], axis=0), size) for v in (a, b))
    products = _summed(np.sum([x * y for x, y in zip(a, b, strict=True)], axis=0), size)
    n = np.maximum(count, 1)
    vary_a, vary_b = squares_a - sum_a**2 / n, squares_b - sum_b**2 / n
    tiny = 1e-9 * np.maximum(np.maximum(squares_a, squares_b), 1e-300)
    flat = (vary_a <= tiny) | (vary_b <= tiny)
    spread = np.sqrt(np.where(flat, 1.0, vary_a * vary_b))
    return np.where(flat, -np.inf, np.clip((products - sum_a * sum_b / n) / spread, -1, 1))


OPS: dict[str, WindowOp] = {"correlated": correlated}
