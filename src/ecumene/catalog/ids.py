"""Asset ids and resource names: every form that clients send, mapped to one canonical id.

The canonical id is what users type: ``COPERNICUS/S2``, ``users/u/x``, ``projects/p/assets/x``.
The public catalogue's root has the empty id.
"""

from __future__ import annotations

import re

PUBLIC = "projects/earthengine-public/assets"
LEGACY = "projects/earthengine-legacy/assets"
_CLOUD = re.compile(r"^projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/assets(/.*)?$")
_ROOT = re.compile(r"^projects/[^/]+$")


def canonical(text: str) -> str:
    """The canonical id of an id or resource name in any form.

    >>> canonical("projects/earthengine-public/assets/COPERNICUS/S2")
    'COPERNICUS/S2'
    >>> canonical("projects/earthengine-legacy/assets/users/u/x")
    'users/u/x'
    >>> canonical("projects/p")
    'projects/p/assets'
    """
    plain = text.strip().strip("/")
    for prefix in (PUBLIC, LEGACY):
        if plain == prefix or plain == prefix.removesuffix("/assets"):
            return "" if prefix == PUBLIC else "users"
        if plain.startswith(prefix + "/"):
            return plain[len(prefix) + 1 :]
    if _ROOT.match(plain):
        return plain + "/assets"
    return plain


def name_of(asset_id: str) -> str:
    """The resource name of a canonical id, as the public clients form it.

    >>> name_of("LANDSAT")
    'projects/earthengine-public/assets/LANDSAT'
    """
    if _CLOUD.match(asset_id):
        return asset_id
    if asset_id.startswith(("users/", "projects/")) or asset_id == "users":
        return f"{LEGACY}/{asset_id}"
    return f"{PUBLIC}/{asset_id}" if asset_id else PUBLIC


def parent_of(asset_id: str) -> str | None:
    """The id of the folder or collection that holds it; None for roots.

    >>> parent_of("COPERNICUS/S2"), parent_of("COPERNICUS"), parent_of("projects/p/assets")
    ('COPERNICUS', '', None)
    """
    if asset_id == "" or (asset_id.startswith("projects/") and asset_id.count("/") < 3):
        return None
    if asset_id.startswith("users/") and asset_id.count("/") < 2:
        return "users"
    return asset_id.rpartition("/")[0]


def leaf_of(asset_id: str) -> str:
    """The last part of an id: ``system:index`` of an image in a collection."""
    return asset_id.rpartition("/")[2]


def ancestors(asset_id: str) -> list[str]:
    """The ids above this one, nearest first, without the roots that are always there."""
    found = []
    above = parent_of(asset_id)
    while above and above != "users":
        found.append(above)
        above = parent_of(above)
    return found


def is_root(plain_id: str) -> bool:
    """The roots of the public catalogue, of legacy users and of cloud projects."""
    parts = plain_id.split("/")
    return plain_id in ("", "users") or (
        len(parts) == 3 and parts[0] == "projects" and parts[2] == "assets"
    )


def has_quota(plain_id: str) -> bool:
    """Whether what an owner may hold is counted here: roots of projects, and home folders."""
    return (is_root(plain_id) and plain_id.startswith("projects/")) or (
        plain_id.startswith("users/") and plain_id.count("/") == 1
    )
