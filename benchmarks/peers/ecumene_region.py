"""This server, W3: the mean of an index in a polygon with weights of coverage, through ``value:compute``."""

from __future__ import annotations

import json
from typing import Any

import ee

from benchmarks import workloads as w
from benchmarks.peers import ecumene, ecumene_tiles
from benchmarks.peers.ecumene import cache_mb, close, processes, start
from benchmarks.server import PROJECT
from benchmarks.worker import Contestant

__all__ = ["TASKS", "cache_mb", "close", "processes", "start"]


def _request(ask: w.Ask, index: bool) -> bytes:
    scene = ecumene.unmet(ecumene_tiles.image(ask, ask.k))
    bands = ["B08", "B04"]
    crs = f"EPSG:{w.CRS}"
    ring = w.polygon(ask.archive, ask.k)["coordinates"]
    mean = (scene.normalizedDifference(bands).rename("B08") if index else scene.select(bands)).reduceRegion(
        reducer=ee.Reducer.mean(), geometry=ee.Geometry.Polygon(ring, crs, False), crs=crs,
        crsTransform=[10, 0, w.WEST, 0, -10, w.NORTH], maxPixels=1e9,
    )  # fmt: skip
    return json.dumps({"expression": ee.serializer.encode(mean.get("B08"))}).encode()


def _cold(ask: w.Ask) -> bytes:
    ecumene._SERVER[0].forget()
    return _request(ask, True)


def _warm(ask: w.Ask) -> bytes:
    _mean(ask, _request(ask, False))
    ecumene._SERVER[0].settle()
    return _request(ask, True)


def _mean(ask: w.Ask, given: bytes) -> float:
    answer: Any = json.loads(ecumene._SERVER[0].client.post(f"/v1/{PROJECT}/value:compute", given))
    return float(answer["result"])


TASKS = {
    "w3": {
        "Ecumene, cold blocks": Contestant(_mean, _cold),
        "Ecumene, warm blocks": Contestant(_mean, _warm),
    }
}
