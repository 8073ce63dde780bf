"""Matrix decompositions of array images, and arrays made of bits and neighbours."""

from __future__ import annotations

from dataclasses import replace

from ecumene.core.errors import EvaluationError
from ecumene.core.image import Image
from ecumene.core.kernel import Kernel
from ecumene.core.pixel_type import DOUBLE
from ecumene.core.registry import algorithm
from ecumene.core.wire import Float
from ecumene.plan.nodes import Windowed

MATRIX = DOUBLE.with_dimensions(2)


def _decomposed(name: str, image: Image, op: str, parts: str) -> Image:
    if len(image.bands) != 1 or image.bands[0].type.dimensions != 2:
        raise EvaluationError(f"{name}: The image must have one band of two-dimensional arrays.")
    band = image.bands[0]
    return image.with_bands(
        [
            replace(band, name=part, node=Windowed(op, (band.node,), 0, (part,), MATRIX))
            for part in parts
        ]
    )


@algorithm("Image.matrixCholeskyDecomposition")
def cholesky(image: Image) -> Image:
    """The lower triangular L with L·Lᵀ = input, as a band ``L``; other matrices are masked.

    Parameters
    ----------
    image : symmetric, positive definite matrices.
    """
    return _decomposed("Image.matrixCholeskyDecomposition", image, "cholesky", "L")


@algorithm("Image.matrixLUDecomposition")
def lu(image: Image) -> Image:
    """P·input = L·U with row exchanges P, as bands ``L``, ``U`` and ``P``.

    Parameters
    ----------
    image : square matrices.
    """
    return _decomposed("Image.matrixLUDecomposition", image, "lu", "LUP")


@algorithm("Image.matrixQRDecomposition")
def qr(image: Image) -> Image:
    """input = Q·R with orthogonal Q and upper triangular R, as bands ``Q`` and ``R``.

    Parameters
    ----------
    image : matrices.
    """
    return _decomposed("Image.matrixQRDecomposition", image, "qr", "QR")


@algorithm("Image.matrixSingularValueDecomposition")
def svd(image: Image) -> Image:
    """input = U·S·Vᵀ with orthogonal U and V and diagonal S, as bands ``U``, ``S`` and ``V``.

    Parameters
    ----------
    image : matrices.
    """
    return _decomposed("Image.matrixSingularValueDecomposition", image, "svd", "USV")


@algorithm("Image.neighborhoodToArray")
def neighborhood_to_array(image: Image, kernel: Kernel, default_value: Float = 0) -> Image:
    """The neighbourhood of each pixel as an array of rows and columns.

    Parameters
    ----------
    image : scalar bands; their masks are kept.
    kernel : fixed, square or rectangle; only its shape counts.
    default_value : in place of masked neighbours, cut to the type and range of the band.
    """
    name = "Image.neighborhoodToArray"
    if kernel.name not in ("Kernel.fixed", "Kernel.square", "Kernel.rectangle"):
        raise EvaluationError(f"{name}: Only fixed, square and rectangle kernels are supported.")
    x, y = kernel.focus
    rows, cols = kernel.weights.shape
    halo = max(x, y, cols - 1 - x, rows - 1 - y)
    bands = []
    for band in image.bands:
        if band.type.dimensions:
            raise EvaluationError(f"{name}: Band '{band.name}' is an array.")
        params = (rows, cols, y, x, float(default_value))
        kind = band.type.with_dimensions(2)
        bands.append(replace(band, node=Windowed("neighborhood", (band.node,), halo, params, kind)))
    return image.with_bands(bands)
