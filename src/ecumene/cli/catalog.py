"""``ecumene catalog``: register, list and forget assets."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecumene.cli import places
from ecumene.core.errors import EcumeneError, RequestError

if TYPE_CHECKING:  # imported where a command runs, so that --help answers at once
    from ecumene.catalog import datasets, ingest
    from ecumene.catalog.store import Catalog

_ADD = """PATH may be a folder with catalog.json (an archive), a STAC item or a folder of items, a raster
(GeoTIFF, JPEG 2000, PNG, JPEG) or a table (GeoJSON, GeoParquet, CSV, GeoPackage, zipped Shapefile).
The docs describe archives and dataset definitions: docs/reference/catalogue.md.

examples:
  ecumene catalog add ARCHIVE --data DIR                      a folder with catalog.json
  ecumene catalog add ITEMS --dataset COPERNICUS/S2_SR_HARMONIZED --data DIR
  ecumene catalog add dem.tif --id projects/my-project/assets/dem --data DIR
  ecumene catalog add fields.geojson --id projects/my-project/assets/fields --data DIR
  ecumene catalog add --stac-api URL --collection sentinel-2-l2a --bbox 14.9,45.7,15.6,46.3 \\
      --datetime 2023-08-01/2023-08-31 --data DIR
"""


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "catalog",
        help="register, list and forget assets",
        description="Assets are registered where they lie: nothing is copied, nothing is deleted.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _register_add(commands)
    show = commands.add_parser("list", help="list assets below ID (default: the whole root)")
    show.add_argument("id", nargs="?", default="", metavar="ID", help="folder or collection")
    show.add_argument("--recursive", "-r", action="store_true", help="folders within folders too")
    places.register(show)
    show.set_defaults(run=run_list)
    forget = commands.add_parser("remove", help="forget an asset and everything below it")
    forget.add_argument("id", metavar="ID", help="asset id, e.g. COPERNICUS/S2")
    places.register(forget)
    forget.set_defaults(run=run_remove)


def _register_add(commands: Any) -> None:
    add = commands.add_parser(
        "add",
        help="register rasters, STAC items, tables or a whole archive",
        epilog=_ADD,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add.add_argument(
        "path", nargs="?", type=Path, metavar="PATH", help="what to register, see below"
    )
    add.add_argument("--id", metavar="ID", help="asset id of a single raster or table")
    add.add_argument(
        "--dataset",
        metavar="DEF",
        help="how STAC assets become bands: a YAML file, or the id of a shipped definition (e.g. COPERNICUS/S2_SR_HARMONIZED)",
    )
    add.add_argument("--stac-api", metavar="URL", help="search a STAC API instead of reading PATH")
    add.add_argument("--collection", metavar="NAME", help="collection of the STAC API to search")
    add.add_argument(
        "--bbox",
        type=_bbox,
        metavar="W,S,E,N",
        help="box to search, in degrees (negative west: --bbox=-122,…)",
    )
    add.add_argument(
        "--datetime", metavar="RANGE", help="times to search, e.g. 2023-08-01/2023-08-31"
    )
    add.add_argument(
        "--limit", type=int, metavar="N", help="register at most N items of the STAC API"
    )
    add.add_argument(
        "--time",
        metavar="TIME",
        help="system:time_start of a single raster, e.g. 2020-04-01 or 2020-04-01T10:30:00Z",
    )
    add.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="PLACE",
        help="another folder or URL prefix that may be read (may be repeated)",
    )
    places.register(add)
    add.set_defaults(run=run_add)


def _bbox(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 4:
        raise argparse.ArgumentTypeError("four numbers: west,south,east,north")
    return values


class _Progress:
    """One line per asset, redrawn on a terminal at most ten times a second."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        finished = done == total
        if not finished and now - self._last < 0.1:
            return
        self._last = now
        line = f"  {what}: {done} of {total}"
        if sys.stderr.isatty():
            print(f"\r{line:<78}", end="\n" if finished else "", file=sys.stderr, flush=True)
        elif finished:
            print(line, file=sys.stderr, flush=True)


