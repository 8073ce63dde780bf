"""``uploads``, a method of our own: files of users who have no bucket, kept for a week for imports to read.

``POST /v1/projects/P/uploads?name=scene.tif`` with the file as its body answers with the URI under which the same
account names it in manifests. ``&upload=ID`` puts a file beside an earlier one (a Shapefile's parts).
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request

from ecumene.core.errors import LimitExceeded, NotFound, RequestError, Unavailable
from ecumene.tasks.ingest.places import UPLOADS, uploads_of

PATH = re.compile(r"/v1(?:alpha|beta)?/projects/([^/]+)/uploads")
MOST_BYTES = 20 * 2**30
"""Of one file."""

SPARE = 2**30
"""Bytes that stay free on the disk."""

KEPT = 7 * 24 * 3600
"""Seconds after which uploads are removed."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_ID = re.compile(r"[0-9a-f]{32}")
Quick = Callable[..., Awaitable[Any]]


async def receive(request: Request, data: Path, account: str, quick: Quick) -> dict[str, str]:
    """Writes the body of a request to a file that appears when it is whole; its URI and size.

    Parameters
    ----------
    quick : runs short work with files off the event loop.
    """
    name, upload = request.query_params.get("name", ""), request.query_params.get("upload", "")
    folder = await quick(_place, uploads_of(data, account), name, upload)
    expected = int(request.headers.get("content-length") or 0)
    if expected > MOST_BYTES:
        raise LimitExceeded(f"An upload has at most {MOST_BYTES} bytes.")
    part = folder / f".{name}.{secrets.token_hex(8)}"
    size = 0
    try:
        file = await quick(part.open, "wb")
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > MOST_BYTES:
                    raise LimitExceeded(f"An upload has at most {MOST_BYTES} bytes.")
                await quick(_written, file, chunk)
        finally:
            file.close()
        if not size:
            raise RequestError("The body is empty: it must be the file.")
        await quick(part.replace, folder / name)
    finally:
        part.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    return {"uri": f"gs://{UPLOADS}/{folder.name}/{name}", "upload": folder.name, "sizeBytes": str(size)}  # fmt: skip


def _place(home: Path, name: str, upload: str) -> Path:
    """The folder of an upload: a new one, or the account's earlier one."""
    if not _NAME.fullmatch(name):
        raise RequestError("'name' is needed: letters, digits, '.', '-' and '_', at most 200.")
    forget(home)
    if upload:
        if not _ID.fullmatch(upload) or not (home / upload).is_dir():
            raise NotFound(f"There is no upload '{upload[:40]}'.")
        return home / upload
    folder = home / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder


def _written(file: Any, chunk: bytes) -> None:
    if shutil.disk_usage(file.name).free < SPARE + len(chunk):
        raise Unavailable("The server's disk is full.")
    file.write(chunk)


def forget(home: Path) -> None:
    """Removes an account's uploads that are older than a week."""
    if not home.is_dir():
        return
    oldest = time.time() - KEPT
    for folder in home.iterdir():
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
