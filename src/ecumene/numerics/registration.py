"""How far one image is displaced against another, on a net of points.

At each point a patch of the reference is searched for in the other image by normalised cross-correlation (J. Lewis, Fast
normalized cross-correlation, 1995), to a fraction of a pixel by parabolas through the peak. Displacements that differ from
those around are rejected, and the rest is smoothed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Floats = NDArray[np.float64]
Valid = NDArray[np.bool_]

CHUNK = 2**22
"""Numbers of search areas that are correlated at once."""

LEAST = 0.2
"""Correlation of a match."""

AROUND = 2
"""Points in each direction whose median is compared."""

WIDEST = 8
"""Points in each direction that smoothing looks at, at most."""

MARGIN = AROUND + WIDEST
"""Points around a result that it depends on."""


@dataclass(frozen=True, slots=True)
class Net:
    """Points ``spacing`` pixels apart: numbers of the first row and column, and how many there are.

    Patches have ``2 · half`` pixels a side and are searched for up to ``reach`` pixels away.
    """

    row: int
    col: int
    height: int
    width: int
    spacing: int
    half: int
    reach: int


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Rows, columns and correlation of the displacement at each point of a net; 0 where nothing is found."""

    down: Floats
    across: Floats
    score: Floats


def matched(
    reference: Floats,
    image: Floats,
    shown: tuple[Valid, Valid],
    net: Net,
    check: Callable[[], None] = lambda: None,
) -> Matches:
    """Displacements at all points.

    Parameters
    ----------
    reference, image : ``(bands, height, width)``, from ``half + reach`` pixels before the first point on.
    shown : valid pixels of both.
    check : called now and then; raises where the work is no longer wanted.
    """
    size = 2 * (net.half + net.reach)
    across, down = np.meshgrid(np.arange(net.width), np.arange(net.height))
    tops, lefts = (v.ravel() * net.spacing for v in (down, across))
    found = [np.zeros(tops.size) for _ in range(3)]
    step = max(CHUNK // (size * size * len(reference)), 1)
    for first in range(0, tops.size, step):
        check()
        part = slice(first, first + step)
        areas = [
            _areas(values, ok, tops[part], lefts[part], size)
            for values, ok in zip((reference, image), shown, strict=True)
        ]
        for into, result in zip(found, _matched(*areas[0], *areas[1], net), strict=True):
            into[part] = result
    shape = net.height, net.width
    return Matches(*(v.reshape(shape) for v in found))


def _areas(
    values: Floats, shown: Valid, tops: NDArray[np.int64], lefts: NDArray[np.int64], size: int
) -> tuple[Floats, Valid]:
    """Squares around points ``(points, bands, size, size)`` and what is valid of them."""
    rows = tops[:, None, None] + np.arange(size)[:, None]
    cols = lefts[:, None, None] + np.arange(size)
    return np.moveaxis(values[:, rows, cols], 0, 1), shown[rows, cols]


def _centred(areas: Floats, shown: Valid) -> Floats:
    """Without the mean of what is valid, the rest being zero."""
    ok = shown[:, None]
    count = np.maximum(shown.sum(axis=(1, 2)) * areas.shape[1], 1)
    means = np.where(ok, areas, 0).sum(axis=(1, 2, 3)) / count
    return np.where(ok, areas - means[:, None, None, None], 0.0)


def _windowed(values: Floats, size: int) -> Floats:
    """Sums over all windows of ``size`` pixels a side of ``(points, height, width)``."""
    totals = np.cumsum(np.pad(values, ((0, 0), (1, 0), (1, 0))), axis=1).cumsum(axis=2)
    return np.asarray(
        totals[:, size:, size:] - totals[:, :-size, size:] - totals[:, size:, :-size] + totals[:, :-size, :-size]
    )  # fmt: skip


def _matched(
    reference: Floats, seen: Valid, image: Floats, shown: Valid, net: Net
) -> tuple[Floats, Floats, Floats]:
    size, reach = 2 * net.half, net.reach
    inner = slice(reach, reach + size)
    patch_seen = seen[:, inner, inner]
    patch, area = _centred(reference[:, :, inner, inner], patch_seen), _centred(image, shown)
    shape = fft.next_fast_len(area.shape[2]), fft.next_fast_len(area.shape[3])
    product = fft.rfft2(area, shape) * np.conj(fft.rfft2(patch, shape))
    scores = fft.irfft2(product.sum(axis=1), shape)[:, : 2 * reach + 1, : 2 * reach + 1]
    number = size * size * patch.shape[1]
    sums, squares = _windowed(area.sum(axis=1), size), _windowed((area**2).sum(axis=1), size)
    varied = np.maximum(squares - sums**2 / number, 0)
    own = (patch**2).sum(axis=(1, 2, 3))
    flat = varied <= 1e-9 * np.maximum(squares.max(axis=(1, 2), keepdims=True), 1e-300)
    flat |= (own <= 0)[:, None, None]
    root = np.sqrt(np.where(flat, 1.0, varied * own[:, None, None]))
    scores = np.where(flat, -1.0, scores / root)
    best = scores.reshape(len(scores), -1).argmax(axis=1)
    down, across = np.divmod(best, 2 * reach + 1)
    height = np.clip(scores[np.arange(len(scores)), down, across], 0, 1)
    known = patch_seen.mean(axis=(1, 2)) >= 0.5
    known &= shown.mean(axis=(1, 2)) >= 0.5
    height = np.where(known & (height >= LEAST), height, 0.0)
    rows = down - reach + _peak(scores, down, across, 0)
    cols = across - reach + _peak(scores, down, across, 1)
    return np.where(height > 0, rows, 0.0), np.where(height > 0, cols, 0.0), height


def _peak(scores: Floats, down: NDArray[np.int64], across: NDArray[np.int64], axis: int) -> Floats:
    """Where a parabola through the best score and its neighbours is highest, within half a pixel."""
    point, last = np.arange(len(scores)), scores.shape[1] - 1
    place = down if axis == 0 else across
    inside = (place > 0) & (place < last)
    around = [np.clip(place + k, 0, last) for k in (-1, 0, 1)]
    before, here, after = (
        scores[point, k, across] if axis == 0 else scores[point, down, k] for k in around
    )
    bend = before - 2 * here + after
    turn = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1), 0.0)
    return np.where(inside, np.clip(turn, -0.5, 0.5), 0.0)


