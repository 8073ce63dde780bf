"""Arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ecumene.algorithms.reducers.apply import accumulated, reduce_array
from ecumene.core.array import Array
from ecumene.core.context import Context
from ecumene.core.equality import measured
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.pixel_type import DOUBLE, INT64, MOST_AXES, PixelType, of_dtype, of_value, union
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.typename import type_name
from ecumene.core.wire import Integer, Number, Object
from ecumene.numerics.elementwise import half_up, saturate


def require(name: str, condition: bool, message: str) -> None:
    """EvaluationError with the algorithm's name unless the condition holds."""
    if not condition:
        raise EvaluationError(f"{name}: {message}")


def _bounded(name: str, size: int, context: Context) -> None:
    if size > context.limits.array_elements:
        raise LimitExceeded(
            f"{name}: The array would have {size} elements; at most {context.limits.array_elements} are allowed."
        )


def _axis(name: str, values: Any, axis: int) -> int:
    require(
        name,
        0 <= axis < values.ndim,
        f"Axis {axis} is out of range for an array of {values.ndim} dimensions.",
    )
    return axis


def _with_axes(name: str, values: Any, count: int) -> Any:
    """The values with at least this many axes; new ones at the end, of length one."""
    require(name, count <= MOST_AXES, f"An array has at most {MOST_AXES} dimensions, not {count}.")
    return values.reshape(*values.shape, *(1,) * max(count - values.ndim, 0))


def _plain(value: Any) -> Any:
    if isinstance(value, Array):
        return value.values.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool):
        return int(value)
    return value


def standard(values: Any) -> PixelType:
    """The smallest standard integer type of numbers that are all integers, else double."""
    if values.dtype.kind in "iu":
        low, high = int(values.min()), int(values.max())
        return of_dtype(union(of_value(low), of_value(high)).dtype)
    return DOUBLE


@algorithm("Array")
def array(values: Object, pixel_type: PixelType | None = None) -> Array:
    """An array of nested lists of numbers; without a type, the smallest that holds them all."""
    measured(values)
    plain = _plain(values)
    if isinstance(plain, str) or plain is None or isinstance(plain, dict):
        raise EvaluationError(f"Array: Cannot make an array of a value of type {type_name(plain)}.")
    try:
        data = np.asarray(plain)
    except ValueError:
        raise EvaluationError("Array: All inner lists must have the same length.") from None
    if data.size == 0:
        require("Array", pixel_type is not None, "No numbers in 'values', must provide a type.")
        data = data.astype("float64")
    require("Array", data.dtype.kind in "iufb", "All values must be numbers.")
    if (
        data.dtype.kind == "f"
        and pixel_type is None
        and np.isfinite(data).all()
        and (data == np.floor(data)).all()
        and np.abs(data).max() < 2**53
    ):
        data = data.astype("int64")
    kind = standard(data) if pixel_type is None else pixel_type
    rounded = half_up(data) if kind.is_int else data
    return Array(saturate(rounded, kind), kind.with_dimensions(data.ndim))


def typed_as(values: Any, source: Array) -> Array:
    """Values of the source's element type."""
    return Array(values, source.type.with_dimensions(np.ndim(values)))


@algorithm("Array.accum")
def accum(
    array: Array, axis: Integer, reducer: Reducer | None = None, *, context: Context
) -> Array:
    """At each position the reduction of all elements up to it, along an axis; sums if no reducer is given."""
    name = "Array.accum"
    values = array.values
    _axis(name, values, axis)
    if reducer is None:
        wide = "int64" if values.dtype.kind in "iu" else values.dtype
        return Array.of(np.cumsum(values, axis=axis, dtype=wide))
    require(
        name,
        reducer.inputs == 1 and len(reducer.output_names) == 1,
        "The reducer must have one input and one output.",
    )
    if values.size == 0:
        return array
    joined = accumulated(reducer, np.moveaxis(values, axis, 0), context.cancel.check)
    return Array.of(np.moveaxis(joined, 0, axis))


@algorithm("Array.argmax", returns="List<Integer>")
def argmax(array: Array) -> list[Integer] | None:
    """Position of the first largest element; null for an empty array. NaN is below every number."""
    values = array.values
    if values.size == 0:
        return None
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -np.inf, values)
    place = np.unravel_index(int(np.argmax(values)), values.shape)
    return [int(k) for k in place]


@algorithm("Array.bitsToArray")
def bits_to_array(input: Number) -> Array:
    """The bits of an integer, the lowest first, up to the highest that is set; fractions are cut off."""
    value = int(saturate(np.asarray(input), INT64)) & (2**64 - 1)
    bits = [(value >> k) & 1 for k in range(max(value.bit_length(), 1))]
    return Array.of(np.asarray(bits, "uint8"))


