"""Projects that the operator registered: who is in them, and how much they may hold."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Delete, delete, insert, select, update

from ecumene.catalog import auditing
from ecumene.catalog.access import OPERATOR, ROLES, SHARED, member_name, role_name
from ecumene.catalog.changes import usage
from ecumene.catalog.schema import project_members, projects
from ecumene.core.errors import AlreadyExists, NotFound, RequestError

if TYPE_CHECKING:
    from ecumene.catalog.index import Index

MAX_ASSETS, MAX_BYTES = 10**9, 2**50
"""What a project may hold where nobody said less."""

_NAME = re.compile(r"[a-z][a-z0-9:.\-]{0,62}")


@dataclass(frozen=True, slots=True)
class Project:
    """A registered project. ``members`` are ``(member, role)``."""

    id: str
    created: int
    max_assets: int | None
    max_bytes: int | None
    members: tuple[tuple[str, str], ...] = ()


def allowance(connection: Connection, project: str | None) -> tuple[int, int]:
    """How many assets and bytes a project may hold."""
    row = connection.execute(select(projects).where(projects.c.id == project)).first()
    if row is None:
        return MAX_ASSETS, MAX_BYTES
    assets = MAX_ASSETS if row.max_assets is None else row.max_assets
    return assets, MAX_BYTES if row.max_bytes is None else row.max_bytes


def check_quota(connection: Connection, project: str) -> None:
    """RequestError if a project holds as much as it may. Counts only where the operator set a limit."""
    most = allowance(connection, project)
    if most == (MAX_ASSETS, MAX_BYTES):
        return
    found = usage(connection, f"projects/{project}/assets")
    for has, may, what in zip(found, most, ("assets", "bytes"), strict=True):
        if has >= may:
            raise RequestError(
                f"Asset quota exceeded: 'projects/{project}' has {has} of {may} {what}."
            )


class Projects:
    """Registered projects; every change is an entry in the audit log."""

    def __init__(self, index: Index, account: str = OPERATOR) -> None:
        self.index, self.account = index, account

    def listed(self) -> list[Project]:
        """All of them, by name, with their members."""
        with self.index.engine.connect() as connection:
            rows = connection.execute(select(projects).order_by(projects.c.id)).all()
            roles = connection.execute(
                select(project_members).order_by(project_members.c.role, project_members.c.member)
            ).all()
        return [
            Project(
                row.id,
                row.created_us,
                row.max_assets,
                row.max_bytes,
                tuple((r.member, r.role) for r in roles if r.project == row.id),
            )
            for row in rows
        ]

    def get(self, name: str) -> Project:
        """One of them; NotFound if it is not registered."""
        found = next((one for one in self.listed() if one.id == name), None)
        if found is None:
            raise NotFound(f"There is no project '{name}'.")
        return found

    def create(self, name: str, owners: list[str]) -> None:
        """Registers a project: from now on only its members see what is not shared with others."""
        if not _NAME.fullmatch(name) or name in SHARED:
            raise RequestError(
                f"'{name}' cannot be a project: lower-case letters, digits and hyphens, a letter first."
            )
        members = [member_name(one) for one in owners]
        with self.index.writing() as connection:
            known = connection.execute(select(projects.c.id).where(projects.c.id == name)).first()
            if known is not None:
                raise AlreadyExists(f"Project '{name}' is registered already.")
            connection.execute(
                insert(projects), [{"id": name, "created_us": time.time_ns() // 1000}]
            )
            for member in members:
                self._grant(connection, name, member, "roles/owner")
            self._note(connection, "projects.create", name, owners=members)

    def grant(self, name: str, member: str, role: str) -> None:
        """Gives somebody a role in a project, instead of the one that they had."""
        found, named = role_name(role), member_name(member)
        with self.index.writing() as connection:
            self._required(connection, name)
            self._grant(connection, name, named, found)
            self._note(connection, "projects.grant", name, member=named, role=found)

    def revoke(self, name: str, member: str) -> bool:
        """Takes somebody's role away; False if there was none."""
        named = member_name(member)
        with self.index.writing() as connection:
            self._required(connection, name)
            gone = connection.execute(_of(name, named)).rowcount
            if gone:
                self._note(connection, "projects.revoke", name, member=named)
        return bool(gone)

    def quota(self, name: str, assets: int | None, size: int | None) -> None:
        """Sets how much a project may hold; None lifts the limit."""
        with self.index.writing() as connection:
            self._required(connection, name)
            chosen = update(projects).where(projects.c.id == name)
            connection.execute(chosen.values(max_assets=assets, max_bytes=size))
            self._note(connection, "projects.quota", name, assets=assets, bytes=size)

    def remove(self, name: str) -> None:
        """Forgets a project and its roles: it is open to every account again. Its assets stay."""
        with self.index.writing() as connection:
            self._required(connection, name)
            connection.execute(delete(projects).where(projects.c.id == name))
            connection.execute(delete(project_members).where(project_members.c.project == name))
            self._note(connection, "projects.remove", name)

    def leave(self, member: str) -> int:
        """Takes all roles in projects away from somebody; returns how many."""
        email = member_name(member).partition(":")[2]
        named = [f"user:{email}", f"serviceAccount:{email}"]
        with self.index.writing() as connection:
            chosen = project_members.c.member.in_(named)
            held = select(project_members.c.project).where(chosen)
            left = list(connection.execute(held).scalars())
            connection.execute(delete(project_members).where(chosen))
            for project in left:
                self._note(connection, "projects.leave", project, member=named[0])
        return len(left)

    def _grant(self, connection: Connection, name: str, member: str, role: str) -> None:
        assert role in ROLES
        connection.execute(_of(name, member))
        row = {"project": name, "member": member, "role": role}
        connection.execute(insert(project_members), [row])

    def _required(self, connection: Connection, name: str) -> None:
        if connection.execute(select(projects.c.id).where(projects.c.id == name)).first() is None:
            raise NotFound(f"There is no project '{name}'.")

    def _note(self, connection: Connection, action: str, name: str, **detail: object) -> None:
        auditing.note(connection, self.account, action, f"projects/{name}", **detail)


def _of(name: str, member: str) -> Delete:
    return delete(project_members).where(
        project_members.c.project == name, project_members.c.member == member
    )
