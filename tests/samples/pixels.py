"""Pixels of the files themselves, and of images through the client, on the grid of a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio


@dataclass(frozen=True)
class Files:
    """The items of a collection in order of time, and what their files hold."""

    folder: Path

    @property
    def items(self) -> list[dict[str, Any]]:
        """As STAC says, by ``system:time_start``."""
        found = [json.loads(path.read_text()) for path in sorted(self.folder.glob("items/*.json"))]
        return sorted(found, key=lambda item: item["properties"]["datetime"] or "")

    def band(self, item: dict[str, Any], asset: str, number: int = 1) -> np.ndarray:
        """One band of an item, NaN where it is not valid."""
        with rasterio.open(self.folder / "items" / item["assets"][asset]["href"]) as source:
            return source.read(number, masked=True).astype("float64").filled(np.nan)

    def stack(self, asset: str, number: int = 1) -> np.ndarray:
        """A band of all items ``(dates, h, w)``."""
        return np.stack([self.band(item, asset, number) for item in self.items])

    def grid(self, asset: str) -> dict[str, Any]:
        """The pixel grid of the first item's file, as ``computePixels`` wants it."""
        return self.grid_of(self.items[0], asset)

    def grid_of(self, item: dict[str, Any], asset: str) -> dict[str, Any]:
        """The pixel grid of an item's file."""
        with rasterio.open(self.folder / "items" / item["assets"][asset]["href"]) as source:
            a, b, c, d, e, f = tuple(source.transform)[:6]
            code = source.crs.to_epsg()
            wkt = {"crsCode": f"EPSG:{code}"} if code else {"crsWkt": source.crs.to_wkt()}
            return {
                "dimensions": {"width": source.width, "height": source.height},
                "affineTransform": {"scaleX": a, "shearX": b, "translateX": c, "shearY": d, "scaleY": e, "translateY": f},
                **wkt,
            }  # fmt: skip


def fetched(
    ee: Any, image: Any, grid: dict[str, Any], hidden: float = -9999.0
) -> dict[str, np.ndarray]:
    """Every band of an image on a grid as doubles, NaN where it is masked."""
    found = ee.data.computePixels(
        {
            "expression": image.double().unmask(hidden, False),
            "fileFormat": "NUMPY_NDARRAY",
            "grid": grid,
        }
    )
    bands = {name: found[name].astype("float64") for name in found.dtype.names}
    return {name: np.where(values == hidden, np.nan, values) for name, values in bands.items()}
