"""``python -m benchmarks.whole [--root DIR] [--cache MB]``: a composite of 40 whole scenes through small memory.

40 scenes of 4096 x 4096, three bands, clouds masked, median, fetched in windows of 1024 rows through
``image:computePixels`` as 16-bit values. Prints the time, the peak memory of the server's process, and
how many pixels of sampled windows differ from numpy's median of the same files (which must be none).
The archive is made the first time (4 GB, some minutes).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

SIZE, ROWS = 4096, 1024
os.environ["BENCH_SIZE"] = str(SIZE)

from benchmarks import archive, peer_ecumene  # noqa: E402 - the size is read at import
from benchmarks import workloads as w  # noqa: E402


def window(row: int) -> np.ndarray:
    """``(rows, SIZE)`` of the composite as a structured array."""
    import ee

    scenes = ee.ImageCollection("BENCH/S2").map(peer_ecumene._clear)
    body = {
        "expression": ee.serializer.encode(scenes.median().unmask(0).toUint16()),
        "fileFormat": "NPY",
        "bandIds": list(w.RGB),
        "grid": {
            "dimensions": {"width": SIZE, "height": ROWS},
            "affineTransform": {
                "scaleX": 10, "shearX": 0, "translateX": w.WEST,
                "shearY": 0, "scaleY": -10, "translateY": w.NORTH - 10 * row,
            },
            "crsCode": f"EPSG:{w.CRS}",
        },
    }  # fmt: skip
    running = peer_ecumene._Running
    assert running.web is not None
    answer = running.web.post(
        f"{running.base}/v1/projects/ecumene-bench/image:computePixels", data=json.dumps(body)
    )
    assert answer.status_code == 200, answer.text
    return np.load(io.BytesIO(answer.content))


def expected(items: list[dict[str, Any]], row: int, band: str) -> np.ndarray:
    """Sixty-four rows by numpy."""
    import rasterio
    from rasterio.windows import Window

    stack = []
    for item in items:
        with rasterio.open(item["assets"][band]["href"]) as source:
            values = source.read(1, window=Window(0, row, SIZE, 64)).astype("float32")
        with rasterio.open(item["assets"]["SCL"]["href"]) as source:
            classes = source.read(1, window=Window(0, row // 2, SIZE // 2, 32))
        classes = classes.repeat(2, axis=0).repeat(2, axis=1)
        values[np.isin(classes, w.CLOUDY) | (values == 0)] = np.nan
        stack.append(values)
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.nanmedian(np.stack(stack), axis=0)).astype("uint16")


def main() -> None:
    """Runs it and prints what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=Path("build/bench-whole"))
    parser.add_argument("--cache", type=int, default=256, help="MB of the server's block cache")
    options = parser.parse_args()
    os.environ["ECUMENE_CACHE_MB"] = str(options.cache)
    folder = archive.ensure(options.root / "archive").resolve()
    peer_ecumene.prepare(folder)
    try:
        items = w.items(folder, archive.DATES)
        before = peer_ecumene.peak_mb()
        start = time.perf_counter()
        differing = 0
        for row in range(0, SIZE, ROWS):
            found = window(row)
            print(f"rows {row} to {row + ROWS}: {time.perf_counter() - start:.1f} s", flush=True)
            for name in w.RGB[:1]:
                differing += int((found[name][:64] != expected(items, row, name)).sum())
        print(f"{differing} pixels differ from numpy in the sampled windows")
        print(
            f"peak memory of the server: {peer_ecumene.peak_mb():.0f} MB ({before:.0f} MB idle, "
            f"{options.cache} MB of them the cache of blocks)"
        )
    finally:
        peer_ecumene.close()


if __name__ == "__main__":
    main()
