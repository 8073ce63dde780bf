"""Every failure as Earth Engine's error body. The only place that knows HTTP statuses of errors."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from ecumene.engine.failures import told

_NAMES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 405: "INVALID_ARGUMENT",
    409: "ALREADY_EXISTS", 413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip


def body(code: int, message: str, status: str | None = None, node: str | None = None) -> bytes:
    """The JSON of an error; ``node`` is the key of the expression node that failed."""
    error: dict[str, Any] = {
        "code": code, "message": message, "status": status or _NAMES.get(code, "UNKNOWN"),
    }  # fmt: skip
    if node is not None:
        info = {"reason": error["status"], "domain": "expression", "metadata": {"node": node}}
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **info}]
    return json.dumps({"error": error}).encode()


def response(
    code: int,
    message: str,
    status: str | None = None,
    headers: dict[str, str] | None = None,
    node: str | None = None,
) -> Response:
    """An error as a response."""
    content = body(code, message, status, node)
    return Response(content, code, headers, media_type="application/json")


def of(error: BaseException) -> Response:
    """The response for an exception (``engine.failures``)."""
    shown = told(error)
    headers: dict[str, Any] = {}
    if shown.http in (429, 503):
        headers["Retry-After"] = "1"
    if shown.http == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return response(shown.http, shown.message, shown.status, headers, shown.node)
