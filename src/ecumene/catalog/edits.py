"""What accounts do to assets: create, copy, move, update, delete. Each is one transaction with its audit entry."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from ecumene.catalog import auditing, changes, masks
from ecumene.catalog.access import ANONYMOUS, OPERATOR, WEB, denied, is_public, missing, project_of
from ecumene.catalog.ids import canonical, is_root, name_of, parent_of
from ecumene.catalog.policies import own
from ecumene.catalog.projects import check_quota
from ecumene.catalog.records import COLLECTION, FOLDER, IMAGE, AssetRecord, linked
from ecumene.catalog.schema import holdings
from ecumene.core.errors import AlreadyExists, FailedPrecondition, RequestError

if TYPE_CHECKING:
    from ecumene.catalog.store import Catalog

CREATE, UPDATE, DELETE, GET = (
    f"earthengine.assets.{verb}" for verb in ("create", "update", "delete", "get")
)
LONGEST_ID = 1000
_PART = re.compile(r"[A-Za-z0-9_\-.:@ ]{1,200}")
_log = logging.getLogger("ecumene.catalog")


def valid_id(text: str) -> str:
    """The canonical id of a name that an asset may be made under; RequestError if it is none."""
    plain = canonical(text)
    parts = plain.split("/")
    if len(plain) > LONGEST_ID or not all(_PART.fullmatch(p) and p.strip(".") for p in parts):
        raise RequestError(
            f"Invalid asset ID '{plain[:200]}'. An asset ID has letters, digits, hyphens and underscores, its parts joined by '/'."
        )
    return plain


class Editor:
    """Changes to the catalogue in the name of an account."""

    def __init__(self, catalog: Catalog, account: str) -> None:
        self.catalog, self.account = catalog, account
        self.index, self.access = catalog.index, catalog.access

    # -- checks ----------------------------------------------------------------------------------

    def _known(self, connection: Connection, name: str, permission: str) -> AssetRecord:
        """The record of an asset on which the account has a permission."""
        plain = canonical(name)
        self.access.require(self.account, permission, plain)
        record = self.index.fetch(connection, plain)
        if record is None:
            if is_root(plain):
                raise RequestError(
                    f"'{name_of(plain)}' is a root: it can be neither changed nor moved."
                )
            raise missing(plain)
        return record

    def place(
        self, connection: Connection, target: str, kind: str, *, overwrite: bool = False
    ) -> AssetRecord | None:
        """Checks that an asset of a kind may be put under an id; returns the one that it replaces.

        NotFound without a parent or the sight of it, PermissionDenied without the right to write there,
        AlreadyExists, RequestError where the parent cannot hold this.
        """
        above = parent_of(target)
        if above is None or is_root(target) or is_public(target):
            if is_public(target) and self.account != OPERATOR:
                raise denied(CREATE, name_of(target))
            raise RequestError(f"Invalid asset ID '{target}'.")
        if above == "users":
            self._home(target, kind)
        else:
            self._parent(connection, target, above, kind)
        old = self.index.fetch(connection, target)
        if old is None:
            return None
        if not overwrite or old.type != kind or kind in (FOLDER, COLLECTION):
            raise AlreadyExists(f"Cannot overwrite asset '{name_of(target)}'.")
        self.access.require(self.account, UPDATE, target)
        return old

    def _parent(self, connection: Connection, target: str, above: str, kind: str) -> None:
        self.access.require(self.account, CREATE, above)
        parent = self.index.fetch(connection, above)
        if parent is None and not is_root(above):
            raise missing(above)
        held_by = FOLDER if parent is None else parent.type
        if held_by == COLLECTION and kind != IMAGE:
            raise RequestError(
                f"An image collection holds images only: '{name_of(target)}' cannot be created in '{name_of(above)}'."
            )
        if held_by not in (FOLDER, COLLECTION):
            raise RequestError(f"'{name_of(above)}' is not a folder or an image collection.")
        project = project_of(target)
        if project is not None and self.account != OPERATOR:
            check_quota(connection, project)

    def _home(self, target: str, kind: str) -> None:
        """A home folder: every account that has a name may make one that is not there yet."""
        if self.account in (ANONYMOUS, WEB):
            raise denied(CREATE, name_of(target))
        if kind != FOLDER:
            raise RequestError(f"The root '{name_of(target)}' can only be a folder.")

    def _note(self, connection: Connection, action: str, resource: str, **detail: Any) -> None:
        auditing.note(connection, self.account, action, resource, **detail)

    def check(self, name: str, kind: str, *, overwrite: bool = False) -> str:
        """The id of an asset that may be made now: what a long task asks before it begins. Errors as ``place``."""
        target = valid_id(name)
        with self.index.engine.connect() as connection:
            self.place(connection, target, kind, overwrite=overwrite)
        return target

    # -- changes ---------------------------------------------------------------------------------

    def create(self, name: str, asset: Mapping[str, Any]) -> AssetRecord:
        """``assets.create`` of a folder or a collection. Times and properties are a collection's only."""
        target, kind = valid_id(name), asset.get("type")
        if kind not in (FOLDER, COLLECTION):
            raise RequestError(
                "Only folders, image collections and images in cloud storage can be created; other assets are imported or exported."
            )
        record = masks.with_times(
            AssetRecord(target, kind), masks.properties(asset.get("properties"))
        )
        if kind == COLLECTION:
            for field in ("start", "end"):
                given = asset.get(f"{field}Time") or asset.get(f"{field}_time")
                if given is not None:
                    record = masks.changed(record, {field: masks.time_of(given)})
        with self.index.writing() as connection:
            self.place(connection, target, kind)
            if parent_of(target) == "users":
                own(connection, target, self.account)
            made = changes.write(self.index, connection, record)
            self._note(connection, "assets.create", target, type=kind)
        return made

    def publish(
        self,
        record: AssetRecord,
        *,
        overwrite: bool = False,
        folders: Iterable[str] = (),
        action: str = "assets.create",
    ) -> AssetRecord:
        """Makes an asset whose files are in place visible, or puts it where another one of its kind was.

        ``folders`` below the data folder's ``assets`` belong to it from now on; what the old one alone held
        is deleted. With ``folders`` it may be repeated: an asset that holds them already is left as it is.
        """
        kept = sorted(set(folders))
        with self.index.writing() as connection:
            known = self.index.fetch(connection, record.id)
            if known is not None and kept and kept == changes.held(connection, record.id):
                return known
            old = self.place(connection, record.id, record.type, overwrite=overwrite)
            gone = changes.release(connection, record.id) if old is not None else []
            made = changes.write(self.index, connection, record, old)
            changes.hold(connection, record.id, kept)
            self._note(connection, action, record.id, type=record.type, replaced=old is not None)
        self._discard(gone)
        return made

    def copy(
        self, source: str, target: str, *, overwrite: bool = False, bands: Iterable[str] = ()
    ) -> AssetRecord:
        """``assets.copy`` of an image or a table; with ``bands``, of an image's bands in this order.

        Stored files never change, so both assets share them.
        """
        plain = valid_id(target)
        with self.index.writing() as connection:
            record = self._known(connection, source, GET)
            if record.type in (FOLDER, COLLECTION):
                raise RequestError(
                    f"Asset '{name_of(record.id)}' is a {record.type}: only its contents can be copied, one by one."
                )
            if plain == record.id:
                raise RequestError("An asset cannot be copied onto itself.")
            old = self.place(connection, plain, record.type, overwrite=overwrite)
            gone = changes.release(connection, plain) if old is not None else []
            copied = replace(record, id=plain, bands=_chosen(record, list(bands)))
            made = changes.write(self.index, connection, copied, old)
            changes.hold(connection, plain, changes.held(connection, record.id))
            self._note(connection, "assets.copy", plain, source=record.id)
        self._discard(gone)
        return made

    def link(self, source: str, target: str) -> AssetRecord:
        """``assets.link``: an asset that stands for another one, as that one is whenever it is read.

        Whoever reads it needs the right to read both. It ends with its source.
        """
        plain = valid_id(target)
        with self.index.writing() as connection:
            record = self._known(connection, source, GET)
            if record.type == FOLDER or plain == record.id:
                raise RequestError(
                    f"Asset '{name_of(record.id)}' cannot be linked to '{name_of(plain)}'."
                )
            self.place(connection, plain, record.type)
            origin = linked(record.table) or record.id
            location = {"path": "", "link": origin}
            made = changes.write(
                self.index, connection, AssetRecord(plain, record.type, table=location)
            )
            self._note(connection, "assets.link", plain, source=origin)
        return made

    def move(self, source: str, target: str) -> AssetRecord:
        """``assets.move``: another id for an asset and all that lies in it."""
        plain = valid_id(target)
        with self.index.writing() as connection:
            record = self._known(connection, source, DELETE)
            if plain == record.id or plain.startswith(f"{record.id}/"):
                raise RequestError(f"Cannot move '{name_of(record.id)}' into itself.")
            if parent_of(plain) == "users":
                raise RequestError(f"'{name_of(plain)}' is a root: nothing can be moved there.")
            self.place(connection, plain, record.type)
            changes.rename(self.index, connection, record, plain)
            self._note(connection, "assets.move", plain, source=record.id)
            moved = self.index.fetch(connection, plain)
        assert moved is not None
        return moved

    def update(self, name: str, asset: Any, mask: Any) -> AssetRecord:
        """``assets.patch``; see ``masks``."""
        if not isinstance(asset, Mapping):
            raise RequestError("'asset' must be an object.")
        named = masks.paths(mask)
        with self.index.writing() as connection:
            record = self._known(connection, name, UPDATE)
            made = changes.write(
                self.index, connection, masks.patched(record, asset, named), record
            )
            self._note(connection, "assets.patch", record.id, fields=",".join(named))
        return made

    def delete(self, name: str) -> None:
        """``assets.delete``: folders and collections must be empty."""
        with self.index.writing() as connection:
            record = self._known(connection, name, DELETE)
            if record.type in (FOLDER, COLLECTION) and changes.has_children(connection, record.id):
                raise FailedPrecondition(
                    f"Asset '{name_of(record.id)}' is not empty: delete what it contains first."
                )
            gone = changes.remove(connection, record.id)
            self._note(connection, "assets.delete", record.id, type=record.type)
        self._discard(gone)

    def _discard(self, folders: Iterable[str]) -> None:
        """Deletes stored files that no asset holds; what is left over here is swept at the next start."""
        base = self.catalog.stored_files
        for folder in folders:
            if base is not None:
                with suppress(OSError):
                    shutil.rmtree(base / folder)


def _chosen(record: AssetRecord, names: list[str]) -> tuple[Mapping[str, Any], ...]:
    if not names:
        return record.bands
    known = {band["id"]: band for band in record.bands}
    for name in names:
        if name not in known:
            raise RequestError(f"Asset '{name_of(record.id)}' has no band '{name}'.")
    return tuple(known[name] for name in names)


def sweep(catalog: Catalog, unfinished: Callable[[], Iterable[str]] = tuple) -> int:
    """Deletes stored folders that belong to no asset: what an interrupted change left. Returns how many.

    ``unfinished`` tells the folders of work that is about to publish its assets. It is asked after the folders have
    been listed and before the catalogue is: what ends in between has its asset by then.
    """
    base: Path | None = catalog.stored_files
    if base is None or not base.is_dir():
        return 0
    folders = [one for one in base.iterdir() if one.is_dir()]
    kept = set(unfinished())
    with catalog.index.engine.connect() as connection:
        kept |= set(connection.execute(select(holdings.c.folder).distinct()).scalars())
    gone = [one for one in folders if one.name not in kept]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
        _log.info("removed unfinished files %s", folder.name)
    return len(gone)
