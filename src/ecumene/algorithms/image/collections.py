"""Collections of images as images: reductions, mosaics, stacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import shapely

from ecumene.algorithms.image.bands import stack_bands
from ecumene.algorithms.reducers.constructors import get
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.geometry import UNBOUNDED, Geometry
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import PixelType, union
from ecumene.core.projection import DEFAULT_PROJECTION, Projection
from ecumene.core.reducer import Reducer
from ecumene.core.registry import REGISTRY, Algorithm, Argument, algorithm
from ecumene.core.wire import Float, Long, Wire
from ecumene.plan.nodes import Fold, Gather, Mosaic, QualityMosaic

Images = Annotated[Collection, Wire("ImageCollection")]

MOST_BANDS = 5000


@algorithm("ImageCollection.load")
def load(id: str, version: Long | None = None, *, context: Context) -> Images:
    """A stored collection of images.

    Parameters
    ----------
    id : the asset.
    version : accepted for compatibility; the stored version is served.
    """
    found = context.catalog.load_collection(id)
    if found is None:
        raise EvaluationError(
            f"ImageCollection.load: ImageCollection asset '{id}' not found (does not exist or caller does not have access)."
        )
    context.loaded(id)
    return found


@algorithm("ImageCollection.fromImages")
def from_images(images: list[Image]) -> Images:
    """A collection of the given images, numbered ``0``, ``1``, ….

    Parameters
    ----------
    images : the images.
    """
    numbered = [image.set("system:index", str(i)) for i, image in enumerate(images)]
    return Collection.of(numbered, "Image")


def members(name: str, collection: Collection, context: Context) -> list[Image]:
    """The images of a collection."""
    found: list[Image] = []
    for element in collection:
        context.cancel.check()
        if not isinstance(element, Image):
            raise EvaluationError(
                f"{name}: The collection must hold images, found a {type(element).__name__}."
            )
        found.append(element)
    return found


def union_footprint(images: Iterable[Image]) -> Geometry:
    """All footprints together."""
    footprints = [image.footprint for image in images]
    if not footprints or any(f.unbounded for f in footprints):
        return UNBOUNDED
    first = footprints[0]
    different = {f.shape.wkb: f for f in footprints if f.crs == first.crs}
    if len(different) == 1:
        return first
    shapes = [shapely.make_valid(f.shape) for f in different.values()]
    return Geometry(shapely.union_all(shapes), first.crs, first.geodesic)


def _incompatible(first: Image, image: Image, reason: str) -> EvaluationError:
    def described(item: Image) -> str:
        return f"{len(item.bands)} bands ([{', '.join(item.band_names)}])"

    return EvaluationError(
        "Expected a homogeneous image collection, but an image with incompatible bands was encountered:\n"
        f"First image type: {described(first)}.\nCurrent image type: {described(image)}.\n"
        f"Image ID: {image.index or image.id}\n{reason}Some bands might require explicit casts."
    )


def stacks_by_name(images: list[Image]) -> list[tuple[str, list[Band]]]:
    """For each band of the first image, that band of every image; EvaluationError if one is missing."""
    first = images[0]
    columns: dict[str, list[Band]] = {name: [] for name in first.band_names}
    for image in images:
        by_name = {band.name: band for band in image.bands}
        if len(by_name) != len(columns):
            raise _incompatible(first, image, "")
        for name, column in columns.items():
            band = by_name.get(name)
            if band is None:
                raise _incompatible(first, image, "")
            if (
                band.type.dimensions != first.bands[0].type.dimensions
                and column
                and column[0].type.dimensions != band.type.dimensions
            ):
                raise _incompatible(
                    first,
                    image,
                    f"Mismatched type for band '{name}':\n  Expected type: {column[0].type.text()}.\n"
                    f"  Actual type: {band.type.text()}.\n",
                )
            column.append(band)
    return list(columns.items())


def joined_type(bands: Iterable[Band]) -> PixelType:
    """The union of the bands' types (equal objects are compared once)."""
    return union(*dict.fromkeys(band.type for band in bands))


def shared_projection(bands: Iterable[Band]) -> Projection:
    """The projection of all, or the placeholder where they differ."""
    found = {band.projection for band in bands}
    return found.pop() if len(found) == 1 else DEFAULT_PROJECTION


def reduce_images(name: str, images: list[Image], reducer: Reducer, *, suffix: bool) -> Image:
    """A reducer over images, per pixel.

    Single-input reducers run on every band (names get ``_<output>`` if ``suffix``); others take as many bands
    as they have inputs. The result has the placeholder projection and the union of the footprints.
    """
    if not images:
        return Image()
    columns = stacks_by_name(images)
    bands: list[Band] = []
    if reducer.inputs == 1:
        for band_name, column in columns:
            nodes = tuple(band.node for band in column)
            kinds = reducer.types([joined_type(column)])
            for k, (output, kind) in enumerate(zip(reducer.outputs, kinds, strict=True)):
                if output:
                    label = f"{band_name}_{output}" if suffix else band_name
                    bands.append(Band(label, Fold(reducer, (nodes,), k, kind)))
    else:
        if len(columns) != reducer.inputs:
            raise EvaluationError(
                f"{name}: The reducer has {reducer.inputs} inputs, but the images have {len(columns)} bands."
            )
        stacks = tuple(tuple(band.node for band in column) for _, column in columns)
        kinds = reducer.types([joined_type(column) for _, column in columns])
        for k, (output, kind) in enumerate(zip(reducer.outputs, kinds, strict=True)):
            if output:
                bands.append(Band(output, Fold(reducer, stacks, k, kind)))
    return Image(bands=tuple(bands), footprint=union_footprint(images))


