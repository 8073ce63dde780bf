"""Batches: no batch in a batch, and answers that fit into one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.api.application import Answer, Local

CONFIG = "GET /v1/projects/open/config"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Local:
    return Local(tmp_path_factory.mktemp("batch"))


def body(*requests: str, boundary: str = "b") -> str:
    part = "--{}\r\nContent-Type: application/http\r\n\r\n{} HTTP/1.1\r\n{}\r\n"
    parts = []
    for request in requests:
        line, _, rest = request.partition("\n")
        parts.append(part.format(boundary, line, rest))
    return "".join(parts) + f"--{boundary}--"


def send(local: Local, content: str) -> Answer:
    return local.call("POST", "/batch", body=content.encode(), kind="multipart/mixed; boundary=b")


def statuses(answer: Answer) -> list[int]:
    return [int(part.split()[0]) for part in answer.body.decode().split("HTTP/1.1 ")[1:]]


def test_answers_come_in_the_order_of_the_requests(local: Local):
    answer = send(local, body(CONFIG, "GET /v1/nothing", CONFIG))
    assert statuses(answer) == [200, 404, 200]


@pytest.mark.parametrize("path", ["/batch", "//batch", "/%62atch", "///batch?x=1", "http://here/batch"])  # fmt: skip
def test_a_batch_holds_no_other(local: Local, path: str):
    inner = body(CONFIG, boundary="c")
    nested = f"POST {path}\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{inner}"
    answer = send(local, body(nested, CONFIG))
    assert statuses(answer) == [400, 200]
    assert b"may not hold another" in answer.body


def test_answers_have_a_limit_together(local: Local, monkeypatch: pytest.MonkeyPatch):
    size = len(local.call("GET", "projects/open/config").body)
    ran: list[Any] = []
    run = local.app._run

    async def counted(*given: Any) -> Any:
        ran.append(given)
        return await run(*given)

    monkeypatch.setattr(local.app, "_run", counted)
    limits = replace(local.app.settings.limits, result_bytes=2 * size + 10)
    monkeypatch.setattr(local.app, "settings", replace(local.app.settings, limits=limits))
    answer = send(local, body(*[CONFIG] * 5))
    assert statuses(answer) == [200, 200, 400, 400, 400]
    assert len(ran) == 3
