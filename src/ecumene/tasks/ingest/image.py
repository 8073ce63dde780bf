"""``image:import``: files of a manifest into an image of the server's own; ``image:importExternal``: over the files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ecumene.catalog.fileassets import outlined, ringed
from ecumene.catalog.ids import name_of
from ecumene.catalog.masks import with_times
from ecumene.catalog.records import IMAGE, AssetRecord, encode_band
from ecumene.catalog.store import Catalog
from ecumene.core.errors import RequestError, Unavailable
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Projection, compose
from ecumene.core.raster import MaskRule, RasterBand
from ecumene.storage.gate import is_url
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports import assets
from ecumene.tasks.ingest import patches, places
from ecumene.tasks.ingest.rasters import Tileset, hidden, node, placed, stored

SHARED_SIDES = (256, 512, 1024, 2048)
Payload = Mapping[str, Any]


Find = Callable[[Mapping[str, Any]], tuple[str, str]]
"""What to open for a source, and the folder or prefix that readers must be allowed for it."""


def tilesets(catalog: Catalog, payload: Payload, find: Find) -> dict[str, Tileset]:
    """The tilesets of a manifest, by id, with all of their files found and checked."""
    found = {}
    for given in payload["tilesets"]:
        files = []
        for source in given["sources"]:
            path, root = find(source)
            catalog.gate.allow(root)
            files.append((source["uri"], path))
        found[given["id"]] = placed(given, files, catalog.gate)
    return found


def wanted(payload: Payload, sets: Mapping[str, Tileset], *, named: bool = False) -> list[Any]:
    """The bands of the asset: the manifest's, or those of all tilesets but masks, called ``b1``, ``b2``….

    ``named``: by what the files call them, where they do; features of TFRecords always are.
    """
    masks = {mask["tileset"]: mask for mask in payload["masks"]}
    features = {
        t["id"]
        for t in payload["tilesets"]
        if any(map(patches.is_records, t["sources"][0]["uris"]))
    }
    bands = list(payload["bands"])
    for band in bands:
        if band["index"] >= sets[band["tileset"]].count:
            raise RequestError(
                f"Band '{band['id']}' is number {band['index']} (from 0) of a tileset that has {sets[band['tileset']].count} bands."
            )
    if bands:
        return bands
    for tileset in sets.values():
        data = tileset.count - (tileset.id in masks)
        for index in range(data):
            called = tileset.first.about.names[index] if named or tileset.id in features else None
            bands.append(
                {"id": called or f"b{len(bands) + 1}", "tileset": tileset.id, "index": index, "missing": [], "policy": None}
            )  # fmt: skip
    if not bands:
        raise RequestError("The manifest has no bands of data.")
    return bands


def _applies(mask: Mapping[str, Any], band: Mapping[str, Any]) -> bool:
    return not mask["bands"] or band["id"] in mask["bands"]


def _masks(payload: Payload, band: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (mask for mask in payload["masks"] if _applies(mask, band))


def _node(payload: Payload, sets: Mapping[str, Tileset], band: Mapping[str, Any]) -> Any:
    """The pixels of a band, masked as the manifest says."""
    home = sets[band["tileset"]]
    masks = list(_masks(payload, band))
    own = any(mask["tileset"] == home.id for mask in masks)
    found = node(home, band["index"], band["missing"] or payload["missing"], masked=own)
    for mask in masks:
        if mask["tileset"] != home.id:
            found = hidden(found, sets[mask["tileset"]])
    return found


# -- ingestion -----------------------------------------------------------------------------------


def run(task: TaskContext) -> Any:
    """Writes the asset's files. What is wrong with a source is the end: trying again would not mend it."""
    assets.check(task, IMAGE)
    sets = tilesets(task.around.catalog, task.payload, partial(_fetched, task))
    try:
        return _made(task, sets)
    except Unavailable as error:
        raise RequestError(f"A source cannot be read: {error.message}") from None


def _made(task: TaskContext, sets: Mapping[str, Tileset]) -> Any:
    payload = task.payload
    bands = wanted(payload, sets)
    context = task.evaluation()
    used = list(dict.fromkeys(band["tileset"] for band in bands))
    made: dict[str, Any] = {}
    for number, name in enumerate(used):
        home = sets[name]
        mine = [band for band in bands if band["tileset"] == name]
        image = Image(
            bands=tuple(
                Band(band["id"], _node(payload, sets, band), home.grid, (home.window.width, home.window.height))
                for band in mine
            )
        )  # fmt: skip
        policies = [band["policy"] or payload["policy"] for band in mine]
        share = (0.95 * number / len(used), 0.95 * (number + 1) / len(used))
        suffix = f"t{number}" if number else ""
        written = assets.band_files(
            task, image, home.grid, home.window, context, policies, suffix, share
        )
        for entry, band, policy in zip(written, image.bands, policies, strict=True):
            kind = [band.type.precision, band.type.min, band.type.max]
            made[entry["name"]] = entry | {"type": kind, "policy": policy, "grid": _lattice(home)}
    ordered = [made[band["id"]] for band in bands]
    return {"bands": ordered, "outline": ring(payload, {e["name"]: _grid(e["grid"]) for e in ordered})}  # fmt: skip


