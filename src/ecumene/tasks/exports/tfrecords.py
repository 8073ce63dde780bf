"""Images as TFRecord patches: examples of floats by band, and the mixer that says where they lie."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.documents import pick
from ecumene.core.errors import LimitExceeded, RequestError
from ecumene.core.image import Image
from ecumene.core.projection import Grid, Window, compose
from ecumene.engine.pictures import compute
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports import files, records, requests
from ecumene.tasks.exports.pieces import PIECE_BYTES
from ecumene.tasks.scratch import copied, flushed

FILE_BYTES = 2**30
MOST_DEPTH = 10**6
PATCH_BYTES = 2**30
"""Of the numbers of one patch, with its margin, in all bands."""


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """``TfRecordImageExportOptions``, checked."""
    patch = requests.dimensions(given, "tileDimensions")
    if patch is None or min(patch) <= 0 or max(patch) > 4096:
        raise RequestError("TFRecord exports need patchDimensions between 1 and 4096.")
    margin = requests.dimensions(given, "marginDimensions") or (0, 0)
    if any(m % 2 or m > 4096 for m in margin):
        raise RequestError("kernelSize must be even and at most 4096.")
    given_depths = requests.member(given, "tensorDepths")
    depths = {name: requests.integer(given_depths, name, 1, 1, MOST_DEPTH) for name in given_depths}
    return {
        "patch": patch, "margin": margin, "depths": depths,
        "compress": bool(pick(given, "compress")), "bytes": requests.integer(given, "maxSizeBytes", FILE_BYTES, 0) or FILE_BYTES,
        "default": requests.number(given, "defaultValue", 0.0), "sequence": bool(pick(given, "sequenceData")),
        "collapse": bool(pick(given, "collapseBands")), "masked": requests.number(given, "maxMaskedRatio", 1.0),
    }  # fmt: skip


def image(
    task: TaskContext, image: Image, grid: Grid, window: Window, context: Context
) -> files.Made:
    """Writes the patches of an image; those that its lower and right edges would cut are left out."""
    given = task.payload["options"]
    width, height = given["patch"]
    across, down = window.width // width, window.height // height
    if not across or not down:
        raise RequestError(
            f"The image ({window.width}x{window.height}) is smaller than a patch ({width}x{height})."
        )
    _check_depths(image, given)
    spool = task.scratch.path / "records"
    spool.touch()
    sizes: list[int] = []
    with spool.open("r+b") as out:
        for number, (row, first, count) in enumerate(_groups(image, given, across, down)):
            known = task.scratch.steps.get(f"patches/{number}")
            if known is None:
                task.cancel.check()
                made = list(_patches(image, grid, window, given, (row, first, count), context))
                out.seek(sum(sizes))
                out.writelines(made)
                flushed(out)
                known = [len(one) for one in made]
                task.scratch.done(f"patches/{number}", known)
            sizes.extend(known)
            task.progress(0.9 * (row + 1) / down)
    published = _split(task.scratch.path, spool, sizes, given)
    mixer = _mixer(grid, window, given, across, len(sizes))
    (task.scratch.path / "mixer.json").write_text(json.dumps(mixer))
    return files.manifest(published | {"mixer.json": "-mixer.json"})


def _check_depths(image: Image, given: Mapping[str, Any]) -> None:
    depths = given["depths"]
    for band in image.bands:
        if band.type.dimensions > 1:
            raise RequestError(f"Band '{band.name}' has arrays of more than one dimension.")
        if band.type.dimensions and band.name not in depths:
            raise RequestError(f"tensorDepths must give the depth of the array band '{band.name}'.")
    pixels = math.prod(a + b for a, b in zip(given["patch"], given["margin"], strict=True))
    numbers = sum(depths[b.name] if b.type.dimensions else 1 for b in image.bands)
    if 4 * pixels * numbers > PATCH_BYTES:
        raise LimitExceeded(
            f"A patch of {pixels} pixels with {numbers} numbers each is too large; lower patchDimensions or tensorDepths."
        )


def _groups(
    image: Image, given: Mapping[str, Any], across: int, down: int
) -> Iterator[tuple[int, int, int]]:
    """Row, first column and number of patches that are computed together."""
    (width, height), (extra_x, extra_y) = given["patch"], given["margin"]
    each = sum(max(given["depths"].get(b.name, 1), 1) * 8 + 4 for b in image.bands)
    most = max(PIECE_BYTES // (each * (height + extra_y)) - extra_x, width) // width
    for row in range(down):
        for first in range(0, across, most):
            yield row, first, min(most, across - first)


def _patches(
    image: Image,
    grid: Grid,
    window: Window,
    given: Mapping[str, Any],
    group: tuple[int, int, int],
    context: Context,
) -> Iterator[bytes]:
    """The framed records of neighbouring patches of a row."""
    (width, height), (extra_x, extra_y) = given["patch"], given["margin"]
    row, first, count = group
    piece = Window(
        window.col + first * width - extra_x // 2,
        window.row + row * height - extra_y // 2,
        count * width + extra_x,
        height + extra_y,
    )
    arrays, masks = compute(image, grid, piece, context)
    filled = [
        _filled(a, m, given["default"], given["depths"].get(band.name))
        for band, a, m in zip(image.bands, arrays, masks, strict=True)
    ]
    for k in range(count):
        cols = slice(k * width, (k + 1) * width + extra_x)
        valid = [1.0 if m is None else float((m[:, cols] > 0).mean()) for m in masks]
        if 1 - sum(valid) / len(valid) <= given["masked"]:
            bands = {n: a[:, cols] for n, a in zip(image.band_names, filled, strict=True)}
            yield from _records(bands, given)


def _filled(
    values: NDArray[Any], mask: NDArray[Any] | None, default: float, depth: int | None
) -> NDArray[Any]:
    """Floats, the default where masked; arrays cut or padded to their depth."""
    out = values.astype("float32")
    if mask is not None and default:
        out[~(mask > 0)] = default
    if depth is None or out.ndim == 2:
        return out
    if out.shape[2] >= depth:
        return out[:, :, :depth]
    return np.pad(out, ((0, 0), (0, 0), (0, depth - out.shape[2])), constant_values=default)


def _records(bands: Mapping[str, NDArray[Any]], given: Mapping[str, Any]) -> Iterator[bytes]:
    if given["sequence"]:
        height, width = next(iter(bands.values())).shape[:2]
        for y in range(height):
            for x in range(width):
                scalars = {n: a[y, x] for n, a in bands.items() if a.ndim == 2}
                arrays = {n: a[y, x] for n, a in bands.items() if a.ndim > 2}
                yield records.framed(records.sequence_example(scalars, arrays))
    elif given["collapse"]:
        parts = [a if a.ndim > 2 else a[..., None] for a in bands.values()]
        whole = np.moveaxis(np.concatenate(parts, axis=2), 2, 0)
        yield records.framed(records.example({"array": whole.ravel()}))
    else:
        yield records.framed(records.example({n: a.ravel() for n, a in bands.items()}))


def _split(folder: Path, spool: Path, sizes: list[int], given: Mapping[str, Any]) -> dict[str, str]:
    """The records in files of at most the wanted size, numbered from 0."""
    ending = ".tfrecord.gz" if given["compress"] else ".tfrecord"
    groups: list[int] = [0]
    for size in sizes:
        if groups[-1] and groups[-1] + size > given["bytes"]:
            groups.append(0)
        groups[-1] += size
    made = {}
    with spool.open("rb") as source:
        for number, size in enumerate(groups):
            name = f"part-{number:05d}"
            with (folder / name).open("wb") as out:
                if given["compress"]:
                    with gzip.GzipFile("", "wb", 6, out, mtime=0) as packed:
                        copied(source, packed, size)
                else:
                    copied(source, out, size)
                flushed(out)
            made[name] = f"-{number:05d}{ending}"
    return made


def _mixer(
    grid: Grid, window: Window, given: Mapping[str, Any], across: int, total: int
) -> dict[str, Any]:
    """What georeferences predictions made on the patches."""
    moved = compose(grid.transform, (1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row)))
    return {
        "projection": {"crs": grid.crs, "affine": {"doubleMatrix": list(moved)}},
        "patchDimensions": list(given["patch"]),
        "patchesPerRow": across,
        "totalPatches": total,
    }
