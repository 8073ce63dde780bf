"""What a plan would do, against what it does."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from ecumene.core.context import Context
from ecumene.core.limits import OPEN
from ecumene.core.pixel_type import PixelType
from ecumene.core.profile import Profile
from ecumene.core.projection import Grid, Window
from ecumene.core.raster import MaskRule
from ecumene.plan import reads
from ecumene.plan.executor import Executor
from ecumene.plan.explain import explain
from ecumene.plan.nodes import Constant, Elementwise, Reproject, Resample, Source
from tests.plan.archive import BLOCK, GRID, SIDE, STEP, clear, composite, scene, store
from tests.plan.leaves import FLOAT
from tests.plan.test_estimate import focal, reducer

COARSE = Grid(GRID.crs, (20.0, 0.0, 500_000.0, 0.0, -20.0, 5_000_000.0))
DEGREES = Grid("EPSG:4326", (1e-4, 0.0, 15.0, 0.0, -1e-4, 45.153))
WHOLE = Window(0, 0, SIDE, SIDE)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained")
    return folder, [scene(folder, number, shift=640.0 * (number % 3)) for number in range(6)]


@pytest.fixture
def engine(archive):
    made = Executor(store(archive[0]), threads=2)
    yield made
    made.close()


def run(engine, nodes, grid, window):
    """Blocks, and bytes decoded and read, of a real run."""
    profile = Profile("id", "me")
    context = Context(pixels=engine, profile=profile)
    blocks = profile.around(lambda: list(engine.blocks(nodes, grid, window, context)))()
    decoded = sum(entry.decoded for entry in profile.finished)
    return len(blocks), decoded, sum(entry.read for entry in profile.finished)


MEAN = {
    "one-scene": lambda s: s[0].values,
    "masked": lambda s: clear(s[1])[0],
    "composite": lambda s: composite(s, reducer("median")),
    "kernel": lambda s: focal(s[0].values, 9),
    "twice": lambda s: Elementwise("add", (s[0].values, focal(s[0].values, 9)), (), FLOAT),
    "pinned": lambda s: Reproject(s[0].values, COARSE, s[0].values.type),
}


@pytest.mark.parametrize("name", MEAN)
@pytest.mark.parametrize(
    ("grid", "window"),
    [
        pytest.param(GRID, WHOLE, id="all"),
        pytest.param(GRID, Window(0, 0, 20, 20), id="corner"),
        pytest.param(GRID, Window(BLOCK - 2, BLOCK - 2, 4, 4), id="four-blocks"),
        pytest.param(COARSE, Window(0, 0, SIDE // 2, SIDE // 2), id="overview"),
        pytest.param(GRID, Window(-900, -900, 200, 200), id="nowhere"),
    ],
)
def test_it_reads_what_it_says(archive, engine, name, grid, window):
    node = MEAN[name](archive[1])
    told = explain(engine, [node], grid, window, Context(pixels=engine))
    assert engine.store.stats.misses == 0, "nothing is decoded to tell"
    blocks, decoded, stored = run(engine, [node], grid, window)
    reading = told["reading"]
    assert reading["bytesStoredKnown"]
    assert (told["blocks"]["count"], reading["bytesDecoded"], reading["bytesStored"]) == (
        blocks, decoded, stored,
    )  # fmt: skip
    assert reading["blocks"] == engine.store.stats.misses
    again = explain(engine, [node], grid, window, Context(pixels=engine))["reading"]
    assert again["cachedBlocks"] == again["blocks"] == reading["blocks"]
    assert again["bytesToDecode"] == 0
    assert again["headersOpened"] == 0


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
def test_other_projections_are_an_upper_bound(archive, engine, method):
    first = archive[1][0].values
    node = replace(first, method=method)
    window = Window(10, 20, 60, 50)
    told = explain(engine, [node], DEGREES, window, Context(pixels=engine))["reading"]
    _, decoded, _ = run(engine, [node], DEGREES, window)
    assert 0 < decoded <= told["bytesDecoded"] <= 2 * decoded


def test_masks_of_the_file_are_read_too(archive, engine):
    first, other = archive[1][0], archive[1][0].classes.band
    band = replace(first.values.band, masks=(MaskRule(other.path, 1, (3.0,)),))
    told = explain(
        engine, [Source(band, "nearest", band.type)], GRID, WHOLE, Context(pixels=engine)
    )
    assert [(row["role"], row["file"], row["blocks"]) for row in told["sources"]] == [
        ("pixels", "v0.tif", 4), ("mask", "c0.tif", 4),
    ]  # fmt: skip


def test_levels_and_scales(archive, engine):
    told = explain(
        engine, [archive[1][0].values], COARSE, Window(0, 0, 64, 64), Context(pixels=engine)
    )
    (row,) = told["sources"]
    assert (row["level"], row["levels"], row["type"], row["bands"]) == (1, 2, "uint16", [1])
    assert row["scale"] == pytest.approx(2 * STEP)
    assert row["bytesDecoded"] == 64 * 64 * 2


def test_scenes_beside_the_request_are_skipped_and_stay_closed(archive, engine):
    """Scenes 2 and 5 begin 1280 metres, a whole scene, further east."""
    node = composite(archive[1], reducer("mean"))
    told = explain(engine, [node], GRID, Window(0, 0, 60, 60), Context(pixels=engine))
    assert told["skipped"] == {
        "count": 4, "assets": ["A/B/1", "A/B/2", "A/B/4", "A/B/5"], "read": 2,
    }  # fmt: skip
    for number in (1, 2, 4, 5):
        assert engine.store.known(archive[1][number].values.band.path) is None
    assert {row["asset"] for row in told["sources"]} == {"A/B/0", "A/B/3"}


def test_few_headers_are_opened(archive, engine, monkeypatch):
    monkeypatch.setattr(reads, "MOST_HEADERS", 3)
    node = composite(archive[1], reducer("mean"))
    told = explain(engine, [node], COARSE, Window(0, 0, 128, 64), Context(pixels=engine))
    assert told["reading"]["headersOpened"] == 3
    assert told["reading"]["estimatedFiles"] == 9
    assert not told["reading"]["bytesStoredKnown"]
    assert [row["estimated"] for row in told["sources"]] == [False] * 3 + [True] * 9
    guessed = told["sources"][3]
    assert (guessed["level"], guessed["bytesDecoded"]) == (
        1,
        64 * 64 * (2 if guessed["file"][0] == "v" else 1),
    )


def test_nodes_are_told_with_their_makers(archive, engine):
    node = focal(archive[1][0].values, 9)
    origins = {node.digest: "Algorithm Image.reduceNeighborhood"}
    told = explain(engine, [node], GRID, WHOLE, Context(pixels=engine), origins)["plan"]
    source, top = told["nodes"]
    assert told["roots"] == [1]
    assert (top["kind"], top["inputs"], top["halo"], top["algorithm"]) == (
        "Neighborhood", [0], [4, 4, 4, 4], "Algorithm Image.reduceNeighborhood",
    )  # fmt: skip
    assert source["details"] == {
        "asset": "A/B/0", "file": "v0.tif", "band": 1, "method": "nearest",
    }  # fmt: skip
    assert (source["uses"], source["type"]) == (1, archive[1][0].values.type.text())


def test_nodes_on_other_grids_say_so(archive, engine):
    node = Resample(archive[1][0].values, "bilinear", COARSE, FLOAT)
    told = explain(engine, [node], GRID, WHOLE, Context(pixels=engine))["plan"]["nodes"]
    assert told[0]["grids"] == [{"crs": COARSE.crs, "scale": COARSE.nominal_scale}]
    assert "grids" not in told[1]


def test_what_limits_would_refuse_is_told_not_raised(archive, engine):
    node = composite(archive[1], reducer("median"))
    context = Context(replace(OPEN, memory_bytes=1000), pixels=engine)
    told = explain(engine, [node], GRID, WHOLE, context)
    assert told["refused"].startswith("User memory limit exceeded.")
    assert told["memory"]["bytes"] > told["memory"]["limit"] == 1000
    context = Context(replace(OPEN, pixel_operations=10.0), pixels=engine)
    assert "timed out" in explain(engine, [node], GRID, WHOLE, context)["refused"]
    assert "refused" not in explain(engine, [node], GRID, WHOLE, Context(pixels=engine))


def test_nothing_of_the_operators_disk_is_told(archive, engine):
    node = composite(archive[1], reducer("median"))
    text = json.dumps(explain(engine, [node], GRID, WHOLE, Context(pixels=engine)))
    assert str(archive[0]) not in text
    assert str(Path(archive[1][0].values.band.path).parent) not in text


@pytest.mark.parametrize("value", [math.nan, math.inf, 1, 2.5])
def test_every_plan_is_json(engine, value):
    node = Constant(value, PixelType("double"))
    json.dumps(explain(engine, [node], GRID, WHOLE, Context()), allow_nan=False)
    assert explain(Executor(None, 1), [node], GRID, WHOLE, Context())["reading"]["blocks"] == 0
