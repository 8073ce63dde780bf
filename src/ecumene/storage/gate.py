"""The gate: the one place that decides which files, URLs and buckets may be read.

Every reader resolves its path here before it opens anything. A local path is followed to the file
that it really is (symbolic links and ``..`` included) and must then lie under a root that the
operator registered; a URL must start with a registered prefix. Which GDAL drivers may open a
file is decided here too: formats that refer to other files (VRT, tile indexes…) are not among
them, since they would read around the gate.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from ecumene.core.errors import PermissionDenied

RASTER_DRIVERS = ("GTiff", "JP2OpenJPEG", "PNG", "JPEG")
"""GDAL drivers that read a single raster file, and nothing that it refers to."""

VECTOR_DRIVERS = ("GeoJSON", "ESRI Shapefile", "GPKG", "FlatGeobuf", "CSV")
"""GDAL drivers that read tables."""

_SCHEMES = {"http": "/vsicurl/", "https": "/vsicurl/", "s3": "/vsis3/", "gs": "/vsigs/"}


def is_url(path: str) -> bool:
    """Whether this names something on a network (a scheme of its own, or GDAL's ``/vsi…``)."""
    return "://" in path or path.startswith("/vsi")


class Gate:
    """Registered roots (folders, files) and URL prefixes. Thread-safe.

    Parameters
    ----------
    roots
        Folders, files or URL prefixes that may be read.
    refresh
        Called when a path is about to be refused: returns the roots registered by now, so that a
        running server sees what another process has just registered.
    """

    def __init__(
        self, roots: Iterable[str | Path] = (), refresh: Callable[[], Iterable[str]] | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._folders: frozenset[str] = frozenset()
        self._prefixes: frozenset[str] = frozenset()
        self.refresh = refresh
        for root in roots:
            self.allow(root)

    def allow(self, root: str | Path) -> str:
        """Registers a folder, a file or a URL prefix; returns its canonical form."""
        text = str(root)
        if text.startswith("/vsi"):
            raise PermissionDenied("Virtual file systems cannot be registered by name.")
        if is_url(text):
            prefix = _clean_url(text)
            with self._lock:
                self._prefixes = self._prefixes | {prefix}
            return prefix
        folder = os.path.realpath(text)
        if folder == os.path.sep:
            raise PermissionDenied("The root of the file system cannot be registered.")
        with self._lock:
            self._folders = self._folders | {folder}
        return folder

    @property
    def roots(self) -> tuple[str, ...]:
        """All registered roots, sorted."""
        return tuple(sorted(self._folders | self._prefixes))

    def check(self, path: str | Path) -> str:
        """What to open: the real path of a local file, or GDAL's name of a URL.

        Raises PermissionDenied if it is not under a registered root. Whether the file exists is
        not asked.
        """
        text = str(path)
        if "\x00" in text:
            raise PermissionDenied("A path may not contain NUL.")
        found = self._find(text)
        if found is None and self.refresh is not None:
            for root in self.refresh():
                self.allow(root)
            found = self._find(text)
        if found is None:
            name = text.rstrip("/").rsplit("/", 1)[-1][:100]
            raise PermissionDenied(f"'{name}' is not in a place that this server may read.")
        return found

    def _find(self, text: str) -> str | None:
        if text.startswith("/vsi"):
            return None
        if is_url(text):
            url = _clean_url(text)
            if not any(_under(url, prefix) for prefix in self._prefixes):
                return None
            scheme, rest = url.split("://", 1)
            return _SCHEMES[scheme] + (url if scheme.startswith("http") else rest)
        real = os.path.realpath(text)
        parent = real
        while parent not in self._folders:
            parent, last = os.path.dirname(parent), parent
            if parent == last:
                return None
        return real


def _under(url: str, prefix: str) -> bool:
    return url == prefix or url.startswith(prefix if prefix.endswith("/") else prefix + "/")


def _clean_url(url: str) -> str:
    """The URL with a lower-case scheme and host; PermissionDenied for forms that could mislead."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.netloc.lower()
    if scheme not in _SCHEMES:
        raise PermissionDenied(f"URLs of the scheme '{scheme[:20]}' are not read.")
    if not host or "@" in host or "%" in host or "\\" in url or any(ord(c) < 33 for c in url):
        raise PermissionDenied("The URL names no plain host.")
    segments = parts.path.lower().replace("%2e", ".").replace("%2f", "/").split("/")
    if ".." in segments or "." in segments:
        raise PermissionDenied("A URL may not contain '..'.")
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{host}{parts.path}{query}"