@algorithm("ImageCollection.reduce")
def reduce(
    collection: Images, reducer: Reducer, parallel_scale: Float = 1, *, context: Context
) -> Image:
    """A reducer over all images of a collection at each pixel; bands are named ``<band>_<output>``.

    Parameters
    ----------
    collection : the images, all with the same bands.
    reducer : what to compute.
    parallel_scale : accepted for compatibility; blocks are sized by memory here.
    """
    name = "ImageCollection.reduce"
    return reduce_images(name, members(name, collection, context), reducer, suffix=True)


_SHORTCUTS = {
    "median": ("median", "Median of the images at each pixel."),
    "mean": ("mean", "Mean of the images at each pixel."),
    "min": ("min", "Smallest value of the images at each pixel."),
    "max": ("max", "Largest value of the images at each pixel."),
    "sum": ("sum", "Sum of the images at each pixel."),
    "count": ("count", "Number of images that are not masked, at each pixel."),
    "mode": ("mode", "Most frequent value of the images at each pixel, of several the smallest."),
    "product": ("product", "Product of the images at each pixel."),
    "and": ("allNonZero", "1 where no image is 0, else 0."),
    "or": ("anyNonZero", "1 where some image is not 0, else 0."),
}


def _declare_shortcuts() -> None:
    def maker(name: str, reducer_name: str) -> Any:
        def run(collection: Collection, context: Context) -> Image:
            return reduce_images(
                name, members(name, collection, context), get(reducer_name), suffix=False
            )

        return run

    for short, (reducer_name, words) in _SHORTCUTS.items():
        argument = Argument(
            "collection",
            "ImageCollection",
            "the images, matched by band names",
            parameter="collection",
        )
        name = f"reduce.{short}"
        REGISTRY.add(
            Algorithm(
                name,
                (argument,),
                "Image<unknown bands>",
                words,
                maker(name, reducer_name),
                inject="context",
            )
        )


_declare_shortcuts()


@algorithm("ImageCollection.mosaic")
def mosaic(collection: Images, *, context: Context) -> Image:
    """All images laid over each other, the last on top.

    Parameters
    ----------
    collection : the images.
    """
    images = members("ImageCollection.mosaic", collection, context)
    if not images:
        return Image()
    bands = []
    for name, column in stacks_by_name(images):
        nodes = tuple(band.node for band in column)
        bands.append(Band(name, Mosaic(nodes, joined_type(column)), shared_projection(column)))
    return Image(bands=tuple(bands), footprint=union_footprint(images))


@algorithm("ImageCollection.qualityMosaic")
def quality_mosaic(collection: Images, quality_band: str, *, context: Context) -> Image:
    """At each pixel the image whose quality band is largest.

    Parameters
    ----------
    collection : the images.
    quality_band : the band that decides.
    """
    images = members("ImageCollection.qualityMosaic", collection, context)
    if not images:
        return Image()
    columns = stacks_by_name(images)
    quality = next((column for name, column in columns if name == quality_band), None)
    if quality is None:
        raise EvaluationError(
            f"ImageCollection.qualityMosaic: No band named '{quality_band}'. Available band names: {images[0].band_names}."
        )
    deciding = tuple(band.node for band in quality)
    bands = [
        Band(
            name,
            QualityMosaic(deciding, tuple(b.node for b in column), joined_type(column)),
            shared_projection(column),
        )
        for name, column in columns
    ]
    return Image(bands=tuple(bands), footprint=union_footprint(images))


@algorithm("ImageCollection.toBands")
def to_bands(collection: Images, *, context: Context) -> Image:
    """All bands of all images side by side, named ``<index>_<band>``.

    Parameters
    ----------
    collection : the images.
    """
    images = members("ImageCollection.toBands", collection, context)
    if sum(len(image.bands) for image in images) > MOST_BANDS:
        raise LimitExceeded(
            f"ImageCollection.toBands: Too many bands; at most {MOST_BANDS} are allowed."
        )
    return stack_bands(images, prefix=True)


@algorithm("ImageCollection.toArray")
def to_array(collection: Images, *, context: Context) -> Image:
    """Arrays of images by bands at each pixel, of the images that are valid there in all bands.

    Parameters
    ----------
    collection : the images.
    """
    images = members("ImageCollection.toArray", collection, context)
    if not images:
        return Image()
    columns = stacks_by_name(images)
    kind = union(*(joined_type(column) for _, column in columns)).with_dimensions(2)
    rows = tuple(tuple(column[i].node for _, column in columns) for i in range(len(images)))
    place = shared_projection(band for _, column in columns for band in column)
    return Image(
        bands=(Band("array", Gather(rows, kind), place),), footprint=union_footprint(images)
    )
