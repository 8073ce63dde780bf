"""The profile's header: asked for and answered on every kind of request, readable by its owner alone."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.api.conftest import NORTH, STEP, WEST, Service, make_key
from tests.api.test_http import SCENE, THREE, P, call, error, graph

ASK = {"X-Earth-Engine-Computation-Profiling": "1"}
NAME = "x-earth-engine-computation-profile"
LOADED = "Loading assets: projects/small/assets/scene"
GRID = {
    "dimensions": {"width": 20, "height": 20},
    "crsCode": "EPSG:4326",
    "affineTransform": {"scaleX": STEP, "scaleY": -STEP, "translateX": WEST, "translateY": NORTH},
}
DOUBLED = call("Image.add", image1=SCENE, image2=SCENE)


def rows(service: Service, *ids: str, account: Service | None = None) -> dict[str, dict[str, Any]]:
    """The profile's JSON by description."""
    listed = {"arrayValue": {"values": [{"constantValue": each} for each in ids]}}
    wanted = call("Profile.getProfiles", ids=listed, format={"constantValue": "json"})
    answer = (account or service).post(f"{P}/value:compute", {"expression": graph(wanted)})
    answer.raise_for_status()
    return {row["description"]: row for row in answer.json()["result"]}


def test_values_are_profiled_by_algorithm(service: Service) -> None:
    answer = service.post(f"{P}/value:compute", THREE, **ASK)
    assert answer.json() == {"result": 3}
    found = rows(service, answer.headers[NAME])
    assert {name: row["count"] for name, row in found.items()} == {
        "(plumbing)": 1, "Algorithm Number.add": 1,
    }  # fmt: skip


def test_nobody_who_does_not_ask_gets_one(service: Service) -> None:
    for headers in ({}, {next(iter(ASK)): "0"}):
        assert NAME not in service.post(f"{P}/value:compute", THREE, **headers).headers


def test_failures_have_profiles_too(service: Service) -> None:
    wrong = {
        "expression": graph(
            call("Image.select", input=SCENE, bandSelectors={"constantValue": ["none"]})
        )
    }
    answer = service.post(f"{P}/value:compute", wrong, **ASK)
    error(answer, 400, "INVALID_ARGUMENT")
    assert "Algorithm Image.load" in rows(service, answer.headers[NAME])


def test_pixels_are_charged_to_asset_and_algorithm(service: Service) -> None:
    body = {"expression": graph(DOUBLED), "grid": GRID, "fileFormat": "NPY"}
    answer = service.post(f"{P}/image:computePixels", body, **ASK)
    assert answer.ok, answer.text
    found = rows(service, answer.headers[NAME])
    assert {
        "Algorithm Image.load",
        "Algorithm Image.add",
        LOADED,
        "Encoding pixels",
    } <= found.keys()
    assert found["Algorithm Image.add"]["count"] == 4, "the call and a block of each band"
    assert found["Algorithm Image.add"]["peakMemoryBytes"] >= 3 * 20 * 20 * 4
    assert found[LOADED]["count"] == 3
    assert found["Algorithm Image.add"]["bytesDecoded"] == 0
    again = rows(service, service.post(f"{P}/image:computePixels", body, **ASK).headers[NAME])
    assert again[LOADED]["bytesDecoded"] == 0, "decoded blocks come from the cache"


@pytest.mark.parametrize("made", [ASK, {}], ids=["profiled-map", "plain-map"])
def test_tiles_know_the_algorithms_of_a_profiled_map(
    service: Service, made: dict[str, str]
) -> None:
    first = call("Image.select", input=DOUBLED, bandSelectors={"constantValue": [0]})
    body = {"expression": graph(first), "fileFormat": "PNG"}
    name = service.post(f"{P}/maps", body, **made).json()["name"]
    answer = requests.get(f"{service.base}/v1/{name}/tiles/9/270/173", headers=ASK, timeout=60)
    assert answer.ok, answer.text
    assert "x-earth-engine-computation-profile" in answer.headers["Access-Control-Expose-Headers"]
    found = rows(service, answer.headers[NAME])
    assert LOADED in found
    assert ("Algorithm Image.add" in found) == bool(made)


def test_visualisation_is_named(service: Service) -> None:
    body = {
        "expression": graph(DOUBLED), "bandIds": ["b1"],
        "visualizationOptions": {"ranges": [{"min": 0, "max": 8000}]}, "grid": GRID,
    }  # fmt: skip
    name = service.post(f"{P}/thumbnails", body, **ASK).json()["name"]
    answer = requests.get(f"{service.base}/v1/{name}:getPixels", headers=ASK, timeout=60)
    assert answer.ok, answer.text
    found = rows(service, answer.headers[NAME])
    assert {"Algorithm Image.visualize", LOADED} <= found.keys()


def test_a_profile_is_its_accounts_alone(service: Service) -> None:
    other = Service(service.base, service.data, make_key(service.data, service.base, "stranger"))
    name = service.post(f"{P}/value:compute", THREE, **ASK).headers[NAME]
    assert rows(service, name)
    listed = {"arrayValue": {"values": [{"constantValue": name}]}}
    body = {"expression": graph(call("Profile.getProfiles", ids=listed))}
    message = error(other.post(f"{P}/value:compute", body), 400, "INVALID_ARGUMENT")
    assert message == (
        f"Profile.getProfiles: Profile '{name}' not found (does not exist, has expired or caller does not have access)."
    )
