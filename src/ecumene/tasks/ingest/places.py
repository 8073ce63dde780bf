"""Where sources may come from: the buckets that the operator has named, and what an account has uploaded.

The buckets are those of ``exports.toml`` (see ``tasks.exports.destinations``); ``gs://`` and ``s3://`` mean the same,
``file://`` is a path inside one that is a folder. The bucket ``uploads`` is each account's own. Objects of a bucket
in an object store are fetched before they are read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ecumene.core.errors import FailedPrecondition, NotFound, PermissionDenied, RequestError
from ecumene.tasks.exports.destinations import bucket_entry, bucket_path, settings
from ecumene.tasks.exports.objects import check, download

UPLOADS = "uploads"
MOST_BYTES = 100 * 2**30
"""Of an object that is fetched."""

_OBJECT = re.compile(r"[\w.,=+@ /~()-]{1,900}")
_GENERATION = re.compile(r"#\d+$")


def uploads_of(data: Path, account: str) -> Path:
    """The folder of what an account has uploaded."""
    return data / UPLOADS / account.replace(":", "_")


def fetched(data: Path, account: str, uri: str, beside: Path) -> tuple[Path, Path]:
    """The file of a URI, and the folder that readers must be allowed; errors as ``source``.

    ``beside``: where objects of a store are put. What is there already is not fetched again.
    """
    remote = _remote(data, account, uri)
    if remote is None:
        found = source(data, account, uri)
        return found, folder(data, account, found)
    entry, name = remote
    check()
    beside.mkdir(parents=True, exist_ok=True)
    target = beside / name.rpartition("/")[2]
    if not target.exists():
        download(str(entry["url"]), entry.get("options", {}), name, target, MOST_BYTES)
    return target, beside


def address(data: Path, account: str, uri: str) -> tuple[str, str]:
    """What readers open for a URI where it lies, and the folder or prefix that they must be allowed."""
    remote = _remote(data, account, uri)
    if remote is None:
        found = source(data, account, uri)
        return str(found), str(folder(data, account, found))
    url = str(remote[0]["url"]).rstrip("/")
    return f"{url}/{remote[1]}", url


def _remote(data: Path, account: str, uri: str) -> tuple[Mapping[str, Any], str] | None:
    """What the settings say of a URI's bucket, and the object's name, where that is in an object store."""
    scheme, _, rest = uri.partition("://")
    bucket, _, name = _GENERATION.sub("", rest).partition("/")
    if scheme.lower() not in ("gs", "s3") or bucket == UPLOADS:
        return None
    entry = bucket_entry(settings(data), bucket, account)
    if "url" not in entry:
        return None
    parts = name.split("/")
    if not _OBJECT.fullmatch(name) or any(part in ("", ".", "..") for part in parts):
        raise RequestError(f"Invalid URI '{uri[:200]}'.")
    return entry, name


def source(data: Path, account: str, uri: str) -> Path:
    """The file of a URI. It lies inside the bucket, whatever links and ``..`` say.

    Raises RequestError for what is no URI of ours, NotFound and PermissionDenied for what the account may not read.
    """
    scheme, colon, rest = uri.partition("://")
    if not colon or scheme.lower() not in ("gs", "s3", "file") or "\x00" in uri:
        raise RequestError(
            f"Invalid URI '{uri[:200]}'. Sources are named gs://bucket/name, s3://bucket/name or file:///path."
        )
    if scheme.lower() == "file":
        wanted = "/" + rest.lstrip("/")
        bases = list(_bases(data, account))
    else:
        bucket, _, name = _GENERATION.sub("", rest).partition("/")
        base = _base(data, account, bucket)
        wanted, bases = str(base / name), [base]
    found = Path(os.path.realpath(wanted))
    if not any(found.is_relative_to(os.path.realpath(base)) for base in bases):
        raise PermissionDenied(f"'{uri[:200]}' is not in a bucket that you may read.")
    if not found.is_file():
        raise NotFound(f"Object '{uri[:200]}' does not exist.")
    return found


def folder(data: Path, account: str, file: Path) -> Path:
    """The bucket's folder that a file lies in."""
    bases = [Path(os.path.realpath(base)) for base in _bases(data, account)]
    return next(base for base in bases if file.is_relative_to(base))


def _base(data: Path, account: str, bucket: str) -> Path:
    if bucket == UPLOADS:
        return uploads_of(data, account)
    return data / bucket_path(settings(data), bucket, account)


def _bases(data: Path, account: str) -> Iterator[Path]:
    """All folders of buckets that an account may read."""
    yield uploads_of(data, account)
    given = settings(data)
    for bucket in given.get("buckets", {}):
        try:
            yield data / bucket_path(given, bucket, account)
        except (PermissionDenied, FailedPrecondition):  # not theirs, or no folder
            continue
