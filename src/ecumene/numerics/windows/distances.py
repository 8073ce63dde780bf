"""Distances to pixels that are not zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ecumene.numerics.windows.common import Result, Valid, Values, WindowOp, inner, shifted


def _targets(values: Values, valid: Valid) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.asarray(values != 0)
    return found if valid is None else np.asarray(found & valid)


def nearest(values: Sequence[Values], valid: Sequence[Valid], halo: int, metric: str) -> Result:
    """Distance to the nearest pixel that is not zero, in pixels; masked beyond the halo.

    ``metric``: ``squared_euclidean`` (of pixel centres, exact integers), ``manhattan`` or ``chebyshev``.
    """
    targets = _targets(values[0], valid[0])
    shape = inner(targets, halo).shape
    if not targets.any():
        return np.zeros(shape), np.zeros(shape, bool)
    if metric == "squared_euclidean":
        plain = inner(ndimage.distance_transform_edt(~targets), halo)
        return np.rint(plain * plain), plain <= halo
    kind = "taxicab" if metric == "manhattan" else "chessboard"
    found = inner(ndimage.distance_transform_cdt(~targets, kind), halo)
    return found.astype("float64"), (found >= 0) & (found <= halo)


def _steps(angle: float, most: int) -> list[tuple[int, int]]:
    """Offsets ``(dy, dx)`` along a direction, counter-clockwise from the east; y runs down."""
    turn = math.radians(angle)
    found: list[tuple[int, int]] = []
    for k in range(1, most + 1):
        step = (round(-k * math.sin(turn)), round(k * math.cos(turn)))
        if step not in found[-1:]:
            found.append(step)
    return found


def directional(
    values: Sequence[Values], valid: Sequence[Valid], halo: int, angle: float, carried: bool
) -> Result:
    """Distance to the nearest pixel that is not zero in a direction; masked if there is none.

    ``values[0]`` is searched. With ``carried`` the result is the value of ``values[1]`` at the pixel found.
    """
    targets = _targets(values[0], valid[0])
    own = inner(targets, halo)
    centre: Any = np.ones(own.shape, bool) if valid[0] is None else inner(valid[0], halo)
    done = own | ~centre
    good = own.copy()
    out = np.where(own, inner(values[1], halo), 0) if carried else np.zeros(own.shape)
    for dy, dx in _steps(angle, halo):
        if done.all():
            break
        hits = shifted(targets, halo, dy, dx) & ~done
        if not hits.any():
            continue
        out[hits] = shifted(values[1], halo, dy, dx)[hits] if carried else math.hypot(dy, dx)
        good |= hits
        done |= hits
    return out, good


def reverse_squared(values: Sequence[Values], valid: Sequence[Valid], halo: int) -> Result:
    """The highest of inverted parabolas standing on every pixel: max of value − squared distance, at least 0.

    Separable: the maximum along rows, then along columns (Felzenszwalb and Huttenlocher 2012, by shifts).
    """
    height = values[0].astype("float64")
    if valid[0] is not None:
        height = np.where(valid[0], height, 0)
    height = np.where(height > 0, height, -np.inf)
    reach = min(halo, int(math.sqrt(max(float(height.max(initial=0)), 0))) + 1)
    for axis in (0, 1):
        best = height.copy()
        for step in range(1, reach + 1):
            for sign in (-step, step):
                moved = np.full_like(height, -np.inf)
                source = [slice(None), slice(None)]
                target = [slice(None), slice(None)]
                source[axis] = slice(max(0, -sign), height.shape[axis] - max(0, sign))
                target[axis] = slice(max(0, sign), height.shape[axis] - max(0, -sign))
                moved[tuple(target)] = height[tuple(source)] - step * step
                np.maximum(best, moved, out=best)
        height = best
    return np.maximum(inner(height, halo), 0), None


OPS: dict[str, WindowOp] = {
    "nearest": nearest,
    "directional": directional,
    "reverseSquared": reverse_squared,
}
