"""Array pixels of different shapes: padded values with the lengths that each pixel uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.plan.node import Mask, Pixels, joined

Lengths = NDArray[np.int32] | None
ArrayResult = (
    tuple[NDArray[Any], NDArray[np.bool_] | None]
    | tuple[NDArray[Any], NDArray[np.bool_] | None, Lengths]
)
ArrayFunction = Callable[..., ArrayResult]


def lengths_of(pixels: Pixels) -> NDArray[np.int32]:
    """The lengths of every pixel's axes ``(h, w, axes)``."""
    if pixels.lengths is not None:
        return pixels.lengths
    shape = np.asarray(pixels.values.shape[2:], "int32")
    return np.broadcast_to(shape, (*pixels.values.shape[:2], shape.size))


def padded(values: NDArray[Any], axes: tuple[int, ...]) -> NDArray[Any]:
    """Values with every array axis extended with zeros to these lengths."""
    widths = [
        (0, 0),
        (0, 0),
        *((0, n - have) for n, have in zip(axes, values.shape[2:], strict=True)),
    ]
    return np.pad(values, widths) if any(extra for _, extra in widths) else values


def dense(cells: NDArray[Any], axes: int) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Arrays of different lengths, one an object ``(h, w)``, padded with zeros, and their lengths.

    Nothing (None) and an empty list have no shape of their own: all of their axes are 0 long.
    """
    given = [np.asarray([] if cell is None else cell, "float64") for cell in cells.flat]
    shapes = [array.shape if array.ndim == axes else (0,) * axes for array in given]
    longest = tuple(max(shape[k] for shape in shapes) for k in range(axes))
    out = np.zeros((cells.size, *longest))
    for row, array, shape in zip(out, given, shapes, strict=True):
        row[tuple(slice(n) for n in shape)] = array.reshape(shape)
    lengths = np.asarray(shapes, "int32").reshape(*cells.shape, axes)
    return out.reshape(*cells.shape, *longest), lengths


def aligned(
    parts: Sequence[Pixels],
) -> tuple[list[NDArray[Any]], Lengths, NDArray[np.bool_] | None]:
    """Operands of an element-wise operator with scalars and arrays: values that broadcast, lengths, and

    where the shapes of arrays agree (None = everywhere). A scalar goes with any array.
    """
    arrays = [part for part in parts if part.values.ndim > 2]
    axes = max(part.values.ndim for part in parts) - 2
    scalar = (1,) * axes
    if len({part.values.ndim for part in arrays}) > 1:
        shape = parts[0].values.shape[:2]
        values = [np.zeros((*shape, *scalar), part.values.dtype) for part in parts]
        return values, None, np.zeros(shape, bool)
    if (
        all(part.lengths is None for part in arrays)
        and len({p.values.shape[2:] for p in arrays}) == 1
    ):
        return (
            [v if v.ndim > 2 else v.reshape(*v.shape, *scalar) for v in (p.values for p in parts)],
            None,
            None,
        )
    longest = tuple(max(part.values.shape[2 + k] for part in arrays) for k in range(axes))
    known = [lengths_of(part) for part in arrays]
    same = np.logical_and.reduce([(found == known[0]).all(axis=2) for found in known])
    values = [
        padded(v, longest) if v.ndim > 2 else v.reshape(*v.shape, *scalar)
        for v in (part.values for part in parts)
    ]
    return values, known[0], None if same.all() else same


def _uniform(pixels: Pixels) -> bool:
    """Whether all pixels are one and the same (a constant)."""
    return pixels.mask is None and pixels.lengths is None and not any(pixels.values.strides[:2])


def apply(
    function: ArrayFunction, arrays: Sequence[Pixels], chosen: Sequence[Pixels], lenient: bool
) -> tuple[NDArray[Any], Mask, Lengths]:
    """An operator on array pixels of any shapes.

    Parameters
    ----------
    function : ``(*values, *choices) -> (values, validity[, lengths])`` for pixels that all have the same shapes.
    chosen : operands that are handed over as tuples of integers (positions, lengths); pixels that differ in them,
        or in the shapes of ``arrays``, are computed group by group.
    lenient : a masked choice is None, instead of masking the pixel.
    """
    mask = joined(*(p.mask for p in arrays), *(() if lenient else (p.mask for p in chosen)))
    if all(p.lengths is None for p in arrays) and all(_uniform(p) for p in chosen):
        choices = [_numbers(p.values[0, 0]) for p in chosen]
        values, good, *rest = function(*(p.values for p in arrays), *choices)
        return values, joined(mask, good), rest[0] if rest else None
    return _by_groups(function, arrays, chosen, mask)


def _numbers(values: NDArray[Any]) -> tuple[int, ...]:
    return tuple(int(v) for v in np.atleast_1d(values))


def _by_groups(
    function: ArrayFunction, arrays: Sequence[Pixels], chosen: Sequence[Pixels], mask: Mask
) -> tuple[NDArray[Any], Mask, Lengths]:
    shape = arrays[0].values.shape[:2]
    count = shape[0] * shape[1]
    places = np.flatnonzero(np.ones(count, bool) if mask is None else np.asarray(mask > 0).ravel())
    columns = [lengths_of(p).reshape(count, -1)[places] for p in arrays]
    for p in chosen:
        valid = p.valid().reshape(count)[places]
        columns.append(valid[:, None].astype("int32"))
        used = np.where(valid[:, None], p.values.reshape(count, -1)[places], 0)
        columns.append(used.astype("int64"))
    keys = np.concatenate(columns, axis=1)
    groups, number = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(number.ravel(), kind="stable")
    edges = np.searchsorted(number.ravel()[order], np.arange(len(groups) + 1))
    found = []
    for g, key in enumerate(groups.tolist()):
        members = places[order[edges[g] : edges[g + 1]]]
        operands, choices = _operands(arrays, chosen, members, key)
        values, good, *rest = function(*operands, *choices)
        own = rest[0] if rest else None
        found.append((members, values, good, own))
    return _assembled(shape, mask, found)


def _operands(
    arrays: Sequence[Pixels], chosen: Sequence[Pixels], members: NDArray[np.int64], key: list[int]
) -> tuple[list[NDArray[Any]], list[tuple[int, ...] | None]]:
    """Dense operands ``(1, n, …)`` and choices of one group; ``key`` holds lengths, then choices."""
    operands: list[NDArray[Any]] = []
    for p in arrays:
        axes = p.values.ndim - 2
        used, key = key[:axes], key[axes:]
        flat = p.values.reshape(-1, *p.values.shape[2:])[members]
        operands.append(flat[(slice(None), *(slice(n) for n in used))][None])
    choices: list[tuple[int, ...] | None] = []
    for p in chosen:
        size = int(np.prod(p.values.shape[2:], dtype=int))
        valid, numbers, key = key[0], key[1 : 1 + size], key[1 + size :]
        choices.append(tuple(numbers) if valid else None)
    return operands, choices


def _assembled(
    shape: tuple[int, ...], mask: Mask, found: list[Any]
) -> tuple[NDArray[Any], Mask, Lengths]:
    """Groups put back in their places, padded to the longest."""
    if not found:
        return np.zeros((*shape, 0)), np.zeros(shape, bool), None
    axes = max(values.ndim for _, values, _, _ in found) - 2
    longest = tuple(
        max(values.shape[2 + k] for _, values, _, _ in found if values.ndim == axes + 2)
        for k in range(axes)
    )
    dtype = np.result_type(*(values.dtype for _, values, _, _ in found))
    out = np.zeros((shape[0] * shape[1], *longest), dtype)
    lengths = np.zeros((shape[0] * shape[1], axes), "int32")
    good = np.zeros(shape[0] * shape[1], bool)
    for members, values, valid, own in found:
        if values.ndim != axes + 2:
            continue  # an operator that could not work on this shape; masked
        out[members] = padded(values, longest)[0]
        lengths[members] = values.shape[2:] if own is None else own[0]
        good[members] = True if valid is None else valid[0]
    used = lengths[good]
    uniform = not axes or used.size == 0 or bool((used == longest).all())
    whole = joined(mask, None if good.all() else good.reshape(shape))
    values = out.reshape(*shape, *longest)
    return values, whole, None if uniform else lengths.reshape(*shape, axes)
