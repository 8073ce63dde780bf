"""Minimal STAC documents of the demonstration archive."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ecumene.core.crs import is_code, transform
from ecumene.core.projection import Projection


def asset(
    href: str, grid: Projection, width: int, height: int, band: str, dtype: str
) -> dict[str, Any]:
    """One file with its grid, so that nobody needs to open it to plan."""
    name = {"proj:code" if is_code(grid.crs) else "proj:wkt2": grid.crs}
    return {
        "href": href,
        "type": "image/tiff; application=geotiff",
        "roles": ["data"],
        **name,
        "proj:shape": [height, width],
        "proj:transform": list(grid.transform),
        "bands": [{"name": band, "data_type": dtype, "nodata": 0}],
    }


def item(
    identifier: str,
    crs: str,
    ring: list[tuple[float, float]],
    moment: dt.datetime,
    properties: dict[str, Any],
    assets: dict[str, Any],
) -> dict[str, Any]:
    """An item; ``ring`` is in ``crs``, each edge split in eight so that it stays on the footprint."""
    points = []
    for (x0, y0), (x1, y1) in zip(ring, ring[1:], strict=False):
        points += [(x0 + (x1 - x0) * k / 8, y0 + (y1 - y0) * k / 8) for k in range(8)]
    points.append(ring[-1])
    lon, lat = transform(crs, "EPSG:4326", [p[0] for p in points], [p[1] for p in points])
    coordinates = [[round(float(a), 7), round(float(b), 7)] for a, b in zip(lon, lat, strict=True)]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": identifier,
        "geometry": {"type": "Polygon", "coordinates": [coordinates]},
        "bbox": [float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())],
        "properties": {
            "datetime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "proj:code": crs,
            "ee:properties": properties,
        },
        "assets": assets,
        "links": [],
    }


def collection(
    identifier: str, title: str, kind: str, bands: list[dict[str, Any]], items: list[str]
) -> dict[str, Any]:
    """A collection that names its items' files."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": identifier,
        "title": title,
        "description": title,
        "license": "CC0-1.0",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [[None, None]]},
        },
        "ee:type": kind,
        "ee:bands": bands,
        "links": [{"rel": "item", "href": f"./items/{name}.json"} for name in items],
    }
