"""Segmentation: superpixels and clusters of pixels."""

from __future__ import annotations

from ecumene.algorithms.image.windows import derived, first_band, within
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import DOUBLE, FLOAT, of_range
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Float, Integer
from ecumene.plan.nodes import Celled, Lattice, Pick

CELL = 256
"""Pixels along the sides of the cells that are segmented one by one."""

NUMBERS = of_range(0, 2**31 - 1)
BYTE = of_range(0, 1)
MOST_CLUSTERS = 256


def _banded(name: str, image: Image) -> tuple[Band, ...]:
    first_band(name, image)
    return image.bands


@algorithm("Image.Segmentation.SNIC")
def snic(
    image: Image,
    size: Integer = 5,
    compactness: Float = 1,
    connectivity: Integer = 8,
    neighborhood_size: Integer | None = None,
    seeds: Image | None = None,
) -> Image:
    """Superpixels by simple non-iterative clustering: ``clusters``, and each band's mean over the cluster as ``<band>_mean``.

    Clusters grow from seeds, one pixel after the other, the one that is nearest in values and place first. The squared
    distance of places weighs (compactness / size)². Without seeds they lie on a square lattice, and a band ``seeds`` is 1
    there, else 0. A cluster's number tells its first seed's place in the grid. The grid is segmented in cells of 256 pixels
    with the neighborhood around them, whatever the tile: where a cluster crosses a side of a cell its means are those of
    the part that was seen.

    Parameters
    ----------
    image : masked pixels (in any band) belong to no cluster.
    size : pixels between the seeds.
    compactness : larger values make clusters more compact; 0 leaves places out.
    connectivity : 4 or 8.
    neighborhood_size : pixels around each cell that are segmented with it; twice the size if missing.
    seeds : pixels that are not 0 are seeds; those that touch are of one cluster.
    """
    name = "Image.Segmentation.SNIC"
    bands = _banded(name, image)
    within(name, "size", size, 1)
    if connectivity not in (4, 8):
        raise EvaluationError(f"{name}: 'connectivity' must be 4 or 8, got {connectivity}.")
    if not compactness >= 0:
        raise EvaluationError(f"{name}: 'compactness' must not be negative, got {compactness}.")
    halo = within(
        name, "neighborhoodSize", 2 * size if neighborhood_size is None else neighborhood_size
    )
    operands = tuple(band.node for band in bands)
    if seeds is not None:
        operands = (_banded(name, seeds)[0].node, *operands)
    params = (size, float(compactness), connectivity == 8, seeds is not None)
    node = Celled("snic", operands, CELL, halo, params, DOUBLE.with_dimensions(1))
    labels = ["clusters", *(f"{band.name}_mean" for band in bands)]
    kinds = [NUMBERS, *[FLOAT] * len(bands)]
    if seeds is None:
        labels.append("seeds")
        kinds.append(BYTE)
    projection = bands[0].projection
    return derived(
        image,
        [
            Band(label, Pick(node, k, kind), projection)
            for k, (label, kind) in enumerate(zip(labels, kinds, strict=True))
        ],
    )


@algorithm("Image.Segmentation.seedGrid")
def seed_grid(size: Integer = 5, grid_type: str = "square") -> Image:
    """1 at the seeds of a regular lattice of the grid that is asked for, else 0, as a band ``seeds``.

    Parameters
    ----------
    size : pixels between the seeds.
    grid_type : ``square``, or ``hex``: every other row is moved by half of the size.
    """
    name = "Image.Segmentation.seedGrid"
    if grid_type not in ("square", "hex"):
        raise EvaluationError(f"{name}: 'gridType' must be 'square' or 'hex', got '{grid_type}'.")
    within(name, "size", size, 1)
    return Image(bands=(Band("seeds", Lattice(size, grid_type == "hex", BYTE)),))


def _cells(name: str, neighborhood: int, grid_size: int | None) -> tuple[int, int]:
    """Sides of the cells, and the pixels around them."""
    if grid_size is None or grid_size <= 0:
        return CELL, within(name, "neighborhoodSize", neighborhood)
    if neighborhood:
        raise EvaluationError(
            f"{name}: Only one of 'gridSize' and 'neighborhoodSize' may be given."
        )
    return within(name, "gridSize", grid_size, 1), 0


@algorithm("Image.Segmentation.KMeans")
def k_means(
    image: Image,
    num_clusters: Integer = 8,
    num_iterations: Integer = 20,
    neighborhood_size: Integer = 0,
    grid_size: Integer | None = None,
    force_convergence: Boolean = False,
    unique_labels: Boolean = True,
) -> Image:
    """The number of each pixel's cluster of the cell that it lies in, as a band ``clusters``.

    Cells are squares of the grid; each is clustered by itself, by Lloyd's iterations from centres that k-means++ draws from
    a fixed stream. Pixels whose mask is partial are masked.

    Parameters
    ----------
    image : the bands are the coordinates.
    num_clusters : at most so many in each cell.
    num_iterations : most iterations.
    neighborhood_size : pixels around each cell (of 256) that are clustered with it; excludes ``gridSize``.
    grid_size : side of the cells.
    force_convergence : not to have converged is an error.
    unique_labels : clusters have other numbers in every cell.
    """
    name = "Image.Segmentation.KMeans"
    bands = _banded(name, image)
    if not 1 <= num_clusters <= MOST_CLUSTERS:
        raise EvaluationError(
            f"{name}: 'numClusters' must be between 1 and {MOST_CLUSTERS}, got {num_clusters}."
        )
    within(name, "numIterations", num_iterations, 1)
    cell, halo = _cells(name, neighborhood_size, grid_size)
    params = (num_clusters, num_iterations, force_convergence, unique_labels)
    return _clustered(image, bands, "kmeans", cell, halo, params)


@algorithm("Image.Segmentation.GMeans")
def g_means(
    image: Image,
    num_iterations: Integer = 10,
    p_value: Float = 50,
    neighborhood_size: Integer = 0,
    grid_size: Integer | None = None,
    unique_labels: Boolean = True,
) -> Image:
    """As ``KMeans``, with as many clusters as the pixels need: each is split until it looks normally distributed.

    The test is that of Anderson and Darling along the line between the halves; ``pValue`` is what its statistic may be at
    most (the scale of the default leaves no other meaning).

    Parameters
    ----------
    image : the bands are the coordinates.
    num_iterations : most iterations of each k-means.
    p_value : larger values make fewer clusters.
    neighborhood_size : pixels around each cell (of 256) that are clustered with it; excludes ``gridSize``.
    grid_size : side of the cells.
    unique_labels : clusters have other numbers in every cell.
    """
    name = "Image.Segmentation.GMeans"
    bands = _banded(name, image)
    within(name, "numIterations", num_iterations, 1)
    cell, halo = _cells(name, neighborhood_size, grid_size)
    return _clustered(image, bands, "gmeans", cell, halo, (num_iterations, p_value, unique_labels))


def _clustered(
    image: Image, bands: tuple[Band, ...], op: str, cell: int, halo: int, params: tuple[object, ...]
) -> Image:
    operands = tuple(band.node for band in bands)
    node = Celled(op, operands, cell, halo, params, NUMBERS, wholly=True)
    return derived(image, [Band("clusters", node, bands[0].projection)])
