"""Policies of assets as clients read and write them: ``Policy`` objects with bindings and an etag."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from ecumene.catalog import auditing
from ecumene.catalog.access import (
    ALIASES,
    DOMAIN,
    PERMISSIONS,
    ROLES,
    Role,
    denied,
    is_public,
    member_name,
    missing,
    role_name,
)
from ecumene.catalog.ids import canonical, is_root, name_of
from ecumene.catalog.schema import policies
from ecumene.core.errors import AlreadyExists, RequestError

if TYPE_CHECKING:
    from ecumene.catalog.store import Catalog

Bindings = Mapping[str, list[str]]
GET, SET = "earthengine.assets.getIamPolicy", "earthengine.assets.setIamPolicy"
MOST_MEMBERS = 1500
EVERYBODY = ("allUsers", "allAuthenticatedUsers")


def policy(bindings: Bindings) -> dict[str, Any]:
    """The ``Policy`` of bindings."""
    listed = [{"role": role, "members": bindings[role]} for role in ROLES if bindings.get(role)]
    listed.reverse()
    text = hashlib.blake2b(msgspec.json.encode(listed), digest_size=8).digest()
    etag = base64.b64encode(text).decode()
    return {"bindings": listed, "etag": etag} if listed else {"etag": etag}


def bindings(given: Any) -> dict[str, list[str]]:
    """The bindings of a ``Policy``; RequestError for unknown roles and members."""
    if not isinstance(given, Mapping):
        raise RequestError("'policy' must be an object.")
    found: dict[str, list[str]] = {}
    listed = given.get("bindings") or []
    if not isinstance(listed, list):
        raise RequestError("'bindings' must be a list.")
    for one in listed:
        if not isinstance(one, Mapping) or not isinstance(one.get("members", []), list):
            raise RequestError("A binding has a role and a list of members.")
        if one.get("condition"):
            raise RequestError("Conditions in policies are not supported.")
        role = role_name(str(one.get("role")))
        members = found.setdefault(role, [])
        for member in map(member_name, one.get("members") or []):
            if member in EVERYBODY and ROLES[role] > Role.READER:
                raise RequestError(f"Member '{member}' can only have the role roles/viewer.")
            if member not in members:
                members.append(member)
    if sum(map(len, found.values())) > MOST_MEMBERS:
        raise RequestError(f"A policy has at most {MOST_MEMBERS} members.")
    return {role: members for role, members in found.items() if members}


def own(connection: Connection, asset_id: str, account: str) -> None:
    """Makes an account the owner of a new asset."""
    _write(connection, asset_id, {"roles/owner": [f"user:{account}@{DOMAIN}".lower()]})


def _write(connection: Connection, asset_id: str, found: Bindings) -> None:
    connection.execute(delete(policies).where(policies.c.id == asset_id))
    if found:
        connection.execute(insert(policies), [{"id": asset_id, "bindings": dict(found)}])


def _stored(catalog: Catalog, account: str, name: str, permission: str) -> tuple[str, Bindings]:
    plain = canonical(name)
    if is_public(plain) and ROLES["roles/viewer"] < PERMISSIONS[permission]:
        raise denied(permission, name_of(plain))
    catalog.access.require(account, permission, plain)
    if not is_root(plain) and catalog.index.get(plain) is None:
        raise missing(plain)
    if is_public(plain):
        return plain, {"roles/viewer": ["allUsers"]}
    return plain, catalog.access.policies([plain]).get(plain, {})


def get(catalog: Catalog, account: str, name: str) -> dict[str, Any]:
    """``assets.getIamPolicy``: what was set on this very asset; the public catalogue is everybody's to read."""
    return policy(_stored(catalog, account, name, GET)[1])


def replace(catalog: Catalog, account: str, name: str, given: Any) -> dict[str, Any]:
    """``assets.setIamPolicy``: the new policy replaces the old one.

    A policy without owners leaves the owners that there are, as ``setAssetAcl`` is documented. An etag
    that is not the stored policy's is a conflict.
    """
    found = bindings(given)
    with catalog.index.writing() as connection:
        plain, old = _stored(catalog, account, name, SET)
        etag = given.get("etag")
        if etag and etag != policy(old)["etag"]:
            raise AlreadyExists("The policy has been changed since it was read (its etag differs).")
        if old.get("roles/owner") and "roles/owner" not in found:
            found["roles/owner"] = list(old["roles/owner"])
        _write(connection, plain, found)
        auditing.note(connection, account, "assets.setIamPolicy", plain, bindings=found)
    return policy(found)


def allowed(catalog: Catalog, account: str, name: str, wanted: Any) -> list[str]:
    """``assets.testIamPermissions``: those of some permissions that the account has; none on what is not there."""
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise RequestError("'permissions' must be a list of strings.")
    if any("*" in one for one in wanted):
        raise RequestError("Permissions with wildcards are not allowed.")
    plain = canonical(name)
    if not is_root(plain) and catalog.record(plain) is None:
        return []
    role = catalog.access.role(account, plain)
    return [one for one in wanted if one in PERMISSIONS and role >= PERMISSIONS[one]]


def owners(connection: Connection, asset_id: str) -> list[str]:
    """The owners that an asset's own policy names."""
    row = connection.execute(select(policies.c.bindings).where(policies.c.id == asset_id)).first()
    return list((row[0] if row else {}).get("roles/owner", []))


__all__ = ["ALIASES", "allowed", "bindings", "get", "own", "owners", "policy", "replace"]
