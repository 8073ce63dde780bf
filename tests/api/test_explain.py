"""Plans shown over HTTP and by the command line: the same, before anything is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from ecumene.cli import main
from tests.api.conftest import NORTH, SIDE, STEP, WEST, Service
from tests.api.test_http import SCENE, P, call, error, graph
from tests.api.test_profiling import ASK, DOUBLED, GRID

PATH = f"{P}/image:explain"
BODY = {"expression": graph(DOUBLED), "grid": GRID, "fileFormat": "NPY"}


def explained(service: Service, body: dict[str, Any]) -> dict[str, Any]:
    answer = service.post(PATH, body)
    assert answer.ok, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_plan_of_a_request(service: Service) -> None:
    told = explained(service, BODY)
    assert [(band["name"], band["type"]) for band in told["bands"]] == [
        (f"b{k}", "Integer<0, 131070>") for k in (1, 2, 3)
    ]
    nodes = told["plan"]["nodes"]
    assert {node.get("algorithm") for node in nodes} == {None, "Algorithm Image.add"}
    top = nodes[told["bands"][0]["node"]]
    (source,) = {nodes[number]["kind"] for number in top["inputs"]}
    assert source == "Source"
    assert told["grid"]["dimensions"] == {"width": 20, "height": 20}
    assert {row["asset"] for row in told["sources"]} == {"projects/small/assets/scene"}
    assert told["reading"]["bytesDecoded"] == 3 * SIDE * SIDE * 2
    assert told["blocks"]["count"] == 1
    assert told["skipped"]["count"] == 0


def test_nothing_is_read_to_tell(small_data: Path, service: Service) -> None:
    del small_data
    before = requests.get(f"{service.base}/metrics", timeout=30).text
    explained(service, BODY)
    after = requests.get(f"{service.base}/metrics", timeout=30).text
    misses = [
        [line for line in text.splitlines() if "cache" in line and "misses" in line and "block" in line]
        for text in (before, after)
    ]  # fmt: skip
    assert misses[0] == misses[1] != []


def test_selection_and_visualisation_are_part_of_it(service: Service) -> None:
    shown = {"bandIds": ["b2"], "visualizationOptions": {"ranges": [{"min": 0, "max": 4000}]}}
    told = explained(service, BODY | shown)
    (band,) = told["bands"]
    top = told["plan"]["nodes"][band["node"]]
    assert band["type"] == "Byte<0, 255>"
    assert top["algorithm"] == "Algorithm Image.visualize"
    assert told["reading"]["bytesDecoded"] == SIDE * SIDE * 2


def test_a_region_and_a_scale_will_do(service: Service) -> None:
    west, south = WEST + 2 * STEP, NORTH - 4 * STEP
    ring = [
        [west, south],
        [west + 0.02, south],
        [west + 0.02, south + 0.02],
        [west, south + 0.02],
        [west, south],
    ]
    grid = {"crsCode": "EPSG:4326", "affineTransform": {"scaleX": STEP, "scaleY": -STEP}}
    body = {
        "expression": graph(SCENE), "grid": grid,
        "region": {"type": "Polygon", "coordinates": [ring], "geodesic": False},
    }  # fmt: skip
    size = explained(service, body)["grid"]["dimensions"]
    assert 2 <= size["width"] <= 3
    assert 2 <= size["height"] <= 3


def test_no_path_of_the_server_is_told(service: Service) -> None:
    text = json.dumps(explained(service, BODY))
    assert str(service.data) not in text
    assert "scene.tif" in text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Expression must be an object"),
        ({"expression": graph({"constantValue": {"a": 1}})}, "does not evaluate to an image"),
        ({"expression": graph(SCENE), "grid": {"crsCode": "EPSG:0"}}, "EPSG:0"),
        ({"expression": graph(SCENE), "bandIds": ["none"]}, "No band named 'none'"),
        ({"expression": graph(SCENE), "grid": {"dimensions": {"width": 10**6, "height": 5}}}, "Pixel grid dimensions"),
    ],
    ids=["nothing", "number", "crs", "band", "size"],
)  # fmt: skip
def test_refused(service: Service, body: dict[str, Any], words: str) -> None:
    assert words in error(service.post(PATH, body), 400, "INVALID_ARGUMENT")


def test_it_needs_a_token(service: Service) -> None:
    answer = requests.post(f"{service.base}{PATH}", json=BODY, timeout=30)
    error(answer, 401, "UNAUTHENTICATED")


def test_it_can_be_profiled(service: Service) -> None:
    answer = service.post(PATH, BODY, **ASK)
    assert answer.ok
    assert answer.headers["x-earth-engine-computation-profile"]


def test_the_public_discovery_document_is_earth_engines(service: Service) -> None:
    document = requests.get(f"{service.base}/$discovery/rest", timeout=30).json()
    image = document["resources"]["projects"]["resources"]["image"]["methods"]
    assert set(image) == {"computePixels", "export", "import", "importExternal"}
    assert "ExplainPixelsResponse" not in document["schemas"]


# -- the command -----------------------------------------------------------------------------------


def command(tmp_path: Path, data: Path, content: Any, *options: str) -> int:
    path = tmp_path / "graph.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return main(["explain", str(path), "--data", str(data), *options])


def test_the_command_tells_what_the_server_tells(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, service.data, BODY, "--json") == 0
    told, served = json.loads(capsys.readouterr().out), explained(service, BODY)
    for part in ("bands", "grid", "plan", "skipped", "blocks", "memory", "work"):
        assert told[part] == served[part], part


@pytest.mark.parametrize(
    ("grid", "size"),
    [
        ("EPSG:4326,1113.1949079327358,10,49.9,10.1,50", "10 x 10"),
        ("EPSG:32632,1000,10.05,49.75,10.15,49.85", "8 x 12"),
        (json.dumps(GRID), "20 x 20"),
        ("grid.json", "20 x 20"),
        (None, "32 x 32"),
    ],
    ids=["degrees", "utm", "json", "file", "its-own"],
)
def test_the_command_is_readable(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], grid: str | None, size: str
) -> None:  # fmt: skip
    (tmp_path / "grid.json").write_text(json.dumps(GRID))
    if grid == "grid.json":
        grid = str(tmp_path / grid)
    options = [] if grid is None else ["--grid", grid]
    assert command(tmp_path, service.data, graph(DOUBLED), "--bands", "b1,b2", *options) == 0
    text = capsys.readouterr().out
    head = dict(line.split(maxsplit=1) for line in text.split("\n\n")[0].splitlines())
    assert f"{size} pixels" in head["Grid"]
    assert head["Bands"] == "b1 (Integer<0, 131070>), b2 (Integer<0, 131070>)"
    assert head["Scenes"] == "1 are read, 0 have nothing here"
    assert "Elementwise add" in text
    assert "Image.add" in text
    assert "projects/small/assets/scene" in text.split("Sources")[1]


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("{", [], "is not JSON"),
        ({"a": 1}, [], "neither an expression nor a computePixels request"),
        (graph(SCENE), ["--grid", "{"], "--grid is not JSON"),
        (graph(SCENE), ["--grid", "missing.json"], "No such file"),
        (graph(SCENE), ["--grid", "EPSG:99,10"], "EPSG:99"),
        (graph(call("Image.load", id={"constantValue": "none"})), [], "'none' not found"),
    ],
    ids=["cut-off", "other-json", "grid-cut-off", "no-grid-file", "crs", "asset"],
)
def test_the_command_refuses_in_one_line(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, options: list[str], words: str
) -> None:  # fmt: skip
    assert command(tmp_path, service.data, content, *options) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert words in lines[0]


def test_the_command_makes_no_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    assert command(tmp_path, tmp_path / "none", graph(SCENE)) == 1
    assert "no catalogue" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
