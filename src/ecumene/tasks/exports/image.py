"""``image:export``: an image into GeoTIFF files, TFRecord files, or an asset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ecumene.core.context import Context
from ecumene.core.documents import pick, wrapped
from ecumene.core.errors import LimitExceeded, RequestError
from ecumene.core.image import Image
from ecumene.core.projection import Grid, Window
from ecumene.engine import grids
from ecumene.numerics.pyramids import POLICIES
from ecumene.raster import tiff
from ecumene.raster.geotiff import common_type
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports import assets, files, requests, tfrecords, zarr
from ecumene.tasks.exports.pieces import Sheet, Writer

FORMATS = {"GEO_TIFF": "GEO_TIFF", "TF_RECORD_IMAGE": "TF_RECORD_IMAGE", "ZARR": "ZARR"}
"""``ZARR`` is ours."""

SIDE = 256
FILE_BYTES = 2**31
"""Pixels of one file where the request names no dimensions; larger images become several files."""

_NAMES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "int64": "Int64", "float32": "Float32", "float64": "Float64",
}  # fmt: skip


def accepted(body: Mapping[str, Any]) -> requests.Payload:
    """The payload of an ``ExportImageRequest``."""
    payload = requests.common(body)
    payload["maxPixels"] = requests.integer(body, "maxPixels", requests.MAX_PIXELS, 1)
    payload["grid"] = dict(requests.member(body, "grid"))
    to_file, to_asset = pick(body, "fileExportOptions"), pick(body, "assetExportOptions")
    if (to_file is None) == (to_asset is None):
        raise RequestError(
            "Exactly one of fileExportOptions and assetExportOptions must be specified."
        )
    if to_asset is not None:
        options = requests.member(body, "assetExportOptions")
        return payload | requests.asset(options) | {"policies": _policies(options)}
    payload |= requests.file_options(body, FORMATS, "GEO_TIFF")
    options = requests.member(body, "fileExportOptions")
    if payload["format"] == "TF_RECORD_IMAGE":
        payload["options"] = tfrecords.options(requests.member(options, "tfRecordOptions"))
    elif payload["format"] == "ZARR":
        payload["options"] = zarr.options(requests.member(options, "zarrOptions"))
    else:
        payload["options"] = geotiff_options(requests.member(options, "geoTiffOptions"))
    return payload


def _policies(options: Mapping[str, Any]) -> dict[str, str]:
    """Pyramiding policies by band; ``""`` is the one of all others."""
    found = {"": pick(options, "pyramidingPolicy") or "MEAN"}
    found |= requests.member(options, "pyramidingPolicyOverrides")
    for band, policy in found.items():
        if str(policy).endswith("UNSPECIFIED"):
            found[band] = "MEAN"
        elif policy not in POLICIES:
            raise RequestError(f"Invalid pyramiding policy '{policy}'.")
    return found


def geotiff_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """``GeoTiffImageExportOptions``, checked."""
    side = requests.integer(given, "tileSize", SIDE, 0, 4096) or SIDE
    if side % 16:
        raise RequestError(f"shardSize must be a multiple of 16, got {side}.")
    size = requests.dimensions(given, "tileDimensions")
    if size is not None and any(s <= 0 or s % side for s in size):
        raise RequestError(
            f"File dimensions ({size[0]}x{size[1]}) must be a positive multiple of the shard size, {side}."
        )
    nodata = pick(given, "noData")
    if isinstance(nodata, Mapping):
        nodata = pick(nodata, "floatValue", pick(nodata, "integerValue"))
    nodata = wrapped(nodata)
    try:
        nodata = None if nodata is None else float(nodata)
    except (TypeError, ValueError):
        raise RequestError(f"Invalid value for 'noData': {nodata}") from None
    keys = pick(given, "metadataKeys") or []
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise RequestError("'metadataKeys' must be a list of strings.")
    resampling = str(pick(requests.member(given, "pyramidOptions"), "resamplingMethod") or "MEAN")
    policy = {"NEAREST": "SAMPLE", "AVERAGE": "MEAN"}.get(resampling, resampling)
    return {
        "optimized": bool(pick(given, "cloudOptimized")),
        "side": side,
        "dimensions": size,
        "skip": bool(pick(given, "skipEmptyFiles")),
        "nodata": None if nodata is None else _text(nodata),
        "metadata": keys,
        "policy": policy if policy in POLICIES else "MEAN",
    }


def _text(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


# -- the pixels of a request ---------------------------------------------------------------------


def exported(task: TaskContext, context: Context) -> tuple[Image, Grid, Window]:
    """Image, grid and window of a request, within the limits that it sets itself."""
    engine, payload = task.around.engine, task.payload
    image = engine.as_image(engine.evaluate(payload["expression"], context), context)
    if not image.bands:
        raise RequestError("Unable to export an image with no bands.")
    bounded = image.bands[0].dimensions is not None or not image.footprint.unbounded
    if not bounded and not payload["grid"]:
        raise RequestError("Unable to export unbounded image.")
    grid, window = grids.resolve(image, payload["grid"], None, context.limits)
    pixels, most = window.width * window.height, payload["maxPixels"]
    if pixels > most:
        raise LimitExceeded(
            f"Export too large: specified {pixels} pixels (max: {most}). "
            "Specify higher maxPixels value if you intend to export a large area."
        )
    if len(image.bands) > context.limits.bands:
        raise LimitExceeded(
            f"Too many bands: {len(image.bands)}; at most {context.limits.bands} are allowed."
        )
    return image, grid, window


def scalar_bands(image: Image) -> None:
    """Raises RequestError where a band holds arrays."""
    for band in image.bands:
        if band.type.dimensions:
            raise RequestError(
                f"Unable to export array bands: band '{band.name}'. Use arrayFlatten or arrayGet first."
            )


def run(task: TaskContext) -> Any:
    """Does the work; returns the manifest."""
    context = task.evaluation()
    image, grid, window = exported(task, context)
    if "asset" in task.payload:
        scalar_bands(image)
        return assets.image(task, image, grid, window, context)
    if task.payload["format"] == "TF_RECORD_IMAGE":
        return tfrecords.image(task, image, grid, window, context)
    scalar_bands(image)
    if task.payload["format"] == "ZARR":
        return zarr.image(task, image, grid, window, context)
    return _geotiffs(task, image, grid, window, context)


def publish(task: TaskContext, made: Any) -> list[str]:
    """Puts files in place, or registers the asset."""
    return assets.publish(task, made) if "asset" in task.payload else files.publish(task, made)


# -- GeoTIFF -------------------------------------------------------------------------------------


def file_type(image: Image) -> np.dtype[Any]:
    """The type of all bands. Earth Engine refuses to guess one for bands of several types."""
    kinds = list(dict.fromkeys(band.type.dtype.name for band in image.bands))
    if len(kinds) > 1:
        raise RequestError(
            "Exported bands must have compatible data types; found inconsistent types: "
            f"{_NAMES[kinds[0]]} and {_NAMES[kinds[1]]}."
        )
    return common_type([image.bands[0].type.dtype])


def split(window: Window, options: Mapping[str, Any], pixel_bytes: int) -> list[tuple[Window, str]]:
    """Windows of files, with the endings of their names: ``-yMin-xMin`` where there are several."""
    side = options["side"]
    size = options["dimensions"]
    if size is None:
        most = max(math.isqrt(FILE_BYTES // pixel_bytes) // side, 1) * side
        if window.width * window.height * pixel_bytes <= FILE_BYTES:
            most = max(window.width, window.height)
        size = most, most
    width, height = size
    found = []
    for row in range(0, window.height, height):
        for col in range(0, window.width, width):
            part = Window(
                window.col + col,
                window.row + row,
                min(width, window.width - col),
                min(height, window.height - row),
            )
            found.append((part, f"-{row:010d}-{col:010d}"))
    return found if len(found) > 1 else [(window, "")]


def _nodata(options: Mapping[str, Any], dtype: np.dtype[Any]) -> tuple[float, float | None]:
    """What masked pixels are, and the file's no data value.

    Without ``noData``, masked integers are 0, which the file does not tell from others, and masked floats NaN.
    """
    given = options["nodata"]
    if given is None:
        return (math.nan, math.nan) if dtype.kind == "f" else (0, None)
    value = float(given)
    if dtype.kind != "f":
        info = np.iinfo(dtype)
        if not (value.is_integer() and info.min <= value <= info.max):
            raise RequestError(
                f"The noData value {value:g} cannot be represented in the type {_NAMES[dtype.name]}."
            )
    return value, value


def _geotiffs(
    task: TaskContext, image: Image, grid: Grid, window: Window, context: Context
) -> files.Made:
    options, dtype = task.payload["options"], file_type(image)
    fill, nodata = _nodata(options, dtype)
    windows = split(window, options, len(image.bands) * dtype.itemsize)
    total, done = window.width * window.height, 0

    def advance(pixels: int) -> None:
        nonlocal done
        done += pixels
        task.progress(0.95 * done / total, stages(done / total))

    made: dict[str, str] = {}
    for number, (part, ending) in enumerate(windows):
        form = _format(image, dtype, grid, part, nodata, options)
        name = _geotiff(task, image, grid, part, context, form, fill, f"f{number}", advance)
        if name is not None:
            made[name] = f"{ending}.tif"
    return files.manifest(made)


def _format(
    image: Image,
    dtype: np.dtype[Any],
    grid: Grid,
    part: Window,
    nodata: float | None,
    options: Mapping[str, Any],
) -> tiff.Format:
    bytes_all = part.width * part.height * len(image.bands) * dtype.itemsize
    big = bytes_all * (4 / 3 if options["optimized"] else 1) > 3.9e9
    about = {k: image.properties[k] for k in options.get("metadata", ()) if k in image.properties}
    placed = tiff.placed_tags(image.band_names, dtype, grid, part, nodata, about)
    return tiff.Format(dtype, len(image.bands), options["side"], placed, big)


def _geotiff(
    task: TaskContext, image: Image, grid: Grid, part: Window, context: Context, form: tiff.Format,
    fill: float, name: str, advance: Any,
) -> str | None:  # fmt: skip
    """One file; its name in the scratch directory, None if it is empty and is to be left out."""
    options = task.payload["options"]
    every = tuple(range(len(image.bands)))
    sheets = [Sheet(name, every, form.dtype, fill)]
    if options["optimized"]:
        sheets.append(Sheet(f"{name}v", every, np.dtype("uint8"), validity=True))
    writer = Writer(task, image, grid, part, sheets, form.side, name, advance)
    try:
        sheets[0].open(task.scratch.path, (part.width, part.height), form)
        if options["optimized"]:
            validity = tiff.Format(np.dtype("uint8"), form.bands, form.side, ())
            sheets[1].open(task.scratch.path, (part.width, part.height), validity)
        writer.write(context)
        if options["skip"] and not writer.valid:
            return None
        if not options["optimized"]:
            return writer.plain(sheets[0]).name
        writer.pyramid([(sheets[0], sheets[1])], [options["policy"]])
        return writer.optimized(sheets[0]).name
    finally:
        writer.close()


def stages(fraction: float) -> list[dict[str, Any]]:
    """Stages as Earth Engine tells them."""
    named = (
        ("Create Local Files", "Computation and writing of temporary files.", round(fraction, 4)),
        ("Write Files to Destination", "Uploading of files to the export destination.", 0),
    )
    return [
        {"displayName": name, "description": text, "completeWorkUnits": done, "totalWorkUnits": 1}
        for name, text, done in named
    ]