@algorithm("Array.cat")
def cat(arrays: list[Array], axis: Integer = 0, *, context: Context) -> Array:
    """Arrays joined along an axis; lower-dimensional ones get a new axis at the end."""
    _bounded("Array.cat", sum(array.values.size for array in arrays), context)
    return joined(arrays, axis)


def joined(arrays: list[Array], axis: int) -> Array:
    """Arrays one after the other along an axis; a new last axis is made if needed."""
    name = "Array.cat"
    require(name, bool(arrays), "At least one array is needed.")
    require(name, axis >= 0, f"Invalid axis {axis}.")
    dims = max(max(a.values.ndim for a in arrays), axis + 1)
    parts = [_with_axes(name, a.values, dims) for a in arrays]
    kind = union(*(a.type.with_dimensions(0) for a in arrays))
    try:
        return Array(
            np.concatenate([saturate(p, kind) for p in parts], axis=axis),
            kind.with_dimensions(dims),
        )
    except ValueError:
        raise EvaluationError(
            f"{name}: Arrays must have the same lengths along all axes but {axis}."
        ) from None


@algorithm("Array.cut")
def cut(array: Array, position: list[Integer]) -> Array:
    """Slices at a position along each axis; -1 keeps the whole axis. Dimensions stay."""
    name = "Array.cut"
    require(
        name,
        len(position) == array.values.ndim,
        f"The position must have {array.values.ndim} elements.",
    )
    index = []
    for axis, place in enumerate(position):
        size = array.values.shape[axis]
        require(
            name,
            -1 <= place < size,
            f"Position {place} is out of range for axis {axis} of length {size}.",
        )
        index.append(slice(None) if place == -1 else slice(place, place + 1))
    return typed_as(array.values[tuple(index)], array)


@algorithm("Array.dotProduct")
def dot_product(array1: Array, array2: Array) -> Number:
    """The scalar product of two vectors."""
    a, b = array1.values, array2.values
    require(
        "Array.dotProduct",
        a.ndim == b.ndim == 1 and a.shape == b.shape,
        "Two 1-D arrays of equal length are needed.",
    )
    found = float(np.dot(a.astype("float64"), b.astype("float64")))
    if a.dtype.kind in "iu" and b.dtype.kind in "iu" and abs(found) < 2.0**62:
        return int(np.dot(a.astype("int64"), b.astype("int64")))
    return found


@algorithm("Array.get")
def get(array: Array, position: list[Integer]) -> Number:
    """The element at a position."""
    name = "Array.get"
    require(
        name,
        len(position) == array.values.ndim,
        f"The position must have {array.values.ndim} elements, got {len(position)}.",
    )
    for axis, place in enumerate(position):
        size = array.values.shape[axis]
        require(
            name,
            0 <= place < size,
            f"Position {place} is out of range for axis {axis} of length {size}.",
        )
    return array.values[tuple(position)].item()  # type: ignore[no-any-return]


@algorithm("Array.identity")
def identity(size: Integer, *, context: Context) -> Array:
    """The identity matrix of a size."""
    require("Array.identity", size >= 0, f"The size must not be negative, got {size}.")
    _bounded("Array.identity", size * size, context)
    return Array.of(np.eye(size, dtype="uint8"))


@algorithm("Array.length")
def length(array: Array) -> Array:
    """The length of each axis."""
    return Array.of(np.asarray(array.values.shape, "int64"))


@algorithm("Array.mask")
def mask(input: Array, mask: Array) -> Array:
    """The slices of the array where the mask, which has one axis longer than 1, is not 0."""
    name = "Array.mask"
    values, chosen = input.values, mask.values
    require(name, values.ndim > 0, "The array must have at least one dimension.")
    require(name, chosen.ndim <= values.ndim, "The mask has more dimensions than the array.")
    chosen = _with_axes(name, chosen, values.ndim)
    long = [k for k in range(values.ndim) if chosen.shape[k] > 1]
    require(name, len(long) <= 1, "The mask must have at most one axis longer than 1.")
    axis = (
        long[0]
        if long
        else next((k for k in range(values.ndim) if values.shape[k] == chosen.shape[k]), 0)
    )
    require(
        name,
        chosen.shape[axis] == values.shape[axis],
        f"The mask must have the array's length along axis {axis}.",
    )
    keep = np.flatnonzero(chosen.reshape(-1) != 0)
    return typed_as(np.take(values, keep, axis=axis), input)


@algorithm("Array.pad")
def pad(array: Array, lengths: list[Integer], pad: Number = 0, *, context: Context) -> Array:
    """The array extended at its ends to given lengths."""
    sizes = list(lengths)
    values = _with_axes("Array.pad", array.values, len(sizes))
    sizes += list(values.shape[len(sizes) :])
    total = [max(n, m) for n, m in zip(sizes, values.shape, strict=True)]
    _bounded("Array.pad", math.prod(total), context)
    kind = union(array.type.with_dimensions(0), of_value(pad))
    widths = [(0, n - m) for n, m in zip(total, values.shape, strict=True)]
    found = np.pad(saturate(values, kind), widths, constant_values=pad)
    return Array(found, kind.with_dimensions(found.ndim))


