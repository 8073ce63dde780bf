"""``ecumene explain``: what a request would read, hold and compute, without doing it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ecumene.cli import places

_EXAMPLES = """GRAPH.json is an expression, as image.serialize() gives it, or the body of a computePixels request.

examples:
  ecumene explain graph.json --grid EPSG:32610,10,-121.6,38.0,-121.5,38.1 --data DIR
  ecumene explain graph.json --grid grid.json --json --data DIR
  ecumene explain request.json --data DIR                     the grid of the request
"""

_ROWS = 25
_GRID = "a PixelGrid as JSON, its file, or CRS,SCALE[,WEST,SOUTH,EAST,NORTH] (metres; degrees)"


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    explain = subparsers.add_parser(
        "explain",
        help="show what a request would read, hold and compute",
        description="Shows the plan of an image request on a data folder: nodes, sources, overview levels, blocks, bytes, memory. No pixel is read.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    explain.add_argument("graph", type=Path, metavar="GRAPH.json", help="what to explain")
    places.register(explain)
    explain.add_argument("--grid", type=grid, metavar="GRID", help=f"where: {_GRID}")
    explain.add_argument(
        "--bands", metavar="NAMES", help="only these bands, separated by commas (default: all)"
    )
    explain.add_argument(
        "--limits",
        choices=("open", "gee"),
        default="open",
        help="limits of the server that would run it (default: %(default)s)",
    )
    explain.add_argument(
        "--json", action="store_true", help="everything as JSON, as image:explain answers"
    )
    explain.set_defaults(run=run)


def grid(text: str) -> dict[str, Any]:
    """``--grid`` as ``json`` text, the path of a ``file``, or ``crs``, ``scale`` and perhaps ``box``."""
    if text.lstrip().startswith("{"):
        return {"json": text}
    if text.endswith(".json"):
        return {"file": text}
    parts = text.split(",")
    try:
        scale, *box = (float(part) for part in parts[1:])
    except ValueError:
        scale, box = 0.0, []
    if len(parts) not in (2, 6) or not scale > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not {_GRID}")
    return {"crs": parts[0], "scale": scale, "box": box}


def run(options: argparse.Namespace) -> int:
    """Prints the plan."""
    from ecumene.api.call import Call
    from ecumene.api.explain import explain_pixels
    from ecumene.app import services
    from ecumene.catalog.access import OPERATOR
    from ecumene.storage.databases import made

    if not made(options.data, "catalog.sqlite"):
        print(f"ecumene: There is no catalogue in {options.data}.", file=sys.stderr)
        return 1
    body = request(options.graph)
    if options.grid is not None:
        body |= placed(options.grid)
    if options.bands:
        body["bandIds"] = options.bands.split(",")
    found = services(options.data, options.limits)
    told = explain_pixels(Call({}, {}, body), found, found.context(OPERATOR))
    if options.json:
        print(json.dumps(told, indent=1))
    else:
        print("\n".join(lines(told)))
    return 0


def _loaded(text: str, name: str) -> Any:
    from ecumene.core.errors import RequestError

    try:
        return json.loads(text)
    except ValueError as error:
        raise RequestError(f"{name} is not JSON: {error}") from None


def _file(path: Path) -> Any:
    from ecumene.core.errors import RequestError

    try:
        return _loaded(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror}") from None


def request(path: Path) -> dict[str, Any]:
    """A ``ComputePixelsRequest`` of a file that holds one, or an expression alone."""
    from ecumene.core.errors import RequestError

    found = _file(path)
    if isinstance(found, dict) and "expression" in found:
        return found
    if isinstance(found, dict) and {"result", "values"} <= found.keys():
        return {"expression": found}
    raise RequestError(f"{path} holds neither an expression nor a computePixels request.")


def placed(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a request that ``--grid`` means."""
    from ecumene.core import crs
    from ecumene.core.projection import Projection

    if "json" in given:
        return {"grid": _loaded(given["json"], "--grid")}
    if "file" in given:
        return {"grid": _file(Path(given["file"]))}
    crs.parse(given["crs"])
    a, _, _, _, e, _ = Projection(given["crs"]).at_scale(given["scale"]).transform
    transform = {"scaleX": a, "scaleY": -abs(e)}
    out: dict[str, Any] = {"grid": {"crsCode": given["crs"], "affineTransform": transform}}
    if given["box"]:
        west, south, east, north = given["box"]
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        out["region"] = {"type": "Polygon", "coordinates": [ring], "geodesic": False}
    return out


