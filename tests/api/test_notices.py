"""Retired ids answer with their successors, and every answer says so."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecumene.catalog import ingest
from tests.api.application import Local
from tests.catalog.test_retired import NEW, OLD, add

INDEX = "LC08_044034_20140318"
NOTE = (f'299 - "{OLD} is retired: {NEW} answered for it."',)
IMAGE_NOTE = (f'299 - "{OLD}/{INDEX} is retired: {NEW}/{INDEX} answered for it."',)


def call(name: str, **arguments: Any) -> dict[str, Any]:
    given = {k: v if isinstance(v, dict) else {"constantValue": v} for k, v in arguments.items()}
    return {"functionInvocationValue": {"functionName": name, "arguments": given}}


def graph(node: dict[str, Any]) -> dict[str, Any]:
    return {"expression": {"result": "0", "values": {"0": node}}}


FIRST = call("Collection.first", collection=call("ImageCollection.load", id=OLD))
IMAGE = call("Image.load", id=f"{OLD}/{INDEX}")
NAMES = graph(call("Image.bandNames", image=FIRST))
GRID = {
    "dimensions": {"width": 4, "height": 4},
    "affineTransform": {"scaleX": 30, "scaleY": -30, "translateX": 500000, "translateY": 4000000},
    "crsCode": "EPSG:32610",
}


@pytest.fixture
def local(tmp_path: Path) -> Local:
    made = Local(tmp_path / "data")
    add(made.catalog, tmp_path, NEW)
    return made


def test_values_pixels_and_resources_are_the_successors(local):
    names = local.call("POST", "projects/p/value:compute", body=NAMES)
    assert (names.json()["result"], names.warnings) == (["B4"], NOTE)
    asset = local.call("GET", f"projects/earthengine-public/assets/{OLD}")
    assert (asset.json()["id"], asset.warnings) == (NEW, NOTE)
    listed = local.call("GET", f"projects/earthengine-public/assets/{OLD}:listImages")
    assert [one["id"] for one in listed.json()["images"]] == [f"{NEW}/{INDEX}"]
    assert listed.warnings == NOTE
    pixels = local.call(
        "POST", f"projects/earthengine-public/assets/{OLD}/{INDEX}:getPixels", body={"fileFormat": "NPY", "grid": GRID},
    )  # fmt: skip
    assert np.load(io.BytesIO(pixels.body)).dtype.names == ("B4",)
    assert pixels.warnings == IMAGE_NOTE


def test_no_warning_without_a_retired_id(local):
    new = local.call(
        "POST", "projects/p/value:compute", body=json.loads(json.dumps(NAMES).replace("C01", "C02"))
    )
    assert (new.json()["result"], new.warnings) == (["B4", "QA_PIXEL"], ())


def test_a_band_that_means_something_else_is_missing_and_the_warning_says_why(local):
    bands = graph(
        call("Image.bandNames", image=call("Image.select", input=IMAGE, bandSelectors=["BQA"]))
    )
    answer = local.call("POST", "projects/p/value:compute", body=bands)
    assert answer.status == 400
    assert "BQA" in answer.message
    assert answer.warnings == IMAGE_NOTE


def test_remembered_images_warn_again_and_follow_the_catalogue(local, tmp_path):
    body = {**graph(IMAGE), "fileFormat": "NPY", "grid": GRID}
    ask = lambda: local.call("POST", "projects/p/image:computePixels", body=body)  # noqa: E731
    for _ in range(3):
        answer = ask()
        assert answer.warnings == IMAGE_NOTE
        assert np.load(io.BytesIO(answer.body))["B4"].max() == 1
    add(local.catalog, tmp_path, OLD, bands=("BQA", "B4"))
    for _ in range(2):
        answer = ask()
        assert answer.warnings == ()
        assert np.load(io.BytesIO(answer.body))["B4"].max() == 2
    ingest.remove(local.catalog, OLD)
    assert ask().warnings == IMAGE_NOTE
    ingest.remove(local.catalog, NEW)
    assert ask().status == 400
    assert ask().warnings == ()


def test_tiles_follow_the_catalogue(local, tmp_path):
    made = local.call("POST", "projects/p/maps", body={**graph(IMAGE), "fileFormat": "PNG"})
    tile = f"{made.json()['name']}/tiles/0/0/0"
    assert local.call("GET", tile).warnings == IMAGE_NOTE
    assert local.call("GET", tile).warnings == IMAGE_NOTE
    add(local.catalog, tmp_path, OLD, bands=("B4",))
    assert local.call("GET", tile).warnings == ()
    ingest.remove(local.catalog, OLD)
    ingest.remove(local.catalog, NEW)
    assert local.call("GET", tile).status == 400


def test_the_requests_of_a_batch_share_their_warnings(local):
    part = (
        f"--b\r\nContent-Type: application/http\r\nContent-ID: <1>\r\n\r\n"
        f"GET /v1/projects/earthengine-public/assets/{OLD} HTTP/1.1\r\n\r\n\r\n--b--\r\n"
    )
    answer = local.call("POST", "/batch", body=part.encode(), kind="multipart/mixed; boundary=b")
    assert NEW.encode() in answer.body
    assert answer.warnings == NOTE


def test_writing_never_reaches_the_successor(local):
    for verb, body in (("DELETE", None), ("PATCH", {"properties": {"a": 1}})):
        answer = local.call(verb, f"projects/earthengine-public/assets/{OLD}", body=body)
        assert answer.status in (403, 404)
    assert local.catalog.get(NEW) is not None
