"""What manifests say, checked when they are accepted: either spelling of names, either form of mask bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecumene.catalog import masks
from ecumene.catalog.edits import valid_id
from ecumene.core.documents import pick, wrapped
from ecumene.core.errors import RequestError
from ecumene.numerics.pyramids import POLICIES
from ecumene.tasks.exports.requests import member

Payload = dict[str, Any]

DATA_TYPES = {
    "INT8": "int8", "UINT8": "uint8", "INT16": "int16", "UINT16": "uint16", "INT32": "int32", "UINT32": "uint32",
    "FLOAT": "float32", "DOUBLE": "float64",
}  # fmt: skip
MOST_SOURCES = 10_000
TRANSFORM = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")


def image(body: Mapping[str, Any]) -> Payload:
    """The payload of an ``ImportImageRequest`` (or an ``ImportExternalImageRequest``)."""
    manifest = _object(body, "imageManifest")
    prefix = _text(manifest, "uriPrefix")
    tilesets = [_tileset(one, prefix) for one in _list(manifest, "tilesets")]
    if not tilesets:
        raise RequestError("The manifest must have at least one tileset.")
    ids = [one["id"] for one in tilesets]
    if len(set(ids)) != len(ids):
        raise RequestError("Tileset IDs must be unique, and at most one may be empty.")
    bands = [_band(one, ids) for one in _list(manifest, "bands")]
    names = [band["id"] for band in bands]
    if len(set(names)) != len(names):
        raise RequestError("Band IDs must be unique.")
    return _common(body, manifest) | {
        "tilesets": tilesets,
        "bands": _numbered(bands),
        "masks": [_mask(one, ids, names) for one in _list(manifest, "maskBands")],
        "missing": _missing(manifest),
        "policy": _policy(manifest) or "MEAN",
        "footprint": _footprint(pick(manifest, "footprint")),
    }


def table(body: Mapping[str, Any]) -> Payload:
    """The payload of an ``ImportTableRequest``."""
    manifest = _object(body, "tableManifest")
    prefix = _text(manifest, "uriPrefix")
    sources = [_table_source(one, prefix) for one in _list(manifest, "sources")]
    if not sources:
        raise RequestError("The manifest must have at least one source.")
    kinds = dict(member(manifest, "columnDataTypeOverrides"))
    kinds |= member(manifest, "csvColumnDataTypeOverrides")
    for name, kind in kinds.items():
        kinds[name] = str(kind).rpartition("_")[2]
        if kinds[name] not in ("STRING", "NUMERIC", "LONG"):
            raise RequestError(f"Invalid data type '{kind}' of column '{name}'.")
    return _common(body, manifest) | {"sources": sources, "kinds": kinds}


# -- parts ---------------------------------------------------------------------------------------


def _common(body: Mapping[str, Any], manifest: Mapping[str, Any]) -> Payload:
    name = _text(manifest, "name")
    if not name:
        raise RequestError("The manifest must have a name: the asset to create.")
    return {
        "asset": valid_id(name),
        "overwrite": bool(pick(body, "overwrite")),
        "properties": masks.properties(pick(manifest, "properties")),
        "start": masks.time_of(pick(manifest, "startTime")),
        "end": masks.time_of(pick(manifest, "endTime")),
    }


def _object(document: Any, name: str) -> Mapping[str, Any]:
    found = pick(document, name)
    if not isinstance(found, Mapping):
        raise RequestError(f"'{name}' must be an object.")
    return found


def _list(document: Any, name: str) -> list[Mapping[str, Any]]:
    """A list of objects; a single one counts as a list of it."""
    found = pick(document, name, [])
    found = [found] if isinstance(found, Mapping) else found
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise RequestError(f"'{name}' must be a list of objects.")
    return found


def _text(document: Any, name: str) -> str:
    found = pick(document, name, "")
    if not isinstance(found, str):
        raise RequestError(f"'{name}' must be a string.")
    return found


def _uris(source: Mapping[str, Any], prefix: str) -> list[str]:
    found = pick(source, "uris", [])
    if not isinstance(found, list) or not found or not all(isinstance(u, str) and u for u in found):
        raise RequestError("Every source must have a list of uris.")
    return [prefix + uri for uri in found]


def _tileset(given: Mapping[str, Any], prefix: str) -> Payload:
    sources = _list(given, "sources")
    if not 0 < len(sources) <= MOST_SOURCES:
        raise RequestError(f"A tileset has 1 to {MOST_SOURCES} sources.")
    kind = _text(given, "dataType")
    if kind and not kind.endswith("UNSPECIFIED") and kind not in DATA_TYPES:
        raise RequestError(f"Invalid dataType '{kind}'.")
    found = []
    for one in sources:
        place = pick(one, "affineTransform")
        if place is not None and not isinstance(place, Mapping):
            raise RequestError("'affineTransform' must be an object.")
        numbers = None if place is None else [_number(place, name) for name in TRANSFORM]
        uris = _uris(one, prefix)
        found.append({"uri": uris[0], "uris": uris, "transform": numbers})
    return {
        "id": _text(given, "id"),
        "crs": _text(given, "crs"),
        "dtype": DATA_TYPES.get(kind),
        "sources": found,
    }


def _number(document: Any, name: str) -> float:
    found = wrapped(pick(document, name, 0.0))
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise RequestError(f"'{name}' must be a number.")
    return float(found)


def _known(given: Mapping[str, Any], tilesets: list[str]) -> str:
    """The id of a tileset that is there; the only one needs no name."""
    name = _text(given, "tilesetId")
    if not name and len(tilesets) == 1:
        return tilesets[0]
    if name not in tilesets:
        raise RequestError(f"There is no tileset '{name}' in the manifest.")
    return name


def _band(given: Mapping[str, Any], tilesets: list[str]) -> Payload:
    name = _text(given, "id")
    if not name:
        raise RequestError("Every band must have an id.")
    index = pick(given, "tilesetBandIndex")
    if index is not None and (not isinstance(index, int) or index < 0):
        raise RequestError(f"Invalid tilesetBandIndex '{index}' of band '{name}'.")
    return {
        "id": name,
        "tileset": _known(given, tilesets),
        "index": index,
        "missing": _missing(given),
        "policy": _policy(given),
    }


def _numbered(bands: list[Payload]) -> list[Payload]:
    """Bands of a tileset none of which has an index are its bands in order; else 0 is what is left out."""
    for tileset in {band["tileset"] for band in bands}:
        mine = [band for band in bands if band["tileset"] == tileset]
        ordered = all(band["index"] is None for band in mine)
        for number, band in enumerate(mine):
            band["index"] = number if ordered else band["index"] or 0
    return bands


def _mask(given: Mapping[str, Any], tilesets: list[str], names: list[str]) -> Payload:
    bands = pick(given, "bandIds", [])
    if not isinstance(bands, list) or not all(isinstance(one, str) for one in bands):
        raise RequestError("'bandIds' must be a list of strings.")
    if names and not set(bands) <= set(names):
        raise RequestError("'bandIds' of a mask band must name bands of the manifest.")
    return {"tileset": _known(given, tilesets), "bands": bands}


def _footprint(given: Any) -> Payload | None:
    """A ring in pixels of a band."""
    if given is None:
        return None
    points = [(_number(one, "x"), _number(one, "y")) for one in _list(given, "points")]
    if len(points) < 4 or points[0] != points[-1]:
        raise RequestError(
            "A footprint is a ring of at least four points, the last of which is the first again."
        )
    return {"points": points, "band": _text(given, "bandId")}


def _missing(given: Mapping[str, Any]) -> list[float]:
    values = pick(pick(given, "missingData"), "values", [])
    if not isinstance(values, list) or not all(isinstance(v, int | float) for v in values):
        raise RequestError("'missingData.values' must be a list of numbers.")
    return [float(value) for value in values]


def _policy(given: Mapping[str, Any]) -> str | None:
    found = _text(given, "pyramidingPolicy").upper()
    if not found or found.endswith("UNSPECIFIED"):
        return None
    if found not in POLICIES:
        raise RequestError(f"Invalid pyramiding policy '{found}'.")
    return found


def _table_source(given: Mapping[str, Any], prefix: str) -> Payload:
    single = {name: _text(given, name) for name in ("csvDelimiter", "csvQualifier")}
    for name, text in single.items():
        if len(text) > 1 or not text.isascii():
            raise RequestError(f"'{name}' must be a single character of ASCII.")
    geodesic = wrapped(pick(given, "geodesic"))
    return {
        "uris": _uris(given, prefix),
        "charset": _text(given, "charset") or "UTF-8",
        "crs": _text(given, "crs"),
        "geodesic": None if geodesic is None else bool(geodesic),
        "geometry": _text(given, "primaryGeometryColumn"),
        "x": None if pick(given, "xColumn") is None else _text(given, "xColumn"),
        "y": None if pick(given, "yColumn") is None else _text(given, "yColumn"),
        "dates": _text(given, "dateFormat"),
        "delimiter": single["csvDelimiter"] or ",",
        "qualifier": single["csvQualifier"] or '"',
    }
