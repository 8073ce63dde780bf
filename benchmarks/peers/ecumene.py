"""This server, composites: W1 as a picture and W4 as a whole GeoTIFF, through ``image:computePixels``.

*Cold*: headers and handles are known, decoded pixels dropped. *Warm*: another statistic was just computed at the same place, so its
blocks are decoded but nothing of the answer is known.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import ee

from benchmarks import workloads as w
from benchmarks.server import Server
from benchmarks.worker import Contestant

_SERVER: list[Server] = []


def start(archive: Path) -> None:
    _SERVER.append(Server(archive))


def close() -> None:
    _SERVER.pop().close()


def processes() -> list[int]:
    return [_SERVER[0].process.pid]


def cache_mb() -> float:
    return _SERVER[0].metric("ecumene_block_cache_bytes") / 2**20


def _clear(image: ee.Image) -> ee.Image:
    classes = image.select("SCL")
    clear = classes.neq(w.CLOUDY[0])
    for value in w.CLOUDY[1:]:
        clear = clear.And(classes.neq(value))
    return image.updateMask(clear)


def scenes(ask: w.Ask, cloud: bool) -> ee.ImageCollection:
    """The n scenes, masked by class or as they are."""
    found = w.items(ask.archive, ask.n)
    names = [item["properties"]["ee:properties"]["system:index"] for item in found]
    chosen = ee.ImageCollection("BENCH/S2").filter(ee.Filter.inList("system:index", names))
    return chosen.map(_clear) if cloud else chosen


def grid(crs: str, transform: Any, width: int, height: int) -> dict[str, Any]:
    """A ``PixelGrid``."""
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    return {
        "dimensions": {"width": width, "height": height},
        "affineTransform": dict(zip(names, transform, strict=True)),
        "crsCode": crs,
    }


def body(
    image: ee.Image | dict[str, Any], kind: str, pixel_grid: dict[str, Any], bands: Any
) -> dict[str, Any]:
    """A request of ``image:computePixels``; the image may be an expression that is encoded already."""
    encoded = image if isinstance(image, dict) else ee.serializer.encode(image, for_cloud_api=True)
    return {
        "expression": encoded,
        "fileFormat": kind,
        "bandIds": list(bands),
        "grid": pixel_grid,
    }


_ASKED = itertools.count()


def unmet(image: ee.Image) -> ee.Image:
    """The same pixels by a graph that the server never met, so that what it remembers of graphs does not help."""
    return image.set("asked", next(_ASKED))


def _request(ask: w.Ask, statistic: str) -> bytes:
    lon, lat = w.corner(ask.archive, ask.k)
    place = grid("EPSG:4326", (w.DEGREES, 0, lon, 0, -w.DEGREES, lat), w.SIDE, w.SIDE)
    image = getattr(scenes(ask, ask.task == "w1_cloud"), statistic)()
    shown = {"visualizationOptions": {"ranges": [{"min": 0, "max": w.STRETCH}]}}
    return json.dumps(body(unmet(image), "PNG", place, w.RGB) | shown).encode()


def _cold(ask: w.Ask) -> bytes:
    _SERVER[0].forget()
    return _request(ask, "median")


def _warm(ask: w.Ask) -> bytes:
    _SERVER[0].pixels(_request(ask, "mean"))
    _SERVER[0].settle()
    return _request(ask, "median")


def _picture(ask: w.Ask, request: bytes) -> bytes:
    return _SERVER[0].pixels(request)


def _composite(ask: w.Ask) -> ee.Image:
    return scenes(ask, True).median().unmask(0).toUint16()


def _whole_request(ask: w.Ask) -> bytes:
    _SERVER[0].forget()
    side = w.size(ask.archive)
    place = grid(f"EPSG:{w.CRS}", (10, 0, w.WEST, 0, -10, w.NORTH), side, side)
    return json.dumps(body(_composite(ask), "GEO_TIFF", place, w.RGB)).encode()


def _whole(ask: w.Ask, request: bytes) -> Path:
    path = ask.folder / "ecumene.tif"
    path.write_bytes(_SERVER[0].pixels(request))
    return path


W1 = {
    "Ecumene, cold blocks": Contestant(_picture, _cold),
    "Ecumene, warm blocks": Contestant(_picture, _warm),
}
TASKS = {
    "w1_cloud": W1,
    "w1_plain": W1,
    "w4": {"Ecumene, one request": Contestant(_whole, _whole_request)},
}
