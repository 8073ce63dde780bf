"""This server in a harness that finds its contestants as modules ``p_NAME`` with one function a workload.

Such a harness has a module ``workloads`` of its own (grids, tiles, polygons, scenes as STAC items) on the path.
Run it with this folder and the repository on the path; functions named ``…_warm`` ask again where blocks are decoded.
"""

from __future__ import annotations

import atexit
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import ee
import rasterio

import workloads as theirs
from benchmarks import archive as own
from benchmarks.peers import ecumene
from benchmarks.server import PROJECT, Server, registered

SERVERS: list[Server] = []


def prepare(archive: str) -> None:
    """Registers the scenes where they lie, and starts the server."""
    root = Path(tempfile.mkdtemp(prefix="cross-")) / "archive"
    items = root / "bench" / "items"
    items.mkdir(parents=True)
    for item in theirs.stac_dicts(archive):
        taken = datetime.fromisoformat(item["properties"]["datetime"])
        item["properties"]["ee:properties"] = {
            "system:index": item["id"],
            "system:time_start": int(taken.timestamp() * 1000),
        }
        (items / f"{item['id']}.json").write_text(json.dumps(item))
    own.catalogue(root)
    allowed = partial(registered, allow=str(Path(archive).resolve()))
    SERVERS.append(Server(root / "bench", allowed))
    ecumene._SERVER.append(SERVERS[0])
    atexit.register(SERVERS[0].close)


def _shown(image: ee.Image, grid: dict[str, Any]) -> bytes:
    shown = {"visualizationOptions": {"ranges": [{"min": theirs.VMIN, "max": theirs.VMAX}]}}
    body = ecumene.body(ecumene.unmet(image), "PNG", grid, list(theirs.RGB)) | shown
    return SERVERS[0].pixels(body)


def _composite(archive: str, n: int, cloud: bool) -> ee.Image:
    names = [Path(folder).name for folder in theirs.scenes(archive, n)]
    found = ee.ImageCollection("BENCH/S2").filter(ee.Filter.inList("system:index", names))
    return (found.map(_clear) if cloud else found).median()


def _clear(image: ee.Image) -> ee.Image:
    return image.updateMask(image.select("SCL").remap(list(theirs.SCL_BAD), [0] * 5, 1))


def _w1(archive: str, k: int, n: int, cloud: bool) -> bytes:
    west, north, step, side = theirs.w1_grid(archive, k)
    grid = ecumene.grid("EPSG:4326", (step, 0, west, 0, -step, north), side, side)
    return _shown(_composite(archive, n, cloud), grid)


def prepare_w1_cloud(archive: str, k: int, n: int) -> None:
    SERVERS[0].forget()


prepare_w1_plain = prepare_w2_native = prepare_w2_overview = prepare_w3_ndvi = prepare_w1_cloud


def w1_cloud(archive: str, k: int, n: int, _: None = None) -> bytes:
    return _w1(archive, k, n, True)


def w1_cloud_warm(archive: str, k: int, n: int) -> bytes:
    return _w1(archive, k, n, True)


def w1_plain(archive: str, k: int, n: int, _: None = None) -> bytes:
    return _w1(archive, k, n, False)


def _tile(archive: str, scene: int, x: int, y: int, z: int) -> bytes:
    side = 2 * 20037508.342789244 / 2**z
    west, north = x * side - 20037508.342789244, 20037508.342789244 - y * side
    grid = ecumene.grid("EPSG:3857", (side / 256, 0, west, 0, -side / 256, north), 256, 256)
    return _shown(ee.Image(f"BENCH/S2/{Path(theirs.scenes(archive)[scene]).name}"), grid)


def w2_native(archive: str, k: int, n: int, _: None = None) -> bytes:
    return _tile(archive, k % 4, *theirs.w2_tile(archive, k, 14))


def w2_overview(archive: str, k: int, n: int, _: None = None) -> bytes:
    return _tile(archive, k % 4, *theirs.w2_tile(archive, k, 11))


def w2_native_load(archive: str, k: int, n: int) -> dict[str, Any]:
    """Sixty tiles, eight in flight: seconds a tile."""
    places = [theirs.w2_tile(archive, 1000 * k + i, 14) for i in range(60)]
    SERVERS[0].forget()
    with ThreadPoolExecutor(8) as pool:
        start = time.perf_counter()
        list(pool.map(lambda place: _tile(archive, k % 4, *place), places))
        return {"t": (time.perf_counter() - start) / len(places)}


def w3_ndvi(archive: str, k: int, n: int, _: None = None) -> float:
    crs = f"EPSG:{theirs.EPSG}"
    scene = ee.Image(f"BENCH/S2/{Path(theirs.scenes(archive)[k % 4]).name}")
    polygon = ee.Geometry.Polygon(theirs.w3_polygon(archive, k)["coordinates"], crs, False)
    mean = ecumene.unmet(scene).normalizedDifference(["B08", "B04"]).reduceRegion(
        ee.Reducer.mean(), polygon, crs=crs, maxPixels=1e9,
        crsTransform=[theirs.RES, 0, theirs.X0, 0, -theirs.RES, theirs.Y0],
    )  # fmt: skip
    body = {"expression": ee.serializer.encode(mean.get("nd"))}
    answer = SERVERS[0].client.post(f"/v1/{PROJECT}/value:compute", body)
    return float(json.loads(answer)["result"])


def w4_export(archive: str, k: int, n: int) -> dict[str, Any]:
    """The seconds until the file is written; its pixels are read for the check after that."""
    side = theirs.size_px(archive)
    grid = ecumene.grid(
        f"EPSG:{theirs.EPSG}", (theirs.RES, 0, theirs.X0, 0, -theirs.RES, theirs.Y0), side, side
    )
    image = _composite(archive, n, True).unmask(0).toUint16()
    body = ecumene.body(image, "GEO_TIFF", grid, list(theirs.RGB))
    with tempfile.NamedTemporaryFile(suffix=".tif") as file:
        start = time.perf_counter()
        file.write(SERVERS[0].pixels(body))
        file.flush()
        seconds = time.perf_counter() - start
        with rasterio.open(file.name) as written:
            return {"t": seconds, "value": written.read(out_shape=(3, side // 8, side // 8))}
