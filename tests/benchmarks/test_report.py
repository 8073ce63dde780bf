"""Ratios are paired, the best peer is the reference, checks show the worst answer."""

from __future__ import annotations

from benchmarks.paired import Series, best
from benchmarks.tasks import TASKS

from benchmarks import report


def series(name: str, *seconds: float, own: bool = False, checks: tuple[float, ...] = ()) -> Series:
    n = len(seconds)
    return Series(name, own, list(seconds), [0.1] * n, [900.0] * n, [200.0] * n, list(checks))


RUN = [
    series("slow", 4, 8, 6, checks=(0.01, 0.03, 0.02)),
    series("fast", 2, 4, 3, checks=(0.0, 0.0, 0.0)),
    series("Ecumene, cold blocks", 1, 1, 1, own=True, checks=(0.0, 0.001, 0.0)),
    series("decode floor", 0.5, 0.5, 0.5, own=True),
]


def test_the_best_peer_is_no_row_of_our_own() -> None:
    reference = best(RUN)
    assert reference is not None and reference.name == "fast"
    assert best([RUN[2], RUN[3]]) is None


def test_rows() -> None:
    slow, fast, ours, floor = report.rows(TASKS["w1_cloud"], RUN)
    assert slow[:3] == ("slow", "2.00", "2.00–2.00") and slow[5] == "3.00%"
    assert fast[:3] == ("fast", "1.00", "")
    assert ours[:3] == ("Ecumene, cold blocks", "0.33", "0.25–0.50") and ours[5] == "0.10%"
    assert floor[5] == ""


def test_figures_name_what_they_are_compared_with() -> None:
    found = report.figures({("w1_cloud", 20): RUN})
    assert [(f[0], f[2]) for f in found] == [
        ("W1 cloud, N=20, cold blocks / fast", "0.33"),
        ("W1 cloud, N=20, cold blocks / decode floor", "2.00"),
    ]


def test_memory_is_counted_beyond_the_cache_and_overhead_in_milliseconds() -> None:
    parts = [
        series("request", 0.010, 0.012, own=True),
        series("plan, pixels and PNG in process", 0.007, 0.008, own=True),
        series("plan in process", 0.001, 0.001, own=True),
    ]
    run = {("w4", 20): [series("Ecumene, one request", 9, own=True)], ("overhead", 0): parts}
    found = {name: value for name, _, value, _ in report.figures(run)}
    assert found["W4, peak memory beyond the cache of blocks"] == "700 MB"
    assert found["Server overhead on a warm tile"] == "4.5 ms"
