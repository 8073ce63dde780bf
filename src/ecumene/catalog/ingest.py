"""Registering data: local archives, STAC folders and files, single rasters, tables.

A *local archive* is a folder with a ``catalog.json`` whose member ``ee:assets`` maps Earth Engine
ids to lists of entries::

    {"type": "IMAGE_COLLECTION" | "IMAGE", "collection": "./s2/collection.json", "title"?,
     "bands": [{"id", "asset"?, "band"?, "data_type"?, "nodata"?, "policy"?, "scaled"?}],
     "properties_of_collection"?: {…}}
    {"type": "TABLE", "data": "./states.geojson", "geodesic"?, "title"?}

Items are found by the collection's ``item`` links, else as ``items/*.json`` beside it. An item's
``properties["ee:properties"]`` are Earth Engine's property names and values; with them times are
``system:time_start`` and ``system:time_end`` and nothing else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ecumene.catalog import datasets, footprints
from ecumene.catalog import ids as ids_
from ecumene.catalog.datasets import Dataset
from ecumene.catalog.fileassets import add_image, add_table
from ecumene.catalog.itembands import resolve
from ecumene.catalog.records import COLLECTION, TABLE, AssetRecord
from ecumene.catalog.stac import record_of
from ecumene.catalog.store import Catalog
from ecumene.core.errors import EcumeneError, NotFound, RequestError

__all__ = [
    "Catalog",
    "Progress",
    "add_image",
    "add_path",
    "add_stac_items",
    "add_table",
    "open_catalog",
    "put_collection",
    "remove",
]

Progress = Callable[[str, int, int], None]
"""Called with what is being registered, how many are done, and of how many."""

_log = logging.getLogger("ecumene.catalog")

TABLE_SUFFIXES = (".geojson", ".parquet", ".csv", ".gpkg", ".zip")
RASTER_SUFFIXES = (".tif", ".tiff", ".jp2", ".png", ".jpg")


def open_catalog(data: str | Path) -> Catalog:
    """The catalogue of a data folder (also a context manager)."""
    return Catalog(data)


def add_path(
    catalog: Catalog,
    path: str | Path,
    dataset: Dataset | None = None,
    progress: Progress | None = None,
    *,
    asset_id: str | None = None,
    start: int | None = None,
) -> int:
    """Registers what a folder or file holds; returns the number of images and tables.

    Folders and JSON files: a local archive, a STAC catalogue, collection, item or item collection.
    Rasters and tables need ``asset_id``; ``start`` is the time of a raster (ms). The folder becomes
    a root that may be read. Raises RequestError if nothing in it can be registered.
    """
    place = Path(os.path.realpath(path))
    if not place.exists():
        raise RequestError(f"There is no '{path}'.")
    catalog.allow(place if place.is_dir() else place.parent)
    suffix = place.suffix.lower()
    if place.is_file() and suffix in TABLE_SUFFIXES:
        return add_table(catalog, _needed(asset_id, place), place)
    if place.is_file() and suffix in RASTER_SUFFIXES:
        return add_image(catalog, _needed(asset_id, place), place, start=start)
    document = place
    if place.is_dir():
        document = next(
            (place / n for n in ("catalog.json", "collection.json") if (place / n).exists()), place
        )
    if document.is_dir():
        files = sorted(document.glob("**/*.json"))
        return _add_items(catalog, _plain_items(files), len(files), dataset, progress)
    return _add_document(catalog, document, dataset, progress)


def _needed(asset_id: str | None, place: Path) -> str:
    if not asset_id:
        raise RequestError(f"'{place.name}' needs an asset id to be registered under.")
    return ids_.canonical(asset_id)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise RequestError(f"'{path.name}' cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise RequestError(f"'{path.name}' is not a JSON object.")
    return found


def _add_document(
    catalog: Catalog, path: Path, dataset: Dataset | None, progress: Progress | None
) -> int:
    document = _json(path)
    kind = document.get("type")
    if "ee:assets" in document and dataset is None:
        return _add_archive(catalog, path, document["ee:assets"], progress)
    if kind == "Catalog":
        children = _links(document, "child", path)
        return sum(_add_document(catalog, child, dataset, progress) for child in children)
    if kind == "Collection":
        return _add_collection(catalog, path, document, dataset, progress)
    if kind == "Feature" and "assets" in document:
        return _add_items(catalog, [(document, str(path))], 1, dataset, progress)
    if kind == "FeatureCollection":
        items = [(item, str(path)) for item in document.get("features", [])]
        return _add_items(catalog, items, len(items), dataset, progress)
    raise RequestError(f"'{path.name}' is not a STAC catalogue, collection or item.")


def _links(document: Mapping[str, Any], rel: str, path: Path) -> list[Path]:
    hrefs = [link["href"] for link in document.get("links", []) if link.get("rel") == rel]
    return [Path(resolve(href, str(path))) for href in hrefs if "://" not in href]


def _add_archive(
    catalog: Catalog, path: Path, entries: Mapping[str, Any], progress: Progress | None
) -> int:
    total = 0
    for asset_id, listed in entries.items():
        for entry in listed if isinstance(listed, list) else [listed]:
            total += _add_entry(catalog, path, ids_.canonical(asset_id), entry, progress)
    return total


def _add_entry(
    catalog: Catalog,
    path: Path,
    asset_id: str,
    entry: Mapping[str, Any],
    progress: Progress | None,
) -> int:
    collection = Path(resolve(entry["collection"], str(path))) if "collection" in entry else None
    about = _json(collection) if collection is not None else {}
    title = str(entry.get("title") or about.get("title") or "")
    if entry.get("type") == TABLE:
        if progress is not None:
            progress(asset_id, 1, 1)
        return add_table(
            catalog,
            asset_id,
            resolve(entry["data"], str(path)),
            title=title,
            description=str(about.get("description", "")),
            geodesic=bool(entry.get("geodesic", True)),
        )
    if collection is None:
        raise RequestError(f"{asset_id}: the entry names no collection.")
    definition = datasets.from_entry(
        asset_id, {"bands": about.get("ee:bands"), **entry, "title": title}
    )
    return _add_collection(catalog, collection, about, definition, progress)


def _add_collection(
    catalog: Catalog,
    path: Path,
    document: Mapping[str, Any],
    dataset: Dataset | None,
    progress: Progress | None,
) -> int:
    files = _links(document, "item", path) or sorted((path.parent / "items").glob("*.json"))
    definitions = _definitions(document) if dataset is None else [dataset]
    total = 0
    for definition in definitions:
        items = ((_json(file), str(file)) for file in files)
        total += _add_items(catalog, items, len(files), definition, progress)
        if definition is not None and definition.type == COLLECTION:
            put_collection(catalog, definition, document)
    return total


def _definitions(document: Mapping[str, Any]) -> Sequence[Dataset | None]:
    """From the collection's own ``ee:ids`` and ``ee:bands``, else the shipped one for it.

    None, where several are shipped for it: every item tells which.
    """
    entry = {
        "type": document.get("ee:type", COLLECTION),
        "bands": document.get("ee:bands"),
        "title": document.get("title", ""),
    }
    found = [datasets.from_entry(one["id"], entry) for one in document.get("ee:ids", [])]
    if not found:
        known = datasets.for_collection(str(document.get("id", "")))
        if len(known) > 1:
            return [None]
        found = known
    if not found:
        raise RequestError(
            f"Collection '{document.get('id')}' names no Earth Engine id: give a dataset definition."
        )
    return found


def _plain_items(files: Iterable[Path]) -> Iterator[tuple[dict[str, Any], str]]:
    for file in files:
        document = _json(file)
        if document.get("type") == "Feature" and "assets" in document:
            yield document, str(file)


def _add_items(
    catalog: Catalog,
    items: Iterable[tuple[Mapping[str, Any], str]],
    count: int,
    dataset: Dataset | None,
    progress: Progress | None,
) -> int:
    """Registers items; the definition is the one given, else the shipped one of their collection.

    Items that cannot be registered are left out with a warning, unless that leaves none.
    """
    used: dict[str, Dataset] = {}
    refused: list[EcumeneError] = []

    def records() -> Iterator[AssetRecord]:
        for done, (item, base) in enumerate(items, start=1):
            try:
                definition = _definition_of(item, dataset)
                yield record_of(item, base, definition, catalog.gate)
                used[definition.id] = definition
            except EcumeneError as error:
                refused.append(error)
            if progress is not None:
                progress(next(iter(used), "items"), done, count)

    total = catalog.index.put(records())
    if not total:
        raise refused[0] if refused else RequestError("There is no item to register.")
    if refused:
        _log.warning("%d items were left out. The first: %s", len(refused), refused[0].message)
    for definition in used.values():
        if definition.type == COLLECTION and catalog.asset_type(definition.id) != COLLECTION:
            put_collection(catalog, definition, {})
    return total


def _definition_of(item: Mapping[str, Any], given: Dataset | None) -> Dataset:
    if given is not None and not given.serves(item):
        raise RequestError(f"Item '{item.get('id')}' is no image of {given.id}.")
    found = given or datasets.for_item(item)
    if found is None:
        raise RequestError(
            f"Item '{item.get('id')}' belongs to no known collection: give a dataset definition."
        )
    return found


def put_collection(catalog: Catalog, dataset: Dataset, about: Mapping[str, Any]) -> None:
    """Writes the record of a collection; times and bounds are those of its images."""
    start, end = catalog.index.extent(dataset.id)
    bounds = footprints.joined(catalog.index.boxes(dataset.id))
    catalog.index.put(
        [
            AssetRecord(
                dataset.id,
                COLLECTION,
                title=dataset.title or str(about.get("title", "")),
                description=dataset.description or str(about.get("description", "")),
                start=start,
                end=end,
                bounds=bounds,
                footprint=None if bounds is None else footprints.of_box(bounds),
            )
        ]
    )


def add_stac_items(
    catalog: Catalog,
    items: Iterable[Mapping[str, Any]],
    base: str,
    dataset: Dataset | None = None,
    progress: Progress | None = None,
    count: int = 0,
) -> int:
    """Registers STAC items in memory; relative hrefs start at ``base`` (a path or URL)."""
    pairs = ((item, _self(item) or base) for item in items)
    return _add_items(catalog, pairs, count, dataset, progress)


def _self(item: Mapping[str, Any]) -> str | None:
    """Where the item says that it was read: its relative hrefs start there."""
    links = item.get("links") or []
    found = next((link["href"] for link in links if link.get("rel") == "self"), None)
    return str(found) if found is not None and "://" in str(found) else None


def remove(catalog: Catalog, asset_id: str) -> int:
    """Forgets an asset and everything below it (never the files); returns how many records."""
    gone = catalog.index.remove(ids_.canonical(asset_id))
    if not gone:
        raise NotFound(f"There is no asset '{asset_id}'.")
    return gone
