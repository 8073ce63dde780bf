"""Images as bytes: the pixels of a window, in a file format."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError, LimitExceeded, RequestError
from ecumene.core.image import Image
from ecumene.core.projection import Grid, Window
from ecumene.raster import encode
from ecumene.raster.geotiff import GeoTiff

FORMATS = (
    "PNG",
    "JPEG",
    "AUTO_JPEG_PNG",
    "NPY",
    "GEO_TIFF",
    "ZIPPED_GEO_TIFF",
    "ZIPPED_GEO_TIFF_PER_BAND",
)
PICTURES = ("PNG", "JPEG", "AUTO_JPEG_PNG")

Arrays = list[NDArray[Any]]
Masks = list[NDArray[Any] | None]


@dataclass(slots=True)
class Bytes:
    """A raw answer."""

    content: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


def check_size(image: Image, window: Window, context: Context) -> None:
    """The service's limit: W·H·Σ(bytes per band + 1)."""
    limits = context.limits
    if len(image.bands) > limits.bands:
        raise LimitExceeded(
            f"Too many bands: {len(image.bands)}; at most {limits.bands} are allowed."
        )
    total = window.width * window.height * sum(band.type.dtype.itemsize + 1 for band in image.bands)
    if total > limits.request_pixels_bytes:
        raise LimitExceeded(
            f"Total request size ({total} bytes) must be less than or equal to {limits.request_pixels_bytes} bytes."
        )


def compute(image: Image, grid: Grid, window: Window, context: Context) -> tuple[Arrays, Masks]:
    """All pixels of a window: values (0 where masked) and masks (None = all valid) of every band."""
    check_size(image, window, context)
    assert context.pixels is not None
    arrays: list[NDArray[Any] | None] = [None] * len(image.bands)
    masks: list[NDArray[Any] | None] = [None] * len(image.bands)
    for block, found in context.pixels.blocks(
        [band.node for band in image.bands], grid, window, context
    ):
        rows = slice(block.row - window.row, block.row - window.row + block.height)
        cols = slice(block.col - window.col, block.col - window.col + block.width)
        for k, pixels in enumerate(found):
            target = arrays[k]
            if target is None:
                shape = (window.height, window.width, *pixels.values.shape[2:])
                target = arrays[k] = np.zeros(shape, image.bands[k].type.dtype)
            if target.shape[2:] != pixels.values.shape[2:]:
                if pixels.values.size == 0 or (pixels.mask is not None and not pixels.mask.any()):
                    pixels.values = np.zeros((*block.shape, *target.shape[2:]), target.dtype)
                else:
                    raise EvaluationError(
                        f"Band '{image.bands[k].name}' has arrays of different shapes."
                    )
            mask = pixels.mask
            if mask is None:
                target[rows, cols] = pixels.values
                continue
            shown = (mask > 0).reshape(*mask.shape, *(1,) * (pixels.values.ndim - 2))
            target[rows, cols] = np.where(shown, pixels.values, 0)
            whole = masks[k]
            if whole is None:
                whole = masks[k] = np.ones((window.height, window.width), mask.dtype)
            elif whole.dtype != mask.dtype and mask.dtype != bool:
                whole = masks[k] = whole.astype(mask.dtype)
            whole[rows, cols] = mask
    return [a for a in arrays if a is not None], masks


def picture(image: Image, arrays: Arrays, masks: Masks, kind: str) -> Bytes:
    """One or three bands as PNG or JPEG; values are clamped to 0–255."""
    if len(arrays) not in (1, 3):
        raise RequestError(
            f"{kind} images must have 1 or 3 bands; this one has {len(arrays)}. Select them with 'bandIds'."
        )
    if any(a.ndim > 2 for a in arrays):
        raise RequestError("Array bands cannot be shown as a picture.")
    data = np.stack([_byte(a) for a in arrays], axis=2)
    alpha = None
    for mask in masks:
        if mask is not None:
            alpha = mask if alpha is None else np.minimum(alpha, mask)
    if alpha is not None and bool((alpha >= 1).all()):
        alpha = None
    if kind == "AUTO_JPEG_PNG":
        kind = "JPEG" if alpha is None else "PNG"
    if kind == "JPEG":
        if alpha is not None:
            data = np.where((alpha > 0)[..., None], data, 0).astype("uint8")
        return Bytes(encode.jpeg(data), "image/jpeg")
    if alpha is not None:
        data = np.concatenate([data, np.rint(alpha * 255).astype("uint8")[..., None]], axis=2)
    return Bytes(encode.png(data), "image/png")


