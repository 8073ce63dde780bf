"""The transport: versions, methods, encodings, bodies, errors that clients can read."""

from __future__ import annotations

import gzip
import io
import json
import threading
import time
from typing import Any

import numpy as np
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import NORTH, PLACES, STEP, WEST, Service

P = "/v1/projects/small"
THREE = {
    "expression": {
        "result": "0",
        "values": {
            "0": {
                "functionInvocationValue": {
                    "functionName": "Number.add",
                    "arguments": {"left": {"constantValue": 1}, "right": {"constantValue": 2}},
                }
            }
        },
    }
}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A graph of one call on constants and (dictionaries) other graphs' nodes."""
    return {"functionInvocationValue": {"functionName": name, "arguments": arguments}}


def graph(node: dict[str, Any]) -> dict[str, Any]:
    return {"result": "0", "values": {"0": node}}


SCENE = call("Image.load", id={"constantValue": "projects/small/assets/scene"})


def error(answer: requests.Response, code: int, status: str) -> str:
    """The message of an answer that must be an error in the service's shape."""
    assert answer.headers["Content-Type"].startswith("application/json")
    found = answer.json()["error"]
    assert (answer.status_code, found["code"], found["status"]) == (code, code, status)
    assert isinstance(found["message"], str)
    assert found["message"]
    return str(found["message"])


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_every_version_computes(service: Service, version: str) -> None:
    assert service.post(f"/{version}/projects/small/value:compute", THREE).json() == {"result": 3}


def test_leading_slashes_are_collapsed(service: Service) -> None:
    assert service.post("//v1/projects/small/value:compute", THREE).json() == {"result": 3}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"},
     {"Content-Type": "application/x-www-form-urlencoded"}],
    ids=["none", "json", "text", "form"],
)  # fmt: skip
def test_the_content_type_does_not_matter(service: Service, headers: dict[str, str]) -> None:
    request = requests.Request(
        "POST", f"{service.base}{P}/value:compute", data=json.dumps(THREE).encode(),
        headers=service.authority() | headers,
    )  # fmt: skip
    with requests.Session() as session:
        prepared = session.prepare_request(request)
        if not headers:
            prepared.headers.pop("Content-Type", None)
        assert session.send(prepared, timeout=30).json() == {"result": 3}


def raw(
    service: Service, data: bytes, path: str = f"{P}/value:compute", **headers: str
) -> requests.Response:
    return requests.post(
        f"{service.base}{path}", data=data, headers=service.authority() | headers, timeout=60
    )


def test_a_gzipped_body(service: Service) -> None:
    body = gzip.compress(json.dumps(THREE).encode())
    assert raw(service, body, **{"Content-Encoding": "gzip"}).json() == {"result": 3}


def test_a_gzipped_answer(service: Service) -> None:
    answer = requests.get(
        f"{service.base}/$discovery/rest", headers={"Accept-Encoding": "gzip"}, timeout=30
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.json()["resources"]
    plain = requests.get(
        f"{service.base}/$discovery/rest", headers={"Accept-Encoding": "identity"}, timeout=30
    )
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == answer.json()


def test_broken_and_exploding_gzip(service: Service) -> None:
    error(raw(service, b"no gzip", **{"Content-Encoding": "gzip"}), 400, "INVALID_ARGUMENT")
    cut = gzip.compress(json.dumps(THREE).encode())[:-9]
    error(raw(service, cut, **{"Content-Encoding": "gzip"}), 400, "INVALID_ARGUMENT")
    bomb = gzip.compress(b" " * (200 * 2**20))
    assert len(bomb) < 2**20
    answer = raw(service, bomb, **{"Content-Encoding": "gzip"})
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"3", b"null", b'"x"', b"{}", b'{"expression": 3}', b'{"expression": null}',
     b'{"expression": {}}', b"\xff\xfe", b"<html>", b"[" * 5000, b'{"expression":' * 3000, b'{"a": NaN}',
     b'{"expression": {"result": "0"}}', b'{"expression": {"result": 7, "values": []}}'],
    ids=range(17),
)  # fmt: skip
def test_malformed_bodies(service: Service, data: bytes) -> None:
    error(raw(service, data), 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/", 200),
        ("GET", "/nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v2/projects/small/algorithms", 404),
        ("POST", f"{P}/nothing:compute", 404),
        ("DELETE", f"{P}/value:compute", 405),
        ("GET", f"{P}/value:compute", 405),
        ("PUT", f"{P}/algorithms", 405),
        ("GET", f"{P}/assets/nothing", 404),
        ("GET", f"{P}/maps/0000/tiles/1/1/1", 404),
        ("GET", f"{P}/thumbnails/0000:getPixels", 404),
        ("GET", "/v1/projects/../../etc/passwd", 404),
        ("GET", "/v1/projects/x/assets/" + "y" * 3000, 404),
        ("GET", "/v1/%00", 404),
    ],
)
def test_unknown_things(service: Service, method: str, path: str, code: int) -> None:
    answer = requests.request(
        method, f"{service.base}{path}", headers=service.authority(), timeout=30
    )
    assert answer.status_code == code
    if code >= 400:
        error(answer, code, {404: "NOT_FOUND", 405: answer.json()["error"]["status"]}[code])


