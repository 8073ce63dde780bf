"""Who may do what: roles on assets and projects, and the permissions that they give.

A role on an asset holds for everything below it, and a role in a project for all of its assets; of several the
highest counts. The public catalogue is read by everybody and written by nobody but the operator. A
project that the operator did not register, and a home folder that nobody owns, is open: everybody whom the server
lets in is an owner there, but web pages of other sites that use somebody's anonymous server only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum

from sqlalchemy import select
from sqlalchemy.engine import Engine

from ecumene.catalog.ids import ancestors, canonical, name_of, parent_of
from ecumene.catalog.records import linked
from ecumene.catalog.schema import assets, policies, project_members, projects
from ecumene.core.errors import NotFound, PermissionDenied, RequestError
from ecumene.core.lru import Lru

DOMAIN = "ecumene.iam.local"
"""Of the e-mail addresses of this server's accounts."""

ANONYMOUS = "anonymous"
WEB = ":web"
"""An anonymous request that a page of another site made in somebody's browser."""

OPERATOR = ":operator"
"""Whoever runs the server's commands; no key can have this name."""

SHARED = ("earthengine-legacy", "earthengine-public")
"""Projects that clients name when their user has none: everybody may compute in them."""


class Role(IntEnum):
    """What somebody is to a resource; each includes the ones below."""

    NONE = 0
    READER = 1
    WRITER = 2
    OWNER = 3


ROLES: Mapping[str, Role] = {
    "roles/viewer": Role.READER,
    "roles/editor": Role.WRITER,
    "roles/owner": Role.OWNER,
}
"""Names of roles in policies."""

ALIASES: Mapping[str, str] = {
    "reader": "roles/viewer",
    "viewer": "roles/viewer",
    "writer": "roles/editor",
    "editor": "roles/editor",
    "owner": "roles/owner",
    "roles/reader": "roles/viewer",
    "roles/writer": "roles/editor",
    "roles/earthengine.viewer": "roles/viewer",
    "roles/earthengine.writer": "roles/editor",
    "roles/earthengine.editor": "roles/editor",
    "roles/earthengine.admin": "roles/owner",
}
"""Other names that mean one of ``ROLES``."""

_READER = (
    "assets.get assets.getIamPolicy assets.list computations.create config.get featureviews.create "
    "featureviews.get filmstripthumbnails.create filmstripthumbnails.get maps.create maps.get operations.get "
    "operations.list tables.create tables.get thumbnails.create thumbnails.get videothumbnails.create videothumbnails.get"
)
_WRITER = (
    "assets.create assets.delete assets.update exports.create imports.create operations.delete "
    "operations.update"
)
_OWNER = "assets.setIamPolicy config.update"

PERMISSIONS: Mapping[str, Role] = {
    f"earthengine.{name}": role
    for names, role in ((_READER, Role.READER), (_WRITER, Role.WRITER), (_OWNER, Role.OWNER))
    for name in names.split()
}
"""The least role that has each permission."""


_SEEING = ("earthengine.assets.get", "earthengine.assets.list")


def role_name(text: str) -> str:
    """The name in policies of a role in any spelling; RequestError if there is no such role."""
    found = ALIASES.get(text, text)
    if found not in ROLES:
        raise RequestError(f"Role {text[:100]} is not supported for this resource.")
    return found


def member_name(text: str) -> str:
    """A member as policies hold it: ``user:``, ``serviceAccount:``, ``group:`` or ``domain:``, or everybody.

    A bare account name or e-mail address is a user's. RequestError for anything else.
    """
    plain = text.strip() if isinstance(text, str) else ""
    if plain.lower() in ("allusers", "allauthenticatedusers"):
        return "allUsers" if plain.lower() == "allusers" else "allAuthenticatedUsers"
    kind, colon, rest = plain.partition(":")
    if not colon:
        kind, rest = "user", plain
    if kind not in ("user", "serviceAccount", "group", "domain") or not rest or len(rest) > 320:
        raise RequestError(f"Invalid member '{str(text)[:100]}' in the policy.")
    if kind != "domain" and "@" not in rest:
        rest = f"{rest}@{DOMAIN}"
    return f"{kind}:{rest.lower()}"


def members_of(account: str) -> frozenset[str]:
    """Every member of a policy that an account is."""
    if account in (ANONYMOUS, WEB):
        return frozenset({"allUsers"})
    email = f"{account}@{DOMAIN}".lower()
    return frozenset(
        {"allUsers", "allAuthenticatedUsers", f"user:{email}", f"serviceAccount:{email}", f"domain:{DOMAIN}"}
    )  # fmt: skip


def is_public(plain_id: str) -> bool:
    """Whether a canonical id is in the public catalogue."""
    return not plain_id.startswith(("users/", "projects/")) and plain_id != "users"


def project_of(plain_id: str) -> str | None:
    """The project that an asset belongs to; None for the public catalogue and home folders."""
    parts = plain_id.split("/", 2)
    return parts[1] if parts[0] == "projects" and len(parts) > 1 else None


def denied(permission: str, resource: str) -> PermissionDenied:
    """The service's words."""
    return PermissionDenied(
        f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    )


