"""Array images: bands whose pixels are arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ecumene.algorithms.image import lift
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import DOUBLE, MOST_AXES, PixelType, of_range, of_value, union
from ecumene.core.reducer import Reducer
from ecumene.core.registry import REGISTRY, Algorithm, Argument, algorithm
from ecumene.core.wire import Integer, Number
from ecumene.plan.nodes import ArrayOp, Constant, Masked, Stack

LENGTHS = of_range(0, 2**31 - 1)


def each(
    image: Image, op: str, params: tuple[Any, ...], rule: Callable[[PixelType], PixelType]
) -> Image:
    """An array operator on every band."""
    bands = [replace(b, node=ArrayOp(op, (b.node,), params, rule(b.type))) for b in image.bands]
    return image.with_bands(bands)


def _dims(count: int) -> Callable[[PixelType], PixelType]:
    return lambda t: t.with_dimensions(count)


def _arrayed(name: str, image: Image) -> None:
    for band in image.bands:
        if band.type.dimensions == 0:
            raise EvaluationError(
                f"{name}: Band '{band.name}' is not an array; use Image.toArray first."
            )


def chosen_by(
    image: Image, op: str, choices: list[Image], params: tuple[Any, ...], rule: Callable[[PixelType], PixelType],
    *, lenient: bool = False,
) -> Image:  # fmt: skip
    """An array operator on every band whose positions or lengths come from images.

    Each choice is one band for all, or one for each band of the image.
    """
    if image.bands and not all(choice.bands for choice in choices):
        raise EvaluationError("The image has no bands.")
    for band in (band for choice in choices for band in choice.bands):
        if band.type.dimensions > 1:
            raise EvaluationError("Positions and lengths must be numbers or lists of numbers.")
    bands = []
    for k, band in enumerate(image.bands):
        nodes = tuple(
            (c.bands[k] if len(c.bands) == len(image.bands) else c.bands[0]).node for c in choices
        )
        node = ArrayOp(op, (band.node, *nodes), params, rule(band.type), len(nodes), lenient)
        bands.append(replace(band, node=node))
    return image.with_bands(bands)


@algorithm("Image.toArray")
def to_array(image: Image, axis: Integer = 0) -> Image:
    """All bands as one array per pixel, named ``array``; array bands are joined along the axis.

    Parameters
    ----------
    image : the image.
    axis : the axis of the bands.
    """
    if not image.bands:
        raise EvaluationError("Image.toArray: The image has no bands.")
    if not 0 <= axis < MOST_AXES:
        raise EvaluationError(f"Image.toArray: Axis {axis} is out of range.")
    kind = union(*(b.type for b in image.bands))
    first = image.bands[0]
    node: Any
    if kind.dimensions == 0:
        node = Stack(tuple(b.node for b in image.bands), kind.with_dimensions(1))
        dims = 1
        for _ in range(axis):
            dims += 1
            node = ArrayOp("unsqueeze", (node,), (0,), kind.with_dimensions(dims))
    else:
        dims = max(kind.dimensions, axis + 1)
        node = first.node
        for band in image.bands[1:]:
            node = ArrayOp("cat", (node, band.node), (axis,), kind.with_dimensions(dims))
        if len(image.bands) == 1:
            while kind.dimensions < dims:
                kind = kind.with_dimensions(kind.dimensions + 1)
                node = ArrayOp("unsqueeze", (node,), (kind.dimensions - 1,), kind)
    return image.with_bands([replace(first, name="array", node=node)])


@algorithm("Image.arrayFlatten")
def array_flatten(image: Image, coordinate_labels: list[list[str]], separator: str = "_") -> Image:
    """Every element of an array band as a band of its own, named by the labels of its position.

    Parameters
    ----------
    image : an image with one array band.
    coordinate_labels : labels for each axis.
    separator : between the labels of a name.
    """
    _arrayed("Image.arrayFlatten", image)
    if len(image.bands) != 1:
        raise EvaluationError("Image.arrayFlatten: The image must have one band.")
    band = image.bands[0]
    if len(coordinate_labels) != band.type.dimensions:
        raise EvaluationError(
            f"Image.arrayFlatten: {band.type.dimensions} lists of labels are needed, got {len(coordinate_labels)}."
        )
    places: list[tuple[tuple[int, ...], list[str]]] = [((), [])]
    for labels in coordinate_labels:
        places = [
            ((*p, i), [*names, label]) for p, names in places for i, label in enumerate(labels)
        ]
        if len(places) > 5000:
            raise EvaluationError("Image.arrayFlatten: At most 5000 bands are allowed.")
    plain = band.type.with_dimensions(0)
    bands = [
        replace(
            band, name=separator.join(names), node=ArrayOp("element", (band.node,), place, plain)
        )
        for place, names in places
    ]
    return image.with_bands(bands)


@algorithm("Image.arrayProject")
def array_project(input: Image, axes: list[Integer]) -> Image:
    """Only some axes; the others must have length one.

    Parameters
    ----------
    input : the image.
    axes : the axes to keep, in their new order.
    """
    return each(input, "project", (tuple(axes),), _dims(len(axes)))


@algorithm("Image.arrayGet")
def array_get(image: Image, position: Image) -> Image:
    """The element at a position of every array.

    Parameters
    ----------
    image : the image.
    position : one band for each axis.
    """
    name = "Image.arrayGet"
    _arrayed(name, image)
    whole = len(position.bands) == 1 and position.bands[0].type.dimensions == 1
    for band in image.bands:
        if not whole and len(position.bands) != band.type.dimensions:
            raise EvaluationError(
                f"{name}: The position must have a band for each of the {band.type.dimensions} dimensions, "
                f"got {len(position.bands)}."
            )
    axes = [Image(bands=(band,)) for band in position.bands]
    return chosen_by(image, "elementAt", axes, (), _dims(0))


@algorithm("Image.arraySlice")
def array_slice(
    input: Image,
    axis: Integer = 0,
    start: Image | None = None,
    end: Image | None = None,
    step: Integer = 1,
) -> Image:
    """A part of every array along an axis; negative positions count from the end.

    Parameters
    ----------
    input : the image.
    axis : the axis.
    start : first position; the start if missing.
    end : position after the last; the end if missing.
    step : distance between positions.
    """
    if step < 1:
        raise EvaluationError(f"Image.arraySlice: 'step' must be positive, got {step}.")
    _arrayed("Image.arraySlice", input)
    nothing = Image(bands=(Band("none", Masked(of_range(0, 0))),))
    ends = [start if start is not None else nothing, end if end is not None else nothing]
    return chosen_by(input, "sliceFrom", ends, (axis, step), lambda t: t, lenient=True)


@algorithm("Image.arrayTranspose", "Image.matrixTranspose")
def array_transpose(input: Image, axis1: Integer = 0, axis2: Integer = 1) -> Image:
    """Two axes exchanged.

    Parameters
    ----------
    input : the image.
    axis1 : the first axis.
    axis2 : the second axis.
    """
    return each(
        input,
        "transpose",
        (axis1, axis2),
        lambda t: t.with_dimensions(max(t.dimensions, axis1 + 1, axis2 + 1)),
    )


@algorithm("Image.arrayRepeat")
def array_repeat(input: Image, axis: Integer, copies: Image) -> Image:
    """Copies of every array one after the other along an axis.

    Parameters
    ----------
    input : the image.
    axis : the axis.
    copies : how many.
    """
    return chosen_by(
        input,
        "repeatTimes",
        [copies],
        (axis,),
        lambda t: t.with_dimensions(max(t.dimensions, axis + 1)),
    )


def pairwise(
    name: str, left: Image, right: Image, op: str, params: tuple[Any, ...], rule: Any
) -> Image:
    """An array operator on pairs of bands; names of the image with more bands."""
    bands = []
    swap = len(left.bands) == 1 and len(right.bands) > 1
    for a, b in lift.matched(name, left, right):
        node = ArrayOp(op, (a.node, b.node), params, rule(a.type, b.type))
        bands.append(
            Band((b if swap else a).name, node, lift.projection_of(a, b), a.dimensions, a.origin)
        )
    return Image(bands=tuple(bands), footprint=lift.intersection((left.footprint, right.footprint)))


@algorithm("Image.arrayCat")
def array_cat(image1: Image, image2: Image, axis: Integer) -> Image:
    """Arrays of two images joined along an axis.

    Parameters
    ----------
    image1 : the first.
    image2 : the second.
    axis : the axis.
    """

    def rule(a: PixelType, b: PixelType) -> PixelType:
        kind = union(a, b)
        return kind.with_dimensions(max(kind.dimensions, axis + 1))

    return pairwise("arrayCat", image1, image2, "cat", (axis,), rule)


@algorithm("Image.arrayReduce")
def array_reduce(
    input: Image, reducer: Reducer, axes: list[Integer], field_axis: Integer | None = None
) -> Image:
    """A reducer along axes of every array, which keep length one; several outputs lie along the field axis.

    Parameters
    ----------
    input : the image.
    reducer : what to compute.
    axes : the axes to reduce.
    field_axis : of several inputs and outputs.
    """
    _arrayed("Image.arrayReduce", input)
    several = reducer.inputs > 1 or len(reducer.output_names) > 1
    if several and field_axis is None:
        raise EvaluationError(
            "Image.arrayReduce: 'fieldAxis' is needed for reducers with several inputs or outputs."
        )
    bands = []
    for band in input.bands:
        plain = reducer.types([band.type.with_dimensions(0)] * reducer.inputs)
        kind = union(*(t.with_dimensions(0) for t in plain)).with_dimensions(band.type.dimensions)
        if not several:
            node = ArrayOp("reduce", (band.node,), (reducer, tuple(axes)), kind)
        else:
            node = ArrayOp("reduceFields", (band.node,), (reducer, tuple(axes), field_axis), kind)
        bands.append(replace(band, node=node))
    return input.with_bands(bands)


@algorithm("Image.arraySort")
def array_sort(image: Image, keys: Image | None = None) -> Image:
    """Arrays in ascending order, of keys if some are given.

    Parameters
    ----------
    image : the image.
    keys : arrays of keys, one for each element of the first axis.
    """
    if keys is None:
        return each(image, "sort", (), lambda t: t)
    return pairwise("arraySort", image, keys, "sortBy", (), lambda a, b: a)


@algorithm("Image.arrayLength")
def array_length(input: Image, axis: Integer) -> Image:
    """The length of every array along an axis.

    Parameters
    ----------
    input : the image.
    axis : the axis.
    """
    return each(input, "length", (axis,), lambda t: LENGTHS)


@algorithm("Image.arrayLengths")
def array_lengths(input: Image) -> Image:
    """The lengths of all axes of every array.

    Parameters
    ----------
    input : the image.
    """
    return each(input, "lengths", (), lambda t: LENGTHS.with_dimensions(1))


@algorithm("Image.arrayDimensions")
def array_dimensions(input: Image) -> Image:
    """The number of dimensions of every array.

    Parameters
    ----------
    input : the image.
    """
    return each(input, "dimensions", (), lambda t: LENGTHS)


@algorithm("Image.arrayReshape")
def array_reshape(image: Image, lengths: Image, dimensions: Integer) -> Image:
    """Every array in another shape; one length may be -1.

    Parameters
    ----------
    image : the image.
    lengths : the new lengths as an array band.
    dimensions : how many there are.
    """
    if len(lengths.bands) != 1:
        raise EvaluationError("Image.arrayReshape: The lengths must be one array band.")
    return chosen_by(image, "reshapeTo", [lengths], (dimensions,), _dims(dimensions))


@algorithm("Image.arrayArgmax")
def array_argmax(image: Image) -> Image:
    """The position of the first largest element of every array.

    Parameters
    ----------
    image : the image.
    """
    return each(image, "argmax", (), lambda t: LENGTHS.with_dimensions(1))


@algorithm("Image.arrayPad")
def array_pad(image: Image, lengths: list[Integer], pad: Number = 0) -> Image:
    """Every array extended at its ends to given lengths.

    Parameters
    ----------
    image : the image.
    lengths : the least length of each axis.
    pad : what to put there.
    """
    if any(n > 10_000 for n in lengths):
        raise EvaluationError("Image.arrayPad: Lengths must be at most 10000.")
    return each(
        image,
        "pad",
        (tuple(lengths), float(pad)),
        lambda t: union(t, of_value(pad)).with_dimensions(max(t.dimensions, len(lengths))),
    )


@algorithm("Image.arrayAccum")
def array_accum(input: Image, axis: Integer, reducer: Reducer | None = None) -> Image:
    """At each position the reduction of all elements up to it; sums if no reducer is given.

    Parameters
    ----------
    input : the image.
    axis : the axis.
    reducer : what to compute.
    """
    return each(input, "accum", (axis, reducer), lambda t: DOUBLE.with_dimensions(t.dimensions))


@algorithm("Image.arrayMask")
def array_mask(input: Image, mask: Image) -> Image:
    """The slices of every array where a mask array is not 0.

    Parameters
    ----------
    input : the image.
    mask : arrays with one axis longer than 1.
    """
    return pairwise("arrayMask", input, mask, "mask", (), lambda a, b: a)


@algorithm("Image.arrayDotProduct")
def array_dot_product(image1: Image, image2: Image) -> Image:
    """The scalar product of vectors.

    Parameters
    ----------
    image1 : the first.
    image2 : the second.
    """
    return pairwise("arrayDotProduct", image1, image2, "dot", (), lambda a, b: DOUBLE)


@algorithm("Image.matrixIdentity")
def matrix_identity(size: Integer) -> Image:
    """The identity matrix at every pixel.

    Parameters
    ----------
    size : rows and columns.
    """
    if not 1 <= size <= 1000:
        raise EvaluationError(
            f"Image.matrixIdentity: The size must be between 1 and 1000, got {size}."
        )
    rows = tuple(tuple(int(i == j) for j in range(size)) for i in range(size))
    return Image(bands=(Band("constant", Constant(rows, of_range(0, 1).with_dimensions(2))),))


_MATRIX_UNARY: dict[str, tuple[int, str]] = {
    "matrixInverse": (2, "Inverse of every matrix; singular ones are masked."),
    "matrixPseudoInverse": (2, "Moore-Penrose inverse of every matrix."),
    "matrixDeterminant": (0, "Determinant of every matrix."),
    "matrixTrace": (0, "Sum of the diagonal of every matrix."),
    "matrixFnorm": (0, "Frobenius norm of every matrix."),
    "matrixDiagonal": (2, "Diagonal of every matrix as a column."),
    "matrixToDiag": (2, "Square matrices with vectors on their diagonals."),
}
_MATRIX_BINARY = {
    "matrixMultiply": "Product of the matrices of two images.",
    "matrixSolve": "X of A·X = B for every pixel, by least squares where A is not square.",
}


def _declare() -> None:
    image = "Image<unknown bands>"

    def unary(op: str, dims: int) -> Callable[..., Image]:
        return lambda value: each(value, op, (), lambda t: DOUBLE.with_dimensions(dims))

    def binary(op: str) -> Callable[..., Image]:
        return lambda image1, image2: pairwise(
            op, image1, image2, op, (), lambda a, b: DOUBLE.with_dimensions(2)
        )

    for op, (dims, words) in _MATRIX_UNARY.items():
        argument = Argument("value", image, "the image", parameter="value")
        REGISTRY.add(Algorithm(f"Image.{op}", (argument,), image, words, unary(op, dims)))
    for op, words in _MATRIX_BINARY.items():
        arguments = tuple(
            Argument(n, image, "the operand", parameter=n) for n in ("image1", "image2")
        )
        REGISTRY.add(Algorithm(f"Image.{op}", arguments, image, words, binary(op)))


_declare()


@algorithm("Image.bitsToArrayImage")
def bits_to_array_image(input: Image) -> Image:
    """The bits of every pixel as an array, the lowest first, up to the highest that is set.

    Parameters
    ----------
    input : the image.
    """
    return each(input, "bits", (), lambda t: of_range(0, 1).with_dimensions(1))
