"""Listings: the assets of a folder, the images of a collection, the features of a table."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from ecumene.catalog import filters
from ecumene.catalog.assets import asset
from ecumene.catalog.filters import ListFilter, millis
from ecumene.catalog.ids import canonical, name_of
from ecumene.catalog.records import COLLECTION, FOLDER, IMAGE, AssetRecord
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import RequestError
from ecumene.core.query import Query

if TYPE_CHECKING:
    from ecumene.catalog.store import Catalog

DEFAULT_PAGE = 1000
MAX_PAGE = 10_000


def list_assets(
    catalog: Catalog,
    parent: str,
    *,
    filter_text: str = "",
    page_size: int | None = None,
    page_token: str = "",
    view: str = "FULL",
    shown: Callable[[str], bool] | None = None,
) -> dict[str, Any]:
    """``ListAssetsResponse``: the children of a folder or collection, by name.

    ``shown`` says which ids are listed. Filters apply to collections. Raises NotFound, or RequestError for a parent without children
    (an image, a table), a bad filter or a bad token.
    """
    record = catalog.require(parent)
    if record.type not in (FOLDER, COLLECTION):
        raise RequestError(f"'{name_of(record.id)}' is not a folder or an image collection.")
    wanted = filters.parse(filter_text) if record.type == COLLECTION else ListFilter()
    kind = IMAGE if record.type == COLLECTION else None
    found, token = _page(catalog, record.id, wanted, kind, page_size, page_token, view)
    if shown is not None:
        found = [one for one in found if shown(one.id)]
    out: dict[str, Any] = {"assets": [asset(one, view) for one in found]} if found else {}
    if token:
        out["nextPageToken"] = token
    return out


def list_images(
    catalog: Catalog,
    parent: str,
    *,
    start_time: str = "",
    end_time: str = "",
    region: str = "",
    filter_text: str = "",
    page_size: int | None = None,
    page_token: str = "",
    view: str = "FULL",
) -> dict[str, Any]:
    """``ListImagesResponse``: images of a collection from ``start_time`` to before ``end_time``

    whose footprint meets ``region`` (GeoJSON or WKT) and that satisfy the filter. As everywhere in the API, an
    empty list is left out: GDAL's driver takes an empty one for a broken answer.
    """
    record = catalog.require(parent)
    if record.type not in (FOLDER, COLLECTION):
        raise RequestError(f"'{name_of(record.id)}' is not an image collection.")
    wanted = filters.parse(filter_text)
    query = wanted.query
    if start_time or end_time:
        start = millis(start_time) if start_time else -(2**62)
        end = millis(end_time) if end_time else 2**62
        query = query.joined(Query(time=(start, end)))
    shapes = (*wanted.shapes, filters.parse_shape(region)) if region else wanted.shapes
    wanted = ListFilter(query, shapes)
    found, token = _page(catalog, record.id, wanted, IMAGE, page_size, page_token, view)
    out: dict[str, Any] = {"images": [asset(one, view) for one in found]} if found else {}
    if token:
        out["nextPageToken"] = token
    return out


def _page(
    catalog: Catalog,
    parent: str,
    wanted: ListFilter,
    kind: str | None,
    page_size: int | None,
    page_token: str,
    view: str,
) -> tuple[list[AssetRecord], str]:
    size = _size(page_size)
    after = _decode_token(page_token) if page_token else None
    query = wanted.query
    for one in wanted.shapes:
        query = query.joined(Query(bounds=tuple(one.bounds)))
    page: list[AssetRecord] = []
    while len(page) <= size:
        part = catalog.index.children(
            parent, query, kind=kind, after=after, most=size + 1, brief=view == "BASIC"
        )
        page += [one for one in part if _meets_all(one.footprint, wanted.shapes)]
        if len(part) <= size:
            break
        after = part[-1].id
    if len(page) <= size:
        return page, ""
    page = page[:size]
    return page, _encode_token(page[-1].id)


def _size(page_size: int | None) -> int:
    if page_size is not None and page_size < 0:
        raise RequestError("pageSize must not be negative.")
    return min(page_size or DEFAULT_PAGE, MAX_PAGE)


def _meets_all(footprint: Mapping[str, Any] | None, shapes: tuple[BaseGeometry, ...]) -> bool:
    if not shapes or footprint is None:
        return True
    outline = shape(footprint)
    return all(_meets(outline, one) for one in shapes)


def _meets(outline: BaseGeometry, region: BaseGeometry) -> bool:
    """Whether two shapes touch on the circle of longitudes."""
    west, _, east, _ = outline.bounds
    for shift in (-360.0, 0.0, 360.0):
        low, _, high, _ = region.bounds
        if low + shift <= east and high + shift >= west:
            moved = region if shift == 0 else shapely.transform(region, _shifted(shift))
            if shapely.intersects(outline, moved):
                return True
    return False


def _shifted(shift: float) -> Any:
    return lambda points: points + (shift, 0.0)


def _encode_token(last: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(["after", last]).encode()).decode().rstrip("=")


def _decode_token(token: str) -> str:
    try:
        kind, last = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError, binascii.Error) as error:
        raise RequestError("The pageToken is not valid.") from error
    if kind != "after" or not isinstance(last, str):
        raise RequestError("The pageToken is not valid.")
    return last


# -- features ------------------------------------------------------------------------------------


def list_features(
    catalog: Catalog,
    name: str,
    *,
    region: str = "",
    filter_text: str = "",
    page_size: int | None = None,
    page_token: str = "",
) -> dict[str, Any]:
    """``ListFeaturesResponse``: rows of a table as GeoJSON features, in the table's order."""
    record = catalog.require(name)
    table = catalog.load_table(canonical(name))
    if table is None:
        raise RequestError(f"'{name_of(record.id)}' is not a table.")
    wanted = filters.parse(filter_text)
    shapes = (*wanted.shapes, filters.parse_shape(region)) if region else wanted.shapes
    query = wanted.query
    for one in shapes:
        query = query.joined(Query(bounds=tuple(one.bounds)))
    size = _size(page_size)
    skip = _offset(page_token)
    page: list[Feature] = []
    more = False
    rows = cast("Iterator[Feature]", table.source.elements(replace(query, offset=skip)))
    for position, feature in enumerate(rows, skip):
        if not _touches(feature, shapes):
            continue
        if len(page) == size:
            more = True
            break
        page.append(feature)
        skip_to = position + 1
    out: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [feature_json(feature) for feature in page],
    }
    if more:
        out["nextPageToken"] = _encode_token(str(skip_to))
    return out


def _offset(token: str) -> int:
    if not token:
        return 0
    last = _decode_token(token)
    if not last.isdecimal():
        raise RequestError("The pageToken is not valid.")
    return int(last)


def _touches(feature: Any, shapes: tuple[BaseGeometry, ...]) -> bool:
    if not shapes:
        return True
    geometry = feature.geometry
    return geometry is not None and all(_meets(geometry.shape, one) for one in shapes)


def feature_json(feature: Feature) -> dict[str, Any]:
    """GeoJSON of a stored row (already in longitudes and latitudes)."""
    geometry = None if feature.geometry is None else mapping(feature.geometry.shape)
    properties = {k: v for k, v in feature.properties.items() if k != INDEX}
    return {
        "type": "Feature",
        "geometry": geometry,
        "id": feature.index,
        "properties": properties,
    }
