"""Kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.kernel import Kernel
from ecumene.core.registry import REGISTRY, Algorithm, Argument, algorithm
from ecumene.core.wire import Boolean, Float, Integer

LARGEST = 1024
Rule = Callable[[NDArray[Any], NDArray[Any], float, float], NDArray[Any]]


def whole_cells(radius: float) -> int:
    """Cells on either side of the centre whose offset is at most the radius."""
    return math.floor(radius + 1e-9)


def inner_cells(radius: float) -> int:
    """Cells on either side of the centre whose offset is below the radius."""
    return max(math.ceil(radius - 1e-9) - 1, 0)


def _offsets(x_cells: int, y_cells: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if max(x_cells, y_cells) > LARGEST:
        raise LimitExceeded(
            f"Kernel: The radius must be at most {LARGEST} pixels, got {max(x_cells, y_cells)}."
        )
    y, x = np.mgrid[-y_cells : y_cells + 1, -x_cells : x_cells + 1]
    return x, y


def _finished(weights: NDArray[Any], normalize: bool, magnitude: float) -> NDArray[np.float64]:
    weights = weights.astype("float64")
    total = weights.sum()
    if normalize and total != 0:
        weights = weights / total
    return np.asarray(weights * magnitude)


def shaped(
    name: str,
    rule: Rule,
    x_radius: float,
    y_radius: float,
    units: str,
    normalize: bool,
    magnitude: float,
    settings: dict[str, Any],
    reach: Callable[[float], int] = whole_cells,
) -> Kernel:
    """A kernel of a rule on offsets; one in metres is made anew for each scale."""
    if units not in ("pixels", "meters"):
        raise EvaluationError(f"{name}: Unknown units '{units}'; use pixels or meters.")
    if x_radius < 0 or y_radius < 0 or not np.isfinite([x_radius, y_radius]).all():
        raise EvaluationError(f"{name}: The radius must not be negative.")

    def make(rx: float, ry: float, unit: str) -> Kernel:
        x, y = _offsets(reach(rx), reach(ry))
        weights = _finished(rule(x, y, rx, ry), normalize, magnitude)
        return Kernel(name, weights, (weights.shape[1] // 2, weights.shape[0] // 2), unit, settings)

    if units == "pixels":
        return make(x_radius, y_radius, "pixels")
    shown = make(min(x_radius, 3), min(y_radius, 3), "meters")

    def sized(metres: float) -> Kernel:
        return make(x_radius / metres, y_radius / metres, "pixels")

    return Kernel(name, shown.weights, shown.focus, "meters", settings, sized)


def _euclidean(x: Any, y: Any, rx: float, ry: float) -> Any:
    return np.hypot(x, y)


SHAPES: dict[str, tuple[Rule, bool, str]] = {
    "circle": (
        lambda x, y, r, _: x * x + y * y <= r * r + 1e-9,
        True,
        "A filled circle.",
    ),
    "square": (lambda x, y, r, _: np.ones_like(x), True, "A square."),
    "diamond": (lambda x, y, r, _: np.abs(x) + np.abs(y) <= r, True, "A diamond."),
    "plus": (lambda x, y, r, _: (x == 0) | (y == 0), True, "A plus sign."),
    "cross": (lambda x, y, r, _: np.abs(x) == np.abs(y), True, "A diagonal cross."),
    "octagon": (lambda x, y, r, _: np.abs(x) + np.abs(y) <= r + int(r) // 2, True, "An octagon."),
    "euclidean": (_euclidean, False, "Straight distances from the centre."),
    "manhattan": (
        lambda x, y, r, _: np.abs(x) + np.abs(y),
        False,
        "Distances along the axes from the centre.",
    ),
    "chebyshev": (
        lambda x, y, r, _: np.maximum(np.abs(x), np.abs(y)),
        False,
        "Largest distances along an axis.",
    ),
}

EDGES: dict[str, tuple[list[list[int]], tuple[int, int], str]] = {
    "laplacian4": (
        [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
        (1, 1),
        "Laplace edges with four neighbours.",
    ),
    "laplacian8": (
        [[1, 1, 1], [1, -8, 1], [1, 1, 1]],
        (1, 1),
        "Laplace edges with eight neighbours.",
    ),
    "sobel": ([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], (1, 1), "Sobel edges."),
    "prewitt": ([[1, 0, -1], [1, 0, -1], [1, 0, -1]], (1, 1), "Prewitt edges."),
    "roberts": ([[1, 0], [0, -1]], (1, 1), "Roberts edges."),
    "kirsch": ([[5, -3, -3], [5, 0, -3], [5, -3, -3]], (1, 1), "Kirsch edges."),
    "compass": ([[1, 1, -1], [1, -2, -1], [1, 1, -1]], (1, 1), "Prewitt's compass edges."),
}


def _declare() -> None:
    arguments: tuple[Argument, ...]
    for short, (rule, normal, words) in SHAPES.items():
        arguments = (
            Argument("radius", "Float", "size from the centre", parameter="radius"),
            Argument("units", "String", "pixels or meters", "pixels", "units"),
            Argument(
                "normalize", "Boolean", "scale the weights to sum to one", normal, "normalize"
            ),
            Argument("magnitude", "Float", "factor of all weights", 1.0, "magnitude"),
        )
        REGISTRY.add(
            Algorithm(
                f"Kernel.{short}", arguments, "Kernel", words, _shape_maker(f"Kernel.{short}", rule)
            )
        )
    for short, (rows, focus, words) in EDGES.items():
        arguments = (
            Argument("magnitude", "Float", "factor of all weights", 1.0, "magnitude"),
            Argument("normalize", "Boolean", "scale the weights to sum to one", False, "normalize"),
        )
        REGISTRY.add(
            Algorithm(
                f"Kernel.{short}",
                arguments,
                "Kernel",
                words,
                _edge_maker(f"Kernel.{short}", rows, focus),
            )
        )


def _shape_maker(name: str, rule: Rule) -> Callable[..., Kernel]:
    def make(
        radius: float, units: str = "pixels", normalize: bool = True, magnitude: float = 1.0
    ) -> Kernel:
        settings = {
            "radius": radius,
            "units": units,
            "normalize": normalize,
            "magnitude": magnitude,
        }
        return shaped(name, rule, radius, radius, units, normalize, magnitude, settings)

    return make


def _edge_maker(name: str, rows: list[list[int]], focus: tuple[int, int]) -> Callable[..., Kernel]:
    def make(magnitude: float = 1.0, normalize: bool = False) -> Kernel:
        settings = {"magnitude": magnitude, "normalize": normalize}
        return Kernel(
            name, _finished(np.asarray(rows), normalize, magnitude), focus, "pixels", settings
        )

    return make


_declare()


@algorithm("Kernel.rectangle")
def rectangle(
    x_radius: Float,
    y_radius: Float,
    units: str = "pixels",
    normalize: Boolean = True,
    magnitude: Float = 1,
) -> Kernel:
    """A rectangle."""
    settings = {
        "xRadius": x_radius,
        "yRadius": y_radius,
        "units": units,
        "normalize": normalize,
        "magnitude": magnitude,
    }
    return shaped(
        "Kernel.rectangle",
        lambda x, y, rx, ry: np.ones_like(x),
        x_radius,
        y_radius,
        units,
        normalize,
        magnitude,
        settings,
    )


@algorithm("Kernel.gaussian")
def gaussian(
    radius: Float,
    sigma: Float = 1,
    units: str = "pixels",
    normalize: Boolean = True,
    magnitude: Float = 1,
) -> Kernel:
    """A Gaussian bell; its outermost ring is left out, as the documented weights show."""
    if sigma <= 0:
        raise EvaluationError("Kernel.gaussian: 'sigma' must be positive.")
    settings = {
        "radius": radius,
        "sigma": sigma,
        "units": units,
        "normalize": normalize,
        "magnitude": magnitude,
    }

    def rule(x: Any, y: Any, r: float, _: float) -> Any:
        spread = sigma * r / radius if radius else sigma  # in cells
        return np.exp(-(x * x + y * y) / (2 * spread * spread))

    return shaped(
        "Kernel.gaussian", rule, radius, radius, units, normalize, magnitude, settings, inner_cells
    )


def _fixed(
    weights: list[Any],
    width: int = -1,
    height: int = -1,
    x: int = -1,
    y: int = -1,
    normalize: bool = False,
) -> Kernel:
    name = "Kernel.fixed"
    if not weights or not all(isinstance(row, list) and row for row in weights):
        raise EvaluationError(f"{name}: 'weights' must be a list of lists of numbers.")
    rows, cols = len(weights), max(len(row) for row in weights)
    if (
        any(len(row) != cols for row in weights)
        or (width not in (-1, cols))
        or (height not in (-1, rows))
    ):
        raise EvaluationError(
            f"{name}: All rows must have the same length, equal to the width and height if given."
        )
    if max(rows, cols) > 2 * LARGEST + 1:
        raise LimitExceeded(f"{name}: The kernel is too large.")
    focus = (cols // 2 if x == -1 else abs(x), rows // 2 if y == -1 else abs(y))
    if not (0 <= focus[0] < cols and 0 <= focus[1] < rows):
        raise EvaluationError(f"{name}: The focus {focus} is outside the kernel.")
    try:
        data = np.asarray(weights, "float64")
    except (TypeError, ValueError):
        raise EvaluationError(f"{name}: 'weights' must be numbers.") from None
    return Kernel(
        name,
        _finished(data, normalize, 1.0),
        focus,
        "pixels",
        {"width": cols, "height": rows, "x": focus[0], "y": focus[1]},
    )


REGISTRY.add(
    Algorithm(
        "Kernel.fixed",
        (
            Argument("width", "Integer", "columns", -1.0, "width"),
            Argument("height", "Integer", "rows", -1.0, "height"),
            Argument("weights", "List<List<Object>>", "rows of weights", parameter="weights"),
            Argument("x", "Integer", "column of the focus; the middle if -1", -1.0, "x"),
            Argument("y", "Integer", "row of the focus; the middle if -1", -1.0, "y"),
            Argument("normalize", "Boolean", "scale the weights to sum to one", False, "normalize"),
        ),
        "Kernel",
        "A kernel of given weights.",
        _fixed,
    )
)


def _derived(make: Callable[..., Kernel], *sources: Kernel) -> Kernel:
    """A kernel made of others; of kernels in metres it is made anew for each scale."""
    found = make(*sources)
    if all(kernel.sized is None for kernel in sources):
        return found

    def sized(metres: float) -> Kernel:
        return make(*(k if k.sized is None else k.sized(metres) for k in sources))

    return replace(found, units="meters", sized=sized)


@algorithm("Kernel.rotate")
def rotate(kernel: Kernel, rotations: Integer) -> Kernel:
    """A kernel turned by quarters of a circle, clockwise."""

    def make(source: Kernel) -> Kernel:
        weights, (x, y) = source.weights, source.focus
        for _ in range(rotations % 4):
            height = weights.shape[0]
            weights, (x, y) = np.rot90(weights, -1), (height - 1 - y, x)
        settings = {"kernel": kernel, "rotations": rotations}
        return Kernel("Kernel.rotate", weights, (x, y), "pixels", settings)

    return _derived(make, kernel)


@algorithm("Kernel.add")
def add(kernel1: Kernel, kernel2: Kernel, normalize: Boolean = False) -> Kernel:
    """The sum of two kernels, centre on centre."""

    def make(first: Kernel, second: Kernel) -> Kernel:
        (x1, y1), (x2, y2) = first.focus, second.focus
        x, y = max(x1, x2), max(y1, y2)
        (h1, w1), (h2, w2) = first.weights.shape, second.weights.shape
        width, height = x + max(w1 - x1, w2 - x2), y + max(h1 - y1, h2 - y2)
        out = np.zeros((height, width))
        out[y - y1 : y - y1 + h1, x - x1 : x - x1 + w1] += first.weights
        out[y - y2 : y - y2 + h2, x - x2 : x - x2 + w2] += second.weights
        settings = {"kernel1": kernel1, "kernel2": kernel2, "normalize": normalize}
        return Kernel("Kernel.add", _finished(out, normalize, 1.0), (x, y), "pixels", settings)

    return _derived(make, kernel1, kernel2)


@algorithm("Kernel.inverse")
def inverse(kernel: Kernel) -> Kernel:
    """Each weight replaced by its reciprocal; zeros stay."""

    def make(source: Kernel) -> Kernel:
        w = source.weights
        found = np.where(w == 0, 0, 1 / np.where(w == 0, 1, w))
        return Kernel("Kernel.inverse", found, source.focus, "pixels", {"kernel": kernel})

    return _derived(make, kernel)
