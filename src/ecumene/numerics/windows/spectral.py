"""Distances between spectra, and morphology by them (Plaza et al. 2002)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.numerics.windows.common import Result, Valid, Values, WindowOp, both, inner, shifted

Spectra = NDArray[np.float64]


def angle(a: Spectra, b: Spectra) -> Spectra:
    """Angle between spectra in radians; 0 where one is zero."""
    norms = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    cosine = (a * b).sum(axis=-1) / np.where(norms == 0, 1, norms)
    return np.asarray(np.where(norms == 0, 0, np.arccos(np.clip(cosine, -1, 1))))


def divergence(a: Spectra, b: Spectra) -> Spectra:
    """Symmetric relative entropy of spectra taken as distributions."""
    tiny = 1e-12
    p = np.maximum(a, tiny) / np.maximum(a, tiny).sum(axis=-1, keepdims=True)
    q = np.maximum(b, tiny) / np.maximum(b, tiny).sum(axis=-1, keepdims=True)
    return np.asarray(((p - q) * (np.log(p) - np.log(q))).sum(axis=-1))


def squared(a: Spectra, b: Spectra) -> Spectra:
    """Squared Euclidean distance."""
    return np.asarray(((a - b) ** 2).sum(axis=-1))


def earth_mover(a: Spectra, b: Spectra) -> Spectra:
    """Work to turn one spectrum into the other: sum of the differences of their running sums."""
    return np.asarray(np.abs(np.cumsum(a - b, axis=-1)).sum(axis=-1))


METRICS: dict[str, Callable[[Spectra, Spectra], Spectra]] = {
    "sam": angle, "sid": divergence, "sed": squared, "emd": earth_mover,
}  # fmt: skip


def _stacked(values: Sequence[Values]) -> Spectra:
    if values[0].ndim > 2:
        return values[0].astype("float64")
    return np.stack([v.astype("float64") for v in values], axis=-1)


def distance(values: Sequence[Values], valid: Sequence[Valid], halo: int, metric: str) -> Result:
    """Distance between the first and the second half of the inputs."""
    half = len(values) // 2
    found = METRICS[metric](_stacked(values[:half]), _stacked(values[half:]))
    return found, both(valid)


def morphology(
    values: Sequence[Values], valid: Sequence[Valid], halo: int, metric: str,
    offsets: tuple[tuple[int, int], ...], centroid: bool, kind: str,
) -> Result:  # fmt: skip
    """The spectrum under the kernel that is nearest to (``erosion``) or farthest from (``dilation``) the reference.

    The reference is the centre pixel, or with ``centroid`` the mean under the kernel; ``gradient`` is the distance
    between both results. Masked pixels under the kernel are left out.
    """
    spectra, seen = _stacked(values), both(valid)
    views = [shifted(spectra, halo, dy, dx) for dy, dx in offsets]
    masks = [
        np.ones(views[0].shape[:2], bool) if seen is None else shifted(seen, halo, dy, dx)
        for dy, dx in offsets
    ]
    reference = inner(spectra, halo)
    if centroid:
        count = np.sum(masks, axis=0)
        total = np.sum(
            [np.where(m[..., None], v, 0) for v, m in zip(views, masks, strict=True)], axis=0
        )
        reference = total / np.maximum(count, 1)[..., None]
    near: Any = np.full(reference.shape[:2], np.inf)
    far: Any = np.full(reference.shape[:2], -np.inf)
    nearest, farthest = reference.copy(), reference.copy()
    for view, mask in zip(views, masks, strict=True):
        apart = METRICS[metric](view, reference)
        closer, further = mask & (apart < near), mask & (apart > far)
        near, far = np.where(closer, apart, near), np.where(further, apart, far)
        nearest = np.where(closer[..., None], view, nearest)
        farthest = np.where(further[..., None], view, farthest)
    good = None if seen is None else inner(seen, halo)
    if kind == "gradient":
        return METRICS[metric](farthest, nearest), good
    return (nearest if kind == "erosion" else farthest), good


OPS: dict[str, WindowOp] = {"spectralDistance": distance, "spectralMorphology": morphology}
