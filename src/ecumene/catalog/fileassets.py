"""Single files as assets: one raster as an image, one file of rows as a table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from ecumene.catalog import footprints
from ecumene.catalog import ids as ids_
from ecumene.catalog.images import is_planar
from ecumene.catalog.records import IMAGE, TABLE, AssetRecord, Bounds, encode_band
from ecumene.catalog.stac import plain_properties
from ecumene.catalog.store import Catalog
from ecumene.core import crs as crs_
from ecumene.core import pixel_type as types
from ecumene.core.errors import RequestError
from ecumene.core.projection import Projection
from ecumene.core.raster import MaskRule, RasterBand
from ecumene.storage import rasters
from ecumene.storage.gate import Gate
from ecumene.storage.rasters import Description


def add_image(
    catalog: Catalog,
    asset_id: str,
    path: str | Path,
    properties: Mapping[str, Any] | None = None,
    *,
    start: int | None = None,
    end: int | None = None,
    names: Iterable[str] | None = None,
) -> int:
    """Registers one raster file as an image; bands are named by the file, else ``b1``, ``b2``, …"""
    record = image_record(
        catalog.gate, ids_.canonical(asset_id), path, properties, start=start, end=end, names=names
    )
    return catalog.index.put([record])


def image_record(
    gate: Gate,
    asset_id: str,
    path: str | Path,
    properties: Mapping[str, Any] | None = None,
    *,
    start: int | None = None,
    end: int | None = None,
    names: Iterable[str] | None = None,
    unnamed: Callable[[int], str] = "b{}".format,
) -> AssetRecord:
    """The record of a raster file; bands are named by ``names``, else by the file, else by their number from 1."""
    real = gate.check(path)
    header = rasters.describe(gate, real)
    if header.crs is None:
        raise RequestError(f"'{Path(real).name}' has no CRS.")
    grid = Projection(crs_.canonical(header.crs), header.transform)
    told = list(names or ())
    bounds, outline = outlined(grid, header.width, header.height)
    return AssetRecord(
        asset_id,
        IMAGE,
        start=start,
        end=end,
        properties=plain_properties(properties or {}),
        bounds=bounds,
        footprint=outline,
        bands=_bands_of_file(real, header, grid, told, unnamed),
        size=os.path.getsize(real),
    )


def outlined(
    grid: Projection, width: int, height: int
) -> tuple[Bounds | None, dict[str, Any] | None]:
    """The box and the footprint (GeoJSON) of an image on a grid; None where it has no place on Earth."""
    return _drawn(grid, footprints.of_grid(grid, width, height))


def ringed(
    grid: Projection, points: Sequence[tuple[float, float]]
) -> tuple[Bounds | None, dict[str, Any] | None]:
    """The box and the footprint of a ring in pixels of a grid; RequestError if it is no polygon on Earth."""
    cols, rows = np.array(points, "float64").T
    found = footprints.of_ring(grid, cols, rows)
    if found is None or not found[1].is_valid:
        raise RequestError("The footprint is no simple polygon on Earth.")
    return _drawn(grid, found)


def _drawn(
    grid: Projection, found: tuple[Bounds, BaseGeometry] | None
) -> tuple[Bounds | None, dict[str, Any] | None]:
    if found is None:
        return None, None
    bounds, outline = found
    if not is_planar(grid.crs):
        bounds = footprints.risen(bounds, outline)
    return bounds, dict(mapping(outline))


def _bands_of_file(
    path: str,
    header: Description,
    grid: Projection,
    names: Sequence[str],
    unnamed: Callable[[int], str],
) -> tuple[dict[str, Any], ...]:
    """Every band but alpha, which masks the others, as does the file's own mask."""
    masks: tuple[MaskRule, ...] = ()
    if header.alpha or header.masked:
        masks = (MaskRule(path, header.alpha, (0.0,)),)
    numbers = [n for n in range(1, len(header.dtypes) + 1) if n != header.alpha]
    bands = []
    for place, number in enumerate(numbers):
        nodata = header.nodata[number - 1]
        given = names[place] if place < len(names) else header.names[number - 1]
        band = RasterBand(
            path,
            number,
            types.of_dtype(header.dtypes[number - 1]),
            grid,
            header.width,
            header.height,
            () if nodata is None else (float(nodata),),
            masks=masks,
        )
        bands.append(encode_band(given or unnamed(number), band))
    return tuple(bands)


def add_table(
    catalog: Catalog,
    asset_id: str,
    path: str | Path,
    properties: Mapping[str, Any] | None = None,
    *,
    title: str = "",
    description: str = "",
    geodesic: bool = True,
) -> int:
    """Registers a table file; see ``table_record``."""
    record = table_record(
        catalog,
        asset_id,
        path,
        properties,
        title=title,
        description=description,
        geodesic=geodesic,
    )
    return catalog.index.put([record])


def table_record(
    catalog: Catalog,
    asset_id: str,
    path: str | Path,
    properties: Mapping[str, Any] | None = None,
    *,
    title: str = "",
    description: str = "",
    geodesic: bool = True,
) -> AssetRecord:
    """The record of a table file. It is looked through once, to count its rows and to refuse what is no table."""
    real = catalog.gate.check(path)
    table = catalog.tables.get(real)
    bounds = footprints.joined(table.bounds())
    return AssetRecord(
        ids_.canonical(asset_id),
        TABLE,
        title=title,
        description=description,
        properties=plain_properties(properties or {}),
        bounds=bounds,
        footprint=None if bounds is None else footprints.of_box(bounds),
        table={"path": real, "geodesic": geodesic},
        size=os.path.getsize(real),
        count=table.rows,
    )
