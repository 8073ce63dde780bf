"""The catalogue as the rest of the server sees it: ids in, images, collections and tables out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ecumene.catalog import listing
from ecumene.catalog.access import Access, missing, project_of
from ecumene.catalog.assets import asset
from ecumene.catalog.changes import usage
from ecumene.catalog.edits import Editor
from ecumene.catalog.ids import canonical, has_quota, is_root
from ecumene.catalog.images import NodeFactory, StoredBand, collection_properties
from ecumene.catalog.index import Index
from ecumene.catalog.projects import allowance
from ecumene.catalog.records import (
    CLASSIFIER,
    COLLECTION,
    FOLDER,
    IMAGE,
    TABLE,
    AssetRecord,
    linked,
)
from ecumene.catalog.retired import Succeeding, Successor
from ecumene.catalog.retired import successor as successor_of
from ecumene.catalog.schema import REVISION
from ecumene.catalog.seen import Seen
from ecumene.catalog.source import CollectionSource, ImageCache
from ecumene.catalog.tables import TableCache, TableSource
from ecumene.core import caches
from ecumene.core.caches import Report
from ecumene.core.collection import Collection
from ecumene.core.image import Image
from ecumene.core.lru import Lru
from ecumene.core.query import ElementSource
from ecumene.storage import signing
from ecumene.storage.gate import Gate
from ecumene.storage.revision import Revision

RECORDS = 4096
"""Assets whose records are remembered until the catalogue changes: expressions name the same few again and again."""


class Catalog:
    """Stored assets. Thread-safe; implements ``core.context.Catalog``.

    Parameters
    ----------
    path_or_url
        A data folder (see ``schema.open_engine``), an SQLite file, or an SQLAlchemy URL.
    node
        Makes the plan node that reads a stored band: ``lambda b: plan.nodes.Source(b, …)``. The
        default describes bands only; their pixels cannot be read.
    gate
        What may be read; by default the roots registered in the catalogue.
    """

    def __init__(
        self,
        path_or_url: str | Path,
        *,
        node: NodeFactory = StoredBand,
        gate: Gate | None = None,
        table_bytes: int = 2**29,
    ) -> None:
        self.index = Index(path_or_url)
        base = self.index.base
        if base is not None:
            signing.configure(base)
        self.stored_files = None if base is None else base / "assets"
        """Where files of ingested and exported assets are: a folder of its own for each."""

        self.gate = gate or Gate(self.index.roots(), refresh=self.index.roots)
        if gate is None and self.stored_files is not None:
            self.gate.allow(self.stored_files)
        self.tables = TableCache(self.gate, table_bytes)
        self._images = ImageCache(self.index, node)
        self._revision = Revision(self.index.engine, REVISION)
        self._records: Lru[tuple[AssetRecord | None]] = Lru(RECORDS)
        self.access = Access(self.index.engine, self.revision)

    def close(self) -> None:
        """Gives back the database's connections."""
        self._revision.close()
        self.index.close()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def allow(self, root: str | Path) -> None:
        """Registers a folder or URL prefix whose files may be read (an operator's decision)."""
        self.index.add_root(self.gate.allow(root))

    def caches(self) -> dict[str, Report]:
        """Counters of described images and of tables in memory."""
        return {
            "images": self._images.counters,
            "feature_tables": self.tables.counters,
            "asset_records": caches.of_lru(self._records),
        }

    # -- what algorithms ask ---------------------------------------------------------------------

    def record(self, asset_id: str) -> AssetRecord | None:
        """The record of an id in any form: of a link that of its source, of a retired id that of its successor.

        Root folders are always there.
        """
        return self._resolved(asset_id)[0]

    get = record

    def successor(self, asset_id: str) -> str | None:
        """The id of the asset that answers for a retired id; None for all other ids."""
        found = successor_of(asset_id, self._holds)
        return None if found is None else found.id

    def _holds(self, plain_id: str) -> bool:
        return self.index_type(plain_id) not in (None, FOLDER)

    def _resolved(self, asset_id: str) -> tuple[AssetRecord | None, Successor | None]:
        """The record that answers for an id, and whether it does so as a retired one's successor."""
        plain = canonical(asset_id)
        found = self._stored(plain)
        if found is not None:
            source = linked(found.table)
            return (found if source is None else self._stored(source)), None
        if is_root(plain):
            return AssetRecord(plain, FOLDER), None
        after = successor_of(plain, self._holds)
        return (None, None) if after is None else (self._stored(after.id), after)

    def load_image(self, asset_id: str) -> Image | None:
        """A stored image: reads no pixels, opens no file. None if there is no such image."""
        record, after = self._resolved(asset_id)
        if record is None or record.type != IMAGE:
            return None
        member = self.index_type(record.id.rpartition("/")[0]) == COLLECTION
        for image in self._images.images([(record.id, record.updated)], member=member):
            return image if after is None else after.image(image)
        return None

    def load_collection(self, asset_id: str) -> Collection | None:
        """A lazy image collection. None if there is no such collection."""
        record, after = self._resolved(asset_id)
        if record is None or record.type != COLLECTION:
            return None
        stored = CollectionSource(self.index, self._images, record.id)
        source: ElementSource = stored if after is None else Succeeding(stored, after)
        properties = collection_properties(record)
        return Collection(source, (), "Image", record.id, record.updated, properties)

    def load_table(self, asset_id: str) -> Collection | None:
        """A lazy collection of features. None if there is no such table."""
        record = self.record(asset_id)
        if record is None or record.type != TABLE or record.table is None:
            return None
        source = TableSource(
            self.tables, record.table["path"], record.table.get("geodesic", True), record.count
        )
        properties = collection_properties(record)
        return Collection(source, (), "Feature", record.id, record.updated, properties)

    def load_classifier(self, asset_id: str) -> str | None:
        """The file of a stored classifier. None if there is no such classifier."""
        record = self.record(asset_id)
        if record is None or record.type != CLASSIFIER or record.table is None:
            return None
        return str(record.table["path"])

    def revision(self) -> int | None:
        """Another number after every change of the catalogue, by any process; None if that cannot be told."""
        return self._revision.now()

    def edited_by(self, account: str) -> Editor:
        """Changes in the name of an account."""
        return Editor(self, account)

    def seen_by(self, account: str) -> Seen:
        """The catalogue with only what an account may read."""
        return Seen(self, account)

    def asset_type(self, asset_id: str) -> str | None:
        """``IMAGE``, ``IMAGE_COLLECTION``, ``TABLE``, ``FOLDER``; None if there is no such asset."""
        record = self.record(asset_id)
        return None if record is None else record.type

    def index_type(self, plain_id: str) -> str | None:
        """The type of a canonical id."""
        found = self._stored(plain_id)
        return None if found is None else found.type

    def _stored(self, plain_id: str) -> AssetRecord | None:
        """The record of a canonical id, remembered until the catalogue changes."""
        if not plain_id:
            return None
        revision = self.revision()
        if revision is None:
            return self.index.get(plain_id)
        known = self._records.get((revision, plain_id))
        if known is None:
            known = (self.index.get(plain_id),)
            self._records.put((revision, plain_id), known)
        return known[0]

    def require(self, name: str) -> AssetRecord:
        """The record of an asset, or NotFound in Earth Engine's words."""
        record = self.record(name)
        if record is None:
            raise missing(canonical(name))
        return record

    # -- what the REST resources ask -------------------------------------------------------------

    def get_asset(self, name: str, view: str = "FULL") -> dict[str, Any]:
        """The ``EarthEngineAsset`` of a resource name or id; NotFound if there is none."""
        record = self.require(name)
        quota = self.quota(record.id) if has_quota(record.id) and view == "FULL" else None
        shown = record if self.successor(name) == record.id else replace(record, id=canonical(name))
        return asset(shown, view, quota)

    def quota(self, root: str) -> dict[str, str]:
        """The ``FolderQuota`` of a project's root or a home folder."""
        with self.index.engine.connect() as connection:
            count, size = usage(connection, root)
            most = allowance(connection, project_of(root))
        numbers = {
            "assetCount": count,
            "maxAssets": most[0],
            "sizeBytes": size,
            "maxSizeBytes": most[1],
        }
        return {name: str(number) for name, number in numbers.items()}

    def list_assets(self, parent: str, **options: Any) -> dict[str, Any]:
        """``listing.list_assets``: ``filter_text``, ``page_size``, ``page_token``, ``view``."""
        return listing.list_assets(self, parent, **options)

    def list_images(self, parent: str, **options: Any) -> dict[str, Any]:
        """``listing.list_images``: the same, and ``start_time``, ``end_time``, ``region``."""
        return listing.list_images(self, parent, **options)

    def list_features(self, name: str, **options: Any) -> dict[str, Any]:
        """``listing.list_features``: ``region``, ``filter_text``, ``page_size``, ``page_token``."""
        return listing.list_features(self, name, **options)