def run_add(options: argparse.Namespace) -> int:
    """Registers what was named; prints how much."""
    from ecumene.catalog import datasets, ingest

    progress = _Progress()
    start = time.perf_counter()
    try:
        definition = datasets.load(options.dataset) if options.dataset else None
        with ingest.open_catalog(options.data) as catalog:
            for place in options.allow:
                catalog.allow(place)
            total = _add(catalog, options, definition, progress)
            _note(catalog, "catalog.add", options.id or options.dataset or str(options.path), total)
    except EcumeneError as error:
        print(f"ecumene: {error.message}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - start
    print(f"Registered {total} assets in {seconds:.1f} s.")
    return 0


def _note(catalog: Catalog, action: str, resource: str, count: int) -> None:
    from ecumene.catalog import auditing
    from ecumene.catalog.access import OPERATOR
    from ecumene.catalog.ids import canonical

    with catalog.index.writing() as connection:
        auditing.note(connection, OPERATOR, action, canonical(resource), assets=count)


def _add(
    catalog: Catalog,
    options: argparse.Namespace,
    definition: datasets.Dataset | None,
    progress: ingest.Progress,
) -> int:
    from ecumene.catalog import ingest
    from ecumene.catalog.filters import millis

    if options.stac_api:
        from ecumene.catalog.stacapi import add_api

        return add_api(
            catalog,
            options.stac_api,
            options.collection or (definition.collections[0] if definition else ""),
            definition,
            bbox=options.bbox,
            datetime=options.datetime,
            limit=options.limit,
            progress=progress,
        )
    if options.path is None:
        raise RequestError("Give a PATH, or --stac-api URL.")
    moment = millis(options.time) if options.time else None
    return ingest.add_path(
        catalog, options.path, definition, progress, asset_id=options.id, start=moment
    )


def run_list(options: argparse.Namespace) -> int:
    """Prints one line per asset: type, id, and how many images or rows."""
    from ecumene.catalog import ingest
    from ecumene.catalog.ids import canonical

    try:
        with ingest.open_catalog(options.data) as catalog:
            _print_children(catalog, canonical(options.id), options.recursive)
    except EcumeneError as error:
        print(f"ecumene: {error.message}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `… | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _print_children(catalog: Catalog, parent: str, recursive: bool) -> None:
    from ecumene.catalog.listing import list_assets

    parents = [parent] if parent else ["", *catalog.index.top_folders()]
    token = ""
    while parents:
        current = parents[0]
        page = list_assets(catalog, current, page_token=token, page_size=1000, view="BASIC")
        for asset in page.get("assets", []):
            print(f"{asset['type']:<17}{asset['id']}{_amount(catalog, asset)}")
            if recursive and asset["type"] == "FOLDER":
                _print_children(catalog, asset["id"], True)
        token = page.get("nextPageToken", "")
        if not token:
            parents.pop(0)


def _amount(catalog: Catalog, asset: dict[str, Any]) -> str:
    if asset["type"] == "IMAGE_COLLECTION":
        found = catalog.load_collection(asset["id"])
        return "" if found is None else f"  ({found.size()} images)"
    if asset["type"] == "TABLE":
        found = catalog.load_table(asset["id"])
        return "" if found is None else f"  ({found.size()} rows)"
    return ""


def run_remove(options: argparse.Namespace) -> int:
    """Forgets an asset; prints how many records went."""
    from ecumene.catalog import ingest

    try:
        with ingest.open_catalog(options.data) as catalog:
            gone = ingest.remove(catalog, options.id)
            _note(catalog, "catalog.remove", options.id, gone)
    except EcumeneError as error:
        print(f"ecumene: {error.message}", file=sys.stderr)
        return 1
    print(f"Forgot {gone} assets.")
    return 0
