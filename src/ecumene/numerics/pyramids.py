"""The next level of a pyramid: 2 × 2 pixels become one by a pyramiding policy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

POLICIES = ("MEAN", "SAMPLE", "MIN", "MAX", "MODE", "MEDIAN")


def halved(
    values: NDArray[Any], valid: NDArray[np.bool_], policy: str
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """``(2h, 2w, …)`` values and validity as ``(h, w, …)``; what has no valid pixel is 0 and not valid.

    MEAN, MIN, MAX, MEDIAN and MODE are of the valid pixels (integers are rounded to even; of two equally
    frequent values, and of the two in the middle, MODE takes the smaller one and MEDIAN the mean); SAMPLE is the
    upper left pixel.
    """
    if policy == "SAMPLE":
        return np.where(valid[::2, ::2], values[::2, ::2], 0).astype(values.dtype), valid[::2, ::2]
    stacked = np.stack([values[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    known = np.stack([valid[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        found = _REDUCERS[policy](stacked, known, np.maximum(count, 1))
    if values.dtype.kind != "f" and found.dtype.kind == "f":
        found = np.rint(found)
    return np.where(count > 0, found, 0).astype(values.dtype), count > 0


def _mean(v: NDArray[Any], known: NDArray[np.bool_], count: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.where(known, v, 0).sum(axis=0, dtype="float64") / count)


def _least(v: NDArray[Any], known: NDArray[np.bool_], count: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.where(known, v, _extreme(v.dtype, 1)).min(axis=0))


def _most(v: NDArray[Any], known: NDArray[np.bool_], count: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.where(known, v, _extreme(v.dtype, -1)).max(axis=0))


def _sorted(v: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """In order, the valid ones first."""
    return np.sort(np.where(known, v, _extreme(v.dtype, 1)), axis=0)


def _median(v: NDArray[Any], known: NDArray[np.bool_], count: NDArray[Any]) -> NDArray[Any]:
    ordered = _sorted(v, known)
    low = np.take_along_axis(ordered, ((count - 1) // 2)[None], axis=0)[0]
    high = np.take_along_axis(ordered, (count // 2)[None], axis=0)[0]
    return np.asarray((low.astype("float64") + high) / 2)


def _mode(v: NDArray[Any], known: NDArray[np.bool_], count: NDArray[Any]) -> NDArray[Any]:
    ordered = _sorted(v, known)
    best = ordered[0].copy()
    most = np.zeros(best.shape, "int64")
    for k in range(4):
        times = ((v == ordered[k]) & known).sum(axis=0)
        better = (times > most) & (k < count)
        best[better], most[better] = ordered[k][better], times[better]
    return np.asarray(best)


def _extreme(dtype: np.dtype[Any], sign: int) -> Any:
    if dtype.kind == "f":
        return dtype.type(sign * np.inf)
    return np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min


_REDUCERS = {"MEAN": _mean, "MIN": _least, "MAX": _most, "MEDIAN": _median, "MODE": _mode}
