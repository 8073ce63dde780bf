"""The catalogue as one account sees it: what it may not read is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecumene.core.collection import Collection
from ecumene.core.image import Image

if TYPE_CHECKING:
    from ecumene.catalog.store import Catalog

READ = "earthengine.assets.get"


class Seen:
    """What expressions of an account load from; implements ``core.context.Catalog``.

    A collection's images are as readable as the collection, so only the asset that is named is checked.
    """

    def __init__(self, catalog: Catalog, account: str) -> None:
        self._catalog, self._account = catalog, account

    def _readable(self, asset_id: str) -> bool:
        real = self._catalog.successor(asset_id) or asset_id
        return self._catalog.access.allows(self._account, READ, real)

    def load_image(self, asset_id: str) -> Image | None:
        """A stored image; None if there is none that the account may read."""
        return self._catalog.load_image(asset_id) if self._readable(asset_id) else None

    def load_collection(self, asset_id: str) -> Collection | None:
        """A lazy image collection; None if there is none that the account may read."""
        return self._catalog.load_collection(asset_id) if self._readable(asset_id) else None

    def load_table(self, asset_id: str) -> Collection | None:
        """A lazy collection of features; None if there is none that the account may read."""
        return self._catalog.load_table(asset_id) if self._readable(asset_id) else None

    def load_classifier(self, asset_id: str) -> str | None:
        """The file of a stored classifier; None if there is none that the account may read."""
        return self._catalog.load_classifier(asset_id) if self._readable(asset_id) else None

    def successor(self, asset_id: str) -> str | None:
        """The id of the asset that answers for a retired id; None for all other ids."""
        return self._catalog.successor(asset_id)

    def revision(self) -> int | None:
        """As of the whole catalogue: changes of roles count too."""
        return self._catalog.revision()

    def seen_by(self, account: str) -> Seen:
        """As another account sees it."""
        return Seen(self._catalog, account)
