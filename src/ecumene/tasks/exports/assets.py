"""Exports to assets: a file with overviews for each band, one for its validity where anything is masked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecumene.catalog.fileassets import outlined, table_record
from ecumene.catalog.ids import name_of
from ecumene.catalog.records import IMAGE, AssetRecord, encode_band
from ecumene.catalog.stac import plain_properties
from ecumene.core.context import Context
from ecumene.core.errors import EcumeneError, Unavailable
from ecumene.core.image import Image
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Grid, Projection, Window, compose
from ecumene.core.raster import MaskRule, RasterBand
from ecumene.raster import tiff
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports.destinations import put
from ecumene.tasks.exports.pieces import Sheet, Writer

SIDE = 256
FOLDER_NAME = "assets"
"""Of the files of assets in the data folder."""


def image(task: TaskContext, image: Image, grid: Grid, window: Window, context: Context) -> Any:
    """Writes the files of an image asset; returns what ``publish`` needs."""
    check(task)
    given = task.payload["policies"]
    policies = [given.get(name, given[""]) for name in image.band_names]
    bands = band_files(task, image, grid, window, context, policies)
    return {"bands": bands, "record": _described(image, grid, window)}


def band_files(
    task: TaskContext,
    image: Image,
    grid: Grid,
    window: Window,
    context: Context,
    policies: Sequence[str],
    prefix: str = "",
    share: tuple[float, float] = (0.0, 0.95),
) -> list[dict[str, Any]]:
    """Writes a file with overviews for each band, and one for its validity where anything is masked.

    Parameters
    ----------
    policies : how overviews are made, one a band.
    prefix : distinguishes files and steps of several calls.
    share : which part of the task's progress this is.

    Returns names of bands with the names of their files in the scratch directory.
    """
    total, done = window.width * window.height, 0
    start, span = share[0], share[1] - share[0]

    def advance(pixels: int) -> None:
        nonlocal done
        done += pixels
        task.progress(start + 0.8 * span * done / total)

    pairs = [_sheets(f"{k}{prefix}", k, band.type.dtype) for k, band in enumerate(image.bands)]
    sheets = [sheet for pair in pairs for sheet in pair]
    writer = Writer(task, image, grid, window, sheets, SIDE, f"a{prefix}", advance)
    try:
        for sheet in sheets:
            names = [image.bands[sheet.bands[0]].name]
            placed = tiff.placed_tags(names, sheet.dtype, grid, window, None)
            big = total * sheet.dtype.itemsize * 4 / 3 > 3.9e9
            form = tiff.Format(sheet.dtype, 1, SIDE, placed, big)
            sheet.open(task.scratch.path, (window.width, window.height), form)
        writer.write(context)
        writer.pyramid(pairs, policies)
        bands: list[dict[str, Any]] = []
        for band, (values, validity) in zip(image.bands, pairs, strict=True):
            masked = any(size for _, size in validity.levels[0].blocks)
            paths = [
                writer.optimized(sheet).name
                for sheet in ((values, validity) if masked else (values,))
            ]
            bands.append({"name": band.name, "files": paths})
            task.progress(start + span * (0.8 + 0.2 * len(bands) / len(pairs)))
    finally:
        writer.close()
    return bands


def _sheets(name: str, number: int, dtype: np.dtype[Any]) -> tuple[Sheet, Sheet]:
    stored = np.dtype("float64") if dtype == np.dtype("int64") else dtype
    return (
        Sheet(f"b{name}", (number,), stored),
        Sheet(f"m{name}", (number,), np.dtype("uint8"), validity=True),
    )


def check(task: TaskContext, kind: str = IMAGE) -> None:
    """Raises unless the account may make the asset: its parent is there, and it is not, or may be replaced."""
    editor = task.around.catalog.edited_by(task.account)
    editor.check(task.payload["asset"], kind, overwrite=task.payload["overwrite"])


def folder_of(task: TaskContext) -> Path:
    """Where the files of the asset are."""
    return task.around.data.resolve() / FOLDER_NAME / task.operation.id


def _described(image: Image, grid: Grid, window: Window) -> dict[str, Any]:
    """What the record needs of the image, as JSON."""
    types = [[b.type.precision, b.type.min, b.type.max] for b in image.bands]
    properties = {
        k: v for k, v in image.properties.items() if not k.startswith("system:") or k in _KEPT
    }
    plain = json.loads(json.dumps(plain_properties(properties), default=str))
    moved = compose(grid.transform, (1.0, 0.0, float(window.col), 0.0, 1.0, float(window.row)))
    return {
        "types": types, "crs": grid.crs, "transform": list(moved), "size": [window.width, window.height],
        "properties": plain,
    }  # fmt: skip


_KEPT = ("system:time_start", "system:time_end", "system:footprint")


def publish(task: TaskContext, made: Mapping[str, Any]) -> list[str]:
    """Moves the files to the assets' and registers the image, which others then see at once."""
    folder = folder_of(task)
    put_bands(task, made["bands"], folder)
    register(task, _record(task, made, folder))
    return [name_of(task.payload["asset"])]


def put_bands(task: TaskContext, bands: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Moves the files that ``band_files`` wrote."""
    for band in bands:
        for name in band["files"]:
            put(task.scratch.path / name, folder / name, task.operation.id)


def publish_table(task: TaskContext, made: Mapping[str, Any]) -> list[str]:
    """Moves the file to the assets' and registers the table."""
    path = folder_of(task) / made["table"]
    put(task.scratch.path / made["table"], path, task.operation.id)
    catalog, asset_id = task.around.catalog, task.payload["asset"]
    register(task, table_record(catalog, asset_id, path, geodesic=False))
    return [name_of(asset_id)]


def register(task: TaskContext, record: AssetRecord) -> None:
    """Makes an asset with its files visible in one step. May be repeated. Where it may not be made its files go."""
    editor = task.around.catalog.edited_by(task.account)
    try:
        editor.publish(
            record,
            overwrite=task.payload["overwrite"],
            folders=[task.operation.id],
            action=task.operation.kind,
        )
    except Unavailable:
        raise
    except EcumeneError:
        shutil.rmtree(folder_of(task), ignore_errors=True)
        raise


def _record(task: TaskContext, made: Mapping[str, Any], folder: Path) -> AssetRecord:
    about = made["record"]
    grid = Projection(about["crs"], tuple(about["transform"]))
    width, height = about["size"]
    policies = task.payload["policies"]
    bands, size = [], 0
    for entry, kind in zip(made["bands"], about["types"], strict=True):
        paths = [str(folder / name) for name in entry["files"]]
        size += sum(Path(path).stat().st_size for path in paths)
        masks = tuple(MaskRule(path, 1, (0.0,)) for path in paths[1:])
        band = RasterBand(
            paths[0], 1, PixelType(*kind), grid, width, height,
            masks=masks, policy=policies.get(entry["name"], policies[""]),
        )  # fmt: skip
        bands.append(encode_band(entry["name"], band))
    properties = dict(about["properties"])
    start, end = properties.pop("system:time_start", None), properties.pop("system:time_end", None)
    bounds, outline = outlined(grid, width, height)
    return AssetRecord(
        task.payload["asset"], IMAGE,
        start=None if start is None else int(start), end=None if end is None else int(end),
        properties=properties, bounds=bounds, footprint=outline, bands=tuple(bands), size=size,
    )  # fmt: skip