def test_head_of_an_open_path(service: Service) -> None:
    answer = requests.head(f"{service.base}/healthz", timeout=30)
    assert answer.status_code in (200, 405)


def test_browsers_may_ask_from_anywhere(service: Service) -> None:
    answer = requests.options(
        f"{service.base}{P}/value:compute",
        headers={
            "Origin": "https://maps.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-goog-user-project",
        },
        timeout=30,
    )
    assert answer.status_code in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://maps.example")
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert allowed == "*" or "authorization" in allowed
    failed = requests.get(
        f"{service.base}/v1/x", headers={"Origin": "https://a.example"}, timeout=30
    )
    assert failed.headers["Access-Control-Allow-Origin"] in ("*", "https://a.example")


def test_a_long_get_as_a_post(service: Service) -> None:
    """What clients do with addresses of more than 2048 characters."""
    answer = requests.post(
        f"{service.base}/v1/projects/small/assets/places:listFeatures",
        data={"pageSize": "3"},
        headers=service.authority() | {"X-HTTP-Method-Override": "GET"},
        timeout=30,
    )
    assert answer.status_code == 200
    assert len(answer.json()["features"]) == 3


def test_common_parameters_are_accepted(service: Service) -> None:
    query = {"alt": "json", "prettyPrint": "false", "key": "abc", "$.xgafv": "2", "quotaUser": "me"}
    answer = requests.post(
        f"{service.base}{P}/value:compute", params=query, json=THREE, headers=service.authority(), timeout=30
    )  # fmt: skip
    assert answer.json() == {"result": 3}


def test_snake_case_and_nulls_in_bodies(service: Service) -> None:
    body = {
        "expression": graph(SCENE),
        "file_format": "NPY",
        "band_ids": ["b1"],
        "workload_tag": None,
        "visualization_options": None,
        "grid": {"crs_code": "EPSG:4326", "dimensions": {"width": 2, "height": 2},
                 "affine_transform": {"scale_x": STEP, "scale_y": -STEP,
                                      "translate_x": WEST + 10 * STEP, "translate_y": NORTH - 10 * STEP}},
    }  # fmt: skip
    answer = service.post(f"{P}/image:computePixels", body)
    assert answer.status_code == 200, answer.text
    assert np.load(io.BytesIO(answer.content)).shape == (2, 2)


def test_one_expression_in_all_the_mistakes(service: Service) -> None:
    cases = [
        (graph(call("Nope.nothing")), "Nope.nothing"),
        (graph(call("Number.add", left={"constantValue": 1})), "right"),
        (graph(call("Number.add", left={"constantValue": 1}, right={"constantValue": 2}, more={"constantValue": 3})), "more"),
        (graph(call("Number.add", left={"constantValue": "x"}, right={"constantValue": 2})), "left"),
        (graph({"valueReference": "7"}), "7"),
        (graph({"valueReference": "0"}), "0"),
        (graph({"argumentReference": "x"}), "x"),
        (graph({}), "0"),
        (graph(call("TemporalSegmentation.LandTrendr")), "LandTrendr"),
        (graph(call("Image.load", id={"constantValue": "projects/small/assets/nothing"})), "not found"),
    ]  # fmt: skip
    for expression, part in cases:
        answer = service.post(f"{P}/value:compute", {"expression": expression})
        assert part in error(answer, 400, "INVALID_ARGUMENT")


