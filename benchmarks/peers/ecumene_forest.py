"""W6 as the engine computes it: a Predict node over bands in memory, in blocks on all threads, without HTTP."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import workloads as w
from benchmarks.peers import ecumene_focal
from benchmarks.peers.ecumene_focal import Held, blocks
from benchmarks.worker import Contestant
from ecumene.core.pixel_type import UINT8, UINT16
from ecumene.core.projection import Window
from ecumene.learning.classifier import Classifier, Samples
from ecumene.plan.nodes import Predict

start = ecumene_focal.start

SETTINGS = {
    "numberOfTrees": w.TREES, "variablesPerSplit": None, "minLeafPopulation": 1, "bagFraction": 0.5, "maxNodes": None, "seed": 0,
}  # fmt: skip


def _given(ask: w.Ask) -> Any:
    rows, classes = w.forest_samples()
    names = tuple(f"b{k}" for k in range(w.FOREST_BANDS))
    trained = Classifier("smileRandomForest", SETTINGS).on(
        Samples(rows.astype("float64"), classes.astype("float64")), names, "bench"
    )
    bands = w.forest_bands(ask.k)
    leaves = tuple(Held(band, np.ones(band.shape, bool), UINT16) for band in bands)
    return Predict(trained.predictor(), leaves, UINT8)


def _predicted(ask: w.Ask, node: Predict) -> Any:
    out = np.zeros((w.FOREST_SIDE, w.FOREST_SIDE), "uint8")
    for block, pixels in blocks(node, Window(0, 0, w.FOREST_SIDE, w.FOREST_SIDE)):
        here = slice(block.row, block.row + block.height), slice(block.col, block.col + block.width)
        out[here] = pixels.values
    return out


TASKS = {"w6": {"Ecumene's engine": Contestant(_predicted, _given)}}
