"""What a warm tile costs beyond its pixels: the request over HTTP beside the same work called directly in this process.

overhead = request - (plan, pixels and PNG in process) + plan in process, so that HTTP, authentication, graph and plan count.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks import workloads as w
from benchmarks.peers import ecumene, ecumene_tiles
from benchmarks.peers.ecumene import processes
from benchmarks.server import registered
from benchmarks.worker import Contestant

__all__ = ["TASKS", "close", "processes", "start"]

_HERE: dict[str, Any] = {}


def start(archive: Path) -> None:
    from ecumene import app, kernels

    ecumene.start(archive)
    _HERE["data"] = registered(archive)
    _HERE["services"] = app.build(_HERE["data"], authentication=False).services
    kernels.load()


def close() -> None:
    ecumene.close()
    shutil.rmtree(_HERE["data"], ignore_errors=True)


def _prepared(ask: w.Ask) -> tuple[Any, ...]:
    """Image, grid, window and context of the tile's request, up to where pixels are computed; its blocks are decoded."""
    from ecumene.api import pixels
    from ecumene.api.call import pick
    from ecumene.engine import grids, pictures

    services = _HERE["services"]
    tile = w.tile(ask.archive, ask.k, ecumene_tiles.zoom_of(ask))
    body = json.loads(ecumene_tiles.request(ask, ask.k, *tile))
    context = services.context("bench")
    value = services.engine.evaluate(body["expression"], context)
    image = pixels.select_bands(pixels.as_image(value, services, context), body["bandIds"])
    grid, window = grids.resolve(image, pick(body, "grid"), None, context.limits)
    pictures.render(image, grid, window, "NPY", context)
    shown = pixels.visualized(image, body["visualizationOptions"], context)
    return shown, grid, window, "PNG", context


def _render(ask: w.Ask, given: tuple[Any, ...]) -> bytes:
    from ecumene.engine import pictures

    return bytes(pictures.render(*given).content)


def _plan(ask: w.Ask, given: tuple[Any, ...]) -> None:
    from ecumene.plan import optimise

    image, grid, window, _, context = given
    plan = optimise.prepare([band.node for band in image.bands])
    _HERE["services"].engine.pixels.layout(plan, grid, window, context)


TASKS = {
    "overhead": {
        "request": Contestant(ecumene_tiles.post, ecumene_tiles.warm),
        "plan, pixels and PNG in process": Contestant(_render, _prepared),
        "plan in process": Contestant(_plan, _prepared),
    }
}