def _fetched(task: TaskContext, source: Mapping[str, Any]) -> tuple[str, str]:
    """A source in reach: fetched if it is in an object store, put together if it is patches in TFRecords."""
    beside = task.scratch.path / "sources" / digest(source["uri"])
    found = {}
    several = any(map(patches.is_records, source["uris"]))
    for uri in source["uris"] if several else source["uris"][:1]:
        task.cancel.check()
        own = beside / digest(uri)  # files of one name may come from several folders
        found[uri] = places.fetched(task.around.data, task.account, uri, own)
    if not several:
        path, root = found[source["uri"]]
        return str(path), str(root)
    mixers = [uri for uri in found if uri.lower().endswith(".json")]
    if len(mixers) != 1:
        raise RequestError("An image in TFRecord files needs exactly one mixer file (.json).")
    beside.mkdir(parents=True, exist_ok=True)
    target = beside / "patches.tif"
    if not target.exists():
        place = patches.mixer(found[mixers[0]][0], mixers[0])
        files = [(found[uri][0], uri) for uri in source["uris"] if patches.is_records(uri)]
        patches.put_together(files, place, target)
    return str(target), str(beside)


def digest(uri: str) -> str:
    """A name for the folder of a source."""
    return hashlib.blake2b(uri.encode(), digest_size=8).hexdigest()


def _lattice(tileset: Tileset) -> dict[str, Any]:
    window = tileset.window
    moved = compose(tileset.grid.transform, (1, 0, float(window.col), 0, 1, float(window.row)))
    return {
        "crs": tileset.grid.crs,
        "transform": list(moved),
        "size": [window.width, window.height],
    }


def _grid(lattice: Mapping[str, Any]) -> Projection:
    return Projection(lattice["crs"], tuple(lattice["transform"]))


def publish(task: TaskContext, made: Mapping[str, Any]) -> list[str]:
    """Moves the files and makes the asset visible."""
    folder = assets.folder_of(task)
    assets.put_bands(task, made["bands"], folder)
    bands, size = [], 0
    for entry in made["bands"]:
        paths = [str(folder / name) for name in entry["files"]]
        size += sum(Path(path).stat().st_size for path in paths)
        lattice, (width, height) = _grid(entry["grid"]), entry["grid"]["size"]
        masks = tuple(MaskRule(path, 1, (0.0,)) for path in paths[1:])
        band = RasterBand(
            paths[0], 1, PixelType(*entry["type"]), lattice, width, height, masks=masks, policy=entry["policy"]
        )  # fmt: skip
        bands.append((entry["name"], band))
    assets.register(task, record(task.payload, bands, size, made["outline"]))
    return [name_of(task.payload["asset"])]


def record(
    payload: Payload, bands: list[tuple[str, RasterBand]], size: int, outline: Any
) -> AssetRecord:
    """The record of an image of these bands; its footprint is the manifest's, else the first band's."""
    first = bands[0][1]
    bounds, outline = outline or outlined(first.grid, first.width, first.height)
    bounds = None if bounds is None else tuple(bounds)
    found = AssetRecord(
        payload["asset"], IMAGE, start=payload["start"], end=payload["end"], bounds=bounds,
        footprint=outline, bands=tuple(encode_band(name, band) for name, band in bands), size=size,
    )  # fmt: skip
    return with_times(found, dict(payload["properties"]))


def ring(payload: Payload, grids: Mapping[str, Projection]) -> Any:
    """Box and outline of the manifest's footprint, if it has one; ``grids`` of the bands, in order."""
    given = payload["footprint"]
    if given is None:
        return None
    name = given["band"] or next(iter(grids))
    if name not in grids:
        raise RequestError(f"The footprint's band '{name}' is none of the image's.")
    return ringed(grids[name], given["points"])


# -- external ------------------------------------------------------------------------------------


def external(catalog: Catalog, data: Path, account: str, payload: Payload) -> AssetRecord:
    """Registers an image over cloud-optimized GeoTIFFs where they lie: one a tileset, nothing is copied."""
    editor = catalog.edited_by(account)
    editor.check(payload["asset"], IMAGE, overwrite=payload["overwrite"])
    for given in payload["tilesets"]:
        if len(given["sources"]) != 1:
            raise RequestError("An external image has exactly one source in each tileset.")

    def find(source: Mapping[str, Any]) -> tuple[str, str]:
        return places.address(data, account, source["uri"])

    try:
        sets = tilesets(catalog, payload, find)
    except Unavailable as error:
        raise RequestError(f"A source cannot be read: {error.message}") from None
    size = 0
    for tileset in sets.values():
        _check_optimized(tileset)
        size += 0 if is_url(tileset.first.path) else Path(tileset.first.path).stat().st_size
    bands = [
        (band["id"], _referred(payload, sets, band)) for band in wanted(payload, sets, named=True)
    ]
    outline = ring(payload, {name: band.grid for name, band in bands})
    for given in payload["tilesets"]:
        catalog.allow(find(given["sources"][0])[1])
    return editor.publish(
        record(payload, bands, size, outline),
        overwrite=payload["overwrite"],
        action="image.importExternal",
    )


def _check_optimized(tileset: Tileset) -> None:
    about = tileset.first.about
    if about.driver != "GTiff" or not about.tiled:
        raise RequestError(
            f"'{Path(tileset.first.path).name}' is not a tiled GeoTIFF: external images are cloud-optimized GeoTIFFs."
        )


def _referred(payload: Payload, sets: Mapping[str, Tileset], band: Mapping[str, Any]) -> RasterBand:
    home = sets[band["tileset"]]
    if home.dtype is not None:
        raise RequestError("The data type of an external image cannot be changed.")
    rules = []
    for mask in _masks(payload, band):
        other = sets[mask["tileset"]]
        if (other.grid, other.window) != (home.grid, home.window):
            raise RequestError(
                "A mask of an external image must have the same pixels as its bands."
            )
        rules.append(MaskRule(other.first.path, other.count, (0.0,)))
    found = stored(home.first, band["index"], band["missing"] or payload["missing"])
    policy = band["policy"] or payload["policy"]
    return replace(found, masks=(*found.masks, *rules), policy=policy)
