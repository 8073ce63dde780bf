"""A plan as plain data: what a request would read, hold and compute, without doing it."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ecumene import kernels
from ecumene.core.context import Context
from ecumene.core.errors import LimitExceeded
from ecumene.core.kernel import Kernel
from ecumene.core.projection import Grid, Window
from ecumene.core.reducer import Reducer
from ecumene.plan.estimate import Estimate, estimate
from ecumene.plan.executor import Executor
from ecumene.plan.layout import FEWEST, Layout, shaped
from ecumene.plan.node import PlanNode
from ecumene.plan.nodes import Fused, Source
from ecumene.plan.optimise import Prepared
from ecumene.plan.planner import inherited
from ecumene.plan.reach import Demand, inner
from ecumene.plan.reads import Read, Reads, demands

MOST_ROWS = 5000
"""Nodes and sources that are listed one by one; totals count all."""

MOST_SKIPPED = 100


def explain(
    engine: Executor,
    nodes: Sequence[PlanNode],
    grid: Grid,
    window: Window,
    context: Context,
    origins: Mapping[bytes, str] | None = None,
) -> dict[str, Any]:
    """What ``engine.blocks(nodes, grid, window, context)`` would do.

    Parameters
    ----------
    nodes : one for each band of the request.
    origins : which algorithm made each node, by digest, where that is known.

    Returns
    -------
    JSON data: ``grid``, ``plan`` (nodes, inputs before those that use them), ``sources``, ``skipped`` (assets
    that do not meet the request), ``reading`` (totals), ``blocks``, ``memory``, ``work``, ``caches``, and
    ``refused``, the error that a run would end with, where it would. Bytes and metres.

    No pixel is read. Files are named by their assets and base names.
    """
    plan = engine.plan(nodes, grid, window, context)
    labels = dict(origins or {})
    inherited(labels, nodes, plan.given)
    asked = demands(plan, grid, window)
    rows, met, opened = _reads(engine, plan, asked, context)
    layout, found, refused = _layout(engine, plan, grid, window, context)
    threads = 1 if layout.whole else engine.threads
    out: dict[str, Any] = {
        "grid": _grid(grid, window),
        "plan": _nodes(plan, asked, grid, labels),
        "sources": [_source(row) for row in rows[:MOST_ROWS]],
        "skipped": _skipped(nodes, met),
        "reading": _totals(rows, opened),
        "blocks": {
            "count": layout.count(window),
            "width": layout.shape[1],
            "height": layout.shape[0],
            "threads": threads,
            "passThroughCache": layout.passing,
        },
        "memory": _memory(found, threads, context.limits.memory_bytes),
        "work": {"operations": found.work, "limit": context.limits.pixel_operations},
        "caches": _caches(rows, opened),
    }
    if refused is not None:
        out["refused"] = refused
    return out


def _grid(grid: Grid, window: Window) -> dict[str, Any]:
    return {
        "crs": grid.crs,
        "transform": list(grid.transform),
        "offset": [window.col, window.row],
        "dimensions": {"width": window.width, "height": window.height},
        "scale": grid.nominal_scale,
    }


def _reads(
    engine: Executor, plan: Prepared, asked: Mapping[int, set[Demand]], context: Context
) -> tuple[list[Read], set[str], int]:
    """Reads, assets that have something to read, and headers that were opened to tell."""
    if engine.store is None:
        return [], set(), 0
    reads = Reads(engine.store)
    met = set()
    for source in plan.sources:
        context.cancel.check()
        for demand in sorted(asked[id(source)], key=repr):
            if reads.add(source, demand):
                met.add(source.band.asset)
    return list(reads.rows()), met, reads.opened


def _layout(
    engine: Executor, plan: Prepared, grid: Grid, window: Window, context: Context
) -> tuple[Layout, Estimate, str | None]:
    """How the window would be cut, what that costs; and why not, where limits forbid it."""
    try:
        layout = engine.layout(plan, grid, window, context)
    except LimitExceeded as error:
        layout = Layout(shaped(window, FEWEST))
        return layout, estimate(plan, grid, window, layout.shape), error.message
    return layout, estimate(plan, grid, window, layout.shape), None


def _nodes(
    plan: Prepared, asked: Mapping[int, set[Demand]], grid: Grid, origins: Mapping[bytes, str]
) -> dict[str, Any]:
    numbers = {id(node): number for number, node in enumerate(plan.nodes)}
    listed = []
    for node in plan.nodes[:MOST_ROWS]:
        row: dict[str, Any] = {
            "number": numbers[id(node)],
            "kind": type(node).__name__,
            "type": node.type.text(),
            "inputs": [numbers[id(child)] for child in plan.children[id(node)]],
            "uses": plan.uses.get(id(node), 0),
        }
        row |= {name: value for name, value in (
            ("details", _details(node)), ("algorithm", origins.get(node.digest)),
            ("halo", _halo(node, asked[id(node)])), ("grids", _grids(asked[id(node)], grid)),
        ) if value}  # fmt: skip
        listed.append(row)
    roots = [numbers[id(root)] for root in plan.roots]
    return {"roots": roots, "count": len(plan.nodes), "nodes": listed}


def _details(node: PlanNode) -> dict[str, Any]:
    """Parameters of a node that are short to say."""
    if isinstance(node, Source):
        band = node.band
        file = os.path.basename(band.path)
        return {"asset": band.asset, "file": file, "band": band.index, "method": node.method}
    if isinstance(node, Fused):
        return {"steps": [s.operator for s in node.shape.steps], "results": len(node.bodies)}
    found: dict[str, Any] = {}
    for field in dataclasses.fields(node):  # type: ignore[arg-type]
        value = getattr(node, field.name)
        if isinstance(value, Reducer | Kernel):
            found[field.name] = value.name
        elif isinstance(value, float) and not math.isfinite(value):
            found[field.name] = str(value)
        elif isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) < 60):
            found[field.name] = value
    return found


def _halo(node: PlanNode, asked: set[Demand]) -> list[int] | None:
    """Pixels that a node needs on the left, top, right and bottom of a block of its own grid."""
    for demand in asked:
        below = inner(node, demand)
        if demand.whole is None or below.whole is None or below.grid != demand.grid:
            continue
        own, grown = demand.whole, below.whole
        left, top = own.col - grown.col, own.row - grown.row
        halo = [left, top, grown.width - own.width - left, grown.height - own.height - top]
        return halo if any(halo) else None
    return None


def _grids(asked: set[Demand], grid: Grid) -> list[dict[str, Any]]:
    """Grids other than the request's on which a node is computed."""
    others = {demand.grid for demand in asked} - {grid}
    return [{"crs": other.crs, "scale": other.nominal_scale} for other in sorted(others, key=repr)]


