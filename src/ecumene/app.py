"""The composition root: settings → stores → catalogue → engine → HTTP application."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rasterio.errors import NotGeoreferencedWarning

from ecumene import kernels
from ecumene.api.accounts import Accounts
from ecumene.api.server import Application, Settings
from ecumene.api.services import Services
from ecumene.catalog.store import Catalog
from ecumene.core.limits import PROFILES
from ecumene.core.raster import RasterBand
from ecumene.engine.service import Engine
from ecumene.plan.executor import Executor
from ecumene.plan.nodes import Source
from ecumene.storage.blocks import BlockStore
from ecumene.tasks.context import Surroundings
from ecumene.tasks.ingest import places
from ecumene.tasks.service import Operations
from ecumene.tasks.store import Store

RECURSION = 20_000


def source_node(band: RasterBand) -> Source:
    """The plan node that reads a stored band."""
    return Source(band, "nearest", band.type)


def cache_size() -> int:
    """Bytes for decoded blocks: a quarter of the memory, at most 4 GiB; ECUMENE_CACHE_MB overrides."""
    configured = os.environ.get("ECUMENE_CACHE_MB")
    if configured:
        return int(configured) * 2**20
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        memory = 4 * 2**30
    return min(memory // 4, 4 * 2**30)


def buckets(catalog: Catalog, data: Path) -> Callable[[str, str], Path]:
    """Finds the files of URIs in the operator's buckets for an account, and lets the readers open them."""

    def find(account: str, uri: str) -> Path:
        found = places.source(data, account, uri)
        catalog.gate.allow(places.folder(data, account, found))
        return found

    return find


def build(
    data: Path,
    *,
    limits: str = "open",
    anonymous: bool = False,
    authentication: bool = True,
    compute_seconds: float | None = None,
    tasks: int = 0,
) -> Application:
    """The application on a data folder.

    Parameters
    ----------
    data : where the catalogue and the accounts are; made if missing.
    limits : ``open`` or ``gee``.
    anonymous : let requests without a token in.
    compute_seconds : time that a computation may take; None keeps the profile's.
    tasks : operations (exports, ingestions) that run at the same time while the application is served.
    authentication : False serves everybody as anonymous and has no token endpoint.
    """
    kernels.load_in_background()
    data.mkdir(parents=True, exist_ok=True)
    made = services(data, limits, compute_seconds)
    accounts = Accounts.of(data) if authentication else None
    return Application(made, accounts, Settings(made.engine.limits, anonymous, tasks=tasks))


def services(data: Path, limits: str = "open", compute_seconds: float | None = None) -> Services:
    """What handlers work with, on a data folder that exists; see ``build``."""
    # rasterio hides this one with a filter that other threads undo; it is never about our files.
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    catalog = Catalog(data, node=source_node)
    store = BlockStore(cache_size(), catalog.gate)
    profile = PROFILES[limits]
    if compute_seconds is not None:
        profile = replace(profile, compute_seconds=compute_seconds)
    engine = Engine(catalog, Executor(store), profile, files=buckets(catalog, data))
    operations = Operations(Store(data), Surroundings(engine, catalog, data))
    return Services(engine, catalog, operations=operations)
