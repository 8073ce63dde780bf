"""Contents of stored objects."""

from __future__ import annotations

import codecs

from ecumene.core.blob import Blob
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError, PermissionDenied
from ecumene.core.registry import algorithm
from ecumene.storage.gate import is_url
from ecumene.storage.objects import read_object

LARGEST = 10 * 2**20
"""Bytes of an object that is read as text."""

ENCODINGS = frozenset(
    ["ascii", "utf-8", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le", "gb18030", "gbk", "big5",
     "shift_jis", "euc_jp", "euc_kr", "koi8-r", "koi8-u", "iso8859-1"]
    + [f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)] + [f"cp{n}" for n in range(1250, 1259)]
)  # fmt: skip
"""Character sets by their names in Python, which knows their other names too."""


@algorithm("Blob")
def blob(url: str) -> Blob:
    """The contents of a stored object, named by its address.

    Parameters
    ----------
    url : ``gs://bucket/name``, or another address that this server may read.
    """
    if not url:
        raise EvaluationError("Blob: The URL must not be empty.")
    return Blob(url)


@algorithm("Blob.string")
def text(blob: Blob, encoding: str | None = None, *, context: Context) -> str:
    """A stored object's contents as text; bytes that mean nothing become U+FFFD.

    Parameters
    ----------
    blob : the object.
    encoding : its character set, such as ``US-ASCII``, ``UTF-8`` or ``UTF-16``; UTF-8 if missing.
    """
    name = "utf-8"
    if encoding is not None:
        try:
            name = codecs.lookup(encoding).name
        except (LookupError, ValueError):
            name = ""
        if name not in ENCODINGS:
            raise EvaluationError(f"Blob.string: Unsupported encoding: '{encoding[:100]}'.")
    return _contents(blob, context).decode(name, errors="replace")


def _contents(blob: Blob, context: Context) -> bytes:
    if blob.data is not None:
        return blob.data
    store = getattr(context.pixels, "store", None)
    if store is None or blob.url is None:
        raise PermissionDenied("This server reads no stored objects.")
    if not is_url(blob.url):
        raise PermissionDenied("A blob is named by the address of a bucket's object.")
    return read_object(store.gate, blob.url, LARGEST)


@algorithm("Blob.url", returns="String")
def url(blob: Blob) -> str | None:
    """Where a stored object is; null for bytes that were sent with the request.

    Parameters
    ----------
    blob : the object.
    """
    return blob.url
