"""Writes the demonstration archive and registers it; the same bytes on every machine."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from ecumene.demo import landscape, modis, others, sentinel, stac

Progress = Callable[[str, int, int], None]
"""Called with what is being made, how many are done, and of how many."""

VERSION = "2"
MARK = "archive.version"


def _band(name: str, dtype: str = "uint16", nodata: int | None = 0) -> dict[str, Any]:
    band: dict[str, Any] = {"id": name, "asset": name, "band": 1, "data_type": dtype}
    if nodata is not None:
        band["nodata"] = nodata
    return band


S2_BANDS = [*(_band(name) for name in landscape.BANDS), _band("QA60", nodata=None)]
MODIS_BANDS = [_band("NDVI", "int16"), _band("EVI", "int16"), _band("SummaryQA", "uint8")]
LANDSAT_BANDS = [*(_band(name) for name in others.LANDSAT_BANDS), _band("QA_PIXEL")]


def _write_collection(
    root: Path,
    name: str,
    title: str,
    kind: str,
    bands: list[dict[str, Any]],
    items: list[dict[str, Any]],
) -> None:
    folder = root / name
    (folder / "items").mkdir(parents=True, exist_ok=True)
    for item in items:
        item["collection"] = name
        (folder / "items" / f"{item['id']}.json").write_text(json.dumps(item))
    document = stac.collection(name, title, kind, bands, [item["id"] for item in items])
    (folder / "collection.json").write_text(json.dumps(document))


def _entry(kind: str, collection: str, bands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": kind, "collection": f"./{collection}/collection.json", "bands": bands}]


def _gather(
    pool: ProcessPoolExecutor,
    make: Callable[[Any], dict[str, Any]],
    inputs: Iterable[Any],
    what: str,
    progress: Progress,
) -> list[dict[str, Any]]:
    todo = list(inputs)
    items = []
    for done, item in enumerate(pool.map(make, todo), start=1):
        items.append(item)
        progress(what, done, len(todo))
    return items


def write_archive(
    root: Path, progress: Progress = lambda *_: None, processes: int | None = None
) -> Path:
    """Makes every file below ``root`` (about 400 MB) unless this version is there; returns its catalogue."""
    catalogue = root / "catalog.json"
    mark = root / MARK
    if mark.exists() and mark.read_text() == VERSION and catalogue.exists():
        return catalogue
    root.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes or os.cpu_count() or 1, mp_context=context) as pool:
        s2 = _gather(
            pool,
            partial(sentinel.make, folder=root / "s2"),
            sentinel.calendar(),
            "Sentinel-2 scenes",
            progress,
        )
        ndvi = _gather(
            pool,
            partial(modis.make, folder=root / "mod13q1"),
            modis.DATES,
            "MODIS composites",
            progress,
        )
        landsat = _gather(
            pool,
            partial(others.make_landsat, folder=root / "lc08"),
            others.LANDSAT_DATES,
            "Landsat scenes",
            progress,
        )
        relief = _gather(pool, others.make_elevation, [root / "srtm"], "elevation", progress)
    _write_collection(
        root, "s2", "Sentinel-2 L1C of an imaginary delta", "IMAGE_COLLECTION", S2_BANDS, s2
    )
    _write_collection(
        root, "mod13q1", "Vegetation indices, 2010", "IMAGE_COLLECTION", MODIS_BANDS, ndvi
    )
    _write_collection(
        root, "lc08", "Landsat 8 surface reflectance", "IMAGE_COLLECTION", LANDSAT_BANDS, landsat
    )
    _write_collection(root, "srtm", "Elevation", "IMAGE", [_band("elevation", "int16")], relief)
    columns = others.write_states(root / "states.geojson")
    assets = {
        "COPERNICUS/S2": _entry("IMAGE_COLLECTION", "s2", S2_BANDS),
        "COPERNICUS/S2_HARMONIZED": _entry("IMAGE_COLLECTION", "s2", S2_BANDS),
        "MODIS/006/MOD13Q1": _entry("IMAGE_COLLECTION", "mod13q1", MODIS_BANDS),
        "LANDSAT/LC08/C02/T1_L2": _entry("IMAGE_COLLECTION", "lc08", LANDSAT_BANDS),
        "USGS/SRTMGL1_003": _entry("IMAGE", "srtm", [_band("elevation", "int16")]),
        "TIGER/2018/States": [{"type": "TABLE", "data": "./states.geojson", "columns": columns}],
    }
    document = {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "ecumene-demo",
        "title": "Demonstration archive of Ecumene",
        "description": "Synthetic scenes of an imaginary river delta. Nothing in it was observed.",
        "links": [
            {"rel": "child", "href": f"./{name}/collection.json"}
            for name in ("s2", "mod13q1", "lc08", "srtm")
        ],
        "ee:assets": assets,
    }
    catalogue.write_text(json.dumps(document, indent=1))
    mark.write_text(VERSION)
    return catalogue
