"""What handlers work with: the engine, the catalogue, stored capability requests."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from ecumene.catalog.store import Catalog
from ecumene.core.context import Context
from ecumene.core.errors import NotFound
from ecumene.engine.service import Engine

LIFETIME = 24 * 3600
MOST = 20_000


@dataclass(slots=True)
class Stored:
    """A map, thumbnail or table that can be fetched by its unguessable name."""

    kind: str
    request: dict[str, Any]
    value: Any
    account: str
    made: float
    origins: dict[bytes, str] = field(default_factory=dict)
    """Which algorithm made each plan node, where the request was profiled."""


class Capabilities:
    """Requests by name; the oldest go first, all of them after a day."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, Stored] = OrderedDict()
        self._lock = threading.Lock()

    def add(
        self, project: str, kind: str, request: dict[str, Any], value: Any, context: Context
    ) -> str:
        """Keeps a request; its name is the right to fetch it."""
        origins = {} if context.profile is None else context.profile.origins
        name = f"{project}/{kind}/{secrets.token_hex(16)}-{secrets.token_hex(16)}"
        with self._lock:
            self._items[name] = Stored(kind, request, value, context.account, time.time(), origins)
            while len(self._items) > MOST:
                self._items.popitem(last=False)
        return name

    def __len__(self) -> int:
        return len(self._items)

    def get(self, name: str) -> Stored:
        """The request of a name; NotFound if it is unknown or too old."""
        with self._lock:
            found = self._items.get(name)
            if found is not None and time.time() - found.made > LIFETIME:
                del self._items[name]
                found = None
        if found is None:
            raise NotFound(f"'{name}' was not found or has expired.")
        return found


@dataclass(slots=True)
class Services:
    """One per application."""

    engine: Engine
    catalog: Catalog
    stored: Capabilities = field(default_factory=Capabilities)

    def context(self, account: str) -> Context:
        """Surroundings of a request."""
        return self.engine.context(account)


@dataclass(slots=True)
class Bytes:
    """A raw answer."""

    content: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)
