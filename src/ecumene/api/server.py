"""The ASGI application: routing, bodies, limits, threads, headers. Nothing is computed on the event loop."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ecumene.api import auth, batch, discovery, errors, notices, permissions, profiling, uploads
from ecumene.api.accounts import Accounts
from ecumene.api.call import Call, decode_json, form, inflated, too_large
from ecumene.api.metrics import Metrics
from ecumene.api.routes import ROUTES
from ecumene.api.services import Bytes, Services
from ecumene.api.table import VERSIONS, Route
from ecumene.api.tokens import Tokens
from ecumene.catalog.access import ANONYMOUS, WEB
from ecumene.catalog.edits import sweep
from ecumene.core.errors import (
    EcumeneError,
    LimitExceeded,
    RateLimited,
    RequestError,
    Unavailable,
)
from ecumene.core.limits import Limits

STACK = 256 * 2**20
"""Stack of threads that evaluate (virtual memory): deep chains of lazy collections need it."""

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-earth-engine-computation-profile, x-earth-engine-quota-status, warning",
}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type, x-goog-api-client, x-goog-user-project, "
    "x-earth-engine-computation-profiling, x-earth-engine-app-id-token, x-xsrf-token, x-http-method-override",
    "Access-Control-Max-Age": "86400",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to serve: limits, and whether requests without token are let in."""

    limits: Limits
    anonymous: bool = False
    workers: int = 16
    tasks: int = 0
    """Operations that run at the same time in this process."""


