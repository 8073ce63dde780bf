"""scikit-image: least costs by ``MCP_Geometric``, filled pits by ``reconstruction``; one thread each."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import workloads as w
from benchmarks.worker import Contestant


def _costs(ask: w.Ask, surface: Any) -> Any:
    from skimage.graph import MCP_Geometric

    found, _ = MCP_Geometric(surface, sampling=(w.METRES, w.METRES)).find_costs(
        [w.source_of(surface)]
    )
    return found


def _filled(ask: w.Ask, surface: Any) -> Any:
    from skimage.morphology import reconstruction

    seed = np.full_like(surface, surface.max())
    seed[[0, -1]], seed[:, [0, -1]] = surface[[0, -1]], surface[:, [0, -1]]
    return reconstruction(seed, surface, method="erosion")


def _given(ask: w.Ask) -> Any:
    return w.surface(ask.k).astype("float64")


TASKS = {
    "w8_cost": {"scikit-image": Contestant(_costs, _given)},
    "w8_fill": {"scikit-image": Contestant(_filled, _given)},
}
