"""The application in this process, without sockets: requests in the name of any account."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from ecumene.api.server import Application, Settings
from ecumene.app import services
from ecumene.catalog.access import ANONYMOUS


@dataclass(frozen=True)
class Answer:
    """Status, media type, body and warnings."""

    status: int
    kind: str
    body: bytes
    warnings: tuple[str, ...] = ()

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["error"]["message"])


class _Named:
    """Tokens that are the names of accounts."""

    def recall(self, authorization: str | None) -> str:
        return authorization.removeprefix("Bearer ") if authorization else ANONYMOUS

    def caches(self) -> dict[str, Any]:
        return {}


class Local:
    """An application on a data folder; ``call`` is one request."""

    def __init__(self, data: Path) -> None:
        self.services = services(data)
        self.catalog = self.services.catalog
        self.app = Application(
            self.services, None, Settings(self.services.engine.limits, workers=2)
        )
        self.app.tokens = _Named()  # type: ignore[assignment]

    def call(
        self,
        method: str,
        path: str,
        account: str = ANONYMOUS,
        body: Any = None,
        origin: str | None = None,
        kind: str | None = None,
        **query: str,
    ) -> Answer:
        given = {"origin": origin, "content-type": kind}
        more = [(k.encode(), v.encode()) for k, v in given.items() if v is not None]
        return asyncio.run(self._call(method, path, account, body, query, more))

    async def _call(
        self,
        method: str,
        path: str,
        account: str,
        body: Any,
        query: dict[str, str],
        more: list[Any],
    ) -> Answer:
        sent, messages = [], []
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        headers = [(b"host", b"here"), *more]
        if account != ANONYMOUS:
            headers.append((b"authorization", f"Bearer {account}".encode()))
        raw = quote(path if path.startswith("/") else f"/v1/{path}", safe="/:").encode()
        scope = {
            "type": "http", "http_version": "1.1", "scheme": "http", "method": method, "path": raw.decode(),
            "raw_path": raw, "root_path": "", "query_string": urlencode(query).encode(), "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("here", 80),
        }  # fmt: skip

        async def receive() -> Any:
            if sent:
                await asyncio.sleep(3600)
            sent.append(True)
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        found = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        content = b"".join(m.get("body", b"") for m in messages[1:])
        warnings = [v.decode() for name, v in messages[0]["headers"] if name.lower() == b"warning"]
        return Answer(
            messages[0]["status"], found.get("content-type", ""), content, tuple(warnings)
        )
