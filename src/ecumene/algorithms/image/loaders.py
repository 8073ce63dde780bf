"""Images of files in the buckets that the operator has named: GeoTIFF and arrays of Zarr."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np

from ecumene.catalog.fileassets import image_record, outlined
from ecumene.catalog.images import image_of
from ecumene.catalog.records import IMAGE, AssetRecord, encode_band
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import EcumeneError, EvaluationError, LimitExceeded
from ecumene.core.image import Image
from ecumene.core.pixel_type import of_dtype
from ecumene.core.projection import Projection
from ecumene.core.raster import RasterBand
from ecumene.core.registry import algorithm
from ecumene.core.wire import Integer, Object, Wire
from ecumene.plan.nodes import Source
from ecumene.storage import rasters, zarr
from ecumene.storage.zarr import Chunks

MOST_BANDS = 5000
MOST_IMAGES = 100_000


def _node(band: RasterBand) -> Source:
    return Source(band, "nearest", band.type)


def _found(name: str, uri: str, context: Context) -> tuple[str, Any]:
    """The file of a URI, and the store that reads it. Raises EvaluationError where the account may not read it."""
    store = None if context.pixels is None else context.pixels.store
    if context.file is None or store is None:
        raise EvaluationError(f"{name}: This server has no buckets.")
    try:
        return str(context.file(uri)), store
    except EcumeneError as error:
        raise EvaluationError(f"{name}: {error.message}") from None


@algorithm("Image.loadGeoTIFF")
def load_geotiff(uri: str, context: Context) -> Image:
    """The image of a tiled GeoTIFF in a bucket that the operator has named.

    Bands have the names that the file gives them, else ``B0``, ``B1``, …; the file's nodata value and alpha are masked.

    Parameters
    ----------
    uri : ``gs://bucket/name`` or ``s3://bucket/name``.
    """
    name = "Image.loadGeoTIFF"
    path, store = _found(name, uri, context)
    try:
        about = rasters.describe(store.gate, path)
        if about.driver != "GTiff" or not about.tiled:
            raise EvaluationError(f"'{uri}' is not a tiled GeoTIFF.")
        record = image_record(store.gate, uri, path, unnamed=lambda number: f"B{number - 1}")
    except EcumeneError as error:
        raise EvaluationError(f"{name}: {error.message}") from None
    return image_of(record, _node, member=False)


def _array(name: str, uri: str, context: Context) -> tuple[str, Chunks, str]:
    """The path of an array, its layout, and its name."""
    path, store = _found(name, uri, context)
    if os.path.basename(path) != zarr.FILE:
        raise EvaluationError(f"{name}: '{uri}' is not a {zarr.FILE} file.")
    try:
        chunks: Chunks = store.header(path).chunks
        dimensions = zarr.attributes(path).get("_ARRAY_DIMENSIONS")
    except EcumeneError as error:
        raise EvaluationError(f"{name}: {error.message}") from None
    if not isinstance(dimensions, list) or len(dimensions) != len(chunks.shape):
        raise EvaluationError(
            f"{name}: The attributes must name each dimension in '_ARRAY_DIMENSIONS'."
        )
    return path, chunks, os.path.basename(chunks.folder)


def _range(
    name: str, outer: Sequence[int], starts: list[Any] | None, ends: list[Any] | None
) -> list[range]:
    """The indices along each dimension before y and x."""
    for key, given in (("starts", starts), ("ends", ends)):
        if given is not None and len(given) != len(outer):
            raise EvaluationError(f"{name}: '{key}' must have {len(outer)} elements. Found {len(given)}.")  # fmt: skip
    found = []
    for axis, length in enumerate(outer):
        first = _index(name, starts[axis] if starts else None, length, 0)
        last = _index(name, ends[axis] if ends else None, length, length)
        if first >= last:
            raise EvaluationError(f"{name}: Dimension {axis} has no index from {first} to {last}.")
        found.append(range(first, last))
    return found


def _index(name: str, given: Any, length: int, default: int) -> int:
    if given is None:
        return default
    if not isinstance(given, int | float) or not float(given).is_integer():
        raise EvaluationError(f"{name}: Indices must be integers. Found {given}.")
    index = int(given) + (length if given < 0 else 0)
    if not 0 <= index <= length:
        raise EvaluationError(f"{name}: Index {int(given)} is outside of {length} elements.")
    return index


def _sliced(
    uri: str, path: str, chunks: Chunks, grid: Projection, bands: Sequence[tuple[str, int]]
) -> AssetRecord:
    """The record of an image of some positions of an array, by name."""
    height, width = chunks.shape[-2:]
    native = np.dtype(np.uint8) if chunks.dtype.kind == "b" else chunks.dtype.newbyteorder("=")
    missing = () if chunks.fill is None or np.isnan(chunks.fill) else (chunks.fill,)
    kind = of_dtype(native)
    bounds, outline = outlined(grid, width, height)
    encoded = tuple(
        encode_band(name, RasterBand(path, place + 1, kind, grid, width, height, missing))
        for name, place in bands
    )
    return AssetRecord(uri, IMAGE, bounds=bounds, footprint=outline, bands=encoded)


def _named(array: str, ranges: list[range], outer: Sequence[int]) -> list[tuple[str, int]]:
    """Name and position of every combination of indices, the last dimension first; names tell the indices that vary."""
    grids = np.meshgrid(*ranges, indexing="ij") if ranges else []
    places = np.ravel_multi_index([g.reshape(-1) for g in grids], tuple(outer)) if grids else [0]
    varying = [g.reshape(-1).tolist() for g, r in zip(grids, ranges, strict=True) if len(r) > 1]
    if not varying:
        return [(array, int(places[0]))]
    return [
        (f"{array}_{'_'.join(map(str, indices))}", int(place))
        for place, *indices in zip(places, *varying, strict=True)
    ]


@algorithm("Image.loadZarrV2Array")
def load_zarr_array(
    uri: str, proj: Projection, starts: list[Object] | None = None, ends: list[Object] | None = None, *, context: Context
) -> Image:  # fmt: skip
    """An array of Zarr version 2 in a bucket that the operator has named, as an image.

    The last two dimensions are y and x. A band is named after the array, followed by its index along each other
    dimension that has several. Pixels that hold the array's fill value are masked; scales are not applied.

    Parameters
    ----------
    uri : the array's ``.zarray`` file, ``gs://bucket/…/.zarray``. The folder above the array's has a ``.zmetadata``.
    proj : the projection of the array: its transform takes column and row to coordinates.
    starts : first index along each dimension before y and x, null for 0; negative ones count from the end.
    ends : the index after the last, null for the end.
    """
    name = "Image.loadZarrV2Array"
    path, chunks, array = _array(name, uri, context)
    ranges = _range(name, chunks.outer, starts, ends)
    if np.prod([float(len(r)) for r in ranges]) > MOST_BANDS:
        raise LimitExceeded(f"{name}: More than {MOST_BANDS} bands; set 'starts' and 'ends'.")
    record = _sliced(uri, path, chunks, proj, _named(array, ranges, chunks.outer))
    return image_of(record, _node, member=False)


@algorithm("ImageCollection.loadZarrV2Array")
def load_zarr_collection(
    uri: str, proj: Projection, axis: Integer | None = None, starts: list[Object] | None = None, ends: list[Object] | None = None,
    *, context: Context,
) -> Annotated[Collection, Wire("ImageCollection")]:  # fmt: skip
    """An array of Zarr version 2 as images, one for each index along a dimension.

    ``system:index`` is the index. Bands are those of ``Image.loadZarrV2Array``.

    Parameters
    ----------
    uri : the array's ``.zarray`` file.
    proj : the projection of the array.
    axis : the dimension, by default 0.
    starts : first index along each dimension before y and x, null for 0; negative ones count from the end.
    ends : the index after the last, null for the end.
    """
    name = "ImageCollection.loadZarrV2Array"
    path, chunks, array = _array(name, uri, context)
    along = 0 if axis is None else axis
    if not 0 <= along < len(chunks.outer):
        raise EvaluationError(
            f"{name}: 'axis' must be in the range [0, {len(chunks.outer) - 1}]. Found {along}."
        )
    ranges = _range(name, chunks.outer, starts, ends)
    indices = ranges[along]
    others = [range(1) if k == along else r for k, r in enumerate(ranges)]
    if len(indices) > MOST_IMAGES or np.prod([float(len(r)) for r in others]) > MOST_BANDS:
        raise LimitExceeded(
            f"{name}: More than {MOST_IMAGES} images or {MOST_BANDS} bands; set 'starts' and 'ends'."
        )

    def produce() -> Iterator[Image]:
        for index in indices:
            chosen = [range(index, index + 1) if k == along else r for k, r in enumerate(ranges)]
            record = _sliced(uri, path, chunks, proj, _named(array, chosen, chunks.outer))
            image = image_of(record, _node, member=False)
            yield image.set("system:index", str(index))

    return Collection.lazy(produce, "Image", lambda: len(indices))
