"""scikit-learn: ``predict`` of W6's forest on all cores, rows of singles already in memory."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks import workloads as w
from benchmarks.worker import Contestant


def _given(ask: w.Ask) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    rows, classes = w.forest_samples()
    forest = RandomForestClassifier(
        w.TREES, max_features=int(np.sqrt(w.FOREST_BANDS)), max_samples=0.5, random_state=0
    )
    forest.fit(rows, classes).set_params(n_jobs=os.cpu_count())
    columns = [band.reshape(-1) for band in w.forest_bands(ask.k)]
    return forest, np.stack(columns, axis=1).astype("float32")


def _predicted(ask: w.Ask, given: Any) -> Any:
    forest, rows = given
    return forest.predict(rows).astype("uint8").reshape(w.FOREST_SIDE, w.FOREST_SIDE)


TASKS = {"w6": {"scikit-learn": Contestant(_predicted, _given)}}
