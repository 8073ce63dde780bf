"""What Prometheus is told: requests, caches, queues, kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ecumene import kernels
from ecumene.api.services import Services
from ecumene.core import caches
from ecumene.core.caches import Counters, Report
from ecumene.kernels.programs.tiers import COMPILER
from ecumene.plan.executor import Executor

_COUNTED = {"hits": "Found.", "misses": "Not found.", "evictions": "Dropped for want of room."}

_HELD: tuple[tuple[str, str, Callable[[Counters], float]], ...] = (
    ("entries", "Entries held.", lambda c: c.entries),
    ("fill_ratio", "How full it is, 0 to 1.", lambda c: c.size / max(c.capacity, 1)),
    ("bytes", "Bytes held, of caches that count them.", lambda c: c.size),
    ("capacity_bytes", "Most bytes held.", lambda c: c.capacity),
)


class Metrics:
    """The metrics of one application.

    Parameters
    ----------
    services : whose caches and pools are told.
    waiting : how many requests are waited for.
    own : caches of the application itself.
    """

    def __init__(
        self, services: Services, waiting: Callable[[], int], own: Mapping[str, Report]
    ) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ecumene_requests",
            "Requests by method and status.",
            ("method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "ecumene_request_seconds", "Time of requests.", ("method",), registry=self.registry
        )
        Gauge(
            "ecumene_requests_in_progress", "Requests that are waited for.", registry=self.registry
        ).set_function(waiting)
        self.registry.register(_Caches(services, own))
        self.registry.register(_Engine(services))

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry)


class _Caches(Collector):
    """Every cache, by name."""

    def __init__(self, services: Services, own: Mapping[str, Report]) -> None:
        self.services, self.own = services, own

    def reports(self) -> Mapping[str, Report]:
        services = self.services
        found = {**caches.shared(), **services.catalog.caches(), **self.own}
        found |= services.engine.memory.caches() | services.stored.caches()
        engine = services.engine.pixels
        if isinstance(engine, Executor):
            found |= engine.caches()
        return found

    def collect(self) -> Iterator[Metric]:
        """One family a counter, one sample a cache."""
        found = {name: report() for name, report in sorted(self.reports().items())}
        for field, words in _COUNTED.items():
            counter = CounterMetricFamily(f"ecumene_cache_{field}", words, labels=("cache",))
            for name, counters in found.items():
                counter.add_metric((name,), getattr(counters, field))
            yield counter
        for title, words, value in _HELD:
            gauge = GaugeMetricFamily(f"ecumene_cache_{title}", words, labels=("cache",))
            for name, counters in found.items():
                if counters.in_bytes or not title.endswith("bytes"):
                    gauge.add_metric((name,), value(counters))
            yield gauge


class _Engine(Collector):
    """Pools and kernels, and what is kept for clients."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def collect(self) -> Iterator[Metric]:
        """Gauges without labels."""
        values: dict[str, tuple[str, float]] = {
            "kernels_ready": ("Compiled kernels that are loaded.", len(kernels.names())),
            "programs_ready": ("Compiled formulas that are kept.", COMPILER.stats().entries),
            "profiles_kept": ("Profiles kept for clients.", len(self.services.engine.profiles)),
            "maps_kept": ("Maps, thumbnails and tables kept.", len(self.services.stored)),
        }
        engine = self.services.engine.pixels
        if isinstance(engine, Executor):
            values["executor_threads"] = ("Threads that compute blocks.", engine.threads)
            scheduler = engine.scheduler
            values["executor_queued_blocks"] = ("Blocks that wait for a thread.", scheduler.waiting)
            values["executor_requests"] = ("Requests that share the threads.", scheduler.lanes())
            if engine.store is not None:
                queued = engine.store.queued
                values["prefetch_queued_blocks"] = ("Stored blocks to be decoded early.", queued)
        for name, (words, value) in values.items():
            yield GaugeMetricFamily(f"ecumene_{name}", words, value)
        yield from _block_cache(engine)
        yield from _operations(self.services)


def _operations(services: Services) -> Iterator[Metric]:
    """Long work by its state."""
    if services.operations is not None:
        gauge = GaugeMetricFamily("ecumene_operations", "Operations by state.", labels=("state",))
        for state, count in sorted(services.operations.store.counts().items()):
            gauge.add_metric((state,), count)
        yield gauge


def _block_cache(engine: object) -> Iterator[Metric]:
    """The block cache under names of its own."""
    store = getattr(engine, "store", None)
    if store is None:
        return
    stats = store.stats
    for name in ("hits", "misses", "waits", "evictions", "bytes"):
        yield GaugeMetricFamily(
            f"ecumene_block_cache_{name}", f"Block cache: {name}.", getattr(stats, name)
        )
