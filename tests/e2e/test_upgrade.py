"""Operations that an earlier version accepted are run by this one."""

from __future__ import annotations

from typing import Any

import pytest

from ecumene.tasks.operation import Operation
from ecumene.tasks.store import Store
from tests.e2e.exporting import ACCOUNT, PROJECT, Exporting
from tests.tasks.kinds import until

GEOTIFF = {
    "optimized": False,
    "side": 256,
    "dimensions": None,
    "skip": False,
    "nodata": None,
    "policy": "MEAN",
}
"""Payloads as 0.1.0 first wrote them: they stay here as they are."""


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("image:export", {"maxPixels": 10**8, "grid": {}, "format": "GEO_TIFF", "options": GEOTIFF}),
        ("table:export", {"selectors": None, "format": "CSV"}),
        ("map:export", {"start": 0, "end": 8, "skip": False, "format": "PNG"}),
        ("video:export", {"rate": 1.0, "most": 1000, "pixels": 10**8, "format": "MP4"}),
    ],
)  # fmt: skip
def test_old_payloads(exporting: Exporting, kind: str, payload: dict[str, Any]) -> None:
    ee = exporting.ee
    picture = exporting.scene().select("nir").visualize(min=0, max=5000)
    values = {
        "image:export": exporting.scene(),
        "table:export": exporting.places(),
        "map:export": picture,
        "video:export": ee.ImageCollection([picture]),
    }
    expression = ee.serializer.encode(values[kind], for_cloud_api=True)
    name = f"old_{kind.partition(':')[0]}"
    asked = Operation("", f"projects/{PROJECT}", ACCOUNT, kind, "EXPORT_IMAGE", name)
    whole = payload | {
        "expression": expression,
        "destination": {"bucket": "results", "prefix": name},
    }
    store = Store(exporting.data)
    accepted, _ = store.submit(asked, whole)
    until(lambda: store.get(accepted.id).done)  # type: ignore[union-attr]
    found = store.get(accepted.id)
    assert found is not None and found.state == "SUCCEEDED", found
