"""This server, tiles: W2 by requests that carry everything (``image:computePixels``) and as tiles of a map."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ee

from benchmarks import workloads as w
from benchmarks.peers import ecumene
from benchmarks.peers.ecumene import cache_mb, close, processes, start
from benchmarks.server import PROJECT
from benchmarks.worker import Contestant

__all__ = ["TASKS", "cache_mb", "close", "processes", "start"]

SHOWN = {"visualizationOptions": {"ranges": [{"min": 0, "max": w.STRETCH}]}}
_MAPS: dict[str, str] = {}


def _asset(ask: w.Ask, k: int) -> str:
    properties = w.scene(ask.archive, k)["properties"]["ee:properties"]
    return f"BENCH/S2/{properties['system:index']}"


def image(ask: w.Ask, k: int) -> ee.Image:
    """The scene of a place."""
    return ee.Image(_asset(ask, k))


def _loaded(ask: w.Ask, k: int) -> dict[str, Any]:
    """The same (see ``ecumene.unmet``) as the client encodes it, for callers without a server to initialize it."""

    def call(name: str, **arguments: Any) -> dict[str, Any]:
        return {"functionInvocationValue": {"functionName": name, "arguments": arguments}}

    load = call("Image.load", id={"constantValue": _asset(ask, k)})
    asked = {"constantValue": next(ecumene._ASKED)}
    graph = call("Element.set", object=load, key={"constantValue": "asked"}, value=asked)
    return {"result": "0", "values": {"0": graph}}


def zoom_of(ask: w.Ask) -> int:
    """The zoom level of a workload by its name."""
    return next((zoom for name, zoom in w.ZOOMS.items() if name in ask.task), w.ZOOMS["native"])


def request(ask: w.Ask, k: int, x: int, y: int) -> bytes:
    """A tile as a request of ``image:computePixels``."""
    place = ecumene.grid("EPSG:3857", w.tile_transform(zoom_of(ask), x, y), w.TILE, w.TILE)
    return json.dumps(ecumene.body(_loaded(ask, k), "PNG", place, w.RGB) | SHOWN).encode()


def post(ask: w.Ask, given: bytes) -> bytes:
    """The answer of the server."""
    return ecumene._SERVER[0].pixels(given)


def _path(ask: w.Ask, k: int, x: int, y: int) -> str:
    """A tile of a map of the scene, which is made the first time."""
    scene = image(ask, k)
    key = scene.serialize()
    if key not in _MAPS:
        made = {
            "expression": ee.serializer.encode(scene),
            "fileFormat": "PNG",
            "bandIds": w.RGB,
            **SHOWN,
        }
        answer = ecumene._SERVER[0].client.post(f"/v1/{PROJECT}/maps", made)
        _MAPS[key] = json.loads(answer)["name"]
    return f"/v1/{_MAPS[key]}/tiles/{zoom_of(ask)}/{x}/{y}"


def _cold(ask: w.Ask) -> bytes:
    found = request(ask, ask.k, *w.tile(ask.archive, ask.k, zoom_of(ask)))
    ecumene._SERVER[0].forget()
    return found


def warm(ask: w.Ask) -> bytes:
    """The request, after one of the same place that shows other bands and limits."""
    x, y = w.tile(ask.archive, ask.k, zoom_of(ask))
    place = ecumene.grid("EPSG:3857", w.tile_transform(zoom_of(ask), x, y), w.TILE, w.TILE)
    other = ecumene.body(image(ask, ask.k).add(1), "NPY", place, w.RGB)
    ecumene._SERVER[0].pixels(other)
    ecumene._SERVER[0].settle()
    return request(ask, ask.k, x, y)


def _map_cold(ask: w.Ask) -> str:
    path = _path(ask, ask.k, *w.tile(ask.archive, ask.k, zoom_of(ask)))
    ecumene._SERVER[0].forget()
    return path


def _get(ask: w.Ask, given: str) -> bytes:
    return ecumene._SERVER[0].client.get(given)


def _many(ask: w.Ask) -> list[bytes]:
    found = [request(ask, *tile) for tile in w.tiles(ask.archive, ask.k, zoom_of(ask))]
    ecumene._SERVER[0].forget()
    return found


def _many_maps(ask: w.Ask) -> list[str]:
    found = [_path(ask, *tile) for tile in w.tiles(ask.archive, ask.k, zoom_of(ask))]
    ecumene._SERVER[0].forget()
    return found


def _post_all(ask: w.Ask, given: list[bytes]) -> list[bytes]:
    with ThreadPoolExecutor(w.FLIGHT) as pool:
        return list(pool.map(ecumene._SERVER[0].pixels, given))


def _get_all(ask: w.Ask, given: list[str]) -> list[bytes]:
    with ThreadPoolExecutor(w.FLIGHT) as pool:
        return list(pool.map(ecumene._SERVER[0].client.get, given))


ONE: dict[str, Any] = {
    "Ecumene, cold blocks": Contestant(post, _cold),
    "Ecumene, warm blocks": Contestant(post, warm),
    "Ecumene, tile of a map, cold": Contestant(_get, _map_cold),
}
MANY: dict[str, Any] = {
    "Ecumene, cold blocks": Contestant(_post_all, _many),
    "Ecumene, tiles of maps, cold": Contestant(_get_all, _many_maps),
}
TASKS = {
    "w2_native": ONE,
    "w2_overview": ONE,
    "w2_native_load": MANY,
}