def settled(found: Matches, stiffness: float, reach: int) -> Matches:
    """Displacements without those that differ from the median around, smoothed the more the stiffer.

    Points without a match of their own take what is around them.
    """
    known = found.score > 0
    down, across = found.down, found.across
    allowed = max(0.5, reach * (1 - stiffness / 10))
    for values in (found.down, found.across):
        known &= ~(np.abs(values - _median(values, found.score > 0)) > allowed)
    weight = np.where(known, found.score, 0.0)
    sigma = max(stiffness / 5, 1.0)
    total = _smooth(weight, sigma)
    safe = np.where(total > 0, total, 1)
    mean_down, mean_across = (_smooth(weight * v, sigma) / safe for v in (down, across))
    keep = known & (stiffness == 0)
    shown = _smooth(known.astype("float64"), sigma)
    score = np.where(
        known, found.score, np.where(shown > 0, total / np.where(shown > 0, shown, 1), 0)
    )
    return Matches(
        np.where(keep, down, mean_down),
        np.where(keep, across, mean_across),
        np.where(total > 1e-12, score, 0.0),
    )


def _smooth(values: Floats, sigma: float) -> Floats:
    return np.asarray(ndimage.gaussian_filter(values, sigma, mode="constant", radius=WIDEST))


def _median(values: Floats, known: Valid) -> Floats:
    """The median of known values around each point, NaN where there is none."""
    padded = np.pad(np.where(known, values, np.nan), AROUND, constant_values=np.nan)
    height, width = values.shape
    stack = np.stack(
        [
            padded[y : y + height, x : x + width]
            for y in range(2 * AROUND + 1)
            for x in range(2 * AROUND + 1)
        ]
    )
    ordered = np.sort(stack, axis=0)  # NaN come last
    count = (~np.isnan(stack)).sum(axis=0)
    low, high = (np.maximum(count - 1, 0) // 2)[None], (count // 2)[None]
    high = np.minimum(high, len(stack) - 1)
    return np.asarray(
        (np.take_along_axis(ordered, low, 0) + np.take_along_axis(ordered, high, 0))[0] / 2
    )


def between(values: Floats, rows: Floats, cols: Floats) -> Floats:
    """Values of a net, bilinearly, at rows and columns of positions ``(height,)`` and ``(width,)`` in it."""
    top, left = np.floor(rows).astype(int), np.floor(cols).astype(int)
    down, across = (rows - top)[:, None], (cols - left)[None, :]
    upper = values[np.ix_(top, left)] * (1 - across) + values[np.ix_(top, left + 1)] * across
    lower = (
        values[np.ix_(top + 1, left)] * (1 - across) + values[np.ix_(top + 1, left + 1)] * across
    )
    return np.asarray(upper * (1 - down) + lower * down)
