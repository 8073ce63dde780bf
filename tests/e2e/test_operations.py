"""Tasks as users of the client and of the ``earthengine`` command see them."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.exporting import PROJECT, Exporting, make_key


def quick(exporting: Exporting, name: str, **options: Any) -> Any:
    return exporting.ee.batch.Export.table.toDrive(exporting.places(), name, **options)


def slow(exporting: Exporting, name: str) -> Any:
    """A task that runs until it is cancelled: far more pixels than a test waits for."""
    ee = exporting.ee
    image = ee.Image.random(3).focalMedian(9).clip(ee.Geometry.Rectangle([0, 0, 60, 50]))
    return ee.batch.Export.image.toDrive(
        image, name, scale=100, crs="EPSG:3857", region=[0, 0, 60, 50], maxPixels=1e13
    )


def test_a_task_is_listed_and_told_by_every_function(exporting: Exporting) -> None:
    ee = exporting.ee
    task = quick(exporting, "told", priority=7)
    assert task.status() == {"state": "UNSUBMITTED"}
    exporting.completed(task)
    assert not task.active()
    status = task.status()
    assert status["id"] == task.id and status["task_type"] == "EXPORT_FEATURES"
    assert status["priority"] == 7 and status["attempt"] == 1 and status["description"] == "told"
    assert (
        status["creation_timestamp_ms"]
        <= status["start_timestamp_ms"]
        <= status["update_timestamp_ms"]
    )
    assert status["batch_eecu_usage_seconds"] > 0
    assert ee.data.getTaskStatus(task.id)[0]["state"] == "COMPLETED"
    assert ee.data.getTaskStatus("NOTHING")[0]["state"] == "UNKNOWN"
    assert task.id in [one.id for one in ee.batch.Task.list()]
    assert ee.data.getTaskList()[0]["id"] == task.id
    found = ee.data.getOperation(task.name)
    assert found["done"] and found["metadata"]["destinationUris"] == ["drive://told.csv"]
    (listed,) = [one for one in ee.data.listOperations() if one["name"] == task.name]
    assert listed == found


def test_the_same_task_id_is_the_same_task(exporting: Exporting) -> None:
    ee = exporting.ee
    (identifier,) = ee.data.newTaskId()
    names = []
    for _ in range(2):
        task = quick(exporting, "once")
        request = dict(task.config)
        names.append(ee.data.exportTable(identifier, request)["name"])
    assert names[0] == names[1]


def test_cancelling_stops_what_runs_and_leaves_nothing(exporting: Exporting) -> None:
    task = slow(exporting, "endless")
    task.start()
    end = time.monotonic() + 30
    while task.status()["state"] != "RUNNING" and time.monotonic() < end:
        time.sleep(0.05)
    task.cancel()
    status = exporting.waited(task)
    assert status["state"] == "CANCELLED" and status["error_message"] == "Cancelled."
    assert not list(exporting.drive.glob("endless*"))
    scratch = exporting.data / "tasks" / "scratch" / task.id
    end = time.monotonic() + 10
    while scratch.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not scratch.exists()


def test_waiting_deleting_and_pages(exporting: Exporting) -> None:
    web, base = exporting.session(), f"{exporting.base}/v1"
    tasks = [quick(exporting, f"page {k}") for k in range(3)]
    for task in tasks:
        task.start()
    last = web.post(f"{base}/{tasks[-1].name}:wait", json={"timeout": "15s"}).json()
    assert last["done"] and last["response"]
    listing = f"{base}/projects/{PROJECT}/operations"
    first = web.get(listing, params={"pageSize": 2}).json()
    second = web.get(listing, params={"pageSize": 2, "pageToken": first["nextPageToken"]}).json()
    names = [one["name"] for page in (first, second) for one in page["operations"]]
    assert names[:3] == [task.name for task in reversed(tasks)]
    for task in tasks:
        exporting.waited(task)
    only = web.get(listing, params={"filter": "state = FAILED OR state = PENDING"}).json()
    states = {one["metadata"]["state"] for one in only.get("operations", [])}
    assert states <= {"FAILED", "PENDING"}
    elsewhere = tasks[0].name.replace(PROJECT, "earthengine-legacy")
    assert web.get(f"{base}/{elsewhere}").json()["done"]
    assert web.delete(f"{base}/{tasks[0].name}").json() == {}
    assert web.get(f"{base}/{tasks[0].name}").status_code == 404
    for params in ({"pageToken": "?"}, {"filter": "x"}):
        assert web.get(listing, params=params).status_code == 400


def test_others_do_not_see_it(exporting: Exporting) -> None:
    task = quick(exporting, "mine")
    exporting.completed(task)
    key = make_key(exporting.data, exporting.base, "other")
    ee = exporting.ee
    ee.Reset()
    ee.Initialize(
        ee.ServiceAccountCredentials("x@y", str(key)), url=exporting.base, project=PROJECT
    )
    assert ee.data.getTaskStatus(task.id)[0]["state"] == "UNKNOWN"
    assert task.id not in [one.id for one in ee.batch.Task.list()]


@pytest.fixture
def command(
    exporting: Exporting,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """The ``earthengine`` command, configured for the server; it runs in this process."""
    from ee.cli import eecli

    config = {
        "url": exporting.base, "project": PROJECT, "account": "x@y", "private_key": str(exporting.server.key),
    }  # fmt: skip
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))

    def run(*arguments: str) -> str:
        exporting.ee.Reset()
        monkeypatch.setattr(sys, "argv", ["earthengine", "--ee_config", str(path), *arguments])
        capsys.readouterr()
        eecli.main()
        return capsys.readouterr().out

    return run


def test_the_command_lists_tells_and_cancels(exporting: Exporting, command: Any) -> None:
    done, endless = quick(exporting, "by command"), slow(exporting, "for ever")
    exporting.completed(done)
    endless.start()
    listed = command("task", "list")
    assert done.id in listed and "Export.table" in listed and "SUCCEEDED" in listed
    told = command("task", "info", done.id)
    assert "State: SUCCEEDED" in told and "drive://by command.csv" in told
    assert "SUCCEEDED" in command("task", "wait", done.id)
    command("task", "cancel", endless.id)
    assert exporting.waited(endless)["state"] == "CANCELLED"


def test_several_operations_in_one_request_as_the_javascript_client_asks(
    exporting: Exporting,
) -> None:
    tasks = [quick(exporting, f"batch {k}") for k in range(2)]
    for task in tasks:
        exporting.completed(task)
    names = [task.name for task in tasks] + [f"projects/{PROJECT}/operations/NOTHING"]
    parts = [
        f"--batch_EARTHENGINE_batch\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        f"MIME-Version: 1.0\r\nContent-ID: <{name}>\r\n\r\nGET /v1/{name} HTTP/1.1\r\n\r\n"
        for name in names
    ]
    answer = exporting.session().post(
        f"{exporting.base}/batch",
        data="".join(parts) + "--batch_EARTHENGINE_batch--\r\n",
        headers={"Content-Type": "multipart/mixed; boundary=batch_EARTHENGINE_batch"},
    )
    boundary = answer.headers["content-type"].partition("; boundary=")[2]
    found = answer.text.split(f"--{boundary}")[1:-1]
    assert len(found) == 3 and answer.text.rstrip().endswith(f"--{boundary}--")
    for name, part in zip(names, found, strict=True):
        outer, head, body = part.strip("\r\n").split("\r\n\r\n", 2)
        assert f"Content-ID: <response-{name}>" in outer
        known = "NOTHING" not in name
        assert head.startswith("HTTP/1.1 200 OK" if known else "HTTP/1.1 404")
        document = json.loads(body)
        assert document["name"] == name if known else document["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", "x"),
        ("multipart/mixed; boundary=b", "--b\r\n\r\nNONSENSE\r\n\r\n--b--"),
        ("multipart/mixed; boundary=b", "--b\r\n\r\nPOST /batch HTTP/1.1\r\n\r\n--b--"),
        ("multipart/mixed; boundary=b", "--b\r\n\r\nGET /x HTTP/1.1\r\n\r\n" * 101 + "--b--"),
    ],
)
def test_malformed_batches_are_refused(exporting: Exporting, kind: str, body: str) -> None:
    answer = exporting.session().post(
        f"{exporting.base}/batch", data=body, headers={"Content-Type": kind}
    )
    assert answer.status_code == 400 and answer.json()["error"]["status"] == "INVALID_ARGUMENT"