@algorithm("Array.project")
def project(array: Array, axes: list[Integer]) -> Array:
    """Only some axes; the others must have length one."""
    name = "Array.project"
    values = array.values
    for axis in axes:
        _axis(name, values, axis)
    require(name, len(set(axes)) == len(axes), "Each axis may be given only once.")
    require(name, bool(axes) or values.size == 1, "An axis must be given.")
    rest = [k for k in range(values.ndim) if k not in axes]
    require(
        name,
        all(values.shape[k] <= 1 for k in rest),
        "Axes that are left out must have a length of at most 1.",
    )
    moved = np.transpose(values, [*axes, *rest])
    kept = [values.shape[k] for k in axes]
    if any(values.shape[k] == 0 for k in rest):
        kept = [0] * len(kept)
    return typed_as(moved.reshape(kept), array)


@algorithm("Array.reduce")
def reduce(
    array: Array, reducer: Reducer, axes: list[Integer], field_axis: Integer | None = None
) -> Array:
    """A reducer along axes, which keep length one; several outputs lie along the field axis."""
    return reduce_array(reducer, array, axes, field_axis)


@algorithm("Array.repeat")
def repeat(array: Array, axis: Integer = 0, copies: Integer = 2, *, context: Context) -> Array:
    """Copies one after the other along an axis."""
    values = array.values
    require(
        "Array.repeat",
        axis >= 0 and copies >= 0,
        "The axis and the number of copies must not be negative.",
    )
    values = _with_axes("Array.repeat", values, axis + 1)
    _bounded("Array.repeat", values.size * max(copies, 1), context)
    return typed_as(
        np.concatenate([values] * copies, axis=axis) if copies else np.take(values, [], axis=axis),
        array,
    )


@algorithm("Array.reshape")
def reshape(array: Array, shape: Array) -> Array:
    """The same elements in another shape; one length may be -1."""
    sizes = [int(k) for k in saturate(shape.values.reshape(-1), INT64)]
    require(
        "Array.reshape",
        len(sizes) <= MOST_AXES,
        f"An array has at most {MOST_AXES} dimensions, not {len(sizes)}.",
    )
    try:
        return typed_as(array.values.reshape(sizes), array)
    except ValueError:
        raise EvaluationError(
            f"Array.reshape: Cannot reshape an array of {array.values.size} elements to {sizes}."
        ) from None


@algorithm("Array.slice")
def take_slice(
    array: Array,
    axis: Integer = 0,
    start: Integer = 0,
    end: Integer | None = None,
    step: Integer = 1,
) -> Array:
    """A part along an axis; negative positions count from the end, those outside are cut."""
    _axis("Array.slice", array.values, axis)
    require("Array.slice", step > 0, f"'step' must be positive, got {step}.")
    index: list[Any] = [slice(None)] * array.values.ndim
    index[axis] = slice(start, end, step)
    return typed_as(array.values[tuple(index)], array)


@algorithm("Array.sort")
def sort(array: Array, keys: Array | None = None) -> Array:
    """Elements in ascending order; with keys, slices along the axis of the keys in the order of the keys."""
    name = "Array.sort"
    values = array.values
    if keys is None:
        long = [k for k in range(values.ndim) if values.shape[k] != 1]
        require(name, len(long) <= 1, "Only one axis may be longer than 1 without keys.")
        if values.ndim == 0:
            return array
        return typed_as(np.sort(values, axis=long[0] if long else 0), array)
    order_of = keys.values
    long = [k for k in range(order_of.ndim) if order_of.shape[k] != 1]
    require(name, len(long) <= 1, "The keys must have only one axis longer than 1.")
    axis = long[0] if long else 0
    require(
        name,
        axis < values.ndim and values.shape[axis] == order_of.size,
        "The keys must be as long as the array along their axis.",
    )
    return typed_as(
        np.take(values, np.argsort(order_of.reshape(-1), kind="stable"), axis=axis), array
    )


@algorithm("Array.transpose", "Array.matrixTranspose")
def transpose(array: Array, axis1: Integer = 0, axis2: Integer = 1) -> Array:
    """Two axes exchanged; missing axes have length one."""
    name = "Array.transpose"
    require(name, axis1 >= 0 and axis2 >= 0, "Axes must not be negative.")
    values = _with_axes(name, array.values, max(axis1, axis2) + 1)
    return typed_as(np.swapaxes(values, axis1, axis2), array)


@algorithm("Array.toList")
def to_list(array: Array) -> list[Object]:
    """Nested lists of the elements."""
    found = array.values.tolist()
    return found if isinstance(found, list) else [found]
