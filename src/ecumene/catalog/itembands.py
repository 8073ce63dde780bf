"""The bands of a STAC item: which file, which grid, which values are missing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from ecumene.catalog.datasets import BandRule, Dataset, MaskBy
from ecumene.catalog.records import served_type
from ecumene.core import crs as crs_
from ecumene.core import pixel_type as types
from ecumene.core.errors import RequestError
from ecumene.core.projection import Affine, Projection, affine
from ecumene.core.raster import MaskRule, RasterBand
from ecumene.storage import rasters
from ecumene.storage.gate import Gate, is_url
from ecumene.storage.rasters import Description


def resolve(href: str, base: str) -> str:
    """A local path or URL: ``href`` relative to the document ``base`` (a path or a URL).

    Only a local document may name a local file.
    """
    if href.startswith("file://") and "://" not in base:
        return unquote(urlsplit(href).path)
    if "://" in href:
        return href
    if "://" in base:
        return urljoin(base, href)
    return os.path.normpath(os.path.join(os.path.dirname(base), href))


@dataclass(frozen=True, slots=True)
class Layout:
    """Grid and size of one file."""

    path: str
    grid: Projection
    width: int
    height: int


class ItemFiles:
    """The assets of one item, each resolved, checked by the gate and opened at most once."""

    def __init__(self, item: Mapping[str, Any], base: str, gate: Gate) -> None:
        self.item, self.gate = item, gate
        self.properties: Mapping[str, Any] = item.get("properties") or {}
        self.assets: Mapping[str, Mapping[str, Any]] = item.get("assets") or {}
        self._base = base
        self._paths: dict[str, str] = {}
        self._opened: dict[str, Description] = {}

    def path(self, key: str) -> str:
        """Where the file of an asset is; PermissionDenied if it may not be read."""
        if key not in self._paths:
            path = resolve(str(self.assets[key].get("href", "")), self._base)
            checked = self.gate.check(path)
            self._paths[key] = path if is_url(path) else checked
        return self._paths[key]

    def opened(self, key: str) -> Description:
        """The header of the file."""
        if key not in self._opened:
            self._opened[key] = rasters.describe(self.gate, self.path(key))
        return self._opened[key]

    def layout(self, key: str) -> Layout:
        """Grid and size, from the projection extension where it is complete, else the file."""
        asset = self.assets[key]

        def told(name: str) -> Any:
            found = asset.get(name)
            return self.properties.get(name) if found is None else found

        crs = _crs(told("proj:code"), told("proj:epsg"), told("proj:wkt2"))
        size, transform = told("proj:shape"), told("proj:transform")
        if crs is None or not size or not transform or len(transform) < 6:
            header = self.opened(key)
            crs = crs or header.crs
            size, transform = (header.height, header.width), header.transform
        if crs is None:
            raise RequestError(f"Asset '{key}' of item '{self.item.get('id')}' has no CRS.")
        step: Affine = affine(transform[:6])
        grid = Projection(crs_.canonical(crs), step)
        return Layout(self.path(key), grid, int(size[1]), int(size[0]))

    def told_of_band(self, key: str, number: int) -> Mapping[str, Any]:
        """What the item says of a band: common metadata and the raster extension, old and new."""
        found: dict[str, Any] = {}
        for name in ("raster:bands", "bands"):
            listed = self.assets[key].get(name) or []
            if number <= len(listed) and isinstance(listed[number - 1], Mapping):
                found.update(listed[number - 1])
        return found

    def size(self) -> int | None:
        """Bytes of the local files used, None if any is elsewhere."""
        total = 0
        for path in self._paths.values():
            try:
                total += os.stat(path).st_size
            except OSError:
                return None
        return total


def _crs(code: Any, epsg: Any, wkt: Any) -> str | None:
    if code:
        return str(code)
    if epsg:
        return f"EPSG:{epsg}"
    return str(wkt) if wkt else None


def bands_of(dataset: Dataset, files: ItemFiles) -> list[tuple[str, RasterBand]]:
    """The bands of the definition that the item has, in the definition's order."""
    shift = 0.0 if dataset.shift is None else dataset.shift.of(files.properties)
    found = []
    for rule in dataset.bands:
        key = _key(rule, files)
        if key is not None:
            found.append((rule.id, _band(dataset, rule, key, files, shift)))
    return found


def _key(rule: BandRule, files: ItemFiles) -> str | None:
    return next((key for key in rule.assets if key in files.assets), None)


def _band(dataset: Dataset, rule: BandRule, key: str, files: ItemFiles, shift: float) -> RasterBand:
    layout = files.layout(key)
    told = files.told_of_band(key, rule.band)
    stored = types.of_dtype(rule.type or _stored_type(told, key, rule, files))
    scale, offset, floor = 1.0, 0.0, None
    if rule.scaled:
        scale = _first(rule.scale, told.get("raster:scale"), told.get("scale"), 1.0)
        offset = _first(rule.offset, told.get("raster:offset"), told.get("offset"), 0.0)
    elif rule.shifted and shift and dataset.shift is not None:
        offset, floor = shift, dataset.shift.floor
    return RasterBand(
        layout.path,
        rule.band,
        served_type(stored, scale, offset, floor),
        layout.grid,
        layout.width,
        layout.height,
        _missing(rule, told, key, files),
        scale,
        offset,
        floor,
        _masks(dataset, rule.mask, files),
        rule.policy,
    )


def _first(*values: Any) -> float:
    return float(next(value for value in values if value is not None))


def _stored_type(told: Mapping[str, Any], key: str, rule: BandRule, files: ItemFiles) -> str:
    name = told.get("data_type")
    if name:
        return str(name)
    dtypes = files.opened(key).dtypes
    if rule.band > len(dtypes):
        raise RequestError(f"Band {rule.id}: the file has only {len(dtypes)} bands.")
    return dtypes[rule.band - 1]


def _missing(
    rule: BandRule, told: Mapping[str, Any], key: str, files: ItemFiles
) -> tuple[float, ...]:
    if rule.missing is not None:
        return rule.missing
    nodata = told.get("nodata")
    if nodata is None and not told:
        nodata = files.opened(key).nodata[rule.band - 1]
    return () if nodata is None else (float(nodata),)


def _masks(dataset: Dataset, by: MaskBy | None, files: ItemFiles) -> tuple[MaskRule, ...]:
    if by is None:
        return ()
    rule = dataset.band(by.band)
    key = None if rule is None else _key(rule, files)
    if rule is None or key is None:
        return ()
    return (MaskRule(files.path(key), rule.band, by.values, by.bits),)
