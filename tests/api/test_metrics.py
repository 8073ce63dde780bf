"""What Prometheus is told of caches, queues and kernels."""

from __future__ import annotations

import numpy as np
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from ecumene.core.caches import Counters
from ecumene.storage.blocks import BlockStore
from ecumene.storage.gate import Gate
from tests.api.conftest import Service
from tests.api.test_http import THREE, P, call, graph
from tests.api.test_profiling import ASK, DOUBLED, GRID
from tests.storage.test_blocks import TILED, values, write

BODY = {"expression": graph(DOUBLED), "grid": GRID, "fileFormat": "NPY"}


def told(service: Service) -> dict[tuple[str, str], float]:
    """Values by name and cache."""
    text = requests.get(f"{service.base}/metrics", timeout=30).text
    return {
        (sample.name, sample.labels.get("cache", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_caches_count_what_requests_do(service: Service) -> None:
    service.post(f"{P}/image:computePixels", BODY)
    before = told(service)
    service.post(f"{P}/image:computePixels", BODY)
    after = told(service)

    def grew(name: str, cache: str) -> float:
        key = f"ecumene_cache_{name}_total", cache
        return after[key] - before[key]

    assert grew("hits", "blocks") == 3
    assert grew("misses", "blocks") == 0
    assert grew("hits", "headers") > 0
    assert grew("hits", "plans") == 1
    assert grew("misses", "lookups") == 0
    assert grew("misses", "headers") == 0
    assert grew("hits", "expressions") == 1, "the same graph is not evaluated again"
    assert grew("misses", "images") == 0
    assert after["ecumene_cache_bytes", "blocks"] >= 3 * 32 * 32 * 2
    assert after["ecumene_cache_entries", "headers"] >= 1
    assert after["ecumene_block_cache_bytes", ""] == after["ecumene_cache_bytes", "blocks"]


def test_tables_are_counted_in_bytes(service: Service) -> None:
    places = call("Collection.loadTable", tableId={"constantValue": "projects/small/assets/places"})
    first = call(
        "Collection.limit", collection=places, limit={"constantValue": 2}, key={"constantValue": "rank"}
    )  # fmt: skip
    for _ in range(2):
        size = graph(call("Collection.size", collection=first))
        assert service.post(f"{P}/value:compute", {"expression": size}).ok
    found = told(service)
    assert found["ecumene_cache_misses_total", "feature_tables"] == 1
    assert found["ecumene_cache_hits_total", "feature_tables"] >= 1
    assert found["ecumene_cache_bytes", "feature_tables"] > 0


def test_every_cache_has_every_counter(service: Service) -> None:
    found = told(service)
    caches = {cache for _, cache in found if cache}
    assert {
        "blocks",
        "headers",
        "images",
        "asset_records",
        "feature_tables",
        "extents",
        "placed_lookups",
        "lookups",
        "plans",
        "expressions",
        "capabilities",
        "tokens",
    } <= caches
    for cache in caches:
        for name in ("hits_total", "misses_total", "evictions_total", "entries"):
            assert found[f"ecumene_cache_{name}", cache] >= 0
        assert 0 <= found["ecumene_cache_fill_ratio", cache] <= 1
        if ("ecumene_cache_bytes", cache) in found:
            held, most = (found[f"ecumene_cache_{k}bytes", cache] for k in ("", "capacity_"))
            assert found["ecumene_cache_fill_ratio", cache] == pytest.approx(held / most)


def test_pools_and_what_is_kept(service: Service) -> None:
    service.post(f"{P}/value:compute", THREE, **ASK)
    service.post(f"{P}/maps", {"expression": graph(DOUBLED)})
    found = told(service)
    assert found["ecumene_executor_threads", ""] >= 1
    assert found["ecumene_executor_queued_blocks", ""] == 0
    assert found["ecumene_executor_requests", ""] == 0
    assert found["ecumene_prefetch_queued_blocks", ""] == 0
    assert found["ecumene_profiles_kept", ""] >= 1
    assert found["ecumene_maps_kept", ""] >= 1
    assert found["ecumene_kernels_ready", ""] >= 0
    assert found["ecumene_programs_ready", ""] >= 0


@pytest.mark.parametrize("view", [False, True], ids=["store", "in-passing"])
def test_headers_are_counted(tmp_path, view: bool) -> None:
    for name in ("a.tif", "b.tif"):
        write(tmp_path / name, values("uint8"), **TILED)
    store = BlockStore(2**20, Gate([tmp_path]))
    reader = store.reading(passing=True) if view else store
    for name in ("a.tif", "b.tif", "a.tif", "a.tif"):
        reader.header(str(tmp_path / name))
    assert store.caches()["headers"]() == Counters(2, 2, 0, 2, 2, 20_000)
    block = reader.block(str(tmp_path / "a.tif"), 1, 0, 0, 0)
    assert block.dtype == np.uint8
    reader.block(str(tmp_path / "a.tif"), 1, 0, 0, 0)
    assert store.caches()["blocks"]()[:5] == (1, 1, 0, 1, block.nbytes)
