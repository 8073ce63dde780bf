"""Images as Zarr (version 2): a group with an array for each band, as xarray reads it. An addition of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ecumene.core import crs as crs_
from ecumene.core.context import Context
from ecumene.core.errors import RequestError
from ecumene.core.image import Image
from ecumene.core.projection import Affine, Grid, Window, compose
from ecumene.engine.pictures import compute
from ecumene.raster.geotiff import common_type
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports import requests
from ecumene.tasks.exports.pieces import cut, piece_side
from ecumene.tasks.scratch import flushed

SIDE, LEVEL = 512, 4
TREE = "zarr"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]*")


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """``zarrOptions``: ``tileSize``, the pixels across a chunk."""
    return {"side": requests.integer(given, "tileSize", SIDE, 16, 8192)}


def image(
    task: TaskContext, image: Image, grid: Grid, window: Window, context: Context
) -> dict[str, Any]:
    """Writes the chunks, piece by piece, then what describes them. Bands may have different types."""
    side, root = task.payload["options"]["side"], task.scratch.path / TREE
    for band in image.bands:
        if not _NAME.fullmatch(band.name):
            raise RequestError(f"The band name '{band.name}' cannot be the name of a Zarr array.")
    pieces = list(cut(window, piece_side(side, image)))
    for number, piece in enumerate(pieces):
        if f"piece/{number}" not in task.scratch.steps:
            task.cancel.check()
            arrays, masks = compute(image, grid, piece, context)
            for band, values, mask in zip(image.bands, arrays, masks, strict=True):
                filled = _filled(values, mask)
                _chunks(root / band.name, filled, piece, window, side)
            task.scratch.done(f"piece/{number}")
        task.progress(0.95 * (number + 1) / len(pieces))
    _described(root, image, grid, window, side)
    return {"tree": TREE, "ending": ".zarr"}


def _filled(values: NDArray[Any], mask: NDArray[Any] | None) -> NDArray[Any]:
    """Masked floats as NaN, masked integers as 0."""
    out = values.astype(common_type([values.dtype]), copy=False)
    if mask is not None and out.dtype.kind == "f":
        out = np.where(mask > 0, out, out.dtype.type(np.nan))
    return out


def _chunks(folder: Path, values: NDArray[Any], piece: Window, window: Window, side: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    top, left = (piece.row - window.row) // side, (piece.col - window.col) // side
    for row in range(0, piece.height, side):
        for col in range(0, piece.width, side):
            part = values[row : row + side, col : col + side]
            whole = np.zeros((side, side), values.dtype)
            whole[: part.shape[0], : part.shape[1]] = part
            _store(folder / f"{top + row // side}.{left + col // side}", whole)


def _store(path: Path, values: NDArray[Any]) -> None:
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    with path.open("wb") as out:
        out.write(bytes(imagecodecs.zlib_encode(little.tobytes(), level=LEVEL)))
        flushed(out)


def _described(root: Path, image: Image, grid: Grid, window: Window, side: int) -> None:
    """The metadata of the group and its arrays, together in ``.zmetadata`` too."""
    moved = compose(grid.transform, (1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row)))
    documents: dict[str, Any] = {
        ".zgroup": {"zarr_format": 2},
        ".zattrs": {"coordinates": "spatial_ref"},
    }
    shape = [window.height, window.width]
    for band in image.bands:
        dtype = common_type([band.type.dtype])
        fill = "NaN" if dtype.kind == "f" else None
        about = {"_ARRAY_DIMENSIONS": ["y", "x"], "grid_mapping": "spatial_ref"}
        documents |= _array(band.name, shape, [side, side], dtype, about, fill)
    documents |= _places(root, moved, shape)
    documents |= _array("spatial_ref", [], [], np.dtype("int64"), _reference(grid, moved), None)
    (root / "spatial_ref").mkdir(exist_ok=True)
    _store(root / "spatial_ref" / "0", np.zeros((), "int64"))
    documents[".zmetadata"] = {"zarr_consolidated_format": 1, "metadata": dict(documents)}
    for name, document in documents.items():
        (root / name).write_text(json.dumps(document))


def _array(
    name: str, shape: list[int], chunks: list[int], dtype: np.dtype[Any], about: Any, fill: Any
) -> dict[str, Any]:
    array = {
        "zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": dtype.newbyteorder("<").str, "fill_value": fill,
        "order": "C", "filters": None, "compressor": {"id": "zlib", "level": LEVEL},
    }  # fmt: skip
    return {f"{name}/.zarray": array, f"{name}/.zattrs": about}


def _places(root: Path, t: Affine, shape: list[int]) -> dict[str, Any]:
    """Coordinates of the pixels' centres, where rows and columns have any."""
    if t[1] or t[3]:
        return {}
    documents: dict[str, Any] = {}
    for name, count, step, start in (("y", shape[0], t[4], t[5]), ("x", shape[1], t[0], t[2])):
        (root / name).mkdir(exist_ok=True)
        _store(root / name / "0", start + step * (np.arange(count) + 0.5))
        about = {"_ARRAY_DIMENSIONS": [name]}
        documents |= _array(name, [count], [count], np.dtype("float64"), about, None)
    return documents


def _reference(grid: Grid, t: Affine) -> dict[str, Any]:
    """The grid mapping of the CF conventions, as GDAL and rioxarray read it."""
    wkt = crs_.parse(grid.crs).to_wkt()
    numbers = (t[2], t[0], t[1], t[5], t[3], t[4])
    return {
        "_ARRAY_DIMENSIONS": [], "crs_wkt": wkt, "spatial_ref": wkt,
        "GeoTransform": " ".join(repr(float(n)) for n in numbers),
    }  # fmt: skip
