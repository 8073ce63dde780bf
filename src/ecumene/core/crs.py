"""Coordinate reference systems: parsing, naming, transformation. A thin layer over pyproj."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError

METRES_PER_DEGREE = 111319.49079327357
"""Length of a degree on the WGS84 equator, 2π·6378137/360, as Earth Engine uses it."""

SINUSOIDAL_WKT = (
    'PROJCS["MODIS Sinusoidal",GEOGCS["GCS_Unknown",DATUM["D_unknown",SPHEROID["Unknown",6371007.181,0]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Sinusoidal"],'
    'PARAMETER["longitude_of_center",0],PARAMETER["false_easting",0],PARAMETER["false_northing",0],'
    'UNIT["metre",1],AUTHORITY["SR-ORG","6974"]]'
)
_SPECIAL = {"SR-ORG:6974": SINUSOIDAL_WKT}
_CODE = re.compile(r"^[A-Za-z][A-Za-z-]*:[0-9]+$")
_ALIASES = {
    "CRS:84": "EPSG:4326", "OGC:CRS84": "EPSG:4326", "SR-ORG:6627": "EPSG:3857",
}  # fmt: skip
"""Codes that clients send for others; the last one is what videos are exported in."""


@lru_cache(maxsize=1024)
def parse(crs: str) -> pyproj.CRS:
    """The pyproj object of a code (``EPSG:32610``) or WKT; EvaluationError if there is none."""
    text = _ALIASES.get(crs.upper(), _SPECIAL.get(crs.upper(), crs))
    if not _CODE.match(text) and not text.lstrip()[:3].isupper():
        raise EvaluationError(f"The CRS '{crs[:200]}' is not a code such as EPSG:4326, nor WKT.")
    try:
        return pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError as error:
        raise EvaluationError(
            f"The CRS of a map projection could not be parsed: {crs[:200]}"
        ) from error


@lru_cache(maxsize=1024)
def canonical(crs: str) -> str:
    """The authority code if one matches exactly, else the text itself."""
    text = crs.strip()
    if _CODE.match(text):
        code = _ALIASES.get(text.upper(), text.upper())
        parse(code)
        return code
    parsed = parse(text)
    if "sinusoidal" in text.lower() and "6371007" in text:
        return "SR-ORG:6974"
    epsg = parsed.to_epsg(min_confidence=90)
    return f"EPSG:{epsg}" if epsg else text


def is_code(crs: str) -> bool:
    """Whether this is an authority code rather than WKT."""
    return bool(_CODE.match(crs))


@lru_cache(maxsize=1024)
def is_geographic(crs: str) -> bool:
    """Whether coordinates are degrees."""
    return bool(parse(crs).is_geographic)


@lru_cache(maxsize=1024)
def metres_per_unit(crs: str) -> float:
    """Metres in a unit of the CRS at its point of true scale."""
    parsed = parse(crs)
    if parsed.is_geographic:
        return METRES_PER_DEGREE
    return float(parsed.axis_info[0].unit_conversion_factor) if parsed.axis_info else 1.0


@lru_cache(maxsize=1024)
def wkt(crs: str) -> str:
    """WKT1 text."""
    return _SPECIAL.get(crs.upper()) or str(parse(crs).to_wkt("WKT1_GDAL"))


_local = threading.local()


def transformer(source: str, target: str) -> pyproj.Transformer:
    """A transformer (x/lon first), cached per thread: pyproj's are not shared between threads."""
    cache: dict[tuple[str, str], pyproj.Transformer] | None = getattr(_local, "cache", None)
    if cache is None:
        cache = _local.cache = {}
    key = (source, target)
    found = cache.get(key)
    if found is None:
        if len(cache) > 256:
            cache.clear()
        found = cache[key] = pyproj.Transformer.from_crs(
            parse(source), parse(target), always_xy=True
        )
    return found


def transform(
    source: str, target: str, x: Any, y: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates in another CRS; infinite where the transformation fails."""
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    if source == target:
        return x, y
    out_x, out_y = transformer(source, target).transform(x, y)
    return np.asarray(out_x, "float64"), np.asarray(out_y, "float64")
