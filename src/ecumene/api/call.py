"""One request as handlers see it: path parameters, query, body, account."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from ecumene.core.documents import pick, snake, wrapped
from ecumene.core.errors import RequestError

__all__ = ["Call", "decode_json", "form", "inflated", "pick", "snake", "too_large", "wrapped"]

_DECODER = msgspec.json.Decoder()


@dataclass(slots=True)
class Call:
    """A decoded request. ``body`` is the JSON document ({} without one)."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = field(default_factory=dict)
    account: str = "anonymous"
    base: str = ""
    version: str = "v1"

    def field(self, name: str, default: Any = None) -> Any:
        """A field of the body in either spelling; null means unset."""
        return pick(self.body, name, default)

    def integer(self, name: str) -> int | None:
        """An integer of the query."""
        text = self.query.get(name)
        if text in (None, ""):
            return None
        try:
            return int(str(text))
        except ValueError:
            raise RequestError(f"Invalid value for '{name}': {text}") from None


def too_large(limit: int) -> RequestError:
    """The service's words for a body over the limit."""
    return RequestError(f"Request payload size exceeds the limit: {limit} bytes.")


def inflated(data: bytes, encoding: str, limit: int) -> bytes:
    """The body without its content encoding, at most ``limit`` bytes."""
    if encoding in ("", "identity"):
        return data
    try:
        if encoding == "gzip":
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                out = stream.read(limit + 1)
        elif encoding == "deflate":
            out = zlib.decompressobj().decompress(data, limit + 1)
        else:
            raise RequestError(f"Unknown content encoding '{encoding}'.")
    except (OSError, EOFError, zlib.error):
        raise RequestError("The compressed request body is malformed.") from None
    if len(out) > limit:
        raise too_large(limit)
    return out


def decode_json(data: bytes) -> Any:
    """The JSON document of a body; RequestError if it is none."""
    if not data.strip():
        return {}
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        text = data.decode(json.detect_encoding(data))
        found = json.loads(text)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()  # halves of surrogate pairs are no text
        return found
    except RecursionError:
        raise RequestError("The request body is nested too deeply.") from None
    except (ValueError, UnicodeDecodeError):
        raise RequestError(
            "Invalid JSON payload received. The request body is not valid JSON."
        ) from None


def form(data: bytes) -> dict[str, str]:
    """A form body as parameters."""
    return dict(parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True))
