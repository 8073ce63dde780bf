"""Registering items of a STAC API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from pystac_client import Client
from pystac_client.exceptions import APIError

from ecumene.catalog import ingest
from ecumene.catalog.datasets import Dataset
from ecumene.catalog.itembands import resolve
from ecumene.catalog.store import Catalog
from ecumene.core.errors import RequestError, Unavailable


def add_api(
    catalog: Catalog,
    url: str,
    collection: str,
    dataset: Dataset | None = None,
    *,
    bbox: Sequence[float] | None = None,
    datetime: str | None = None,
    limit: int | None = None,
    progress: ingest.Progress | None = None,
) -> int:
    """Searches an API and registers what it finds; pixels stay where they are.

    The hosts (or buckets) that hold the bands become places that may be read. Raises Unavailable
    if the API does not answer, RequestError if nothing is found.
    """
    try:
        client = Client.open(url)
        search = client.search(
            collections=[collection],
            bbox=None if bbox is None else list(bbox),
            datetime=datetime,
            max_items=limit,
        )
        found = list(search.items_as_dicts())
    except (APIError, OSError, ValueError, KeyError) as error:
        raise Unavailable(f"The STAC API did not answer: {str(error)[:300]}") from error
    if not found:
        raise RequestError(f"The STAC API has no items of '{collection}' for this search.")
    for prefix in sorted(set(_places(found, url))):
        catalog.allow(prefix)
    return ingest.add_stac_items(catalog, found, url, dataset, progress, len(found))


def _places(items: Sequence[dict[str, Any]], base: str) -> Iterator[str]:
    """``scheme://host/`` of the assets that are rasters."""
    for item in items:
        for asset in (item.get("assets") or {}).values():
            kind = str(asset.get("type", ""))
            parts = urlsplit(resolve(str(asset.get("href", "")), _self(item, base)))
            if ("image/" in kind or not kind) and parts.scheme in ("http", "https", "s3", "gs"):
                yield f"{parts.scheme}://{parts.netloc}/"


def _self(item: dict[str, Any], base: str) -> str:
    links = item.get("links") or []
    return next((str(link["href"]) for link in links if link.get("rel") == "self"), base)
