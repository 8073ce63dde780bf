"""Whole stored objects as bytes: local files, and objects of public buckets over HTTP, behind the gate."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from ecumene.core.errors import LimitExceeded, NotFound, Unavailable
from ecumene.storage.gate import Gate, is_url
from ecumene.storage.signing import SIGNER

SECONDS = 30.0
"""Patience with a remote store."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An answer that points elsewhere is not followed: the gate has not seen that place."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def web_address(url: str) -> str:
    """Where a bucket's object is on the web.

    >>> web_address("gs://bucket/a/b.json"), web_address("s3://bucket/b.json")
    ('https://storage.googleapis.com/bucket/a/b.json', 'https://bucket.s3.amazonaws.com/b.json')
    """
    scheme, _, rest = url.partition("://")
    bucket, _, name = rest.partition("/")
    if scheme.lower() == "gs":
        return f"https://storage.googleapis.com/{bucket}/{name}"
    return f"https://{bucket}.s3.amazonaws.com/{name}" if scheme.lower() == "s3" else url


def read_object(gate: Gate, address: str, most: int) -> bytes:
    """The contents of an object.

    Raises PermissionDenied if the gate refuses it, NotFound, Unavailable if it cannot be read, LimitExceeded
    if it has more than ``most`` bytes.
    """
    checked = gate.check(address)
    try:
        if is_url(address):
            with _OPENER.open(SIGNER.signed(web_address(address)), timeout=SECONDS) as answer:
                data: bytes = answer.read(most + 1)
        else:
            with open(checked, "rb") as file:
                data = file.read(most + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"'{address[:200]}' does not exist.") from None
    except urllib.error.HTTPError as error:
        if error.code in (403, 404):
            raise NotFound(f"'{address[:200]}' does not exist or is not public.") from None
        raise Unavailable(f"'{address[:200]}' cannot be read: status {error.code}.") from None
    except (OSError, ValueError):
        raise Unavailable(f"'{address[:200]}' cannot be read.") from None
    if len(data) > most:
        raise LimitExceeded(f"'{address[:200]}' is larger than {most} bytes.")
    return data
