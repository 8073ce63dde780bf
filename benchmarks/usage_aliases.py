"""Which sample data stands for the assets that public scripts read, as the replay tool takes it.

    python -m benchmarks.usage_aliases CORPUS > aliases.json

CORPUS has a graph of expressions a line (plain or .gz). How a graph loads an asset (as an image, a
collection, a table) and its id choose the stand-in; all stand-ins are in the demonstration archive or
the sample data.
"""

from __future__ import annotations

import collections
import gzip
import json
import sys
from collections.abc import Iterator
from typing import Any

COLLECTIONS = {
    "LANDSAT/LC08/C02/T1_L2": ("LANDSAT/LC08/C02/T1_L2", "LANDSAT/LC09/C02/T1_L2"),
    "LANDSAT/LC08/C01/T1_TOA": ("LANDSAT/",),
    "COPERNICUS/S2_SR_HARMONIZED": ("COPERNICUS/S2_SR",),
    "COPERNICUS/S2_CLOUD_PROBABILITY": ("COPERNICUS/S2_CLOUD",),
    "COPERNICUS/S2": ("COPERNICUS/S2",),
    "COPERNICUS/S1_GRD": ("COPERNICUS/S1",),
    "MODIS/061/MOD13Q1": ("MODIS/",),
    "USDA/NAIP/DOQQ": ("USDA/",),
    "IDAHO_EPSCOR/GRIDMET": ("IDAHO_EPSCOR/", "UCSB", "ECMWF", "NASA", "NOAA", "OREGONSTATE"),
    "USGS/NLCD_RELEASES/2016_REL": ("USGS/NLCD", "ESA", "GOOGLE/DYNAMICWORLD", "JRC"),
}
IMAGES = {
    "USGS/SRTMGL1_003": ("USGS/", "NASA", "MERIT", "JAXA", "NOAA", "WWF"),
    "CGIAR/SRTM90_V4": ("CGIAR",),
    "USGS/NLCD_RELEASES/2016_REL/2011": ("USGS/NLCD", "ESA", "JRC", "COPERNICUS/Landcover"),
}
TABLES = {
    "TIGER/2018/Counties": ("TIGER/2018/Counties", "TIGER/2016/Counties", "USGS/WBD"),
    "TIGER/2018/States": ("TIGER/",),
    "WRI/GPPD/power_plants": ("WRI/GPPD",),
    "NOAA/NHC/HURDAT2/atlantic": ("NOAA/",),
    "USDOS/LSIB_SIMPLE/2017": ("USDOS", "FAO", "WM"),
}
KINDS: dict[str, tuple[dict[str, tuple[str, ...]], str]] = {
    "Image.load": (IMAGES, "USGS/SRTMGL1_003"),
    "ImageCollection.load": (COLLECTIONS, "COPERNICUS/S2"),
    "Collection.loadTable": (TABLES, "TIGER/2018/States"),
}
LANDSAT_SCENE = "LANDSAT/LC08/C02/T1_TOA/LC08_020039_20150804"


def loads(expression: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Function and asset of every load in a graph."""
    values = expression.get("values", {})
    stack: list[Any] = list(values.values())
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack += node
        elif isinstance(node, dict):
            call = node.get("functionInvocationValue")
            if isinstance(call, dict) and call.get("functionName") in KINDS:
                for key in ("id", "tableId"):
                    argument = call.get("arguments", {}).get(key, {})
                    asset = argument.get("constantValue") or values.get(
                        argument.get("valueReference"), {}
                    ).get("constantValue")
                    if isinstance(asset, str):
                        yield call["functionName"], asset
            stack += node.values()


def stand_in(function: str, asset: str) -> str:
    """The sample asset for one of the scripts'."""
    if function == "Image.load" and asset.startswith("LANDSAT/"):
        return LANDSAT_SCENE
    table, otherwise = KINDS[function]
    for target, prefixes in table.items():
        if asset.startswith(prefixes):
            return target
    return otherwise


def main() -> None:
    """Prints the aliases."""
    path = sys.argv[1]
    found: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as lines:
        for line in lines:
            for function, asset in loads(json.loads(line).get("expression") or {}):
                found[asset][function] += 1
    json.dump(
        {a: stand_in(c.most_common(1)[0][0], a) for a, c in sorted(found.items())}, sys.stdout
    )


if __name__ == "__main__":
    main()