def lines(told: dict[str, Any]) -> Iterator[str]:
    """The plan for people."""
    yield from _summary(told)
    nodes = told["plan"]["nodes"]
    yield from ("", f"Plan: {told['plan']['count']} nodes, inputs first")
    yield from _table(
        ("#", "node", "type", "inputs", "uses", "halo", "made by"), [_node(row) for row in nodes]
    )
    yield from ("", "Sources")
    head = ("asset", "file", "bands", "level", "metres", "blocks", "cached", "decoded", "stored")
    yield from _table(head, [_source(row) for row in told["sources"]])


def _summary(told: dict[str, Any]) -> Iterator[str]:
    from ecumene.algorithms.profiles import quantity

    grid_, blocks, memory = told["grid"], told["blocks"], told["memory"]
    reading, skipped, work = told["reading"], told["skipped"], told["work"]
    size = grid_["dimensions"]
    stored = quantity(reading["bytesStored"]) + "B"
    rest = "" if reading["bytesStoredKnown"] else " at least"
    yield f"Grid     {grid_['crs']}, {size['width']} x {size['height']} pixels of {grid_['scale']:g} m"
    yield "Bands    " + ", ".join(f"{band['name']} ({band['type']})" for band in told["bands"])
    yield (
        f"Reading  {reading['blocks']} blocks of {reading['files']} files: {quantity(reading['bytesDecoded'])}B decoded,{rest} "
        f"{stored} stored; {reading['cachedBlocks']} blocks are in the cache"
    )
    yield f"Scenes   {skipped['read']} are read, {skipped['count']} have nothing here"
    passing = ", passing through the cache" if blocks["passThroughCache"] else ""
    yield (
        f"Blocks   {blocks['count']} of at most {blocks['width']} x {blocks['height']} pixels on "
        f"{blocks['threads']} threads{passing}"
    )
    yield (
        f"Memory   at most {quantity(memory['bytes'])}B of {quantity(memory['limit'])}B: {quantity(memory['blockPeak'])}B a block, "
        f"most of it at a {memory['widest']}"
    )
    yield f"Work     {work['operations']:.1e} operations of {work['limit']:.1e}"
    if "refused" in told:
        yield f"Refused  {told['refused']}"


def _node(row: dict[str, Any]) -> tuple[str, ...]:
    details = row.get("details", {})
    words = [
        str(details[k]) for k in ("asset", "file", "op", "reducer", "kind", "value") if k in details
    ]
    words += _shortened(details.get("steps", []))
    inputs = _shortened([str(number) for number in row["inputs"]])
    halo = "/".join(map(str, row.get("halo", [])))
    made = row.get("algorithm", "").removeprefix("Algorithm ")
    named = " ".join([row["kind"], *words])
    return str(row["number"]), named, row["type"], " ".join(inputs), str(row["uses"]), halo, made


def _shortened(words: list[str]) -> list[str]:
    return words if len(words) <= 4 else [*words[:3], f"… {len(words)}"]


def _source(row: dict[str, Any]) -> tuple[str, ...]:
    from ecumene.algorithms.profiles import quantity

    about = "~" if row["estimated"] else ""
    bands = ",".join(map(str, row["bands"])) + (" (mask)" if row["role"] == "mask" else "")
    stored = f"{quantity(row['bytesStored'])}B" if "bytesStored" in row else "?"
    return (
        row["asset"], row["file"], bands, f"{about}{row['level']}", f"{row['scale']:g}", f"{about}{row['blocks']}",
        str(row["cachedBlocks"]), f"{about}{quantity(row['bytesDecoded'])}B", stored,
    )  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns; long tables are cut in the middle."""
    shown = list(rows)
    if len(shown) > _ROWS:
        left_out = len(shown) - _ROWS + 1
        cut = _ROWS // 2
        gap = (f"… {left_out} more", *[""] * (len(head) - 1))
        shown = [*shown[:cut], gap, *shown[len(shown) - (_ROWS - 1 - cut) :]]
    whole = [tuple(head), *shown]
    widths = [max(len(row[column]) for row in whole) for column in range(len(head))]
    for row in whole:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