def _source(row: Read) -> dict[str, Any]:
    out = {
        "asset": row.asset,
        "file": row.file,
        "bands": list(row.bands),
        "role": "mask" if row.mask else "pixels",
        "type": row.dtype,
        "level": row.level,
        "levels": row.levels,
        "scale": row.scale,
        "blocks": row.cost.blocks,
        "cachedBlocks": row.cost.cached,
        "bytesDecoded": row.cost.decoded,
        "bytesStored": row.cost.stored,
        "estimated": row.estimated,
    }
    return {name: value for name, value in out.items() if value is not None}


def _skipped(nodes: Sequence[PlanNode], met: set[str]) -> dict[str, Any]:
    """Assets of the graph that have nothing in the request."""
    named: dict[str, None] = {}
    seen: set[int] = set()
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Source):
            named[node.band.asset] = None
        waiting.extend(reversed(list(node.inputs())))
    missing = [asset for asset in named if asset not in met]
    return {"count": len(missing), "assets": missing[:MOST_SKIPPED], "read": len(met)}


def _totals(rows: Sequence[Read], opened: int) -> dict[str, Any]:
    known = [row.cost.stored for row in rows if row.cost.stored is not None]
    return {
        "files": len({(row.asset, row.file) for row in rows}),
        "blocks": sum(row.cost.blocks for row in rows),
        "cachedBlocks": sum(row.cost.cached for row in rows),
        "bytesDecoded": sum(row.cost.decoded for row in rows),
        "bytesToDecode": sum(row.cost.left for row in rows),
        "bytesStored": sum(known),
        "bytesStoredKnown": len(known) == len(rows),
        "headersOpened": opened,
        "estimatedFiles": sum(row.estimated for row in rows),
    }


def _memory(found: Estimate, threads: int, limit: int) -> dict[str, Any]:
    return {
        "bytes": found.memory(threads),
        "limit": limit,
        "blockPeak": found.peak,
        "blockResults": found.results,
        "widest": found.widest,
    }


def _caches(rows: Sequence[Read], opened: int) -> dict[str, Any]:
    """What is there already."""
    parsed = len({(row.asset, row.file) for row in rows if not row.estimated}) - opened
    files = len({(row.asset, row.file) for row in rows})
    return {
        "blocks": {"cached": sum(row.cost.cached for row in rows), "of": sum(row.cost.blocks for row in rows)},
        "headers": {"known": max(parsed, 0), "of": files},
        "kernels": {"ready": kernels.loaded()},
    }  # fmt: skip
