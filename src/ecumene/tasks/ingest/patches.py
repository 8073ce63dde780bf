"""Images in TFRecord files: patches that models predicted, put where the mixer of their export says they lie."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

from ecumene.core import crs as crs_
from ecumene.core.errors import EcumeneError, LimitExceeded, RequestError
from ecumene.tasks.ingest import examples

MOST_PIXELS = 4 * 10**9
RECORDS = (".tfrecord", ".tfrecord.gz")


def is_records(uri: str) -> bool:
    """Whether a source is a TFRecord file, by its name."""
    return uri.lower().endswith(RECORDS)


@dataclass(frozen=True, slots=True)
class Mixer:
    """Where patches lie: by rows from the upper left, ``across`` in each."""

    crs: str
    transform: tuple[float, ...]
    width: int
    height: int
    across: int
    total: int

    @property
    def size(self) -> tuple[int, int]:
        """Of the image in pixels."""
        return self.across * self.width, -(-self.total // self.across) * self.height


def mixer(path: Path, name: str) -> Mixer:
    """What a mixer file says; RequestError if it is none, LimitExceeded if its image would be too large."""
    try:
        about = json.loads(path.read_text())
        place = about["projection"]
        width, height = (int(n) for n in about["patchDimensions"])
        across, total = int(about["patchesPerRow"]), int(about["totalPatches"])
        transform = tuple(float(v) for v in place["affine"]["doubleMatrix"])
        crs = crs_.parse(str(place["crs"])).to_wkt()
    except (OSError, ValueError, KeyError, TypeError, OverflowError, EcumeneError):
        raise RequestError(f"'{name}' is no mixer file of a TFRecord export.") from None
    usable = len(transform) == 6 and all(map(math.isfinite, transform))
    if min(width, height, across, total) < 1 or not usable:
        raise RequestError(f"'{name}' is no mixer file of a TFRecord export.")
    found = Mixer(crs, transform, width, height, across, total)
    if math.prod(found.size) > MOST_PIXELS:
        raise LimitExceeded(f"'{name}' describes more than {MOST_PIXELS} pixels.")
    return found


def put_together(records: Sequence[tuple[Path, str]], place: Mixer, target: Path) -> None:
    """Writes the patches of files, in order, as a GeoTIFF: a 32-bit float band for each feature, by name.

    RequestError where a file is damaged, features differ between patches or their number is not the mixer's.
    """
    patches = _patches(records)
    names, first = _features(next(patches, {}), place, records[0][1])
    width, height = place.size
    part = target.with_name(f".{target.name}.part")
    count = 1
    with rasterio.open(
        part, "w", driver="GTiff", width=width, height=height, count=len(names), dtype="float32", crs=place.crs,
        transform=Affine(*place.transform), compress="deflate", tiled=True, bigtiff="IF_SAFER", sparse_ok=True,
    ) as out:  # fmt: skip
        out.descriptions = tuple(names)
        out.write(first, window=_window(place, 0))
        for count, row in enumerate(patches, start=2):
            if count > place.total:
                break
            found, values = _features(row, place, f"patch {count}")
            if found != names:
                raise RequestError(
                    f"Patch {count} has the features {found}, the first one {names}."
                )
            out.write(values, window=_window(place, count - 1))
    if count != place.total:
        raise RequestError(f"The files do not hold the {place.total} patches of the mixer.")
    part.replace(target)


def _patches(records: Sequence[tuple[Path, str]]) -> Iterator[dict[str, Any]]:
    for path, name in records:
        yield from examples.rows(path, name)


def _features(row: dict[str, Any], place: Mixer, name: str) -> tuple[list[str], Any]:
    """Names in order, and ``(features, height, width)``."""
    if not row:
        raise RequestError(f"'{name}' holds no patches.")
    size = place.width * place.height
    planes = []
    for feature in sorted(row):
        values = np.ravel(row[feature])
        if len(values) != size or values.dtype.kind not in "fiu":
            raise RequestError(
                f"Feature '{feature}' does not have the {place.width}×{place.height} numbers of a patch."
            )
        planes.append(np.asarray(values, "float32").reshape(place.height, place.width))
    return sorted(row), np.stack(planes)


def _window(place: Mixer, number: int) -> Window:
    row, col = divmod(number, place.across)
    return Window(col * place.width, row * place.height, place.width, place.height)
