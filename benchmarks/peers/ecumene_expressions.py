"""This server: the first tile of an expression that it never met, and the same expression with other constants.

The tile's blocks are decoded before, so what is compared is the work on the expression.
"""

from __future__ import annotations

import io
import json
import os
from functools import partial
from typing import Any

import ee
import numpy as np

from benchmarks import expressions
from benchmarks import workloads as w
from benchmarks.peers import ecumene, ecumene_tiles
from benchmarks.peers.ecumene import cache_mb, close, processes, start
from benchmarks.worker import Contestant

__all__ = ["TASKS", "cache_mb", "close", "processes", "start"]

RUN = int.from_bytes(os.urandom(4))
"""Another set of shapes every run: kernels that a server kept from an earlier run must not help."""


def seed(k: int) -> int:
    """The seed of the constants of a place; the other constants have the next one."""
    return 2 * k


def _place(ask: w.Ask) -> dict[str, Any]:
    zoom = w.ZOOMS["native"]
    transform = w.tile_transform(zoom, *w.tile(ask.archive, ask.k, zoom))
    return ecumene.grid("EPSG:3857", transform, w.TILE, w.TILE)


def _request(ask: w.Ask, constants: int) -> bytes:
    scene = ecumene_tiles.image(ask, ask.k)
    tree = expressions.shape(np.random.default_rng([RUN, ask.k]))

    def leaf(what: str | float) -> ee.Image:
        return scene.select(what) if isinstance(what, str) else ee.Image.constant(what)

    found = expressions.expression(tree, leaf, constants).rename("v")
    shown = {"visualizationOptions": {"ranges": [{"min": -1, "max": 1}]}}
    return json.dumps(ecumene.body(found, "PNG", _place(ask), ["v"]) | shown).encode()


def _expected(ask: w.Ask, constants: int) -> np.ndarray:
    """What numpy makes of the bands as the server gives them (their lookup is W2's check); -1 outside the swath."""
    raw = ecumene.body(
        ecumene_tiles.image(ask, ask.k).unmask(0), "NPY", _place(ask), expressions.BANDS
    )
    bands = np.load(io.BytesIO(ecumene._SERVER[0].pixels(raw)))
    tree = expressions.shape(np.random.default_rng([RUN, ask.k]))

    def leaf(what: str | float) -> expressions.Operand:
        return expressions.Operand(bands[what] if isinstance(what, str) else what)

    values = expressions.expression(tree, leaf, constants).values
    return np.where(bands["B02"] > 0, values, -1)


def _before(ask: w.Ask, other: int) -> bytes:
    np.save(ask.folder / f"expected-{other}.npy", _expected(ask, seed(ask.k) + other))
    ecumene._SERVER[0].settle()
    return _request(ask, seed(ask.k) + other)


TASKS = {
    "fresh": {
        "first tile of a new expression": Contestant(ecumene_tiles.post, partial(_before, other=0)),
        "the same with other constants": Contestant(ecumene_tiles.post, partial(_before, other=1)),
    }
}
