"""Which outputs of reducers are plain statistics that kernels compute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ecumene.core.reducer import Reducer

NAMES = {
    "Reducer.mean": "mean", "Reducer.sum": "sum", "Reducer.count": "count", "Reducer.min": "min",
    "Reducer.max": "max", "Reducer.median": "median", "Reducer.mode": "mode",
    "Reducer.percentile": "percentile", "Reducer.variance": "variance", "Reducer.stdDev": "stdDev",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic of one input.

    ``name`` is one of ``NAMES`` (``minMax`` counts as min or max), ``params`` the percent of a percentile;
    ``weighted`` False: every present value counts once.
    """

    name: str
    params: tuple[Any, ...] = ()
    weighted: bool = True


def statistic(reducer: Reducer, output: int) -> Statistic | None:
    """The statistic behind an output of a reducer; None for all others."""
    if reducer.inputs != 1:
        return None
    if reducer.parts:
        for part, _ in reducer.parts:
            if output < len(part.outputs):
                return statistic(part, output)
            output -= len(part.outputs)
        return None
    inner = reducer.arguments.get("reducer")
    if reducer.name == "Reducer.setOutputs" and isinstance(inner, Reducer):
        return statistic(inner, output)
    if reducer.name == "Reducer.unweighted" and isinstance(inner, Reducer):
        found = statistic(inner, output)
        return None if found is None else replace(found, weighted=False)
    if reducer.name == "Reducer.minMax":
        return Statistic("min" if output == 0 else "max")
    name = NAMES.get(reducer.name)
    if name is None:
        return None
    params: tuple[Any, ...] = ()
    if name == "percentile":
        params = (float(reducer.arguments["percentiles"][output]),)
    return Statistic(name, params)
