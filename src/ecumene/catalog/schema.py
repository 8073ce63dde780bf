"""The tables of the catalogue, and how its database is opened.

Types are those that SQLite and PostgreSQL share; on PostgreSQL properties are ``JSONB``.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Engine

from ecumene.storage.databases import located, opened
from ecumene.storage.tables import ensure

metadata = MetaData()
REVISION = "catalogue"
"""Changes of these tables are counted under this name (``storage.revision``)."""

_Json = JSON().with_variant(JSONB(), "postgresql")
_Id = String(1024).with_variant(String(1024, collation="C"), "postgresql")
"""Ids are compared by code point in every database: subtrees are ranges, pages go on behind the last one."""

assets = Table(
    "assets",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("parent", _Id, nullable=True),
    Column("leaf", _Id, nullable=False),
    Column("type", String(32), nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("description", Text, nullable=False, default=""),
    Column("start_ms", BigInteger, nullable=True),
    Column("end_ms", BigInteger, nullable=True),
    Column("updated_us", BigInteger, nullable=False),
    Column("properties", _Json, nullable=False),
    Column("west", Float, nullable=True),
    Column("south", Float, nullable=True),
    Column("east", Float, nullable=True),
    Column("north", Float, nullable=True),
    Column("footprint", _Json, nullable=True),
    Column("bands", _Json, nullable=True),
    Column("table_location", _Json, nullable=True),
    Column("size_bytes", BigInteger, nullable=True),
    Column("feature_count", BigInteger, nullable=True),
    Index("assets_by_parent", "parent", "id"),
    Index("assets_by_time", "parent", "start_ms"),
    Index("assets_by_bounds", "parent", "west", "east", "south", "north"),
)
"""Every asset: folders, collections, images, tables. Times in ms, ``updated_us`` in µs."""

roots = Table("roots", metadata, Column("root", String(4096), primary_key=True))
"""Folders and URL prefixes that the operator registered."""

policies = Table(
    "policies",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("bindings", _Json, nullable=False),
)
"""Who may do what with an asset and everything below it: ``{role: [member, …]}``."""

projects = Table(
    "projects",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("created_us", BigInteger, nullable=False),
    Column("max_assets", BigInteger, nullable=True),
    Column("max_bytes", BigInteger, nullable=True),
)
"""Projects whose members the operator named; all others are open to every account."""

project_members = Table(
    "project_members",
    metadata,
    Column("project", String(128), primary_key=True),
    Column("member", String(400), primary_key=True),
    Column("role", String(32), nullable=False),
)
"""Roles in projects."""

holdings = Table(
    "holdings",
    metadata,
    Column("folder", String(256), primary_key=True),
    Column("asset", _Id, primary_key=True),
    Index("holdings_by_asset", "asset"),
)
"""Which folders of stored files belong to which assets (copies share them)."""

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("account", String(400), nullable=False),
    Column("action", String(128), nullable=False),
    Column("resource", String(1024), nullable=False),
    Column("detail", _Json, nullable=False),
)
"""Every change, written with it in one transaction."""


def open_engine(path_or_url: str | Path) -> tuple[Engine, Path | None]:
    """The engine, and the data folder (None for a database that was named by its URL alone).

    A folder stands for its ``catalog.sqlite``, or for the server's database that is configured
    (``storage.databases``). The tables are made if they are not there.
    """
    text = str(path_or_url)
    base: Path | None = None
    if "://" not in text:
        path = Path(text)
        single = path.suffix in (".sqlite", ".db")
        folder = path.parent if single else path
        folder.mkdir(parents=True, exist_ok=True)
        base = Path(os.path.realpath(folder))
        text = f"sqlite:///{base / path.name}" if single else located(base, "catalog.sqlite")
    engine = opened(text, "synchronous=NORMAL", "cache_size=-32768")
    ensure([table for table in metadata.sorted_tables if table is not audit], engine, REVISION)
    ensure([audit], engine)
    return engine, base
