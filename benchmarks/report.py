"""Tables of series, plain or as Markdown, and the figures to watch."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.paired import Series, best
from benchmarks.tasks import Task

HEAD = ("contestant", "ratio", "spread", "seconds", "CPU s", "check", "peak MB")
Row = Sequence[str]


def _spread(values: list[float]) -> str:
    return f"{min(values):.2f}–{max(values):.2f}"


def shown(value: float | None, task: Task) -> str:
    """A check's figure: shares in percent."""
    if value is None:
        return ""
    if task.measure.startswith("pixels"):
        return f"{value:.2%}"
    return f"{value:.1e}" if value else "0"


def rows(task: Task, series: list[Series]) -> list[Row]:
    """One row a contestant; ratios are to the best peer (to the first contestant where there is none)."""
    reference = best(series) or series[0]
    out = []
    for one in series:
        ratios = one.ratios(reference)
        out.append(
            (
                one.name,
                f"{statistics.median(ratios):.2f}",
                "" if one is reference else _spread(ratios),
                f"{one.median:.4f}",
                f"{statistics.mean(one.cpu):.3f}",
                shown(one.check, task),
                f"{max(one.peak_mb):.0f}",
            )
        )
    return out


def plain(title: str, body: list[Row]) -> str:
    """A table for a terminal."""
    widths = [max(len(row[i]) for row in [HEAD, *body]) for i in range(len(HEAD))]
    lines = [title]
    for row in [HEAD, *body]:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0] = row[0].ljust(widths[0])
        lines.append("  ".join(cells))
    return "\n".join(lines)


def markdown(title: str, body: list[Row]) -> str:
    """A table for docs/performance.md; this project's rows are bold."""
    lines = [
        f"**{title}**",
        "",
        "| " + " | ".join(HEAD) + " |",
        "| --- |" + " ---: |" * (len(HEAD) - 1),
    ]
    for name, *cells in body:
        bold = f"**{name}**" if name.startswith("Ecumene") else name
        lines.append("| " + " | ".join([bold, *cells]) + " |")
    return "\n".join([*lines, ""])


def figures(results: dict[tuple[str, int], list[Series]]) -> list[tuple[str, str, str, str]]:
    """``(figure, goal, measured, spread)`` of every figure whose contestants took part."""
    out = []
    for label, goal, (task, n), mine, other in FIGURES:
        series = results.get((task, n))
        if series is None:
            continue
        own = next((s for s in series if s.name == mine), None)
        against = (
            best(series) if other is None else next((s for s in series if s.name == other), None)
        )
        if own is None or against is None:
            continue
        ratios = own.ratios(against)
        out.append(
            (f"{label} / {against.name}", goal, f"{statistics.median(ratios):.2f}", _spread(ratios))
        )
    return [*out, *_memory(results), *_overhead(results)]


COLD, WARM = "Ecumene, cold blocks", "Ecumene, warm blocks"
ANY = 0
"""Scenes of workloads that look at one scene."""

FIGURES: tuple[tuple[str, str, tuple[str, int], str, str | None], ...] = (
    ("W1 cloud, N=20, cold blocks", "≤ 0.20", ("w1_cloud", 20), COLD, None),
    ("W1 cloud, N=20, warm blocks", "≤ 0.08", ("w1_cloud", 20), WARM, None),
    ("W1 cloud, N=40, cold blocks", "≤ 0.15", ("w1_cloud", 40), COLD, None),
    ("W1 cloud, N=20, cold blocks", "≤ 2.2", ("w1_cloud", 20), COLD, "decode floor"),
    ("W2 native tile, one request, cold blocks", "≤ 0.30", ("w2_native", ANY), COLD, "TiTiler"),
    ("W2, 60 tiles, 8 in flight, seconds a tile", "≤ 0.25", ("w2_native_load", ANY), COLD, "TiTiler"),
    ("W3 with weights of coverage, cold blocks", "≤ 0.45", ("w3", ANY), COLD, "exactextract"),
    ("W4", "≤ 0.25", ("w4", 20), "Ecumene, one request", None),
    ("W5 mean, circle", "≤ 0.06", ("w5_mean_circle", ANY), "Ecumene's engine, float32", "SciPy, float32"),
    ("W5 median, circle", "≤ 0.10", ("w5_median_circle", ANY), "Ecumene's engine, uint16", "SciPy, uint16"),
    ("W6, random forest", "≤ 0.20", ("w6", ANY), "Ecumene's engine", "scikit-learn"),
    ("W7, polygons of segments", "≤ 1", ("w7", ANY), "Ecumene's engine", "rasterio + Shapely"),
    ("W8, least costs", "≤ 1", ("w8_cost", ANY), "Ecumene's kernel", "scikit-image"),
    ("W8, filled pits", "≤ 1", ("w8_fill", ANY), "Ecumene's kernel", "scikit-image"),
    ("First tile of a new expression", "≤ 1.3", ("fresh", ANY), "first tile of a new expression", "the same with other constants"),
)  # fmt: skip


def _memory(results: dict[tuple[str, int], list[Series]]) -> list[tuple[str, str, str, str]]:
    found = [s for s in results.get(("w4", 20), []) if s.name.startswith("Ecumene")]
    if not found:
        return []
    beyond = [peak - cache for peak, cache in zip(found[0].peak_mb, found[0].cache_mb, strict=True)]
    measured, spread = f"{max(beyond):.0f} MB", f"{min(beyond):.0f}–{max(beyond):.0f}"
    return [("W4, peak memory beyond the cache of blocks", "≤ 1000 MB", measured, spread)]


def _overhead(results: dict[tuple[str, int], list[Series]]) -> list[tuple[str, str, str, str]]:
    series: Any = {s.name: s.seconds for s in results.get(("overhead", ANY), [])}
    if not series:
        return []
    parts = zip(
        series["request"],
        series["plan, pixels and PNG in process"],
        series["plan in process"],
        strict=True,
    )
    found = sorted(1000 * (whole - inside + plan) for whole, inside, plan in parts)
    spread = f"{found[len(found) // 4]:.1f}–{found[(3 * len(found)) // 4]:.1f} (middle half)"
    return [
        ("Server overhead on a warm tile", "≤ 3 ms", f"{statistics.median(found):.1f} ms", spread)
    ]