def missing(plain_id: str) -> NotFound:
    """An asset that is not there, or that the caller may not see: the same words."""
    return NotFound(f"Asset '{name_of(plain_id)}' does not exist or doesn't allow this operation.")


class Access:
    """Roles of accounts, read from the catalogue's database and remembered until it changes. Thread-safe."""

    def __init__(self, engine: Engine, revision: Callable[[], int | None]) -> None:
        self._engine, self._revision = engine, revision
        self._known: Lru[Role] = Lru(50_000)
        self._links: Lru[tuple[str | None]] = Lru(50_000)

    def role(self, account: str, asset_id: str) -> Role:
        """The role of an account on an asset (whether it exists or not), by its id in any form."""
        plain = canonical(asset_id)
        if account == OPERATOR:
            return Role.OWNER
        if is_public(plain) or plain == "users":
            return Role.READER
        return self._remembered(account, plain, self._asset_role)

    def project_role(self, account: str, project: str) -> Role:
        """The role of an account in a project, by its bare name."""
        if account == OPERATOR:
            return Role.OWNER
        if project in SHARED:
            return _open_to(account)
        return self._remembered(account, f"projects/{project}", self._in_project)

    def allows(self, account: str, permission: str, asset_id: str) -> bool:
        """Whether an account has a permission on an asset; to see a link is to see its source."""
        if self.role(account, asset_id) < PERMISSIONS[permission]:
            return False
        source = self._source(canonical(asset_id)) if permission in _SEEING else None
        return source is None or self.role(account, source) >= PERMISSIONS[permission]

    def require(self, account: str, permission: str, asset_id: str) -> None:
        """NotFound where the account may not even see the asset, PermissionDenied where it may not do this."""
        if self.allows(account, permission, asset_id):
            return
        plain = canonical(asset_id)
        unseen = permission in _SEEING or self.role(account, plain) == Role.NONE
        raise missing(plain) if unseen else denied(permission, name_of(plain))

    def require_project(self, account: str, permission: str, project: str) -> None:
        """PermissionDenied unless the account has a permission in a project (``projects/P``)."""
        name = project.removeprefix("projects/")
        if self.project_role(account, name) < PERMISSIONS[permission]:
            raise denied(permission, f"projects/{name}")

    def require_place(self, account: str, asset_id: str) -> None:
        """PermissionDenied or NotFound unless the account may make assets where this one is to be.

        For long tasks, when they are accepted; what else stands in the way is found when they run.
        """
        plain = canonical(asset_id)
        above = parent_of(plain)
        if is_public(plain) or above is None or above == "users":
            raise denied("earthengine.assets.create", name_of(plain))
        self.require(account, "earthengine.assets.create", above)

    # -- reading ---------------------------------------------------------------------------------

    def _remembered(self, account: str, what: str, find: Callable[[str, str], Role]) -> Role:
        revision = self._revision()
        if revision is None:
            return find(account, what)
        key = (account, revision, what)
        found = self._known.get(key)
        if found is None:
            found = find(account, what)
            self._known.put(key, found)
        return found

    def _asset_role(self, account: str, plain: str) -> Role:
        members = members_of(account)
        chain = [plain, *ancestors(plain)]
        rules = self.policies(chain)
        best = max((_granted(rule, members) for rule in rules.values()), default=Role.NONE)
        project = project_of(plain)
        if project is not None:
            return max(best, self.project_role(account, project))
        owned = any(rule.get("roles/owner") for rule in rules.values())
        return best if owned else max(best, _open_to(account))

    def _in_project(self, account: str, resource: str) -> Role:
        project = resource.removeprefix("projects/")
        chosen = select(project_members.c.member, project_members.c.role)
        with self._engine.connect() as connection:
            known = connection.execute(
                select(projects.c.id).where(projects.c.id == project)
            ).first()
            if known is None:
                return _open_to(account)
            rows = connection.execute(chosen.where(project_members.c.project == project)).all()
        members = members_of(account)
        return max((ROLES[role] for member, role in rows if member in members), default=Role.NONE)

    def _source(self, plain: str) -> str | None:
        """The asset that a link stands for."""
        if is_public(plain):
            return None
        revision = self._revision()
        known = None if revision is None else self._links.get((revision, plain))
        if known is None:
            with self._engine.connect() as connection:
                chosen = select(assets.c.table_location).where(assets.c.id == plain)
                row = connection.execute(chosen).first()
            known = (None if row is None else linked(row[0]),)
            if revision is not None:
                self._links.put((revision, plain), known)
        return known[0]

    def policies(self, ids: Iterable[str]) -> dict[str, Mapping[str, list[str]]]:
        """The bindings of those of some assets that have any."""
        chosen = select(policies).where(policies.c.id.in_(list(ids)))
        with self._engine.connect() as connection:
            return {row.id: row.bindings for row in connection.execute(chosen)}


def _open_to(account: str) -> Role:
    return Role.READER if account == WEB else Role.OWNER


def _granted(bindings: Mapping[str, list[str]], members: frozenset[str]) -> Role:
    return max(
        (ROLES[role] for role, named in bindings.items() if not members.isdisjoint(named)),
        default=Role.NONE,
    )
