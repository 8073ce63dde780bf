"""``POST /batch``: several requests in one, as the JavaScript client sends them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ecumene.core.errors import RequestError

MOST = 100
"""Requests in one batch."""

BOUNDARY = "batch_ecumene"
_EMBEDDED = "ecumene.embedded"
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')


@dataclass(frozen=True, slots=True)
class Embedded:
    """One request of a batch; header names in lower case."""

    id: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def request(self, outer: Request) -> Request:
        """The request as if it had come alone; it has the outer one's authority unless it brings its own.

        Which page sent it, and to whom, is always the outer one's: a page could write anything into its batch.
        """
        path, _, query = self.target.partition("?")
        headers = {k: v for k, v in outer.headers.items() if k in ("authorization", "host")}
        headers |= self.headers | {"content-length": str(len(self.body))}
        headers |= {k: v for k, v in outer.headers.items() if k in ("host", "origin")}
        scope: dict[str, Any] = {
            **outer.scope, "method": self.method, "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), _EMBEDDED: True,
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
        }  # fmt: skip
        sent = False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if sent:
                await asyncio.Event().wait()
            sent = True
            return {"type": "http.request", "body": self.body, "more_body": False}

        return Request(scope, receive)


def check(request: Request) -> None:
    """RequestError for a batch inside a batch, however its path is spelled."""
    if _EMBEDDED in request.scope:
        raise RequestError("A batch may not hold another one.")


def embedded(content_type: str, body: bytes) -> list[Embedded]:
    """The requests of a batch; RequestError if it is none."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise RequestError(
            "A batch request needs the content type multipart/mixed with a boundary."
        )
    text = body.replace(b"\r\n", b"\n")
    parts = text.split(b"--" + found[1].encode())[1:]
    whole = [part.strip(b"\n") for part in parts if not part.startswith(b"--")]
    if len(whole) > MOST:
        raise RequestError(f"A batch has at most {MOST} requests, got {len(whole)}.")
    return [_embedded(part) for part in whole]


def _embedded(part: bytes) -> Embedded:
    outer, _, rest = part.partition(b"\n\n")
    head, _, body = rest.partition(b"\n\n")
    line, _, lines = head.partition(b"\n")
    words = line.decode("latin-1").split()
    if len(words) < 2 or words[0] not in ("GET", "POST", "PATCH", "DELETE"):
        raise RequestError(f"A part of the batch is no request: {line[:100].decode('latin-1')}")
    target = re.sub(r"^https?://[^/]+", "", words[1])
    return Embedded(
        _headers(outer).get("content-id", ""), words[0], target, _headers(lines), body.strip()
    )


def _headers(lines: bytes) -> dict[str, str]:
    found = {}
    for line in lines.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found


def joined(answers: list[tuple[Embedded, Response]]) -> Response:
    """The answers in the order of the requests."""
    lines: list[bytes] = []
    for part, answer in answers:
        identifier = part.id.removeprefix("<").removesuffix(">")
        lines += [
            f"--{BOUNDARY}".encode(),
            b"Content-Type: application/http",
            f"Content-ID: <response-{identifier}>".encode("latin-1"),
            b"",
            f"HTTP/1.1 {answer.status_code} {'OK' if answer.status_code < 300 else 'Error'}".encode(),
            f"Content-Type: {answer.headers.get('content-type', 'application/json')}".encode(),
            b"",
            bytes(answer.body),
        ]
    lines += [f"--{BOUNDARY}--".encode(), b""]
    kind = f"multipart/mixed; boundary={BOUNDARY}"
    return Response(b"\r\n".join(lines), headers={"Content-Type": kind})