def test_health_answers_while_others_compute(service: Service) -> None:
    """Many slow requests at once do not keep the health check waiting."""
    body = {
        "expression": graph(
            call("Image.reduceRegion", image=call("Image.pixelArea"), reducer=call("Reducer.sum"),
                 geometry=call("GeometryConstructors.Rectangle", coordinates={"constantValue": [0, 0, 9, 9]}),
                 scale={"constantValue": 60}, maxPixels={"constantValue": 1e13})
        )
    }  # fmt: skip
    headers = service.authority()

    def ask() -> None:
        requests.post(f"{service.base}{P}/value:compute", json=body, headers=headers, timeout=110)

    workers = [threading.Thread(target=ask) for _ in range(6)]
    for worker in workers:
        worker.start()
    time.sleep(0.3)
    assert any(worker.is_alive() for worker in workers)
    for path in ("/healthz", "/readyz"):
        assert requests.get(f"{service.base}{path}", timeout=5).status_code == 200
    for worker in workers:
        worker.join()


def test_metrics_count_successes_and_failures(service: Service) -> None:
    service.post(f"{P}/value:compute", THREE)
    service.post(f"{P}/value:compute", {"expression": graph(call("Nope.nothing"))})
    text = requests.get(f"{service.base}/metrics", timeout=30).text
    for status in ("200", "400"):
        assert f'ecumene_requests_total{{method="value.compute",status="{status}"}}' in text


def test_pages_of_features_cover_the_table(service: Service) -> None:
    table = call("Collection.loadTable", tableId={"constantValue": "projects/small/assets/places"})
    seen: list[int] = []
    token = None
    for _ in range(10):
        body = {"expression": graph(table), "pageSize": 3, "pageToken": token}
        answer = service.post(f"{P}/table:computeFeatures", body).json()
        assert answer["type"] == "FeatureCollection"
        assert len(answer["features"]) <= 3
        seen += [feature["properties"]["rank"] for feature in answer["features"]]
        token = answer.get("nextPageToken")
        if not token:
            break
    assert sorted(seen) == list(range(PLACES))


def test_a_wrong_page_token(service: Service) -> None:
    table = call("Collection.loadTable", tableId={"constantValue": "projects/small/assets/places"})
    for token in ("nonsense", "-1", "1e9"):
        body = {"expression": graph(table), "pageToken": token}
        error(service.post(f"{P}/table:computeFeatures", body), 400, "INVALID_ARGUMENT")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["expression", "0", "values", "result", "Image.load", "EPSG:4326", "NPY", "b1"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["expression", "result", "values", "0", "grid", "dimensions", "width", "height", "fileFormat", "bandIds",
             "visualizationOptions", "ranges", "palette", "functionInvocationValue", "functionName", "arguments",
             "constantValue", "valueReference", "arrayValue", "dictionaryValue", "pageSize", "pageToken", "region", "id"]
        ),
        inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip
TARGETS = (
    "value:compute", "image:computePixels", "table:computeFeatures", "maps", "thumbnails", "tables",
    "assets/scene:getPixels", "imageCollection:computeImages", "image:export",
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.dictionaries(st.sampled_from(["expression", "grid", "fileFormat", "bandIds", "region", "pageSize"]), JSON),
       target=st.sampled_from(TARGETS))  # fmt: skip
def test_no_body_is_ever_the_servers_fault(service: Service, body: Any, target: str) -> None:
    if not hasattr(test_no_body_is_ever_the_servers_fault, "headers"):
        test_no_body_is_ever_the_servers_fault.headers = service.authority()  # type: ignore[attr-defined]
    headers = test_no_body_is_ever_the_servers_fault.headers  # type: ignore[attr-defined]
    answer = requests.post(f"{service.base}{P}/{target}", json=body, headers=headers, timeout=60)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        found = answer.json()["error"]
        assert found["code"] == answer.status_code
        assert found["message"]
        assert found["status"]
