"""Listings by pages: every asset once, in order, whatever the page's size and the view."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecumene.catalog.records import AssetRecord
from ecumene.catalog.store import Catalog

C = "projects/open/assets/c"
COUNT = 25


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, module_database: str):
    with Catalog(tmp_path_factory.mktemp("shelf")) as catalog:
        box = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
        far = {"type": "Point", "coordinates": [50, 50]}
        catalog.index.put([AssetRecord(C, "IMAGE_COLLECTION")])
        catalog.index.put(
            AssetRecord(
                f"{C}/i{k:02d}", "IMAGE", start=k * 1000, properties={"n": k, 'q"': k % 2},
                bounds=(0, 0, 1, 1) if k % 3 else (50, 50, 50, 50), footprint=box if k % 3 else far,
            )
            for k in range(COUNT)
        )  # fmt: skip
        yield catalog


def pages(catalog: Catalog, size: int, **options: Any) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        page = catalog.list_assets(C, page_size=size, page_token=token, **options)
        assert len(page.get("assets", [])) <= size
        found += page.get("assets", [])
        token = page.get("nextPageToken", "")
        if not token:
            return found


FILTERS = {
    "": lambda k: True,
    "properties.n >= 10": lambda k: k >= 10,
    'startTime >= "1970-01-01T00:00:05Z" AND startTime < "1970-01-01T00:00:09Z"': lambda k: 5 <= k < 9,
    "intersects(\"{'type':'Point','coordinates':[0.5,0.5]}\")": lambda k: k % 3 != 0,
    '"q\\"" = 1': lambda k: k % 2 == 1,
    "intersects('POINT(0.5 0.5)') AND properties.n < 12": lambda k: k % 3 != 0 and k < 12,
    "properties.n > 1000": lambda k: False,
}  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.sampled_from(sorted(FILTERS)), st.integers(1, 30), st.sampled_from(["BASIC", "FULL"]))
def test_pages_are_the_whole(shelf: Catalog, text: str, size: int, view: str):
    found = [asset["id"] for asset in pages(shelf, size, filter_text=text, view=view)]
    assert found == [f"{C}/i{k:02d}" for k in range(COUNT) if FILTERS[text](k)]


def test_views(shelf: Catalog):
    basic = pages(shelf, 10, view="BASIC", filter_text="intersects('POINT(0.5 0.5)')")
    assert basic[0].keys() == {"type", "name", "id"}
    assert {"properties", "geometry", "startTime"} <= pages(shelf, 10)[0].keys()