class Application:
    """Ecumene over ASGI.

    Parameters
    ----------
    services : what the handlers use.
    accounts : keys and tokens; None switches authentication off.
    settings : limits and anonymity.
    """

    def __init__(self, services: Services, accounts: Accounts | None, settings: Settings) -> None:
        self.services, self.accounts, self.settings = services, accounts, settings
        self.tokens = Tokens(accounts, settings.anonymous)
        before = threading.stack_size(STACK)
        self.pool = ThreadPoolExecutor(settings.workers, "ecumene-request")
        started = [self.pool.submit(threading.Event().wait, 0.02) for _ in range(settings.workers)]
        for future in started:
            future.result()
        threading.stack_size(before)
        self.waiting = 0
        self.closing = False
        self._cached: dict[tuple[str, ...], bytes] = {}
        self.metrics = Metrics(services, lambda: self.waiting, self.tokens.caches())

    def forget(self) -> None:
        """Drops decoded blocks (headers stay): for operators who replaced files, and for measuring."""
        store = getattr(self.services.engine.pixels, "store", None)
        if store is not None:
            store.cache.clear()

    # -- ASGI ------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection event."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        notices.begin(scope)
        request = Request(scope, receive)
        try:
            response = await self._answered(request)
        except ClientDisconnect:
            return
        profiling.announce(scope, response)
        notices.announce(scope, response)
        for key, value in CORS.items():
            response.headers.setdefault(key, value)
        response = self._compressed(request, response)
        if request.method == "HEAD":
            response = Response(status_code=response.status_code, headers=dict(response.headers))
        await response(scope, receive, send)

    async def _answered(self, request: Request) -> Response:
        try:
            return await self._respond(request)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the last line of defence: nothing leaves without Earth Engine's shape
            return errors.of(error)

    async def _batch(self, request: Request) -> Response:
        """The requests of a batch, one after the other, until their answers are too large together."""
        batch.check(request)
        if request.method != "POST":
            return errors.response(405, "A batch is a POST request.")
        body = await self._body(request)
        left = self.settings.limits.result_bytes
        answers = []
        for one in batch.embedded(request.headers.get("content-type", ""), body):
            answer = await self._answered(one.request(request)) if left > 0 else None
            if answer is None or len(answer.body) > left:
                answer = errors.of(
                    LimitExceeded("The answers of the batch are too large together.")
                )
            left -= len(answer.body)
            answers.append((one, answer))
        return batch.joined(answers)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._quick(self._begin)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.closing = True
                await self._quick(self._end)
                self.pool.shutdown(wait=False, cancel_futures=True)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _begin(self) -> None:
        operations = self.services.operations
        if operations is not None:
            sweep(self.services.catalog, operations.store.unfinished)
            operations.start(self.settings.tasks)

    def _end(self) -> None:
        if self.services.operations is not None:
            self.services.operations.stop()

    @staticmethod
    def _compressed(request: Request, response: Response) -> Response:
        accepted = request.headers.get("accept-encoding", "")
        kind = response.headers.get("content-type", "")
        if (
            "gzip" not in accepted
            or len(response.body) < 1024
            or not kind.startswith(("application/json", "text/"))
        ):
            return response
        if "content-encoding" in response.headers:
            return response
        headers = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(gzip.compress(bytes(response.body), 5), response.status_code, headers)

    # -- routing ---------------------------------------------------------------------------------

    async def _respond(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        path = "/" + unquote(
            request.scope.get("raw_path", b"").split(b"?")[0].decode("latin-1") or request.url.path
        ).lstrip("/")
        special = await self._special(path, request)
        if special is not None:
            return special
        body = await self._body(request)
        method, query = request.method, dict(parse_qsl(request.url.query, keep_blank_values=True))
        override = request.headers.get("x-http-method-override")
        if method == "POST" and override:
            method = override.upper()
            query |= form(body)
            body = b""
        if method == "HEAD":
            method = "GET"
        version, _, rest = path.lstrip("/").partition("/")
        if version not in VERSIONS:
            return errors.response(404, f"Unknown path '{path}'.")
        route, params = self._match(
            method, rest.rstrip("/") if not rest.endswith("/assets/") else rest
        )
        if route is None:
            known = any(r.regex.fullmatch(rest) for r in ROUTES)
            return errors.response(
                405 if known else 404, f"Method not found: {method} /{version}/{rest[:500]}"
            )
        account = ANONYMOUS if route.open else await self._account(request)
        base = f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"
        call = Call(params, query, {}, account, base, version)
        status = 500
        try:
            with self.metrics.seconds.labels(route.id).time():
                response = await self._run(route, call, body, request)
            status = response.status_code
        except EcumeneError as error:
            status = error.http
            raise
        finally:
            self.metrics.requests.labels(route.id, str(status)).inc()
        return response

    async def _account(self, request: Request) -> str:
        """Who is asking; Unauthenticated if that must be known and is not."""
        authorization = request.headers.get("authorization")
        account = self.tokens.recall(authorization) or await self._quick(
            self.tokens.ask, authorization
        )
        if account == ANONYMOUS and _of_another_site(request):
            return WEB
        return account

    async def _upload(self, request: Request, project: str) -> Response:
        account = await self._account(request)
        if request.method != "POST":
            return errors.response(405, "Files are uploaded by POST requests.")
        services = self.services
        if services.operations is None or self.closing:
            raise Unavailable("This server takes no files now.")
        services.catalog.access.require_project(account, permissions.IMPORT.permission, project)
        data = services.operations.around.data
        answer = await uploads.receive(request, data, account, self._quick)
        return Response(json.dumps(answer).encode(), media_type="application/json")

    @staticmethod
    def _match(method: str, rest: str) -> tuple[Route | None, dict[str, str]]:
        for route in ROUTES:
            if route.verb == method:
                match = route.regex.fullmatch(rest)
                if match and not _claimed_by_verb(route, rest):
                    return route, match.groupdict()
        return None, {}

    async def _special(self, path: str, request: Request) -> Response | None:
        if path == "/healthz":
            return Response(b'{"status":"ok"}', media_type="application/json")
        if path == "/readyz":
            if self.closing:
                return errors.response(503, "The server is shutting down.")
            return Response(b'{"status":"ready"}', media_type="application/json")
        if path == "/metrics":
            return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)
        if uploaded := uploads.PATH.fullmatch(path):
            return await self._upload(request, uploaded[1])
        if path == "/$discovery/rest":
            return self._discovery(request)
        if path == "/batch":
            return await self._batch(request)
        if path == "/token":
            return await self._token(request)
        if path == "/":
            return Response(
                b'{"name":"Ecumene","documentation":"an Earth Engine API"}',
                media_type="application/json",
            )
        return None

    def _discovery(self, request: Request) -> Response:
        version = request.query_params.get("version", "v1")
        if version not in VERSIONS:
            return errors.response(404, f"There is no version '{version}' of this API.")
        base = f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"
        key = ("discovery", version, base)
        if key not in self._cached:
            if len(self._cached) > 64:
                self._cached.clear()
            self._cached[key] = json.dumps(discovery.document(ROUTES, version, base)).encode()
        return Response(self._cached[key], media_type="application/json")

    async def _token(self, request: Request) -> Response:
        if request.method != "POST":
            return errors.response(405, "The token endpoint takes POST requests.")
        data = form(await self._body(request, 64 * 1024))
        if self.accounts is None:
            return errors.response(404, "This server has no authentication.")
        own = str(request.url).split("?", 1)[0]
        status, answer = await self._quick(auth.token_answer, self.accounts, data, own)
        return Response(
            json.dumps(answer).encode(), status, {"Cache-Control": "no-store"}, "application/json"
        )

    async def _body(self, request: Request, limit: int | None = None) -> bytes:
        most = limit or self.settings.limits.body_bytes
        if int(request.headers.get("content-length") or 0) > most:
            raise too_large(most)
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > most:
                raise too_large(most)
        return inflated(bytes(data), request.headers.get("content-encoding", "").lower(), most)

    # -- work ------------------------------------------------------------------------------------

    async def _quick(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Short work with the database, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)

    async def _run(self, route: Route, call: Call, body: bytes, request: Request) -> Response:
        if route.id == "algorithms.list" and ("algorithms",) in self._cached:
            return Response(self._cached[("algorithms",)], media_type="application/json")
        limits = self.settings.limits
        if self.closing:
            raise Unavailable("The server is shutting down.")
        if self.waiting >= limits.concurrent_requests + limits.queued_requests:
            raise RateLimited("Too many concurrent requests; try again later.")
        context = self.services.context(call.account)
        notices.collect(request.scope, context)
        work = profiling.profiled(self._work, request, context, self.services.engine.profiles)
        self.waiting += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(
                self.pool, work, route, call, body, context
            )
            while True:
                done, _ = await asyncio.wait({future}, timeout=1.0)
                if done:
                    break
                if await request.is_disconnected():
                    context.cancel.cancel()
            answer = future.result()
        finally:
            self.waiting -= 1
        if isinstance(answer, Bytes):
            return Response(answer.content, headers=answer.headers, media_type=answer.media_type)
        if route.id == "algorithms.list":
            self._cached[("algorithms",)] = answer
        return Response(answer, media_type="application/json")

    def _work(self, route: Route, call: Call, body: bytes, context: Any) -> Any:
        permissions.check(route.id, call, self.services.catalog, context)
        if route.verb != "GET" and body:
            call.body = decode_json(body)
            if not isinstance(call.body, dict):
                raise RequestError(
                    "Invalid JSON payload received. The request body must be an object."
                )
        found = route.handler(call, self.services, context)
        return (
            found
            if isinstance(found, Bytes)
            else json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
        )


def _of_another_site(request: Request) -> bool:
    """Whether a page made the request that this server did not send."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


def _claimed_by_verb(route: Route, rest: str) -> bool:
    """Whether a bare asset path ends in a verb of another method (``…:listAssets``)."""
    return route.path == "{name}" and any(rest.endswith(verb) for verb in _VERBS)


_VERBS = tuple({f":{r.path.rsplit(':', 1)[1]}" for r in ROUTES if ":" in r.path})
