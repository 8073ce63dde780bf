"""Where exports go: folders and buckets that the operator has named, and files that appear there at once.

``exports.toml`` in the data folder; paths are relative to it::

    drive = "exports/drive"            # "Google Drive": a folder for each account
    [buckets]                          # "Cloud Storage"
    results = "exports/results"
    shared = {path = "/srv/shared", accounts = ["alice", "bob"]}
    far = {url = "s3://our-bucket/exports", options = {region = "eu-central-1"}}

Without the file, Drive is ``exports/drive`` and there are no buckets.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecumene.core.documents import pick
from ecumene.core.errors import FailedPrecondition, NotFound, PermissionDenied, RequestError
from ecumene.tasks.exports.objects import check, upload

SETTINGS = "exports.toml"
DRIVE = "exports/drive"
_BAD = re.compile(r"[\x00-\x1f\x7f\\]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or an object store, the beginning of names in it, and what clients are told of it."""

    prefix: str
    shown: str
    folder: Path = Path()
    url: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def file(self, ending: str) -> Path:
        """Where a file with an ending goes in a folder."""
        return self.folder / f"{self.prefix}{ending}"

    def put(self, source: Path, ending: str, mark: str) -> None:
        """Makes a finished file appear there under a name with an ending. May be repeated; see ``put``."""
        if self.url:
            upload(self.url, self.options, f"{self.prefix}{ending}", source)
        else:
            put(source, self.file(ending), mark)

    def uri(self, ending: str) -> str:
        """What clients are told of that file."""
        return f"{self.shown}{self.prefix}{ending}"


def wanted(options: Mapping[str, Any], description: str) -> dict[str, Any]:
    """The destination of ``fileExportOptions``, checked: exactly one of Drive and Cloud Storage."""
    drive, bucket = pick(options, "driveDestination"), pick(options, "cloudStorageDestination")
    if (drive is None) == (bucket is None):
        raise RequestError(
            "Exactly one of driveDestination and cloudStorageDestination must be specified."
        )
    given: Any = drive if bucket is None else bucket
    prefix = str(pick(given, "filenamePrefix") or description or "export")
    if bucket is None:
        folder = str(pick(given, "folder") or "")
        return {"drive": _literal(folder), "prefix": _literal(prefix)}
    name = str(pick(given, "bucket") or "")
    if not _BUCKET.fullmatch(name):
        raise RequestError(f"Invalid bucket name: '{name[:100]}'.")
    return {"bucket": name, "prefix": _path(prefix)}


def _literal(text: str) -> str:
    """A name of Drive's: separators are part of it."""
    name = _BAD.sub("_", text).replace("/", "_")[:200]
    return name if name.strip(".") else name.replace(".", "_")


def _path(prefix: str) -> str:
    """The name of an object: separators make folders."""
    parts = prefix.split("/")
    if _BAD.search(prefix) or len(prefix) > 800 or any(p in (".", "..") for p in parts):
        raise RequestError(f"Invalid file name prefix: '{prefix[:100]}'.")
    return "/".join(p for p in parts[:-1] if p) + ("/" if len(parts) > 1 else "") + parts[-1]


def place(data: Path, account: str, destination: Mapping[str, Any]) -> Place:
    """The place of a destination that ``wanted`` made, for an account.

    Raises NotFound and PermissionDenied in the words of Cloud Storage.
    """
    given = settings(data)
    prefix = str(destination["prefix"])
    if "drive" in destination:
        folder = str(destination["drive"])
        root = data / str(given.get("drive", DRIVE)) / _literal(account)
        shown = f"drive://{folder}/" if folder else "drive://"
        return Place(prefix, shown, root / folder)
    bucket = str(destination["bucket"])
    entry = bucket_entry(given, bucket, account)
    shown = f"gs://{bucket}/"
    if "url" in entry:
        check()
        return Place(prefix, shown, url=str(entry["url"]), options=entry.get("options", {}))
    return Place(prefix, shown, data / str(entry["path"]))


def bucket_entry(given: Mapping[str, Any], bucket: str, account: str) -> Mapping[str, Any]:
    """What the settings say of a bucket, if the account may use it: ``path``, or ``url`` and ``options``."""
    entry = given.get("buckets", {}).get(bucket)
    if entry is None:
        raise NotFound(
            f"The specified bucket '{bucket}' does not exist. Buckets are named in the server's {SETTINGS}."
        )
    if isinstance(entry, str):
        return {"url" if "://" in entry else "path": entry}
    accounts = entry.get("accounts")
    if accounts is not None and account not in accounts:
        raise PermissionDenied(
            f"'{account}' does not have storage.objects.create access to the bucket '{bucket}'."
        )
    return dict(entry)


def bucket_path(given: Mapping[str, Any], bucket: str, account: str) -> str:
    """The folder of a bucket in the settings, if the account may use it.

    FailedPrecondition if the bucket is in an object store.
    """
    entry = bucket_entry(given, bucket, account)
    if "path" not in entry:
        raise FailedPrecondition(f"The bucket '{bucket}' is not a folder of this server.")
    return str(entry["path"])


def settings(data: Path) -> dict[str, Any]:
    """What the operator has named; nothing without the file."""
    file = data / SETTINGS
    try:
        found = tomllib.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise FailedPrecondition(f"The server's {SETTINGS} cannot be read: {error}") from None
    return found


def put(source: Path, target: Path, mark: str) -> None:
    """Moves a finished file to where others see it, at once or not at all. May be repeated.

    Parameters
    ----------
    mark : names the temporary file where source and target are on different disks.
    """
    if not source.exists() and target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        temporary = target.with_name(f".{target.name}.{mark}.part")
        shutil.copyfile(source, temporary)
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
        source.unlink()
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
