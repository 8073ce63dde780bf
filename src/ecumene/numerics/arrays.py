"""Operators on array pixels: values ``(h, w, *axes)``, every pixel's array of the same shape.

Each takes the values of its inputs and its parameters, and returns values and validity (None = all); some also the
lengths of the results. Arrays of different shapes are handed over in groups of equal ones (``plan.ragged``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Result = tuple[NDArray[Any], NDArray[np.bool_] | None]
Ragged = tuple[NDArray[Any], NDArray[np.bool_] | None, NDArray[np.int32] | None]
"""Values, validity and lengths ``(h, w, axes)``, where arrays come out in different shapes."""


def project(values: NDArray[Any], axes: tuple[int, ...]) -> Result:
    """Keeps only some axes; the others must have length one."""
    kept = [2 + axis for axis in axes]
    dropped = [i for i in range(2, values.ndim) if i not in kept]
    good = None
    if any(values.shape[i] != 1 for i in dropped):
        good = np.zeros(values.shape[:2], bool)
    taken = values[tuple(slice(0, 1) if i in dropped else slice(None) for i in range(values.ndim))]
    moved = np.moveaxis(taken, kept, range(2, 2 + len(kept)))
    return moved.reshape(*values.shape[:2], *(values.shape[i] for i in kept)), good


def element(values: NDArray[Any], *position: int) -> Result:
    """One element of each array; masked where the array is too short."""
    for axis, index in enumerate(position):
        if not -values.shape[2 + axis] <= index < values.shape[2 + axis]:
            return np.zeros(values.shape[:2], values.dtype), np.zeros(values.shape[:2], bool)
    place: Any = (slice(None), slice(None), *position)
    return values[place], None


def take_slice(values: NDArray[Any], axis: int, start: int, end: int | None, step: int) -> Result:
    """A slice along an axis; ends beyond the array are cut."""
    index: list[Any] = [slice(None)] * values.ndim
    index[2 + axis] = slice(start, end, step)
    return values[tuple(index)], None


def concatenate(left: NDArray[Any], right: NDArray[Any], axis: int) -> Result:
    """Arrays one after the other along an axis (a new last axis is made if needed)."""
    dims = max(left.ndim, right.ndim, 3 + axis)
    left, right = (v.reshape(*v.shape, *(1,) * (dims - v.ndim)) for v in (left, right))
    if any(left.shape[i] != right.shape[i] for i in range(2, dims) if i != 2 + axis):
        return left, np.zeros(left.shape[:2], bool)
    return np.concatenate([left, right], axis=2 + axis), None


def repeat(values: NDArray[Any], axis: int, copies: int) -> Result:
    """Copies along an axis."""
    while values.ndim <= 2 + axis:
        values = values[..., None]
    return np.concatenate([values] * max(copies, 0), axis=2 + axis) if copies > 0 else (
        values[..., :0]
    ), None


def transpose(values: NDArray[Any], first: int, second: int) -> Result:
    """Two axes exchanged."""
    while values.ndim <= 2 + max(first, second):
        values = values[..., None]
    return np.swapaxes(values, 2 + first, 2 + second), None


def reshape(values: NDArray[Any], shape: tuple[int, ...]) -> Result:
    """Another shape with as many elements; one length may be -1."""
    try:
        return values.reshape(*values.shape[:2], *shape), None
    except ValueError:
        return values, np.zeros(values.shape[:2], bool)


def _matrices(values: NDArray[Any]) -> NDArray[Any]:
    while values.ndim < 4:
        values = values[..., None]
    return values.astype("float64")


def matrix_multiply(left: NDArray[Any], right: NDArray[Any]) -> Result:
    """Matrix product."""
    a, b = _matrices(left), _matrices(right)
    if a.shape[3] != b.shape[2]:
        return a, np.zeros(a.shape[:2], bool)
    return np.matmul(a, b), None


def matrix_solve(left: NDArray[Any], right: NDArray[Any]) -> Result:
    """X of A·X = B; least squares where A is not square. Singular systems are masked."""
    a, b = _matrices(left), _matrices(right)
    if a.shape[2] != b.shape[2]:
        return a, np.zeros(a.shape[:2], bool)
    found = np.matmul(np.linalg.pinv(a), b)
    good = np.linalg.matrix_rank(a) == a.shape[3]
    return found, None if good.all() else good


def matrix_inverse(values: NDArray[Any]) -> Result:
    """Inverse; singular matrices are masked."""
    a = _matrices(values)
    good = np.linalg.matrix_rank(a) == a.shape[2]
    return np.linalg.pinv(a), None if good.all() else good


def matrix_pseudo_inverse(values: NDArray[Any]) -> Result:
    """Moore-Penrose inverse."""
    return np.linalg.pinv(_matrices(values)), None


def matrix_determinant(values: NDArray[Any]) -> Result:
    """Determinant."""
    return np.linalg.det(_matrices(values)), None


def matrix_trace(values: NDArray[Any]) -> Result:
    """Sum of the diagonal."""
    return np.trace(_matrices(values), axis1=2, axis2=3), None


def matrix_norm(values: NDArray[Any]) -> Result:
    """Frobenius norm."""
    return np.sqrt((_matrices(values) ** 2).sum(axis=(2, 3))), None


def matrix_transpose(values: NDArray[Any], first: int, second: int) -> Result:
    """Two axes exchanged."""
    return transpose(values, first, second)


def matrix_to_diagonal(values: NDArray[Any]) -> Result:
    """A square matrix with a vector on its diagonal."""
    vector = values.reshape(*values.shape[:2], -1)
    return vector[..., :, None] * np.eye(vector.shape[2], dtype=values.dtype), None


def matrix_diagonal(values: NDArray[Any]) -> Result:
    """The diagonal as a column."""
    return np.diagonal(_matrices(values), axis1=2, axis2=3)[..., None], None


def dot(left: NDArray[Any], right: NDArray[Any]) -> Result:
    """Scalar product of vectors."""
    return (left.astype("float64") * right).sum(axis=2), None


def lengths(values: NDArray[Any]) -> Result:
    """The length of each axis."""
    shape = np.asarray(values.shape[2:], "int32")
    return np.broadcast_to(shape, (*values.shape[:2], shape.size)), None


def length(values: NDArray[Any], axis: int) -> Result:
    """The length of one axis."""
    return np.full(
        values.shape[:2], values.shape[2 + axis] if values.ndim > 2 + axis else 1, "int32"
    ), None


def sort(values: NDArray[Any]) -> Result:
    """One-dimensional arrays in ascending order."""
    return np.sort(values, axis=2), None


def sort_by(values: NDArray[Any], keys: NDArray[Any]) -> Result:
    """Arrays reordered by keys along the one axis where these have several elements."""
    while keys.ndim < values.ndim:
        keys = keys[..., None]
    shape = keys.shape[2:]
    axis = next((k for k, n in enumerate(shape) if n > 1), 0)
    if keys.ndim > values.ndim or shape[axis] != values.shape[2 + axis]:
        return values, np.zeros(values.shape[:2], bool)
    order = np.argsort(keys.reshape(*keys.shape[:2], -1), axis=2, kind="stable")
    index = order.reshape(*order.shape[:2], *(-1 if k == axis else 1 for k in range(len(shape))))
    return np.take_along_axis(values, index, axis=2 + axis), None


def reduce(values: NDArray[Any], reducer: Any, axes: tuple[int, ...]) -> Result:
    """A single-output reducer along axes, which keep length one."""
    moved = np.moveaxis(values, [2 + a for a in axes], range(len(axes)))
    samples = moved.reshape(-1, *moved.shape[len(axes) :])
    accumulator = reducer.accumulator
    state = accumulator.add(accumulator.start(samples.shape[1:]), [samples], [None])
    found, good = accumulator.finish(state)[0]
    out = np.asarray(found)
    for axis in sorted(axes):
        out = np.expand_dims(out, 2 + axis)
    if good is not None:
        good = np.asarray(good).reshape(*values.shape[:2], -1).all(axis=2)
    return out, good


def reduce_fields(
    values: NDArray[Any], reducer: Any, axes: tuple[int, ...], field_axis: int
) -> Result:
    """A reducer of several inputs or outputs along axes; fields lie along their own axis."""
    count = reducer.inputs
    if values.ndim <= 2 + field_axis or (count > 1 and values.shape[2 + field_axis] < count):
        return values, np.zeros(values.shape[:2], bool)
    inputs = (
        [np.take(values, [k], axis=2 + field_axis) for k in range(count)] if count > 1 else [values]
    )
    moved = [np.moveaxis(v, [2 + a for a in axes], range(len(axes))) for v in inputs]
    samples = [m.reshape(-1, *m.shape[len(axes) :]) for m in moved]
    accumulator = reducer.accumulator
    state = accumulator.add(accumulator.start(samples[0].shape[1:]), samples, [None] * count)
    planes = []
    for name, (value, _) in zip(reducer.outputs, accumulator.finish(state), strict=True):
        if not name:
            continue
        plane = np.asarray(value)
        for axis in sorted(axes):
            plane = np.expand_dims(plane, 2 + axis)
        planes.append(plane)
    return np.concatenate(planes, axis=2 + field_axis), None


def unsqueeze(values: NDArray[Any], axis: int) -> Result:
    """A new axis of length one."""
    return np.expand_dims(values, 2 + axis), None


def argmax(values: NDArray[Any]) -> Result:
    """Position of the first largest element."""
    flat = values.reshape(*values.shape[:2], -1)
    if flat.shape[2] == 0:
        return np.zeros((*values.shape[:2], max(values.ndim - 2, 1)), "int32"), np.zeros(
            values.shape[:2], bool
        )
    place = np.unravel_index(flat.argmax(axis=2), values.shape[2:])
    return np.stack(place, axis=2).astype("int32"), None


def dimensions(values: NDArray[Any]) -> Result:
    """Number of axes."""
    return np.full(values.shape[:2], values.ndim - 2, "int32"), None


def pad(values: NDArray[Any], least: tuple[int, ...], fill: float) -> Result:
    """Extended at the ends."""
    while values.ndim - 2 < len(least):
        values = values[..., None]
    widths = [(0, 0), (0, 0)]
    for axis in range(values.ndim - 2):
        wanted = least[axis] if axis < len(least) else 0
        widths.append((0, max(0, wanted - values.shape[2 + axis])))
    filler = np.min_scalar_type(int(fill) if float(fill).is_integer() else fill)
    wide = values.astype(np.promote_types(values.dtype, filler), copy=False)
    return np.pad(wide, widths, constant_values=fill), None


def accum(values: NDArray[Any], axis: int, reducer: Any) -> Result:
    """Running reductions along an axis."""
    if reducer is None:
        return np.cumsum(values, axis=2 + axis), None
    parts = []
    for end in range(1, values.shape[2 + axis] + 1):
        index: list[Any] = [slice(None)] * values.ndim
        index[2 + axis] = slice(0, end)
        parts.append(reduce(values[tuple(index)], reducer, (axis,))[0])
    return np.concatenate(parts, axis=2 + axis), None


def mask(values: NDArray[Any], chosen: NDArray[Any]) -> Ragged:
    """The slices of each array where its mask, an array with one axis longer than 1, is not zero."""
    while chosen.ndim < values.ndim:
        chosen = chosen[..., None]
    shape = chosen.shape[2:]
    axis = next((k for k, n in enumerate(shape) if n > 1), 0)
    if len(shape) > values.ndim - 2 or shape[axis] != values.shape[2 + axis]:
        return values, np.zeros(values.shape[:2], bool), None
    keep = chosen.reshape(*chosen.shape[:2], -1) != 0
    order = np.argsort(~keep, axis=2, kind="stable")
    index = order.reshape(*order.shape[:2], *(-1 if k == axis else 1 for k in range(len(shape))))
    found = np.take_along_axis(values, index, axis=2 + axis)
    count = keep.sum(axis=2)
    longest = int(count.max(initial=0))
    found = np.take(found, range(longest), axis=2 + axis)
    if bool((count == longest).all()):
        return found, None, None
    lengths = np.empty((*values.shape[:2], values.ndim - 2), "int32")
    lengths[:] = found.shape[2:]
    lengths[..., axis] = count
    return found, None, lengths


def bits(values: NDArray[Any]) -> Ragged:
    """The bits of integers, the lowest first, up to the highest that is set (at least one)."""
    numbers = values.astype("int64").view("uint64")
    count = np.ones(values.shape, "int32")
    for k in range(1, 64):
        count[numbers >= np.uint64(1) << np.uint64(k)] = k + 1
    longest = int(count.max(initial=1))
    places = np.arange(longest, dtype="uint64")
    found = ((numbers[..., None] >> places) & np.uint64(1)).astype("uint8")
    return found, None, None if bool((count == longest).all()) else count[..., None]


def element_at(values: NDArray[Any], *position: tuple[int, ...]) -> Result:
    """The element at a position that is given axis by axis, or all at once."""
    return element(values, *(index for part in position for index in part))


def slice_from(
    values: NDArray[Any],
    start: tuple[int, ...] | None,
    end: tuple[int, ...] | None,
    axis: int,
    step: int,
) -> Result:
    """A slice whose ends differ between pixels; None is the end of the array."""
    return take_slice(values, axis, start[0] if start else 0, end[0] if end else None, step)


def repeat_times(values: NDArray[Any], copies: tuple[int, ...], axis: int) -> Result:
    """As many copies as are asked for, at most 10000."""
    if not 0 <= copies[0] <= 10_000:
        return values, np.zeros(values.shape[:2], bool)
    return repeat(values, axis, copies[0])


def reshape_to(values: NDArray[Any], shape: tuple[int, ...], dimensions: int) -> Result:
    """A shape that differs between pixels."""
    if len(shape) != dimensions:
        return values, np.zeros(values.shape[:2], bool)
    return reshape(values, shape)


ARRAY_OPS: dict[str, Callable[..., Result | Ragged]] = {
    "project": project, "element": element, "slice": take_slice, "cat": concatenate, "repeat": repeat,
    "transpose": transpose, "reshape": reshape, "matrixMultiply": matrix_multiply, "matrixSolve": matrix_solve,
    "matrixInverse": matrix_inverse, "matrixPseudoInverse": matrix_pseudo_inverse,
    "matrixDeterminant": matrix_determinant, "matrixTrace": matrix_trace, "matrixFnorm": matrix_norm,
    "matrixTranspose": matrix_transpose, "matrixToDiag": matrix_to_diagonal, "matrixDiagonal": matrix_diagonal,
    "dot": dot, "lengths": lengths, "length": length, "sort": sort, "sortBy": sort_by, "reduce": reduce,
    "reduceFields": reduce_fields, "unsqueeze": unsqueeze, "argmax": argmax, "dimensions": dimensions, "pad": pad,
    "accum": accum, "mask": mask, "bits": bits, "elementAt": element_at, "sliceFrom": slice_from,
    "repeatTimes": repeat_times, "reshapeTo": reshape_to,
}  # fmt: skip
