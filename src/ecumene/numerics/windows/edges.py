"""Edges: zero crossings, Canny's detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ecumene.numerics.windows.common import Result, Valid, Values, WindowOp, inner, shifted


def zero_crossings(values: Sequence[Values], valid: Sequence[Valid], halo: int) -> Result:
    """1 where the right, lower or lower right neighbour has the opposite sign, else 0."""
    signs = np.sign(values[0].astype("float64"))
    if valid[0] is not None:
        signs = np.where(valid[0], signs, 0)
    own = inner(signs, halo)
    found = np.zeros(own.shape, bool)
    for dy, dx in ((0, 1), (1, 0), (1, 1)):
        found |= own * shifted(signs, halo, dy, dx) < 0
    return found.astype("uint8"), None if valid[0] is None else inner(valid[0], halo)


def reach(sigma: float) -> int:
    """The halo that Canny's detector needs."""
    return int(np.ceil(3 * sigma)) + 2


def canny(
    values: Sequence[Values], valid: Sequence[Valid], halo: int, threshold: float, sigma: float
) -> Result:
    """Size of the gradient (per pixel) at edges, else 0.

    Gaussian smoothing, central differences, suppression of what is not a maximum across the edge
    (interpolated between the neighbours), threshold. J. Canny, 1986.
    """
    image = values[0].astype("float64")
    seen = valid[0]
    if seen is not None:
        image = np.where(seen, image, 0)
    if sigma > 0:
        image = ndimage.gaussian_filter(image, sigma, mode="nearest", radius=halo - 2)
        if seen is not None:
            share = ndimage.gaussian_filter(
                seen.astype("float64"), sigma, mode="nearest", radius=halo - 2
            )
            image = image / np.maximum(share, 1e-12)
    across = np.zeros_like(image)
    down = np.zeros_like(image)
    across[:, 1:-1] = (image[:, 2:] - image[:, :-2]) / 2
    down[1:-1] = (image[2:] - image[:-2]) / 2
    size = np.hypot(across, down)
    own = inner(size, halo)
    gx, gy = inner(across, halo), inner(down, halo)
    steep = np.abs(gy) > np.abs(gx)
    minor = np.where(steep, np.abs(gx), np.abs(gy))
    major = np.where(steep, np.abs(gy), np.abs(gx))
    share = minor / np.where(major == 0, 1, major)
    same = gx * gy > 0
    ahead: list[Values] = []
    behind: list[Values] = []
    for sign, into in ((1, ahead), (-1, behind)):
        straight = np.where(steep, shifted(size, halo, sign, 0), shifted(size, halo, 0, sign))
        diagonal = np.where(
            same,
            shifted(size, halo, sign, sign),
            np.where(steep, shifted(size, halo, sign, -sign), shifted(size, halo, -sign, sign)),
        )
        into.append((1 - share) * straight + share * diagonal)
    peak = (own > ahead[0]) & (own >= behind[0]) & (own > threshold)
    centre = None
    if seen is not None:
        centre = inner(ndimage.binary_erosion(seen, np.ones((3, 3)), border_value=1), halo)
    return np.where(peak, own, 0), centre


OPS: dict[str, WindowOp] = {"zeroCrossings": zero_crossings, "canny": canny}