def opaque(arrays: Arrays, masks: Masks) -> NDArray[np.uint8]:
    """One or three bands as ``(h, w, 3)`` bytes, clamped to 0–255, black where any band is masked."""
    if any(a.ndim > 2 for a in arrays):
        raise RequestError("Array bands cannot be shown as a picture.")
    data = np.stack([_byte(a) for a in (arrays if len(arrays) == 3 else arrays[:1] * 3)], axis=2)
    for mask in masks:
        if mask is not None:
            data[~(mask > 0)] = 0
    return data


def _byte(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    bounded = np.clip(np.nan_to_num(values, nan=0.0, posinf=255, neginf=0), 0, 255)
    return np.asarray(bounded, "uint8")


def render(
    image: Image, grid: Grid, window: Window, kind: str, context: Context, prefix: str = "download"
) -> Bytes:
    """The window in a file format."""
    if kind in PICTURES and len(image.bands) not in (1, 3):
        raise RequestError(
            f"{kind} images must have 1 or 3 bands; this one has {len(image.bands)}. Select them with 'bandIds'."
        )
    if kind.endswith(("GEO_TIFF", "PER_BAND")):
        return geotiffs(image, grid, window, kind, context, prefix)
    arrays, masks = compute(image, grid, window, context)
    if context.profile is None:
        return encoded(image, arrays, masks, grid, window, kind, prefix)
    with context.profile.clock().inside("Encoding pixels"):
        return encoded(image, arrays, masks, grid, window, kind, prefix)


def encoded(
    image: Image,
    arrays: Arrays,
    masks: Masks,
    grid: Grid,
    window: Window,
    kind: str,
    prefix: str = "download",
) -> Bytes:
    """Computed pixels in a file format."""
    if kind in PICTURES:
        return picture(image, arrays, masks, kind)
    return Bytes(encode.npy(image.band_names, arrays), "application/octet-stream")


def geotiffs(
    image: Image, grid: Grid, window: Window, kind: str, context: Context, prefix: str
) -> Bytes:
    """The window as one GeoTIFF, or as a ZIP of one or of one a band; blocks are written as they come."""
    check_size(image, window, context)
    if any(band.type.dimensions for band in image.bands):
        raise RequestError(f"Array bands cannot be written as {kind}.")
    assert context.pixels is not None
    names, dtypes = image.band_names, [band.type.dtype for band in image.bands]
    single = kind == "ZIPPED_GEO_TIFF_PER_BAND"
    parts = [slice(k, k + 1) for k in range(len(names))] if single else [slice(None)]
    files = [GeoTiff(names[part], dtypes[part], grid, window) for part in parts]
    try:
        nodes = [band.node for band in image.bands]
        for block, found in context.pixels.blocks(nodes, grid, window, context):
            values = [_shown(pixels) for pixels in found]
            masks = [pixels.mask for pixels in found]
            for file, part in zip(files, parts, strict=True):
                file.write(block, values[part], masks[part])
        contents = [file.finish() for file in files]
    finally:
        for file in files:
            file.close()
    if kind == "GEO_TIFF":
        return Bytes(contents[0], "image/tiff")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in zip(names if single else [""], contents, strict=True):
            archive.writestr(f"{prefix}.{name}.tif" if name else f"{prefix}.tif", content)
    disposition = {"Content-Disposition": f'attachment; filename="{prefix}.zip"'}
    return Bytes(out.getvalue(), "application/zip", disposition)


def _shown(pixels: Any) -> NDArray[Any]:
    """Values, 0 where masked. Raises EvaluationError for arrays where numbers were promised."""
    if pixels.values.ndim > 2:
        raise EvaluationError("Array pixels cannot be written to a file.")
    if pixels.mask is None:
        return np.asarray(pixels.values)
    return np.asarray(np.where(pixels.mask > 0, pixels.values, pixels.values.dtype.type(0)))
