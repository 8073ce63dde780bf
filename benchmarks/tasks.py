"""The workloads: who takes part, how an answer is checked, what the figure to watch is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import exact
from benchmarks import workloads as w
from benchmarks.environments import OWN

Answers = Mapping[str, Any]
"""Contestant -> answer of one repetition: a number, or the path of a file."""

Check = Callable[[w.Ask, str, Answers], float | None]


@dataclass(frozen=True)
class Task:
    """A workload.

    ``peers``: module -> environment. ``measure`` tells what ``check`` returns. ``parts``: how many equal parts a timed run has
    (seconds are a part's). ``most``: repetitions at most (long ones). ``turns`` False keeps the order of contestants.
    """

    title: str
    peers: Mapping[str, str]
    check: Check
    measure: str
    parts: int = 1
    most: int | None = None
    turns: bool = True
    scenes: bool = False


def _differing(found: Any, expected: Any) -> float:
    """Share of pixels that are more than one grey level off in any band."""
    apart = np.abs(np.asarray(found, "int64") - np.asarray(expected, "int64"))
    return float((apart.max(axis=-3) > 1).mean())


def _composite(ask: w.Ask, name: str, answers: Answers) -> float | None:
    if answers[name] is None:
        return None
    cloud = ask.task == "w1_cloud"
    return _differing(np.load(answers[name]), exact.composite(ask.archive, ask.k, ask.n, cloud))


def _tile(ask: w.Ask, name: str, answers: Answers) -> float:
    zoom = w.ZOOMS[ask.task.split("_")[1]]
    expected = exact.tile(ask.archive, ask.k, zoom, *w.tile(ask.archive, ask.k, zoom))
    return _differing(np.load(answers[name]), expected)


def _tiles(ask: w.Ask, name: str, answers: Answers) -> float:
    zoom = w.ZOOMS[ask.task.split("_")[1]]
    wanted = w.tiles(ask.archive, ask.k, zoom)
    expected = [exact.tile(ask.archive, k, zoom, x, y) for k, x, y in wanted]
    return _differing(np.load(answers[name]), np.stack(expected))


def _mean(ask: w.Ask, name: str, answers: Answers) -> float:
    reference = answers.get("exactextract", next(iter(answers.values())))
    return abs(answers[name] / reference - 1)


def _whole(ask: w.Ask, name: str, answers: Answers) -> float | None:
    import rasterio
    from rasterio.windows import Window

    if answers[name] is None:
        return None
    shares = []
    with rasterio.open(answers[name]) as source:
        for top, expected in exact.whole(ask.archive, ask.n).items():
            rows = source.read(window=Window(0, top, source.width, expected.shape[1]))
            shares.append(float((rows != expected).any(axis=0).mean()))
    return float(np.mean(shares))


def _focal(ask: w.Ask, name: str, answers: Answers) -> float | None:
    from scipy import ndimage

    reference = next((path for other, path in answers.items() if other.startswith("SciPy")), None)
    if reference is None:
        return None
    shape = ask.task.rsplit("_", 1)[1]
    _, valid = w.focal_input(ask.archive, ask.k)
    inside = ndimage.binary_erosion(valid, w.footprint(shape), border_value=0)
    apart = np.abs(np.load(answers[name]).astype("float64") - np.load(reference))
    return float(apart[inside].max(initial=0))


def _expression(ask: w.Ask, name: str, answers: Answers) -> float:
    other = int("other" in name)
    values = np.load(ask.folder / f"expected-{other}.npy")
    expected = np.clip((values + 1) / 2, 0, 1) * 255
    return _differing(np.load(answers[name])[:1], expected[None])


def _picture(ask: w.Ask, name: str, answers: Answers) -> float | None:
    if answers[name] is None:
        return None
    zoom = w.ZOOMS["native"]
    expected = exact.tile(ask.archive, ask.k, zoom, *w.tile(ask.archive, ask.k, zoom))
    return _differing(np.load(answers[name]), expected)


def _forest(ask: w.Ask, name: str, answers: Answers) -> float:
    expected = np.load(answers["scikit-learn"])
    return float((np.load(answers[name]) != expected).mean())


def _areas(ask: w.Ask, name: str, answers: Answers) -> float:
    """Share of polygons without one of the same area among the peer's."""
    expected, found = np.load(answers["rasterio + Shapely"]), np.load(answers[name])
    if expected.shape != found.shape:
        return 1.0
    return float((np.abs(found - expected) > 1e-6 * expected).mean())


def _surface(ask: w.Ask, name: str, answers: Answers) -> float:
    expected = np.load(answers["scikit-image"])
    return float(np.abs(np.load(answers[name]) - expected).max() / expected.max())


EXACT = "pixels unlike the exact transform"
W1 = {
    "odc": "peers",
    "stackstac": "stackstac",
    "rasterio_numpy": "peers",
    "ecumene": OWN,
    "floor": OWN,
}
W2 = {"titiler": "peers", "rasterio_numpy": "peers", "ecumene_tiles": OWN}
LOAD = {"titiler": "peers", "ecumene_tiles": OWN}
W6 = {"sklearn_forest": OWN, "ecumene_forest": OWN}
W7 = {"rasterio_polygons": OWN, "ecumene_shapes": OWN}
W8 = {"skimage_surfaces": OWN, "ecumene_shapes": OWN}
W5 = {"scipy_ndimage": "peers", "ecumene_focal": OWN}

TASKS: dict[str, Task] = {
    "w1_cloud": Task("W1, median of {n} scenes, clouds masked by class: 640 x 640, 3 bands, PNG", W1, _composite, EXACT, scenes=True),
    "w1_plain": Task("W1, median of {n} scenes, only no data masked: 640 x 640, 3 bands, PNG", W1, _composite, EXACT, scenes=True),
    "w2_native": Task("W2, tile of one scene at zoom 14 (full resolution), PNG, one request at a time", W2, _tile, EXACT),
    "w2_overview": Task("W2, tile of one scene at zoom 11 (overview 4), PNG, one request at a time", W2, _tile, EXACT),
    "w2_native_load": Task("W2, 60 tiles at zoom 14, 8 in flight: seconds a tile", LOAD, _tiles, EXACT, parts=w.LOAD),
    "w3": Task("W3, mean of an index in a polygon of 1.5 million pixels", {"coverage": "peers", "rasterio_numpy": "peers", "ecumene_region": OWN}, _mean, "relative difference to exactextract"),
    "w4": Task("W4, whole composite of {n} scenes, 3 bands, to GeoTIFF", {"odc": "peers", "rasterio_numpy": "peers", "ecumene": OWN, "floor": OWN}, _whole, "pixels unlike numpy's", most=2, scenes=True),
    "w5_mean_circle": Task("W5, focal mean, circle of radius 5, 2048 x 2048 with mask", W5, _focal, "greatest difference to SciPy where no neighbour is masked"),
    "w5_mean_square": Task("W5, focal mean, square of radius 5, 2048 x 2048 with mask", W5, _focal, "greatest difference to SciPy where no neighbour is masked"),
    "w5_median_circle": Task("W5, focal median, circle of radius 5, 2048 x 2048 with mask", W5, _focal, "greatest difference to SciPy where no neighbour is masked", most=3),
    "w5_median_square": Task("W5, focal median, square of radius 5, 2048 x 2048 with mask", W5, _focal, "greatest difference to SciPy where no neighbour is masked", most=3),
    "w6": Task("W6, random forest of 100 trees on 10 bands, 4096 x 4096", W6, _forest, "pixels unlike scikit-learn's", most=2),
    "w7": Task("W7, polygons of segments of equal value, 4096 x 4096, 9 classes", W7, _areas, "polygons unlike rasterio's", most=3),
    "w8_cost": Task("W8, least costs from a pixel, 2048 x 2048", W8, _surface, "greatest difference to scikit-image, relative", most=3),
    "w8_fill": Task("W8, filled pits, 2048 x 2048", W8, _surface, "greatest difference to scikit-image, relative", most=3),
    "fresh": Task("First tile of a new expression of 12 operations, blocks decoded", {"ecumene_expressions": OWN}, _expression, "pixels unlike numpy's in 64 bits", turns=False),
    "overhead": Task("Warm tile at zoom 14: the request, and its parts in process", {"ecumene_overhead": OWN}, _picture, EXACT),
}  # fmt: skip


def folder_of(root: Path, task: str) -> Path:
    """Where the answers of a workload are kept while it runs."""
    place = root / "answers" / task
    place.mkdir(parents=True, exist_ok=True)
    return place
