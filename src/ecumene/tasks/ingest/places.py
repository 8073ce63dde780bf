"""Where sources may come from: the buckets that the operator has named, and what an account has uploaded.

The buckets are those of ``exports.toml`` (see ``tasks.exports.destinations``); ``gs://`` and ``s3://`` mean the same,
``file://`` is a path inside one of them. The bucket ``uploads`` is each account's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ecumene.core.errors import FailedPrecondition, NotFound, PermissionDenied, RequestError
from ecumene.tasks.exports.destinations import bucket_path, settings

UPLOADS = "uploads"
_GENERATION = re.compile(r"#\d+$")


def uploads_of(data: Path, account: str) -> Path:
    """The folder of what an account has uploaded."""
    return data / UPLOADS / account.replace(":", "_")


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
