"""Files into object stores, and out of them: S3, Google Cloud Storage, Azure. Objects appear whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ecumene.core.errors import (
    FailedPrecondition,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    Unavailable,
)

CHUNK = 4 * 2**20
"""Bytes that are fetched at once."""

MULTIPART = 64 * 2**20
"""Bytes above which a file is sent in parts."""


def upload(url: str, options: Mapping[str, str], name: str, source: Path) -> None:
    """Sends a file to an object below a URL. May be repeated.

    Parameters
    ----------
    url : of the bucket, and of a prefix in it: ``s3://bucket/prefix``.
    options : obstore's settings of the store; what is missing comes from the environment of the server.

    Raises PermissionDenied and NotFound where the store says so, Unavailable for everything else.
    """
    import obstore
    from obstore.exceptions import (
        BaseError,
        NotFoundError,
        PermissionDeniedError,
        UnauthenticatedError,
    )

    store = _store(url, tuple(sorted(options.items())))
    large = source.stat().st_size > MULTIPART
    try:
        obstore.put(store, name, source, use_multipart=large)
    except (PermissionDeniedError, UnauthenticatedError):
        raise PermissionDenied(f"The server may not write to '{url}'.") from None
    except (NotFoundError, FileNotFoundError):
        raise NotFound(f"The bucket of '{url}' does not exist.") from None
    except BaseError as error:
        raise Unavailable(f"'{url}' cannot be written: {str(error)[:200]}") from error


def download(url: str, options: Mapping[str, str], name: str, target: Path, most: int) -> None:
    """Fetches an object below a URL into a file that appears when it is whole.

    Raises NotFound, PermissionDenied, LimitExceeded if it has more than ``most`` bytes, Unavailable for everything else.
    """
    import obstore
    from obstore.exceptions import (
        BaseError,
        NotFoundError,
        PermissionDeniedError,
        UnauthenticatedError,
    )

    part = target.with_name(f".{target.name}.part")
    try:
        found = obstore.get(_store(url, tuple(sorted(options.items()))), name)
        if found.meta["size"] > most:
            raise LimitExceeded(f"'{name}' has more than {most} bytes.")
        with part.open("wb") as file:
            for chunk in found.stream(min_chunk_size=CHUNK):
                file.write(chunk)
        part.replace(target)
    except (PermissionDeniedError, UnauthenticatedError):
        raise PermissionDenied(f"The server may not read '{name}' in '{url}'.") from None
    except (NotFoundError, FileNotFoundError):
        raise NotFound(f"Object '{name}' does not exist in '{url}'.") from None
    except BaseError as error:
        raise Unavailable(f"'{url}' cannot be read: {str(error)[:200]}") from error


def check() -> None:
    """FailedPrecondition where the library for object stores is not installed."""
    try:
        import obstore  # noqa: F401
    except ImportError:
        raise FailedPrecondition(
            "This server cannot use object stores: its extra 'object-stores' is not installed."
        ) from None


@lru_cache(maxsize=64)
def _store(url: str, options: tuple[tuple[str, str], ...]) -> Any:
    """Connections are kept."""
    from obstore.store import from_url

    if url.startswith("file:"):
        return from_url(url)
    config: Any = dict(options)
    client: Any = {
        "allow_http": any(v.startswith("http://") for v in (url, *dict(options).values())),
        "timeout": "300s",
    }
    return from_url(url, config=config, client_options=client)
