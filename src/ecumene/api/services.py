"""What handlers work with: the engine, the catalogue, stored capability requests."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from ecumene.api.call import pick
from ecumene.catalog.store import Catalog
from ecumene.core.caches import Report, of_lru
from ecumene.core.context import Context
from ecumene.core.errors import NotFound
from ecumene.core.lru import Lru
from ecumene.engine.memory import written
from ecumene.engine.pictures import Bytes
from ecumene.engine.service import Engine
from ecumene.tasks.service import Operations

__all__ = ["Bytes", "Capabilities", "Services", "Stored"]

LIFETIME = 24 * 3600
MOST_BYTES = 256 * 2**20
"""Of what was asked with all maps, thumbnails and tables."""

UNSEEN = 2**16
"""What is reckoned for a part of a request whose length is not known."""


@dataclass(slots=True)
class Stored:
    """A map, thumbnail or table that can be fetched by its unguessable name.

    ``expression`` is evaluated for ``account`` when it is needed; ``request`` is the rest of what was asked.
    """

    name: str
    kind: str
    expression: Any
    request: dict[str, Any]
    account: str
    made: float
    origins: dict[bytes, str] = field(default_factory=dict)
    """Which algorithm made each plan node, where the request was profiled."""

    @property
    def size(self) -> int:
        """About how many bytes it takes to keep this."""
        parts = [written(part) for part in (self.expression, self.request)]
        texts = sum(UNSEEN if part is None else len(part.text) for part in parts)
        return 1024 + len(self.name) + texts


class Capabilities:
    """Requests by name; the least used go first, all of them after a day."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._items: Lru[Stored] = Lru(most_bytes, lambda stored: stored.size)

    def made(self, project: str, kind: str, body: dict[str, Any], context: Context) -> Stored:
        """A request under a new name, which is the right to fetch it; not kept yet."""
        origins = {} if context.profile is None else context.profile.origins
        name = f"{project}/{kind}/{secrets.token_hex(16)}-{secrets.token_hex(16)}"
        given = pick(body, "expression")
        request = {key: value for key, value in body.items() if key != "expression"}
        expression = written(given) or given
        return Stored(name, kind, expression, request, context.account, time.time(), origins)

    def add(self, stored: Stored) -> None:
        """Keeps a request."""
        self._items.put(stored.name, stored)

    def __len__(self) -> int:
        return self._items.stats.entries

    def get(self, name: str) -> Stored:
        """The request of a name; NotFound if it is unknown or too old."""
        found = self._items.get(name)
        if found is not None and time.time() - found.made > LIFETIME:
            self._items.discard(name)
            found = None
        if found is None:
            raise NotFound(f"'{name}' was not found or has expired.")
        return found

    def caches(self) -> dict[str, Report]:
        """Counters."""
        return {"capabilities": of_lru(self._items, in_bytes=True)}


@dataclass(slots=True)
class Services:
    """One per application."""

    engine: Engine
    catalog: Catalog
    stored: Capabilities = field(default_factory=Capabilities)
    operations: Operations | None = None

    def context(self, account: str) -> Context:
        """Surroundings of a request."""
        return self.engine.context(account)

    def evaluated(self, stored: Stored, context: Context) -> Any:
        """The value of a stored request, as its maker sees it. Profiles of it are its maker's."""
        maker = self.engine.context(stored.account)
        context.account, context.catalog, context.file = maker.account, maker.catalog, maker.file
        if context.profile is not None:
            context.profile.account = stored.account
            context.profile.origins.update(stored.origins)
        return self.engine.evaluate(stored.expression, context, stored.name)
